public import Domain
internal import Foundation
internal import Logging
internal import Salesforce
internal import Secrets

extension SignIn {
    /// What the browser must be told when a sign-in is over.
    public struct Completed: Sendable {
        public let user: User
        public let session: Session
        /// A path on this host.
        public let returnTo: String
        /// `Set-Cookie` values: the session, and the pending sign-in's end.
        public let setCookies: [String]
    }

    /// 16 KiB: a code has a hundred characters or so.
    private static let queryByteCountMax = 16 * 1_024

    /// Why a sign-in went no further.
    struct Failure: Error {
        let reason: SignInError.Reason
        /// The class of Salesforce's refusal, for the audit trail.
        var salesforceLabel: String?
        /// The grant is stored, so it is not revoked.
        var keepsGrant = false
        /// The code was not spent: the same callback works once more, while the pending sign-in lasts.
        var keepsPending = false
    }

    /// Ends a sign-in: the callback that Salesforce sent the browser to.
    ///
    /// What is written, in this order, so that a crash between any two leaves a valid state: the org's pin, the user,
    /// the grant, the time of the sign-in, the session.
    ///
    /// - Parameters:
    ///   - query: the callback's raw query string.
    ///   - cookies: the request's `Cookie` values.
    public func complete(query: String, cookies: [String], call: TenantCall) async throws(SignInError) -> Completed {
        let answer = query.utf8.count <= Self.queryByteCountMax ? QueryString(query) : QueryString("")
        let state = answer.value("state")
        let name = state.flatMap(cookieName(ofState:))
        let pending = name.flatMap { findPending(state: state ?? "", name: $0, cookies: cookies, call: call) }
        let drops = name.map { [setCookie.drop($0)] } ?? []
        let returnTo = pending?.returnTo ?? ReturnPath.fallback
        do throws(Failure) {
            let entered = try await complete(answer, pending: pending, call: call)
            await trail.record(
                .signInSucceeded, customer: call.tenant.id, user: entered.user.id, requestID: call.requestID)
            await endFormerSessions(cookies, call: call)
            return Completed(
                user: entered.user, session: entered.session, returnTo: returnTo,
                setCookies: [setCookie.set(sessions.cookieName, entered.cookie.exposed)] + drops)
        } catch {
            await record(error, isStranger: pending == nil, call: call)
            throw SignInError(
                reason: error.reason, setCookies: error.keepsPending ? [] : drops, returnTo: returnTo)
        }
    }

    private func findPending(state: String, name: String, cookies: [String], call: TenantCall) -> PendingSignIn? {
        let found = pendingSignIns(cookies, tenant: call.tenant).pending(state: state, name: name)
        guard let found else { return nil }
        let age = context.now().timeIntervalSince(found.createdAt)
        // Another process's clock may be a little ahead.
        return age < context.limits.pendingSignInSeconds && age > -60 ? found : nil
    }

    private func complete(
        _ answer: QueryString, pending: PendingSignIn?, call: TenantCall
    ) async throws(Failure) -> Entered {
        if let error = answer.value("error") {
            let refusal = AuthorizationError(error: error, description: answer.value("error_description"))
            throw Failure(
                reason: refusal.cause == .denied ? .denied : .refused(advice: refusal.userMessage),
                salesforceLabel: refusal.metricLabel)
        }
        guard let pending, let code = answer.value("code"), !code.isEmpty else {
            throw Failure(reason: .noPendingSignIn)
        }
        try await requireDatabase(call)
        guard usedStates.use(pending.state.exposed, at: context.now()) else {
            throw Failure(reason: .noPendingSignIn)
        }
        guard let client = call.tenant.oauthClient else { throw Failure(reason: .gateway(.notConnected)) }
        // To its end, whatever becomes of the request: a grant that Salesforce gave is stored or revoked.
        let result = await shielded { _ in
            do throws(Failure) {
                return Result<Entered, Failure>.success(
                    try await enter(with: Secret(code), pending: pending, client: client, call: call))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// A code is good once: it is not spent while what it gives could not be stored.
    private func requireDatabase(_ call: TenantCall) async throws(Failure) {
        do {
            _ = try await context.repositories.customers.customer(id: call.tenant.id)
        } catch {
            throw Failure(
                reason: .gateway(context.failure(error, while: "completing a sign-in")), keepsPending: true)
        }
    }

    /// Somebody who is in.
    private struct Entered: Sendable {
        let user: User
        let session: Session
        let cookie: Secret<String>
    }

    private func enter(
        with code: Secret<String>, pending: PendingSignIn, client: OAuthClient, call: TenantCall
    ) async throws(Failure) -> Entered {
        let tokens = try await exchange(code, pending: pending, client: client, tenant: call.tenant)
        do throws(Failure) {
            let user = try await admit(tokens, client: client, call: call)
            return try await enter(user, with: tokens, call: call)
        } catch {
            // Somebody who does not get in leaves no grant behind, unless it is stored already.
            if !error.keepsGrant {
                ledger.revokeInBackground(tokens.refreshToken ?? tokens.accessToken, in: call.tenant)
            }
            throw error
        }
    }

    /// Once, and to its end: the code is worth nothing afterwards.
    private func exchange(
        _ code: Secret<String>, pending: PendingSignIn, client: OAuthClient, tenant: Tenant
    ) async throws(Failure) -> TokenAnswer {
        do throws(SalesforceError) {
            return try await ledger.secrets.exchange(for: tenant, as: client) { client throws(SalesforceError) in
                try await context.oauth.exchange(code: code, verifier: pending.verifier, client: client)
            }
        } catch {
            throw Failure(salesforce: error)
        }
    }

    /// Stores the grant, and then starts the session that needs it.
    private func enter(
        _ user: User, with tokens: TokenAnswer, call: TenantCall
    ) async throws(Failure) -> Entered {
        do throws(GatewayError) {
            try await ledger.adopt(tokens, user: user, in: call.tenant)
        } catch {
            throw Failure(reason: .gateway(error))
        }
        do {
            let now = context.now()
            try await context.repositories.users.noteSignIn(
                user.id, in: call.tenant.id, firstName: user.firstName, lastName: user.lastName,
                profile: user.salesforceProfile, at: now)
            var user = user
            user.updateLastLogin(at: now)
            let (cookie, session) = try await sessions.start(
                user: user, in: call.tenant, userAgent: call.userAgent)
            return Entered(user: user, session: session, cookie: cookie)
        } catch {
            throw Failure(
                reason: .gateway(context.failure(error, while: "starting a session")), keepsGrant: true)
        }
    }

    /// The sessions that this browser had here before: the new cookie takes their place.
    private func endFormerSessions(_ cookies: [String], call: TenantCall) async {
        for value in CookieHeader(cookies).values(of: sessions.cookieName, max: PresentedCredential.cookiesMax)
        where SessionCookie.isWellFormed(value) {
            let hash = CredentialHash(value)
            guard let session = try? await context.repositories.sessions.session(tokenHash: hash.bytes),
                session.customerID == call.tenant.id
            else { continue }
            try? await sessions.end(session, in: call.tenant)
        }
    }

    private func record(_ failure: Failure, isStranger: Bool, call: TenantCall) async {
        // Anybody can open the callback with nothing in hand; those must not fill the log.
        if isStranger, !trail.admitsFromStrangers(.signInFailed, customer: call.tenant.id) { return }
        var detail = ["reason": failure.reason.label]
        detail["salesforce"] = failure.salesforceLabel
        await trail.record(
            .signInFailed, customer: call.tenant.id, detail: detail, requestID: call.requestID)
    }
}

extension SignIn.Failure {
    /// One reason for each class of failure at the token and identity endpoints.
    init(salesforce error: SalesforceError) {
        let reason: SignInError.Reason =
            switch error.code {
            case .signatureMismatch: .badSignature
            case .foreignInstance: .foreignInstance
            case .expiredCode: .noPendingSignIn
            case _: Self.reason(of: error)
            }
        self.init(reason: reason, salesforceLabel: error.metricLabel)
    }

    private static func reason(of error: SalesforceError) -> SignInError.Reason {
        switch error.failureClass {
        case .passing: .gateway(error.code == .timeout ? .upstreamTimeout : .upstreamUnreachable(.unreachable))
        case .deadGrant: .refused(advice: "Salesforce did not accept the sign-in. Try again.")
        case .wrongClient: .gateway(.clientRejected)
        case .barredByOrg: .refused(advice: error.adminAdvice ?? "Salesforce bars this app. Ask your Salesforce admin.")
        case .bug: .gateway(.internalError)
        }
    }
}
