import GatewayTesting
import Logging
import Postgres
import Testing

@Suite struct SmokeTests {
    @Test func works() async throws {
        let cluster = try await PostgresCluster.shared()
        try await cluster.withDatabase { database in
            let configuration = PostgresConfiguration(url: database.url)
            try await PostgresClient.withClient(configuration: configuration, logger: Logger(label: "t")) { client in
                let rows = try await client.query(
                    "select \(5)::int8 as n, current_setting('app.x', true) as x", settings: [.init("app.x", "y")])
                #expect(try rows.first?.decode("n", as: Int.self) == 5)
                #expect(try rows.first?.decode("x", as: String?.self) == "y")
                try await client.withTransaction { transaction in
                    try await transaction.execute(unsafeScript: "create table t (a int); insert into t values (1);")
                }
                #expect(try await client.query("select a from t").count == 1)
            }
        }
    }
}
