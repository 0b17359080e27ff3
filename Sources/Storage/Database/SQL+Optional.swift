internal import Postgres

extension SQL.StringInterpolation {
    /// A bound value, or null. Saying that an optional is meant keeps the compiler from taking it for a slip.
    mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
        bind(value)
    }

    private mutating func bind<Value: PostgresEncodable>(_ value: Value) {
        appendInterpolation(value)
    }
}
