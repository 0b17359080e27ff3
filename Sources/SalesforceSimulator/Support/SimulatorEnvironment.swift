public import Foundation

/// Where the simulator takes the time and its randomness from.
public struct SimulatorEnvironment: Sendable {
    /// The time of day, to which the controllable clock adds its offset.
    public var now: @Sendable () -> Date
    /// As many random bytes as asked for.
    public var randomBytes: @Sendable (_ count: Int) -> [UInt8]

    /// An environment made of two closures.
    public init(now: @escaping @Sendable () -> Date, randomBytes: @escaping @Sendable (_ count: Int) -> [UInt8]) {
        self.now = now
        self.randomBytes = randomBytes
    }

    /// The system's clock and random numbers.
    public static let system = SimulatorEnvironment(
        now: { Date() },
        randomBytes: { count in
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        })
}

extension SimulatorEnvironment {
    private static let base62 = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Random characters of `[0-9A-Za-z]`; the slight bias of the modulus does not matter to a simulator.
    func randomText(_ count: Int) -> String {
        String(decoding: randomBytes(count).map { Self.base62[Int($0) % Self.base62.count] }, as: UTF8.self)
    }
}
