internal import Domain
internal import Foundation
internal import Secrets

extension RepositoryConformance {
    static let grantChecks: [Check] = [
        Check("grants: a first sign-in's tokens are stored and open") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let previous = try await suite.replaceGrant(of: admin, customer, accessToken: "access 1")
            try expectEqual(previous, nil, "there was none before")
            let grant = try await unwrap(suite.repositories.grants.grant(of: admin.id, in: customer.id), "the grant")
            try expectEqual(grant.version, 1, "version")
            let key = try customer.openedDataKey(with: suite.fixtures.keys)
            try expectEqual(grant.decryptedAccessToken(with: key).exposed, "access 1", "opens where it stands")
        },
        Check("grants: another sign-in keeps the row, hands back what was there, and starts clean") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let first = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            guard case .given(let lease) = try await grants.acquireLease(first.id, in: customer.id, for: .seconds(60))
            else { throw ConformanceFailure("no lease was given") }
            try await expect(grants.beginSpending(lease, in: customer.id, for: .seconds(60)), "spending began")
            let previous = try await suite.replaceGrant(of: admin, customer, accessToken: "access 2")
            try expectEqual(previous?.accessToken, first.accessToken, "what was there")
            let second = try await unwrap(grants.grant(of: admin.id, in: customer.id), "the grant")
            try expectEqual(second.id, first.id, "the id stays")
            try expectEqual(second.version, first.version + 1, "the version grows")
            try expect(second.fence > lease.fence, "the fence grows")
            try expectEqual(second.leaseExpiresAt, nil, "no lease")
            try expectEqual(second.spendingSince, nil, "no mark")
            try await expect(
                !grants.beginSpending(lease, in: customer.id, for: .seconds(60)), "the old lease is worth nothing")
            try await expect(
                !grants.storeSuccessor(first, succeeding: first.version), "nor is a successor of what was there")
        },
        Check("grants: a grant needs its user, of that customer") { suite in
            let (customer, _) = try await suite.makeTenant()
            let (_, stranger) = try await suite.makeTenant()
            try await expectConflict(RepositoryError.Constraint.grantUser) {
                _ = try await suite.replaceGrant(of: stranger, customer, accessToken: "access 1")
            }
        },
        Check("grants: sign-ins of one person at the same time leave one grant") { suite in
            let (customer, admin) = try await suite.makeTenant()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...4 {
                    group.addTask {
                        _ = try await suite.replaceGrant(of: admin, customer, accessToken: "access \(number)")
                    }
                }
                try await group.waitForAll()
            }
            let grant = try await unwrap(suite.repositories.grants.grant(of: admin.id, in: customer.id), "the grant")
            try expectEqual(grant.version, 4, "each counted")
        },
        Check("grants: what make throws is thrown, and nothing is stored") { suite in
            struct Refusal: Error {}
            let (customer, admin) = try await suite.makeTenant()
            do {
                _ = try await suite.repositories.grants.replace(user: admin.id, in: customer.id) { _, _ in
                    throw Refusal()
                }
                throw ConformanceFailure("the error of make was swallowed")
            } catch is Refusal {}
            try await expectEqual(suite.repositories.grants.grant(of: admin.id, in: customer.id), nil, "no grant")
        },
        Check("grants: dead while the version stands, alive again with a valid successor") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grants = suite.repositories.grants
            let grant = try await suite.makeGrant(of: admin, customer)
            try await expect(
                !grants.markDead(grant.id, in: customer.id, version: 99, reason: "invalid_grant", at: suite.now),
                "not for another version")
            try await expect(
                grants.markDead(
                    grant.id, in: customer.id, version: grant.version, reason: "invalid_grant", at: suite.now),
                "for this one")
            try await expectEqual(
                grants.grant(of: admin.id, in: customer.id)?.deadReason, "invalid_grant", "the reason stands")
            var successor = grant
            let key = try customer.openedDataKey(with: suite.fixtures.keys)
            try successor.updateTokens(
                accessToken: Secret("access 2"), refreshToken: nil, sealedWith: key, at: suite.now)
            try await expect(grants.storeSuccessor(successor, succeeding: grant.version), "a late one is kept")
            try await expectEqual(grants.grant(of: admin.id, in: customer.id)?.deadReason, nil, "alive")
        },
        Check("grants: deleted, and by its own customer alone") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            try await suite.repositories.grants.delete(grant.id, in: neighbour.id)
            try await expect(suite.repositories.grants.grant(of: admin.id, in: customer.id) != nil, "still there")
            try await suite.repositories.grants.delete(grant.id, in: customer.id)
            try await expectEqual(suite.repositories.grants.grant(of: admin.id, in: customer.id), nil, "gone")
        },
    ]

    static let leaseChecks: [Check] = [
        Check("leases: one holder at a time; the fence grows with each") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let first = try await suite.lease(grant, .seconds(60))
            guard
                case .held(let held) = try await suite.repositories.grants.acquireLease(
                    grant.id, in: customer.id, for: .seconds(60))
            else { throw ConformanceFailure("a second lease was given while the first was held") }
            try expectEqual(held.fence, first.fence, "who holds it is seen")
            try await suite.repositories.grants.release(first, in: customer.id, unspent: true)
            let second = try await suite.lease(grant, .seconds(60))
            try expectEqual(second.fence, first.fence + 1, "the fence")
        },
        Check("leases: of many at once, one is given") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let given = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 1...16 {
                    group.addTask {
                        switch try await grants.acquireLease(grant.id, in: customer.id, for: .seconds(60)) {
                        case .given: true
                        case .held, .missing: false
                        }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            try expectEqual(given, 1, "holders")
        },
        Check("leases: one that expired passes on, and its mark is seen") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let clean = try await suite.lease(grant, .seconds(60))
            try expectEqual(clean.token.spendingSince, nil, "nobody was spending")
            try await expect(grants.beginSpending(clean, in: customer.id, for: .seconds(60)), "spending began")
            // Given back as spent or not is not known: what a holder that crashed leaves, without waiting for the
            // clock.
            try await grants.release(clean, in: customer.id, unspent: false)
            let doubtful = try await suite.lease(grant, .zero)
            try expect(doubtful.token.spendingSince != nil, "the mark of the one before")
            try await expect(
                !grants.beginSpending(doubtful, in: customer.id, for: .seconds(60)),
                "a lease that is over gives no right")
            let next = try await suite.lease(grant, .seconds(60))
            try expectEqual(next.token.spendingSince, doubtful.token.spendingSince, "the mark is still seen")
            try await expect(
                !grants.beginSpending(doubtful, in: customer.id, for: .seconds(60)), "the older fence is refused")
            try await expect(!grants.beginSpending(clean, in: customer.id, for: .seconds(60)), "and the oldest")
        },
        Check("leases: given back unspent, the mark is again what it was") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let first = try await suite.lease(grant, .seconds(60))
            try await expect(grants.beginSpending(first, in: customer.id, for: .seconds(60)), "spending began")
            try await grants.release(first, in: customer.id, unspent: true)
            let second = try await suite.lease(grant, .seconds(60))
            try expectEqual(second.token.spendingSince, nil, "no mark")
            try await expect(grants.beginSpending(second, in: customer.id, for: .seconds(60)), "spending began")
            try await grants.release(second, in: customer.id, unspent: false)
            let third = try await suite.lease(grant, .seconds(60))
            let mark = try unwrap(third.token.spendingSince, "the doubt of the second")
            try await expect(grants.beginSpending(third, in: customer.id, for: .seconds(60)), "spending began again")
            try await grants.release(third, in: customer.id, unspent: true)
            let stored = try await grants.grant(of: admin.id, in: customer.id)
            try expectEqual(stored?.spendingSince, mark, "the third clears its own mark, not the second's doubt")
            try expectEqual(stored?.wasAskedInDoubt, false, "and was not one that asked in doubt")
        },
        Check("leases: that a token was sent again in doubt is remembered until it has a successor") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let first = try await suite.lease(grant, .seconds(60))
            try await expect(grants.beginSpending(first, in: customer.id, for: .seconds(60)), "spending began")
            try await grants.release(first, in: customer.id, unspent: false)
            let second = try await suite.lease(grant, .seconds(60))
            try expectEqual(second.token.wasAskedInDoubt, false, "there was no doubt when it was sent first")
            try await expect(grants.beginSpending(second, in: customer.id, for: .seconds(60)), "in doubt")
            try await grants.release(second, in: customer.id, unspent: false)
            let third = try await suite.lease(grant, .seconds(60))
            try expectEqual(third.token.wasAskedInDoubt, true, "now it was sent in doubt")
            try await expect(grants.beginSpending(third, in: customer.id, for: .seconds(60)), "once more")
            try await grants.release(third, in: customer.id, unspent: true)
            let asked = try await unwrap(grants.grant(of: admin.id, in: customer.id), "the grant")
            try expectEqual(asked.wasAskedInDoubt, true, "what the third found")
            try await expect(grants.storeSuccessor(asked, succeeding: asked.version), "stored")
            let stored = try await unwrap(grants.grant(of: admin.id, in: customer.id), "the grant")
            try expectEqual(stored.wasAskedInDoubt, false, "the successor is in no doubt")
        },
        Check("leases: given back late, it puts no doubt on a pair that was stored meanwhile") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let first = try await suite.lease(grant, .seconds(60))
            try await expect(grants.beginSpending(first, in: customer.id, for: .zero), "spending began")
            let second = try await suite.lease(grant, .seconds(60))
            try expect(second.token.spendingSince != nil, "in doubt")
            try await expect(grants.storeSuccessor(first.token, succeeding: grant.version), "the first stores late")
            try await grants.release(second, in: customer.id, unspent: true)
            let stored = try await unwrap(grants.grant(of: admin.id, in: customer.id), "the grant")
            try expectEqual(stored.spendingSince, nil, "no doubt")
        },
        Check("grants: a dead one ends its user's sessions, one that was replaced does not") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let other = suite.fixtures.makeUser(in: customer.id)
            try await suite.repositories.users.create(other)
            let grant = try await suite.makeGrant(of: admin, customer)
            let (grants, sessions) = (suite.repositories.grants, suite.repositories.sessions)
            let session = suite.fixtures.makeSession(of: admin)
            let others = suite.fixtures.makeSession(of: other)
            for session in [session, others] { try await sessions.create(session) }
            func markDead(_ version: Int64) async throws -> Bool {
                try await grants.markDead(grant.id, in: customer.id, version: version, reason: "test", at: suite.now)
            }
            try await expect(!markDead(grant.version + 1), "another version")
            try await expectEqual(sessions.sessions(of: admin.id, in: customer.id), [session], "kept")
            try await expect(markDead(grant.version), "marked")
            try await expectEqual(sessions.sessions(of: admin.id, in: customer.id), [], "ended")
            try await expectEqual(sessions.sessions(of: other.id, in: customer.id), [others], "somebody else's")
        },
        Check("leases: spending makes the lease last anew") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let lease = try await suite.lease(grant, .seconds(60))
            let before = try unwrap(lease.token.leaseExpiresAt, "a lease")
            try await expect(
                suite.repositories.grants.beginSpending(lease, in: customer.id, for: .seconds(300)), "spending began")
            let stored = try await unwrap(suite.repositories.grants.grant(of: admin.id, in: customer.id), "the grant")
            try expect(
                stored.leaseExpiresAt.map { $0 >= before.addingTimeInterval(200) } ?? false, "from here, and longer")
        },
        Check("leases: an older holder's release is ignored") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let older = try await suite.lease(grant, .zero)
            let newer = try await suite.lease(grant, .seconds(60))
            try await suite.repositories.grants.release(older, in: customer.id, unspent: true)
            try await expect(
                suite.repositories.grants.beginSpending(newer, in: customer.id, for: .seconds(60)),
                "the newer one still holds")
        },
        Check("leases: a successor is stored against the version, ends the lease and clears the mark") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let lease = try await suite.lease(grant, .seconds(60))
            try await expect(grants.beginSpending(lease, in: customer.id, for: .seconds(60)), "spending began")
            let key = try customer.openedDataKey(with: suite.fixtures.keys)
            var successor = lease.token
            try successor.updateTokens(
                accessToken: Secret("access 2"), refreshToken: Secret("refresh 2"), sealedWith: key,
                at: suite.now.addingTimeInterval(60))
            try await expect(grants.storeSuccessor(successor, succeeding: grant.version), "stored")
            let stored = try await unwrap(grants.grant(of: admin.id, in: customer.id), "the grant")
            try expectEqual(stored.version, grant.version + 1, "version")
            try expectEqual(stored.decryptedAccessToken(with: key).exposed, "access 2", "access token")
            try expectEqual(stored.decryptedRefreshToken(with: key)?.exposed, "refresh 2", "refresh token")
            try expectEqual(stored.expiresAt, successor.expiresAt, "expiry")
            try expectEqual(stored.leaseExpiresAt, nil, "no lease")
            try expectEqual(stored.spendingSince, nil, "no mark")
            try await expect(!grants.storeSuccessor(successor, succeeding: grant.version), "not twice")
        },
        Check("leases: a late successor is kept although the lease has passed on, and ends the newer one") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let late = try await suite.lease(grant, .zero)
            let newer = try await suite.lease(grant, .seconds(60))
            let key = try customer.openedDataKey(with: suite.fixtures.keys)
            var successor = late.token
            try successor.updateTokens(
                accessToken: Secret("access 2"), refreshToken: nil, sealedWith: key, at: suite.now)
            let grants = suite.repositories.grants
            try await expect(grants.storeSuccessor(successor, succeeding: grant.version), "kept")
            try await expect(
                !grants.beginSpending(newer, in: customer.id, for: .seconds(60)), "what it would spend is obsolete")
        },
        Check("leases: there is none on a grant that is not there, or is another customer's") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let grant = try await suite.makeGrant(of: admin, customer)
            let grants = suite.repositories.grants
            let nobody = OAuthTokenID(suite.fixtures.ids.next())
            try await expectEqual(
                grants.acquireLease(nobody, in: customer.id, for: .seconds(60)), .missing, "not there")
            try await expectEqual(
                grants.acquireLease(grant.id, in: neighbour.id, for: .seconds(60)), .missing, "another's")
        },
    ]

    /// A lease, which must be given.
    private func lease(_ grant: OAuthToken, _ duration: Duration) async throws -> GrantLease {
        switch try await repositories.grants.acquireLease(grant.id, in: grant.customerID, for: duration) {
        case .given(let lease): lease
        case .held, .missing: throw ConformanceFailure("no lease was given")
        }
    }
}
