public import AsyncHTTPClient
internal import Crypto
internal import Foundation
internal import NIOCore
public import Secrets

/// The OAuth and identity endpoints over HTTP.
public struct SalesforceOAuthClient: SalesforceOAuth {
    /// How long and how large an exchange may be.
    public struct Limits: Sendable {
        /// A call of the token or revoke endpoint, connection and answer included.
        ///
        /// Long, since an answer that is not waited for can hold a token's only successor; within `SHUTDOWN_SECONDS`.
        public var tokenTimeout: Duration = .seconds(20)
        /// A call that asks who somebody is.
        public var identityTimeout: Duration = .seconds(10)
        /// The bytes of an answer.
        public var answerBytesMax = 64 * 1024
        /// The longest that a code or refresh token is under way: a call with each of two secrets
        /// (``OAuthClient/withEitherSecret(_:)``).
        public var exchangeMax: Duration { tokenTimeout * 2 }

        /// The limits of production.
        public init() {}
    }

    /// The REST version that is asked for the profile: old enough that every org has it.
    public static let apiVersion = "60.0"

    private let http: HTTPClient
    private let hosts: AllowedHosts
    private let apiVersion: String
    private let limits: Limits

    /// Takes an HTTP client that was made with ``configuration(dnsOverride:)``, which it does not shut down.
    public init(
        http: HTTPClient, hosts: AllowedHosts, apiVersion: String = Self.apiVersion, limits: Limits = Limits()
    ) {
        self.http = http
        self.hosts = hosts
        self.apiVersion = apiVersion
        self.limits = limits
    }

    /// The configuration that the HTTP client must have: no redirects, no retries, HTTP/1.1, no tracing headers, no
    /// decompression, and time limits on each part.
    ///
    /// - Parameter dnsOverride: host names to host names, for tests and the simulator.
    public static func configuration(dnsOverride: [String: String] = [:]) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(20), write: .seconds(10))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(30)
        // Tenants can share a login host. Where it hangs, each exchange holds a connection until its time is over;
        // those that would wait for one are bounded where they are begun.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2_000
        configuration.httpVersion = .http1Only
        configuration.decompression = .disabled
        configuration.tracing.tracer = nil
        configuration.dnsOverride = dnsOverride
        return configuration
    }

    public func authorizationURL(client: OAuthClient, state: String, challenge: String) -> String {
        OAuthForms.authorizationURL(client: client, state: state, challenge: challenge)
    }

    public func exchange(
        code: Secret<String>, verifier: Secret<String>, client: OAuthClient
    ) async throws(SalesforceError) -> TokenAnswer {
        try await token(
            [
                ("grant_type", "authorization_code"), ("code", code.exposed), ("redirect_uri", client.redirectURI),
                ("code_verifier", verifier.exposed),
            ], client: client)
    }

    public func refresh(
        _ refreshToken: Secret<String>, client: OAuthClient, at instance: InstanceURL?
    ) async throws(SalesforceError) -> TokenAnswer {
        try await token(
            [("grant_type", "refresh_token"), ("refresh_token", refreshToken.exposed)], client: client,
            former: instance)
    }

    private func token(
        _ grant: [(String, String)], client: OAuthClient, former: InstanceURL? = nil
    ) async throws(SalesforceError) -> TokenAnswer {
        var form = grant + [("client_id", client.clientID.exposed)]
        if let secret = client.clientSecret { form.append(("client_secret", secret.exposed)) }
        let reply = try await tokenExchange.post(client.login.tokenURL, form: form)
        guard reply.status == 200 else { throw reply.oauthError }
        return try TokenAnswer(reply, signers: client.signingSecrets, hosts: hosts, former: former)
    }

    public func revoke(_ token: Secret<String>, login: LoginEndpoint) async throws(SalesforceError) {
        let reply = try await tokenExchange.post(login.revokeURL, form: [("token", token.exposed)])
        guard reply.status != 200 else { return }
        // Salesforce's answers for a token that it does not know, or no longer.
        if reply.status == 400, let error = reply.oauthErrorFields?.error.lowercased(),
            ["invalid_token", "unsupported_token_type"].contains(error)
        {
            return
        }
        throw reply.oauthError
    }

    public func userInfo(
        instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> UserInfo {
        let reply = try await identityExchange.get(instance.userInfoURL, bearer: accessToken.exposed)
        guard reply.status == 200 else { throw reply.apiError }
        return try UserInfo(reply)
    }

    public func profile(
        ofUser userID: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> Profile {
        // The id becomes part of a query, so it must be one.
        guard isRecordID(userID, prefix: "005") else {
            throw SalesforceError(.invalidRequest, requestMayHaveBeenSent: false)
        }
        let query = "SELECT Profile.Name, Profile.PermissionsModifyAllData FROM User WHERE Id = '\(userID)'"
        let url = "\(instance)/services/data/v\(apiVersion)/query?" + FormEncoding.encode([("q", query)])
        let reply = try await identityExchange.get(url, bearer: accessToken.exposed)
        if reply.status == 200 { return try Profile(reply) }
        // Orgs can hide profiles from people without "View Setup": no reason to turn somebody away.
        if reply.hidesProfile { return Profile(name: nil, modifiesAllData: false) }
        throw reply.apiError
    }

    private var tokenExchange: BoundedExchange {
        BoundedExchange(http: http, timeout: limits.tokenTimeout, bodyBytesMax: limits.answerBytesMax)
    }

    private var identityExchange: BoundedExchange {
        BoundedExchange(http: http, timeout: limits.identityTimeout, bodyBytesMax: limits.answerBytesMax)
    }
}
