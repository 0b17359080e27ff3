internal import NIOConcurrencyHelpers
public import NIOPosix

/// A bcrypt hash as it is stored: `$2b$10$`, 22 characters of salt, 31 of hash.
///
/// Prints as redacted: it says nothing of the password, but lets whoever has it guess at leisure.
public struct PasswordHash: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// What to store.
    public let stored: String

    /// New hashes cost 2^10 rounds.
    public static let cost = 10
    /// Stored hashes up to 2^14 rounds are checked, about a second: a planted one can't hold a thread for a day.
    static let costMax = 14
    private static let byteCount = 60

    /// Takes a hash as it was stored; `nil` where it is no bcrypt hash (`$2a$`, `$2b$`, `$2y$`) of cost 4 to 14.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == Self.byteCount, ["$2a$", "$2b$", "$2y$"].contains(text.prefix(4)),
            let cost = Self.cost(of: text), (4...Self.costMax).contains(cost), bytes[6] == UInt8(ascii: "$"),
            bytes[7...].allSatisfy(Self.isBase64)
        else { return nil }
        self.stored = text
    }

    /// Whether it should be made anew at the next sign-in: another method, or cheaper than today's.
    public var isOutdated: Bool {
        !stored.hasPrefix("$2b$") || (Self.cost(of: stored) ?? 0) < Self.cost
    }

    public var description: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    private static func cost(of text: String) -> Int? {
        let digits = text.dropFirst(4).prefix(2)
        return digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
    }

    /// bcrypt's alphabet: `./A-Za-z0-9`.
    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: ".")...UInt8(ascii: "9"):
            true
        case _: false
        }
    }
}

/// Makes and checks password hashes on threads of their own, so that no event loop waits for one.
public struct PasswordHasher: Sendable {
    /// bcrypt sees 72 bytes; a longer password would be cut without a word, so it is refused.
    public static let passwordByteCountMax = 72
    /// 32 hashes at work or waiting: some seconds' worth. Beyond that callers are turned away.
    public static let queueCountMax = 32

    private let threads: NIOThreadPool
    private let randomBytes: @Sendable (Int) -> [UInt8]
    private let waiting: NIOLockedValueBox<Int>

    /// Takes a started thread pool, which it does not shut down, and a source of cryptographically random bytes.
    public init(threads: NIOThreadPool, randomBytes: @escaping @Sendable (_ count: Int) -> [UInt8]) {
        self.threads = threads
        self.randomBytes = randomBytes
        self.waiting = NIOLockedValueBox(0)
    }

    /// Hashes a password with a fresh salt, at cost 10.
    ///
    /// - Throws: ``PasswordHashError``.
    public func hash(_ password: Secret<String>) async throws(PasswordHashError) -> PasswordHash {
        try Self.check(password)
        let salt = randomBytes(Bcrypt.saltByteCount)
        guard let setting = Bcrypt.setting(cost: UInt(PasswordHash.cost), salt: salt) else { throw .failed }
        guard let hash = PasswordHash(try await compute(password, setting: setting)) else { throw .failed }
        return hash
    }

    /// Whether a password is the one that was hashed.
    ///
    /// - Parameter hash: `nil` where there is no such account: the answer is no, and takes as long as with one, so
    ///   that nobody learns which accounts there are.
    /// - Throws: ``PasswordHashError``; a password that could never have been hashed is simply wrong.
    public func verify(
        _ password: Secret<String>, against hash: PasswordHash?
    ) async throws(PasswordHashError) -> Bool {
        var candidate = password
        var isPossible = hash != nil
        do {
            try Self.check(password)
        } catch {
            candidate = Secret("")
            isPossible = false
        }
        let stored = hash?.stored ?? Self.nobody
        let computed = try await compute(candidate, setting: stored)
        return String.constantTimeEqual(computed, stored) && isPossible
    }

    /// A hash of cost 10 that nobody has.
    private static let nobody = "$2b$10$......................" + String(repeating: ".", count: 31)

    private static func check(_ password: Secret<String>) throws(PasswordHashError) {
        guard password.exposed.utf8.count <= passwordByteCountMax else { throw .tooLong }
        guard !password.exposed.utf8.contains(0) else { throw .containsNUL }
    }

    private func compute(_ password: Secret<String>, setting: String) async throws(PasswordHashError) -> String {
        let isAdmitted = waiting.withLockedValue { count in
            guard count < Self.queueCountMax else { return false }
            count += 1
            return true
        }
        guard isAdmitted else { throw .busy }
        defer { waiting.withLockedValue { $0 -= 1 } }
        let hash: String?
        do {
            hash = try await threads.runIfActive {
                var bytes = Array(password.exposed.utf8)
                defer { wipe(&bytes) }
                return Bcrypt.hash(bytes, setting: setting)
            }
        } catch {
            throw .interrupted
        }
        guard let hash, hash.hasPrefix("$2") else { throw .failed }
        return hash
    }
}

/// Why a password was not hashed or checked. No case carries the password or the hash.
public enum PasswordHashError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The password has more than 72 bytes.
    case tooLong
    /// The password has a NUL in it, where C would end it.
    case containsNUL
    /// Too many are waiting.
    case busy
    /// The thread pool is shut down, or the caller was cancelled.
    case interrupted
    /// libxcrypt could not.
    case failed

    public var description: String {
        switch self {
        case .tooLong: "A password has at most 72 bytes."
        case .containsNUL: "A password must not hold a NUL character."
        case .busy: "Too many passwords are being checked. Try again in a moment."
        case .interrupted: "The password was not checked: the process is stopping, or the caller went away."
        case .failed: "The password could not be hashed."
        }
    }
}
