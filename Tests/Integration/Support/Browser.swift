import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing

/// A browser as far as tests need one: cookies by host, links and forms, and redirects that are looked at.
///
/// Every name resolves to 127.0.0.1, as browsers resolve `*.localhost`.
final class Browser {
    struct Page {
        let url: URL
        let status: Int
        let headers: HTTPHeaders
        let body: String

        var location: String? { headers.first(name: "location") }

        /// The JSON body.
        func json() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
        }
    }

    struct TooManyRedirects: Error {}
    struct NoForm: Error { let page: String }

    private let client: HTTPClient
    private(set) var cookies: [String: [String: String]] = [:]
    /// Everything that was received, for the canary test.
    private(set) var received: [String] = []

    init(client: HTTPClient) {
        self.client = client
    }

    /// One request, with this browser's cookies, and no redirect followed.
    func send(
        _ method: HTTPMethod, _ url: String, headers: HTTPHeaders = [:], body: String? = nil
    ) async throws -> Page {
        let target = try #require(URL(string: url))
        let host = try #require(target.host)
        let port = target.port.map { ":\($0)" } ?? ""
        var request = HTTPClientRequest(url: url.replacing("//\(host)", with: "//127.0.0.1", maxReplacements: 1))
        request.method = method
        request.headers = headers
        request.headers.replaceOrAdd(name: "Host", value: host + port)
        if let jar = cookies[host], !jar.isEmpty, !headers.contains(name: "Cookie") {
            request.headers.add(
                name: "Cookie", value: jar.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "; "))
        }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 64 * 1024 * 1024)
        store(response.headers[canonicalForm: "set-cookie"].map(String.init), host: host)
        let text = String(buffer: bytes)
        received.append(text)
        return Page(url: target, status: Int(response.status.code), headers: response.headers, body: text)
    }

    /// A navigation: redirects are followed, as a browser's address bar does.
    func open(_ url: String) async throws -> Page {
        try await follow(send(.GET, url, headers: ["Accept": "text/html", "Sec-Fetch-Site": "none"]))
    }

    /// Follows redirects until there is a page.
    func follow(_ page: Page) async throws -> Page {
        var page = page
        for _ in 0..<10 {
            guard (300..<400).contains(page.status), let location = page.location else { return page }
            let next = try #require(URL(string: location, relativeTo: page.url)).absoluteString
            page = try await send(.GET, next, headers: ["Accept": "text/html"])
        }
        throw TooManyRedirects()
    }

    /// Submits a page's form, with fields filled in and one of its buttons pressed.
    func submit(_ page: Page, fields: [String: String] = [:], button: (name: String, value: String)? = nil)
        async throws -> Page
    {
        guard let form = page.body.firstMatch(of: /<form[^>]*>/) else { throw NoForm(page: page.body) }
        let action = Self.attribute("action", in: String(form.0)) ?? page.url.absoluteString
        var values: [(String, String)] = page.body.matches(of: /<input[^>]*>/).compactMap { input in
            let tag = String(input.0)
            guard let name = Self.attribute("name", in: tag), Self.attribute("type", in: tag) != "submit" else {
                return nil
            }
            return (name, fields[name] ?? Self.attribute("value", in: tag) ?? "")
        }
        if let button { values.append(button) }
        let body = values.map { "\(Self.encode($0))=\(Self.encode($1))" }.joined(separator: "&")
        let target = try #require(URL(string: action, relativeTo: page.url)).absoluteString
        return try await send(
            .POST, target,
            headers: [
                "Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html",
                "Sec-Fetch-Site": "same-origin",
            ], body: body)
    }

    func cookie(_ name: String, host: String) -> String? {
        cookies[host]?[name]
    }

    func setCookie(_ name: String, _ value: String?, host: String) {
        cookies[host, default: [:]][name] = value
    }

    private func store(_ setCookies: [String], host: String) {
        for line in setCookies {
            let parts = line.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
            guard let pair = parts.first?.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false),
                pair.count == 2
            else { continue }
            let ends = parts.dropFirst().contains { $0.lowercased() == "max-age=0" }
            cookies[host, default: [:]][String(pair[0])] = ends ? nil : String(pair[1])
        }
    }

    private static func attribute(_ name: String, in tag: String) -> String? {
        guard let start = tag.range(of: " \(name)=\"") else { return nil }
        return String(tag[start.upperBound...].prefix { $0 != "\"" })
            .replacing("&quot;", with: "\"").replacing("&#39;", with: "'").replacing("&lt;", with: "<")
            .replacing("&gt;", with: ">").replacing("&#61;", with: "=").replacing("&amp;", with: "&")
    }

    private static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}
