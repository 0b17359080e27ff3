internal import Domain
internal import Foundation

extension RepositoryConformance {
    /// The first wall: every operation names its customer, so another customer's ids are worth nothing to it.
    static let isolationChecks: [Check] = [
        Check("isolation: nothing of a neighbour is read by its id") { suite in
            let (_, admin) = try await suite.makeFurnishedTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let repositories = suite.repositories
            let key = try await suite.onlyKey(of: admin)
            try await expectEqual(repositories.users.user(id: admin.id, in: neighbour.id), nil, "user")
            try await expectEqual(repositories.grants.grant(of: admin.id, in: neighbour.id), nil, "grant")
            try await expectEqual(repositories.sessions.sessions(of: admin.id, in: neighbour.id), [], "sessions")
            try await expectEqual(repositories.accessKeys.keys(of: admin.id, in: neighbour.id), [], "keys")
            try await expectEqual(repositories.accessKeys.keys(of: nil, in: neighbour.id), [], "all keys")
            try await expectEqual(repositories.accessKeys.key(id: key.id, in: neighbour.id), nil, "key")
            try await expectEqual(
                repositories.audit.events(in: neighbour.id, behind: nil, limit: 10), [], "audit events")
        },
        Check("isolation: nothing of a neighbour is changed by its id") { suite in
            let (customer, admin) = try await suite.makeFurnishedTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let repositories = suite.repositories
            let later = suite.now.addingTimeInterval(1000)
            let unclaimed = suite.fixtures.makeUser(in: customer.id, email: "unclaimed@example.com")
            try await repositories.users.create(unclaimed)
            let claimant = try unwrap(SalesforceID("005000000000009"), "an id")
            let key = try await suite.onlyKey(of: admin)
            let session = try await unwrap(
                repositories.sessions.sessions(of: admin.id, in: customer.id).first, "the session")

            try await expect(
                !repositories.users.claim(unclaimed.id, in: neighbour.id, salesforceUserID: claimant, at: later),
                "a row was claimed")
            try await repositories.users.noteSignIn(
                admin.id, in: neighbour.id, firstName: "X", lastName: "Y", profile: "Z", at: later)
            try await repositories.sessions.touch([LastUse(id: session.id, customerID: neighbour.id, at: later)])
            try await expect(!repositories.sessions.end(session.id, in: neighbour.id), "a session was ended")
            try await expectEqual(repositories.sessions.endAll(of: admin.id, in: neighbour.id), 0, "sessions ended")
            try await repositories.accessKeys.touch([LastUse(id: key.id, customerID: neighbour.id, at: later)])
            try await expect(!repositories.accessKeys.end(key.id, in: neighbour.id), "a key was ended")

            try await expectEqual(repositories.users.user(id: admin.id, in: customer.id), admin, "user")
            try await expectEqual(
                repositories.users.user(id: unclaimed.id, in: customer.id), unclaimed, "unclaimed user")
            try await expectEqual(
                repositories.sessions.sessions(of: admin.id, in: customer.id), [session], "session")
            try await expectEqual(repositories.accessKeys.key(id: key.id, in: customer.id), key, "key")
        },
        Check("isolation: a neighbour's grant is neither leased, spent, replaced nor ended") { suite in
            let (customer, admin) = try await suite.makeFurnishedTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let grants = suite.repositories.grants
            let grant = try await unwrap(grants.grant(of: admin.id, in: customer.id), "the grant")
            guard
                case .given(let lease) = try await grants.acquireLease(grant.id, in: customer.id, for: .seconds(60))
            else { throw ConformanceFailure("no lease was given") }
            try await expectEqual(
                grants.acquireLease(grant.id, in: neighbour.id, for: .seconds(60)), .missing, "leased")
            try await expect(!grants.beginSpending(lease, in: neighbour.id, for: .seconds(60)), "spending began")
            try await grants.release(lease, in: neighbour.id, unspent: true)
            try await expect(
                !grants.markDead(grant.id, in: neighbour.id, version: grant.version, reason: "x", at: suite.now),
                "marked dead")
            let forged = OAuthToken(
                id: grant.id, userID: grant.userID, customerID: neighbour.id, accessToken: grant.accessToken,
                refreshToken: nil, instanceURL: "https://elsewhere.my.salesforce.com", expiresAt: grant.expiresAt,
                version: grant.version + 1, createdAt: grant.createdAt, updatedAt: grant.updatedAt)
            try await expect(!grants.storeSuccessor(forged, succeeding: grant.version), "a successor was stored")
            try await grants.delete(grant.id, in: neighbour.id)
            try await expectEqual(grants.grant(of: admin.id, in: customer.id), lease.token, "as it was leased")
        },
    ]

    /// A tenant with a grant, a session, an access key and an audit event.
    private func makeFurnishedTenant() async throws -> (customer: Customer, admin: User) {
        let (customer, admin) = try await makeTenant()
        _ = try await makeGrant(of: admin, customer)
        try await repositories.sessions.create(fixtures.makeSession(of: admin))
        try await repositories.accessKeys.create(fixtures.makeAccessKey(of: admin))
        try await repositories.audit.append(fixtures.makeAuditEvent(in: customer.id, user: admin.id))
        return (customer, admin)
    }

    private func onlyKey(of user: User) async throws -> AccessKey {
        try await unwrap(repositories.accessKeys.keys(of: user.id, in: user.customerID).first, "the access key")
    }
}
