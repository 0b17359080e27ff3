/// A value that must never be seen: it prints as redacted, is not `Codable`, and compares in constant time.
///
/// Architecture invariant 3. The value leaves only through ``exposed``, so that every place that reads it is found.
public struct Secret<Value: Sendable>: Sendable {
    /// The value itself. Each use is to be looked at in a review: it must not reach a log, an error, a URL or a page.
    public let exposed: Value

    /// Wraps a value that must not be seen.
    public init(_ value: Value) {
        self.exposed = value
    }

    /// A secret made from this one.
    public func map<Other>(_ transform: (Value) throws -> Other) rethrows -> Secret<Other> {
        try Secret<Other>(transform(self.exposed))
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Equatable where Value: ConstantTimeComparable {
    public static func == (left: Secret, right: Secret) -> Bool {
        Value.constantTimeEqual(left.exposed, right.exposed)
    }
}

/// A value whose comparison takes as long for a near miss as for a far one.
public protocol ConstantTimeComparable {
    /// Whether both are equal, in a time that depends on their lengths alone.
    static func constantTimeEqual(_ left: Self, _ right: Self) -> Bool
}

extension String: ConstantTimeComparable {
    public static func constantTimeEqual(_ left: String, _ right: String) -> Bool {
        Array<UInt8>.constantTimeEqual(Array(left.utf8), Array(right.utf8))
    }
}

extension [UInt8]: ConstantTimeComparable {
    public static func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
