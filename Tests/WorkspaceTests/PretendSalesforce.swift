import Foundation
import GatewayTesting
import Salesforce
import Secrets

/// A Salesforce that knows three people by their authorization codes, and keeps a list of what was revoked.
struct PretendSalesforce: SalesforceOAuth {
    /// A person, by the code that stands for them.
    enum Person: String, CaseIterable {
        /// Axonify's admin.
        case susan
        /// Another of Axonify's people, without an admin's permissions.
        case ann
        /// Somebody of another org.
        case mallory

        var userID: String {
            switch self {
            case .susan: "0055g00000fixt1"
            case .ann: "0055g00000fixt2"
            case .mallory: "0055g00000fixt3"
            }
        }

        var organizationID: String { self == .mallory ? "00D9z000000evil" : Fixtures.organizationID }
    }

    /// What revoke was called with.
    actor Journal {
        private(set) var revoked: [String] = []
        func note(_ token: String) { revoked.append(token) }
    }

    /// In every token, so that one which leaks is found.
    static let canary = "CANARY"
    let journal = Journal()

    func authorizationURL(client: OAuthClient, state: String, challenge: String) -> String {
        "\(client.login.authorizeURL)?client_id=\(client.clientID.exposed)&state=\(state)&code_challenge=\(challenge)"
    }

    func exchange(
        code: Secret<String>, verifier: Secret<String>, client: OAuthClient
    ) async throws(SalesforceError) -> TokenAnswer {
        if code.exposed == "barred" { throw SalesforceError(.appNotInstalled, status: 400) }
        if code.exposed == "unsigned" { throw SalesforceError(.signatureMismatch, status: 200) }
        guard let person = Person(rawValue: code.exposed),
            let identity = IdentityURL(orgID: person.organizationID, userID: person.userID)
        else { throw SalesforceError(.expiredCode, status: 400) }
        let instance: InstanceURL
        do {
            instance = try AllowedHosts().instance("https://axonify.my.salesforce.com")
        } catch {
            throw SalesforceError(.foreignInstance)
        }
        return TokenAnswer(
            accessToken: Secret("\(person.organizationID)!access.\(Self.canary).\(person.rawValue)"),
            refreshToken: Secret("5Aep.refresh.\(Self.canary).\(person.rawValue)"), instanceURL: instance,
            identity: identity, issuedAt: Fixtures.epoch, scope: "api refresh_token openid")
    }

    func refresh(
        _ refreshToken: Secret<String>, client: OAuthClient, at instance: InstanceURL?
    ) async throws(SalesforceError) -> TokenAnswer {
        throw SalesforceError(.unreachable)
    }

    func revoke(_ token: Secret<String>, login: LoginEndpoint) async throws(SalesforceError) {
        await journal.note(token.exposed)
    }

    func userInfo(instance: InstanceURL, accessToken: Secret<String>) async throws(SalesforceError) -> UserInfo {
        guard let person = Person.allCases.first(where: { accessToken.exposed.hasSuffix($0.rawValue) }) else {
            throw SalesforceError(.deadSession, status: 403)
        }
        return UserInfo(
            userID: person.userID, organizationID: person.organizationID,
            preferredUsername: "\(person.rawValue)@axonify.com.fullcpy", email: "\(person.rawValue)@axonify.com",
            emailVerified: true, givenName: person.rawValue.capitalized, familyName: "McGovern")
    }

    func profile(
        ofUser userID: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> Profile {
        let isAdmin = userID.hasPrefix(Person.susan.userID)
        return Profile(name: isAdmin ? "System Administrator" : "Sales User", modifiesAllData: isAdmin)
    }
}
