internal import Domain
internal import Foundation
internal import Salesforce
internal import Secrets

extension LiveToken {
    /// Opens a grant's row.
    ///
    /// - Throws: `SealingError`; `AllowedHostError` where the instance is not an allowed host any more.
    convenience init(row: OAuthToken, dataKey: DataKey, hosts: AllowedHosts) throws {
        self.init(
            grantID: row.id, userID: row.userID, version: row.version,
            accessToken: try row.decryptedAccessToken(with: dataKey),
            instance: try hosts.instance(row.instanceURL), mintedAt: row.updatedAt, expiresAt: row.expiresAt)
    }
}

extension AccessContext {
    /// The latest that a renewal is put off within `OAuthToken.expiringSoonMargin`: two minutes, so that the tokens of
    /// people who signed in together are not renewed together.
    private static let renewalSpreadSeconds: TimeInterval = 120

    /// When a token is renewed ahead of its estimated end.
    func renewalTime(of row: OAuthToken) -> Date {
        row.expiresAt.addingTimeInterval(-OAuthToken.expiringSoonMargin + jitter() * Self.renewalSpreadSeconds)
    }
}
