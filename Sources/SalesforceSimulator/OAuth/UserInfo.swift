import Foundation

/// The userinfo endpoint and the identity service. A dead token is 403 with a text here, not 401.
struct UserInfo: Sendable {
    let core: SimulatorCore
    let request: SimulatedRequest
    let role: HostRole

    private func principal() throws -> APIPrincipal {
        let token = request.accessToken ?? request.query["oauth_token"] ?? request.query["access_token"]
        return try core.step { state, surroundings in
            try state.authenticate(token: token, orgID: role.orgID, needsAPI: false, now: surroundings.now)
        }
    }

    private func refused(_ failure: SessionFailure) -> SimulatedAnswer {
        let text =
            switch failure {
            case .missing: "Missing_OAuth_Token"
            case .dead: "Bad_OAuth_Token"
            case .wrongOrg: "Wrong_Org"
            case .notForREST, .orgLocked: "No_Access"
            }
        return .text(403, text, type: "text/html;charset=UTF-8")
    }

    func userInfo() -> SimulatedAnswer {
        guard request.method == "GET" || request.method == "POST" else { return RESTError.methodNotAllowed.answer }
        return guarded { principal in .json(200, userInfoBody(principal)) }
    }

    func identity() -> SimulatedAnswer {
        guarded { principal in
            let segments = request.segments
            guard RecordID(segments[1])?.short == principal.org.id else { return refused(.wrongOrg) }
            guard RecordID(segments[2]) == principal.user.id else {
                return .text(403, "No_Access", type: "text/html;charset=UTF-8")
            }
            return .json(200, identityBody(principal))
        }
    }

    private func guarded(_ body: (APIPrincipal) -> SimulatedAnswer) -> SimulatedAnswer {
        do {
            return body(try principal())
        } catch let failure as SessionFailure {
            return refused(failure)
        } catch {
            return refused(.dead)
        }
    }

    // MARK: Bodies

    private func identityURL(_ principal: APIPrincipal) -> JSON {
        .string(core.step { $1.identityURL(org: principal.org, user: principal.user.id) })
    }

    private func userInfoBody(_ principal: APIPrincipal) -> JSON {
        let account = principal.user.account
        return [
            "sub": identityURL(principal), "user_id": .string(principal.user.id.long),
            "organization_id": .string(principal.org.longID), "preferred_username": .string(account.username),
            "nickname": .string(nickname(account)), "name": .string(account.fullName), "email": .string(account.email),
            "email_verified": .bool(account.emailVerified), "given_name": .string(account.firstName),
            "family_name": .string(account.lastName), "zoneinfo": .string(account.timeZone),
            "photos": photos(principal), "profile": .string("\(origin(principal))/\(principal.user.id.long)"),
            "picture": photos(principal)["picture"] ?? .null, "address": ["country": "CA"],
            "is_salesforce_integration_user": false, "urls": urls(principal), "active": .bool(account.isActive),
            "user_type": "STANDARD", "language": "en_US", "locale": "en_CA", "utcOffset": -18_000_000,
            "updated_at": .string(modified(principal)), "is_app_installed": true,
        ]
    }

    private func identityBody(_ principal: APIPrincipal) -> JSON {
        let account = principal.user.account
        return [
            "id": identityURL(principal), "asserted_user": true, "user_id": .string(principal.user.id.long),
            "organization_id": .string(principal.org.longID), "username": .string(account.username),
            "nick_name": .string(nickname(account)), "display_name": .string(account.fullName),
            "email": .string(account.email), "email_verified": .bool(account.emailVerified),
            "first_name": .string(account.firstName), "last_name": .string(account.lastName),
            "timezone": .string(account.timeZone), "photos": photos(principal), "addr_street": nil, "addr_city": nil,
            "addr_state": nil, "addr_country": "CA", "addr_zip": nil, "mobile_phone": nil,
            "mobile_phone_verified": false, "is_lightning_login_user": false,
            "status": ["created_date": nil, "body": nil], "urls": urls(principal), "active": .bool(account.isActive),
            "user_type": "STANDARD", "language": "en_US", "locale": "en_CA", "utcOffset": -18_000_000,
            "last_modified_date": .string(modified(principal)), "is_app_installed": true,
        ]
    }

    private func nickname(_ account: SimulatedUser) -> String {
        String(account.username.prefix { $0 != "@" })
    }

    private func modified(_ principal: APIPrincipal) -> String {
        principal.org.database.row(principal.user.id)?["LastModifiedDate"].stringValue ?? ""
    }

    private func origin(_ principal: APIPrincipal) -> String {
        "http://\(principal.org.instanceHost):\(core.port.current ?? 0)"
    }

    private func photos(_ principal: APIPrincipal) -> JSON {
        let base = "\(origin(principal))/profilephoto/005"
        return ["picture": .string("\(base)/F"), "thumbnail": .string("\(base)/T")]
    }

    /// Absolute, with a literal `{version}` in them.
    private func urls(_ principal: APIPrincipal) -> JSON {
        let origin = origin(principal)
        let rest = "\(origin)/services/data/v{version}/"
        let (org, user) = (String(principal.org.id), principal.user.id.long)
        return [
            "enterprise": .string("\(origin)/services/Soap/c/{version}/\(org)"),
            "metadata": .string("\(origin)/services/Soap/m/{version}/\(org)"),
            "partner": .string("\(origin)/services/Soap/u/{version}/\(org)"), "rest": .string(rest),
            "sobjects": .string("\(rest)sobjects/"), "search": .string("\(rest)search/"),
            "query": .string("\(rest)query/"), "recent": .string("\(rest)recent/"),
            "tooling_soap": .string("\(origin)/services/Soap/T/{version}/\(org)"),
            "tooling_rest": .string("\(rest)tooling/"), "profile": .string("\(origin)/\(user)"),
            "feeds": .string("\(rest)chatter/feeds"), "groups": .string("\(rest)chatter/groups"),
            "users": .string("\(rest)chatter/users"), "feed_items": .string("\(rest)chatter/feed-items"),
            "feed_elements": .string("\(rest)chatter/feed-elements"), "custom_domain": .string(origin),
        ]
    }
}
