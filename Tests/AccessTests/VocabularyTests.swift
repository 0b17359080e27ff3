import Domain
import Foundation
import HTTPTypes
import Testing

@testable import Access

/// Hosts, origins, errors and encodings: the words that every room shares.
@Suite struct VocabularyTests {
    /// What a host is to the gateway; the tenant comes from it alone.
    @Test(arguments: [
        ("axonify.formation.test", "axonify"), ("AXONIFY.Formation.Test", "axonify"),
        ("axonify.formation.test.", "axonify"), ("axonify.formation.test:8080", "axonify"),
        ("axonify.formation.test.:443", "axonify"), ("formation.test", "front"), ("www.formation.test", "front"),
        ("admin.formation.test", "console"), ("api.formation.test", "unknown"), ("a.b.formation.test", "unknown"),
        ("axonify.formation.test.evil.example", "unknown"), ("evil.example", "unknown"), ("", "unknown"),
        (".formation.test", "unknown"), ("-a.formation.test", "unknown"), ("xn--a.formation.test", "unknown"),
        ("axonifyformation.test", "unknown"), ("axonify.formation.test:", "unknown"),
        ("axonify.formation.test:80a", "unknown"), ("user@axonify.formation.test", "unknown"),
        ("axonify.formation.test..", "unknown"), ("ax onify.formation.test", "unknown"),
        ("[::1]", "unknown"), ("127.0.0.1:8080", "unknown"), ("axonify.formation.test/", "unknown"),
    ])
    func hosts(host: String, expected: String) {
        let origin = PublicOrigin(isSecure: true, baseDomain: "Formation.test", port: 443)
        let found =
            switch origin.route(host: host) {
            case .tenant(let subdomain): subdomain.label
            case .console: "console"
            case .frontDoor: "front"
            case .unknown: "unknown"
            }
        #expect(found == expected)
    }

    /// A tenant's origin carries the port where it is not the scheme's own.
    @Test func origins() throws {
        let subdomain = try Subdomain("axonify")
        let secure = PublicOrigin(isSecure: true, baseDomain: "formation.test", port: 443)
        #expect(secure.origin(of: subdomain) == "https://axonify.formation.test")
        let plain = PublicOrigin(isSecure: false, baseDomain: "formation.localhost", port: 8080)
        #expect(plain.origin(of: subdomain) == "http://axonify.formation.localhost:8080")
    }

    private struct Crossing: Sendable {
        let method: HTTPRequest.Method
        var path = "/services/data/v60.0/query"
        var site: String?
        var origin: String?
        let isAllowed: Bool
    }

    private static let crossings: [Crossing] = [
        Crossing(method: .post, site: "same-origin", isAllowed: true),
        Crossing(method: .get, site: "same-origin", isAllowed: true),
        Crossing(method: .get, site: "same-site", isAllowed: false),
        Crossing(method: .get, site: "cross-site", isAllowed: false),
        Crossing(method: .post, origin: "https://axonify.formation.test", isAllowed: true),
        Crossing(method: .get, site: "cross-site", origin: "https://axonify.formation.test", isAllowed: true),
        Crossing(method: .post, site: "same-site", origin: "https://axonify.frontend.test", isAllowed: true),
        Crossing(method: .post, site: "same-site", origin: "https://umbrella.frontend.test", isAllowed: false),
        Crossing(method: .post, site: "same-site", origin: "https://umbrella.formation.test", isAllowed: false),
        Crossing(method: .get, origin: "https://umbrella.formation.test", isAllowed: false),
        Crossing(method: .get, origin: "http://axonify.formation.test", isAllowed: false),
        Crossing(method: .get, origin: "null", isAllowed: false),
        Crossing(method: .get, origin: "https://axonify.formation.test.evil.example", isAllowed: false),
        Crossing(method: .get, isAllowed: true), Crossing(method: .head, isAllowed: true),
        Crossing(method: .get, site: "none", isAllowed: true), Crossing(method: .post, isAllowed: false),
        Crossing(method: .post, site: "none", isAllowed: false), Crossing(method: .delete, isAllowed: false),
        Crossing(method: .options, isAllowed: false),
        Crossing(method: .get, path: "/services/data/v60.0/tooling/executeAnonymous", isAllowed: false),
        Crossing(method: .get, path: "/services/data/v60.0/Tooling/ExecuteAnonymous/", site: "none", isAllowed: false),
        Crossing(method: .get, path: "/services/apexrest/x", isAllowed: false),
        Crossing(method: .get, path: "/services/ApexRest", site: "none", isAllowed: false),
        Crossing(method: .get, path: "/services/apexrest/x", site: "same-origin", isAllowed: true),
    ]

    /// The cross-origin rule, row by row.
    @Test(arguments: crossings.indices) func crossOrigin(index: Int) throws {
        let crossing = Self.crossings[index]
        let rule = CrossOriginRule(frontendOrigins: [try #require(FrontendOrigin("https://*.frontend.test"))])
        var headers = HTTPFields()
        headers[.secFetchSite] = crossing.site
        headers[.origin] = crossing.origin
        let isAllowed = rule.allows(
            method: crossing.method, path: crossing.path, headers: headers,
            tenantOrigin: "https://axonify.formation.test", label: "axonify")
        #expect(isAllowed == crossing.isAllowed)
    }

    /// What runs code by GET is known in every spelling; what only looks like it is not.
    @Test(arguments: [
        ("/services/data/v60.0/tooling/executeAnonymous", true),
        ("/services/data/v60.0/tooling/executeAnonymous/", true),
        ("/services/data/v60.0/tooling/executeAnonymous.json", true),
        ("/services/data/v60.0/tooling/EXECUTEANONYMOUS.XML/", true),
        ("/services/data/v60.0/tooling/executeAnonymous/.json", true),
        ("/services/data/v60.0/tooling/executeAnonymousResults", false),
        ("/services/data/v60.0/tooling/query", false),
        ("/services/apexrest", true), ("/services/apexrest/", true), ("/services/apexrest.json", true),
        ("/Services/ApexRest/Anything/v1.xml", true), ("/services/apexresting", false),
        ("/services/data/v60.0/sobjects/Account/describe.json", false), ("/", false), ("", false), (".json", false),
    ]) func runsCode(path: String, isCode: Bool) {
        #expect(CrossOriginRule.runsCode(path[...]) == isCode)
        let isAllowed = CrossOriginRule().allows(
            isSafeMethod: true, path: path[...], secFetchSite: nil, origin: nil,
            tenantOrigin: "https://axonify.formation.test", label: "axonify")
        #expect(isAllowed == !isCode)
    }

    /// Two of either header is nothing that a browser sends.
    @Test func doubledHeaders() {
        var headers: HTTPFields = [.secFetchSite: "same-origin"]
        headers.append(HTTPField(name: .secFetchSite, value: "same-origin"))
        let isAllowed = CrossOriginRule().allows(
            method: .get, path: "/", headers: headers, tenantOrigin: "https://a.test", label: "a")
        #expect(!isAllowed)
    }

    /// Base 62 keeps all bits: unlike bytes are unlike texts, of 43 digits each.
    @Test func base62() {
        let zero = [UInt8](repeating: 0, count: 32)
        let ones = [UInt8](repeating: 255, count: 32)
        var one = zero
        one[31] = 61
        var sixtyTwo = zero
        sixtyTwo[31] = 62
        #expect(Base62.encode(zero) == String(repeating: "0", count: 43))
        #expect(Base62.encode(one).hasSuffix("0z"))
        #expect(Base62.encode(sixtyTwo).hasSuffix("10"))
        #expect(Base62.encode(ones).utf8.count == 43)
        var texts: Set<String> = []
        for bit in 0..<256 {
            var bytes = zero
            bytes[bit / 8] = 1 << UInt8(bit % 8)
            texts.insert(Base62.encode(bytes))
        }
        #expect(texts.count == 256)
    }

    /// Base64 for URLs goes there and back, and takes nothing else.
    @Test func base64URL() {
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + 251) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
        for text in ["a", "ab=", "a+b", "a/b", "a b", "ä"] { #expect(Base64URL.decode(text) == nil) }
    }

    /// Each part of a query is decoded once.
    @Test func queries() {
        let query = QueryString("code=aPrx.a%2Bb%3D%3D&state=a+b&twice=1&twice=2&empty=&bare&bad=%zz&double=%253D")
        #expect(query.value("code") == "aPrx.a+b==")
        #expect(query.value("state") == "a b")
        #expect(query.value("twice") == nil)
        #expect(query.value("empty")?.isEmpty == true)
        #expect(query.value("bare")?.isEmpty == true)
        #expect(query.value("bad") == "%zz")
        #expect(query.value("double") == "%3D")
        #expect(query.value("missing") == nil)
    }
}
