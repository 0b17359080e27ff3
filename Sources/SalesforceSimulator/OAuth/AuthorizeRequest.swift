import Foundation

/// Why an authorize request can't go on, and who gets to know it.
enum AuthorizeFailure: Error, Sendable {
    /// Shown by Salesforce itself; never returned to the app.
    case page(code: String, description: String)
    /// Sent to the app's callback.
    case redirect(uri: String, code: String, description: String, state: String?)
}

/// What to do next with a person who signs in to an app.
enum AuthorizeStep: Sendable {
    case logIn(pending: String, loginHint: String?)
    case consent(pending: String, PendingAuthorization, app: SimulatedApp, org: OrgState, user: UserState, form: String)
    case redirect(String)
}

extension SimulatorState {
    /// Checks an authorize request and remembers it until somebody has signed in.
    ///
    /// - Returns: The id under which it waits.
    mutating func beginAuthorization(
        _ query: FormFields, host: String, role: HostRole, in surroundings: Surroundings
    ) throws -> String {
        let app = try authorizeApp(query.nonEmpty("client_id"), role: role)
        guard let redirectURI = query.nonEmpty("redirect_uri") else {
            throw AuthorizeFailure.page(
                code: TokenError.redirectMissing.code, description: TokenError.redirectMissing.text)
        }
        guard app.accepts(redirectURI: redirectURI) else {
            throw AuthorizeFailure.page(
                code: TokenError.redirectMismatch.code, description: TokenError.redirectMismatch.text)
        }
        let state = query["state"]
        func refuse(_ code: String, _ description: String) -> AuthorizeFailure {
            .redirect(uri: redirectURI, code: code, description: description, state: state)
        }
        guard query["response_type"] == "code" else {
            throw refuse(TokenError.unsupportedResponseType.code, TokenError.unsupportedResponseType.text)
        }
        let challenge = query.nonEmpty("code_challenge")
        if challenge == nil, app.requiresPKCE {
            throw AuthorizeFailure.page(code: "invalid_request", description: "missing required code challenge")
        }
        if challenge != nil, let method = query.nonEmpty("code_challenge_method"), method != "S256" {
            throw refuse("invalid_request", "unsupported code challenge method")
        }
        if let challenge, !Self.isChallenge(challenge) { throw refuse("invalid_request", "invalid code challenge") }
        let scopes = try requestedScopes(query["scope"], app: app, refuse: refuse)
        let prompt = Set((query["prompt"] ?? "").split(separator: " ").map(String.init))
        let id = surroundings.randomText(32)
        pendingAuthorizations[id] = PendingAuthorization(
            clientID: app.clientID, redirectURI: redirectURI, scopes: scopes, state: state, challenge: challenge,
            nonce: query["nonce"], loginHint: query.nonEmpty("login_hint"), host: host,
            asksForLogin: !prompt.isDisjoint(with: ["login", "select_account"]),
            asksForConsent: prompt.contains("consent"), createdAt: surroundings.now)
        dropOldest(&pendingAuthorizations, above: PendingAuthorization.countMax, by: \.createdAt)
        return id
    }

    /// S256 challenges are 43 characters of base64url.
    private static func isChallenge(_ text: String) -> Bool {
        text.utf8.count == 43
            && text.utf8.allSatisfy { $0 == 0x2D || $0 == 0x5F || Character(UnicodeScalar($0)).isBase62 }
    }

    private func authorizeApp(_ clientID: String?, role: HostRole) throws -> SimulatedApp {
        let unknown = AuthorizeFailure.page(
            code: TokenError.unknownClient.code, description: TokenError.unknownClient.text)
        guard let clientID, let app = app(clientID: clientID) else { throw unknown }
        guard let orgID = role.orgID, let org = orgs[orgID] else { return app }
        guard let installed = org.apps[clientID], installed.isInstalled else { throw Self.notInstalled }
        return installed
    }

    static let notInstalled = AuthorizeFailure.page(
        code: "OAUTH_APPROVAL_ERROR_GENERIC", description: TokenError.appNotInstalled.text)

    private func requestedScopes(
        _ scope: String?, app: SimulatedApp, refuse: (String, String) -> AuthorizeFailure
    ) throws -> [String] {
        let asked = (scope ?? "").split(separator: " ").map(String.init)
        if asked.isEmpty { return app.scopes }
        guard asked.allSatisfy(app.scopes.contains) else {
            throw refuse(TokenError.invalidScope.code, TokenError.invalidScope.text)
        }
        var seen: Set<String> = []
        return asked.filter { seen.insert($0).inserted }
    }

    /// What comes next for a pending authorization in this browser.
    mutating func authorizeStep(
        pending id: String, session: WebSession?, agreed: Bool, in surroundings: Surroundings
    ) throws -> AuthorizeStep {
        guard let pending = pendingAuthorizations[id],
            surroundings.now < pending.createdAt.addingTimeInterval(PendingAuthorization.lifetime)
        else {
            throw AuthorizeFailure.page(code: "invalid_request", description: "this sign-in took too long")
        }
        guard let session, session.host == pending.host,
            !(pending.asksForLogin && session.createdAt < pending.createdAt),
            let org = orgs[session.orgID], let user = org.user(session.userID), user.isActive
        else { return .logIn(pending: id, loginHint: pending.loginHint) }
        func refuse(_ code: String, _ description: String) -> AuthorizeFailure {
            .redirect(uri: pending.redirectURI, code: code, description: description, state: pending.state)
        }
        guard let app = org.apps[pending.clientID], app.isInstalled else { throw Self.notInstalled }
        if org.isLocked { throw refuse(TokenError.inactiveOrg.code, TokenError.inactiveOrg.text) }
        if app.isBlocked { throw refuse("OAUTH_APP_BLOCKED", "this app is blocked by admin") }
        if !app.usersMayApprove { throw refuse("OAUTH_APP_ACCESS_DENIED", TokenError.notAdminApproved.text) }
        let approvals = pending.scopes.map {
            OrgState.Approval(userID: user.id, clientID: app.clientID, scope: $0)
        }
        guard agreed || (!pending.asksForConsent && org.approvals.isSuperset(of: approvals)) else {
            return .consent(pending: id, pending, app: app, org: org, user: user, form: session.formToken)
        }
        orgs[org.id]?.approvals.formUnion(approvals)
        pendingAuthorizations[id] = nil
        return .redirect(issueCode(pending, org: org, user: user, in: surroundings))
    }

    private mutating func issueCode(
        _ pending: PendingAuthorization, org: OrgState, user: UserState, in surroundings: Surroundings
    ) -> String {
        let code = "aPrx\(surroundings.randomText(82))=="
        codes[code] = AuthorizationCode(
            orgID: org.id, userID: user.id, clientID: pending.clientID, redirectURI: pending.redirectURI,
            challenge: pending.challenge, scopes: pending.scopes, nonce: pending.nonce, state: pending.state,
            expiresAt: surroundings.now.addingTimeInterval(AuthorizationCode.lifetime))
        dropOldest(&codes, above: AuthorizationCode.countMax, by: \.expiresAt)
        var fields = [("code", code)]
        if let state = pending.state { fields.append(("state", state)) }
        return redirect(pending.redirectURI, fields)
    }

    /// Ends a pending authorization as the person wished.
    mutating func denyAuthorization(_ id: String) throws -> String {
        guard let pending = pendingAuthorizations.removeValue(forKey: id) else {
            throw AuthorizeFailure.page(code: "invalid_request", description: "this sign-in took too long")
        }
        var fields = [("error", "access_denied"), ("error_description", "end-user denied authorization")]
        if let state = pending.state { fields.append(("state", state)) }
        return redirect(pending.redirectURI, fields)
    }
}

/// Appends fields to a callback URL.
func redirect(_ uri: String, _ fields: [(String, String)]) -> String {
    "\(uri)\(uri.contains("?") ? "&" : "?")\(FormFields(fields).encoded)"
}

/// Keeps a table from growing without end.
func dropOldest<Value>(_ table: inout [String: Value], above limit: Int, by age: (Value) -> Date) {
    guard table.count > limit else { return }
    // A tenth at once, so that the sort is rare.
    let oldest = table.sorted { age($0.value) < age($1.value) }.prefix(table.count - limit + limit / 10)
    for (key, _) in oldest { table[key] = nil }
}

extension Character {
    fileprivate var isBase62: Bool { isASCII && (isLetter || isNumber) }
}
