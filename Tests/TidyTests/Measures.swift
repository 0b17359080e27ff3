import Foundation

/// Limits on size.
enum Measures {
    static let lineColumnsMax = 120
    static let fileLinesMax = 450
    static let functionLinesMax = 70

    static func longLines(in file: SourceFile) -> [Finding] {
        file.lines.enumerated().filter { $0.element.count > lineColumnsMax }.map { index, line in
            Finding(
                path: file.path, line: index + 1,
                message: "\(line.count) columns, \(lineColumnsMax) at most: break the line")
        }
    }

    static func longFile(_ file: SourceFile) -> [Finding] {
        // The last line ends with a line break, after which nothing stands.
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        guard count > fileLinesMax else { return [] }
        return [
            Finding(
                path: file.path, line: 1,
                message: "\(count) lines, \(fileLinesMax) at most: give its second idea a file of its own")
        ]
    }

    static func longFunctions(in file: SourceFile) -> [Finding] {
        functions(in: file).filter { $0.lines > functionLinesMax }.map { function in
            Finding(
                path: file.path, line: function.line,
                message: "\(function.lines) lines, \(functionLinesMax) at most: give a part of it a name of its own")
        }
    }

    /// Functions and initialisers with a body: the line where each begins, counted from 1, and how many it has.
    static func functions(in file: SourceFile) -> [(line: Int, lines: Int)] {
        let declaration = #"(?<![\w.`])(func\s+\S|init[?!]?\s*[(<]|deinit\s*\{)"#
        return matches(of: declaration, in: file.code).compactMap { match in
            bodyEnd(from: match.line, in: file.codeLines).map { (line: match.line, lines: $0 - match.line + 1) }
        }
    }

    /// The line where the body ends of a function that is declared on a line; `nil` where it has none.
    private static func bodyEnd(from line: Int, in lines: [String]) -> Int? {
        var parentheses = 0
        var braces = 0
        for number in line...max(line, lines.count) {
            let text = lines[number - 1]
            if number > line, braces == 0, parentheses == 0, beginsSomethingElse(text) { return nil }
            for character in text.utf8 {
                switch character {
                case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
                case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
                // Braces in the parameter list are default values, not the body.
                case UInt8(ascii: "{") where parentheses == 0 || braces > 0: braces += 1
                case UInt8(ascii: "}") where braces > 0:
                    braces -= 1
                    if braces == 0 { return number }
                case UInt8(ascii: "}") where parentheses == 0: return nil
                case _: break
                }
            }
        }
        return nil
    }

    /// Whether a line after a declaration without a body, as in a protocol, is no longer part of it.
    private static func beginsSomethingElse(_ line: String) -> Bool {
        let text = line.drop { $0 == " " }
        guard let first = text.first else { return true }
        // What goes on: the result, `async`, `throws`, `where`, the opening brace, the end of the parameters.
        return
            !(first == "{" || first == ")"
            || ["->", "async", "throws", "rethrows", "where"].contains { text.hasPrefix($0) })
    }
}

/// What the templates do without, so that a strict Content-Security-Policy holds and everything is escaped.
enum Templates {
    static let bans: [(pattern: String, instead: String)] = [
        (#"\{\{\{|\{\{&"#, "`{{ }}`, which escapes"),
        (#"(?i)<script(?![^>]*\ssrc=)"#, "a file in Assets, named by `src`"),
        (#"(?i)<style\b"#, "a rule in the style sheet"),
        (#"(?i)\sstyle\s*="#, "a class, and a rule in the style sheet"),
        (#"(?i)\son[a-z]+\s*="#, "addEventListener in a file in Assets"),
        (#"(?i)javascript:"#, "a button, and a listener in a file in Assets"),
    ]

    static func findings(path: String, text: String) -> [Finding] {
        bans.flatMap { ban in
            matches(of: ban.pattern, in: text).map {
                Finding(path: path, line: $0.line, message: "`\($0.text)`: \(ban.instead)")
            }
        }
    }
}

/// Words that mark unfinished work.
enum Unfinished {
    /// Put together here, so that this file does not find itself.
    static let words = [
        "TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "not " + "implemented", "unimple" + "mented",
    ]

    static func findings(path: String, text: String) -> [Finding] {
        matches(of: "\\b(\(words.joined(separator: "|")))\\b", in: text).map {
            Finding(path: path, line: $0.line, message: "`\($0.text)`: finish it, or open an issue")
        }
    }
}
