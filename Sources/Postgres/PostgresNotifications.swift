import Logging

/// What a listener is told.
public enum PostgresNotificationEvent: Sendable, Hashable {
    /// It listens from now on. Whatever was notified before is lost: what a listener keeps is to be read again.
    ///
    /// Also given, with `isFirst` false, where so many notifications waited to be read that they were thrown away.
    case connected(isFirst: Bool)
    /// A `NOTIFY` on a channel.
    case notification(channel: String, payload: String)
}

/// Notifications as they come, on a connection of its own, which is made again whenever it ends.
///
/// Each iterator listens for itself, from its first `next()` until it is let go of or its task is cancelled; then it
/// ends. Notifications are hints: they are lost while nobody listens, and while a connection is made again.
public struct PostgresNotifications: AsyncSequence, Sendable {
    public typealias Element = PostgresNotificationEvent
    public typealias Failure = Never

    private let configuration: PostgresConfiguration
    private let channels: [String]
    private let logger: Logger

    init(configuration: PostgresConfiguration, channels: [String], logger: Logger) {
        self.configuration = configuration
        self.channels = channels
        self.logger = logger
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(listener: Listener(configuration: self.configuration, channels: self.channels, logger: self.logger))
    }

    /// Goes through the notifications. One task at a time may ask it.
    public struct Iterator: AsyncIteratorProtocol {
        /// Ends the listener's thread when the last copy of the iterator goes.
        private final class Owner: Sendable {
            let listener: Listener

            init(_ listener: Listener) {
                self.listener = listener
            }

            deinit {
                self.listener.end()
            }
        }

        private let owner: Owner

        init(listener: Listener) {
            self.owner = Owner(listener)
        }

        /// The next event; `nil` once the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> PostgresNotificationEvent? {
            await self.owner.listener.next(isolation: actor)
        }

        public mutating func next() async -> PostgresNotificationEvent? {
            await self.owner.listener.next(isolation: #isolation)
        }
    }
}
