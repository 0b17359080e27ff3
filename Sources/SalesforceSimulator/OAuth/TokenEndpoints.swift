import Foundation
import HTTPTypes

/// The endpoints under `/services/oauth2/` that clients call, the identity service and discovery.
struct TokenEndpoints: Sendable {
    let core: SimulatorCore
    let request: SimulatedRequest
    let role: HostRole
    /// The faults of this request; those of the moment "during" happen while a refresh is being processed.
    let faults: FaultRun

    /// `nil` where the path is none of these. Token requests and discovery are served by login hosts only.
    func answer() async throws -> SimulatedAnswer? {
        let isLoginHost: Bool =
            switch role {
            case .genericLogin, .login: true
            case .instance, .formerInstance: false
            }
        switch request.path {
        case "/services/oauth2/token" where isLoginHost: return try await token()
        case "/services/oauth2/revoke": return revoke()
        case "/services/oauth2/introspect": return introspect()
        case "/services/oauth2/userinfo": return UserInfo(core: core, request: request, role: role).userInfo()
        case "/.well-known/openid-configuration" where isLoginHost: return .json(200, discovery())
        case "/id/keys" where isLoginHost: return .json(200, try core.signer.keySet())
        case _ where request.segments.first == "id" && request.segments.count == 3:
            return UserInfo(core: core, request: request, role: role).identity()
        case _: return nil
        }
    }

    // MARK: Token

    private func token() async throws -> SimulatedAnswer {
        guard request.method == "POST" else { return failure(.postRequired) }
        let form = request.form
        do {
            guard let client = Self.client(request, form: form) else { throw TokenError.unknownClient }
            var answer: TokenAnswer
            switch form["grant_type"] {
            case "authorization_code":
                answer = try core.step { state, surroundings in
                    try state.exchange(form, client: client, role: role, in: surroundings)
                }
            case "refresh_token":
                let ticket = try core.step { state, surroundings in
                    try state.beginRefresh(form, client: client, role: role, in: surroundings)
                }
                if core.configuration.tokenProcessingTime > .zero {
                    try? await Task.sleep(for: core.configuration.tokenProcessingTime)
                }
                if let replaced = await faults.perform(.during) {
                    core.withState { $0.grants[ticket.grantID]?.isBeingRefreshed = false }
                    return replaced
                }
                answer = try core.step { state, surroundings in try state.finishRefresh(ticket, in: surroundings) }
            case _: throw TokenError.unsupportedGrantType
            }
            faults.change(&answer)
            let identityToken = try answer.identityClaims.map(core.signer.token)
            return noStore(formatted(200, answer.fields(identityToken: identityToken), root: "OAuth"))
        } catch let error as TokenError {
            return failure(error)
        }
    }

    /// The pair of a form body, or of a Basic header where the body has no client id.
    static func client(_ request: SimulatedRequest, form: FormFields) -> ClientCredentials? {
        if let clientID = form.nonEmpty("client_id") {
            return ClientCredentials(clientID: clientID, clientSecret: form.nonEmpty("client_secret"))
        }
        let parts = (request.headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic", let data = Data(base64Encoded: String(parts[1]))
        else { return nil }
        let pair = String(decoding: data, as: UTF8.self).split(
            separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2 else { return nil }
        return ClientCredentials(
            clientID: percentDecoded(pair[0], plusIsSpace: true),
            clientSecret: percentDecoded(pair[1], plusIsSpace: true))
    }

    private func failure(_ error: TokenError) -> SimulatedAnswer { Self.failure(error, request: request) }

    /// An error of the token endpoint: always HTTP 400, never stored.
    static func failure(_ error: TokenError, request: SimulatedRequest) -> SimulatedAnswer {
        let endpoints = formatted(
            400, [("error", error.code), ("error_description", error.text)], root: "OAuth", request: request)
        return noStore(endpoints)
    }

    /// JSON, form or XML, as `format` or else `Accept` asks.
    private func formatted(_ status: Int, _ fields: [(String, String)], root: String) -> SimulatedAnswer {
        Self.formatted(status, fields, root: root, request: request)
    }

    private static func formatted(
        _ status: Int, _ fields: [(String, String)], root: String, request: SimulatedRequest
    ) -> SimulatedAnswer {
        let accept = request.headers[.accept]?.lowercased() ?? ""
        let asked = request.form["format"] ?? request.query["format"]
        let format =
            asked
            ?? (accept.contains("application/json")
                ? "json"
                : accept.contains("x-www-form-urlencoded") ? "urlencoded" : accept.contains("xml") ? "xml" : "json")
        switch format {
        case "urlencoded":
            return .text(status, FormFields(fields).encoded, type: "application/x-www-form-urlencoded;charset=UTF-8")
        case "xml":
            let elements = fields.map { "<\($0.0)>\(xmlEscaped($0.1))</\($0.0)>" }.joined()
            return .text(
                status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><\(root)>\(elements)</\(root)>",
                type: "application/xml;charset=UTF-8")
        case _:
            return .json(status, .object(JSONObject(fields.map { ($0.0, .string($0.1)) })))
        }
    }

    private func noStore(_ answer: SimulatedAnswer) -> SimulatedAnswer { Self.noStore(answer) }

    private static func noStore(_ answer: SimulatedAnswer) -> SimulatedAnswer {
        answer.adding("Cache-Control", "no-cache, no-store").adding("Pragma", "no-cache")
    }

    // MARK: Revoke and introspect

    /// Errors are form-encoded here, which is how jsforce reads them. `callback` gets JSONP.
    private func revoke() -> SimulatedAnswer {
        let fields = request.method == "POST" ? request.form : request.query
        guard request.method == "POST" || request.method == "GET" else { return failure(.postRequired) }
        let isRevoked = fields.nonEmpty("token").map { token in
            core.step { state, surroundings in state.revoke(token: token, orgID: role.orgID, now: surroundings.now) }
        }
        let error: (String, String)? =
            switch isRevoked {
            case true?: nil
            case false?: ("invalid_token", "invalid token")
            case nil: ("unsupported_token_type", "this token type is not supported")
            }
        if let callback = request.query.nonEmpty("callback"), callback.allSatisfy({ $0.isLetter || $0.isNumber }) {
            let json: JSON = error.map { ["error": .string($0.0), "error_description": .string($0.1)] } ?? [:]
            return .text(200, "\(callback)(\(json.text));", type: "application/javascript;charset=UTF-8")
        }
        guard let error else { return SimulatedAnswer(status: 200) }
        let body = FormFields([("error", error.0), ("error_description", error.1)]).encoded
        return noStore(.text(400, body, type: "application/x-www-form-urlencoded;charset=UTF-8"))
    }

    private func introspect() -> SimulatedAnswer {
        guard request.method == "POST" else { return failure(.postRequired) }
        let form = request.form
        do {
            guard let client = Self.client(request, form: form) else { throw TokenError.unknownClient }
            guard let token = form.nonEmpty("token") else { throw TokenError.missingParameter }
            let answer = try core.step { state, surroundings in
                try state.introspect(token: token, client: client, orgID: role.orgID, in: surroundings)
            }
            return noStore(.json(200, answer))
        } catch let error as TokenError {
            return failure(error)
        } catch {
            return failure(.missingParameter)
        }
    }

    // MARK: Discovery

    /// As recorded: it names neither the challenge methods nor the grant types.
    private func discovery() -> JSON {
        let port = core.port.current ?? 0
        let origin = "http://\(request.host):\(port)"
        let services = "\(origin)/services/oauth2"
        var document: JSONObject = [
            ("issuer", .string(origin)), ("authorization_endpoint", .string("\(services)/authorize")),
            ("token_endpoint", .string("\(services)/token")), ("revocation_endpoint", .string("\(services)/revoke")),
            ("userinfo_endpoint", .string("\(services)/userinfo")), ("jwks_uri", .string("\(origin)/id/keys")),
            ("introspection_endpoint", .string("\(services)/introspect")),
            ("scopes_supported", ["api", "email", "full", "id", "openid", "profile", "refresh_token", "web"]),
            ("response_types_supported", ["code", "token", "token id_token"]), ("subject_types_supported", ["public"]),
            ("id_token_signing_alg_values_supported", ["RS256"]),
            ("display_values_supported", ["page", "popup", "touch"]),
            ("token_endpoint_auth_methods_supported", ["client_secret_post", "client_secret_basic"]),
        ]
        if role.orgID != nil {
            document["end_session_endpoint"] = .string("\(origin)/services/auth/idp/oidc/logout")
        }
        return .object(document)
    }
}
