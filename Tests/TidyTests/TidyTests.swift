import Testing

/// The style is a test: what these find, a reader would have to.
@Suite struct TidyTests {
    /// A room imports only rooms below it, and only what `Package.swift` declares for it.
    @Test func importsFollowTheArrows() throws {
        let declared = Rooms.declaredDependencies(manifest: try SourceTree.text(of: "Package.swift"))
        try expectNothing { Rooms.findings(in: $0, declared: declared) }
    }

    /// `Package.swift` gives no room a dependency that the picture does not.
    @Test func manifestFollowsTheArrows() throws {
        let declared = Rooms.declaredDependencies(manifest: try SourceTree.text(of: "Package.swift"))
        let ours = Set(Rooms.allowed.keys).union(Rooms.systemLibraries)
        #expect(declared.count >= 10, "Package.swift is no longer written as this test reads it")
        for (room, dependencies) in declared {
            let surplus = dependencies.intersection(ours).subtracting(Rooms.allowed[room] ?? [])
            #expect(surplus.isEmpty, "\(room) may not depend on \(surplus.sorted())")
        }
    }

    /// Banned code stands nowhere, or beside its reason.
    @Test(arguments: Ban.all)
    func bannedCodeIsAbsent(_ ban: Ban) throws {
        try expectNothing(ban.findings(in:))
    }

    /// Lines fit the screen.
    @Test func linesAreShort() throws {
        try expectNothing(Measures.longLines(in:))
    }

    /// Files are about one idea.
    @Test func filesAreShort() throws {
        try expectNothing(Measures.longFile(_:))
    }

    /// Functions can be seen at once.
    @Test func functionsAreShort() throws {
        try expectNothing(Measures.longFunctions(in:))
    }

    /// Templates escape everything and hold no code or style of their own.
    @Test func templatesAreInert() throws {
        let findings = try SourceTree.paths(under: "Sources", ending: ".mustache").flatMap {
            Templates.findings(path: $0, text: try SourceTree.text(of: $0))
        }
        Self.report(findings)
    }

    /// Nothing is marked as unfinished.
    @Test func workIsFinished() throws {
        var paths = ["Package.swift", "Makefile"]
        for (directory, ending) in [("Sources", ""), ("Tests", ".swift"), ("Tests", ".py"), ("Scripts", "")] {
            paths += try SourceTree.paths(under: directory, ending: ending)
        }
        let findings = paths.flatMap { path in
            // What is no text, or a directory, says nothing.
            (try? SourceTree.text(of: path)).map { Unfinished.findings(path: path, text: $0) } ?? []
        }
        Self.report(findings)
    }

    private func expectNothing(_ rule: (SourceFile) -> [Finding]) throws {
        let findings = try SourceTree.swiftFiles().flatMap(rule)
        Self.report(findings)
    }

    private static func report(_ findings: [Finding]) {
        guard !findings.isEmpty else { return }
        Issue.record(Comment(rawValue: findings.map(\.description).joined(separator: "\n")))
    }
}
