import Foundation
import Testing

/// Code that the project does without, what stands in its place, and where it is allowed all the same.
struct Ban: Sendable, CustomTestStringConvertible {
    /// A regular expression over code without comments and without the insides of strings.
    let pattern: String
    /// What to write instead.
    let instead: String
    /// A comment with this word beside the code allows it.
    var reason: String?
    /// Rooms where it is allowed.
    var rooms: Set<String> = []
    /// File names where it is allowed.
    var files: Set<String> = []
    /// Code that must be found, so that a pattern which finds nothing shows.
    let samples: [String]
    /// Code that must not be found.
    var innocent: [String] = []

    var testDescription: String { samples.first ?? pattern }

    func findings(in file: SourceFile) -> [Finding] {
        guard !rooms.contains(file.room), !files.contains(file.name) else { return [] }
        return matches(of: pattern, in: file.code).compactMap { match in
            if let reason, file.explains(reason, line: match.line) { return nil }
            let found = match.text.trimmingCharacters(in: .whitespacesAndNewlines)
            return Finding(path: file.path, line: match.line, message: "`\(found)`: \(instead)")
        }
    }

    static let all: [Ban] = crashes + escapes + clocks + globals
}

extension Ban {
    private static let crashes = [
        Ban(
            pattern: #"\btry!"#, instead: "throw, or handle the error with `do`",
            samples: ["let x = try! f()"], innocent: ["let x = try? f()", "// try! is banned", "let x = \"try!\""]),
        Ban(
            pattern: #"\bas!"#, instead: "`as?` with `guard`", samples: ["let x = y as! Int"],
            innocent: ["let x = y as? Int"]),
        Ban(
            pattern: #"\b(fatalError|preconditionFailure)\("#,
            instead: "throw an error; or say in an `// Invariant:` comment why it can't happen",
            reason: "Invariant:", samples: ["fatalError(\"no\")", "default: preconditionFailure()"],
            innocent: ["// Invariant: the pool holds one.\nfatalError(\"no\")"]),
    ]

    private static let escapes = [
        Ban(
            pattern: #"@unchecked\s+Sendable|nonisolated\(unsafe\)"#,
            instead: "`Sendable` by its parts, or NIOLockedValueBox; or say in a `// SAFETY:` comment why it is safe",
            reason: "SAFETY:",
            samples: ["final class A: @unchecked Sendable {}", "nonisolated(unsafe) var a = 1"],
            innocent: ["// SAFETY: set once, before any task starts.\nnonisolated(unsafe) var a = 1"]),
        Ban(
            pattern: #"(?<![\w.])(?<!enum )(?<!struct )(?<!-> )Task\s*(\{|\(|\.detached\b)"#,
            instead: "a task group or a Service's run(); or say in an `// Unstructured:` comment who awaits it",
            reason: "Unstructured:",
            samples: ["Task { await f() }", "Task(priority: .high) { }", "let t = Task.detached { }"],
            innocent: [
                "try await Task.sleep(for: .seconds(1))", "withTaskGroup(of: Void.self) { }", "MyTask { }",
                "enum Task { }",
                "func next() -> Task { }",
            ]),
        Ban(
            pattern: #"(?<![\w.])Mutex\s*[<(]"#, instead: "NIOLockedValueBox",
            samples: ["let a = Mutex(1)", "let a: Mutex<Int>"]),
        Ban(
            pattern: #"\bThread\.sleep\b|\busleep\("#, instead: "`Task.sleep(for:)`, or a deadline on the event loop",
            samples: ["Thread.sleep(forTimeInterval: 1)", "usleep(5)"]),
        Ban(
            pattern: #"\bunsafe\b|\w*Unsafe\w*"#,
            instead: "`Span` or `ByteBuffer`; what binds C has a file of its own",
            rooms: ["GatewayTesting", "Postgres", "Salesforce", "Secrets"],
            files: ["SystemCalls.swift", "RawSpan+Words.swift", "TableKey.swift", "CredentialHash.swift"],
            samples: ["buffer.withUnsafeReadableBytes { $0 }", "unsafe load()", "var a: UnsafeRawPointer"],
            innocent: ["// unsafe", "let a = \"unsafe-inline\""]),
    ]

    /// Where time and ids come from.
    private static let sources: Set<String> = ["Gateway", "formation", "GatewayTesting"]

    private static let clocks = [
        Ban(
            pattern: #"\bDate\(\)|\bDate\.now\b|\bDate\.init\b(?!\()|\btimeIntervalSinceNow\b"#,
            instead: "the time is a parameter: the composition root gives it", rooms: sources,
            files: ["SimulatorEnvironment.swift"],
            samples: ["let a = Date()", "let a = Date.now", "now: Date.init", "let a = b.timeIntervalSinceNow"],
            innocent: [
                "let a = Date(timeIntervalSince1970: 1)", "let a: Date", "a.map(Date.init(timeIntervalSince1970:))",
            ]),
        Ban(
            pattern: #"\bUUID\(\)|\bUUID\.init\b(?!\()"#,
            instead: "ids are parameters: the composition root gives them", rooms: sources,
            samples: ["let a = UUID()", "makeID: UUID.init"], innocent: ["let a = UUID(uuidString: text)"]),
    ]

    private static let globals = [
        Ban(
            pattern: #"(?<![\w.])(?<!func )(print|debugPrint|dump)\("#,
            instead: "a Logger; only the command line prints", rooms: ["formation"],
            samples: ["print(1)", "debugPrint(a)"],
            innocent: ["fingerprint(1)", "page.print(1)", "func dump(file: String) {}"]),
        Ban(
            pattern: #"\bHTTPClient\.shared\b"#,
            instead: "the HTTPClient that the composition root makes and shuts down",
            samples: ["let a = HTTPClient.shared"]),
        Ban(
            pattern: #"\bURLSession\b|\bimport FoundationNetworking\b"#, instead: "AsyncHTTPClient",
            samples: ["URLSession.shared.dataTask()", "import FoundationNetworking"]),
        Ban(
            pattern: #"\bgetenv\(|\.processInfo\.environment\b"#,
            instead: "Settings, which reads all of the environment in one place", rooms: sources,
            samples: ["getenv(\"A\")", "ProcessInfo.processInfo.environment[\"A\"]"]),
    ]
}
