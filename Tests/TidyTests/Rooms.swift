import Foundation

/// The rooms of the house and which of them each may import: the picture in `docs/architecture.md`, as a table.
enum Rooms {
    private static let belowPlanes: Set<String> = ["Access", "Domain", "Salesforce", "Secrets", "Telemetry"]

    static let allowed: [String: Set<String>] = [
        "formation": [
            "Access", "Domain", "Gateway", "Postgres", "SalesforceSimulator", "Secrets", "Storage", "Telemetry",
        ],
        "Gateway": belowPlanes.union([
            "Billing", "Console", "Forwarding", "Postgres", "Storage", "Workspace",
        ]),
        // The planes never import each other, nor Storage: they see repository protocols.
        "Forwarding": belowPlanes.union(["Wire"]),
        "Workspace": belowPlanes,
        "Console": belowPlanes,
        "Billing": belowPlanes,
        "Access": ["Domain", "Salesforce", "Secrets", "Telemetry"],
        "Storage": ["Domain", "Postgres", "Secrets", "Telemetry"],
        // The protocol knows nothing of customers.
        "Salesforce": ["CZlib", "Secrets", "Telemetry"],
        "Domain": ["Secrets"],
        "Postgres": ["CLibPQ"],
        "Secrets": ["CCrypt"],
        "Telemetry": [],
        "Wire": [],
        // A wrong belief about the wire must not be wrong on both sides alike.
        "SalesforceSimulator": [],
        // Beside the product: rows for the benchmark.
        "BenchmarkSeed": ["Domain", "Secrets"],
        "GatewayTesting": ["Access", "Domain", "Postgres", "Salesforce", "Secrets", "Storage", "Telemetry"],
    ]

    static let systemLibraries: Set<String> = ["CCrypt", "CLibPQ", "CZlib"]
    /// Modules of the toolchain, which no target declares.
    private static let toolchain: Set<String> = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Musl", "Darwin", "Swift", "RegexBuilder",
        "Synchronization",
    ]

    /// What a file imports against the table, or without having declared it in `Package.swift`.
    static func findings(in file: SourceFile, declared: [String: Set<String>]) -> [Finding] {
        guard !file.room.isEmpty else { return [] }
        guard let allowed = allowed[file.room] else {
            return [
                Finding(
                    path: file.path, line: 1,
                    message: "room \(file.room) is not in the table: add it to Rooms and docs/architecture.md")
            ]
        }
        let ours = systemLibraries.union(Self.allowed.keys)
        return file.imports.compactMap { imported in
            let (module, line) = imported
            if ours.contains(module), !allowed.contains(module) {
                return Finding(
                    path: file.path, line: line,
                    message: "\(file.room) may not import \(module): arrows point down; see docs/architecture.md")
            }
            if !toolchain.contains(module), declared[file.room]?.contains(module) != true {
                return Finding(
                    path: file.path, line: line,
                    message: "\(module) is not among \(file.room)'s dependencies: declare it in Package.swift")
            }
            return nil
        }
    }

    /// The modules that `Package.swift` gives to each target.
    static func declaredDependencies(manifest: String) -> [String: Set<String>] {
        var products: [String: String] = [:]
        for product in captures(#"let (\w+) = Target\.Dependency\.product\(name: "(\w+)""#, in: manifest) {
            products[product[0]] = product[1]
        }
        var declared: [String: Set<String>] = [:]
        let target = #"\.(?:target|executableTarget)\(\s*name: "(\w+)"(?:,\s*dependencies: \[([^\]]*)\])?"#
        for found in captures(target, in: manifest) {
            let names = found[1].split(whereSeparator: { $0 == "," || $0.isWhitespace })
            declared[found[0]] = Set(
                names.map { name in
                    name.hasPrefix("\"") ? name.trimmingCharacters(in: ["\""]) : products[String(name)] ?? String(name)
                })
        }
        return declared
    }

    private static func captures(_ pattern: String, in text: String) -> [[String]] {
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return [] }
        return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).map { match in
            (1..<match.numberOfRanges).map { group in
                Range(match.range(at: group), in: text).map { String(text[$0]) } ?? ""
            }
        }
    }
}
