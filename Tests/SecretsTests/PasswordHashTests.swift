import NIOPosix
import Testing

@testable import Secrets

/// Passwords are hashed as bcrypt says, with what bcrypt would swallow silently refused.
@Suite struct PasswordHashTests {
    private static func hasher(salt: UInt8 = 0x5A) -> PasswordHasher {
        PasswordHasher(threads: .singleton) { count in [UInt8](repeating: salt, count: count) }
    }

    /// Openwall's vectors for crypt_blowfish, and hashes that Python's bcrypt 5 has made.
    @Test(arguments: [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ("pässwörd ✓", "$2b$10$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6"),
        ("", "$2b$10$NqiLqASxrSP8ZSJgPhXcg.LTedspwMstYaQPhvk8fWrLGa4Eg8UAa"),
        (String(repeating: "x", count: 72), "$2b$04$ktkJa3Uoao17Ms0wBrUHK.L/2Svyj24b1IkgCzSqBaFz4tAL9zG76"),
    ])
    func foreignHashIsVerified(password: String, stored: String) async throws {
        let hash = try #require(PasswordHash(stored))
        let hasher = Self.hasher()
        #expect(try await hasher.verify(Secret(password), against: hash))
        #expect(try await !hasher.verify(Secret(password + "!"), against: hash))
        #expect(try await !hasher.verify(Secret("other"), against: hash))
    }

    /// A new hash is `$2b$10$` with the salt that it was given, and is verified.
    @Test func newHashIsVerified() async throws {
        let hash = try await Self.hasher().hash(Secret("correct horse"))
        #expect(hash.stored.hasPrefix("$2b$10$"))
        #expect(!hash.isOutdated)
        #expect(PasswordHash(hash.stored) == hash)
        #expect(try await Self.hasher().verify(Secret("correct horse"), against: hash))
        #expect(try await !Self.hasher().verify(Secret("Correct horse"), against: hash))
        #expect(try await Self.hasher().hash(Secret("correct horse")) == hash)
        #expect(try await Self.hasher(salt: 1).hash(Secret("correct horse")) != hash)
    }

    /// 72 bytes are taken, 73 refused; bytes count, not characters.
    @Test func longPasswordIsRefused() async throws {
        let hasher = Self.hasher()
        _ = try await hasher.hash(Secret(String(repeating: "é", count: 36)))
        await #expect(throws: PasswordHashError.tooLong) {
            try await hasher.hash(Secret(String(repeating: "é", count: 36) + "x"))
        }
        // A longer one never matches its own first 72 bytes.
        let hash = try await hasher.hash(Secret(String(repeating: "x", count: 72)))
        #expect(try await !hasher.verify(Secret(String(repeating: "x", count: 73)), against: hash))
    }

    /// C would read such a password only up to the NUL.
    @Test func nulIsRefused() async throws {
        let hasher = Self.hasher()
        await #expect(throws: PasswordHashError.containsNUL) { try await hasher.hash(Secret("ab\0cd")) }
        let hash = try await hasher.hash(Secret("ab"))
        #expect(try await !hasher.verify(Secret("ab\0cd"), against: hash))
        let empty = try await hasher.hash(Secret(""))
        #expect(try await !hasher.verify(Secret("\0"), against: empty))
    }

    /// Without an account the answer is no, even for the stand-in's own password.
    @Test(arguments: ["", "x", "a\0b", String(repeating: "x", count: 100)])
    func nobodySignsIn(password: String) async throws {
        #expect(try await !Self.hasher().verify(Secret(password), against: nil))
    }

    /// What is no bcrypt hash is not taken: libxcrypt knows weaker methods, and costs that take days.
    @Test(arguments: [
        "", "x", "$1$abcdefgh$0123456789012345678901", "*0", "$2b$10$short",
        "$2x$10$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6",
        "$2b$31$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6",
        "$2b$15$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6",
        "$2b$03$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6",
        "$2b$+9$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6",
        "$2b$10$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu\0",
        "$2b$10$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu66",
        "$2b$10:bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6",
    ])
    func otherHashesAreRefused(text: String) {
        #expect(PasswordHash(text) == nil)
    }

    /// Other methods and lower costs are to be made anew.
    @Test func outdatedHashIsKnown() throws {
        #expect(
            try #require(PasswordHash("$2a$10$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6")).isOutdated)
        #expect(
            try #require(PasswordHash("$2b$09$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6")).isOutdated)
        #expect(
            try !#require(PasswordHash("$2b$12$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6")).isOutdated)
    }

    /// A hash prints as redacted, inside of other things too.
    @Test func hashIsNotPrinted() throws {
        let hash = try #require(PasswordHash("$2b$10$bzkhsMOXLdHARbA.KUr/4.SFfT3LIp2cB0HWN1IqXAoyoQ4SDoSu6"))
        var dumped = ""
        dump([hash], to: &dumped)
        for text in ["\(hash)", String(reflecting: hash), "\([hash])", dumped] { #expect(!text.contains("bzkhs")) }
    }

    /// A pool that is shut down is an error, not a wait without end.
    @Test func stoppedPoolIsAnError() async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        try await threads.shutdownGracefully()
        let hasher = PasswordHasher(threads: threads) { [UInt8](repeating: 0, count: $0) }
        await #expect(throws: PasswordHashError.interrupted) { try await hasher.hash(Secret("x")) }
    }

    /// Beyond 32 at once callers are turned away, and all others are served.
    @Test func queueIsBounded() async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let (opened, open) = AsyncStream<Void>.makeStream()
        let gate = Gate()
        // The only thread waits until the gate opens, so whatever is asked for meanwhile stays in the queue.
        threads.submit { _ in
            open.yield()
            gate.wait()
        }
        var iterator = opened.makeAsyncIterator()
        await iterator.next()
        let hasher = PasswordHasher(threads: threads) { [UInt8](repeating: 0, count: $0) }
        let hash = try #require(PasswordHash("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"))
        let outcomes = await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<(PasswordHasher.queueCountMax + 1) {
                group.addTask { try? await hasher.verify(Secret("U*U"), against: hash) }
            }
            // The first to end is the one that was turned away: the others can't end yet.
            var outcomes = [await group.next() ?? nil]
            gate.open()
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        #expect(outcomes.first == .some(nil))
        #expect(outcomes.filter { $0 == true }.count == PasswordHasher.queueCountMax)
        try await threads.shutdownGracefully()
    }
}
