import Foundation
import GatewayTesting
import SalesforceSimulator
import Testing

/// Whether the outage soak runs: minutes of steady traffic are too long for every test run.
private let soaks = ProcessInfo.processInfo.environment["FORMATION_SOAK"] == "1"

/// A process under 200 warm calls a second while its database is away for a minute, or loses its connections for one.
extension WorldTests {
    @Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: soaks)) struct OutageSoakTests {
        private static let callsPerSecond = 200
        private static let minute = Duration.seconds(60)

        /// PostgreSQL stopped for a minute: no call fails, during and after.
        @Test func databaseStopped() async throws {
            try await withProcess { world, person, cluster in
                let outcome = try await PacedTraffic.run(world, person, perSecond: Self.callsPerSecond) {
                    try await Task.sleep(for: .seconds(5))
                    try await cluster.stop()
                    try await Task.sleep(for: Self.minute)
                    #expect(try await world.readiness().body.contains(#""database":"away""#))
                    try await cluster.start()
                    try await world.eventually { try await world.readiness().body.contains("reachable") }
                    try await Task.sleep(for: .seconds(5))
                }
                report("PostgreSQL stopped for 60 s", outcome)
                #expect(Set(outcome.endings.keys) == [200])
            }
        }

        /// Server processes killed at random for a minute: no call fails.
        @Test func connectionsKilled() async throws {
            try await withProcess { world, person, cluster in
                var killed = 0
                let outcome = try await PacedTraffic.run(world, person, perSecond: Self.callsPerSecond) {
                    let end = ContinuousClock.now + Self.minute
                    while ContinuousClock.now < end {
                        try await Task.sleep(for: .milliseconds(Int.random(in: 20...500)))
                        killed += try await cluster.killBackends(of: world.database, atMost: Int.random(in: 1...4))
                    }
                    try await Task.sleep(for: .seconds(5))
                }
                report("\(killed) server processes killed in 60 s", outcome)
                #expect(killed > 100)
                #expect(Set(outcome.endings.keys) == [200])
            }
        }

        /// A gateway as a process of its own, and somebody who is signed in there.
        private func withProcess(
            _ body: (World, Traffic.Person, PostgresCluster) async throws -> Void
        ) async throws {
            let cluster = try await PostgresCluster.start()
            try await World.run(on: cluster) { world in
                let person = try await world.signedIn("axonify", as: World.susan).person
                let port = try FreePort.find()
                let process = try FormationProcess(["serve"], environment: world.environment(port: port))
                try await process.waitFor("Ready.")
                try await body(world.moved(to: port), person, cluster)
                process.signal(SIGTERM)
                let output = try await process.finish()
                #expect(output.status == 0)
                let lines = output.stdout.split(separator: "\n").filter { !$0.contains("forwarded call") }
                print(lines.joined(separator: "\n"))
            }
        }

        private func report(_ title: String, _ outcome: PacedTraffic.Outcome) {
            let failed = outcome.endings.filter { $0.key != 200 }.values.reduce(0, +)
            let times = [50, 99, 100].map { "\(milliseconds(outcome.percentile($0)))" }.joined(separator: " | ")
            print("| \(title) | \(outcome.durations.count) | \(failed) | \(times) |")
        }

        private func milliseconds(_ duration: Duration) -> String {
            String(format: "%.1f", duration / .milliseconds(1))
        }
    }
}
