import Foundation
import GatewayTesting
import SalesforceSimulator
import Testing

/// How much there is to bear: a little in each test run, and much with `FORMATION_SOAK=1`, as `make soak` has it.
struct LedgerPlan: Sendable {
    /// Whether this is the soak, which also says what it measured.
    var isSoak: Bool
    /// How many people each of the two orgs has.
    var peopleOfOrg: Int
    var callsUnderWay: Int
    /// How long Salesforce takes to answer a call, and then a refresh.
    var answerTime: Duration
    var refreshTime: Duration
    /// How often all access tokens expire.
    var expiryInterval: Duration
    var expiries: Int
    /// Tenants whose refreshes hang, and for how long at least.
    var hangingTenants: Int
    var hangTime: Duration
    /// How often a process is killed, and how many are.
    var killInterval: Duration
    var kills: Int

    static let current = ProcessInfo.processInfo.environment["FORMATION_SOAK"] == "1" ? soak : short

    private static let short = LedgerPlan(
        isSoak: false, peopleOfOrg: 5, callsUnderWay: 60, answerTime: .milliseconds(100),
        refreshTime: .milliseconds(50), expiryInterval: .seconds(2), expiries: 5, hangingTenants: 50, hangTime: .zero,
        killInterval: .zero, kills: 0)

    private static let soak = LedgerPlan(
        isSoak: true, peopleOfOrg: 20, callsUnderWay: 1_000, answerTime: .milliseconds(500),
        refreshTime: .milliseconds(200), expiryInterval: .seconds(2), expiries: 60, hangingTenants: 50,
        hangTime: .seconds(15), killInterval: .seconds(5), kills: 24)
}

/// Two gateway processes, a Salesforce that rotates refresh tokens, and people of all its orgs who have signed in.
struct LedgerStage: Sendable {
    let world: World
    let fleet: Fleet
    let rows: GrantRows
    /// The first of each org, then the second, and so on.
    let people: [Person]

    var simulator: SalesforceSimulator { world.simulator }

    /// - Parameter peopleOfOrg: in each of the demo's orgs, at least the two that it has.
    static func run(
        _ plan: LedgerPlan, peopleOfOrg: Int, furtherTenants: Int = 0, _ body: (LedgerStage) async throws -> Void
    ) async throws {
        OpenFiles.raiseLimit()
        // All calls of a load may be of one tenant.
        let environment = ["TENANT_CONCURRENCY": "5000", "LOG_LEVEL": "info"]
        func configure(_ configuration: inout SimulatorConfiguration) {
            configuration.tokenProcessingTime = plan.refreshTime
            for number in 0..<furtherTenants { configuration.orgs.append(.further(number)) }
            for index in configuration.orgs.indices { configuration.orgs[index].bearLoad() }
            for index in 0..<2 { configuration.orgs[index].grow(to: peopleOfOrg) }
        }
        try await World.run(gateways: 2, servesHere: false, environment: environment, configure: configure) { world in
            try await Fleet.run(world) { fleet in
                try await GrantRows.with(world) { rows in
                    let people = try Self.people(world, fleet: fleet, rows: rows)
                    let stage = LedgerStage(world: world, fleet: fleet, rows: rows, people: people)
                    try await stage.signEverybodyIn()
                    try await body(stage)
                }
            }
        }
    }

    private static func people(_ world: World, fleet: Fleet, rows: GrantRows) throws -> [Person] {
        try (0..<(world.orgs.map(\.users.count).max() ?? 0)).flatMap { index in
            try world.orgs.filter { index < $0.users.count }.map { org in
                try Person(
                    org.users[index].username, of: org.name.lowercased(), in: world, fleet: fleet, rows: rows)
            }
        }
    }

    /// The first of each org alone: an org that nobody of has been there yet is entered by its admin.
    private func signEverybodyIn() async throws {
        for group in [people.prefix(world.orgs.count), people.dropFirst(world.orgs.count)] {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for person in group { tasks.addTask { _ = try await person.session() } }
                try await tasks.waitForAll()
            }
        }
    }

    // MARK: Calls

    /// So many calls under way at a time, of these people in turn, and of each by all gateways in turn.
    func load(_ callsUnderWay: Int, of people: [Person]? = nil) -> CallLoad {
        let people = people ?? self.people
        return load(
            (0..<callsUnderWay).map { CallLoad.Caller(person: people[$0 % people.count], home: $0 / people.count) })
    }

    func load(_ callers: [CallLoad.Caller]) -> CallLoad {
        CallLoad(fleet: fleet, callers: callers)
    }

    /// Everybody calls once by each gateway: what has expired is refreshed after this.
    func everybodyCalls() async throws -> CallTally {
        try await load(people.count * world.ports.count).run(times: 1)
    }

    /// From now on Salesforce takes so long for each call.
    func slowDown(to answerTime: Duration) {
        simulator.add(SimulatedFault(.delay(answerTime), pathPrefix: "/services/data/"))
    }

    // MARK: Grants

    /// Waits until a condition holds; each look takes a round trip to the database.
    func eventually(
        _ condition: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for _ in 0..<50_000 {
            if try await condition() { return }
            _ = try await people[0].row()
        }
        Issue.record("It did not happen.", sourceLocation: sourceLocation)
    }

    /// Whether everybody's present grant was refreshed so often.
    func areRefreshed(times: Int) throws -> Bool {
        try people.allSatisfy { try simulator.grants(of: $0.username).last?.refreshes == times }
    }

    /// Those whose grants somebody refreshes, or did when it ended.
    func beingRefreshed() async throws -> [String] {
        var found: [String] = []
        for person in people {
            if try await person.row().isBeingRefreshed { found.append(person.username) }
        }
        return found
    }

    /// Those whose stored tokens are not good, or not known to be; of all people where no others are named.
    func unsettled(among people: [Person]? = nil) async throws -> [String] {
        var found: [String] = []
        for person in people ?? self.people {
            let row = try await person.row()
            if !row.isSettled { found.append("\(person.username): \(row)") }
        }
        return found
    }

    /// All that anybody was asked for again.
    func askings() async -> [Person.Asking] {
        var all: [Person.Asking] = []
        for person in people { all += await person.askings }
        return all
    }
}

extension SimulatedOrg {
    /// One more org, with one person who is its admin.
    fileprivate static func further(_ number: Int) -> SimulatedOrg {
        let name = "tenant-\(number)"
        return SimulatedOrg(
            id: "00DT" + String(100 + number).suffix(2) + "000000000", name: name,
            loginHost: "\(name).my.salesforce.localhost", instanceHost: "\(name).instance.salesforce.localhost",
            users: [
                SimulatedUser(
                    username: "admin@\(name).example", password: SimulatorConfiguration.demoPassword,
                    firstName: "Admin", lastName: "Number \(number)", profile: .systemAdministrator)
            ],
            apps: [
                SimulatedApp(
                    name: "FormationIQ", clientID: "3MVG9simulated.\(name)", clientSecret: "secret-of-\(name)",
                    redirectURIs: ["http://\(name).\(World.baseDomain):*/auth/callback"])
            ])
    }

    /// Little data, and no limit on calls.
    fileprivate mutating func bearLoad() {
        (accountCount, contactCount, opportunityCount) = (12, 30, 21)
        dailyAPIRequestsMax = 1_000_000_000
    }

    fileprivate mutating func grow(to count: Int) {
        for number in users.count..<max(users.count, count) {
            users.append(
                SimulatedUser(
                    username: "person-\(number)@\(name.lowercased()).example",
                    password: SimulatorConfiguration.demoPassword, firstName: "Person", lastName: "Number \(number)",
                    profile: .standardUser))
        }
    }
}
