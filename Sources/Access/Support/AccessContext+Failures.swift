internal import Domain
internal import Logging

extension AccessContext {
    /// Seconds after which a caller may try again when the database was away.
    static let databaseRetrySeconds = 2

    /// A repository's failure as the gateway's own. What is unforeseen is logged here, since the answer says nothing
    /// of it.
    func failure(_ error: any Error, while doing: String) -> GatewayError {
        switch error {
        case let error as GatewayError:
            return error
        case RepositoryError.unavailable, is CancellationError:
            logger.debug("The database is away", metadata: ["while": "\(doing)"])
            return .unavailable(.databaseAway, retryAfterSeconds: Self.databaseRetrySeconds)
        case _:
            logger.error(
                "An unforeseen failure", metadata: ["while": "\(doing)", "error": "\(type(of: error)): \(error)"])
            return .internalError
        }
    }

    /// Runs storage work, with its failures as the gateway's own.
    func storage<Result>(
        _ doing: String, _ work: () async throws -> Result
    ) async throws(GatewayError) -> Result {
        do {
            return try await work()
        } catch {
            throw failure(error, while: doing)
        }
    }
}
