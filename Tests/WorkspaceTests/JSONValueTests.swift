import Domain
import Foundation
import Testing

@testable import Workspace

@Suite struct JSONValueTests {
    private func read(_ json: String) -> JSONValue? { JSONValue(Array(json.utf8)) }

    /// Booleans, numbers and strings are told apart.
    @Test func kindsAreToldApart() {
        #expect(
            read(#"{"a":true,"b":1,"c":"1","d":null,"e":[0.5,false],"f":{}}"#)
                == .object([
                    "a": .bool(true), "b": .number(1), "c": .string("1"), "d": .null,
                    "e": .array([.number(0.5), .bool(false)]), "f": .object([:]),
                ]))
    }

    /// What is not JSON is refused.
    @Test(arguments: ["", "{", "{'a':1}", "NaN", "1e999", "{\"a\":1}}", "\u{FEFF}x", "{\"a\":\"\\ud800\"}"])
    func otherTextIsRefused(text: String) {
        #expect(read(text) == nil)
    }

    /// Nesting is bounded before the decoder sees it; brackets in strings don't count.
    @Test func nestingIsBounded() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(read(nested(JSONValue.depthMax)) != nil)
        #expect(read(nested(JSONValue.depthMax + 1)) == nil)
        #expect(read(nested(100_000)) == nil)
        #expect(read(#"["[[[[[[[[[[[[\"[[[[[[["]"#) != nil)
    }

    /// A member that stands twice in one object is seen, however its name is spelled; in different objects it may.
    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "a"), (#"{"a":1,"b":2,"a":1}"#, "a"), (#"{"a":1,"\u0061":2}"#, "a"),
        (#"[{"x":{"y":1,"z":[],"y":{}}}]"#, "y"), (#"{"":0,"":0}"#, ""), (#"{ "a" : "b" , "a" : "b" }"#, "a"),
        (#"{"\"":1,"\"":2}"#, "\""), (#"{"a\\":1,"a\\":2}"#, "a\\"), (#"{"é":1,"e\u0301":2}"#, "é"),
        (#"{"a":{"a":{"a":1}},"b":{"a":2}}"#, nil), (#"{"a":"a","b":"a"}"#, nil), (#"["a","a"]"#, nil),
        (#"[{"a":1},{"a":1}]"#, nil), (#"{"a":"\"a\":","b":"{"}"#, nil), (#"{"A":1,"a":2}"#, nil), (#""a""#, nil),
        ("3", nil), ("{}", nil), (#"{"a":["x",{"a":1},"a"],"b":"a"}"#, nil),
    ])
    func repeatedMembers(json: String, name: String?) {
        #expect(read(json) != nil)
        #expect(JSONMembers.repeated(in: Array(json.utf8)) == name)
    }

    /// Equal values give equal bytes, with members in order and slashes as they are.
    @Test func encodingIsStable() {
        let value: JSONValue = .object(["b": .number(30), "a": .string("/x"), "c": .number(0.25), "d": .null])
        #expect(String(decoding: value.encoded, as: UTF8.self) == #"{"a":"/x","b":30,"c":0.25,"d":null}"#)
    }

    /// Times are written in UTC with milliseconds, and read with any offset.
    @Test func timesAreRFC3339() throws {
        let time = Date(timeIntervalSince1970: 1_767_225_600.25)
        #expect(RFC3339.text(of: time) == "2026-01-01T00:00:00.250Z")
        #expect(RFC3339.time("2026-01-01T00:00:00.250Z") == time)
        #expect(RFC3339.time("2026-01-01T00:00:00Z") == Date(timeIntervalSince1970: 1_767_225_600))
        #expect(RFC3339.time("2026-01-01T02:00:00+02:00") == Date(timeIntervalSince1970: 1_767_225_600))
        #expect(RFC3339.time("2028-02-29T00:00:00Z") != nil)
        for text in [
            "", "tomorrow", "2026-01-01", "2026-13-01T00:00:00Z", "2027-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
            String(repeating: "2", count: 99),
        ] {
            #expect(RFC3339.time(text) == nil, "\(text)")
        }
    }
}

@Suite struct KeyRequestTests {
    private func read(_ json: String) throws -> KeyRequest {
        try KeyRequest(#require(JSONValue(Array(json.utf8)))) { $0 > Date(timeIntervalSince1970: 1_700_000_000) }
    }

    /// A key that is not told otherwise only reads.
    @Test func scopeIsReadByDefault() throws {
        let request = try read(#"{"name":"reports"}"#)
        #expect(request.name == "reports")
        #expect(request.scope == .read)
        #expect(request.expiresAt == nil)
        #expect(try read(#"{"name":"x","scope":"full","expiresAt":"2026-01-01T00:00:00Z"}"#).scope == .full)
        #expect(try read(#"{"name":"x","expiresAt":null}"#).expiresAt == nil)
    }

    /// What is wrong is refused with the place where it stands.
    @Test(arguments: [
        ("[]", [""]), ("{}", ["/name"]), (#"{"name":""}"#, ["/name"]),
        (#"{"name":7,"scope":"write"}"#, ["/name", "/scope"]),
        (#"{"name":"x","scope":null}"#, ["/scope"]), (#"{"name":"x","expiresAt":"soon"}"#, ["/expiresAt"]),
        (#"{"name":"x","expiresAt":5}"#, ["/expiresAt"]), (#"{"name":" "}"#, ["/name"]),
        (#"{"name":"a\u0000b","expiresAt":"2020-01-01T00:00:00Z"}"#, ["/expiresAt", "/name"]),
        (#"{"name":"x","role":"admin"}"#, ["/role"]),
    ])
    func wrongValuesAreNamed(json: String, expected: [String]) throws {
        do {
            _ = try read(json)
            Issue.record("it was taken")
        } catch RequestError.invalid(let violations) {
            #expect(violations.map(\.pointer) == expected)
        }
    }
}
