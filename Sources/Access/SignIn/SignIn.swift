internal import Domain
internal import Foundation
internal import Logging
internal import Salesforce
public import Secrets

/// Signing in with the tenant's own Salesforce (contract §2, "Sign-in").
public struct SignIn: Sendable {
    let context: AccessContext
    let platformKey: DataKey
    let directory: TenantDirectory
    let sessions: SessionKeeper
    let ledger: TokenLedger
    let trail: AuditTrail
    let usedStates: UsedStates

    /// A way in. `platformKey` seals pending sign-ins.
    public init(
        context: AccessContext, platformKey: DataKey, directory: TenantDirectory, sessions: SessionKeeper,
        ledger: TokenLedger
    ) {
        self.context = context
        self.platformKey = platformKey
        self.directory = directory
        self.sessions = sessions
        self.ledger = ledger
        self.trail = AuditTrail(context: context)
        self.usedStates = UsedStates(limits: context.limits)
    }

    /// What the browser must be told when a sign-in begins.
    public struct Begun: Sendable {
        /// Salesforce's authorize URL.
        public let location: String
        /// `Set-Cookie` values: the new pending sign-in, and those dropped to keep at most five.
        public let setCookies: [String]
    }

    /// Begins a sign-in.
    ///
    /// - Parameter cookies: the request's `Cookie` values.
    /// - Throws: `.notConnected`, `.internalError`.
    public func begin(returnTo: String?, cookies: [String], call: TenantCall) throws(GatewayError) -> Begun {
        guard let client = call.tenant.oauthClient else { throw .notConnected }
        let now = context.now()
        let state = Base62.encode(context.randomBytes(PendingSignIn.stateByteCount))
        let pkce = PKCE(verifierBytes: context.randomBytes(PKCE.verifierByteCount))
        let pending = PendingSignIn(
            state: Secret(state), verifier: pkce.verifier, returnTo: Self.safeReturnPath(returnTo),
            customerID: call.tenant.id, createdAt: now)
        guard let name = cookieName(ofState: state), let value = try? pending.sealed(with: platformKey) else {
            throw .internalError
        }
        let dropped = pendingSignIns(cookies, tenant: call.tenant).namesToDrop(
            countMax: context.limits.pendingSignInsMax, byteCount: name.utf8.count + value.utf8.count,
            maxAge: context.limits.pendingSignInSeconds, at: now)
        let maxAge = Int(context.limits.pendingSignInSeconds)
        return Begun(
            location: context.oauth.authorizationURL(client: client, state: state, challenge: pkce.challenge),
            setCookies: dropped.filter { $0 != name }.map(setCookie.drop)
                + [setCookie.set(name, value, maxAgeSeconds: maxAge)])
    }

    /// Ends the caller's session, or with `everywhere` all of the user's; when it was the last use of the grant,
    /// revokes it.
    ///
    /// - Returns: the `Set-Cookie` values that drop the cookie.
    /// - Throws: `.keyScope` for an access key, `.unavailable`.
    public func signOut(_ caller: Caller, everywhere: Bool, call: TenantCall) async throws(GatewayError) -> [String] {
        guard case .session(let session) = caller.proof else { throw .keyScope }
        let user = caller.user.id
        if everywhere {
            try await sessions.endAll(of: user, in: call.tenant)
        } else {
            try await sessions.end(session, in: call.tenant)
        }
        await trail.record(
            everywhere ? .signedOutEverywhere : .signedOut, customer: call.tenant.id, user: user,
            requestID: call.requestID)
        await ledger.release(user, in: call.tenant, unusedBy: sessions)
        return [setCookie.drop(sessions.cookieName)]
    }

    /// `return_to` as a path on this host; anything else becomes `/`.
    public static func safeReturnPath(_ text: String?) -> String {
        ReturnPath.safe(text)
    }

    var setCookie: SetCookie { sessions.setCookie }

    func cookieName(ofState state: String) -> String? {
        PendingSignIn.label(ofState: state).map { setCookie.name(PendingSignIn.cookieBaseName + $0) }
    }

    func pendingSignIns(_ cookies: [String], tenant: Tenant) -> PendingSignIns {
        PendingSignIns(cookies: cookies, setCookie: setCookie, key: platformKey, customer: tenant.id)
    }
}
