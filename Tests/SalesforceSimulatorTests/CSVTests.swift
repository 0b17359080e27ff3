import Testing

@testable import SalesforceSimulator

@Suite struct CSVTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let text: String
        var delimiter = CSVFormat.Delimiter.comma
        let lines: [[String]]

        var testDescription: String { name }
    }

    static let readable = [
        Case(name: "LF", text: "a,b\n1,2\n3,4\n", lines: [["a", "b"], ["1", "2"], ["3", "4"]]),
        Case(name: "CRLF", text: "a,b\r\n1,2\r\n", lines: [["a", "b"], ["1", "2"]]),
        Case(name: "no end of line at the end", text: "a,b\n1,2", lines: [["a", "b"], ["1", "2"]]),
        Case(
            name: "empty values", text: "a,b,c\n,,\n1,,\n,\"\",3\n",
            lines: [
                ["a", "b", "c"], ["", "", ""], ["1", "", ""], ["", "", "3"],
            ]),
        Case(name: "empty lines", text: "\n\na\n\n1\r\n\r\n2\n\n", lines: [["a"], ["1"], ["2"]]),
        Case(
            name: "quotes", text: "\"a\",\"b\"\n\"1,2\",\"say \"\"yes\"\"\"\n",
            lines: [
                ["a", "b"], ["1,2", "say \"yes\""],
            ]),
        Case(
            name: "lines within quotes", text: "a,b\r\n\"one\ntwo\r\n\",3\r\n",
            lines: [["a", "b"], ["one\ntwo\r\n", "3"]]),
        Case(name: "nothing but quotes", text: "a\n\"\"\"\"\n", lines: [["a"], ["\""]]),
        Case(name: "a quote within a plain value", text: "a\n5\" pipe\n", lines: [["a"], ["5\" pipe"]]),
        Case(name: "tabs", text: "a\tb\n1,5\t2\n", delimiter: .tab, lines: [["a", "b"], ["1,5", "2"]]),
        Case(name: "byte order mark", text: "\u{FEFF}a,b\n1,2\n", lines: [["a", "b"], ["1", "2"]]),
        Case(name: "other scripts", text: "a\nŽluťoučký kůň 🐎\n", lines: [["a"], ["Žluťoučký kůň 🐎"]]),
        Case(name: "a short line", text: "a,b\n1\n", lines: [["a", "b"], ["1"]]),
        Case(name: "a header alone", text: "a,b", lines: [["a", "b"]]),
    ]

    @Test(arguments: readable) func reads(_ given: Case) throws {
        let table = try CSVTable(parsing: given.text.utf8, delimiter: given.delimiter)
        #expect([table.columns] + table.rows == given.lines)
    }

    /// What is no CSV is refused rather than guessed at.
    @Test(arguments: ["", "\n\n", "a\n\"1", "a\n\"1\"2\n", "a\n1,2\n"])
    func refuses(_ text: String) {
        #expect(throws: CSVError.self) { try CSVTable(parsing: text.utf8) }
    }

    /// The ending of the first line is that of the text, whatever its values hold.
    @Test func lineEndings() throws {
        #expect(try CSVTable(parsing: "a\n1\r\n".utf8).lineEnding == .lf)
        #expect(try CSVTable(parsing: "\"a\n\"\r\n1\n".utf8).lineEnding == .crlf)
        #expect(try CSVTable(parsing: "a".utf8).lineEnding == nil)
    }

    /// Whatever is written is read again.
    @Test(arguments: CSVFormat.Delimiter.allCases, CSVFormat.LineEnding.allCases)
    func roundTrip(_ delimiter: CSVFormat.Delimiter, _ lineEnding: CSVFormat.LineEnding) throws {
        let lines = [["a", "b;|^`"], ["", "\""], ["x,\ty", "1\r\n2\n"]]
        let text = CSVTable.text(lines, CSVFormat(delimiter: delimiter, lineEnding: lineEnding))
        let table = try CSVTable(parsing: text.utf8, delimiter: delimiter)
        #expect([table.columns] + table.rows == lines)
        #expect(table.lineEnding == lineEnding)
    }
}
