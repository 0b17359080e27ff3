public import Domain
internal import Foundation

/// One behaviour suite per repository protocol: what every implementation does, in memory and on PostgreSQL alike.
///
/// A check makes the customers that it needs, with subdomains that no other check has, so that all can run on one
/// database, and at once.
public struct RepositoryConformance: Sendable {
    /// One fact about a repository.
    public struct Check: Sendable, CustomStringConvertible {
        /// The protocol and the fact.
        public let description: String
        let body: @Sendable (RepositoryConformance) async throws -> Void

        init(_ description: String, _ body: @escaping @Sendable (RepositoryConformance) async throws -> Void) {
            self.description = description
            self.body = body
        }

        /// Runs the check.
        ///
        /// - Throws: ``ConformanceFailure`` where the implementation does something else; what the implementation
        /// throws.
        public func run(on conformance: RepositoryConformance) async throws {
            try await body(conformance)
        }
    }

    /// What is checked.
    public let repositories: Repositories
    /// Makes the rows. Shared by all checks of one database, so that ids and subdomains differ.
    public let fixtures: Fixtures

    /// A suite on one implementation.
    public init(repositories: Repositories, fixtures: Fixtures) {
        self.repositories = repositories
        self.fixtures = fixtures
    }

    /// All checks.
    public static let checks: [Check] =
        customerChecks + stagedSecretChecks + userChecks + configChecks + grantChecks + leaseChecks + sessionChecks
        + accessKeyChecks + auditChecks + platformKeyChecks + dataKeyChecks + changeChecks + isolationChecks

    /// When the checks' rows were made.
    var now: Date { Fixtures.epoch }

    /// A stored customer with an admin, unlike any other check's.
    func makeTenant() async throws -> (customer: Customer, admin: User) {
        let number = fixtures.ids.next().uuidString.suffix(12).lowercased()
        let tail = String(repeating: "0", count: 15 - 5 - 10) + number.suffix(10)
        return try await fixtures.store(
            in: repositories, subdomain: "t\(number)", email: "admin@\(number).example",
            salesforceUserID: "00500\(tail)")
    }

    /// A stored grant of a user.
    func makeGrant(of user: User, _ customer: Customer) async throws -> OAuthToken {
        _ = try await replaceGrant(of: user, customer, accessToken: "access 1")
        return try await unwrap(repositories.grants.grant(of: user.id, in: customer.id), "the grant that was stored")
    }

    func replaceGrant(of user: User, _ customer: Customer, accessToken: String) async throws -> OAuthToken? {
        let fixtures = self.fixtures
        let now = self.now
        return try await repositories.grants.replace(user: user.id, in: customer.id) { id, version in
            try fixtures.makeToken(
                id: id, version: version, of: user, customer: customer, accessToken: accessToken, at: now)
        }
    }
}

/// An implementation that does something else than its protocol says.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    /// A failure, in words.
    public init(_ description: String) {
        self.description = description
    }
}

/// Fails the check unless `condition` holds.
func expect(_ condition: Bool, _ fact: String, file: String = #fileID, line: Int = #line) throws {
    guard !condition else { return }
    throw ConformanceFailure("\(file):\(line): not so: \(fact)")
}

/// Fails the check unless both are equal.
func expectEqual<Value: Equatable>(
    _ found: Value, _ expected: Value, _ fact: String, file: String = #fileID, line: Int = #line
) throws {
    guard found != expected else { return }
    throw ConformanceFailure("\(file):\(line): \(fact): found \(found), expected \(expected)")
}

/// Fails the check where there is no value.
func unwrap<Value>(_ value: Value?, _ fact: String, file: String = #fileID, line: Int = #line) throws -> Value {
    guard let value else { throw ConformanceFailure("\(file):\(line): missing: \(fact)") }
    return value
}

/// Fails the check unless `body` is refused for that constraint.
func expectConflict(
    _ constraint: String, file: String = #fileID, line: Int = #line, _ body: () async throws -> Void
) async throws {
    do {
        try await body()
    } catch RepositoryError.conflict(let found) {
        guard found != constraint else { return }
        throw ConformanceFailure("\(file):\(line): refused for \(found), expected \(constraint)")
    }
    throw ConformanceFailure("\(file):\(line): not refused, expected a conflict with \(constraint)")
}
