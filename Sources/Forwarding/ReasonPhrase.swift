/// The reason phrases of the gateway's own answers (RFC 9110 §15, RFC 6585 §5).
enum ReasonPhrase {
    /// That of a status; empty, as RFC 9112 §4 allows, for one that the gateway never answers by itself.
    static func of(_ status: Int) -> StaticString {
        switch status {
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 414: "URI Too Long"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case _: ""
        }
    }
}
