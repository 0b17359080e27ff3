import Domain
import Foundation
import GatewayTesting
import Salesforce
import Secrets
import Testing

@testable import Access

/// Several threads at the tables at once: what comes out belongs to its key and is of one piece, and at the end the
/// tables agree with each other.
@Suite struct TableConcurrencyTests {
    private struct Row: Sendable {
        let number: UInt64
        let subject: UUID
        /// Always the same word, four times.
        var words: [UInt64]

        func isSound(for number: UInt64, subject: UUID) -> Bool {
            self.number == number && self.subject == subject && words.count == 4 && Set(words).count == 1
        }
    }

    private struct Key: TableKey {
        let number: UInt64
        /// Few shards and few places, so that the threads meet and entries are displaced.
        var tableHash: UInt64 { (number & 3) << 58 | (number >> 2) & 31 }
        var kept: UInt64 { number }
    }

    private func subject(_ number: UInt64) -> UUID {
        UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(number % 7)))
    }

    /// Look-ups, loads, changes in place, drops by key and by row, evictions, all at once.
    @Test func cache() async throws {
        let cache = ShardedCache<Key, Row>(
            capacity: 40 * Shards.count, missingCapacity: 64, missingSeconds: 5, subjects: { [$0.subject] })
        let torn = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in 0..<6 as Range<UInt64> {
                group.addTask { @concurrent in
                    var random = SplitMix(seed: thread)
                    for step in 0..<3_000 as Range<UInt64> {
                        let number = random.next() % 400
                        let shard = cache.shard(of: Key(number: number))
                        let found = try await self.step(
                            Int(random.next() % 16), on: shard, of: cache, number: number, word: thread << 32 | step)
                        if let found, !found.isSound(for: number, subject: subject(number)) { torn.increment() }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(torn.count == 0)
        for number in 0..<4 as Range<UInt64> { #expect(cache.shard(of: Key(number: number)).count <= 45) }
        for number in 0..<7 as Range<UInt64> { cache.drop(subject: subject(number)) }
        for number in 0..<4 as Range<UInt64> { #expect(cache.shard(of: Key(number: number)).count == 0) }
    }

    private func step(
        _ choice: Int, on shard: LoadingCache<Key, Row>, of cache: ShardedCache<Key, Row>, number: UInt64, word: UInt64
    ) async throws -> Row? {
        let (key, subject) = (Key(number: number), subject(number))
        switch choice {
        case 0...8:
            return try await shard.value(for: key, at: Fixtures.epoch) {
                if choice == 0 { await Task.yield() }
                return Row(number: number, subject: subject, words: Array(repeating: word, count: 4))
            }
        case 9...11:
            let cached = shard.cached(key, at: Fixtures.epoch) { row in
                for at in row.words.indices { row.words[at] = word }
                return row
            }
            return switch cached {
            case .found(let row): row
            case .nothing, .unknown: nil
            }
        case 12: shard.drop(key: key)
        case 13:
            shard.update(subject: subject) { row in
                for at in row.words.indices { row.words[at] = word }
            }
        case 14: shard.drop(subject: subject)
        case _: if word.isMultiple(of: 97) { cache.dropAll() } else { cache.dropMissing() }
        }
        return nil
    }

    // MARK: Credentials and their tokens

    /// A process's tables with some people in them, without a database behind.
    private struct People {
        let tables: CredentialTables
        let grants: GrantTable
        let users: [User]
        let cookies: [CredentialHash]
        let instance: InstanceURL

        init(count: Int) async throws {
            let tables = CredentialTables(limits: AccessLimits())
            let fixtures = try Fixtures()
            let customer = CustomerID(fixtures.ids.next())
            self.tables = tables
            self.grants = GrantTable(limits: AccessLimits()) { tables.unlink($0) }
            self.users = (0..<count).map { _ in fixtures.makeUser(in: customer) }
            self.cookies = (0..<count).map { CredentialHash("cookie \($0)") }
            self.instance = try AllowedHosts().instance("https://axonify.my.salesforce.com")
            for at in users.indices { try await load(at) }
        }

        func load(_ at: Int) async throws {
            let (hash, user) = (cookies[at], users[at])
            _ = try await tables.sessions.shard(of: hash).value(for: hash, at: Fixtures.epoch) {
                let session = try Fixtures().makeSession(of: user, tokenHash: hash.bytes)
                return KnownCredential(
                    Credential(session: session, hash: hash, user: user, readAt: Fixtures.epoch))
            }
        }

        func known(_ at: Int) -> KnownCredential? {
            switch tables.sessions.shard(of: cookies[at]).cached(cookies[at], at: Fixtures.epoch, { $0 }) {
            case .found(let known): known
            case .nothing, .unknown: nil
            }
        }

        func adopt(_ at: Int, version: Int64) {
            let token = LiveToken(
                grantID: OAuthTokenID(users[at].id.rawValue), userID: users[at].id, version: version,
                accessToken: Secret("\(users[at].id) \(version)"), instance: instance, mintedAt: Fixtures.epoch,
                expiresAt: Fixtures.epoch + 7_200)
            grants.tell(users[at].id) { $0.didAdopt(token, renewAt: Fixtures.epoch + 7_000) }
        }

        /// What a warm call does: the hint, or the table and then a new hint. Whether all of it was the caller's own.
        func call(_ at: Int) -> Bool {
            guard let known = known(at) else { return true }
            guard known.credential.has(cookies[at]), known.credential.userID == users[at].id else { return false }
            if let token = known.token, token.isWarm(at: Fixtures.epoch) { return isOwn(token, at) }
            let shard = Shards.index(cookies[at].tableHash)
            guard case .use(let token) = grants.askWarm(users[at].id, credentialShard: shard, at: Fixtures.epoch) else {
                return true
            }
            tables.link(token, to: known.credential, at: Fixtures.epoch)
            return isOwn(token, at)
        }

        private func isOwn(_ token: LiveToken, _ at: Int) -> Bool {
            token.userID == users[at].id && token.accessToken.exposed == "\(users[at].id) \(token.version)"
        }
    }

    /// Calls, sign-ins, revocations, the feed and log-outs of the same few people: nobody is given another's token, and
    /// when it is quiet, each cell holds its grant's token or none.
    @Test func tokens() async throws {
        let people = try await People(count: 5)
        let wrong = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in 0..<6 as Range<UInt64> {
                group.addTask { @concurrent in
                    var random = SplitMix(seed: 100 + thread)
                    for step in 0..<2_500 as Range<Int64> {
                        let at = Int(random.next() % 5)
                        let user = people.users[at]
                        switch random.next() % 16 {
                        case 0, 6: people.adopt(at, version: Int64(thread) << 32 | step)
                        case 1: people.grants.didChange(grant: OAuthTokenID(user.id.rawValue))
                        case 2: people.grants.tell(user.id) { $0.didRevoke() }
                        case 3: people.tables.drop(subject: user.id.rawValue)
                        case 4, 5: try await people.load(at)
                        case _: if !people.call(at) { wrong.increment() }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(wrong.count == 0)
        for (at, user) in people.users.enumerated() {
            if let token = people.known(at)?.token {
                #expect(token.isWarm(at: Fixtures.epoch))
                #expect(people.grants.newestVersion(of: token) == token.version)
            }
            try await people.load(at)
            people.adopt(at, version: .max)
            #expect(people.call(at) && people.known(at)?.token?.version == .max)
            people.grants.tell(user.id) { $0.didRevoke() }
            #expect(people.known(at)?.token == nil)
        }
    }
}
