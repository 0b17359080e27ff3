import Foundation

/// One record.
struct Row: Sendable {
    let id: RecordID
    /// Values by the field's own spelling; a field that is missing is null.
    var values: [String: JSON]
    var isDeleted: Bool { values["IsDeleted"] == .bool(true) }

    subscript(field: String) -> JSON { values[field] ?? .null }
}

/// The records of one object, in the order in which they were made.
struct Table: Sendable {
    private(set) var rows: [Row] = []
    private var positions: [RecordID: Int] = [:]
    private var lastNumber = 0

    mutating func nextNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    mutating func insert(_ row: Row) {
        positions[row.id] = rows.count
        rows.append(row)
    }

    /// Takes records out for good.
    mutating func erase(_ ids: Set<RecordID>) {
        rows.removeAll { ids.contains($0.id) }
        positions = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1.id, $0) })
    }

    /// A record, deleted or not.
    subscript(id: RecordID) -> Row? {
        get { positions[id].map { rows[$0] } }
        set {
            guard let position = positions[id], let newValue else { return }
            rows[position] = newValue
        }
    }
}

/// All records of one org.
struct Database: Sendable {
    /// Three characters in every record's id.
    let pod: String
    private var tables: [String: Table] = [:]

    /// How many records one org may hold.
    static let recordsMax = 200_000

    init(pod: String) { self.pod = pod }

    /// The records of an object, by its own spelling.
    func table(_ object: String) -> Table { tables[object] ?? Table() }

    /// The record, where it exists and is not deleted.
    func row(_ id: RecordID) -> Row? {
        guard let object = Schema.object(keyPrefix: id.prefix), let row = tables[object.name]?[id], !row.isDeleted
        else { return nil }
        return row
    }

    /// Stores a record under a new id.
    mutating func insert(_ values: [String: JSON], into object: ObjectDefinition) -> RecordID {
        let number = tables[object.name, default: Table()].nextNumber()
        let id = RecordID(prefix: object.keyPrefix, pod: pod, number: 1_000 + number)
        insert(values, into: object, id: id)
        return id
    }

    /// Stores a record under a given id.
    mutating func insert(_ values: [String: JSON], into object: ObjectDefinition, id: RecordID) {
        var values = values
        values["Id"] = .string(id.long)
        tables[object.name, default: Table()].insert(Row(id: id, values: values))
    }

    /// Changes fields of a record.
    mutating func update(_ id: RecordID, _ values: [String: JSON]) {
        guard let object = Schema.object(keyPrefix: id.prefix), var row = tables[object.name]?[id] else { return }
        // Taken out while it changes, so that the row is not copied with its table.
        row.values.merge(values) { _, new in new }
        tables[object.name]?[id] = row
    }

    /// Takes records of one object out for good, deleted or not.
    mutating func erase(_ ids: Set<RecordID>, from object: ObjectDefinition) {
        tables[object.name]?.erase(ids)
    }

    mutating func setLastLogin(of user: RecordID, at now: Date) {
        update(user, ["LastLoginDate": .string(dateTimeText(now))])
    }

    var recordCount: Int { tables.values.reduce(0) { $0 + $1.rows.count } }
}
