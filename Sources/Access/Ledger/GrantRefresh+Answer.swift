internal import Domain
internal import Foundation
internal import Logging
internal import Salesforce
internal import Secrets

extension GrantRefresh {
    /// Times that a successor is tried to be stored where the database answers, and refuses for no known reason.
    private static let refusedTriesMax = 10
    /// How long a refresh by somebody else is waited for where Salesforce says that one is under way: 5 s.
    private static let otherRefreshSeconds: TimeInterval = 5
    /// Times that what is left over is tried to be written.
    private static let leftoverTriesMax = 5

    // MARK: Salesforce answered

    /// Stores the successor, and only then gives it out.
    func keep(_ answer: TokenAnswer, spent: Secret<String>, row: OAuthToken, shield: Shield) async -> Result {
        guard isOurs(answer) else {
            var result = await die(row, reason: "foreign_organization")
            result.orphans.append(answer.refreshToken ?? answer.accessToken)
            return result
        }
        var successor = row
        do {
            try successor.updateTokens(
                accessToken: answer.accessToken, refreshToken: answer.refreshToken, sealedWith: tenant.dataKey,
                at: context.now())
        } catch {
            return Result(
                outcome: .failed(
                    context.failure(error, while: "sealing a token"), restSeconds: Self.longRestSeconds))
        }
        successor.instanceURL = answer.instanceURL.description
        let isRotated = answer.refreshToken.map { $0 != spent } ?? false
        switch await store(successor, succeeding: row.version, shield: shield) {
        case .stored:
            if isRotated { await noteRotation() }
            let token = LiveToken(
                grantID: row.id, userID: row.userID, version: row.version + 1, accessToken: answer.accessToken,
                instance: answer.instanceURL, mintedAt: successor.updatedAt, expiresAt: successor.expiresAt)
            let event = trail.event(
                .grantRefreshed, customer: tenant.id, user: user.id,
                detail: ["version": "\(token.version)", "rotated": "\(isRotated)"])
            return Result(
                outcome: .token(token, renewAt: context.renewalTime(of: successor)), isRefreshed: true,
                leftovers: [.audit(event)])
        case .superseded(let mayBeAncestor):
            return await takeOver(insteadOf: answer, mayBeAncestor: mayBeAncestor)
        case .givenUp:
            return Result(outcome: .failed(Self.pending, restSeconds: Self.doubtRestSeconds))
        }
    }

    /// Whether the answer is for this org and this user. Another's is never stored.
    private func isOurs(_ answer: TokenAnswer) -> Bool {
        let organization = SalesforceID(answer.identity.orgID)
        let person = SalesforceID(answer.identity.userID)
        return (tenant.customer.salesforceOrgID.map { $0 == organization } ?? true)
            && (user.salesforceUserID.map { $0 == person } ?? true)
    }

    private enum Stored {
        case stored
        /// A sign-in, or a later holder, stored another pair.
        ///
        /// - `mayBeAncestor`: ours may have been stored all the same, unheard, and that pair have come of it: then to
        ///   revoke ours would revoke that one too.
        case superseded(mayBeAncestor: Bool)
        /// The process ends.
        case givenUp
    }

    /// Tries until it is stored: what Salesforce gave exists nowhere else. Comparing the version makes a repetition
    /// safe.
    private func store(_ successor: OAuthToken, succeeding version: Int64, shield: Shield) async -> Stored {
        var backoff = Backoff()
        var refusals = 0
        var wasUnheard = false
        while true {
            do {
                if try await grants.storeSuccessor(successor, succeeding: version) { return .stored }
                // An earlier try may have been committed although its answer was lost.
                let row = try await grants.grant(of: user.id, in: tenant.id)
                guard row?.accessToken != successor.accessToken else { return .stored }
                return .superseded(mayBeAncestor: wasUnheard)
            } catch {
                wasUnheard = true
                if case RepositoryError.unavailable = error {} else { refusals += 1 }
                if refusals >= Self.refusedTriesMax || shield.isCancelled {
                    context.logger.error(
                        "A refreshed token could not be stored and is lost; its user may have to sign in again",
                        metadata: ["customer": "\(tenant.id)", "user": "\(user.id)", "error": "\(type(of: error))"])
                    return .givenUp
                }
                context.logger.debug("A refreshed token is not stored yet", metadata: ["user": "\(user.id)"])
                try? await context.sleep(backoff.pause())
            }
        }
    }

    /// The row belongs to another pair by now: use that one, and leave no stray grant behind.
    private func takeOver(insteadOf answer: TokenAnswer, mayBeAncestor: Bool) async -> Result {
        var result: Result
        do {
            if let row = try await grants.grant(of: user.id, in: tenant.id), let settled = try settle(row) {
                result = Result(outcome: settled)
                if try row.decryptedRefreshToken(with: tenant.dataKey) == answer.refreshToken { return result }
            } else {
                result = Result(outcome: .dead)
            }
        } catch {
            result = Result(
                outcome: .failed(
                    context.failure(error, while: "reading a grant"), restSeconds: Self.shortRestSeconds))
            return result
        }
        if !mayBeAncestor, let orphan = answer.refreshToken { result.orphans.append(orphan) }
        return result
    }

    private func noteRotation() async {
        guard !tenant.customer.rotatesRefreshTokens else { return }
        do {
            try await context.repositories.customers.noteRotation(tenant.id, at: context.now())
        } catch {
            // The next refresh notes it.
            context.logger.warning("That an org rotates is not noted yet", metadata: ["customer": "\(tenant.id)"])
        }
    }

    // MARK: Salesforce refused

    /// One treatment for each class of failure (`SalesforceError.FailureClass`).
    func fail(_ error: SalesforceError, lease: GrantLease) async -> Result {
        let row = lease.token
        let isUnspent = Self.isKnownUnspent(error)
        let release = Leftover.release(lease, unspent: isUnspent)
        if error.code == .alreadyBeingProcessed { return await awaitOther(lease) }
        switch error.failureClass {
        case .passing:
            notePassing(error, isUnspent: isUnspent)
            return Result(
                outcome: .failed(
                    Self.pending, restSeconds: isUnspent ? Self.shortRestSeconds : Self.doubtRestSeconds),
                leftovers: [release])
        case .deadGrant:
            return await die(row, reason: error.metricLabel)
        case .wrongClient:
            troubles.noteRejected(
                tenant.id, until: context.now().addingTimeInterval(context.limits.clientRejectedSeconds))
            return Result(
                outcome: .failed(.clientRejected, restSeconds: Self.longRestSeconds), leftovers: [release])
        case .barredByOrg:
            let advice = error.adminAdvice ?? "Salesforce bars this app. Ask your Salesforce admin."
            return Result(
                outcome: .failed(.barredByOrg(advice: advice), restSeconds: Self.longRestSeconds),
                leftovers: [release])
        case .bug:
            context.logger.error(
                "Salesforce did not understand a refresh",
                metadata: ["customer": "\(tenant.id)", "reason": "\(error.metricLabel)"])
            return Result(
                outcome: .failed(.internalError, restSeconds: Self.longRestSeconds), leftovers: [release])
        }
    }

    /// A token endpoint that answers what nobody can read, or not at all, is for somebody to look at: each such answer
    /// can cost somebody the grant.
    private func notePassing(_ error: SalesforceError, isUnspent: Bool) {
        let metadata: Logger.Metadata = [
            "customer": "\(tenant.id)", "user": "\(user.id)", "reason": "\(error.metricLabel)",
        ]
        if isUnspent {
            context.logger.debug("A refresh failed for now", metadata: metadata)
        } else {
            context.logger.warning(
                "A refresh got no answer that tells whether the refresh token is spent", metadata: metadata)
        }
    }

    /// Whether a failure proves that the refresh token is as good as before: nothing was sent, Salesforce refused in
    /// the protocol's own words, it was too busy to begin (429, 503), or it only pointed elsewhere (3xx).
    static func isKnownUnspent(_ error: SalesforceError) -> Bool {
        if !error.requestMayHaveBeenSent || error.isDefiniteRefusal || error.code == .redirected { return true }
        return error.code == .badStatus && (error.status == 429 || error.status == 503)
    }

    /// "Token request is already being processed": somebody else spends it. Wait for what they store.
    private func awaitOther(_ lease: GrantLease) async -> Result {
        let deadline = context.now().addingTimeInterval(Self.otherRefreshSeconds)
        await tidy([.release(lease, unspent: true)])
        var backoff = Backoff()
        do {
            repeat {
                try await context.sleep(backoff.pause())
                guard let row = try await grants.grant(of: user.id, in: tenant.id) else {
                    return Result(outcome: .dead)
                }
                if let settled = try settle(row) { return Result(outcome: settled) }
            } while context.now() < deadline
            return Result(outcome: .failed(Self.pending, restSeconds: Self.shortRestSeconds))
        } catch {
            return Result(
                outcome: .failed(
                    context.failure(error, while: "reading a grant"), restSeconds: Self.shortRestSeconds))
        }
    }

    // MARK: What is left over

    /// Writes what nobody waits for. What can't be written in a few tries is left to the lease's end.
    func tidy(_ leftovers: [Leftover]) async {
        for leftover in leftovers {
            var backoff = Backoff()
            for _ in 0..<Self.leftoverTriesMax {
                do {
                    try await write(leftover)
                    break
                } catch {
                    try? await context.sleep(backoff.pause())
                }
            }
        }
    }

    private func write(_ leftover: Leftover) async throws {
        switch leftover {
        case .release(let lease, let unspent):
            try await grants.release(lease, in: tenant.id, unspent: unspent)
        case .audit(let event):
            await trail.record(event)
        case .markDead(let reason, let version):
            _ = try await grants.markDead(grantID, in: tenant.id, version: version, reason: reason, at: context.now())
        }
    }
}
