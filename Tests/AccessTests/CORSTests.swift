import Access
import HTTPTypes
import Testing

@Suite struct CORSTests {
    private let cors: CORSHeaders
    private let frontend = "http://axonify.formation.localhost:5173"

    init() throws {
        let origins = ["http://*.formation.localhost:5173", "https://app.example.com"].compactMap(FrontendOrigin.init)
        cors = CORSHeaders(rule: CrossOriginRule(frontendOrigins: origins), label: "axonify")
    }

    /// A frontend may read an answer with all of its headers; cookies stay out of its reach.
    @Test func frontendsMayReadAnswers() {
        var answer: HTTPFields = [.contentType: "application/json", .eTag: "\"1\"", .setCookie: "a=b", .vary: "Accept"]
        cors.apply(to: &answer, request: [.origin: frontend])
        #expect(answer[.accessControlAllowOrigin] == frontend)
        #expect(answer[.accessControlAllowCredentials] == "true")
        #expect(answer[.accessControlExposeHeaders] == "etag")
        #expect(answer[.vary] == "Accept, Origin")
    }

    /// Any other origin gets nothing but `Vary`, another tenant's frontend too.
    @Test(arguments: [
        "http://other.formation.localhost:5173", "http://formation.localhost:5173",
        "https://app.example.com.evil.example",
        "null", "", "http://axonify.formation.localhost", "HTTPS://app.example.com",
    ])
    func othersGetNothing(origin: String) {
        var answer = HTTPFields()
        cors.apply(to: &answer, request: [.origin: origin])
        #expect(answer == [.vary: "Origin"])
        #expect(cors.preflight([.origin: origin, .accessControlRequestMethod: "PATCH"]) == nil)
    }

    /// Two origins are none.
    @Test func severalOriginsAreNone() {
        var headers: HTTPFields = [.origin: frontend]
        headers.append(HTTPField(name: .origin, value: frontend))
        var answer = HTTPFields()
        cors.apply(to: &answer, request: headers)
        #expect(answer[.accessControlAllowOrigin] == nil)
    }

    /// Without frontends answers don't differ by origin, and don't say so.
    @Test func withoutFrontendsNothingIsAdded() {
        var answer = HTTPFields()
        CORSHeaders(rule: CrossOriginRule(), label: "axonify").apply(to: &answer, request: [.origin: frontend])
        #expect(answer.isEmpty)
    }

    /// A preflight is answered with what was asked for, by name: with credentials `*` would mean nothing.
    @Test func preflightNamesWhatIsAsked() throws {
        let answer = try #require(
            cors.preflight([
                .origin: frontend, .accessControlRequestMethod: "PATCH",
                .accessControlRequestHeaders: "content-type, if-match,x y",
            ]))
        #expect(answer[.accessControlAllowOrigin] == frontend)
        #expect(answer[.accessControlAllowMethods] == "PATCH")
        #expect(answer[.accessControlAllowHeaders] == "content-type, if-match")
        #expect(answer[.accessControlAllowCredentials] == "true")
        #expect(answer[.accessControlMaxAge] == "7200")
        #expect(answer[.vary]?.contains("Origin") == true)
    }

    /// A list of headers beyond the limit is refused.
    @Test func preflightIsBounded() {
        let names = String(repeating: "x-a,", count: CORSHeaders.requestedHeadersBytesMax)
        #expect(
            cors.preflight([
                .origin: frontend, .accessControlRequestMethod: "GET", .accessControlRequestHeaders: names,
            ]) == nil)
    }

    /// Only OPTIONS with an origin and a wished-for method is a preflight.
    @Test func preflightsAreRecognised() {
        let headers: HTTPFields = [.origin: frontend, .accessControlRequestMethod: "GET"]
        #expect(CORSHeaders.isPreflight(method: .options, headers: headers))
        #expect(!CORSHeaders.isPreflight(method: .get, headers: headers))
        #expect(!CORSHeaders.isPreflight(method: .options, headers: [.origin: frontend]))
    }
}
