import HTTPTypes
import Hummingbird
import NIOCore
import Testing

@testable import Workspace

@Suite struct PagesTests {
    private let hostile = "<script>alert(1)</script>\"'&"
    private let pages: Pages

    init() throws {
        pages = try Pages(queryPath: "/services/data/v62.0/query")
    }

    private func all(_ text: String) -> [Response] {
        let frame = pages.frame(heading: text, company: text, usesScript: true)
        let notice = PageNotice(title: text, detail: text)
        func workspace(_ obstacle: PageNotice?, _ explorer: ExplorerSection?) -> Response {
            pages.workspace(
                WorkspacePage(
                    frame: frame, company: text, fullName: text, email: text, role: text, profile: text,
                    loginHost: text, orgID: text, obstacle: obstacle, explorer: explorer))
        }
        var problem = Problem(status: .forbidden, code: text, title: text, detail: text)
        problem.tryAgainPath = text
        return [
            pages.signIn(SignInPage(frame: frame, heading: text, loginHost: text, obstacle: nil)),
            pages.signIn(SignInPage(frame: frame, heading: text, loginHost: text, obstacle: notice)),
            workspace(nil, ExplorerSection(queryPath: text, userID: text, recordOrigin: text)), workspace(notice, nil),
            pages.problem(problem, company: text, requestID: text),
            pages.problem(problem, company: nil, requestID: text),
            pages.frontDoor(
                FrontDoorPage(frame: frame, suffix: text, entered: text, message: text), status: .ok,
                formTarget: "'self'"),
        ]
    }

    /// Whatever a page shows is escaped, wherever it stands.
    @Test func valuesAreEscaped() async throws {
        for response in all(hostile) {
            let text = try await response.text()
            #expect(!text.contains("<script>alert"))
            #expect(!text.contains(hostile))
            #expect(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"))
        }
    }

    /// Every page has a language, one heading of the first rank, landmarks, a skip link, and nothing from elsewhere.
    @Test func pagesAreAccessible() async throws {
        for response in all("Axonify") {
            let text = try await response.text()
            #expect(text.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
            for once in ["<h1", "<main id=\"main\"", "<header", "<footer", "href=\"#main\"", "<title>"] {
                #expect(text.count(of: once) == 1, "\(once)")
            }
            #expect(!text.contains("{{"))
            #expect(!text.contains("://"))
            #expect(!text.contains("style="))
            #expect(!text.contains(" onclick"))
            #expect(text.count(of: "<textarea") + text.count(of: "<input") == text.count(of: "<label"))
            #expect(response.headers[.contentType] == "text/html; charset=utf-8")
            let policy = try #require(response.headers[.contentSecurityPolicy])
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"))
            #expect(!policy.contains("unsafe"))
        }
    }

    /// A template that mustache would render wrong without a word is refused when the program starts.
    @Test func badTemplatesAreRefused() throws {
        var loader = TemplateLoader()
        _ = try loader.load("base", Array("<p>{{$main}}{{/main}}</p>".utf8))
        for text in ["{{{x}}}", "{{&x}}", "{{% CONTENT_TYPE: TEXT}}"] {
            #expect(throws: WorkspaceError.unescapedValue("page")) { try loader.load("page", Array(text.utf8)) }
        }
        #expect(throws: WorkspaceError.missingTemplate("other", usedBy: "page")) {
            try loader.load("page", Array("{{> other}}".utf8))
        }
        #expect(throws: WorkspaceError.brokenTemplate("page")) { try loader.load("page", Array("{{#a}}".utf8)) }
        _ = try loader.load("page", Array("{{<base}}{{$main}}{{x}}{{/main}}{{/base}}".utf8))
    }

    /// The script never makes markup of text.
    @Test func scriptSetsTextOnly() {
        let script = String(buffer: pages.assets.script.content)
        for banned in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            #expect(!script.contains(banned), "\(banned)")
        }
    }

    /// Rows lead to the org's own host, and nowhere where that is not known.
    @Test(arguments: [
        ("https://axonify.my.salesforce.com", true), ("https://axonify--full.sandbox.my.salesforce.com", true),
        ("https://agency.my.salesforce.mil", true), ("https://org.my.sfcrmproducts.cn", true),
        ("https://login.salesforce.com", false), ("https://test.salesforce.com", false),
        ("https://axonify.my.site.com/partners", false), ("https://axonify.my.salesforce.com/x", false),
        ("http://axonify.my.salesforce.localhost:8081", false), ("http://axonify.my.salesforce.com", false),
    ])
    func recordsAreLinkedWhereTheOrgIsKnown(login: String, isKnown: Bool) {
        #expect(ExplorerSection.recordOrigin(ofLogin: login) == (isKnown ? login : nil))
    }

    /// A file is kept for ever under the name with its hash, and told apart from another version's.
    @Test func filesAreNamedByContent() throws {
        let assets = pages.assets
        for asset in [assets.styleSheet, assets.script, assets.icon] {
            let name = String(asset.path.dropFirst(AssetStore.pathPrefix.count))
            let response = try #require(assets.response(name: name, headers: [:]))
            #expect(response.status == .ok)
            #expect(response.headers[.cacheControl] == "public, max-age=31536000, immutable")
            #expect(response.headers[.contentType] == asset.contentType)
            let known = try #require(assets.response(name: name, headers: [.ifNoneMatch: asset.tag.text]))
            #expect(known.status == .notModified)
            let other = name.replacing(/[0-9a-f]{16}/, with: "0123456789abcdef")
            #expect(assets.response(name: other, headers: [:])?.headers[.cacheControl] == "no-cache")
        }
        for name in ["", "workspace.css", "workspace-.css", "../x", "workspace-0123456789abcdef.txt", "base.mustache"] {
            #expect(assets.response(name: name, headers: [:]) == nil, "\(name)")
        }
    }
}
