import Testing

@testable import Salesforce

/// Every row of Salesforce's error table has a name of its own and a treatment.
@Suite struct SalesforceErrorTests {
    private static let rows: [(String, String, SalesforceError.Code, SalesforceError.FailureClass)] = [
        ("invalid_grant", "expired access/refresh token", .expiredToken, .deadGrant),
        ("invalid_grant", "expired authorization code", .expiredCode, .deadGrant),
        ("invalid_grant", "token request is already being processed", .alreadyBeingProcessed, .passing),
        ("invalid_grant", "authentication failure", .authenticationFailure, .deadGrant),
        ("invalid_grant", "authentication failure - Invalid Password", .authenticationFailure, .deadGrant),
        (
            "invalid_grant", "authentication failure - Failed: API security token required", .authenticationFailure,
            .deadGrant
        ),
        ("invalid_grant", "inactive user", .inactiveUser, .deadGrant),
        ("invalid_grant", "inactive organization", .inactiveOrg, .barredByOrg),
        ("invalid_grant", "Login Rate Exceeded", .rateLimited, .passing),
        ("login_rate_exceeded", "", .rateLimited, .passing),
        ("invalid_grant", "user hasn't approved this consumer", .notApprovedByUser, .deadGrant),
        ("invalid_grant", "ip restricted or invalid login hours", .ipRestricted, .barredByOrg),
        ("invalid_grant", "Audience validation failed", .audienceValidation, .wrongClient),
        ("invalid_grant", "no client credentials user enabled", .noClientCredentialsUser, .barredByOrg),
        ("invalid_grant", "invalid code verifier", .invalidVerifier, .deadGrant),
        ("invalid_request", "invalid code verifier", .invalidVerifier, .deadGrant),
        ("invalid_grant", "missing verifier", .invalidVerifier, .deadGrant),
        ("invalid_grant", "", .invalidGrant, .deadGrant),
        ("invalid_grant", "something new", .invalidGrant, .deadGrant),
        ("invalid_client_id", "client identifier invalid", .invalidClientID, .wrongClient),
        ("invalid_client", "invalid client credentials", .invalidClient, .wrongClient),
        ("invalid_client", "something new", .invalidClient, .wrongClient),
        ("invalid_client", "app must be installed into org", .appNotInstalled, .barredByOrg),
        ("invalid_client", "External client app is not installed in this org", .appNotInstalled, .barredByOrg),
        ("invalid_app_access", "user is not admin approved to access this app", .notAdminApproved, .barredByOrg),
        ("redirect_uri_mismatch", "redirect_uri must match configuration", .redirectURIMismatch, .wrongClient),
        ("redirect_uri_missing", "", .redirectURIMissing, .bug),
        ("unsupported_response_type", "", .unsupportedResponseType, .bug),
        ("invalid_scope", "", .invalidScope, .wrongClient),
        ("invalid_request", "HTTPS required", .invalidRequest, .bug),
        ("invalid_request", "Must use HTTP POST", .invalidRequest, .bug),
        ("unsupported_grant_type", "grant type not supported", .unsupportedGrantType, .bug),
        ("inactive_user", "user is inactive", .inactiveUser, .deadGrant),
        ("inactive_org", "organization is locked", .inactiveOrg, .barredByOrg),
        ("rate_limit_exceeded", "Number of logins exceeded", .rateLimited, .passing),
        ("unknown_error", "retry your login", .unknownError, .passing),
        ("temporarily_unavailable", "", .unknownError, .passing),
    ]

    /// `error` and `error_description` give the code, and the code gives the treatment.
    @Test(arguments: rows)
    func answerHasACode(
        error: String, description: String, code: SalesforceError.Code, failureClass: SalesforceError.FailureClass
    ) {
        #expect(OAuthErrorTable.code(error: error, description: description) == code)
        #expect(SalesforceError(code, status: 400).failureClass == failureClass)
        #expect(SalesforceError(code, status: 400).isDefiniteRefusal)
    }

    /// Case and spaces around a description make no difference; more text does, since it could mean another thing.
    @Test func descriptionsAreComparedWhole() {
        #expect(
            OAuthErrorTable.code(error: " INVALID_GRANT ", description: "  IP  Restricted or invalid login hours\n")
                == .ipRestricted)
        #expect(
            OAuthErrorTable.code(error: "invalid_grant", description: "not ip restricted or invalid login hours")
                == .invalidGrant)
        #expect(
            OAuthErrorTable.code(error: "invalid_client", description: "token request is already being processed")
                == .invalidClient)
    }

    /// Failures of the way pass, except for those that a setting causes.
    @Test func failuresOfTheWayPass() {
        let passing: [SalesforceError.Code] = [
            .unreachable, .timeout, .brokenOff, .cancelled, .tooLarge, .malformedAnswer, .badStatus,
        ]
        for code in passing { #expect(SalesforceError(code).failureClass == .passing) }
        #expect(SalesforceError(.redirected).failureClass == .wrongClient)
        #expect(SalesforceError(.signatureMismatch).failureClass == .wrongClient)
        #expect(SalesforceError(.foreignInstance).failureClass == .bug)
        for code in passing { #expect(!SalesforceError(code).isDefiniteRefusal) }
    }

    /// Whoever is barred is told what the admin can do.
    @Test(arguments: SalesforceError.Code.all)
    func barredOrgsGetAdvice(code: SalesforceError.Code) {
        let error = SalesforceError(code)
        if error.failureClass == .barredByOrg || error.failureClass == .wrongClient {
            #expect(error.adminAdvice?.isEmpty == false)
        } else {
            #expect(error.adminAdvice == nil)
        }
    }

    /// Labels are distinct and plain, so that they can name series.
    @Test func labelsAreDistinctAndPlain() {
        let labels = SalesforceError.Code.all.map { SalesforceError($0).metricLabel }
        #expect(Set(labels).count == labels.count)
        #expect(labels.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "_" } })
    }

    /// The description says code and status, and whether anything was sent.
    @Test func descriptionSaysCodeAndStatus() {
        #expect("\(SalesforceError(.expiredToken, status: 400))" == "Salesforce: expired_token (HTTP 400)")
        #expect("\(SalesforceError(.timeout))" == "Salesforce: timeout (no answer)")
        #expect(
            "\(SalesforceError(.unreachable, requestMayHaveBeenSent: false))"
                == "Salesforce: unreachable (nothing sent)")
    }
}

/// What Salesforce says through the browser chooses one of our own texts.
@Suite struct AuthorizationErrorTests {
    /// Both spellings of a refusal, and the codes that are Salesforce's own.
    @Test(
        arguments: [
            ("access_denied", "end-user denied authorization", .denied), ("access-denied", nil, .denied),
            ("ACCESS_DENIED", nil, .denied),
            ("access_denied", "user is not admin approved to access this app", .notAdminApproved),
            ("OAUTH_APP_ACCESS_DENIED", "user is not admin approved to access this app", .notAdminApproved),
            ("OAUTH_APP_ACCESS_DENIED", nil, .notAdminApproved),
            ("OAUTH_APP_BLOCKED", "this app is blocked by admin", .appBlocked),
            ("OAUTH_APP_BLOCKED", nil, .appBlocked), ("OAUTH_APPROVAL_ERROR_GENERIC", nil, .approvalFailed),
            ("OAUTH_APPROVAL_ERROR_GENERIC", "app must be installed into org", .appNotInstalled),
            ("invalid_client", "app must be installed into org", .appNotInstalled),
            ("immediate_unsuccessful", nil, .interactionRequired), ("invalid_scope", nil, .misconfigured),
            ("invalid_request", "missing required code challenge", .misconfigured),
            ("temporarily_unavailable", nil, .unavailable), ("", "", .unknown), ("<script>", "<b>", .unknown),
        ] as [(String, String?, AuthorizationError.Cause)])
    func callbackHasACause(error: String, description: String?, cause: AuthorizationError.Cause) {
        #expect(AuthorizationError(error: error, description: description).cause == cause)
    }

    /// Nothing of what came through the browser is told to anybody.
    @Test func nothingIsRepeated() {
        let error = AuthorizationError(error: "canary", description: "canary")
        #expect(!"\(error) \(error.userMessage) \(error.metricLabel)".contains("canary"))
        #expect(!String(reflecting: error).contains("canary"))
    }

    /// Every cause has a text.
    @Test func everyCauseHasAText() {
        #expect(Set(AuthorizationError.Cause.allCases.map(\.rawValue)).count == AuthorizationError.Cause.allCases.count)
        #expect(!AuthorizationError(error: "x", description: nil).userMessage.isEmpty)
    }

    /// A long text costs no more than a short one.
    @Test func longTextsAreCut() {
        let long = String(repeating: "x", count: 1_000_000)
        #expect(AuthorizationError(error: long, description: long).cause == .unknown)
    }
}
