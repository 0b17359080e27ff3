public import Foundation
public import Logging
internal import NIOConcurrencyHelpers

/// Where log lines go.
public struct LogSink: Sendable {
    private let write: @Sendable ([UInt8]) -> Void

    /// A sink that hands each line, with its line end, to a closure.
    public init(write: @escaping @Sendable ([UInt8]) -> Void) {
        self.write = write
    }

    /// Standard output, unbuffered.
    public static let standardOutput = LogSink(FileHandle.standardOutput)
    /// Standard error, unbuffered.
    public static let standardError = LogSink(FileHandle.standardError)

    /// A sink that writes to a file, unbuffered.
    init(_ file: FileHandle) {
        // A line over PIPE_BUF is written in parts: one at a time, so that no two are mixed. A line that can't be
        // written is lost; there is nowhere to say so.
        let lock = NIOLock()
        self.write = { line in lock.withLock { try? file.write(contentsOf: Data(line)) } }
    }

    func callAsFunction(_ line: [UInt8]) { write(line) }
}

/// A log handler that writes one line an event.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let formatter: LineFormatter
    private let sink: LogSink
    private let now: @Sendable () -> Date

    /// A handler for the logger of this label.
    public init(
        label: String, level: Logger.Level, format: LogFormat, sink: LogSink, now: @escaping @Sendable () -> Date,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.logLevel = level
        self.formatter = LineFormatter(format: format)
        self.sink = sink
        self.now = now
        self.metadataProvider = metadataProvider
    }

    public subscript(metadataKey name: String) -> Logger.MetadataValue? {
        get { metadata[name] }
        set { metadata[name] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        if let error = event.error { fields[LogKey.error.rawValue] = .string(String(describing: error)) }
        sink(
            formatter.line(
                time: now(), level: event.level, label: label, message: event.message.description, metadata: fields))
    }
}

/// Sets up logging for the process.
public enum LoggingSetup {
    /// Makes every logger write redacted lines. To be called once, before the first logger is made; swift-log traps on
    /// a second call.
    public static func bootstrap(
        level: Logger.Level, format: LogFormat, sink: LogSink = .standardError, now: @escaping @Sendable () -> Date
    ) {
        LoggingSystem.bootstrap(
            { label, provider in
                makeHandler(label: label, level: level, format: format, sink: sink, now: now, provider: provider)
            }, metadataProvider: nil)
    }

    /// A handler as ``bootstrap(level:format:sink:now:)`` gives it to each logger.
    public static func makeHandler(
        label: String, level: Logger.Level, format: LogFormat, sink: LogSink, now: @escaping @Sendable () -> Date,
        provider: Logger.MetadataProvider? = nil
    ) -> any LogHandler {
        RedactingLogHandler(
            LineLogHandler(
                label: label, level: level, format: format, sink: sink, now: now, metadataProvider: provider))
    }
}
