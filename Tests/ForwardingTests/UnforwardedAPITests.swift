import Access
import Domain
import Foundation
import GatewayTesting
import Testing

/// SOAP and CometD are not forwarded, and their clients are told so in words that they read.
@Suite(.timeLimit(.minutes(5))) struct UnforwardedAPITests {
    private static let envelope = "<Envelope><Body><login><username>a</username></login></Body></Envelope>"
    private static let handshake = #"[{"channel":"/meta/handshake","version":"1.0"}]"#

    /// A fault with the elements that clients of Salesforce look for: `faultstring`, and in its detail the exception's
    /// code and message, without attributes of their own.
    @Test(arguments: [
        ("/services/Soap/u/62.0", "urn:fault.partner.soap.sforce.com"),
        ("/services/soap/c/62.0/00D5g000008fixt", "urn:fault.enterprise.soap.sforce.com"),
        ("/services/Soap/T/62.0", "urn:fault.tooling.soap.sforce.com"),
    ])
    func soapIsAFault(target: String, namespace: String) async throws {
        try await withWorld { world in
            let answered = try await world.refusal(
                world.bare(
                    "POST", target, ["Content-Type: text/xml", "Content-Length: \(Self.envelope.utf8.count)"],
                    body: Self.envelope))
            #expect(answered.status == 404)
            #expect(answered["Content-Type"] == ["text/xml; charset=UTF-8"])
            #expect(answered.text.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope "))
            #expect(answered.text.contains(" xmlns:sf=\"\(namespace)\""))
            #expect(answered.text.contains("<faultcode>sf:FUNCTIONALITY_NOT_ENABLED</faultcode>"))
            #expect(answered.text.contains("<faultstring>FUNCTIONALITY_NOT_ENABLED: This gateway does not"))
            #expect(answered.text.contains("<sf:UnexpectedErrorFault xsi:type=\"sf:UnexpectedErrorFault\">"))
            #expect(answered.text.contains("<sf:exceptionCode>FUNCTIONALITY_NOT_ENABLED</sf:exceptionCode>"))
            #expect(answered.text.contains("Use an access key of the workspace as session id"))
            #expect(answered.text.hasSuffix("</detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"))
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// Clients of metadata and Apex know no detail, and would fail to read one.
    @Test(arguments: ["/services/Soap/m/62.0", "/services/Soap/s/62.0", "/services/Soap/class/Mine"])
    func soapWithoutADetail(target: String) async throws {
        try await withWorld { world in
            let answered = try await world.refusal(world.bare("POST", target, ["Content-Length: 0"]))
            #expect(answered.status == 404)
            #expect(answered.text.contains("<faultcode>sf:FUNCTIONALITY_NOT_ENABLED</faultcode>"))
            #expect(answered.text.hasSuffix("</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>"))
        }
    }

    /// A handshake that failed for good, as Bayeux has it.
    @Test(arguments: ["/cometd", "/cometd/62.0", "/CometD/62.0/handshake"])
    func cometdIsAFailedHandshake(target: String) async throws {
        struct Reply: Decodable {
            let channel: String
            let successful: Bool
            let error: String
            let advice: [String: String]
        }
        try await withWorld { world in
            let answered = try await world.refusal(
                world.request(
                    "POST", target,
                    ["Content-Type: application/json", "Content-Length: \(Self.handshake.utf8.count)"],
                    body: Self.handshake))
            #expect(answered.status == 404)
            #expect(answered["Content-Type"] == ["application/json"])
            let replies = try JSONDecoder().decode([Reply].self, from: Data(answered.body))
            #expect(replies.count == 1)
            #expect(replies.first?.channel == "/meta/handshake")
            #expect(replies.first?.successful == false)
            #expect(replies.first?.error == "404::This gateway does not forward the Streaming API (CometD).")
            #expect(replies.first?.advice == ["reconnect": "none"])
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// But for their bodies they are refusals as all others: headers, CORS, and whoever asks.
    @Test(arguments: ["/services/Soap/u/62.0", "/cometd/62.0"])
    func theHeadIsThatOfOtherRefusals(target: String) async throws {
        var options = WorldOptions()
        options.frontendOrigins = ["http://*.formation.localhost:5173"]
        try await withWorld(options) { world in
            let origin = "http://axonify.formation.localhost:5173"
            for credential in ["X-SFDC-Session: \(world.key)", "Authorization: Bearer junk", "X-Nothing: x"] {
                let answered = try await world.refusal(
                    world.bare("POST", target, ["Origin: \(origin)", credential, "Content-Length: 0"]))
                #expect(answered.status == 404)
                #expect(answered["X-Request-Id"] == ["test-request"])
                #expect(answered["X-Content-Type-Options"] == ["nosniff"])
                #expect(answered["Content-Security-Policy"] == ["sandbox; default-src 'none'"])
                #expect(answered["Cache-Control"] == ["no-store"])
                #expect(answered["Proxy-Status"] == ["formation; error=http_request_error"])
                #expect(answered["Access-Control-Allow-Origin"] == [origin])
            }
        }
    }

    /// The body of what is refused is read and thrown away, in either framing: the next request is answered as itself.
    @Test(arguments: ["/services/Soap/u/62.0", "/cometd/62.0"])
    func theConnectionStaysInStep(target: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            let body = Self.envelope
            try await client.send(
                world.bare("POST", target, ["Content-Length: \(body.utf8.count)"], body: body)
                    + world.bare(
                        "POST", target, ["Transfer-Encoding: chunked"],
                        body: "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
                    + world.bare("GET", "/services/data/v62.0/limits"))
            #expect(try await client.readResponse().status == 404)
            #expect(try await client.readResponse().status == 404)
            let last = try await client.readResponse()
            #expect(last.status == 401)
            #expect(last.text.contains("INVALID_SESSION_ID"))
            await client.close()
        }
    }

    /// HEAD has the head of GET and no body.
    @Test(arguments: ["/services/Soap/u/62.0", "/cometd/62.0"])
    func head(target: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("HEAD", target) + world.bare("GET", target))
            let head = try await client.readResponse(toHead: true)
            let get = try await client.readResponse()
            #expect((head.status, get.status) == (404, 404))
            #expect(head["Content-Length"] == get["Content-Length"])
            #expect(head["Content-Type"] == get["Content-Type"])
            await client.close()
        }
    }

    /// A host that is nobody's says of these paths what it says of every other.
    @Test(arguments: ["/services/Soap/u/62.0", "/cometd/62.0", "/services/data/v62.0/limits"])
    func anUnknownHostSaysNothingOfThem(target: String) async throws {
        try await withWorld { world in
            let host = "Host: nobody.formation.localhost:8080"
            let answered = try await world.refusal("GET \(target) HTTP/1.1\r\n\(host)\r\n\r\n")
            #expect(answered.status == 404)
            #expect(answered["Content-Type"] == ["application/json"])
            #expect(answered.text == #"[{"message":"There is nothing here.","errorCode":"NOT_FOUND"}]"#)
        }
    }
}
