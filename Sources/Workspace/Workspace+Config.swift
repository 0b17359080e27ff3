internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// `/api/config`: the tenant's own settings.
extension Workspace {
    /// How often a change without `If-Match` is tried again when somebody else was quicker.
    private static let attemptsMax = 5
    private static let patchTypes = [ConfigPatch.mediaType, "application/json"]

    func config(_ exchange: Exchange) async throws -> Response {
        _ = try await caller(exchange)
        let config = try await storedConfig(exchange)
        let tag = Self.tag(of: config)
        guard !tag.isKnown(exchange.request.headers) else {
            return Response(status: .notModified, headers: [.eTag: tag.text])
        }
        return .json(.config(config), headers: [.eTag: tag.text])
    }

    func patchConfig(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireConfigRight(caller, exchange)
        let body = try await jsonBody(exchange, types: Self.patchTypes, bytesMax: ConfigPatch.Limits.bodyBytesMax)
        let headers = exchange.request.headers
        return answer(
            try await changeConfig(ConfigPatch(body), by: caller, exchange) { $0.allowsChange(headers) })
    }

    /// Only admins change the configuration, of a workspace that is in use.
    func requireConfigRight(_ caller: Caller, _ exchange: Exchange) throws {
        try requireAdmin(caller)
        try requireChangeable(.config, exchange)
    }

    /// Applies a patch, for a program or a form.
    ///
    /// - Parameter isExpected: Whether the version with this tag is one that may be changed.
    /// - Returns: The configuration as it is stored then.
    /// - Throws: ``RequestError`` for what is wrong with the patch or the version.
    func changeConfig(
        _ patch: ConfigPatch, by caller: Caller, _ exchange: Exchange, ifVersion isExpected: (EntityTag) -> Bool
    ) async throws -> CustomerConfig {
        for _ in 0..<Self.attemptsMax {
            let current = try await storedConfig(exchange)
            guard isExpected(Self.tag(of: current)) else { throw RequestError.preconditionFailed }
            var changed = try patch.applied(to: current)
            // Nothing to write, and nothing to tell the audit log.
            if changed == current { return current }
            changed.updatedAt = access.now()
            let next = changed
            if try await stored(
                exchange, { try await access.repositories.configs.update(next, expected: current.updatedAt) })
            {
                await noteChange(from: current, to: next, caller, exchange)
                return try await storedConfig(exchange)
            }
        }
        throw GatewayError.unavailable(.overloaded, retryAfterSeconds: 1)
    }

    private func answer(_ config: CustomerConfig) -> Response {
        .json(.config(config), headers: [.eTag: Self.tag(of: config).text])
    }

    func storedConfig(_ exchange: Exchange) async throws(GatewayError) -> CustomerConfig {
        let config = try await stored(exchange) { try await access.repositories.configs.config(of: exchange.tenant.id) }
        guard let config else {
            exchange.call.logger.info("A customer has no configuration")
            throw .internalError
        }
        return config
    }

    /// The change stands whether the log takes it or not, so a failure here is not the caller's.
    private func noteChange(
        from former: CustomerConfig, to config: CustomerConfig, _ caller: Caller, _ exchange: Exchange
    ) async {
        var detail = ConfigChange(from: former, to: config).detail
        // A key is the person's, and yet not the person: somebody else may have it.
        if case .accessKey(let key) = caller.proof { detail["key"] = "\(key.id)" }
        let event = AuditEvent(
            id: AuditEventID(access.makeID()), customerID: exchange.tenant.id, userID: caller.user.id,
            action: .configChanged, detail: detail,
            requestID: exchange.call.requestID, at: access.now())
        do {
            try await access.repositories.audit.append(event)
        } catch {
            exchange.call.logger.info("An audit event was lost", metadata: ["action": "\(event.action.rawValue)"])
        }
    }

    /// Of the stored version, not of the text: its milliseconds could be the same twice.
    static func tag(of config: CustomerConfig) -> EntityTag {
        let version = "\(config.updatedAt.timeIntervalSince1970) "
        return EntityTag(of: Array(version.utf8) + JSONValue.config(config).encoded)
    }
}
