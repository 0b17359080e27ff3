internal import Domain
internal import Foundation

/// Which part of a long list a page shows, and the way back through the parts before it.
struct ListPosition: Sendable, Hashable {
    /// How many rows a page has.
    static let rows = 50
    /// How many parts the way back is long; from there it leads to the first one.
    private static let backMax = 10
    /// Longer than any cursor of ours: an email, or a time and an id.
    private static let cursorBytesMax = 320

    private static let cursorName = "from"
    private static let backName = "back"

    /// The row that the part goes on behind; `nil` for the first part.
    let cursor: String?
    /// The cursors of the parts before, without the first one's, oldest first.
    private let back: [String]

    private init(cursor: String?, back: [String]) {
        self.cursor = cursor
        self.back = Array(back.suffix(Self.backMax))
    }

    /// - Throws: ``RequestError/badQuery(_:)`` for a cursor that no page of ours gave.
    init(query: String?) throws(RequestError) {
        let fields = FormBody((query ?? "").utf8)
        self.init(cursor: fields?[Self.cursorName], back: fields?.values(Self.backName) ?? [])
        for text in back + [cursor].compactMap(\.self) {
            guard (1...Self.cursorBytesMax).contains(text.utf8.count),
                text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
            else { throw .badQuery("This address is not one that a page gave. Go back to the start of the list.") }
        }
    }

    /// The row that a list by time goes on behind.
    func timeCursor() throws(RequestError) -> TimeCursor? {
        guard let cursor else { return nil }
        guard let read = TimeCursor(cursor) else {
            throw .badQuery("This address is not one that a page gave. Go back to the start of the list.")
        }
        return read
    }

    /// A page's address at this position.
    func path(of page: SettingsPage, done: SettingsDone? = nil) -> String {
        var pairs: [(String, String)] = back.map { (Self.backName, $0) }
        if let cursor { pairs.append((Self.cursorName, cursor)) }
        if let done { pairs.append((SettingsDone.parameter, done.rawValue)) }
        let query = pairs.map { "\($0)=\(QueryString.encode($1))" }.joined(separator: "&")
        return query.isEmpty ? page.path : "\(page.path)?\(query)"
    }

    /// The links below a list.
    ///
    /// - Parameter next: The cursor of the next part; `nil` where this is the last one.
    func pager(of page: SettingsPage, next: String?, previousLabel: String, nextLabel: String) -> Pager {
        let former = ListPosition(cursor: back.last, back: back.dropLast())
        let following = next.map { ListPosition(cursor: $0, back: back + [cursor].compactMap(\.self)) }
        return Pager(
            previous: cursor == nil ? nil : former.path(of: page), previousLabel: previousLabel,
            next: following?.path(of: page), nextLabel: nextLabel, isNeeded: cursor != nil || next != nil)
    }
}

/// The links below a list, to the parts before and after it.
struct Pager: Sendable, Hashable {
    let previous: String?
    let previousLabel: String
    let next: String?
    let nextLabel: String
    let isNeeded: Bool
}
