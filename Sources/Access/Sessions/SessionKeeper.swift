internal import Domain
internal import Foundation
public import HTTPTypes
internal import Logging
internal import NIOConcurrencyHelpers
internal import Secrets
public import ServiceLifecycle

/// Browser sessions and access keys: credential → ``Caller``, from memory where it is known.
///
/// `run()` writes last-seen times in the background; without it nothing but those (and alarms of foreign credentials)
/// is lost.
public final class SessionKeeper: Service {
    let context: AccessContext
    let trail: AuditTrail
    private let alarms: WorkQueue<AuditEvent>
    private let lastUses: NIOLockedValueBox<LastUseBoard>
    /// Says that there are last uses to write: once is enough, however many there are.
    private let lastUseSignals = WorkQueue<Void>(capacity: 1)

    /// A keeper that knows nobody yet.
    public init(context: AccessContext) {
        self.context = context
        self.trail = AuditTrail(context: context)
        self.alarms = WorkQueue(capacity: context.limits.backgroundWritesMax)
        self.lastUses = NIOLockedValueBox(LastUseBoard(capacity: context.limits.lastUsesMax))
    }

    /// Writes last-seen times until shutdown, and then what is left of them.
    public func run() async throws {
        await withGracefulShutdownHandler {
            async let writing: Void = writeLastUsesUntilClosed()
            for await event in alarms.stream { await trail.record(event) }
            await writing
        } onGracefulShutdown: {
            self.close()
        }
    }

    /// Takes no more writes: `run()` ends when those it has are done.
    func close() {
        alarms.close()
        lastUseSignals.close()
    }

    var sessions: CredentialTables.Table { context.credentials.sessions }
    var keys: CredentialTables.Table { context.credentials.keys }

    // MARK: Who is calling

    /// The cookie's name: `__Host-formation_session`, plain where `BASE_URL` is http.
    public var cookieName: String { setCookie.name(SessionCookie.baseName) }

    var setCookie: SetCookie { SetCookie(isSecure: context.origin.isSecure) }

    /// Who is calling. A credential header, even a wrong one, is judged alone; the cookie then counts for nothing.
    ///
    /// - Parameter extends: whether the request counts as activity (`GET /auth/session` does not).
    /// - Throws: `.notSignedIn`, `.userDisabled`, `.badRequest` (`?oauth_token=`, several credentials), `.unavailable`.
    public func identify(
        headers: HTTPFields, query: String?, in tenant: Tenant, extends: Bool = true
    ) async throws(GatewayError) -> Caller {
        switch try PresentedCredential(headers: headers, query: query, cookieName: cookieName) {
        case .none, .junk:
            throw .notSignedIn
        case .accessKey(let key, let slot):
            let hash = CredentialHash(key.exposed)
            let caller = try await caller(hash, in: keys, slot: slot, tenant: tenant, extends: extends) { [context] in
                try await Self.loadKey(hash, from: context)
            }
            guard let caller else { throw .notSignedIn }
            return caller
        case .cookies(let cookies):
            return try await caller(cookies: cookies, tenant: tenant, extends: extends)
        }
    }

    /// The one that belongs to this tenant counts, wherever it stands among those that were tossed.
    private func caller(
        cookies: [Secret<String>], tenant: Tenant, extends: Bool
    ) async throws(GatewayError) -> Caller {
        var failure = GatewayError.notSignedIn
        for cookie in cookies {
            let hash = CredentialHash(cookie.exposed)
            do throws(GatewayError) {
                let caller = try await caller(
                    hash, in: sessions, slot: .cookie, tenant: tenant, extends: extends
                ) { [context] in try await Self.loadSession(hash, from: context) }
                if let caller { return caller }
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func caller(
        _ hash: CredentialHash, in shards: CredentialTables.Table, slot: CredentialSlot,
        tenant: Tenant, extends: Bool, load: () async throws -> KnownCredential?
    ) async throws(GatewayError) -> Caller? {
        let now = context.now()
        let shard = shards.shard(of: hash)
        let usesMemory = context.feed.allowsMemory(at: now, outageSeconds: context.limits.databaseOutageSeconds)
        if usesMemory {
            switch use(hash, in: shard, tenant: tenant, extends: extends, at: now) {
            case .found(.live(let known)): return try caller(known, slot: slot, tenant: tenant)
            case .found(.over), .nothing: return nil
            case .found(.doubtful): shard.drop(key: hash)
            case .unknown: break
            }
        }
        let loaded = try await context.storage("looking up a credential") {
            try await shard.value(for: hash, at: now, usesMemory: usesMemory, load: load)
        }
        guard let loaded, !isOver(loaded, at: now) else { return nil }
        guard loaded.credential.customerID == tenant.id else {
            noteForeign(loaded, at: tenant)
            return nil
        }
        switch use(hash, in: shard, tenant: tenant, extends: extends, at: now) {
        case .found(.live(let known)): return try caller(known, slot: slot, tenant: tenant)
        case .found(.over), .found(.doubtful), .nothing, .unknown:
            return try caller(loaded, slot: slot, tenant: tenant)
        }
    }

    /// What memory says of a credential.
    enum Remembered {
        case live(KnownCredential)
        case over
        /// Idle for too long, by what is known here: another process may have seen it since. Or another's, of a like
        /// hash.
        case doubtful
    }

    /// Looks a credential up in memory and notes its use.
    func use(
        _ hash: CredentialHash, in shard: LoadingCache<CredentialHash, KnownCredential>, tenant: Tenant,
        extends: Bool, at now: Date
    ) -> LoadingCache<CredentialHash, KnownCredential>.Cached<Remembered> {
        let limits = context.limits
        var use: CredentialUse?
        let cached = shard.cached(hash, at: now) { known -> Remembered in
            guard known.credential.has(hash) else { return .doubtful }
            guard !isOver(known, at: now) else {
                // The entry may stay for long, to answer that it is over: not with a secret.
                known.token = nil
                let isCertain =
                    known.credential.expiresAt <= now
                    || now.timeIntervalSince(known.credential.readAt) < limits.unknownSessionSeconds
                return isCertain ? .over : .doubtful
            }
            if extends, Self.isGood(known, at: tenant) {
                use = known.credential.noteUse(at: now, touchInterval: limits.touchIntervalSeconds)
            }
            return .live(known)
        }
        if let use { note(use) }
        return cached
    }

    private func note(_ use: CredentialUse) {
        let isFirst = lastUses.withLockedValue { uses in
            defer { uses.note(use) }
            return uses.isEmpty
        }
        if isFirst { lastUseSignals.submit(()) }
    }

    private func caller(
        _ known: KnownCredential, slot: CredentialSlot, tenant: Tenant
    ) throws(GatewayError) -> Caller? {
        guard known.credential.customerID == tenant.id else {
            noteForeign(known, at: tenant)
            return nil
        }
        guard !known.credential.isDisabled else { throw .userDisabled }
        return Self.caller(known, slot: slot, tenant: tenant)
    }

    static func caller(_ known: KnownCredential, slot: CredentialSlot, tenant: Tenant) -> Caller {
        Caller(
            tenant: tenant, credential: known.credential, lastUsedAt: known.credential.lastUsedAt, slot: slot,
            token: known.token)
    }

    /// Whether a credential that is not over counts at a tenant.
    static func isGood(_ known: KnownCredential, at tenant: Tenant) -> Bool {
        known.credential.customerID == tenant.id && !known.credential.isDisabled
    }

    private func isOver(_ known: KnownCredential, at now: Date) -> Bool {
        known.credential.endsAt(idleLimit: context.limits.sessionIdleSeconds) <= now
    }

    /// One tenant's credential at another: worthless, and worth knowing of.
    private func noteForeign(_ known: KnownCredential, at tenant: Tenant) {
        guard trail.admitsFromStrangers(.foreignCredential, customer: tenant.id) else { return }
        let kind = known.credential.keyScope == nil ? "session" : "access_key"
        alarms.submit(trail.event(.foreignCredential, customer: tenant.id, detail: ["credential": kind]))
    }

    private static func loadSession(_ hash: CredentialHash, from context: AccessContext) async throws
        -> KnownCredential?
    {
        guard let session = try await context.repositories.sessions.session(tokenHash: hash.bytes),
            let user = try await context.repositories.users.user(id: session.userID, in: session.customerID)
        else { return nil }
        return KnownCredential(Credential(session: session, hash: hash, user: user, readAt: context.now()))
    }

    private static func loadKey(_ hash: CredentialHash, from context: AccessContext) async throws -> KnownCredential? {
        guard let key = try await context.repositories.accessKeys.key(keyHash: hash.bytes),
            let user = try await context.repositories.users.user(id: key.userID, in: key.customerID)
        else { return nil }
        return KnownCredential(Credential(key: key, hash: hash, user: user, readAt: context.now()))
    }

    // MARK: What others tell of

    /// Drops what is known of a session, an access key or a user.
    func drop(subject: UUID) {
        context.credentials.drop(subject: subject)
    }

    func dropAll() {
        context.credentials.dropAll()
    }

    // MARK: Last uses

    private func writeLastUsesUntilClosed() async {
        for await _ in lastUseSignals.stream { await writeLastUses() }
        await writeLastUses()
    }

    /// Writes what was used, a share after each pause: when everybody comes back at once, as after a quiet hour, that
    /// many writes in a row would keep the calls waiting that they tell of. At shutdown, all of it without a pause.
    private func writeLastUses() async {
        var pauses = true
        while lastUses.withLockedValue({ !$0.isEmpty }) {
            if pauses { pauses = await pauseBetweenWrites() }
            let limits = context.limits
            let uses = lastUses.withLockedValue { board in
                let share = max(limits.lastUseBatchMin, board.count / limits.lastUseShares)
                return board.take(pauses ? min(share, limits.lastUseBatchMax) : limits.lastUseBatchMax)
            }
            do {
                if !uses.sessions.isEmpty { try await context.repositories.sessions.touch(uses.sessions) }
                if !uses.keys.isEmpty { try await context.repositories.accessKeys.touch(uses.keys) }
            } catch {
                context.logger.debug("Last-seen times were not written", metadata: ["error": "\(type(of: error))"])
            }
        }
    }

    /// Returns whether there is time for another one: not at shutdown.
    private func pauseBetweenWrites() async -> Bool {
        do {
            try await cancelWhenGracefulShutdown { [context] in try await context.sleep(context.limits.lastUsePause) }
            return true
        } catch {
            return false
        }
    }
}
