import Logging
import Testing

@testable import Telemetry

/// What slipped into a message or a value is caught by its shape or by its name.
@Suite struct RedactionTests {
    /// Shapes of secrets, and what is left of a text that holds them.
    private static let shapes: [(String, String)] = [
        ("sid 00Dx0000000BV7z!AR8AQAxo9UfVkh8.A_b end", "sid <redacted> end"),
        ("00Dx0000000BV7zEAK!fiq.Abc09", "<redacted>"),
        ("x00Dx0000000BV7z%21AR8AQ", "x<redacted>"),
        ("authorization: Bearer abc.def-123==, next", "authorization: Bearer <redacted>, next"),
        ("bEARER   abc", "bEARER   <redacted>"),
        ("refresh 5Aep861TSESvWeug_xvFHRBTTbf_YrTWgEyjBJrr== gone", "refresh <redacted> gone"),
        ("code aPrxabc.def_ghi%3D%3D&x", "code <redacted>&x"),
        ("cookie: __Host-formation_session=abcDEF; a=b", "cookie: __Host-formation_session=<redacted>; a=b"),
        ("formation_session=abcDEF", "formation_session=<redacted>"),
        (
            "GET /auth/callback?code=xyz&state=abc HTTP/1.1",
            "GET /auth/callback?code=<redacted>&state=<redacted> HTTP/1.1"
        ),
        ("client_secret=1&code_verifier=2", "client_secret=<redacted>&code_verifier=<redacted>"),
        ("postgres://formation:pass:w@rd@db.example/x", "postgres://formation:<redacted>@db.example/x"),
        ("jwt eyJhbGciOi.eyJzdWIi.c2ln!", "jwt <redacted>!"),
        ("Bearer a Bearer b", "Bearer <redacted> Bearer <redacted>"),
    ]

    @Test(arguments: shapes)
    func shapeIsReplaced(text: String, redacted: String) {
        #expect(Redactor.redact(text) == redacted)
    }

    /// Ordinary texts stay as they are, near misses too.
    @Test(arguments: [
        "", "Answered", "00D", "00Dx0000000BV7z", "00Dx00000!abc", "Bearer", "Bearer ", "https://user@host/x",
        "https://host:8080/path", "barcode=5", "estate=5", "é00D✓", "eyJhbGci", "exit status 5",
        "postgres://db.example:5432/formation",
    ])
    func ordinaryTextStays(text: String) {
        #expect(Redactor.redact(text) == text)
    }

    /// A hostile text costs what its length costs: this one would take hours if each `eyJ` were followed to the end.
    @Test func hostileTextIsScannedOnce() {
        let text = String(repeating: "eyJ", count: 1_000_000)
        #expect(Redactor.redact(text) == text)
        #expect(Redactor.redact(text + ".x") == "<redacted>")
    }

    /// Names of secrets, in the spellings that libraries use.
    @Test(arguments: [
        "authorization", "Authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "access_token", "refreshToken",
        "client_secret", "code", "auth_code", "state", "oauth-state", "password", "key", "apiKey", "api_key", "KEY",
        "code_verifier", "X-SFDC-Session", "sessionId", "signature", "sid",
    ])
    func secretNameIsKnown(name: String) {
        #expect(Redactor.isSecretName(name))
    }

    /// Our own names, and such as only look alike.
    @Test(
        arguments: LogKey.allCases.map(\.rawValue) + [
            "status_code", "keyboard", "codec", "stateless", "monkey", "path",
        ])
    func plainNameIsNoSecret(name: String) {
        #expect(!Redactor.isSecretName(name))
    }

    /// Whichever way a value comes to the handler, it comes out redacted.
    @Test func everyWayIsRedacted() {
        let lines = Lines()
        let provider = Logger.MetadataProvider { ["provided": "Bearer canary", "cookie": "canary"] }
        var logger = Logger(label: "test") { label in
            LoggingSetup.makeHandler(
                label: label, level: .trace, format: .logfmt, sink: lines.sink, now: { epoch }, provider: provider)
        }
        logger[metadataKey: "token"] = "canary"
        logger[metadataKey: "text"] = "Bearer canary"
        logger.info(
            "code=canary",
            metadata: [
                "password": "canary", "nested": ["authorization": "canary", "list": ["Bearer canary", "plain"]],
                "object": .stringConvertible(Leaky()), "plain": "kept",
            ])
        logger.error("Failed", error: LeakyError())
        var handler = RedactingLogHandler(
            LineLogHandler(label: "x", level: .trace, format: .json, sink: lines.sink, now: { epoch }))
        handler.metadata = ["secret": "canary"]
        #expect(handler.metadata == ["secret": "<redacted>"])
        #expect(handler[metadataKey: "secret"] == "<redacted>")
        handler.log(
            event: LogEvent(
                level: .info, message: "x", metadata: nil, source: nil, file: "", function: "", line: 1))
        let text = lines.text
        #expect(!text.contains("canary"))
        #expect(text.contains("plain=kept"))
        #expect(text.contains("nested.list=\"Bearer <redacted>,plain\""))
        #expect(text.contains("error=\"Bearer <redacted>\""))
        #expect(lines.all.count == 3)
    }

    /// Level and metadata are values: changing a copy leaves the other alone.
    @Test func handlerHasValueSemantics() {
        var first = RedactingLogHandler(
            LineLogHandler(label: "x", level: .info, format: .json, sink: Lines().sink, now: { epoch }))
        first[metadataKey: "a"] = "1"
        var second = first
        second.logLevel = .debug
        second[metadataKey: "a"] = "2"
        #expect(first.logLevel == .info)
        #expect(first[metadataKey: "a"] == "1")
    }

    private struct Leaky: CustomStringConvertible {
        var description: String { "Bearer canary" }
    }

    private struct LeakyError: Error, CustomStringConvertible {
        var description: String { "Bearer canary" }
    }
}
