import Foundation
import NIOConcurrencyHelpers
import Telemetry

/// Keeps the lines that a handler wrote.
final class Lines: Sendable {
    private let kept = NIOLockedValueBox<[[UInt8]]>([])

    var sink: LogSink { LogSink { line in self.kept.withLockedValue { $0.append(line) } } }
    var all: [[UInt8]] { kept.withLockedValue { $0 } }
    var text: String { all.map { String(decoding: $0, as: UTF8.self) }.joined() }
}

/// 2023-11-14 22:13:20.125 UTC.
let epoch = Date(timeIntervalSince1970: 1_700_000_000.125)
