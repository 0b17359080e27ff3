/// A transaction, for as long as its body runs.
public struct PostgresTransaction: Sendable {
    private let lease: Lease

    init(lease: Lease) {
        self.lease = lease
    }

    /// Runs a statement in the transaction.
    ///
    /// After a failed one the server refuses all others, and the transaction can only be rolled back.
    ///
    /// - Throws: ``PostgresError``; `CancellationError` where the task was cancelled, also while it ran.
    @discardableResult
    public func query(_ sql: SQL) async throws -> PostgresRows {
        try await self.lease.perform(Request(.statements([sql.statement()]), patience: nil))
    }

    /// Runs statements from text, several at once, without parameters. For migrations: the text must be the program's
    /// own.
    ///
    /// - Throws: ``PostgresError``, with the server's message unless that may quote data.
    public func execute(unsafeScript text: String) async throws {
        guard !text.utf8.contains(0) else {
            throw PostgresError(code: .encoding, text: "the script contains a NUL")
        }
        _ = try await self.lease.perform(Request(.script(text), patience: nil))
    }
}
