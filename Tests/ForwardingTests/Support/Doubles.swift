import Domain
import Foundation
import GatewayTesting
import Logging
import NIOConcurrencyHelpers
import Salesforce
import Secrets

/// Salesforce's token endpoint, as the test tells it to be.
final class ScriptedOAuth: SalesforceOAuth {
    private struct State {
        var refreshes = 0
        var failure: SalesforceError?
        var gate: Gate?
        var instance: InstanceURL
    }

    private let state: NIOLockedValueBox<State>

    init(instance: InstanceURL) {
        self.state = NIOLockedValueBox(State(instance: instance))
    }

    /// How many refreshes were asked for.
    var refreshes: Int { state.withLockedValue { $0.refreshes } }

    /// What every refresh answers from now on.
    func fail(with failure: SalesforceError) { state.withLockedValue { $0.failure = failure } }

    /// Where the org is from now on.
    func move(to instance: InstanceURL) { state.withLockedValue { $0.instance = instance } }

    /// What every refresh waits for from now on.
    func hold(at gate: Gate) { state.withLockedValue { $0.gate = gate } }

    /// The access token that the refresh with this number gives, from 1.
    static func token(_ number: Int) -> String { "00D5g000008fixt!fresh.token.\(number)" }

    func refresh(
        _ refreshToken: Secret<String>, client: OAuthClient, at instance: InstanceURL?
    ) async throws(SalesforceError) -> TokenAnswer {
        let (number, failure, instance, gate) = state.withLockedValue { state in
            state.refreshes += 1
            return (state.refreshes, state.failure, state.instance, state.gate)
        }
        await gate?.pass()
        if let failure { throw failure }
        guard let identity = IdentityURL(orgID: "00D5g000008fixt", userID: "0055g00000fixt1") else {
            throw SalesforceError(.invalidRequest)
        }
        return TokenAnswer(
            accessToken: Secret(Self.token(number)), refreshToken: nil, instanceURL: instance, identity: identity,
            issuedAt: Date(timeIntervalSince1970: 1_767_225_600), scope: "api refresh_token openid")
    }

    func revoke(_ token: Secret<String>, login: LoginEndpoint) async throws(SalesforceError) {}

    func authorizationURL(client: OAuthClient, state: String, challenge: String) -> String { "" }

    func exchange(
        code: Secret<String>, verifier: Secret<String>, client: OAuthClient
    ) async throws(SalesforceError) -> TokenAnswer { throw SalesforceError(.invalidRequest) }

    func userInfo(instance: InstanceURL, accessToken: Secret<String>) async throws(SalesforceError) -> UserInfo {
        throw SalesforceError(.invalidRequest)
    }

    func profile(
        ofUser userID: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> Profile { Profile(name: nil, modifiesAllData: false) }
}

/// Access keys that are looked up only when a gate opens.
struct GatedKeys: AccessKeyRepository {
    let base: any AccessKeyRepository
    let gate: Gate

    func key(keyHash: [UInt8]) async throws -> AccessKey? {
        await gate.pass()
        return try await base.key(keyHash: keyHash)
    }

    func create(_ key: AccessKey, unlessHolding count: Int) async throws -> Bool {
        try await base.create(key, unlessHolding: count)
    }
    func key(id: AccessKeyID, in customer: CustomerID) async throws -> AccessKey? {
        try await base.key(id: id, in: customer)
    }
    func keys(of user: UserID?, in customer: CustomerID) async throws -> [AccessKey] {
        try await base.keys(of: user, in: customer)
    }
    func touch(_ uses: [LastUse<AccessKeyID>]) async throws { try await base.touch(uses) }
    func end(_ id: AccessKeyID, in customer: CustomerID) async throws -> Bool { try await base.end(id, in: customer) }
}

extension Repositories {
    /// The same, but for access keys that wait for a gate.
    init(gatingKeysOf all: Repositories, at gate: Gate) {
        self.init(
            customers: all.customers, users: all.users, configs: all.configs, grants: all.grants,
            sessions: all.sessions, accessKeys: GatedKeys(base: all.accessKeys, gate: gate), audit: all.audit,
            platformKeys: all.platformKeys, dataKeys: all.dataKeys, changes: all.changes)
    }
}

/// Bytes that never repeat and are the same in every run.
final class Counted: Sendable {
    private let last = NIOLockedValueBox<UInt64>(0)

    func bytes(_ count: Int) -> [UInt8] {
        let number = last.withLockedValue { last in
            last += 1
            return last
        }
        return (0..<count).map { UInt8(truncatingIfNeeded: (number &* 0x9E37_79B9_7F4A_7C15 &+ UInt64($0)) >> 8) }
    }
}

/// What was logged.
final class CapturedLog: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        let message: String
        let metadata: Logger.Metadata
    }

    private let captured = NIOLockedValueBox<[Line]>([])

    var lines: [Line] { captured.withLockedValue { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(log: CapturedLog) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = Line(
                level: event.level, message: "\(event.message)",
                metadata: metadata.merging(event.metadata ?? [:]) { $1 })
            log.captured.withLockedValue { $0.append(line) }
        }
    }
}
