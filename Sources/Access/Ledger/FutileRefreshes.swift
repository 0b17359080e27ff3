internal import Domain
internal import Foundation
internal import NIOConcurrencyHelpers
internal import Salesforce

/// What a refresh was begun for, as far as refreshes that did not help are remembered.
public struct RefreshOccasion: Hashable, Sendable {
    private enum Scope: Hashable, Sendable {
        case user(UserID)
        case tenant(CustomerID)
    }

    private let scope: Scope
    private let place: String
    private let slot: CredentialSlot?

    /// A part of the API answered a user's call as it answers dead sessions.
    ///
    /// - Parameter route: the path without what is variable in it.
    public static func deadSession(of caller: Caller, route: String) -> RefreshOccasion {
        RefreshOccasion(scope: .user(caller.userID), place: route, slot: caller.slot)
    }

    /// A tenant's instance answered as hosts do that an org has left, or not at all.
    public static func movedInstance(of caller: Caller, from token: LiveToken) -> RefreshOccasion {
        RefreshOccasion(scope: .tenant(caller.tenant.id), place: token.instance.description, slot: nil)
    }

    /// Whether one refresh may fail to help by bad luck: a token can die on its way to the call. Where an org is, a
    /// token answer says itself.
    var hasLuck: Bool {
        switch scope {
        case .user: true
        case .tenant: false
        }
    }
}

extension RefreshOccasion: TableKey {}

/// Refreshes that did not cure what they were begun for.
///
/// Some calls are answered as if their session were dead, whatever the token: a slot or an API that the org does not
/// let this person use. Each of them would cost a refresh. So after the second one in a row that did not help (the
/// first, where there is no luck in it) the next one waits: 1 s, doubled each time up to a minute; a refresh that helps
/// ends it.
final class FutileRefreshes: Sendable {
    private struct Entry {
        var token: TokenVersion
        var until: Date
        /// `nil` where the next one need not wait.
        var waitSeconds: TimeInterval?
    }

    /// A refresh is known by the token that it gave.
    struct TokenVersion: Hashable {
        let grant: OAuthTokenID
        let version: Int64

        init(_ token: LiveToken) {
            self.grant = token.grantID
            self.version = token.version
        }
    }

    private static let firstWaitSeconds: TimeInterval = 1
    private static let waitSecondsMax: TimeInterval = 60
    /// 10,000 occasions; one that falls out costs a refresh.
    private static let occasionsMax = 10_000

    private let entries = NIOLockedValueBox(BoundedTable<RefreshOccasion, Entry>(capacity: occasionsMax))

    /// Whether a refresh for this is not to be begun now.
    func isFutile(_ occasion: RefreshOccasion, at now: Date) -> Bool {
        entries.withLockedValue { $0.value(for: occasion) }.map { now < $0.until } ?? false
    }

    /// The refresh that gave a token did not help. However many calls say so of one refresh, it counts once.
    func note(_ occasion: RefreshOccasion, of token: TokenVersion, at now: Date) {
        entries.withLockedValue { entries in
            let last = entries.value(for: occasion)
            guard last?.token != token else { return }
            let wait: TimeInterval? =
                if let last {
                    last.waitSeconds.map { min($0 * 2, Self.waitSecondsMax) } ?? Self.firstWaitSeconds
                } else {
                    occasion.hasLuck ? nil : Self.firstWaitSeconds
                }
            _ = entries.insert(
                Entry(token: token, until: now.addingTimeInterval(wait ?? 0), waitSeconds: wait), for: occasion)
        }
    }

    /// A refresh for this helped.
    func forget(_ occasion: RefreshOccasion) {
        _ = entries.withLockedValue { $0.remove(occasion) }
    }
}
