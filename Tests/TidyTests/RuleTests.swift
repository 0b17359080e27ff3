import Testing

/// The rules find what they are there for, and nothing else.
@Suite struct RuleTests {
    /// Every ban finds its own samples, and leaves the innocent ones.
    @Test(arguments: Ban.all)
    func bansFindTheirSamples(_ ban: Ban) {
        for sample in ban.samples {
            #expect(ban.findings(in: file(sample)).count == 1, "\(sample)")
        }
        for sample in ban.innocent {
            #expect(ban.findings(in: file(sample)).isEmpty, "\(sample)")
        }
    }

    /// Comments and the insides of strings are no code; the code of an interpolation is.
    @Test func scannerTellsCodeFromText() {
        let source = #"""
            let a = "x // y" // why
            /* one /* two */ three */ let b = "\(f(")")) {"
            let c = #"a"b\(c"#; let d = """
              } "quoted" \(g { 1 })
              """
            """#
        let scanned = file(source)
        #expect(scanned.codeLines[0] == #"let a = "      "       "#)
        #expect(scanned.comments[0] == "// why")
        #expect(scanned.codeLines[1].hasSuffix(#"let b = "  f(" ")   ""#))
        #expect(scanned.comments[1] == "/* one /* two */ three */")
        #expect(scanned.codeLines[2] == ##"let c = #"      "#; let d = """"##)
        #expect(scanned.codeLines[3].contains("g { 1 }"))
        #expect(!scanned.codeLines[3].contains("quoted"))
        #expect(scanned.codeLines.map(\.utf8.count) == scanned.lines.map(\.utf8.count))
    }

    /// A function's length counts from its first line to its closing brace; requirements have none.
    @Test func functionsAreMeasured() {
        let scanned = file(
            """
            protocol P {
                func a()
                func b(
                    c: Int
                ) async -> Int
            }
            struct S {
                init(f: () -> Void = { print() }) {
                    let x = S.init()
                }
                func g<T>(
                    _ t: T
                ) -> Int
                where T: Sendable
                {
                    if true { "}" }
                }
                func h() { 1 }
            }
            """)
        let lengths = Measures.functions(in: scanned).map { [$0.line, $0.lines] }
        #expect(lengths == [[8, 3], [11, 7], [18, 1]])
    }

    /// A function, a file and a line one over the limit are found; at the limit they are not.
    @Test func limitsAreExact() {
        func function(lines: Int) -> SourceFile {
            file("func a() {\n" + String(repeating: "    f()\n", count: lines - 2) + "}\n")
        }
        #expect(Measures.longFunctions(in: function(lines: Measures.functionLinesMax)).isEmpty)
        #expect(Measures.longFunctions(in: function(lines: Measures.functionLinesMax + 1)).count == 1)
        #expect(Measures.longFile(file(String(repeating: "\n", count: Measures.fileLinesMax))).isEmpty)
        #expect(Measures.longFile(file(String(repeating: "\n", count: Measures.fileLinesMax + 1))).count == 1)
        #expect(Measures.longLines(in: file(String(repeating: "a", count: Measures.lineColumnsMax))).isEmpty)
        #expect(Measures.longLines(in: file(String(repeating: "a", count: Measures.lineColumnsMax + 1))).count == 1)
    }

    /// An import sideways, upwards, undeclared or from an unknown room is found.
    @Test func importsAreFound() {
        let declared = ["Workspace": Set(["Access", "Logging"])]
        func findings(_ source: String, room: String = "Workspace") -> Int {
            Rooms.findings(in: file(source, room: room), declared: declared).count
        }
        #expect(findings("public import Access\nimport Foundation\ninternal import Logging") == 0)
        #expect(findings("import Forwarding") == 1)
        #expect(findings("import Storage") == 1)
        #expect(findings("import struct Gateway.Settings") == 1)
        #expect(findings("import NIOCore") == 1)
        #expect(findings("import Foundation", room: "Attic") == 1)
    }

    /// The manifest's targets are read with their dependencies.
    @Test func manifestIsRead() {
        let declared = Rooms.declaredDependencies(
            manifest: """
                let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
                .target(name: "A", dependencies: ["B", logging]), .executableTarget(
                    name: "C",
                    dependencies: [
                        "A",
                    ]),
                """)
        #expect(declared == ["A": ["B", "Logging"], "C": ["A"]])
    }

    /// Code, style and unescaped values in a template are found.
    @Test(arguments: [
        "{{{name}}}", "{{&name}}", "<script>a()</script>", "<SCRIPT >", "<style>", "<p style=\"x\">",
        "<a onclick='f()'>",
        "<a href=\"javascript:f()\">",
    ])
    func templateCodeIsFound(_ template: String) {
        #expect(Templates.findings(path: "a.mustache", text: template).count == 1)
    }

    /// A plain template is fine.
    @Test func plainTemplateIsFine() {
        let template = "<script src=\"/a.js\" defer></script><p class=\"style\">{{name}} on = off</p>"
        #expect(Templates.findings(path: "a.mustache", text: template).isEmpty)
    }

    /// Words that mark unfinished work are found, alone and not inside other words.
    @Test func unfinishedWorkIsFound() {
        for word in Unfinished.words {
            #expect(Unfinished.findings(path: "a.swift", text: "// \(word): later").count == 1)
        }
        #expect(Unfinished.findings(path: "a", text: "mktemp /tmp/a.\(Unfinished.words[2])X").isEmpty)
    }

    private func file(_ text: String, room: String = "Domain") -> SourceFile {
        SourceFile(path: "Sources/\(room)/Sample.swift", text: text)
    }
}
