import Foundation
import HTTPTypes
import NIOCore

/// The simulator's own API under `/_simulator`, in JSON, for those who are not in the same process. Loopback only.
struct AdminEndpoints: Sendable {
    let core: SimulatorCore
    let request: SimulatedRequest

    private var simulator: SalesforceSimulator { SalesforceSimulator(core: core) }

    func answer() async -> SimulatedAnswer {
        guard isTrusted else {
            return RESTError(403, "FORBIDDEN", "Only known hosts, and JSON only").answer
        }
        do {
            return .json(200, try route(Array(request.segments.dropFirst())))
        } catch let error as RESTError {
            return error.answer
        } catch let error as JSONParserError {
            return RESTError(error).answer
        } catch let error as SimulatorError {
            return RESTError(404, "NOT_FOUND", error.description).answer
        } catch {
            return RESTError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred").answer
        }
    }

    /// No page of a stranger may steer the simulator: neither by another name of this machine, nor by a plain form.
    private var isTrusted: Bool {
        let isKnown =
            ["localhost", "::1", core.configuration.host].contains(request.host)
            || core.configuration.furtherAddresses.contains(request.host)
            || core.withState { $0.hosts[request.host] != nil }
        let isPlain = request.method == "GET" || request.method == "HEAD" || request.method == "DELETE"
        let isJSON = request.headers[.contentType]?.lowercased().hasPrefix("application/json") ?? false
        return isKnown && (isPlain || isJSON)
    }

    private func route(_ segments: [String]) throws -> JSON {
        switch (request.method, segments.first, segments.count) {
        case ("GET", nil, 0): return state()
        case ("GET", "counters", 1): return counters()
        case ("GET", "journal", 1): return try journal()
        case ("DELETE", "journal", 1): simulator.clearJournal()
        case ("GET", "clock", 1): return clock()
        case ("POST", "clock", 1): return try moveClock()
        case ("GET", "faults", 1): return faults()
        case ("POST", "faults", 1): return try addFault()
        case ("DELETE", "faults", 1): simulator.clearFaults()
        case ("DELETE", "faults", 2):
            guard let number = Int(segments[1]) else { throw RESTError.notFound }
            simulator.clear(SimulatedFault.ID(rawValue: number))
        case ("POST", "tokens", 2) where segments[1] == "expire": try expire()
        case ("PATCH", "orgs", 2): try changeOrg(segments[1])
        case ("PATCH", "orgs", 4) where segments[2] == "apps": try changeApp(segments[3], org: segments[1])
        case ("PATCH", "users", 2): try changeUser(segments[1])
        case _: throw RESTError.notFound
        }
        return [:]
    }

    /// What ``route(_:)`` knows, for people who look around.
    private static let endpoints = [
        "GET /_simulator", "GET /_simulator/counters", "GET /_simulator/journal?since=", "DELETE /_simulator/journal",
        "GET /_simulator/clock", "POST /_simulator/clock", "GET /_simulator/faults", "POST /_simulator/faults",
        "DELETE /_simulator/faults", "DELETE /_simulator/faults/{id}", "POST /_simulator/tokens/expire",
        "PATCH /_simulator/orgs/{org}", "PATCH /_simulator/orgs/{org}/apps/{app}", "PATCH /_simulator/users/{user}",
    ]

    // MARK: Reading the request

    private func body(_ known: [String]) throws -> AdminBody {
        let bytes = request.body.readableBytesView
        return try AdminBody(bytes.isEmpty ? [:] : try JSONParser.parse(bytes), known: known)
    }

    // MARK: Showing

    private func state() -> JSON {
        let port = core.port.current ?? 0
        return core.step { state, surroundings in
            let orgs = state.orgOrder.compactMap { state.orgs[$0] }
            return [
                "now": .string(dateTimeText(surroundings.now)), "port": .int(port),
                "genericLoginHost": .string(core.configuration.genericLoginHost),
                "orgs": .array(orgs.map { Self.org($0, surroundings) }),
                "endpoints": .array(Self.endpoints.map(JSON.string)),
            ]
        }
    }

    private static func org(_ org: OrgState, _ surroundings: Surroundings) -> JSON {
        [
            "id": .string(org.longID), "name": .string(org.name), "isLocked": .bool(org.isLocked),
            "loginURL": .string(surroundings.origin(of: org.loginHost)),
            "instanceURL": .string(surroundings.origin(of: org.instanceHost)),
            "apiRequestsUsed": .int(org.apiRequestsUsed), "apiRequestsMax": .int(org.apiRequestsMax),
            "users": .array(
                org.users.map {
                    [
                        "id": .string($0.id.long), "username": .string($0.username),
                        "profile": .string($0.account.profile.rawValue), "isActive": .bool($0.isActive),
                    ]
                }),
            "apps": .array(
                org.apps.values.sorted { $0.clientID < $1.clientID }.map {
                    [
                        "name": .string($0.name), "clientID": .string($0.clientID),
                        "redirectURIs": .array($0.redirectURIs.map(JSON.string)),
                        "rotatesRefreshTokens": .bool($0.rotatesRefreshTokens), "isBlocked": .bool($0.isBlocked),
                        "isInstalled": .bool($0.isInstalled), "requiresPKCE": .bool($0.requiresPKCE),
                        "sessionTimeoutSeconds": .double($0.sessionTimeout.timeInterval),
                    ]
                }),
        ]
    }

    private func counters() -> JSON {
        let counters = simulator.counters
        return [
            "accessTokensIssued": .int(counters.accessTokensIssued),
            "refreshTokensIssued": .int(counters.refreshTokensIssued), "codeExchanges": .int(counters.codeExchanges),
            "refreshes": .int(counters.refreshes), "refreshAttempts": .int(counters.refreshAttempts),
            "refreshesRefusedAsConcurrent": .int(counters.refreshesRefusedAsConcurrent),
            "refreshTokenReuses": .int(counters.refreshTokenReuses), "revocations": .int(counters.revocations),
            "approvalsRevoked": .int(counters.approvalsRevoked), "logins": .int(counters.logins),
            "loginsRefused": .int(counters.loginsRefused),
            "anonymousExecutions": .int(counters.anonymousExecutions), "apiRequests": .int(counters.apiRequests),
        ]
    }

    /// `?since=N` leaves out the entries up to N.
    private func journal() throws -> JSON {
        let since = request.query["since"].flatMap { Int($0) } ?? 0
        return .array(
            simulator.journal.drop { $0.id <= since }.map { entry in
                [
                    "id": .int(entry.id), "receivedAt": .string(dateTimeText(entry.receivedAt)),
                    "method": .string(entry.method), "host": .string(entry.host), "target": .string(entry.target),
                    "headers": .array(entry.headers.map { ["name": .string($0.name), "value": .string($0.value)] }),
                    "bodySize": .int(entry.bodySize), "bodySHA256": .string(entry.bodySHA256),
                    "body": .string(entry.bodyText), "orgID": JSON(entry.orgID), "clientID": JSON(entry.clientID),
                    "status": entry.status.map { .int($0) } ?? .null,
                    "faults": .array(entry.faults.map(JSON.string)), "note": JSON(entry.note),
                ]
            })
    }

    // MARK: Clock

    private func clock() -> JSON {
        core.step { state, surroundings in
            ["now": .string(dateTimeText(surroundings.now)), "offsetSeconds": .double(state.clockOffset)]
        }
    }

    private func moveClock() throws -> JSON {
        let body = try body(["advanceSeconds", "offsetSeconds"])
        if let seconds = try body.number("offsetSeconds") { simulator.setClockOffset(.seconds(seconds)) }
        if let seconds = try body.number("advanceSeconds") { simulator.advance(by: .seconds(seconds)) }
        return clock()
    }

    // MARK: Faults

    private func faults() -> JSON {
        let faults = core.withState { $0.faults.faults }
        return .array(
            faults.map { id, fault in
                [
                    "id": .int(id.rawValue), "action": .string(fault.action.label),
                    "moment": .string(fault.moment.rawValue), "method": JSON(fault.method),
                    "pathPrefix": JSON(fault.pathPrefix), "org": JSON(fault.org), "app": JSON(fault.app),
                    "count": fault.count.map { .int($0) } ?? .null,
                ]
            })
    }

    private func addFault() throws -> JSON {
        let body = try body([
            "action", "seconds", "status", "contentType", "body", "error", "bytes", "url", "moment", "method",
            "pathPrefix", "org", "app", "count",
        ])
        var fault = SimulatedFault(try body.faultAction())
        if let name = try body.text("moment") {
            guard let moment = SimulatedFault.Moment(rawValue: name) else { throw AdminBody.wrong("moment") }
            fault.moment = moment
        }
        fault.method = try body.text("method")
        fault.pathPrefix = try body.text("pathPrefix")
        fault.org = try body.text("org")
        fault.app = try body.text("app")
        fault.count = try body.whole("count")
        if let count = fault.count, count < 1 { throw AdminBody.wrong("count") }
        return ["id": .int(simulator.add(fault).rawValue)]
    }

    // MARK: Switches

    private func expire() throws {
        let body = try body(["token", "org", "username", "grants"])
        if let token = try body.text("token") { return simulator.expire(accessToken: token) }
        let (org, username) = (try body.text("org"), try body.text("username"))
        if try body.flag("grants") ?? false {
            try simulator.revokeGrants(of: org, username: username)
        } else {
            try simulator.expireAccessTokens(of: org, username: username)
        }
    }

    private func changeOrg(_ name: String) throws {
        let body = try body(["isLocked", "apiRequestsUsed", "apiRequestsMax", "instanceHost", "formerInstance"])
        let current = try core.org(name)
        if let isLocked = try body.flag("isLocked") { try simulator.setLocked(isLocked, org: current.id) }
        let (used, maximum) = (try body.whole("apiRequestsUsed"), try body.whole("apiRequestsMax"))
        if used != nil || maximum != nil {
            try simulator.setAPIRequests(
                used: used ?? current.apiRequestsUsed, of: maximum ?? current.apiRequestsMax, org: current.id)
        }
        if let host = try body.text("instanceHost") {
            let former = try body.text("formerInstance").map { name in
                guard let former = FormerInstance(rawValue: name) else { throw AdminBody.wrong("formerInstance") }
                return former
            }
            try simulator.moveInstance(of: current.id, to: host, leaving: former ?? .dead)
        }
    }

    private func changeApp(_ clientID: String, org: String) throws {
        let body = try body([
            "rotatesRefreshTokens", "isBlocked", "isInstalled", "usersMayApprove", "requiresPKCE",
            "sessionTimeoutSeconds", "approvalsMax", "redirectURIs", "clientSecret", "previousClientSecret",
            "signingSecret",
        ])
        guard var app = try core.org(org).apps[clientID] else { throw SimulatorError.unknown("app", clientID) }
        app.rotatesRefreshTokens = try body.flag("rotatesRefreshTokens") ?? app.rotatesRefreshTokens
        app.isBlocked = try body.flag("isBlocked") ?? app.isBlocked
        app.isInstalled = try body.flag("isInstalled") ?? app.isInstalled
        app.usersMayApprove = try body.flag("usersMayApprove") ?? app.usersMayApprove
        app.requiresPKCE = try body.flag("requiresPKCE") ?? app.requiresPKCE
        app.approvalsMax = try body.whole("approvalsMax") ?? app.approvalsMax
        app.clientSecret = try body.text("clientSecret") ?? app.clientSecret
        app.previousClientSecret = try body.text("previousClientSecret") ?? app.previousClientSecret
        if let name = try body.text("signingSecret") {
            guard let signer = SimulatedApp.SigningSecret(rawValue: name) else {
                throw AdminBody.wrong("signingSecret")
            }
            app.signingSecret = signer
        }
        app.redirectURIs = try body.texts("redirectURIs") ?? app.redirectURIs
        if let seconds = try body.number("sessionTimeoutSeconds") { app.sessionTimeout = .seconds(seconds) }
        let changed = app
        try simulator.updateApp(clientID, org: org) { $0 = changed }
    }

    private func changeUser(_ username: String) throws {
        let body = try body(["isActive", "password", "email", "emailVerified", "profile"])
        let isActive = try body.flag("isActive")
        let emailVerified = try body.flag("emailVerified")
        let (password, email) = (try body.text("password"), try body.text("email"))
        let profile = try body.text("profile").map { name in
            guard let profile = SimulatedUser.Profile(rawValue: name) else { throw AdminBody.wrong("profile") }
            return profile
        }
        try simulator.updateUser(username) { user in
            user.isActive = isActive ?? user.isActive
            user.emailVerified = emailVerified ?? user.emailVerified
            user.password = password ?? user.password
            user.email = email ?? user.email
            user.profile = profile ?? user.profile
        }
    }
}

/// A JSON object whose keys and types are checked.
struct AdminBody: Sendable {
    private let object: JSONObject

    init(_ json: JSON, known: [String]) throws {
        guard let object = json.objectValue else { throw Self.wrong("body") }
        for field in object.fields where !known.contains(field.key) { throw Self.wrong(field.key) }
        self.object = object
    }

    static func wrong(_ name: String) -> RESTError {
        RESTError(400, "INVALID_INPUT", "\(name) is not understood", fields: [name])
    }

    private func read<Value>(_ name: String, _ convert: (JSON) -> Value?) throws -> Value? {
        guard let json = object[name], !json.isNull else { return nil }
        guard let value = convert(json) else { throw Self.wrong(name) }
        return value
    }

    func text(_ name: String) throws -> String? { try read(name, \.stringValue) }
    func flag(_ name: String) throws -> Bool? { try read(name, \.boolValue) }
    func whole(_ name: String) throws -> Int? { try read(name, \.intValue) }
    func number(_ name: String) throws -> Double? { try read(name, \.doubleValue) }

    func texts(_ name: String) throws -> [String]? {
        try read(name) { json in
            guard let values = json.arrayValue else { return nil }
            let texts = values.compactMap(\.stringValue)
            return texts.count == values.count ? texts : nil
        }
    }

    /// The action of a fault, e.g. `{"action":"tokenError","error":"expiredToken"}`.
    func faultAction() throws -> SimulatedFault.Action {
        func needed<Value>(_ name: String, _ value: Value?) throws -> Value {
            guard let value else { throw Self.wrong(name) }
            return value
        }
        switch try text("action") {
        case "delay": return .delay(.seconds(try needed("seconds", number("seconds"))))
        case "hold": return .hold
        case "drop": return .drop
        case "wrongSignature": return .wrongSignature
        case "truncate": return .truncate(bytes: max(0, try needed("bytes", whole("bytes"))))
        case "foreignInstanceURL": return .foreignInstanceURL(try needed("url", text("url")))
        case "foreignIdentity": return .foreignIdentity(try needed("url", text("url")))
        case "tokenError":
            guard let error = TokenError(rawValue: try text("error") ?? "") else { throw Self.wrong("error") }
            return .tokenError(error)
        case "answer":
            let status = try needed("status", whole("status"))
            guard (200...599).contains(status) else { throw Self.wrong("status") }
            // A body may be given as text or as JSON.
            let body = object["body"].map { $0.stringValue ?? $0.text } ?? ""
            return .answer(
                status: status, contentType: try text("contentType") ?? "application/json;charset=UTF-8", body: body)
        case _: throw Self.wrong("action")
        }
    }
}
