import GatewayTesting
import Testing

/// Clients that each keep a connection and make calls of all kinds on it, one after the other.
struct MixedLoad: Sendable {
    private enum Kind: CaseIterable, Sendable {
        case small
        case upload
        case large
        /// Nobody is known by its credential, so that memory does not answer it.
        case unknown
        /// Its session is dead: it is refreshed, and the call made again.
        case dead
        /// Leaves in the middle of its answer.
        case leavingReader
        /// Leaves in the middle of its upload.
        case leavingUpload
        /// Is not forwarded.
        case control
    }

    private let world: World
    private let clientCount: Int
    private let roundCount: Int

    init(of world: World, clients: Int, rounds: Int) {
        self.world = world
        self.clientCount = clients
        self.roundCount = rounds
    }

    /// Makes all calls, each of which is answered right; no two runs in one world may have the same number.
    func run(_ number: Int = 0) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<clientCount {
                group.addTask { try await run((number * clientCount + client) * roundCount, startingWith: client) }
            }
            try await group.waitForAll()
        }
    }

    private func run(_ firstNumber: Int, startingWith kind: Int) async throws {
        let connection = try await world.connect()
        for round in 0..<roundCount {
            // Each begins with another kind, so that all kinds are there at any time.
            for step in Kind.allCases.indices {
                let kind = Kind.allCases[(kind + step) % Kind.allCases.count]
                try await call(kind, firstNumber + round, on: connection)
            }
        }
        await connection.close()
    }

    private func call(_ kind: Kind, _ number: Int, on connection: RawConnection) async throws {
        switch kind {
        case .small:
            let target = PlayedSalesforce.Call.echo.target(number)
            try await connection.send(world.request("GET", target))
            #expect(try await connection.readResponse().text == target)
        case .upload:
            try await upload(to: PlayedSalesforce.Call.upload.target(number), on: connection)
        case .large:
            try await connection.send(world.request("GET", PlayedSalesforce.Call.large.target(number)))
            #expect(isSame(try await connection.readResponse().body, PlayedSalesforce.large))
        case .unknown:
            try await connection.send(world.bare("GET", PlayedSalesforce.Call.echo.target(number), [cookie(number)]))
            #expect(try await connection.readResponse().status == 401)
        case .dead:
            try await upload(to: PlayedSalesforce.Call.dead.target(number), on: connection)
        case .leavingReader:
            let leaving = try await world.connect()
            try await leaving.send(world.request("GET", PlayedSalesforce.Call.large.target(number)))
            _ = try await leaving.read(count: 1_000)
            await leave(leaving, number)
        case .leavingUpload:
            let leaving = try await world.connect()
            let head = uploadHead(to: PlayedSalesforce.Call.upload.target(number))
            try await leaving.send(Array(head.utf8) + PlayedSalesforce.upload.prefix(100_000))
            await leave(leaving, number)
        case .control:
            try await connection.send(world.bare("GET", "/page"))
            #expect(try await connection.readResponse().status == 418)
        }
    }

    private func upload(to target: String, on connection: RawConnection) async throws {
        try await connection.send(Array(uploadHead(to: target).utf8) + PlayedSalesforce.upload)
        #expect(
            try await connection.readResponse().text == PlayedSalesforce.answer(toUpload: PlayedSalesforce.upload.count)
        )
    }

    private func uploadHead(to target: String) -> String {
        world.request("POST", target, ["Content-Length: \(PlayedSalesforce.upload.count)"])
    }

    private func leave(_ connection: RawConnection, _ number: Int) async {
        if number.isMultiple(of: 2) { await connection.reset() } else { await connection.close() }
    }

    /// A well-formed session cookie that nobody was given.
    private func cookie(_ number: Int) -> String {
        let digits = String(number)
        let (name, value) = (world.cookie.prefix { $0 != "=" }, world.cookie.drop { $0 != "=" }.dropFirst())
        return "Cookie: \(name)=\(digits)" + value.dropFirst(digits.count)
    }
}
