import Foundation

/// A Swift file of the package, taken apart.
struct SourceFile: Sendable {
    /// From the package's directory, e.g. `Sources/Domain/User.swift`.
    let path: String
    let lines: [String]
    /// The code, with comments and the insides of string literals blanked.
    let code: String
    let codeLines: [String]
    /// The comments of each line; empty where it has none.
    let comments: [String]

    init(path: String, text: String) {
        let scanner = SourceScanner(text)
        self.path = path
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        self.code = String(decoding: scanner.code, as: UTF8.self)
        self.codeLines = code.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        self.comments = scanner.comments
    }

    /// The directory under `Sources`, which is also the module's name; empty for `Package.swift`.
    var room: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : ""
    }

    /// The file's name without its directory.
    var name: String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// The modules that the file imports, with the line of each, counted from 1.
    var imports: [(module: String, line: Int)] {
        let pattern =
            #"^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"#
            + #"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)"#
        return matches(of: pattern, in: code, group: 1).map { (module: $0.text, line: $0.line) }
    }

    /// Whether a comment on the line, close above it or at the head of what it opens, holds a word. Lines count from 1.
    func explains(_ word: String, line: Int) -> Bool {
        /// A doc comment, the reason and attributes fit in between.
        let linesAbove = 6
        let linesBelow = 2
        let nearby = max(1, line - linesAbove)...min(comments.count, line + linesBelow)
        return nearby.contains { comments[$0 - 1].contains(word) }
    }
}

/// Something that a rule does not allow.
struct Finding: CustomStringConvertible {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// The matches of a regular expression in a text, with the line of each, counted from 1.
func matches(of pattern: String, in text: String, group: Int = 0) -> [(text: String, line: Int)] {
    guard let expression = try? NSRegularExpression(pattern: pattern, options: .anchorsMatchLines) else { return [] }
    var found: [(text: String, line: Int)] = []
    var line = 1
    var counted = text.startIndex
    for match in expression.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
        guard let range = Range(match.range(at: group), in: text) else { continue }
        line += text[counted..<range.lowerBound].utf8.count { $0 == UInt8(ascii: "\n") }
        counted = range.lowerBound
        found.append((text: String(text[range]), line: line))
    }
    return found
}

/// The package's own files, read from where this file stands.
enum SourceTree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift file of `Sources`, and `Package.swift`. Read once: every rule looks at all of them.
    static func swiftFiles() throws -> [SourceFile] {
        try files.get()
    }

    private static let files = Result {
        try (paths(under: "Sources", ending: ".swift") + ["Package.swift"]).map {
            SourceFile(path: $0, text: try text(of: $0))
        }
    }

    /// The files under a directory whose names end so, sorted, from the package's directory.
    static func paths(under directory: String, ending: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: directory).path)
            .filter { $0.hasSuffix(ending) }.map { "\(directory)/\($0)" }.sorted()
    }

    /// What a file says.
    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
