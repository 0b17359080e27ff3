import Access
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

@Suite struct FrontDoorTests {
    private let door: FrontDoor

    init() throws {
        door = try FrontDoor(origin: PublicOrigin(isSecure: false, baseDomain: "formation.localhost", port: 8080))
    }

    private func get(_ path: String, headers: HTTPFields = browserAccept) async -> Response {
        await door.respond(to: request(.get, path, host: "formation.localhost:8080", headers: headers), requestID: "r1")
    }

    /// The front door asks for a workspace; its form may lead to every tenant: Chromium holds redirects to the policy.
    @Test func formIsShown() async throws {
        let response = await get("/")
        #expect(response.status == .ok)
        let text = try await response.text()
        #expect(text.contains("<title>Find your workspace · FormationIQ</title>"))
        #expect(text.contains("name=\"workspace\""))
        #expect(text.contains(".formation.localhost"))
        let policy = try #require(response.headers[.contentSecurityPolicy])
        #expect(policy.contains("form-action 'self' http://*.formation.localhost:8080;"))
    }

    /// A name, in any case, or a workspace's whole address leads to its host, whether there is one or not.
    @Test(arguments: [
        "axonify", "Axonify", "%20axonify%20", "axonify.formation.localhost",
        "http://axonify.formation.localhost:8080/x",
        "axonify.formation.localhost:8080",
    ])
    func nameLeadsToTheWorkspace(entered: String) async {
        let response = await get("/?workspace=\(entered)")
        #expect(response.status == .seeOther)
        #expect(response.headers[.location] == "http://axonify.formation.localhost:8080/")
    }

    /// What is no name is shown again, escaped, with a message; it leads nowhere.
    @Test(arguments: [
        "", "a%20b.c", "-a", "xn--a", "www", "admin", "evil.example", "//evil.example", "a.b.formation.localhost",
        "%22%3E%3Cscript%3E", "https://evil.example/axonify.formation.localhost",
    ])
    func otherEntriesAreRefused(entered: String) async throws {
        let response = await get("/?workspace=\(entered)")
        #expect(response.status == .badRequest)
        #expect(response.headers[.location] == nil)
        let text = try await response.text()
        #expect(text.contains("aria-invalid=\"true\""))
        #expect(!text.contains("<script"))
    }

    /// The door's files are answered, other paths are not, other methods neither.
    @Test func otherPathsAreNotFound() async throws {
        let page = try await get("/").text()
        let href = try #require(page.firstMatch(of: /href="(\/assets\/workspace-[0-9a-f]+\.css)"/)).1
        #expect(await get(String(href)).status == .ok)
        for path in ["/api/me", "/auth/login", "/x", "/assets/x"] { #expect(await get(path).status == .notFound) }
        let post = await door.respond(to: request(.post, "/"), requestID: "r1")
        #expect(post.status == .methodNotAllowed)
        #expect(post.headers[.allow] == "GET, HEAD, OPTIONS")
    }
}

@Suite struct ErrorPagesTests {
    private let errors: ErrorPages

    init() throws {
        errors = try ErrorPages(origin: PublicOrigin(isSecure: true, baseDomain: "formation.example", port: nil))
    }

    /// An unknown host's answer says nothing of the host, so that none is told from another.
    @Test func unknownHostsAreAlike() async throws {
        var texts: Set<String> = []
        for host in ["nobody.formation.example", "a.b.formation.example", "elsewhere.example"] {
            let response = errors.unknownHost(request(.get, "/x", host: host, headers: browserAccept), requestID: "r1")
            #expect(response.status == .notFound)
            texts.insert(try await response.text() + "\(response.headers)")
        }
        #expect(texts.count == 1)
        #expect(texts.first?.contains("No such workspace") == true)
    }

    /// Programs get problem details.
    @Test func programsGetProblemDetails() async throws {
        let response = errors.answer(
            .unavailable(.draining, retryAfterSeconds: 3), to: request(.get, "/api/me?secret=1"), requestID: "r1")
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "3")
        #expect(response.headers[.contentType] == "application/problem+json")
        let text = try await response.text()
        #expect(text.contains(#""instance":"/api/me","requestId":"r1","status":503"#))
        #expect(!text.contains("secret"))
    }

    /// Where `BASE_URL` is https, every answer asks for it from then on.
    @Test func secureAnswersAskForHTTPS() {
        let response = errors.unknownHost(request(.get, "/"), requestID: "r1")
        #expect(response.headers[.strictTransportSecurity] == "max-age=31536000; includeSubDomains")
    }

    /// The page's own files are answered on every host, or it would be bare.
    @Test func filesAreAnsweredEverywhere() async throws {
        let page = try await errors.unknownHost(request(.get, "/", headers: browserAccept), requestID: "r1").text()
        let href = try #require(page.firstMatch(of: /href="(\/assets\/workspace-[0-9a-f]+\.css)"/)).1
        #expect(errors.unknownHost(request(.get, String(href)), requestID: "r1").status == .ok)
        #expect(errors.unknownHost(request(.post, String(href)), requestID: "r1").status == .notFound)
    }
}
