import Domain
import Foundation
import GatewayTesting
import Testing

@testable import Access

/// What the tables pack is what comes out of them, byte by byte.
@Suite struct PackedCredentialTests {
    private static let texts = [
        "", " ", "a", "Susan", "ä", "e", "\u{301}", "\u{301}e\u{301}", "\u{E9}", "e\u{301}",
        "\u{1F469}\u{200D}\u{1F4BB}",
        "\u{200D}", "\u{1F1EB}", "\u{1F1F7}", "\u{0}", "a\u{0}b", "\r", "\n", "\r\n", "\u{FFFD}", "\u{10FFFF}", "日本語",
        "\u{202E}x",
        String(repeating: "x", count: 15), String(repeating: "x", count: 16), String(repeating: "é", count: 100_000),
    ]

    private static let dates = [
        Fixtures.epoch, .distantPast, .distantFuture, Date(timeIntervalSince1970: 0.000_001),
        Date(timeIntervalSinceReferenceDate: -0.1), Date(timeIntervalSinceReferenceDate: .greatestFiniteMagnitude),
    ]

    /// Canonically equal texts are equal, and need not be the same bytes.
    private func expectSame(_ left: User, _ right: User) {
        #expect(left == right)
        for field in [\User.email, \.firstName, \.lastName] {
            #expect(left[keyPath: field].utf8.elementsEqual(right[keyPath: field].utf8))
        }
        #expect(left.salesforceProfile.map { Array($0.utf8) } == right.salesforceProfile.map { Array($0.utf8) })
        #expect(left.salesforceUserID?.rawValue == right.salesforceUserID?.rawValue)
    }

    private func expectLossless(_ user: User) {
        expectSame(PackedUser(user).user(id: user.id, customerID: user.customerID), user)
    }

    private func random(_ random: inout SplitMix, ids: SequentialIDs) throws -> User {
        func any<Value>(_ values: [Value]) throws -> Value { try #require(values.randomElement(using: &random)) }
        return User(
            id: UserID(ids.next()), customerID: CustomerID(ids.next()), email: try any(Self.texts),
            salesforceUserID: try any([nil, SalesforceID("0055g000001AbCd"), SalesforceID("0055g000001AbCdAAK")]),
            firstName: try any(Self.texts), lastName: try any(Self.texts), role: try any(UserRole.allCases),
            salesforceProfile: try any(Self.texts + [nil]), lastLoginAt: try any(Self.dates + [nil]),
            disabledAt: try any(Self.dates + [nil]), createdAt: try any(Self.dates), updatedAt: try any(Self.dates))
    }

    /// Users with every field drawn from the ordinary and the extreme.
    @Test func users() throws {
        var random = SplitMix(seed: 7)
        let ids = SequentialIDs()
        for _ in 0..<400 { expectLossless(try self.random(&random, ids: ids)) }
    }

    /// Each text in each field, the others empty or not: no text moves over into its neighbour, not even a combining
    /// mark.
    @Test func texts() throws {
        let ids = SequentialIDs()
        let (id, customer) = (UserID(ids.next()), CustomerID(ids.next()))
        for text in Self.texts {
            for neighbour in ["", "e", "\u{301}"] {
                for place in 0..<4 {
                    var texts = Array(repeating: neighbour, count: 4)
                    texts[place] = text
                    expectLossless(
                        User(
                            id: id, customerID: customer, email: texts[0], firstName: texts[1], lastName: texts[2],
                            salesforceProfile: texts[3], createdAt: Fixtures.epoch, updatedAt: Fixtures.epoch))
                }
            }
        }
    }

    /// Each role, and each optional field there and not: an empty profile is not none.
    @Test(arguments: UserRole.allCases, [nil, "", "Standard User"] as [String?])
    func flags(role: UserRole, profile: String?) throws {
        let ids = SequentialIDs()
        for (login, disabled) in [(nil, nil), (Fixtures.epoch, nil), (nil, Fixtures.epoch)] as [(Date?, Date?)] {
            for salesforceID in [nil, SalesforceID("0055g000001AbCd")] {
                let user = User(
                    id: UserID(ids.next()), customerID: CustomerID(ids.next()), email: "a@b.c",
                    salesforceUserID: salesforceID, role: role, salesforceProfile: profile, lastLoginAt: login,
                    disabledAt: disabled, createdAt: Fixtures.epoch, updatedAt: Fixtures.epoch)
                expectLossless(user)
                let hash = CredentialHash("cookie")
                let session = try Fixtures().makeSession(of: user, tokenHash: hash.bytes)
                let credential = Credential(session: session, hash: hash, user: user, readAt: Fixtures.epoch)
                expectSame(credential.user, user)
                #expect(credential.isDisabled == (disabled != nil))
            }
        }
    }

    /// A session comes out as it was read, and with a later use as of that.
    @Test func sessions() throws {
        let fixtures = try Fixtures()
        let user = fixtures.makeUser(in: CustomerID(fixtures.ids.next()))
        for number in 0..<50 {
            let hash = CredentialHash("cookie \(number)")
            let session = fixtures.makeSession(of: user, tokenHash: hash.bytes, lifetime: Double(number) * 1e6 / 3)
            let credential = Credential(session: session, hash: hash, user: user, readAt: Fixtures.epoch)
            #expect(credential.proof(lastUsedAt: credential.lastUsedAt) == .session(session))
            #expect(credential.keyScope == nil && credential.has(hash) && credential.tableKey == hash)
            #expect(credential.subjects == [session.id.rawValue, user.id.rawValue])
            var later = session
            later.lastSeenAt += 61
            #expect(credential.noteUse(at: later.lastSeenAt, touchInterval: 60) != nil)
            #expect(credential.proof(lastUsedAt: credential.lastUsedAt) == .session(later))
            // Time that seems to go back takes no use away.
            #expect(credential.noteUse(at: session.lastSeenAt, touchInterval: 60) == nil)
            #expect(credential.lastUsedAt == later.lastSeenAt)
        }
    }

    /// An access key comes out as it was read, never used or used, of either scope and with any name.
    @Test(arguments: AccessKeyScope.allCases) func accessKeys(scope: AccessKeyScope) throws {
        let fixtures = try Fixtures()
        let user = fixtures.makeUser(in: CustomerID(fixtures.ids.next()))
        for name in Self.texts {
            for lastUsedAt in [nil, Fixtures.epoch] as [Date?] {
                let hash = CredentialHash(name)
                var key = fixtures.makeAccessKey(of: user, name: name, scope: scope, keyHash: hash.bytes)
                key.lastUsedAt = lastUsedAt
                let credential = Credential(key: key, hash: hash, user: user, readAt: Fixtures.epoch)
                #expect(credential.proof(lastUsedAt: credential.lastUsedAt) == .accessKey(key))
                #expect(credential.keyScope == scope)
                #expect(credential.subjects == [key.id.rawValue, user.id.rawValue])
            }
        }
    }

    /// SHA-256 as it is known, whether of text or bytes; what differs in one word differs.
    @Test func hashes() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        let hash = CredentialHash("abc")
        #expect(hash.bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == known)
        #expect(hash == CredentialHash("abc".utf8.span))
        #expect(hash != CredentialHash("abd"))
        #expect(hash.bytes.count == 32)
    }

    /// A date in one word is the date, to the last bit.
    @Test func dates() {
        for date in Self.dates {
            let atomic = AtomicDate(Fixtures.epoch)
            atomic.value = date
            #expect(atomic.value == date && AtomicDate(date).value == date)
        }
    }
}
