internal import Logging
internal import Metrics
internal import Postgres
internal import Secrets
internal import Storage

/// Says in the log and in metrics how the database is: each outage once, with its cure.
struct DatabaseWatch: Sendable {
    /// The variable that says where the database is.
    private let variable: String
    private let url: Secret<String>
    private let outageSeconds: Int
    private let logger: Logger
    private let away = Gauge(label: "database_away")

    init(variable: String, url: Secret<String>, outageSeconds: Int, logger: Logger) {
        self.variable = variable
        self.url = url
        self.outageSeconds = outageSeconds
        self.logger = logger
        away.record(0)
    }

    /// What happens to the connections that serve requests.
    @Sendable func note(_ event: PostgresEvent) {
        switch event {
        case .cannotConnect(let error):
            let problem = error.connectionProblem ?? .other
            Counter(label: "database_outages_total", dimensions: [("reason", problem.label)]).increment()
            away.record(1)
            let text = DatabaseProblem(error, url: url.exposed)
            if problem.needsOperator {
                logger.error("\(refusal) \(text) \(cure)")
            } else {
                logger.warning(
                    "The database is away: who is signed in is served on for \(outageSeconds) s. \(text)")
            }
        case .connectedAgain:
            away.record(0)
            logger.warning("The database is back")
        case .preparedStatementsVanish:
            logger.warning(
                """
                Prepared statements get lost on the way to the database, as behind a transaction pooler. \
                Set DATABASE_PREPARED_STATEMENTS=false and restart
                """)
        }
    }

    /// What happens to the connection that listens, where it goes another way: without it changes arrive by polling
    /// alone, so only what an operator has to cure is said.
    @Sendable func noteListening(_ event: PostgresEvent) {
        switch event {
        case .cannotConnect(let error) where error.connectionProblem?.needsOperator == true:
            logger.error("\(refusal) \(DatabaseProblem(error, url: url.exposed)) \(cure)")
        case .cannotConnect, .connectedAgain, .preparedStatementsVanish:
            break
        }
    }

    private var refusal: String { "The database refuses new connections by \(variable), and waiting does not help." }

    private var cure: String { "Set \(variable) anew and restart: nobody's session is lost." }
}
