internal import HTTPTypes

/// What a read-only access key may call: an allow-list of reads (contract §2), matched by exact, case-sensitive
/// segments.
///
/// What is not known to be a read is refused: tooling, Apex REST, composite and anything that a GET could make run
/// code.
enum ReadScope {
    static func allows(method: HTTPRequest.Method, path: String) -> Bool {
        guard method == .get || method == .head, isPlain(path) else { return false }
        var segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        if segments.last?.isEmpty == true { segments.removeLast() }
        guard segments.allSatisfy({ !$0.isEmpty }) else { return false }
        switch Array(segments.prefix(2)) {
        case ["services", "data"]: return allowsData(Array(segments.dropFirst(2)))
        case ["services", "async"]: return allowsAsync(Array(segments.dropFirst(2)))
        case ["services", "oauth2"]: return Array(segments.dropFirst(2)) == ["userinfo"]
        case _: return false
        }
    }

    /// Resources below `/services/data/vNN.N/` whose GETs all read, with whatever follows.
    private static let readableTrees: Set<Substring> = ["sobjects", "search", "limits", "recent", "describe", "ui-api"]
    /// Resources that read, with nothing below them.
    private static let readableLeaves: Set<Substring> = ["parameterizedSearch"]

    private static func allowsData(_ segments: [Substring]) -> Bool {
        guard let version = segments.first else { return true }
        guard isVersion(version.dropFirst()), version.first == "v" else { return false }
        guard segments.count > 1 else { return true }
        let resource = segments[1]
        let below = segments.dropFirst(2)
        switch resource {
        case "query", "queryAll":
            return below.isEmpty || below.count == 1 && below.allSatisfy { $0.hasPrefix("01g") }
        case "jobs":
            return below.first == "query" || below.first == "ingest"
        case _:
            return readableTrees.contains(resource) || readableLeaves.contains(resource) && below.isEmpty
        }
    }

    /// Bulk v1: `NN.N/job/{id}[/batch[/{id}[/request|result[/{id}]]]]`.
    private static func allowsAsync(_ segments: [Substring]) -> Bool {
        guard segments.count >= 3, isVersion(segments[0]), segments[1] == "job" else { return false }
        guard segments.count > 3 else { return true }
        guard segments[3] == "batch" else { return false }
        guard segments.count > 5 else { return true }
        return (segments[5] == "request" || segments[5] == "result") && segments.count <= 7
    }

    private static func isVersion(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count)
                    && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            }
    }

    /// No dot segment in any spelling, no encoded slash or backslash, nothing but visible ASCII. Forwarding has refused
    /// these before; a rule that grants does not lean on it.
    private static func isPlain(_ path: String) -> Bool {
        let lower = path.lowercased()
        return path.hasPrefix("/")
            && path.utf8.allSatisfy {
                (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: ";")
            }
            && !["%2f", "%5c", "%2e", "%25", "/./", "/../"].contains(where: lower.contains)
            && !lower.hasSuffix("/.") && !lower.hasSuffix("/..")
            && !lower.contains("?") && !lower.contains("#")
    }
}
