internal import Secrets

extension OAuthClient {
    /// What an exchange gave, and by which secret.
    public struct Exchanged: Sendable {
        public let answer: TokenAnswer
        /// Salesforce refused the client secret and took the staged one.
        public let usedStagedSecret: Bool
    }

    /// Runs an exchange of a code or refresh token, and where Salesforce refuses the client secret (`invalid_client`),
    /// once more with the staged one.
    ///
    /// That spends nothing twice: a client that does not prove who it is gets no further, so what it showed is as good
    /// as before (RFC 6749 §4.1.3, §5.2). After any other failure it may be spent, and there is no second try.
    ///
    /// Takes at most twice as long as the exchange alone: ``SalesforceOAuthClient/Limits/exchangeMax``.
    public func withEitherSecret(
        _ exchange: (OAuthClient) async throws(SalesforceError) -> TokenAnswer
    ) async throws(SalesforceError) -> Exchanged {
        do throws(SalesforceError) {
            return Exchanged(answer: try await exchange(self), usedStagedSecret: false)
        } catch {
            guard error.code == .invalidClient, let staged = withSecretsSwapped else { throw error }
            return Exchanged(answer: try await exchange(staged), usedStagedSecret: true)
        }
    }

    /// The secrets that Salesforce may sign answers with: of two that live, it is not said which it takes.
    var signingSecrets: [Secret<String>] {
        clientSecret.map { [$0] + [stagedSecret].compactMap(\.self) } ?? []
    }

    /// The same app, to be tried with its staged secret; `nil` where it has none.
    private var withSecretsSwapped: OAuthClient? {
        guard let clientSecret, let stagedSecret else { return nil }
        return OAuthClient(
            login: login, clientID: clientID, clientSecret: stagedSecret, stagedSecret: clientSecret,
            redirectURI: redirectURI)
    }
}
