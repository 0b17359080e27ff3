import Crypto
import Foundation

/// Who asks the token endpoint.
struct ClientCredentials: Sendable {
    var clientID: String
    var clientSecret: String?
}

/// A refresh that was admitted and is now "being processed".
struct RefreshTicket: Sendable {
    var grantID: String
    var refreshToken: String
    var clientSecret: String
}

/// What the token endpoint answers when it succeeds.
struct TokenAnswer: Sendable {
    var accessToken: String
    var refreshToken: String?
    var scopes: [String]
    var identityURL: String
    var instanceURL: String
    var issuedAt: Date
    var state: String?
    /// The secret that signs `id` and `issued_at`.
    var signingSecret: String
    /// The claims of the id token, where `openid` was granted.
    var identityClaims: JSON?
    var signatureIsWrong = false

    /// Milliseconds since 1970, as text.
    var issuedAtText: String { String(Int((issuedAt.timeIntervalSince1970 * 1_000).rounded(.down))) }

    /// `base64(HMAC-SHA256(secret, id + issued_at))`.
    var signature: String {
        let message = Data((identityURL + issuedAtText).utf8)
        let key = SymmetricKey(data: Data((signatureIsWrong ? "not the secret" : signingSecret).utf8))
        return Data(HMAC<SHA256>.authenticationCode(for: message, using: key)).base64EncodedString()
    }

    /// The fields in the order in which Salesforce writes them. There is no `expires_in`.
    func fields(identityToken: String?) -> [(String, String)] {
        var fields = [("access_token", accessToken)]
        if let refreshToken { fields.append(("refresh_token", refreshToken)) }
        fields.append(("signature", signature))
        fields.append(("scope", scopes.joined(separator: " ")))
        if let identityToken { fields.append(("id_token", identityToken)) }
        fields.append(("instance_url", instanceURL))
        fields.append(("id", identityURL))
        fields.append(("token_type", "Bearer"))
        fields.append(("issued_at", issuedAtText))
        if let state { fields.append(("state", state)) }
        return fields
    }
}

extension SimulatorState {
    // MARK: Clients

    /// The app that presents these credentials; throws the token endpoint's error where they are wrong.
    private func authenticate(
        _ client: ClientCredentials, org: OrgState, needsSecret: (SimulatedApp) -> Bool
    ) throws -> (app: SimulatedApp, secret: String) {
        guard let app = org.apps[client.clientID] else { throw TokenError.unknownClient }
        guard let secret = client.clientSecret else {
            if needsSecret(app) { throw TokenError.wrongClientSecret }
            return (app, app.clientSecret)
        }
        guard secret == app.clientSecret || secret == app.previousClientSecret else {
            throw TokenError.wrongClientSecret
        }
        return (app, secret)
    }

    private func checkAccess(_ app: SimulatedApp, user: UserState?, org: OrgState) throws {
        if org.isLocked { throw TokenError.inactiveOrg }
        guard app.isInstalled else { throw TokenError.appNotInstalled }
        guard !app.isBlocked else { throw TokenError.notAdminApproved }
        guard let user, user.isActive else { throw TokenError.authenticationFailure }
    }

    // MARK: Codes

    /// Exchanges a code. A code is used up by any exchange that its own client makes with the right secret, even one
    /// that then fails: whether Salesforce spares it is not documented, and no client may count on it.
    mutating func exchange(
        _ form: FormFields, client: ClientCredentials, role: HostRole, in surroundings: Surroundings
    ) throws -> TokenAnswer {
        guard app(clientID: client.clientID) != nil else { throw TokenError.unknownClient }
        guard let value = form.nonEmpty("code") else { throw TokenError.missingParameter }
        guard let code = codes[value], let org = orgs[code.orgID], role.orgID == nil || role.orgID == org.id else {
            throw TokenError.expiredCode
        }
        let (app, secret) = try authenticate(client, org: org, needsSecret: \.requiresSecretForCode)
        guard code.clientID == app.clientID else { throw TokenError.expiredCode }
        codes[value] = nil
        guard surroundings.now < code.expiresAt else { throw TokenError.expiredCode }
        guard let redirectURI = form.nonEmpty("redirect_uri") else { throw TokenError.redirectMissing }
        guard redirectURI == code.redirectURI else { throw TokenError.redirectMismatch }
        if let challenge = code.challenge {
            guard let verifier = form.nonEmpty("code_verifier") else { throw TokenError.missingVerifier }
            guard base64URL(SHA256.hash(data: Data(verifier.utf8))) == challenge else {
                throw TokenError.wrongVerifier
            }
        }
        try checkAccess(app, user: org.user(code.userID), org: org)
        counters.codeExchanges += 1
        let grantID = startGrant(code, app: app, in: surroundings)
        var answer = issueAccessToken(
            grantID, app: app, org: org, secret: secret, nonce: code.nonce, in: surroundings)
        answer.refreshToken = grants[grantID]?.refreshToken
        answer.state = code.state
        return answer
    }

    private mutating func startGrant(
        _ code: AuthorizationCode, app: SimulatedApp, in surroundings: Surroundings
    ) -> String {
        let id = surroundings.randomText(24)
        var grant = Grant(
            orgID: code.orgID, userID: code.userID, clientID: code.clientID, scopes: code.scopes,
            createdAt: surroundings.now, sequence: nextSequence(), refreshTokenIssuedAt: surroundings.now,
            refreshTokenUsedAt: surroundings.now)
        if !Set(code.scopes).isDisjoint(with: ["refresh_token", "offline_access"]) {
            grant.refreshToken = newRefreshToken(of: &grant, id: id, in: surroundings)
            revokeOldestApprovals(of: code.userID, app: app, orgID: code.orgID)
        }
        grants[id] = grant
        return id
    }

    private mutating func newRefreshToken(of grant: inout Grant, id: String, in surroundings: Surroundings) -> String {
        let token = "5Aep861\(surroundings.randomText(73))"
        grant.refreshTokensIssued += 1
        refreshTokens[token] = IssuedRefreshToken(grantID: id, number: grant.refreshTokensIssued)
        counters.refreshTokensIssued += 1
        return token
    }

    /// Makes room for one more approval.
    private mutating func revokeOldestApprovals(of userID: RecordID, app: SimulatedApp, orgID: String) {
        let living = grants.filter { _, grant in
            !grant.isRevoked && grant.refreshToken != nil && grant.userID == userID && grant.orgID == orgID
                && grant.clientID == app.clientID
        }
        let excess = living.count - (app.approvalsMax - 1)
        guard excess > 0 else { return }
        for (id, _) in living.sorted(by: { $0.value.sequence < $1.value.sequence }).prefix(excess) {
            revokeGrant(id)
            counters.approvalsRevoked += 1
        }
    }

    // MARK: Refresh

    /// Admits a refresh: from now on the grant's token is being processed, until ``finishRefresh(_:in:)``.
    ///
    /// A dead token of a grant revokes the whole family, as Salesforce's refresh token rotation does.
    mutating func beginRefresh(
        _ form: FormFields, client: ClientCredentials, role: HostRole, in surroundings: Surroundings
    ) throws -> RefreshTicket {
        counters.refreshAttempts += 1
        guard app(clientID: client.clientID) != nil else { throw TokenError.unknownClient }
        guard let token = form.nonEmpty("refresh_token") else { throw TokenError.missingParameter }
        guard let grantID = refreshTokens[token]?.grantID, let grant = grants[grantID], let org = orgs[grant.orgID],
            role.orgID == nil || role.orgID == org.id
        else { throw TokenError.expiredToken }
        grants[grantID]?.refreshAttempts += 1
        let (app, secret) = try authenticate(client, org: org, needsSecret: \.requiresSecretForRefresh)
        guard grant.clientID == app.clientID else { throw TokenError.expiredToken }
        if grant.isBeingRefreshed, grant.refreshToken == token {
            counters.refreshesRefusedAsConcurrent += 1
            throw TokenError.alreadyBeingProcessed
        }
        guard !grant.isRevoked else { throw TokenError.expiredToken }
        guard grant.refreshToken == token else {
            counters.refreshTokenReuses += 1
            grants[grantID]?.refreshTokenReuses += 1
            revokeGrant(grantID)
            throw TokenError.expiredToken
        }
        try checkAccess(app, user: org.user(grant.userID), org: org)
        guard !grant.hasStalePassword else { throw TokenError.authenticationFailure }
        guard isRefreshable(grant, app: app, now: surroundings.now) else {
            revokeGrant(grantID)
            throw TokenError.expiredToken
        }
        grants[grantID]?.isBeingRefreshed = true
        return RefreshTicket(grantID: grantID, refreshToken: token, clientSecret: secret)
    }

    private func isRefreshable(_ grant: Grant, app: SimulatedApp, now: Date) -> Bool {
        switch app.refreshTokenPolicy {
        case .infinite: true
        case .immediatelyExpired: false
        case .lifetime(let duration): now.timeIntervalSince(grant.createdAt) < duration.timeInterval
        case .inactivity(let duration): now.timeIntervalSince(grant.refreshTokenUsedAt) < duration.timeInterval
        }
    }

    /// Completes a refresh that was admitted.
    mutating func finishRefresh(_ ticket: RefreshTicket, in surroundings: Surroundings) throws -> TokenAnswer {
        grants[ticket.grantID]?.isBeingRefreshed = false
        guard var grant = grants[ticket.grantID], !grant.isRevoked, grant.refreshToken == ticket.refreshToken,
            let org = orgs[grant.orgID], let app = org.apps[grant.clientID]
        else { throw TokenError.expiredToken }
        try checkAccess(app, user: org.user(grant.userID), org: org)
        counters.refreshes += 1
        grant.refreshes += 1
        grant.refreshTokenUsedAt = surroundings.now
        var answer = issueAccessToken(
            ticket.grantID, app: app, org: org, secret: ticket.clientSecret, nonce: nil, in: surroundings)
        if app.rotatesRefreshTokens {
            let successor = newRefreshToken(of: &grant, id: ticket.grantID, in: surroundings)
            grant.refreshToken = successor
            grant.refreshTokenIssuedAt = surroundings.now
            answer.refreshToken = successor
        }
        grants[ticket.grantID] = grant
        return answer
    }

    // MARK: Access tokens

    /// How many access tokens are remembered; ended ones go first.
    static let accessTokensMax = 100_000

    private mutating func issueAccessToken(
        _ grantID: String, app: SimulatedApp, org: OrgState, secret: String, nonce: String?,
        in surroundings: Surroundings
    ) -> TokenAnswer {
        // Invariant: the callers have just read or made this grant under the same lock.
        guard let grant = grants[grantID] else { preconditionFailure("a token needs its grant") }
        let token = "\(org.id)!AQ\(surroundings.randomText(90)).\(surroundings.randomText(3))"
        accessTokens[token] = AccessToken(
            grantID: grantID, orgID: org.id, userID: grant.userID, clientID: app.clientID, scopes: grant.scopes,
            issuedAt: surroundings.now, lastActivityAt: surroundings.now, timeout: app.sessionTimeout.timeInterval,
            slidesPastHalfOnly: app.slidesPastHalfOnly)
        counters.accessTokensIssued += 1
        if accessTokens.count > Self.accessTokensMax {
            accessTokens = accessTokens.filter { $0.value.isAlive(at: surroundings.now) }
            dropOldest(&accessTokens, above: Self.accessTokensMax, by: \.issuedAt)
        }
        let identityURL = surroundings.identityURL(org: org, user: grant.userID)
        var answer = TokenAnswer(
            accessToken: token, scopes: grant.scopes, identityURL: identityURL,
            instanceURL: surroundings.origin(of: org.instanceHost), issuedAt: surroundings.now,
            signingSecret: app.secretToSign(shown: secret))
        if grant.scopes.contains("openid") {
            let issued = Int(surroundings.now.timeIntervalSince1970)
            var claims: JSONObject = [
                ("at_hash", .string(base64URL(Array(SHA256.hash(data: Data(token.utf8)).prefix(16))))),
                ("sub", .string(identityURL)), ("aud", .string(app.clientID)),
                ("iss", .string(surroundings.origin(of: surroundings.genericLoginHost))),
                ("exp", .int(issued + 120)), ("iat", .int(issued)),
            ]
            if let nonce { claims["nonce"] = .string(nonce) }
            answer.identityClaims = .object(claims)
        }
        return answer
    }

    /// Ends a grant with all that was made from it.
    mutating func revokeGrant(_ id: String) {
        grants[id]?.isRevoked = true
        for (token, access) in accessTokens where access.grantID == id && !access.isEnded {
            accessTokens[token]?.isEnded = true
        }
    }
}

/// Base64url without padding.
func base64URL(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString()
        .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

extension JSONObject: ExpressibleByArrayLiteral {
    init(arrayLiteral elements: (String, JSON)...) { self.init(elements) }
}
