internal import Domain
internal import Postgres

/// The one place where the database's errors become the repositories'.
enum DatabaseFailure {
    /// What a caller of a repository is told.
    static func translated(_ error: any Error) -> any Error {
        guard let error = error as? PostgresError else { return error }
        if error.isConnectivity { return RepositoryError.unavailable(error.description) }
        guard let state = error.sqlState else { return error }
        if conflicts.contains(state), let constraint = error.constraint {
            return RepositoryError.conflict(constraint: constraint)
        }
        if passingStates.contains(state) || passingClasses.contains(String(state.prefix(2))) {
            return RepositoryError.unavailable(error.description)
        }
        return error
    }

    /// Whether a statement whose connection ended changed nothing: it was one that only reads (as all of ours do that
    /// begin so), or the server said, in the place of its answer, that an administrator ended it (57P01), and so rolled
    /// it back.
    static func hadNoEffect(_ error: PostgresError, of sql: SQL) -> Bool {
        guard error.code == .connectionLost else { return false }
        return error.sqlState == "57P01" || sql.description.hasPrefix("select ")
    }

    /// Unique and foreign-key violations.
    private static let conflicts: Set<String> = ["23505", "23503"]
    /// Time-outs of statements and locks, a server that is read-only for the moment, serialisation and deadlocks, and
    /// a prepared statement that a pooler left with another server in the midst of a transaction.
    private static let passingStates: Set<String> = ["57014", "55P03", "25006", "40001", "40P01", "26000"]
    /// Connection exceptions, insufficient resources, operator intervention, system errors.
    private static let passingClasses: Set<String> = ["08", "53", "57", "58"]
}
