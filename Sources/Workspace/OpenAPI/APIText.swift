/// What is said of the API as a whole, in the document (as Markdown) and on the page.
enum APIText {
    static let paragraphs = [
        "The JSON API of one workspace, at the workspace's own host. Salesforce's own API is beside it under"
            + " /services/: calls there are forwarded, and answered as Salesforce answers.",
        "Bodies are JSON, times are RFC 3339 in UTC. What fails is answered with problem details (RFC 9457,"
            + " application/problem+json): programs go by code, people read detail, and the operator finds the request"
            + " by requestId.",
        "Long lists come in parts: next is the cursor of the part that follows, to be given back unread, and the Link"
            + " header is the whole way there.",
        "Before any of this, a request can be refused with 400 (a malformed head, or a Host that is not one), 403"
            + " HTTPS_REQUIRED (plain http where the product is https), 404 (no such workspace, no such path), 405 (the"
            + " path has other methods; Allow names them) or 503 (the gateway is about to stop). HEAD goes wherever GET"
            + " does, and OPTIONS says what does.",
    ]

    static var overview: String { paragraphs.joined(separator: "\n\n") }

    static let session =
        "The cookie of somebody who signed in with a browser. Requests other than GET and HEAD must also show that they"
        + " come from the workspace's own pages, or a frontend that the operator allows: by Sec-Fetch-Site:"
        + " same-origin, as browsers send it, or by such an Origin."

    static let accessKey =
        "An access key, made by POST /api/keys. Whoever sends one is judged by it alone: a cookie beside it counts for"
        + " nothing."
}

extension APIAccess {
    /// Who may, in words.
    var text: String {
        switch self {
        case .anybody: "anybody"
        case .signedIn: "whoever is signed in or has an access key"
        case .session: "whoever is signed in; no access key"
        case .admin: "admins; an access key of theirs too, if its scope is full"
        case .adminSession: "admins who are signed in; no access key"
        case .leaving: "anybody; no access key"
        }
    }
}
