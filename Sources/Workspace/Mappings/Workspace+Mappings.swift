internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// `/api/config/warnings`, and the same on the page: field mappings that lead nowhere in the org.
extension Workspace {
    /// How long a program waits for Salesforce, and a page, which people wait for.
    static let programPatienceSeconds: TimeInterval = 10
    static let pagePatienceSeconds: TimeInterval = 3

    func configWarnings(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        let config = try await storedConfig(exchange)
        return .json(.review(await review(config, for: caller, exchange, seconds: Self.programPatienceSeconds)))
    }

    /// Holds the stored mappings against the org, as the caller sees it. Whatever fails is among the warnings.
    ///
    /// - Parameter seconds: How long to wait for Salesforce.
    func review(
        _ config: CustomerConfig, for caller: Caller, _ exchange: Exchange, seconds: TimeInterval
    ) async -> MappingReview {
        // Nothing to check: Salesforce is left alone.
        guard !config.fieldMappings.isEmpty else { return MappingReview() }
        do throws(GatewayError) {
            try directory.admit(exchange.tenant, at: exchange.call.receivedAt)
        } catch {
            return .notChecked(error.message)
        }
        let deadline = access.now().addingTimeInterval(seconds)
        var check = MappingCheck(config.fieldMappings)
        return await check.review { await descriptions.look(at: $0, for: caller, until: deadline) }
    }
}
