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
        let (contentType, text) = body(error)
        let body = ByteBuffer(string: text)
        var headers = HTTPFields()
        headers[.contentType] = contentType
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

    /// What the callers of the path read: JSON in Salesforce's shape, but where another dialect is spoken.
    private static func body(_ error: GatewayError) -> (contentType: String, text: String) {
        guard case .notForwarded(let api) = error else { return ("application/json", json(error)) }
        switch api {
        case .cometd: return ("application/json", bayeux(error))
        case .soapEnterprise, .soapPartner, .soapTooling, .soapOther:
            let namespace = SOAPFault.namespace(of: api)
            return ("text/xml; charset=UTF-8", SOAPFault.xml(error.message, faultNamespace: namespace))
        }
    }

    /// `[{"message":"…","errorCode":"…"}]`.
    private static func json(_ error: GatewayError) -> String {
        "[{\"message\":\(quoted(error.message)),\"errorCode\":\(quoted(error.errorCode))}]"
    }

    /// The answer to a handshake, the first that a client of Bayeux sends: a hard failure. The body that asked is not
    /// read, so it is not told by its id.
    private static func bayeux(_ error: GatewayError) -> String {
        "[{\"channel\":\"/meta/handshake\",\"successful\":false,\"error\":\(quoted("404::\(error.message)"))"
            + ",\"advice\":{\"reconnect\":\"none\"}}]"
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
