/// Makes request ids.
struct RequestIDSource {
    private let prefix = String(UInt64.random(in: .min ... .max), radix: 36)
    private var count: UInt64 = 0

    mutating func next() -> String {
        count &+= 1
        return "\(prefix)-\(String(count, radix: 36))"
    }
}
