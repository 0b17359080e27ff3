internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Mustache
internal import NIOCore

/// The pages: templates and files that are built into the program, checked once when it starts.
struct Pages: Sendable {
    let assets = AssetStore()
    /// The path of Salesforce's query resource on a tenant's host.
    let queryPath: String
    private let library: MustacheLibrary
    private let signInTemplate: MustacheTemplate
    private let workspaceTemplate: MustacheTemplate
    private let problemTemplate: MustacheTemplate
    private let frontDoorTemplate: MustacheTemplate
    private let settingsTemplates: [SettingsPage: MustacheTemplate]
    private let apiTemplate: MustacheTemplate

    /// - Throws: ``WorkspaceError`` where a template is broken.
    init(queryPath: String = "") throws(WorkspaceError) {
        var loader = TemplateLoader()
        // Pages first name the layout, so it is there before them.
        _ = try loader.load("base", PackageResources.base_mustache)
        self.signInTemplate = try loader.load("signin", PackageResources.signin_mustache)
        self.workspaceTemplate = try loader.load("workspace", PackageResources.workspace_mustache)
        self.problemTemplate = try loader.load("problem", PackageResources.problem_mustache)
        self.frontDoorTemplate = try loader.load("frontdoor", PackageResources.frontdoor_mustache)
        _ = try loader.load("settings", PackageResources.settings_mustache)
        _ = try loader.load("field", PackageResources.field_mustache)
        _ = try loader.load("pager", PackageResources.pager_mustache)
        var settingsTemplates: [SettingsPage: MustacheTemplate] = [:]
        for page in SettingsPage.allCases {
            settingsTemplates[page] = try loader.load(page.rawValue, page.template)
        }
        self.settingsTemplates = settingsTemplates
        self.apiTemplate = try loader.load("apidocs", PackageResources.apidocs_mustache)
        self.library = loader.library
        self.queryPath = queryPath
    }

    func signIn(_ page: SignInPage, status: HTTPResponse.Status = .ok) -> Response {
        html(signInTemplate.render(page, library: library), status: status)
    }

    func workspace(_ page: WorkspacePage) -> Response {
        html(workspaceTemplate.render(page, library: library))
    }

    func settings<Content>(
        _ page: SettingsPage, _ view: SettingsView<Content>, status: HTTPResponse.Status = .ok
    ) -> Response {
        html(settingsTemplates[page]?.render(view, library: library) ?? "", status: status)
    }

    /// - Parameter formTarget: where the form's answer redirects to, as a CSP source.
    func frontDoor(_ page: FrontDoorPage, status: HTTPResponse.Status, formTarget: String) -> Response {
        html(frontDoorTemplate.render(page, library: library), status: status, formTargets: ["'self'", formTarget])
    }

    /// The one page that is the same for everybody at a tenant: a browser may keep it and ask whether it still holds.
    func api(_ page: APIPage, headers: HTTPFields) -> Response {
        let text = apiTemplate.render(page, library: library)
        let tag = EntityTag(of: Array(text.utf8))
        var response = tag.isKnown(headers) ? Response(status: .notModified) : html(text)
        response.headers[.eTag] = tag.text
        response.headers[.cacheControl] = "public, no-cache"
        return response
    }

    /// An error as a page.
    ///
    /// - Parameter company: whose workspace it is; `nil` where it is nobody's.
    func problem(_ problem: Problem, company: String?, requestID: String) -> Response {
        let page = ProblemPage(
            frame: frame(heading: problem.title, company: company), heading: problem.title, detail: problem.detail,
            status: problem.status.code, requestID: requestID, tryAgainPath: problem.tryAgainPath,
            homeLabel: company == nil ? nil : "Go to the start page", hasActions: company != nil)
        var response = html(problemTemplate.render(page, library: library), status: problem.status)
        for field in problem.headers { response.headers.append(field) }
        return response
    }

    func frame(heading: String, company: String?, usesScript: Bool = false) -> PageFrame {
        PageFrame(
            title: [heading, company, PageFrame.product].compactMap(\.self).joined(separator: " · "),
            styleSheet: assets.styleSheet.path, script: usesScript ? assets.script.path : nil, icon: assets.icon.path,
            company: company)
    }

    private func html(_ text: String, status: HTTPResponse.Status = .ok, formTargets: [String] = ["'self'"])
        -> Response
    {
        Response(
            status: status,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .contentSecurityPolicy: AnswerHeaders.pagePolicy(formTargets: formTargets),
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// Parses templates and refuses what mustache would silently render wrong.
struct TemplateLoader {
    private(set) var library = MustacheLibrary()
    private var names: Set<String> = []

    /// - Throws: ``WorkspaceError`` for a template that does not parse, writes a value unescaped, or uses another one
    ///   that was not loaded before it: mustache takes that for an empty one.
    mutating func load(_ name: String, _ bytes: [UInt8]) throws(WorkspaceError) -> MustacheTemplate {
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.contains("{{{"), !text.contains("{{&"), !text.contains("{{%") else {
            throw .unescapedValue(name)
        }
        for match in text.matches(of: /\{\{\s*[<>]\s*([A-Za-z0-9_\-]+)/) where !names.contains(String(match.1)) {
            throw .missingTemplate(String(match.1), usedBy: name)
        }
        do {
            // Without its name the pragma is an error, so nothing is rendered in Mustache's way by mistake.
            _ = HTMLText.isRegistered
            let template = try MustacheTemplate(string: HTMLText.pragma + text)
            library.register(template, named: name)
            names.insert(name)
            return template
        } catch {
            throw .brokenTemplate(name)
        }
    }
}
