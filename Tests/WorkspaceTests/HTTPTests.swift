import HTTPTypes
import Testing

@testable import Workspace

@Suite struct HTTPTests {
    /// Browsers get pages; programs, and whoever takes anything, get JSON.
    @Test(arguments: [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true), ("text/html", true),
        ("TEXT/HTML; q=0.5", true), ("*/*", false), ("application/json", false), ("", false),
        ("application/json, text/html;q=0.9", false), ("text/html;q=0", false), ("text/htmlx", false),
        ("application/problem+json;q=0.1, text/html;q=0.2", true),
    ])
    func acceptDecides(accept: String, isPage: Bool) {
        #expect(ContentNegotiation.prefersPage([.accept: accept]) == isPage)
    }

    /// Without `Accept` the answer is JSON.
    @Test func nothingAcceptedIsJSON() {
        #expect(!ContentNegotiation.prefersPage([:]))
    }

    /// A media type is compared without parameters and case.
    @Test func mediaTypeHasNoParameters() {
        #expect(ContentNegotiation.mediaType([.contentType: "Application/JSON; charset=utf-8"]) == "application/json")
        #expect(ContentNegotiation.mediaType([:]) == nil)
    }

    /// `If-Match` takes the very version, a list with it, or `*`; never a weak tag.
    @Test func ifMatchIsStrong() {
        let tag = EntityTag(of: Array("one".utf8))
        #expect(tag.text.count == 34)
        #expect(tag != EntityTag(of: Array("two".utf8)))
        #expect(tag.allowsChange([:]))
        #expect(tag.allowsChange([.ifMatch: tag.text]))
        #expect(tag.allowsChange([.ifMatch: "\"other\", \(tag.text)"]))
        #expect(tag.allowsChange([.ifMatch: "*"]))
        #expect(!tag.allowsChange([.ifMatch: "W/\(tag.text)"]))
        #expect(!tag.allowsChange([.ifMatch: "\"other\""]))
        #expect(!tag.allowsChange([.ifMatch: ""]))
    }

    /// `If-None-Match` compares weakly.
    @Test func ifNoneMatchIsWeak() {
        let tag = EntityTag(of: Array("one".utf8))
        #expect(!tag.isKnown([:]))
        #expect(tag.isKnown([.ifNoneMatch: "W/\(tag.text)"]))
        #expect(tag.isKnown([.ifNoneMatch: "\"a\",\(tag.text)"]))
        #expect(!tag.isKnown([.ifNoneMatch: "\"a\""]))
    }

    /// Queries are decoded; of several values the first counts.
    @Test func queriesAreDecoded() {
        let query = QueryString("return_to=%2Fa%3Fb%3D1&return_to=/c&empty&plus=a+b&bad=%ff%&x=a=b")
        #expect(query["return_to"] == "/a?b=1")
        #expect(query["empty"] == "")
        #expect(query["plus"] == "a b")
        #expect(query["bad"] == nil)
        #expect(query["x"] == "a=b")
        #expect(QueryString(nil)["x"] == nil)
        #expect(QueryString.encode("/a?b=\"ü&c") == "/a%3Fb%3D%22%C3%BC%26c")
    }

    /// A path is ours only as it is spelled here.
    @Test(arguments: [
        ("/", Route.home), ("/auth/login", .login), ("/auth/callback", .callback), ("/auth/logout", .logout),
        ("/auth/session", .session), ("/api/me", .me), ("/api/config", .config), ("/api/keys", .keys),
        ("/api/config/warnings", .configWarnings), ("/api/config/other", .unknownAPI),
        ("/api/keys/1", .key("1")), ("/api/keys/1/2", .unknownAPI), ("/api", .unknownAPI), ("/api/", .unknownAPI),
        ("/api/me/", .unknownAPI), ("/API/me", .unknown), ("/auth/login/", .unknown), ("/auth/%6cogin", .unknown),
        ("//", .unknown), ("", .unknown), ("/apix", .unknown), ("/assets/a.css", .asset("a.css")),
    ])
    func pathsAreExact(path: String, route: Route) {
        #expect(Route(path: path) == route)
    }
}
