import Foundation

extension Family {
    /// Where lines end: every CR LF of a request, put otherwise.
    static let lines = Family("Line ends") {
        for (name, end) in lineEnds {
            for index in places.indices {
                bad("\(name)-\(places[index])", lineRule, text(replacing: index, with: end))
            }
        }
        bad("bare-LF-everywhere", lineRule, plain.replacing("\r\n", with: "\n"))
        bad("bare-CR-everywhere", lineRule, plain.replacing("\r\n", with: "\r"))
        bad("LF-hides-a-header", lineRule, Wire.request(lines: ["X-A: 1\nX-B: 2"]))
        bad("CR-hides-a-header", lineRule, Wire.request(lines: ["X-A: 1\rX-B: 2"]))
        bad("LF-LF-hides-a-request", lineRule, Wire.request(lines: ["X-A: 1\n\n" + Wire.smuggled]))
        bad("CR-CR-hides-a-request", lineRule, Wire.request(lines: ["X-A: 1\r\r" + Wire.smuggled]))
        bad("LF-in-name", lineRule, Wire.request(lines: ["X-\nA: 1"]))
        bad("CR-in-name", lineRule, Wire.request(lines: ["X-\rA: 1"]))
        bad("LF-before-colon", lineRule, Wire.request(lines: ["X-A\n: 1"]))
        bad("CR-before-colon", lineRule, Wire.request(lines: ["X-A\r: 1"]))
        bad("LF-before-name", lineRule, Wire.request(lines: ["\nX-A: 1"]))
        bad("CR-before-name", lineRule, Wire.request(lines: ["\rX-A: 1"]))
        bad("LF-in-target", lineRule, Wire.request("GET \(Wire.path)\n HTTP/1.1"))
        bad("CR-in-target", lineRule, Wire.request("GET \(Wire.path)\r HTTP/1.1"))
        bad("LF-in-method", lineRule, Wire.request("GE\nT \(Wire.path) HTTP/1.1"))
        bad("CR-in-method", lineRule, Wire.request("GE\rT \(Wire.path) HTTP/1.1"))
        bad("LF-in-version", lineRule, Wire.request("GET \(Wire.path) HTTP/1.1\n"))
        bad("CR-in-version", lineRule, Wire.request("GET \(Wire.path) HTTP/1.1\r"))
        good("empty-line-before", emptyRule, "\r\n" + Wire.request())
        rare("empty-lines-before-2", emptyRule, "\r\n\r\n" + Wire.request())
        rare("empty-lines-before-3", emptyRule, "\r\n\r\n\r\n" + Wire.request())
        rare("empty-lines-before-5", emptyRule, String(repeating: "\r\n", count: 5) + Wire.request())
        bad("bare-LF-before", emptyRule, "\n" + Wire.request())
        bad("bare-CR-before", emptyRule, "\r" + Wire.request())
        bad("space-before", emptyRule, " " + Wire.request())
        bad("tab-before", emptyRule, "\t" + Wire.request())
        bad("NUL-before", emptyRule, "\u{00}" + Wire.request())
        bad("byte-order-mark-before", emptyRule, "\u{FEFF}" + Wire.request())
        bad("blank-line-before", emptyRule, " \r\n" + Wire.request())
    }

    private static let lineRule = "RFC 9112 §2.2"
    private static let emptyRule = "RFC 9112 §2.2"
    private static let plain = Wire.post(["X-A: 1", "Content-Length: 5"], body: "hello")

    private static let lineEnds: [(String, String)] = [
        ("bare-LF", "\n"), ("bare-CR", "\r"), ("LF-CR", "\n\r"), ("CR-CR-LF", "\r\r\n"), ("CR-NUL-LF", "\r\u{00}\n"),
        ("CR-space-LF", "\r \n"), ("vertical-tab", "\u{0B}"),
    ]

    private static let places = ["request-line", "host", "credential", "header", "last-header", "end"]

    /// The plain request with another end at one of its lines.
    private static func text(replacing index: Int, with end: String) -> String {
        var lines = plain.components(separatedBy: "\r\n")
        lines[index] += end + lines.remove(at: index + 1)
        return lines.joined(separator: "\r\n")
    }
}
