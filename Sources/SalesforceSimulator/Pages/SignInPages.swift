/// The pages that a person sees while signing in: plain HTML that needs no script.
enum SignInPages {
    static let style: HTML = """
        *{box-sizing:border-box}
        body{margin:0;min-height:100vh;background:#f4f6f9;color:#16325c;
        font:16px/1.5 "Salesforce Sans",-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
        main{max-width:26rem;margin:0 auto;padding:3rem 1rem}
        .cloud{display:block;margin:0 auto 1.5rem;width:7rem;height:auto}
        .card{background:#fff;border:1px solid #d8dde6;border-radius:.25rem;padding:2rem 1.75rem}
        h1{font-size:1.375rem;font-weight:400;line-height:1.3;margin:0 0 1rem;text-align:center}
        p{margin:0 0 1rem}
        label{display:block;font-size:.8125rem;color:#3e3e3c;margin:0 0 .25rem}
        input[type=text],input[type=password]{width:100%;padding:.75rem;margin:0 0 1rem;font:inherit;color:#16325c;
        border:1px solid #747474;border-radius:.25rem;background:#fff}
        button{width:100%;padding:.75rem 1rem;font:inherit;border-radius:.25rem;border:1px solid #0070d2;
        background:#0070d2;color:#fff;cursor:pointer}
        button:hover{background:#005fb2}
        button.quiet{background:#fff;color:#0062b8;border-color:#747474}
        button.quiet:hover{background:#f4f6f9}
        input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid #1589ee;outline-offset:2px}
        .actions{display:flex;gap:.75rem;margin-top:1.5rem}
        .error{background:#c23934;color:#fff;border-radius:.25rem;padding:.75rem 1rem;margin:0 0 1rem}
        .small{font-size:.8125rem;color:#54698d;margin:1rem 0 0}
        ul{margin:0 0 1rem;padding-left:1.25rem}
        footer{text-align:center;font-size:.75rem;color:#54698d;margin-top:1.5rem}
        a{color:#0062b8}
        """

    private static let cloud: HTML = """
        <svg class="cloud" viewBox="0 0 140 96" role="img" aria-label="Salesforce simulator"><path fill="#00a1e0" \
        d="M58 12c4-6 12-10 20-10 11 0 20 6 25 15 4-2 9-3 13-3 18 0 24 15 24 30s-11 31-29 31c-2 0-4 0-6-1-4 8-12 13-21 \
        13-4 0-8-1-11-3-4 7-12 12-21 12-10 0-18-6-22-14-2 0-3 1-5 1C11 83 0 71 0 57c0-9 5-17 12-21-1-3-2-7-2-11C10 11 \
        21 0 35 0c9 0 17 5 23 12z"/></svg>
        """

    /// A whole page.
    static func page(title: String, _ content: HTML) -> HTML {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title) | Salesforce</title><style>\(style)</style></head>
        <body><main>\(cloud)<div class="card">\(content)</div>
        <footer>Salesforce simulator for development. Not affiliated with Salesforce, Inc.</footer></main></body></html>
        """
    }

    /// The login form.
    ///
    /// - Parameters:
    ///   - place: The org's name, where the host belongs to one.
    ///   - startURL: Where to go after signing in, on this host.
    static func login(place: String?, username: String, startURL: String, error: String?) -> HTML {
        let heading = place.map { "Log in to \($0)" } ?? "Log in to Salesforce"
        let message: HTML = error.map { "<div class=\"error\" role=\"alert\" id=\"error\">\($0)</div>" } ?? ""
        let described: HTML = error == nil ? "" : " aria-describedby=\"error\" aria-invalid=\"true\""
        return page(
            title: "Login",
            """
            <h1>\(heading)</h1>\(message)
            <form method="post" action="/" novalidate>
            <input type="hidden" name="startURL" value="\(startURL)">
            <label for="username">Username</label>
            <input type="text" id="username" name="un" value="\(username)" autocomplete="username" autocapitalize="none" \
            spellcheck="false" required\(described)>
            <label for="password">Password</label>
            <input type="password" id="password" name="pw" autocomplete="current-password" required\(described)>
            <button type="submit" id="Login" name="Login">Log In</button>
            </form>
            """)
    }

    /// The consent page.
    static func consent(
        app: SimulatedApp, org: OrgState, user: UserState, pending: PendingAuthorization, id: String,
        form: String
    ) -> HTML {
        let scopes = HTML(joining: ScopeText.descriptions(of: pending.scopes).map { "<li>\($0)</li>" })
        return page(
            title: "Allow Access?",
            """
            <h1>Allow Access?</h1>
            <p><strong>\(app.name)</strong> is asking to:</p>
            <ul>\(scopes)</ul>
            <p>Do you want to allow access for <strong>\(user.username)</strong> at \(org.name)?</p>
            <form method="post" action="/setup/secur/RemoteAccessAuthorizationPage.apexp">
            <input type="hidden" name="source" value="\(id)"><input type="hidden" name="token" value="\(form)">
            <div class="actions">
            <button type="submit" class="quiet" id="oadeny" name="cancel" value="Deny">Deny</button>
            <button type="submit" id="oaapprove" name="save" value="Allow">Allow</button>
            </div></form>
            <p class="small">Not \(user.account.fullName)? \
            <a href="/secur/logout.jsp?source=\(percentEncoded(id))">Log in as another user</a>. \
            You can revoke access at any time from your personal settings.</p>
            """)
    }

    /// An error that Salesforce shows itself and never returns to the app.
    static func error(code: String, description: String) -> HTML {
        page(
            title: "Error",
            """
            <h1>We can't authorize you because of an OAuth error.</h1>
            <p>For more information, contact your Salesforce administrator.</p>
            <p><code>\(code)</code> : \(description)</p>
            """)
    }

    /// Says what a host is for.
    static func home(place: String?) -> HTML {
        page(
            title: "Home",
            """
            <h1>\(place ?? "Salesforce")</h1>
            <p>You are logged in. This simulated org has no pages of its own; it answers the API.</p>
            <p><a href="/secur/logout.jsp">Log out</a></p>
            """)
    }
}

/// What the consent page calls the scopes.
enum ScopeText {
    static func descriptions(of scopes: [String]) -> [String] {
        var seen: Set<String> = []
        return scopes.map(description).filter { seen.insert($0).inserted }
    }

    private static func description(of scope: String) -> String {
        switch scope {
        case "api": "Manage user data via APIs"
        case "refresh_token", "offline_access": "Perform requests at any time"
        case "openid", "profile", "email", "address", "phone", "id": "Access the identity URL service"
        case "web": "Manage user data via Web browsers"
        case "full": "Full access"
        case "chatter_api": "Access Connect REST API resources"
        case "custom_permissions": "Access custom permissions"
        case _: "Use the scope \(scope)"
        }
    }
}
