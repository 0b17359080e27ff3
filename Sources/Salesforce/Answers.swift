internal import Crypto
internal import Foundation
internal import Secrets

/// Reading of answers: everything in them is bounded and checked, what we don't know is ignored.
private enum Bounds {
    /// 16 KiB: opaque tokens have 112 characters or so, JWT ones some kilobytes.
    static let tokenByteCountMax = 16 * 1024
    /// 2 KiB for identity URLs, scopes, names.
    static let textByteCountMax = 2 * 1024
}

extension TokenAnswer {
    private struct Body: Decodable {
        let access_token: String
        let refresh_token: String?
        let instance_url: String
        let id: String
        let issued_at: String
        let signature: String?
        let scope: String?
        let token_type: String?
    }

    /// - Parameters:
    ///   - signers: The secrets of which one must have signed the answer; none where there is no secret.
    ///   - former: Where the org was, for a refresh.
    init(
        _ reply: BoundedExchange.Reply, signers: [Secret<String>], hosts: AllowedHosts, former: InstanceURL? = nil
    ) throws(SalesforceError) {
        let malformed = SalesforceError(.malformedAnswer, status: reply.status)
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(reply.body)) else { throw malformed }
        if !signers.isEmpty {
            guard let signature = body.signature, signature.utf8.count <= Bounds.textByteCountMax,
                signers.contains(where: {
                    Self.isSigned(signature, id: body.id, issuedAt: body.issued_at, secret: $0)
                })
            else { throw SalesforceError(.signatureMismatch, status: reply.status) }
        }
        guard isToken(body.access_token), body.refresh_token.map(isToken) ?? true,
            body.token_type.map({ $0.lowercased() == "bearer" }) ?? true,
            let identity = IdentityURL(body.id),
            // Milliseconds since 1970, as a string; thirteen digits until the year 2286.
            body.issued_at.utf8.count <= 16, let milliseconds = Int64(body.issued_at), milliseconds > 0
        else { throw malformed }
        let scope = body.scope ?? ""
        guard scope.utf8.count <= Bounds.textByteCountMax else { throw malformed }
        let named = try? hosts.instance(body.instance_url)
        let foreignHost = named == nil ? StrictURL.loggableHost(of: body.instance_url) : nil
        guard let instance = named ?? former else {
            throw SalesforceError(.foreignInstance, status: reply.status, foreignHost: foreignHost)
        }
        self.init(
            accessToken: Secret(body.access_token), refreshToken: body.refresh_token.map { Secret($0) },
            instanceURL: instance, foreignHost: foreignHost, identity: identity,
            issuedAt: Date(timeIntervalSince1970: TimeInterval(milliseconds) / 1000), scope: scope)
    }

    /// Base64 of HMAC-SHA256 over `id` and `issued_at`, keyed with the client secret, in constant time.
    static func isSigned(_ signature: String, id: String, issuedAt: String, secret: Secret<String>) -> Bool {
        guard let code = Data(base64Encoded: signature) else { return false }
        let key = SymmetricKey(data: Array(secret.exposed.utf8))
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Array((id + issuedAt).utf8), using: key)
    }
}

/// Visible ASCII of a sane length: a token goes into a header, where a line break would begin another.
private func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= Bounds.tokenByteCountMax && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
}

extension UserInfo {
    private struct Body: Decodable {
        let user_id: String
        let organization_id: String
        let preferred_username: String
        let email: String?
        let email_verified: Bool?
        let given_name: String?
        let family_name: String?
    }

    init(_ reply: BoundedExchange.Reply) throws(SalesforceError) {
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(reply.body)),
            isRecordID(body.user_id, prefix: "005"), isRecordID(body.organization_id, prefix: "00D"),
            !body.preferred_username.isEmpty,
            [body.preferred_username, body.email, body.given_name, body.family_name]
                .allSatisfy({ ($0?.utf8.count ?? 0) <= Bounds.textByteCountMax })
        else { throw SalesforceError(.malformedAnswer, status: reply.status) }
        self.init(
            userID: body.user_id, organizationID: body.organization_id, preferredUsername: body.preferred_username,
            email: body.email, emailVerified: body.email_verified ?? false, givenName: body.given_name,
            familyName: body.family_name)
    }
}

extension Profile {
    private struct Body: Decodable {
        struct Record: Decodable {
            struct Fields: Decodable {
                let Name: String?
                let PermissionsModifyAllData: Bool?
            }

            let Profile: Fields?
        }

        let records: [Record]
    }

    init(_ reply: BoundedExchange.Reply) throws(SalesforceError) {
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(reply.body)) else {
            throw SalesforceError(.malformedAnswer, status: reply.status)
        }
        let fields = body.records.first?.Profile
        self.init(
            name: fields?.Name.map { String($0.prefix(255)) },
            modifiesAllData: fields?.PermissionsModifyAllData ?? false)
    }
}

extension BoundedExchange.Reply {
    private struct OAuthErrorBody: Decodable {
        let error: String
        let error_description: String?
    }

    /// `error` and `error_description` of a JSON or form-encoded answer; `nil` where it is neither.
    var oauthErrorFields: (error: String, description: String)? {
        if let json = try? JSONDecoder().decode(OAuthErrorBody.self, from: Data(body)) {
            return (json.error, json.error_description ?? "")
        }
        guard body.first != UInt8(ascii: "<"), body.count <= Bounds.textByteCountMax else { return nil }
        let form = FormEncoding.decode(String(decoding: body, as: UTF8.self))
        return form["error"].map { ($0, form["error_description"] ?? "") }
    }

    /// What an answer other than 200 of the token or revoke endpoint says.
    var oauthError: SalesforceError {
        // A 5xx or 429 passes, whatever its body says.
        guard (400..<500).contains(status), status != 429, let fields = oauthErrorFields else {
            return SalesforceError(.badStatus, status: status)
        }
        return SalesforceError(
            OAuthErrorTable.code(error: fields.error, description: fields.description), status: status)
    }

    /// What an answer other than 200 of the API says.
    var apiError: SalesforceError {
        guard (400..<500).contains(status), status != 429 else { return SalesforceError(.badStatus, status: status) }
        let verdict = SessionAnswer.verdict(
            status: status, contentType: contentType, contentEncoding: contentEncoding, body: body)
        if verdict == .dead { return SalesforceError(.deadSession, status: status) }
        let codes = APIErrors.codes(body)
        if codes.contains("REQUEST_LIMIT_EXCEEDED") { return SalesforceError(.rateLimited, status: status) }
        // A 401 that is no dead session, and a 403 that is no limit: the org keeps the app or the person out.
        if status == 401 || status == 403 { return SalesforceError(.apiAccessDenied, status: status) }
        return SalesforceError(.badStatus, status: status)
    }

    /// Whether the answer to the profile query says that this user may not see profiles.
    var hidesProfile: Bool {
        let hidden: Set<String> = [
            "INVALID_FIELD", "INVALID_TYPE", "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY",
        ]
        return (status == 400 || status == 403) && !hidden.isDisjoint(with: APIErrors.codes(body))
    }
}
