internal import Domain
internal import Foundation

/// Which part of a long list is asked for: `limit`, and a cursor that the part before gave.
struct PageRequest: Sendable, Hashable {
    /// How many are given unless the request says otherwise: 50.
    static let limitDefault = 50
    static let limitMax = 200

    let limit: Int
    /// The cursor as it came.
    let cursor: String?

    /// Reads a query's `limit` and its cursor.
    ///
    /// - Throws: ``RequestError/badQuery(_:)``.
    init(query: QueryString, cursor name: String) throws(RequestError) {
        let known: Set<String> = ["limit", name]
        guard query.isWhole else { throw .badQuery("The query is not in UTF-8, or its escapes are broken.") }
        if let stranger = query.names.first(where: { !known.contains($0) }) {
            throw .badQuery("The parameter \(stranger.prefix(40)) is not known; known are limit and \(name).")
        }
        if let text = query["limit"] {
            guard let limit = Int(text), (1...Self.limitMax).contains(limit) else {
                throw .badQuery("limit is a whole number from 1 to \(Self.limitMax).")
            }
            self.limit = limit
        } else {
            self.limit = Self.limitDefault
        }
        cursor = query[name]
        // PostgreSQL's text holds none.
        guard cursor?.contains("\0") != true else { throw .badQuery("\(name) has a character that no list has.") }
    }

    /// The row that the list goes on behind: a cursor, or a time as RFC 3339.
    func timeCursor(_ name: String) throws(RequestError) -> TimeCursor? {
        guard let cursor else { return nil }
        if let time = RFC3339.time(cursor) { return TimeCursor(before: time) }
        guard let read = TimeCursor(cursor) else {
            throw .badQuery("\(name) is the `next` of an answer before, or a time such as 2027-01-31T12:00:00Z.")
        }
        return read
    }
}

extension TimeCursor {
    /// Microseconds since 1970, as PostgreSQL keeps them: 17 digits, a time that it knows, and past the year 5000.
    private static let microsecondsEnd: Int64 = 100_000_000_000_000_000

    /// Reads ``text``.
    init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let micros = Int64(parts[0]), (0..<Self.microsecondsEnd).contains(micros),
            let id = UUID(uuidString: String(parts[1]))
        else { return nil }
        self.init(at: Date(timeIntervalSince1970: Double(micros) / 1_000_000), id: id)
    }

    /// As clients carry it, unread.
    var text: String {
        "\(Int64((at.timeIntervalSince1970 * 1_000_000).rounded())).\(id.uuidString.lowercased())"
    }
}
