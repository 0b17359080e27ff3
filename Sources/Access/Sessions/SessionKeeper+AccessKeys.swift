public import Domain
public import Foundation
public import HTTPTypes
public import Secrets

extension SessionKeeper {
    /// How long a key's name may be: 100 characters.
    public static let keyNameCharactersMax = 100

    /// Makes a key; it is shown once.
    ///
    /// - Parameters:
    ///   - expiresAt: within a year; `nil` for 90 days.
    ///   - requestID: of the request that asks for it, for the audit log.
    /// - Throws: `.badRequest` (name, expiry), `.tooManyKeys`, `.notConnected` (no org id yet), `.keyScope` (keys never
    ///   manage keys), `.unavailable`.
    public func createKey(
        name: String, scope: AccessKeyScope, expiresAt: Date?, for caller: Caller, requestID: String? = nil
    ) async throws(GatewayError) -> (key: Secret<String>, record: AccessKey) {
        try requireSession(caller)
        let now = context.now()
        guard let name = Self.keyName(name) else {
            throw .badRequest("An access key's name has 1 to 100 characters, none of them a control character.")
        }
        let expiresAt = expiresAt ?? now.addingTimeInterval(AccessKey.defaultLifetime)
        guard mayKeyEnd(expiresAt) else { throw .badRequest("An access key ends in the future, and within a year.") }
        guard let organization = caller.tenant.customer.salesforceOrgID else { throw .notConnected }
        let text = AccessKeyText.make(
            organization: organization, randomBytes: context.randomBytes(AccessKeyText.byteCount))
        let record = AccessKey(
            id: AccessKeyID(context.makeID()), customerID: caller.tenant.id, userID: caller.user.id, name: name,
            scope: scope, keyHash: CredentialHash(text.exposed).bytes, createdAt: now, expiresAt: expiresAt)
        let isStored = try await context.storage("storing an access key") { [context] in
            try await context.repositories.accessKeys.create(
                record, unlessHolding: context.limits.accessKeysPerUserMax)
        }
        guard isStored else { throw .tooManyKeys }
        await trail.record(
            .keyCreated, customer: caller.tenant.id, user: caller.user.id,
            detail: ["key": "\(record.id)", "scope": scope.rawValue], requestID: requestID)
        return (text, record)
    }

    /// The caller's own keys that are not over; an admin sees all.
    ///
    /// - Throws: `.keyScope`, `.unavailable`.
    public func keys(for caller: Caller) async throws(GatewayError) -> [AccessKey] {
        try requireSession(caller)
        return try await liveKeys(of: caller.user.isAdmin ? nil : caller.user.id, in: caller.tenant)
    }

    /// Ends a key, here at once and everywhere through the feed: own, or any for an admin.
    ///
    /// - Throws: `.notFound`, `.keyScope`, `.unavailable`.
    public func endKey(_ id: AccessKeyID, by caller: Caller, requestID: String? = nil) async throws(GatewayError) {
        try requireSession(caller)
        let isEnded = try await context.storage("ending an access key") { [context] in
            guard let key = try await context.repositories.accessKeys.key(id: id, in: caller.tenant.id),
                key.userID == caller.user.id || caller.user.isAdmin
            else { return false }
            return try await context.repositories.accessKeys.end(id, in: caller.tenant.id)
        }
        guard isEnded else { throw .notFound }
        drop(subject: id.rawValue)
        await trail.record(
            .keyEnded, customer: caller.tenant.id, user: caller.user.id, detail: ["key": "\(id)"], requestID: requestID)
    }

    /// Whether an access key's scope allows a forwarded call (`.read`: an allow-list of reads).
    ///
    /// - Parameter path: without query, already admitted.
    public static func allows(_ scope: AccessKeyScope, method: HTTPRequest.Method, path: String) -> Bool {
        switch scope {
        case .full: true
        case .read: ReadScope.allows(method: method, path: path)
        }
    }

    /// The live keys of a user, or with `nil` of the whole tenant.
    func liveKeys(of user: UserID?, in tenant: Tenant) async throws(GatewayError) -> [AccessKey] {
        let now = context.now()
        return try await context.storage("listing access keys") { [context] in
            try await context.repositories.accessKeys.keys(of: user, in: tenant.id)
        }.filter { $0.expiresAt > now }
    }

    /// Keys never manage keys.
    private func requireSession(_ caller: Caller) throws(GatewayError) {
        switch caller.proof {
        case .session: return
        case .accessKey: throw .keyScope
        }
    }

    /// A key's name, without the spaces around it; `nil` where a text is none.
    public static func keyName(_ text: String) -> String? {
        let name = text.trimmingCharacters(in: .whitespaces)
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
            case _: true
            }
        }
        guard (1...keyNameCharactersMax).contains(name.count), name.utf8.count <= 4 * keyNameCharactersMax, isPlain
        else { return nil }
        return name
    }

    /// Whether a key that is made now may end at a time: in the future, and within a year.
    public func mayKeyEnd(_ time: Date) -> Bool {
        let now = context.now()
        return time > now && time <= now.addingTimeInterval(context.limits.accessKeyMaxSeconds)
    }
}
