import Foundation
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

/// The vendor's own frontend, served at `/` (`FRONTEND_DIR`).
@Suite struct FrontendTests {
    private static let page: HTTPFields = [.accept: "text/html,application/xhtml+xml,*/*;q=0.8"]
    private static let script = String(repeating: "console.log(1)\n", count: 20_000)

    /// A build as bundlers make it, with something beside it that is nobody's business.
    private static func withBuild(_ body: (Scene, URL) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "frontend-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let files = [
            "dist/index.html": "<!doctype html><title>Front</title>", "dist/favicon.ico": "icon",
            "dist/assets/index-DiwrgTda.js": script, "dist/assets/index-DiwrgTda.js.br": "brotli",
            "dist/assets/index-DiwrgTda.js.gz": "gzip", "dist/help/index.html": "help", "dist/.env": "hidden",
            "dist/.well-known/security.txt": "Contact: x", "dist/a b+c.txt": "spaced", "dist/empty.css": "",
            "secret.txt": "outside",
        ]
        for (name, text) in files {
            let url = directory.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        let dist = directory.appending(path: "dist")
        let manager = FileManager.default
        try manager.createSymbolicLink(
            atPath: dist.appending(path: "out.txt").path, withDestinationPath: "../secret.txt")
        try manager.createSymbolicLink(atPath: dist.appending(path: "in.txt").path, withDestinationPath: "a b+c.txt")
        try await body(try await Scene(frontendDirectory: dist.path), dist)
    }

    /// Files have their types, a tag, and a time to be kept that fits their names; pages are always asked for anew.
    @Test func filesAreServed() async throws {
        try await Self.withBuild { scene, _ in
            let page = try await scene.send(.get, "/", headers: Self.page)
            #expect(page.status == .ok)
            #expect(page.headers[.contentType] == "text/html; charset=utf-8")
            #expect(page.headers[.cacheControl] == "no-cache")
            #expect(page.headers[.contentSecurityPolicy]?.contains("frame-ancestors 'none'") == true)
            #expect(page.headers[.xContentTypeOptions] == "nosniff")
            #expect(try await page.text() == "<!doctype html><title>Front</title>")
            let script = try await scene.send(.get, "/assets/index-DiwrgTda.js")
            #expect(script.headers[.contentType] == "text/javascript; charset=utf-8")
            #expect(script.headers[.cacheControl] == "public, max-age=31536000, immutable")
            #expect(script.headers[.contentLength] == String(Self.script.utf8.count))
            #expect(try await script.text() == Self.script)
            let head = try await scene.send(.head, "/assets/index-DiwrgTda.js")
            #expect(head.headers[.contentLength] == String(Self.script.utf8.count))
            #expect(try await head.text().isEmpty)
            for (path, text) in [
                ("/help/", "help"), ("/a%20b+c.txt", "spaced"), ("/in.txt", "spaced"), ("/empty.css", ""),
                ("/.well-known/security.txt", "Contact: x"), ("/favicon.ico", "icon"),
            ] {
                let answer = try await scene.send(.get, path)
                #expect(answer.status == .ok, "\(path)")
                #expect(try await answer.text() == text)
            }
        }
    }

    /// A page of the application that is no file is its index, for a browser on its way to a page and nobody else; the
    /// gateway's own paths stay its own.
    @Test func pagesOfTheApplication() async throws {
        try await Self.withBuild { scene, _ in
            for path in ["/deals", "/deals/42", "/deals/", "/%20"] {
                let page = try await scene.send(.get, path, headers: Self.page)
                #expect(page.status == .ok, "\(path)")
                #expect(try await page.text().contains("Front"))
                #expect(try await scene.send(.get, path, headers: [.accept: "*/*"]).status == .notFound)
            }
            for path in ["/missing.js", "/assets/index-00000000.js", "/api/nothing", "/auth/nothing.html"] {
                #expect(try await scene.send(.get, path, headers: Self.page).status == .notFound, "\(path)")
            }
            #expect(try await scene.send(.get, "/api/me", headers: Self.page).status == .unauthorized)
            #expect(try await scene.send(.get, "/auth/login", headers: Self.page).status == .found)
            #expect(try await scene.send(.post, "/deals", headers: Self.page).status == .notFound)
        }
    }

    /// Nothing but what the build holds is given out, however it is asked for.
    @Test(arguments: [
        "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt", "/out.txt", "/.env",
        "/%2eenv", "/assets//../.env", "/.git/config", "/\\..\\secret.txt", "/index.html%00.txt", "/assets",
        "/assets/", "/.well-known/.env", "/x/.well-known/security.txt",
    ])
    func nothingElseIsServed(path: String) async throws {
        try await Self.withBuild { scene, _ in
            let answer = try await scene.send(.get, path)
            #expect(answer.status == .notFound)
            #expect(try await !answer.text().contains("outside"))
        }
    }

    /// Who has a version is not sent it again; a new build is there at once.
    @Test func versions() async throws {
        try await Self.withBuild { scene, dist in
            let first = try await scene.send(.get, "/", headers: Self.page)
            let tag = try #require(first.headers[.eTag])
            var headers = Self.page
            headers[.ifNoneMatch] = tag
            #expect(try await scene.send(.get, "/", headers: headers).status == .notModified)
            try Data("<!doctype html><title>New build</title>".utf8).write(to: dist.appending(path: "index.html"))
            let second = try await scene.send(.get, "/", headers: headers)
            #expect(second.status == .ok)
            #expect(try await second.text().contains("New build"))
        }
    }

    /// Packed twins are sent to whoever takes them, each with a tag of its own.
    @Test func packedFiles() async throws {
        try await Self.withBuild { scene, _ in
            var tags: Set<String> = []
            for (accepted, encoding, text) in [
                ("gzip, deflate, br", "br", "brotli"), ("gzip", "gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip", "gzip"),
                ("identity", nil, Self.script), ("zstd", nil, Self.script),
            ] as [(String, String?, String)] {
                let answer = try await scene.send(
                    .get, "/assets/index-DiwrgTda.js", headers: [.acceptEncoding: accepted])
                #expect(answer.headers[.contentEncoding] == encoding, "\(accepted)")
                #expect(answer.headers[.vary] == "Accept-Encoding")
                #expect(answer.headers[.contentType] == "text/javascript; charset=utf-8")
                #expect(try await answer.text() == text)
                tags.insert(answer.headers[.eTag] ?? "")
            }
            #expect(tags.count == 3)
        }
    }

    /// A part of a file is sent where one is asked for, of the version that it is asked of.
    @Test func partsOfFiles() async throws {
        try await Self.withBuild { scene, _ in
            let path = "/assets/index-DiwrgTda.js"
            let length = Self.script.utf8.count
            for (range, part) in [
                ("bytes=0-6", 0..<7), ("bytes=100000-", 100_000..<length), ("bytes=-5", length - 5..<length),
                ("bytes=5-99999999999999999999", 5..<length),
            ] {
                let answer = try await scene.send(.get, path, headers: [.range: range, .acceptEncoding: "br"])
                #expect(answer.status == .partialContent, "\(range)")
                #expect(answer.headers[.contentRange] == "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(length)")
                let expected = Array(Self.script.utf8)[part]
                #expect(try await answer.bytes() == Array(expected))
            }
            let beyond = try await scene.send(.get, path, headers: [.range: "bytes=\(length)-"])
            #expect(beyond.status == .rangeNotSatisfiable)
            #expect(beyond.headers[.contentRange] == "bytes */\(length)")
            for range in ["bytes=1-2,5-6", "bytes=9-2", "lines=1-2", "bytes=x-y", "bytes=-"] {
                #expect(try await scene.send(.get, path, headers: [.range: range]).status == .ok, "\(range)")
            }
            let stale = try await scene.send(.get, path, headers: [.range: "bytes=0-6", .ifRange: "\"other\""])
            #expect(stale.status == .ok)
        }
    }

    /// Hashes are told from words.
    @Test(arguments: [
        ("index-DiwrgTda.js", true), ("main.3f2a1b9c.css", true), ("chunk-2d0a4b7e8f.js", true),
        ("index-B_x-9Qzz.js", true), ("my-component.js", false), ("jquery-3.7.1.min.js", false),
        ("app-Production.js", false), ("logo.svg", false), ("noextension", false), ("a-short1.js", false),
    ])
    func hashedNames(name: String, isHashed: Bool) {
        #expect(FileNames.isHashed(name) == isHashed)
    }

    /// A directory that can't be served is refused in words.
    @Test func wrongDirectories() throws {
        #expect(throws: FrontendProblem.noDirectory) { try FrontendFiles(directory: "/nowhere/at/all") }
        #expect(throws: FrontendProblem.noIndex) { try FrontendFiles(directory: "/usr/bin") }
    }
}
