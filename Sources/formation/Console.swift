internal import Access
internal import Foundation
internal import Gateway
internal import NIOCore
internal import Storage

/// What commands say to the person in front of them: answers on stdout, progress and problems on stderr.
enum Console {
    /// `EX_CONFIG` of sysexits(3).
    static let configurationExitCode: Int32 = 78
    static let failureExitCode: Int32 = 1

    static func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    static func progress(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    static func error(_ text: String) {
        FileHandle.standardError.write(Data(("error: " + text + "\n").utf8))
    }

    /// An error in words, with the cure where one is known.
    static func explain(_ error: any Error) -> String {
        if let error = error as? IOError, let words = explain(error.errnoCode) { return words }
        return String(describing: error)
    }

    /// Why a port can't be listened on; of nothing else does the system's refusal reach a command.
    private static func explain(_ code: CInt) -> String? {
        switch code {
        case EADDRINUSE: "The port is in use. Stop what listens there, or choose another one (PORT, --port)."
        case EACCES: "The port may not be used by this user. Choose one above 1023 (PORT, --port)."
        case EADDRNOTAVAIL: "The address is none of this machine's. Correct HOST."
        case _: nil
        }
    }

    /// Columns with as much room as they need.
    static func table(_ rows: [[String]]) -> String {
        guard let first = rows.first else { return "" }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
                .trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }
}
