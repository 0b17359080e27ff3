/// An error in the shape of the REST API.
struct RESTError: Error, Sendable, Hashable {
    var status: Int
    var code: String
    var message: String
    var fields: [String]?

    init(_ status: Int, _ code: String, _ message: String, fields: [String]? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
    }

    static let notFound = RESTError(404, "NOT_FOUND", "The requested resource does not exist")

    static let methodNotAllowed = RESTError(
        405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are the methods of the resource's documentation")

    static func malformedID(_ text: String) -> RESTError {
        RESTError(400, "MALFORMED_ID", "malformed id \(text)")
    }

    init(_ error: SOQLError) { self.init(400, error.code.rawValue, error.message) }

    init(_ error: JSONParserError) { self.init(400, "JSON_PARSER_ERROR", error.message) }

    init(_ failure: SessionFailure) {
        switch failure {
        case .missing, .dead, .wrongOrg: self.init(401, "INVALID_SESSION_ID", "Session expired or invalid")
        case .notForREST:
            self.init(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
        case .orgLocked: self.init(403, "ORG_LOCKED", "The organization is locked")
        }
    }

    var json: JSON {
        var object: JSONObject = [("message", .string(message)), ("errorCode", .string(code))]
        if let fields { object["fields"] = .array(fields.map(JSON.string)) }
        return .object(object)
    }

    /// A JSON array of one error.
    var answer: SimulatedAnswer { .json(status, .array([json])) }

    /// The array, or `<Errors>` where the client asked for XML.
    func answer(asXML: Bool) -> SimulatedAnswer {
        guard asXML else { return answer }
        let fields = (fields ?? []).map { "<fields>\(xmlEscaped($0))</fields>" }.joined()
        return .text(
            status,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Errors><Error><errorCode>\(xmlEscaped(code))</errorCode>"
                + "<message>\(xmlEscaped(message))</message>\(fields)</Error></Errors>",
            type: "application/xml;charset=UTF-8")
    }
}
