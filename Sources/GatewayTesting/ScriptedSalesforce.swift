internal import Foundation
internal import NIOConcurrencyHelpers
public import Salesforce
public import Secrets

/// Salesforce's OAuth endpoints in memory, strict where it matters: codes and (where the org rotates) refresh tokens
/// are good once, a spent one revokes its whole family, and what was asked is counted.
///
/// Steps can be scripted: refuse, lose the answer after the token was spent, or hold until a gate opens.
public final class ScriptedSalesforce: SalesforceOAuth {
    /// Somebody who can sign in.
    public struct Person: Sendable, Hashable {
        public var userID: String
        public var organizationID: String
        public var username: String
        public var email: String?
        public var emailVerified: Bool
        public var givenName: String?
        public var familyName: String?
        public var profile: Profile

        /// Somebody; the defaults are the seed's admin.
        public init(
            userID: String = "0055g00000fixt1", organizationID: String = Fixtures.organizationID,
            username: String = "smcgovern@axonify.com.fullcpy", email: String? = "smcgovern@axonify.com",
            emailVerified: Bool = true, givenName: String? = "Susan", familyName: String? = "McGovern",
            profile: Profile = Profile(name: "System Administrator", modifiesAllData: true)
        ) {
            self.userID = userID
            self.organizationID = organizationID
            self.username = username
            self.email = email
            self.emailVerified = emailVerified
            self.givenName = givenName
            self.familyName = familyName
            self.profile = profile
        }
    }

    /// What the next refresh (or exchange) does.
    public enum Step: Sendable {
        /// Salesforce refuses; the token is as good as before.
        case refuse(SalesforceError)
        /// Salesforce issues, and the answer is lost on the way.
        case loseAnswer(SalesforceError)
        /// Salesforce answers when the gate opens.
        case hold(Gate)
    }

    fileprivate struct Family {
        let person: Person
        var refreshToken: String
        var spent: Set<String> = []
        var accessTokens: Set<String> = []
        var isRevoked = false
    }

    fileprivate struct Code {
        let person: Person
        let challenge: String
    }

    fileprivate struct State {
        var rotates: Bool
        var instance: InstanceURL
        var foreignHost: String?
        var families: [Family] = []
        var codes: [String: Code] = [:]
        var steps: [Step] = []
        var lastNumber = 0
        var refreshes = 0
        var reuses = 0
        var exchanges = 0
        var revoked: [String] = []
        var answersAs: Person?
        var profileError: SalesforceError?
        var revokeError: SalesforceError?
        var liveSecrets: Set<String>?
        var shownSecrets: [String] = []
    }

    private let state: NIOLockedValueBox<State>
    private let clock: TestClock

    /// An org whose calls go to `instance`.
    public init(instance: InstanceURL, rotates: Bool = true, clock: TestClock = TestClock()) {
        self.state = NIOLockedValueBox(State(rotates: rotates, instance: instance))
        self.clock = clock
    }

    // MARK: The script

    /// Adds what the next refreshes or exchanges do, one step each; those without a step are answered.
    public func script(_ steps: Step...) {
        state.withLockedValue { $0.steps += steps }
    }

    /// Whether refresh tokens are good once.
    public var rotates: Bool {
        get { state.withLockedValue { $0.rotates } }
        set { state.withLockedValue { $0.rotates = newValue } }
    }

    /// Where calls go from the next answer on.
    public func move(to instance: InstanceURL) {
        state.withLockedValue { $0.instance = instance }
    }

    /// Makes answers name a host that may not be called; `nil` ends it.
    public func move(toForeignHost host: String?) {
        state.withLockedValue { $0.foreignHost = host }
    }

    /// Makes the next answers say that they are somebody else's; `nil` ends it.
    public func answer(as person: Person?) {
        state.withLockedValue { $0.answersAs = person }
    }

    /// Makes profiles unreadable; `nil` ends it.
    public func failProfiles(_ error: SalesforceError?) {
        state.withLockedValue { $0.profileError = error }
    }

    /// Makes revocations fail; `nil` ends it.
    public func failRevocations(_ error: SalesforceError?) {
        state.withLockedValue { $0.revokeError = error }
    }

    /// Which client secrets are live; whoever shows another is refused as an unknown client. At first any is.
    public func accept(secrets: String...) {
        state.withLockedValue { $0.liveSecrets = Set(secrets) }
    }

    /// A new grant, as an exchanged code gives it.
    public func grant(to person: Person = Person()) -> TokenAnswer {
        state.withLockedValue { $0.newFamily(of: person, at: clock.now) }
    }

    /// A code for somebody who said yes at the authorize URL that a sign-in led to.
    public func approve(_ person: Person = Person(), at authorizeURL: String) -> (code: String, state: String) {
        let items = URLComponents(string: authorizeURL)?.queryItems ?? []
        let value = { (name: String) in items.first { $0.name == name }?.value ?? "" }
        let code = state.withLockedValue { state in
            state.lastNumber += 1
            let code = "aPrx.code.\(state.lastNumber)=="
            state.codes[code] = Code(person: person, challenge: value("code_challenge"))
            return code
        }
        return (code, value("state"))
    }

    // MARK: What happened

    /// Refreshes that were asked for, refused ones included.
    public var refreshCount: Int { state.withLockedValue { $0.refreshes } }
    /// Spent refresh tokens that were shown again.
    public var reuseCount: Int { state.withLockedValue { $0.reuses } }
    /// Codes that were asked to be exchanged.
    public var exchangeCount: Int { state.withLockedValue { $0.exchanges } }
    /// Client secrets that refreshes and exchanges showed, in order.
    public var shownSecrets: [String] { state.withLockedValue { $0.shownSecrets } }
    /// Tokens that were revoked, in order.
    public var revokedTokens: [String] { state.withLockedValue { $0.revoked } }

    /// Whether an access token lives.
    public func isAlive(_ accessToken: Secret<String>) -> Bool {
        state.withLockedValue { state in
            state.families.contains { !$0.isRevoked && $0.accessTokens.contains(accessToken.exposed) }
        }
    }

    /// Ends all access tokens, as time does; the grants stay.
    public func expireAccessTokens() {
        state.withLockedValue { state in
            for index in state.families.indices { state.families[index].accessTokens = [] }
        }
    }

    // MARK: SalesforceOAuth

    public func authorizationURL(client: OAuthClient, state: String, challenge: String) -> String {
        var components = URLComponents(string: client.login.authorizeURL) ?? URLComponents()
        components.queryItems = [
            URLQueryItem(name: "response_type", value: "code"),
            URLQueryItem(name: "client_id", value: client.clientID.exposed),
            URLQueryItem(name: "redirect_uri", value: client.redirectURI),
            URLQueryItem(name: "state", value: state), URLQueryItem(name: "code_challenge", value: challenge),
        ]
        return components.string ?? ""
    }

    public func exchange(
        code: Secret<String>, verifier: Secret<String>, client: OAuthClient
    ) async throws(SalesforceError) -> TokenAnswer {
        let step = state.withLockedValue { state in
            state.exchanges += 1
            state.shownSecrets += [client.clientSecret?.exposed].compactMap(\.self)
            return state.steps.isEmpty ? nil : state.steps.removeFirst()
        }
        func issue() throws(SalesforceError) -> TokenAnswer {
            let answer = self.state.withLockedValue { state -> Result<TokenAnswer, SalesforceError> in
                guard state.admits(client) else { return .failure(SalesforceError(.invalidClient, status: 400)) }
                guard let issued = state.codes.removeValue(forKey: code.exposed) else {
                    return .failure(SalesforceError(.expiredCode, status: 400))
                }
                guard !issued.challenge.isEmpty, issued.challenge == PKCE.challenge(of: verifier.exposed) else {
                    return .failure(SalesforceError(.invalidVerifier, status: 400))
                }
                return .success(state.newFamily(of: issued.person, at: self.clock.now))
            }
            return try answer.get()
        }
        return try at(nil, try await perform(step, issue))
    }

    public func refresh(
        _ refreshToken: Secret<String>, client: OAuthClient, at instance: InstanceURL?
    ) async throws(SalesforceError) -> TokenAnswer {
        let step = state.withLockedValue { state in
            state.refreshes += 1
            state.shownSecrets += [client.clientSecret?.exposed].compactMap(\.self)
            return state.steps.isEmpty ? nil : state.steps.removeFirst()
        }
        func issue() throws(SalesforceError) -> TokenAnswer {
            let answer = self.state.withLockedValue { state -> Result<TokenAnswer, SalesforceError> in
                guard state.admits(client) else { return .failure(SalesforceError(.invalidClient, status: 400)) }
                return state.refresh(refreshToken.exposed, at: self.clock.now)
            }
            return try answer.get()
        }
        return try at(instance, try await perform(step, issue))
    }

    /// An answer as it is read where the org was at an instance before.
    private func at(_ former: InstanceURL?, _ answer: TokenAnswer) throws(SalesforceError) -> TokenAnswer {
        guard let host = state.withLockedValue({ $0.foreignHost }) else { return answer }
        guard let former else { throw SalesforceError(.foreignInstance, status: 200, foreignHost: host) }
        return TokenAnswer(
            accessToken: answer.accessToken, refreshToken: answer.refreshToken, instanceURL: former, foreignHost: host,
            identity: answer.identity, issuedAt: answer.issuedAt, scope: answer.scope)
    }

    private func perform(
        _ step: Step?, _ issue: () throws(SalesforceError) -> TokenAnswer
    ) async throws(SalesforceError) -> TokenAnswer {
        switch step {
        case .refuse(let error):
            throw error
        case .loseAnswer(let error):
            _ = try issue()
            throw error
        case .hold(let gate):
            await gate.pass()
            return try issue()
        case nil:
            // A real exchange takes its time: whoever else is ready runs first.
            await Task.yield()
            return try issue()
        }
    }

    public func revoke(_ token: Secret<String>, login: LoginEndpoint) async throws(SalesforceError) {
        let error = state.withLockedValue { state in
            state.revoked.append(token.exposed)
            guard state.revokeError == nil else { return state.revokeError }
            for index in state.families.indices where state.families[index].has(token.exposed) {
                state.families[index].isRevoked = true
            }
            return nil
        }
        if let error { throw error }
    }

    public func userInfo(
        instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> UserInfo {
        guard let person = person(of: accessToken) else { throw SalesforceError(.deadSession, status: 403) }
        return UserInfo(
            userID: person.userID, organizationID: person.organizationID, preferredUsername: person.username,
            email: person.email, emailVerified: person.emailVerified, givenName: person.givenName,
            familyName: person.familyName)
    }

    public func profile(
        ofUser userID: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> Profile {
        if let error = state.withLockedValue({ $0.profileError }) { throw error }
        guard let person = person(of: accessToken) else { throw SalesforceError(.deadSession, status: 401) }
        return person.profile
    }

    private func person(of accessToken: Secret<String>) -> Person? {
        state.withLockedValue { state in
            state.families.first { !$0.isRevoked && $0.accessTokens.contains(accessToken.exposed) }?.person
        }
    }
}

extension ScriptedSalesforce.Family {
    fileprivate func has(_ token: String) -> Bool {
        refreshToken == token || accessTokens.contains(token)
    }
}

extension ScriptedSalesforce.State {
    fileprivate func admits(_ client: OAuthClient) -> Bool {
        guard let liveSecrets, let secret = client.clientSecret else { return true }
        return liveSecrets.contains(secret.exposed)
    }

    fileprivate mutating func newFamily(of person: ScriptedSalesforce.Person, at now: Date) -> TokenAnswer {
        lastNumber += 1
        var family = ScriptedSalesforce.Family(person: person, refreshToken: "5Aep.refresh.\(lastNumber)")
        let answer = issue(from: &family, refreshToken: family.refreshToken, at: now)
        families.append(family)
        return answer
    }

    fileprivate mutating func refresh(_ token: String, at now: Date) -> Result<TokenAnswer, SalesforceError> {
        if let index = families.firstIndex(where: { $0.spent.contains(token) }) {
            reuses += 1
            families[index].isRevoked = true
            return .failure(SalesforceError(.expiredToken, status: 400))
        }
        guard let index = families.firstIndex(where: { $0.refreshToken == token && !$0.isRevoked }) else {
            return .failure(SalesforceError(.expiredToken, status: 400))
        }
        var family = families[index]
        var successor: String?
        if rotates {
            lastNumber += 1
            family.spent.insert(token)
            family.refreshToken = "5Aep.refresh.\(lastNumber)"
            family.accessTokens = []
            successor = family.refreshToken
        }
        let answer = issue(from: &family, refreshToken: successor, at: now)
        families[index] = family
        return .success(answer)
    }

    private mutating func issue(
        from family: inout ScriptedSalesforce.Family, refreshToken: String?, at now: Date
    ) -> TokenAnswer {
        lastNumber += 1
        let accessToken = "\(Fixtures.organizationID)!access.\(lastNumber)"
        family.accessTokens.insert(accessToken)
        let person = answersAs ?? family.person
        guard let identity = IdentityURL(orgID: person.organizationID, userID: person.userID) else {
            // Invariant: tests give ids that are ids.
            preconditionFailure("Not a Salesforce id: \(person.organizationID), \(person.userID)")
        }
        return TokenAnswer(
            accessToken: Secret(accessToken), refreshToken: refreshToken.map { Secret($0) }, instanceURL: instance,
            identity: identity, issuedAt: now, scope: "api refresh_token openid")
    }
}

extension PKCE {
    /// The challenge of a verifier: RFC 7636 §4.2, made of the bytes that the verifier was made of.
    fileprivate static func challenge(of verifier: String) -> String? {
        let base64 = verifier.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: base64 + padding), bytes.count >= verifierByteCount else { return nil }
        return PKCE(verifierBytes: Array(bytes)).challenge
    }
}
