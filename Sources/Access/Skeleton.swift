public import Domain
public import Foundation
public import HTTPTypes
public import Salesforce
public import Secrets
public import ServiceLifecycle

/// Host → tenant, from memory where it is known (architecture invariants 5 and 6).
public final class TenantDirectory: Sendable {
    public init(context: AccessContext) { fatalError() }
    /// The tenant of a subdomain, or `nil` where there is none. Unknown names are remembered, bounded and shortly.
    ///
    /// - Throws: `.unavailable(.databaseAway)` where it is not known and can't be asked; `.internalError` where the
    ///   customer's data key does not open (logged with the key's id).
    public func tenant(_ subdomain: Subdomain) async throws(GatewayError) -> Tenant? { fatalError() }
    public func tenant(id: CustomerID) async throws(GatewayError) -> Tenant? { fatalError() }
    /// Whether use is allowed: suspension, subscription, credentials.
    public func admit(_ tenant: Tenant, at now: Date) throws(GatewayError) { fatalError() }
}

/// Browser sessions and access keys: credential → ``Caller``, from memory where it is known.
public final class SessionKeeper: Sendable {
    public init(context: AccessContext) { fatalError() }
    /// The cookie's name: `__Host-formation_session`, plain where `BASE_URL` is http.
    public var cookieName: String { fatalError() }
    /// Starts a session with a fresh id for somebody who signed in.
    public func start(user: User, in tenant: Tenant) async throws(GatewayError) -> (
        cookie: Secret<String>, session: Session
    ) { fatalError() }
    /// Who is calling. A credential header, even a wrong one, is judged alone; the cookie then counts for nothing.
    ///
    /// - Parameter extends: whether the request counts as activity (`GET /auth/session` does not).
    /// - Throws: `.notSignedIn`, `.userDisabled`, `.badRequest` (`?oauth_token=`, several credentials), `.unavailable`.
    public func identify(headers: HTTPFields, query: String?, in tenant: Tenant, extends: Bool = true)
        async throws(GatewayError) -> Caller
    { fatalError() }
    /// When the session ends if nothing more happens.
    public func endsAt(_ session: Session) -> Date { fatalError() }
    /// The user's sessions.
    public func sessions(of user: UserID, in tenant: Tenant) async throws(GatewayError) -> [Session] { fatalError() }
    /// Ends one session here at once and everywhere through the feed.
    public func end(_ session: Session, in tenant: Tenant) async throws(GatewayError) { fatalError() }
    public func endAll(of user: UserID, in tenant: Tenant) async throws(GatewayError) { fatalError() }

    // Access keys.
    /// Makes a key; it is shown once. - Throws: `.badRequest` (name, expiry, too many), `.notConnected` (no org id yet).
    public func createKey(name: String, scope: AccessKeyScope, expiresAt: Date?, for caller: Caller)
        async throws(GatewayError) -> (key: Secret<String>, record: AccessKey)
    { fatalError() }
    /// The caller's own keys; an admin sees all.
    public func keys(for caller: Caller) async throws(GatewayError) -> [AccessKey] { fatalError() }
    /// Ends a key: own, or any for an admin. - Throws: `.notFound`.
    public func endKey(_ id: AccessKeyID, by caller: Caller) async throws(GatewayError) { fatalError() }
    /// Whether an access key's scope allows a forwarded call (`.read`: an allow-list of reads).
    public static func allows(_ scope: AccessKeyScope, method: HTTPRequest.Method, path: String) -> Bool {
        fatalError()
    }
}

/// Users' Salesforce tokens and their refresh (architecture invariant 4).
public final class TokenLedger: Sendable {
    public init(context: AccessContext) { fatalError() }
    /// The token to use now. Warm: from memory. Refreshes ahead of time in the background of the ledger's service.
    ///
    /// - Throws: `.grantDead`, `.clientRejected`, `.barredByOrg`, `.notConnected`, `.unavailable`.
    public func token(for caller: Caller) async throws(GatewayError) -> LiveToken { fatalError() }
    /// A token newer than one that Salesforce called dead: one refresh however many ask, in all processes.
    public func token(after dead: LiveToken, for caller: Caller) async throws(GatewayError) -> LiveToken {
        fatalError()
    }
    /// Whether this is still the current token of its grant.
    public func isCurrent(_ token: LiveToken) -> Bool { fatalError() }
    /// Stores a sign-in's tokens as the user's grant; revokes the one that it replaces.
    public func adopt(_ answer: TokenAnswer, user: User, in tenant: Tenant) async throws(GatewayError) { fatalError() }
    /// Revokes a user's grant at Salesforce and deletes it. A failure to revoke is logged, and does not keep it.
    public func revoke(user: UserID, in tenant: Tenant) async throws(GatewayError) { fatalError() }
}

/// Signing in with the tenant's own Salesforce (contract §2, "Sign-in").
public struct SignIn: Sendable {
    public init(context: AccessContext, platformKey: DataKey, sessions: SessionKeeper, ledger: TokenLedger) {
        fatalError()
    }

    /// What the browser must be told when a sign-in begins.
    public struct Begun: Sendable {
        /// Salesforce's authorize URL.
        public let location: String
        /// `Set-Cookie` values: the new pending sign-in, and those dropped to keep at most five.
        public let setCookies: [String]
    }
    /// - Parameter cookies: the request's `Cookie` values.
    public func begin(returnTo: String?, cookies: [String], call: TenantCall) throws(GatewayError) -> Begun {
        fatalError()
    }

    /// What the browser must be told when a sign-in is over.
    public struct Completed: Sendable {
        public let user: User
        public let session: Session
        /// A path on this host.
        public let returnTo: String
        /// `Set-Cookie` values: the session, and the pending sign-in's end.
        public let setCookies: [String]
    }
    /// - Parameter query: the callback's raw query string.
    public func complete(query: String, cookies: [String], call: TenantCall) async throws(SignInError) -> Completed {
        fatalError()
    }

    /// Ends the caller's session, or with `everywhere` all of the user's; when it was the last use of the grant,
    /// revokes it. Returns the `Set-Cookie` values that drop the cookie.
    public func signOut(_ caller: Caller, everywhere: Bool, call: TenantCall) async throws(GatewayError) -> [String] {
        fatalError()
    }

    /// `return_to` as a path on this host; anything else becomes `/`.
    public static func safeReturnPath(_ text: String?) -> String { fatalError() }
}

/// Why a sign-in failed, for a page that a person reads.
public struct SignInError: Error, Sendable {
    public enum Reason: Sendable, Hashable {
        /// No pending sign-in of this browser fits: too old, another browser's, opened twice, or forged.
        case noPendingSignIn
        case denied
        /// Salesforce said no at authorize or at the token endpoint; what it means for the person.
        case refused(advice: String)
        case wrongOrganization
        /// Nobody may sign in before the workspace's admin has.
        case organizationNotPinned
        case userDisabled
        case badSignature, foreignInstance
        case gateway(GatewayError)
    }
    public let reason: Reason
    /// `Set-Cookie` values that drop the pending sign-in.
    public let setCookies: [String]
    /// Where "try again" leads back to.
    public let returnTo: String
}

/// Follows the change feed and tells the caches (architecture invariants 5 and 6).
public final class ChangeFollower: Service {
    public init(context: AccessContext, directory: TenantDirectory, sessions: SessionKeeper, ledger: TokenLedger) {
        fatalError()
    }
    public func run() async throws { fatalError() }
    /// Since when the feed has been stale; `nil` while it is fresh.
    public var staleSince: Date? { fatalError() }
}
