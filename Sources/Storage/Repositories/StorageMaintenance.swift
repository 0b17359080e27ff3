internal import Foundation
internal import Postgres

/// What is swept now and then.
public struct StorageMaintenance: Sendable {
    private let database: Database

    /// Sweeps a database.
    public init(database: Database) {
        self.database = database
    }

    /// How long changes are kept: far longer than any process goes without polling and still counts as fresh.
    public static let changesKept = Duration.seconds(60 * 60)

    /// How many rows one sweep deletes at most, so that none runs into the statement's time limit. The rest waits for
    /// the next one.
    public static let batch = 10_000

    /// Deletes changes that are older than `age`, by the database's clock, at most ``batch``; how many. The newest one
    /// stays: processes look for the last one that they saw, to know that the log is still the one that they read.
    ///
    /// - Throws: `RepositoryError`.
    public func pruneChanges(olderThan age: Duration = changesKept) async throws -> Int {
        try await database.system(.sweep).query(
            """
            delete from changes where sequence in (
                select sequence from changes where at < clock_timestamp() - make_interval(secs => \(age / .seconds(1)))
                    and sequence < (select max(sequence) from changes)
                limit \(Self.batch))
            """
        ).affectedRows
    }
}
