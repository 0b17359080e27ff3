internal import Access

/// A fault as Salesforce's SOAP has it (SOAP 1.1 §4.4), for the clients that call it and show its words.
enum SOAPFault {
    /// The code of Salesforce's own that is closest: clients know it, and none tries again because of it.
    private static let code = "FUNCTIONALITY_NOT_ENABLED"
    /// For the prefix of the fault code where there is no detail to name.
    private static let partnerNamespace = "urn:fault.partner.soap.sforce.com"

    /// The namespace of the `UnexpectedErrorFault` that an API's clients were generated with; `nil` for those whose
    /// WSDL has none (metadata, Apex). They fail to read a detail that they don't know.
    static func namespace(of api: UnforwardedAPI) -> String? {
        switch api {
        case .soapEnterprise: "urn:fault.enterprise.soap.sforce.com"
        case .soapPartner: partnerNamespace
        case .soapTooling: "urn:fault.tooling.soap.sforce.com"
        case .soapOther, .cometd: nil
        }
    }

    /// The envelope, whose elements have the prefixes that Salesforce gives them: some clients look for these.
    ///
    /// - Parameter faultNamespace: of the detail; `nil` for a fault without one.
    static func xml(_ message: String, faultNamespace: String?) -> String {
        let message = escaped(message)
        let detail =
            faultNamespace == nil
            ? ""
            : "<detail><sf:UnexpectedErrorFault xsi:type=\"sf:UnexpectedErrorFault\">"
                + "<sf:exceptionCode>\(code)</sf:exceptionCode>"
                + "<sf:exceptionMessage>\(message)</sf:exceptionMessage></sf:UnexpectedErrorFault></detail>"
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
            + "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""
            + " xmlns:sf=\"\(faultNamespace ?? partnerNamespace)\""
            + " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body><soapenv:Fault>"
            + "<faultcode>sf:\(code)</faultcode><faultstring>\(code): \(message)</faultstring>\(detail)"
            + "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
