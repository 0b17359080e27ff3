internal import Domain
internal import Foundation
internal import Secrets

extension RepositoryConformance {
    static let sessionChecks: [Check] = [
        Check("sessions: found by the hash of its cookie, and listed newest first") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let sessions = suite.repositories.sessions
            let older = suite.fixtures.makeSession(of: admin)
            let newer = suite.fixtures.makeSession(of: admin, at: suite.now.addingTimeInterval(1))
            try await sessions.create(older)
            try await sessions.create(newer)
            try await expectEqual(sessions.session(tokenHash: older.tokenHash), older, "by hash")
            try await expectEqual(sessions.session(tokenHash: suite.fixtures.makeHash()), nil, "unknown hash")
            try await expectEqual(sessions.sessions(of: admin.id, in: customer.id), [newer, older], "listed")
        },
        Check("sessions: what the browser calls itself is kept, in any writing, or that it is not known") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let sessions = suite.repositories.sessions
            let longest = String(repeating: "Ü", count: Session.userAgentLengthMax)
            for name in [nil, "Mozilla/5.0 (X11; Linux x86_64) 'q' \"r\" \\", longest] {
                let session = suite.fixtures.makeSession(of: admin, userAgent: name)
                try await sessions.create(session)
                try await expectEqual(sessions.session(tokenHash: session.tokenHash), session, "by hash")
                try await expectEqual(sessions.session(id: session.id, in: customer.id)?.userAgent, name, "by id")
                let page = try await sessions.sessions(
                    of: nil, in: customer.id, at: suite.now, usedSince: suite.now.addingTimeInterval(-1), behind: nil,
                    limit: 9)
                try expect(page.contains(session), "listed")
            }
        },
        Check("sessions: in pages, of one user or all, without those that are over") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, stranger) = try await suite.makeTenant()
            let sessions = suite.repositories.sessions
            let other = suite.fixtures.makeUser(in: customer.id, email: "other@axonify.com")
            try await suite.repositories.users.create(other)
            var all: [Session] = []
            for second in 0..<6 {
                let session = suite.fixtures.makeSession(
                    of: second % 2 == 0 ? admin : other, at: suite.now.addingTimeInterval(Double(second)))
                try await sessions.create(session)
                all.insert(session, at: 0)
            }
            try await sessions.create(suite.fixtures.makeSession(of: stranger))
            func page(
                _ user: UserID?, usedSince: TimeInterval = -1, at time: TimeInterval = 0, behind: Session? = nil,
                limit: Int = 9
            ) async throws -> [Session] {
                try await sessions.sessions(
                    of: user, in: customer.id, at: suite.now.addingTimeInterval(time),
                    usedSince: suite.now.addingTimeInterval(usedSince),
                    behind: behind.map { TimeCursor(at: $0.createdAt, id: $0.id.rawValue) }, limit: limit)
            }
            try await expectEqual(page(nil, limit: 4), Array(all[..<4]), "page 1")
            try await expectEqual(page(nil, behind: all[3]), Array(all[4...]), "page 2")
            try await expectEqual(page(admin.id), all.filter { $0.userID == admin.id }, "one user's")
            try await expectEqual(page(nil, usedSince: 3), Array(all[..<2]), "used since")
            let first = try unwrap(all.last, "there are six")
            let over = first.expiresAt.timeIntervalSince(suite.now)
            try await expectEqual(page(nil, at: over), Array(all.dropLast()), "over")
            try await expectEqual(sessions.session(id: first.id, in: customer.id), first, "by id")
            try await expectEqual(sessions.session(id: first.id, in: neighbour.id), nil, "not the neighbour's")
        },
        Check("sessions: a session needs its user, of that customer, and a hash of its own") { suite in
            let (_, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            var stranger = suite.fixtures.makeUser(in: neighbour.id)
            stranger = User(
                id: admin.id, customerID: neighbour.id, email: stranger.email, createdAt: suite.now,
                updatedAt: suite.now)
            try await expectConflict(RepositoryError.Constraint.sessionUser) {
                try await suite.repositories.sessions.create(suite.fixtures.makeSession(of: stranger))
            }
            let session = suite.fixtures.makeSession(of: admin)
            try await suite.repositories.sessions.create(session)
            try await expectConflict(RepositoryError.Constraint.sessionTokenHash) {
                try await suite.repositories.sessions.create(
                    suite.fixtures.makeSession(of: admin, tokenHash: session.tokenHash))
            }
        },
        Check("sessions: last seen moves forward only, and leaves no change") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let sessions = suite.repositories.sessions
            let session = suite.fixtures.makeSession(of: admin)
            try await sessions.create(session)
            let before = try await suite.repositories.changes.latest()
            let later = suite.now.addingTimeInterval(90)
            let other = suite.fixtures.makeSession(of: admin)
            try await sessions.create(other)
            try await sessions.touch([
                LastUse(id: session.id, customerID: customer.id, at: later),
                LastUse(id: other.id, customerID: customer.id, at: suite.now.addingTimeInterval(30)),
            ])
            try await sessions.touch([LastUse(id: session.id, customerID: customer.id, at: suite.now)])
            try await sessions.touch([])
            try await expectEqual(
                sessions.session(tokenHash: other.tokenHash)?.lastSeenAt, suite.now.addingTimeInterval(30), "the other")
            try await expectEqual(sessions.session(tokenHash: session.tokenHash)?.lastSeenAt, later, "last seen")
            try await expectEqual(suite.changes(after: before, of: customer), [], "no change")
        },
        Check("sessions: the oldest make room") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let other = suite.fixtures.makeUser(in: customer.id)
            try await suite.repositories.users.create(other)
            let sessions = suite.repositories.sessions
            let all = (0..<5).map {
                suite.fixtures.makeSession(of: admin, at: suite.now.addingTimeInterval(Double($0)))
            }
            let others = suite.fixtures.makeSession(of: other)
            for session in all.reversed() + [others] { try await sessions.create(session) }
            try await expectEqual(sessions.endOldest(of: admin.id, in: customer.id, keeping: 5), [], "room enough")
            let ended = try await sessions.endOldest(of: admin.id, in: customer.id, keeping: 2)
            try expectEqual(Set(ended), Set(all.prefix(3).map(\.id)), "ended")
            try await expectEqual(sessions.sessions(of: admin.id, in: customer.id), [all[4], all[3]], "kept")
            try await expectEqual(sessions.sessions(of: other.id, in: customer.id), [others], "somebody else's")
        },
        Check("sessions: ended one by one or all at once, by their own customer alone") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let sessions = suite.repositories.sessions
            let all = (0..<3).map { _ in suite.fixtures.makeSession(of: admin) }
            for session in all { try await sessions.create(session) }
            try await expect(!sessions.end(all[0].id, in: neighbour.id), "not by a neighbour")
            try await expect(sessions.end(all[0].id, in: customer.id), "ended")
            try await expect(!sessions.end(all[0].id, in: customer.id), "only once")
            try await expectEqual(sessions.session(tokenHash: all[0].tokenHash), nil, "not known any more")
            try await expectEqual(sessions.endAll(of: admin.id, in: neighbour.id), 0, "not by a neighbour")
            try await expectEqual(sessions.endAll(of: admin.id, in: customer.id), 2, "the others")
            try await expectEqual(sessions.sessions(of: admin.id, in: customer.id), [], "none left")
        },
        Check("sessions: pruning takes what is past its limit") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let sessions = suite.repositories.sessions
            // Long before the other checks' sessions end, which may run on the same database.
            let old = suite.fixtures.makeSession(of: admin, at: suite.now.addingTimeInterval(-400 * 86400))
            let young = suite.fixtures.makeSession(of: admin)
            try await sessions.create(old)
            try await sessions.create(young)
            try await expect(sessions.prune(endedBefore: suite.now.addingTimeInterval(-300 * 86400)) >= 1, "pruned")
            try await expectEqual(sessions.sessions(of: admin.id, in: customer.id), [young], "the younger stays")
        },
    ]

    static let accessKeyChecks: [Check] = [
        Check("access keys: found by hash and id, listed newest first, of one user or all") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let colleague = suite.fixtures.makeUser(in: customer.id, email: "colleague@example.com", role: .ae)
            try await suite.repositories.users.create(colleague)
            let keys = suite.repositories.accessKeys
            let mine = suite.fixtures.makeAccessKey(of: admin, name: "mine", scope: .read)
            let theirs = suite.fixtures.makeAccessKey(of: colleague, at: suite.now.addingTimeInterval(1))
            try await keys.create(mine)
            try await keys.create(theirs)
            try await expectEqual(keys.key(keyHash: mine.keyHash), mine, "by hash")
            try await expectEqual(keys.key(id: mine.id, in: customer.id), mine, "by id")
            try await expectEqual(keys.key(keyHash: suite.fixtures.makeHash()), nil, "unknown")
            try await expectEqual(keys.keys(of: admin.id, in: customer.id), [mine], "of one user")
            try await expectEqual(keys.keys(of: nil, in: customer.id), [theirs, mine], "of all")
        },
        Check("access keys: a key needs its user, of that customer, and a hash of its own") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let key = suite.fixtures.makeAccessKey(of: admin)
            try await suite.repositories.accessKeys.create(key)
            try await expectConflict(RepositoryError.Constraint.accessKeyHash) {
                try await suite.repositories.accessKeys.create(
                    suite.fixtures.makeAccessKey(of: admin, keyHash: key.keyHash))
            }
            let nobody = suite.fixtures.makeUser(in: customer.id, email: "nobody@example.com")
            try await expectConflict(RepositoryError.Constraint.accessKeyUser) {
                try await suite.repositories.accessKeys.create(suite.fixtures.makeAccessKey(of: nobody))
            }
        },
        Check("access keys: of many at once, none is one too many") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let colleague = suite.fixtures.makeUser(in: customer.id, email: "colleague@example.com", role: .ae)
            try await suite.repositories.users.create(colleague)
            let keys = suite.repositories.accessKeys
            let over = suite.fixtures.makeAccessKey(of: admin, lifetime: 60, at: suite.now.addingTimeInterval(-60))
            for key in [over, suite.fixtures.makeAccessKey(of: colleague)] { try await keys.create(key) }
            for _ in 0..<3 { try await keys.create(suite.fixtures.makeAccessKey(of: admin)) }
            let newcomers = (0..<20).map { _ in suite.fixtures.makeAccessKey(of: admin) }
            let made = try await withThrowingTaskGroup(of: AccessKeyID?.self) { group in
                for key in newcomers {
                    group.addTask { try await keys.create(key, unlessHolding: 8) ? key.id : nil }
                }
                return try await group.reduce(into: Set<AccessKeyID>()) { made, id in if let id { made.insert(id) } }
            }
            try expectEqual(made.count, 5, "made")
            let held = try await Set(keys.keys(of: admin.id, in: customer.id).map(\.id))
            try expectEqual(held.intersection(newcomers.map(\.id)), made, "what is told is what is stored")
            try expectEqual(held.count, 9, "three of before, five, and one that is over")
            let last = try unwrap(made.first, "there are five")
            try await expect(keys.end(last, in: customer.id), "ended")
            try await expect(
                keys.create(suite.fixtures.makeAccessKey(of: admin), unlessHolding: 8), "the room is used again")
        },
        Check("access keys: use is noted without a change, ending leaves one") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let keys = suite.repositories.accessKeys
            let key = suite.fixtures.makeAccessKey(of: admin)
            try await keys.create(key)
            let before = try await suite.repositories.changes.latest()
            let later = suite.now.addingTimeInterval(5)
            try await keys.touch([LastUse(id: key.id, customerID: customer.id, at: later)])
            try await keys.touch([LastUse(id: key.id, customerID: customer.id, at: suite.now)])
            try await expectEqual(keys.key(id: key.id, in: customer.id)?.lastUsedAt, later, "last used")
            try await expectEqual(suite.changes(after: before, of: customer), [], "no change")
            try await expectEqual(keys.key(id: key.id, in: neighbour.id), nil, "not seen by a neighbour")
            try await expect(!keys.end(key.id, in: neighbour.id), "not ended by a neighbour")
            try await expect(keys.end(key.id, in: customer.id), "ended")
            try await expect(!keys.end(key.id, in: customer.id), "only once")
            try await expectEqual(keys.key(keyHash: key.keyHash), nil, "not known any more")
            try await expectEqual(
                suite.changes(after: before, of: customer).map(\.subject), [key.id.rawValue], "a change")
        },
    ]

    static let auditChecks: [Check] = [
        Check("audit: newest first, in pages, of one customer") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let audit = suite.repositories.audit
            var events: [AuditEvent] = []
            for second in 0..<5 {
                let event = suite.fixtures.makeAuditEvent(
                    in: customer.id, user: admin.id, action: .keyCreated, detail: ["name": "n\(second)"],
                    requestID: "r\(second)", at: suite.now.addingTimeInterval(Double(second)))
                try await audit.append(event)
                events.insert(event, at: 0)
            }
            try await audit.append(suite.fixtures.makeAuditEvent(in: neighbour.id))
            let twins = events[0].at
            for name in ["t1", "t2", "t3"] {
                let event = suite.fixtures.makeAuditEvent(
                    in: customer.id, action: .keyEnded, detail: ["name": name], at: twins)
                try await audit.append(event)
                events.insert(event, at: 0)
            }
            events.sort { ($0.at, $0.id.rawValue.uuidString) > ($1.at, $1.id.rawValue.uuidString) }
            try await expectEqual(audit.events(in: customer.id, behind: nil, limit: 2), Array(events[0..<2]), "page 1")
            try await expectEqual(
                audit.events(
                    in: customer.id, behind: TimeCursor(at: events[1].at, id: events[1].id.rawValue), limit: 10),
                Array(events[2...]), "page 2, in the midst of one time")
            try await expectEqual(
                audit.events(in: customer.id, behind: TimeCursor(before: twins), limit: 10), Array(events[4...]),
                "before a time")
        },
        Check("audit: outlives its customer, and holds the platform's own") { suite in
            let (customer, _) = try await suite.makeTenant()
            let audit = suite.repositories.audit
            let event = suite.fixtures.makeAuditEvent(in: customer.id, action: .customerSuspended)
            try await audit.append(event)
            try await expect(suite.repositories.customers.delete(customer.id), "deleted")
            let last = suite.fixtures.makeAuditEvent(
                in: customer.id, action: .customerDeleted, at: suite.now.addingTimeInterval(1))
            try await audit.append(last)
            try await expectEqual(audit.events(in: customer.id, behind: nil, limit: 10), [last, event], "on record")
            try await audit.append(suite.fixtures.makeAuditEvent(in: nil, action: .grantInDoubt))
        },
    ]

    static let platformKeyChecks: [Check] = [
        Check("platform key: the first one stored is the one, also of several at once") { suite in
            let keys = suite.fixtures.keys
            let platformKeys = suite.repositories.platformKeys
            let found = try await withThrowingTaskGroup(of: Sealed.self) { group in
                for _ in 1...4 {
                    group.addTask { try await platformKeys.dataKey { try keys.makeDataKey(customer: nil).sealed } }
                }
                return try await group.reduce(into: Set<Sealed>()) { $0.insert($1) }
            }
            try expectEqual(found.count, 1, "keys")
            let stored = try await platformKeys.dataKey {
                throw ConformanceFailure("another key was made")
            }
            try expect(found.contains(stored), "it stays")
        }
    ]

    static let changeChecks: [Check] = [
        Check("changes: each change of what is cached leaves one") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let repositories = suite.repositories
            try await suite.expectChange(.customer, customer.id.rawValue, of: customer) {
                try await repositories.customers.noteRotation(customer.id, at: suite.now)
            }
            try await suite.expectChange(.user, admin.id.rawValue, of: customer) {
                try await repositories.users.noteSignIn(
                    admin.id, in: customer.id, firstName: "S", lastName: "M", profile: nil, at: suite.now)
            }
            var config = try await unwrap(repositories.configs.config(of: customer.id), "the configuration")
            try await suite.expectChange(.config, config.id.rawValue, of: customer) {
                config.updateFieldMapping("a", to: "A__c")
                _ = try await repositories.configs.update(config, expected: config.updatedAt)
            }
            let grant = try await suite.makeGrant(of: admin, customer)
            try await suite.expectChange(.grant, grant.id.rawValue, of: customer) {
                _ = try await repositories.grants.markDead(
                    grant.id, in: customer.id, version: grant.version, reason: "x", at: suite.now)
            }
            let session = suite.fixtures.makeSession(of: admin)
            try await repositories.sessions.create(session)
            try await suite.expectChange(.session, session.id.rawValue, of: customer) {
                _ = try await repositories.sessions.end(session.id, in: customer.id)
            }
            let key = suite.fixtures.makeAccessKey(of: admin)
            try await suite.expectChange(.accessKey, key.id.rawValue, of: customer) {
                try await repositories.accessKeys.create(key)
            }
        },
        Check("changes: a lease leaves none") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let before = try await suite.repositories.changes.latest()
            if case .given(let lease) = try await grants.acquireLease(grant.id, in: customer.id, for: .seconds(60)) {
                _ = try await grants.beginSpending(lease, in: customer.id, for: .seconds(60))
                try await grants.release(lease, in: customer.id, unspent: true)
            }
            try await expectEqual(suite.changes(after: before, of: customer), [], "no change")
        },
        Check("changes: a deleted customer leaves one for all that it had") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let session = suite.fixtures.makeSession(of: admin)
            try await suite.repositories.sessions.create(session)
            let before = try await suite.repositories.changes.latest()
            _ = try await suite.repositories.customers.delete(customer.id)
            let kinds = try await Set(suite.changes(after: before, of: customer).map(\.kind))
            try expect(kinds.isSuperset(of: [.customer, .user, .session, .config]), "of each kind")
        },
        Check("changes: ascending, at most so many") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let changes = suite.repositories.changes
            let before = try await changes.latest()
            for _ in 1...3 {
                try await suite.repositories.users.noteSignIn(
                    admin.id, in: customer.id, firstName: "S", lastName: "M",
                    profile: suite.fixtures.ids.next().uuidString, at: suite.now)
            }
            let page = try await changes.changes(after: before, limit: 2)
            try expectEqual(page.count, 2, "at most so many")
            try expect(page.map(\.sequence) == page.map(\.sequence).sorted(), "ascending")
            try expect(page.allSatisfy { $0.sequence > before }, "after the number")
            try await expect(changes.latest() >= before + 3, "the newest number")
        },
        Check("changes: a hint follows a change") { suite in
            let (customer, admin) = try await suite.makeTenant()
            // A hint may be lost before the listener stands, so changes go on until one arrived.
            try await withThrowingTaskGroup(of: Void.self) { group in
                let hints = suite.repositories.changes.hints()
                group.addTask {
                    for await _ in hints { return }
                    throw ConformanceFailure("the hints ended before one came")
                }
                group.addTask {
                    while !Task.isCancelled {
                        try await suite.repositories.users.noteSignIn(
                            admin.id, in: customer.id, firstName: "S", lastName: "M",
                            profile: suite.fixtures.ids.next().uuidString, at: suite.now)
                        await Task.yield()
                    }
                }
                try await group.next()
                group.cancelAll()
            }
        },
    ]

    /// A customer's changes after a number.
    func changes(after sequence: Int64, of customer: Customer) async throws -> [Change] {
        try await repositories.changes.changes(after: sequence, limit: 10_000).filter { $0.customerID == customer.id }
    }

    func expectChange(
        _ kind: Change.Kind, _ subject: UUID, of customer: Customer, _ body: () async throws -> Void
    ) async throws {
        let before = try await repositories.changes.latest()
        try await body()
        let found = try await changes(after: before, of: customer)
        try expect(
            found.contains { $0.kind == kind && $0.subject == subject }, "\(kind.rawValue) \(subject) among \(found)")
    }
}
