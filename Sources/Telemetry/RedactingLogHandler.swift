public import Logging

/// A log handler in front of another: what looks like a secret is replaced by `<redacted>` before it gets there.
///
/// Values under names such as `authorization`, `cookie` or `…_token`, and in messages and values what is shaped like a
/// Salesforce session, a refresh token, a code, a bearer token, a session cookie or a password in a URL.
public struct RedactingLogHandler: LogHandler {
    private var base: any LogHandler
    private var provider: Logger.MetadataProvider?

    /// Puts itself in front of a handler.
    public init(_ base: any LogHandler) {
        self.base = base
        self.provider = nil
        self.metadataProvider = base.metadataProvider
        self.base.metadata = Redactor.redact(base.metadata)
    }

    public var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }

    public var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = Redactor.redact(newValue) }
    }

    public var metadataProvider: Logger.MetadataProvider? {
        get { provider }
        set {
            provider = newValue
            base.metadataProvider = newValue.map { provider in
                Logger.MetadataProvider { Redactor.redact(provider.get()) }
            }
        }
    }

    public subscript(metadataKey name: String) -> Logger.MetadataValue? {
        get { base[metadataKey: name] }
        set { base[metadataKey: name] = newValue.map { Redactor.redact($0, under: name) } }
    }

    public func log(event: LogEvent) {
        var event = event
        event.message = "\(Redactor.redact(event.message.description))"
        event.metadata = event.metadata.map(Redactor.redact)
        if let error = event.error {
            // The error itself would be printed behind our back.
            event.error = nil
            event.metadata = event.metadata ?? [:]
            event.metadata?[LogKey.error.rawValue] = .string(Redactor.redact(String(describing: error)))
        }
        base.log(event: event)
    }
}
