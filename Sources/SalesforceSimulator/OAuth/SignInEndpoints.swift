import Foundation
import Logging

/// The pages and redirects of a sign-in, on a login host.
struct SignInEndpoints: Sendable {
    static let consentPath = "/setup/secur/RemoteAccessAuthorizationPage.apexp"
    /// The web session's cookie.
    static let cookieName = "sid"

    let core: SimulatorCore
    let request: SimulatedRequest
    let role: HostRole

    /// `nil` where the path is none of a sign-in's.
    func answer() -> SimulatedAnswer? {
        switch (request.method, request.path) {
        case ("GET", "/services/oauth2/authorize"), ("POST", "/services/oauth2/authorize"): authorize()
        case ("GET", "/"): loginPage(error: nil, username: nil, startURL: request.query["startURL"], status: 200)
        case ("POST", "/"): logIn()
        case ("GET", Self.consentPath): consent(agreed: false)
        case ("POST", Self.consentPath): decide()
        case ("GET", "/secur/logout.jsp"): logOut()
        case ("GET", "/home/home.jsp"): home()
        case _: nil
        }
    }

    // MARK: Authorize

    private func authorize() -> SimulatedAnswer {
        let fields = request.method == "POST" ? request.form : request.query
        let isImmediate = fields["immediate"] == "true"
        return guarded {
            let (id, step) = try core.step { state, surroundings in
                let id = try state.beginAuthorization(fields, host: request.host, role: role, in: surroundings)
                let session = state.webSession(
                    request.cookie(Self.cookieName), host: request.host, now: surroundings.now)
                let step = try state.authorizeStep(pending: id, session: session, agreed: false, in: surroundings)
                return (id, step)
            }
            switch step {
            case .redirect(let location): return page(.redirect(to: location))
            case .logIn, .consent:
                if isImmediate {
                    _ = try core.step { state, _ in try state.denyAuthorization(id) }
                    throw AuthorizeFailure.redirect(
                        uri: fields["redirect_uri"] ?? "", code: "immediate_unsuccessful",
                        description: "Immediate processing not successful", state: fields["state"])
                }
                return page(.redirect(to: "\(Self.consentPath)?source=\(percentEncoded(id))"))
            }
        }
    }

    private func consent(agreed: Bool) -> SimulatedAnswer {
        guarded {
            let fields = agreed ? request.form : request.query
            let step = try core.step { state, surroundings in
                let session = state.webSession(
                    request.cookie(Self.cookieName), host: request.host, now: surroundings.now)
                return try state.authorizeStep(
                    pending: fields["source"] ?? "", session: session, agreed: agreed, in: surroundings)
            }
            switch step {
            case .redirect(let location): return page(.redirect(to: location))
            case .logIn(let id, let hint):
                var start = FormFields([
                    ("ec", "302"), ("startURL", "\(Self.consentPath)?source=\(percentEncoded(id))"),
                ])
                if let hint { start = FormFields(start.pairs.map { ($0.name, $0.value) } + [("un", hint)]) }
                return page(.redirect(to: "/?\(start.encoded)"))
            case .consent(let id, let pending, let app, let org, let user, let form):
                return html(
                    200, SignInPages.consent(app: app, org: org, user: user, pending: pending, id: id, form: form))
            }
        }
    }

    private func decide() -> SimulatedAnswer {
        let form = request.form
        let session = core.step { state, surroundings in
            state.webSession(request.cookie(Self.cookieName), host: request.host, now: surroundings.now)
        }
        guard let session, form["token"] == session.formToken else {
            return html(
                403, SignInPages.error(code: "invalid_request", description: "this form belongs to another session"))
        }
        if form["save"] != nil { return consent(agreed: true) }
        return guarded {
            page(.redirect(to: try core.step { state, _ in try state.denyAuthorization(form["source"] ?? "") }))
        }
    }

    // MARK: Logging in and out

    private var place: String? {
        role.orgID.flatMap { id in core.withState { $0.orgs[id]?.name } }
    }

    private func loginPage(error: String?, username: String?, startURL: String?, status: Int) -> SimulatedAnswer {
        let username = username ?? request.query["un"] ?? ""
        return html(
            status,
            SignInPages.login(place: place, username: username, startURL: Self.safe(startURL), error: error))
    }

    private func logIn() -> SimulatedAnswer {
        let form = request.form
        let username = form["un"] ?? form["username"] ?? ""
        let session = core.step { state, surroundings in
            state.logIn(
                username: username, password: form["pw"] ?? "", host: request.host, role: role, in: surroundings)
        }
        guard let session else {
            return loginPage(
                error: SimulatorState.loginRefusal, username: username, startURL: form["startURL"], status: 200)
        }
        return page(.redirect(to: Self.safe(form["startURL"])))
            .adding("Set-Cookie", "\(Self.cookieName)=\(session.id); Path=/; HttpOnly; SameSite=Lax")
    }

    private func logOut() -> SimulatedAnswer {
        if let id = request.cookie(Self.cookieName) { core.withState { $0.webSessions[id] = nil } }
        let target = request.query.nonEmpty("source").map { "\(Self.consentPath)?source=\(percentEncoded($0))" } ?? "/"
        return page(.redirect(to: target))
            .adding("Set-Cookie", "\(Self.cookieName)=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
    }

    private func home() -> SimulatedAnswer {
        let session = core.step { state, surroundings in
            state.webSession(request.cookie(Self.cookieName), host: request.host, now: surroundings.now)
        }
        guard let session else { return page(.redirect(to: "/")) }
        return html(200, SignInPages.home(place: core.withState { $0.orgs[session.orgID]?.name }))
    }

    /// A path on this host; anything else becomes the home page.
    private static func safe(_ startURL: String?) -> String {
        guard let startURL, startURL.hasPrefix("/"), !startURL.hasPrefix("//"), !startURL.contains("\\"),
            startURL.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return "/home/home.jsp" }
        return startURL
    }

    // MARK: Answers

    private func guarded(_ body: () throws -> SimulatedAnswer) -> SimulatedAnswer {
        do {
            return try body()
        } catch let failure as AuthorizeFailure {
            switch failure {
            case .redirect(let uri, let code, let description, let state):
                var fields = [("error", code), ("error_description", description)]
                if let state { fields.append(("state", state)) }
                return page(.redirect(to: redirect(uri, fields)))
            case .page("invalid_request", "missing required code challenge"):
                // Served without a type, so that a browser offers to download it.
                return page(
                    SimulatedAnswer(
                        status: 400, contentType: "",
                        bytes: "error=invalid_request&error_description=missing%20required%20code%20challenge".utf8))
            case .page("OAUTH_APPROVAL_ERROR_GENERIC", let description):
                return html(
                    400, SignInPages.error(code: "OAUTH_APPROVAL_ERROR_GENERIC", description: description))
            case .page(let code, let description):
                return html(400, SignInPages.error(code: "error=\(code)", description: description))
            }
        } catch {
            core.logger.debug("Sign-in failed", metadata: ["error": "\(type(of: error))"])
        }
        return html(500, SignInPages.error(code: "UNKNOWN_EXCEPTION", description: "An unexpected error occurred"))
    }

    private func html(_ status: Int, _ html: HTML) -> SimulatedAnswer { page(.text(status, html.markup)) }

    private func page(_ answer: SimulatedAnswer) -> SimulatedAnswer {
        answer
            .adding("Cache-Control", "no-cache,must-revalidate,max-age=0,no-store,private")
            .adding(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
            )
            .adding("Referrer-Policy", "origin-when-cross-origin")
    }
}
