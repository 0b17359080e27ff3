internal import Domain

/// The last uses of sessions and access keys that are not written yet, each once: a statement for each would cost more
/// than all of the calls that it tells of.
struct LastUseBoard {
    private var sessions: [SessionID: LastUse<SessionID>] = [:]
    private var keys: [AccessKeyID: LastUse<AccessKeyID>] = [:]
    private let capacity: Int

    /// A board that refuses what is more than `capacity` sessions and keys.
    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { sessions.count + keys.count }

    var isEmpty: Bool { count == 0 }

    /// Notes a use, in place of an earlier one of the same; a full board forgets it.
    mutating func note(_ use: CredentialUse) {
        guard count < capacity else { return }
        switch use {
        case .session(let use): sessions[use.id] = use
        case .key(let use): keys[use.id] = use
        }
    }

    /// Takes at most so many sessions and so many keys.
    mutating func take(_ count: Int) -> (sessions: [LastUse<SessionID>], keys: [LastUse<AccessKeyID>]) {
        let taken = (sessions: Array(sessions.values.prefix(count)), keys: Array(keys.values.prefix(count)))
        for use in taken.sessions { sessions[use.id] = nil }
        for use in taken.keys { keys[use.id] = nil }
        return taken
    }
}

/// A use that it is time to write.
enum CredentialUse: Sendable {
    case session(LastUse<SessionID>)
    case key(LastUse<AccessKeyID>)
}
