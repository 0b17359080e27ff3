internal import Access
internal import Foundation
internal import HTTPTypes
internal import NIOCore

/// The gateway's own answers on forwarded paths, in Salesforce's shape (contract §2): the one place.
enum ErrorAnswer {
    /// A year, as the other rooms' answers say.
    private static let strictTransportSecurity = "max-age=31536000; includeSubDomains"

    /// Headers and body of a refusal. CORS headers are the caller's to add.
    static func make(
        _ error: GatewayError, requestID: String?, isSecure: Bool
    ) -> (status: HTTPResponse.Status, headers: HTTPFields, body: ByteBuffer) {
        let body = ByteBuffer(string: json(error))
        var headers = HTTPFields()
        headers[.contentType] = "application/json"
        headers[.contentLength] = String(body.readableBytes)
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        headers[.contentSecurityPolicy] = "sandbox; default-src 'none'"
        headers[.requestID] = requestID
        headers[.proxyStatus] = "formation; error=\(error.proxyStatusError)"
        if let seconds = error.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        // RFC 9110 §15.5.2 asks for a challenge. Browsers show no password prompt for Bearer.
        if error.status == 401 { headers[.wwwAuthenticate] = "Bearer realm=\"formation\"" }
        if isSecure { headers[.strictTransportSecurity] = strictTransportSecurity }
        return (HTTPResponse.Status(code: error.status), headers, body)
    }

    /// `[{"message":"…","errorCode":"…"}]`.
    private static func json(_ error: GatewayError) -> String {
        "[{\"message\":\(quoted(error.message)),\"errorCode\":\(quoted(error.errorCode))}]"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20: quoted += String(format: "\\u%04x", Int(scalar.value))
            case _: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
