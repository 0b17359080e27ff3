internal import Domain
public import Foundation
internal import Logging
internal import NIOConcurrencyHelpers
public import ServiceLifecycle

/// Follows the change feed and tells the caches (architecture invariants 5 and 6).
///
/// It polls every `feedPollInterval`, and at once when there is a hint. Sequence order is not commit order, so each
/// poll looks back over what may still appear late (``FeedCursor``).
public final class ChangeFollower: Service {
    private let context: AccessContext
    private let directory: TenantDirectory
    private let sessions: SessionKeeper
    private let ledger: TokenLedger
    private let cursor = NIOLockedValueBox<FeedCursor?>(nil)
    /// Whether it was said that the feed is stale.
    private let saidStale = NIOLockedValueBox(false)

    /// Rows of one query, and queries of one poll. What is further behind drops all caches and begins anew.
    private static let pageSize = 1_000
    private static let pagesMax = 20
    /// The least time between two polls, however many hints come: 50 ms.
    private static let pauseAfterPoll: Duration = .milliseconds(50)

    /// A follower that has read nothing yet. Give it the rooms that share `context`.
    public init(context: AccessContext, directory: TenantDirectory, sessions: SessionKeeper, ledger: TokenLedger) {
        self.context = context
        self.directory = directory
        self.sessions = sessions
        self.ledger = ledger
    }

    /// Follows until shutdown.
    public func run() async throws {
        let (wakes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [context] in
                while !Task.isCancelled {
                    continuation.yield()
                    try? await context.sleep(context.limits.feedPollInterval)
                }
            }
            group.addTask { [context] in
                for await _ in context.repositories.changes.hints() { continuation.yield() }
            }
            for await _ in wakes.cancelOnGracefulShutdown() {
                await pollOnce()
                try? await context.sleep(Self.pauseAfterPoll)
            }
            group.cancelAll()
        }
    }

    /// When the feed was last read to its end.
    public var lastReadAt: Date { context.feed.lastReadAt }

    /// Since when the feed has been stale; `nil` while it is fresh.
    public var staleSince: Date? {
        context.feed.staleSince(at: context.now(), limits: context.limits)
    }

    /// Reads what is new and tells the caches. A failure leaves the feed as old as it was.
    func pollOnce() async {
        let startedAt = context.now()
        do {
            // After an outage too: what is known stays known, but for what has changed.
            let isFollowable =
                startedAt.timeIntervalSince(context.feed.lastReadAt) <= FeedCursor.followableSeconds
            if isFollowable, let cursor = cursor.withLockedValue({ $0 }), let next = try await follow(cursor) {
                self.cursor.withLockedValue { $0 = next }
            } else {
                try await beginAnew()
            }
            // As of the start: what was committed while the poll ran may have been missed by it.
            context.feed.noteRead(at: startedAt)
            if saidStale.withLockedValue({ said in
                defer { said = false }
                return said
            }) {
                context.logger.warning("The change feed is fresh again")
            }
        } catch {
            context.logger.debug("The change feed was not read", metadata: ["error": "\(type(of: error))"])
            // Said once for each outage, when it is one.
            if context.feed.staleSince(at: context.now(), limits: context.limits) != nil,
                !saidStale.withLockedValue({ said in
                    defer { said = true }
                    return said
                })
            {
                context.logger.warning(
                    "The change feed can't be read: what is known is served on", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Reads from the cursor to the end; `nil` where that is too far, or the log is not the one that was read before.
    private func follow(_ cursor: FeedCursor) async throws -> FeedCursor? {
        var cursor = cursor
        var position = cursor.start(at: context.now())
        let newest = cursor.newest
        var isSameLog = newest == nil
        for _ in 0..<Self.pagesMax {
            let page = try await context.repositories.changes.changes(after: position, limit: Self.pageSize)
            for change in page {
                if change.sequence == newest { isSameLog = true }
                if cursor.take(change.sequence, at: context.now()) { tell(change) }
            }
            guard page.count == Self.pageSize, let last = page.last else { return isSameLog ? cursor : nil }
            position = last.sequence
        }
        return nil
    }

    /// Forgets everything and follows from here: nothing is known of what changed before.
    private func beginAnew() async throws {
        let latest = try await context.repositories.changes.latest()
        cursor.withLockedValue { $0 = FeedCursor(latest: latest, at: context.now()) }
        directory.dropAll()
        // This retires all tokens; the sessions go after it, and with them what holds such a token as a hint.
        ledger.didChangeAll()
        sessions.dropAll()
    }

    private func tell(_ change: Change) {
        switch change.kind {
        case .customer:
            directory.drop(customer: change.subject)
            ledger.didChange(customer: change.subject)
        case .user, .session, .accessKey:
            sessions.drop(subject: change.subject)
        case .grant:
            ledger.didChange(grant: change.subject)
        case .config:
            // Nothing of a configuration is cached here.
            break
        }
    }
}
