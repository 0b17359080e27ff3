import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import Salesforce
import Secrets

/// Salesforce, as far as one person's grants go: what is good, what is spent, and what was shown although it was spent.
final class ExploredOrg: Sendable {
    /// A grant: a refresh token, with rotation good once, and the tokens that were issued by it.
    struct Family: Hashable {
        var goodToken: String
        var accessTokens: [String]
        var isRevoked = false
    }

    /// All that Salesforce knows.
    struct State: Hashable {
        var families: [Family] = []
        /// Spent refresh tokens, with their families.
        var spent: [String: Int] = [:]
        var lastNumber = 0
        /// Spent refresh tokens that were shown again.
        var reuses = 0
    }

    let rotates: Bool
    private let box = NIOLockedValueBox(State())

    init(rotates: Bool) {
        self.rotates = rotates
    }

    var state: State { box.withLockedValue { $0 } }

    /// A new grant, as a sign-in gets it.
    func grant() -> (access: String, refresh: String) {
        box.withLockedValue { state in
            state.lastNumber += 1
            let (access, refresh) = ("A\(state.lastNumber)", "R\(state.lastNumber)")
            state.families.append(Family(goodToken: refresh, accessTokens: [access]))
            return (access, refresh)
        }
    }

    /// A refresh arrives; `nil` where Salesforce says that the token is dead.
    func spend(_ token: String) -> (access: String, refresh: String?)? {
        box.withLockedValue { state in
            if let family = state.spent[token] {
                state.reuses += 1
                state.families[family].isRevoked = true
                return nil
            }
            guard let family = state.families.firstIndex(where: { $0.goodToken == token && !$0.isRevoked }) else {
                return nil
            }
            state.lastNumber += 1
            let access = "A\(state.lastNumber)"
            guard rotates else {
                state.families[family].accessTokens.append(access)
                return (access, nil)
            }
            let successor = "R\(state.lastNumber)"
            state.spent[token] = family
            state.families[family].goodToken = successor
            state.families[family].accessTokens = [access]
            return (access, successor)
        }
    }

    /// Ends the grant of a refresh token, which may be spent by now.
    func revoke(_ token: String) {
        box.withLockedValue { state in
            let family = state.spent[token] ?? state.families.firstIndex { $0.goodToken == token }
            if let family { state.families[family].isRevoked = true }
        }
    }

    /// Whether a pair is as good as one can be: its refresh token is the good one of a living grant.
    func isGood(refresh: String) -> Bool {
        state.families.contains { !$0.isRevoked && $0.goodToken == refresh }
    }
}

/// Salesforce, as one process of a schedule reaches it.
struct SteppedOrg: SalesforceOAuth {
    let steps: ProcessSteps
    let instance: InstanceURL
    let identity: IdentityURL
    let plant: Plant?

    private var org: ExploredOrg { steps.org }

    func refresh(
        _ refreshToken: Secret<String>, client: OAuthClient, at instance: InstanceURL?
    ) async throws(SalesforceError) -> TokenAnswer {
        let fate = await steps.turn(.post)
        if fate != .abandoned { steps.notes.willPost(refreshToken.exposed, by: steps.number, fate: fate) }
        switch fate {
        case .happens:
            return try answer(refreshToken)
        case .unheard:
            _ = org.spend(refreshToken.exposed)
            if plant == .lostAnswersAreRepeated { return try answer(refreshToken) }
            throw SalesforceError(.brokenOff)
        case .missed:
            throw SalesforceError(.timeout)
        case .unsent:
            throw SalesforceError(.unreachable, requestMayHaveBeenSent: false)
        case .busy:
            throw SalesforceError(.badStatus, status: 503)
        case .underWay:
            throw SalesforceError(.alreadyBeingProcessed, status: 400)
        case .revoked:
            org.revoke(refreshToken.exposed)
            throw SalesforceError(.expiredToken, status: 400)
        case .abandoned:
            throw SalesforceError(.cancelled)
        }
    }

    private func answer(_ refreshToken: Secret<String>) throws(SalesforceError) -> TokenAnswer {
        guard let pair = org.spend(refreshToken.exposed) else {
            steps.observe("post: refused")
            throw SalesforceError(.expiredToken, status: 400)
        }
        steps.notes.didReceive(access: pair.access, refresh: pair.refresh, by: steps.number)
        return tokenAnswer(access: pair.access, refresh: pair.refresh)
    }

    func tokenAnswer(access: String, refresh: String?) -> TokenAnswer {
        TokenAnswer(
            accessToken: Secret(access), refreshToken: refresh.map { Secret($0) }, instanceURL: instance,
            identity: identity, issuedAt: Fixtures.epoch, scope: "api refresh_token openid")
    }

    /// A token that nobody shall use any more.
    func handBack(_ token: Secret<String>) {
        steps.notes.change { _ = $0.handedBack.insert(token.exposed) }
        org.revoke(token.exposed)
    }

    func revoke(_ token: Secret<String>, login: LoginEndpoint) async throws(SalesforceError) {
        handBack(token)
    }

    // MARK: What no refresh asks

    func authorizationURL(client: OAuthClient, state: String, challenge: String) -> String { "" }

    func exchange(
        code: Secret<String>, verifier: Secret<String>, client: OAuthClient
    ) async throws(SalesforceError) -> TokenAnswer {
        throw SalesforceError(.unknownError)
    }

    func userInfo(instance: InstanceURL, accessToken: Secret<String>) async throws(SalesforceError) -> UserInfo {
        throw SalesforceError(.unknownError)
    }

    func profile(
        ofUser userID: String, instance: InstanceURL, accessToken: Secret<String>
    ) async throws(SalesforceError) -> Profile {
        throw SalesforceError(.unknownError)
    }
}
