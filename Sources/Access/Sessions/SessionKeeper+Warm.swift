public import Foundation

extension SessionKeeper {
    /// Who holds a session cookie, where memory may serve and knows that they are let in. Never waits.
    ///
    /// It counts as activity, as in ``identify(headers:query:in:extends:)``, whose rules it shares. `nil` is no answer
    /// but the advice to ask that one, which decides and names the error.
    ///
    /// - Parameters:
    ///   - cookie: The value's bytes as they came.
    ///   - now: The request's time.
    public func warmCaller(cookie: Span<UInt8>, in tenant: Tenant, at now: Date) -> Caller? {
        // What is malformed in another way is the hash of no session.
        guard cookie.count == SessionCookie.characterCount else { return nil }
        return warmCaller(CredentialHash(cookie), in: sessions, slot: .cookie, tenant: tenant, at: now)
    }

    /// Who holds an access key, as ``warmCaller(cookie:in:at:)``.
    ///
    /// - Parameters:
    ///   - accessKey: The key's bytes as they came, without a scheme in front.
    ///   - slot: Where the request carried it.
    public func warmCaller(
        accessKey: Span<UInt8>, slot: CredentialSlot, in tenant: Tenant, at now: Date
    ) -> Caller? {
        guard accessKey.count == AccessKeyText.characterCount else { return nil }
        return warmCaller(CredentialHash(accessKey), in: keys, slot: slot, tenant: tenant, at: now)
    }

    private func warmCaller(
        _ hash: CredentialHash, in shards: CredentialTables.Table, slot: CredentialSlot,
        tenant: Tenant, at now: Date
    ) -> Caller? {
        guard context.feed.allowsMemory(at: now, outageSeconds: context.limits.databaseOutageSeconds) else {
            return nil
        }
        let shard = shards.shard(of: hash)
        switch use(hash, in: shard, tenant: tenant, extends: true, at: now) {
        case .found(.live(let known)) where Self.isGood(known, at: tenant):
            return Self.caller(known, slot: slot, tenant: tenant)
        case .found(.live), .found(.over), .found(.doubtful), .nothing, .unknown:
            return nil
        }
    }
}
