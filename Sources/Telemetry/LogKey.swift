public import Logging

/// The names under which the product logs, so that one thing has one name everywhere.
public enum LogKey: String, Sendable, CaseIterable {
    /// The id of the request, which its answer carries too.
    case requestID = "request_id"
    /// The tenant's subdomain.
    case tenant
    /// The customer's id.
    case customer
    /// The user's id.
    case user
    /// The operator's id.
    case actor
    /// The session's id; never its cookie.
    case session
    /// The id of a grant of Salesforce tokens.
    case grant
    /// The host that was asked for.
    case host
    /// The route's template, not the path.
    case route
    /// The HTTP method.
    case method
    /// A template of the path: no ids, and no query.
    case path
    /// The HTTP status of our answer.
    case status
    /// The HTTP status of Salesforce's answer.
    case upstreamStatus = "upstream_status"
    /// The host of a Salesforce instance.
    case upstream
    /// How long it took, in milliseconds.
    case duration = "duration_ms"
    /// Bytes received.
    case bytesIn = "bytes_in"
    /// Bytes sent.
    case bytesOut = "bytes_out"
    /// Why something failed: an error's description.
    case error
    /// The bounded name of a failure.
    case reason
    /// A PostgreSQL SQLSTATE.
    case sqlState = "sql_state"
    /// The name of a database constraint.
    case constraint
    /// The name of a service or job.
    case service
    /// A migration's number.
    case migration
    /// How often something was tried.
    case attempt
    /// How many.
    case count
    /// The address that the client calls from.
    case client
    /// The port that we listen on.
    case port
    /// A version of something.
    case version
    /// The process.
    case process
}

extension Logger {
    /// The logger's own metadata under a key.
    public subscript(key: LogKey) -> Logger.MetadataValue? {
        get { self[metadataKey: key.rawValue] }
        set { self[metadataKey: key.rawValue] = newValue }
    }

    /// This logger with more metadata.
    public func with(_ fields: [LogKey: Logger.MetadataValue]) -> Logger {
        var logger = self
        for (key, value) in fields { logger[key] = value }
        return logger
    }
}

extension Logger.Metadata {
    /// Metadata for one event: `logger.info("Answered", metadata: .fields([.status: "200"]))`.
    public static func fields(_ fields: [LogKey: Logger.MetadataValue]) -> Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        for (key, value) in fields { metadata[key.rawValue] = value }
        return metadata
    }
}
