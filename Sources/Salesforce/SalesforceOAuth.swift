public import Foundation
public import Secrets

/// Salesforce's OAuth and identity endpoints, as the gateway needs them.
///
/// No call is tried twice and none follows a redirect. `exchange` and `refresh` spend what they are given: the caller
/// must see to it that they run to their end, whatever becomes of the request that asked for them. A cancelled call is
/// broken off, and what it would have returned is lost.
public protocol SalesforceOAuth: Sendable {
    /// Where to send a browser: the authorize endpoint with its parameters.
    func authorizationURL(client: OAuthClient, state: String, challenge: String) -> String

    /// Exchanges an authorization code, once.
    func exchange(
        code: Secret<String>, verifier: Secret<String>, client: OAuthClient
    ) async throws(SalesforceError) -> TokenAnswer

    /// Spends a refresh token. Where the org rotates, it is dead afterwards and the answer holds its successor.
    ///
    /// - Parameter instance: Where the org was. It stays so where the answer names a host that may not be called
    ///   (``TokenAnswer/foreignHost``): the successor must not be lost for it.
    func refresh(
        _ refreshToken: Secret<String>, client: OAuthClient, at instance: InstanceURL?
    ) async throws(SalesforceError) -> TokenAnswer

    /// Revokes a token; with a refresh token, its access tokens too. One that Salesforce no longer knows counts as
    /// revoked.
    func revoke(_ token: Secret<String>, login: LoginEndpoint) async throws(SalesforceError)

    /// Who an access token belongs to.
    func userInfo(instance: InstanceURL, accessToken: Secret<String>) async throws(SalesforceError) -> UserInfo

    /// The user's profile. Where the org hides profiles from the user, a profile without a name or a permission.
    func profile(
        ofUser userID: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> Profile
}

/// What the token endpoint gave, checked: signature, identity, allowed instance.
public struct TokenAnswer: Sendable {
    /// For calls of the API.
    public let accessToken: Secret<String>
    /// `nil` where none is granted; after a refresh, where the old one stays good.
    public let refreshToken: Secret<String>?
    /// Where the API calls go. It can differ from the one before.
    public let instanceURL: InstanceURL
    /// The host that a refresh named as the instance and that may not be called; then ``instanceURL`` is the former
    /// one.
    public let foreignHost: String?
    /// Whose token it is.
    public let identity: IdentityURL
    /// When Salesforce issued it. Salesforce does not say when it ends.
    public let issuedAt: Date
    /// The scopes granted, separated by spaces; empty where the answer holds none.
    public let scope: String

    /// A token answer as a double makes it.
    public init(
        accessToken: Secret<String>, refreshToken: Secret<String>?, instanceURL: InstanceURL,
        foreignHost: String? = nil, identity: IdentityURL, issuedAt: Date, scope: String
    ) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.instanceURL = instanceURL
        self.foreignHost = foreignHost
        self.identity = identity
        self.issuedAt = issuedAt
        self.scope = scope
    }
}

/// The org and the user that an identity URL (`https://…/id/ORG/USER`) names. Its host is not believed, never called.
public struct IdentityURL: Sendable, Hashable {
    /// The org's id, 15 or 18 characters, beginning `00D`.
    public let orgID: String
    /// The user's id, 15 or 18 characters, beginning `005`.
    public let userID: String

    /// `nil` where the text is no identity URL.
    public init?(_ text: String) {
        guard text.utf8.count <= StrictURL.byteCountMax, text.lowercased().hasPrefix("http") else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 6, parts[parts.count - 3] == "id" else { return nil }
        self.init(orgID: String(parts[parts.count - 2]), userID: String(parts[parts.count - 1]))
    }

    /// `nil` where one is not an id of its kind.
    public init?(orgID: String, userID: String) {
        guard isRecordID(orgID, prefix: "00D"), isRecordID(userID, prefix: "005") else { return nil }
        self.orgID = orgID
        self.userID = userID
    }
}

/// Who an access token belongs to (`/services/oauth2/userinfo`).
public struct UserInfo: Sendable, Hashable {
    /// The user's id, 15 or 18 characters.
    public let userID: String
    /// The org's id, 15 or 18 characters.
    public let organizationID: String
    /// The Salesforce username: shaped like an email address, unique in all of Salesforce.
    public let preferredUsername: String
    /// The email address, which the person may not own; see ``emailVerified``.
    public let email: String?
    /// Whether the person has shown that the address is theirs.
    public let emailVerified: Bool
    public let givenName: String?
    public let familyName: String?

    /// A person as a double makes one.
    public init(
        userID: String, organizationID: String, preferredUsername: String, email: String?, emailVerified: Bool,
        givenName: String?, familyName: String?
    ) {
        self.userID = userID
        self.organizationID = organizationID
        self.preferredUsername = preferredUsername
        self.email = email
        self.emailVerified = emailVerified
        self.givenName = givenName
        self.familyName = familyName
    }
}

/// A user's profile, as far as it decides the role here.
public struct Profile: Sendable, Hashable {
    /// E.g. `System Administrator`; `nil` where the user may not see it.
    public let name: String?
    /// Whether it has `PermissionsModifyAllData`; `false` where the user may not see it.
    public let modifiesAllData: Bool

    /// A profile as a double makes one.
    public init(name: String?, modifiesAllData: Bool) {
        self.name = name
        self.modifiesAllData = modifiesAllData
    }
}

/// Whether a text is a record id of 15 or 18 characters with this key prefix.
func isRecordID(_ text: String, prefix: String) -> Bool {
    let bytes = text.utf8
    return (bytes.count == 15 || bytes.count == 18) && text.hasPrefix(prefix)
        && bytes.allSatisfy(HostName.isAlphanumeric)
}
