internal import Domain

/// What a change of a configuration changed, for the audit log.
struct ConfigChange: Sendable, Hashable {
    /// What the audit log keeps of values: 16 KiB before, and as much after.
    static let valueBytesMax = 16 * 1024

    /// JSON pointers of the members that differ, in order.
    private(set) var pointers: [String] = []
    private var before: [String: JSONValue] = [:]
    private var after: [String: JSONValue] = [:]

    init(from former: CustomerConfig, to config: CustomerConfig) {
        guard case .object(let old) = JSONValue.config(former), case .object(let new) = JSONValue.config(config) else {
            return
        }
        for section in ["fieldMappings", "priorityWeights", "riskRules"] {
            guard case .object(let old) = old[section], case .object(let new) = new[section] else { continue }
            let names = Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }.sorted()
            guard !names.isEmpty else { continue }
            pointers += names.map { JSONPointer.step(section) + JSONPointer.step($0) }
            before[section] = .object(old.filter { names.contains($0.key) })
            after[section] = .object(new.filter { names.contains($0.key) })
        }
    }

    /// `changed` names the members; `before` and `after` are JSON of their values, where there are not too many.
    var detail: [String: String] {
        var detail = ["changed": String(pointers.joined(separator: " ").prefix(1000))]
        for (name, values) in [("before", before), ("after", after)] {
            let text = JSONValue.object(values).encoded
            detail[name] =
                text.count <= Self.valueBytesMax ? String(decoding: text, as: UTF8.self) : "too large to keep"
        }
        return detail
    }
}
