internal import Domain
internal import Foundation
internal import Secrets

/// A sign-in that Salesforce has not answered yet. It lives in a sealed cookie of its own and nowhere else, so another
/// browser's callback does not fit, and nothing is written before somebody is known.
struct PendingSignIn: Sendable {
    /// What comes back with the answer. Its first eight characters name the cookie.
    let state: Secret<String>
    /// The PKCE verifier.
    let verifier: Secret<String>
    let returnTo: String
    let customerID: CustomerID
    let createdAt: Date

    static let cookieBaseName = "formation_signin_"
    /// 32 random bytes as 43 digits of base 62.
    static let stateByteCount = 32
    private static let stateCount = 43
    private static let labelCount = 8
    private static let version = "1"

    /// The label of the cookie that a state belongs to; `nil` where it is no state of ours.
    static func label(ofState state: String) -> String? {
        guard state.utf8.count == stateCount, state.utf8.allSatisfy(Base62.isDigit) else { return nil }
        return String(state.prefix(labelCount))
    }

    /// Whether a cookie's base name is one of a pending sign-in.
    static func isCookieName(_ name: Substring, setCookie: SetCookie) -> Bool {
        let prefix = setCookie.name(cookieBaseName)
        let label = name.dropFirst(prefix.count)
        return name.hasPrefix(prefix) && label.utf8.count == labelCount && label.utf8.allSatisfy(Base62.isDigit)
    }

    /// The cookie's value. One tenant's does not open at another.
    func sealed(with key: DataKey) throws -> String {
        // The path stands last; none of the others can hold a line break, and neither can it.
        let fields = [
            Self.version, state.exposed, verifier.exposed, "\(customerID)",
            "\(Int64(createdAt.timeIntervalSince1970))", returnTo,
        ]
        let sealed = try key.seal(
            Secret(fields.joined(separator: "\n")), context: Self.context(of: customerID))
        return Base64URL.encode(sealed.bytes)
    }

    /// Opens a cookie's value; `nil` where it is not one of this tenant's.
    init?(cookie: String, key: DataKey, customer: CustomerID) {
        guard cookie.utf8.count <= Self.cookieByteCountMax, let bytes = Base64URL.decode(cookie),
            let text = try? key.open(Sealed(bytes: bytes), context: Self.context(of: customer))
        else { return nil }
        let fields = text.exposed.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 6, fields[0] == Self.version, CustomerID(fields[3]) == customer,
            let createdAt = Int64(fields[4])
        else { return nil }
        self.init(
            state: Secret(fields[1]), verifier: Secret(fields[2]), returnTo: fields[5], customerID: customer,
            createdAt: Date(timeIntervalSince1970: TimeInterval(createdAt)))
    }

    init(
        state: Secret<String>, verifier: Secret<String>, returnTo: String, customerID: CustomerID, createdAt: Date
    ) {
        self.state = state
        self.verifier = verifier
        self.returnTo = returnTo
        self.customerID = customerID
        self.createdAt = createdAt
    }

    /// 4 KiB, of which browsers keep no more in a cookie.
    private static let cookieByteCountMax = 4_096

    private static func context(of customer: CustomerID) -> SealingContext {
        SealingContext(table: "pending_sign_in", column: "cookie", row: nil, customer: customer.rawValue)
    }
}

/// The pending sign-ins among a request's cookies.
struct PendingSignIns {
    /// A cookie and what it opens to; `nil` where it does not open.
    struct Entry {
        let name: String
        let byteCount: Int
        let pending: PendingSignIn?
    }

    /// 8 KiB of them: a longer `Cookie` header could be refused on the way.
    static let byteCountMax = 8 * 1_024

    let entries: [Entry]

    init(cookies: [String], setCookie: SetCookie, key: DataKey, customer: CustomerID) {
        self.entries = CookieHeader(cookies).pairs
            .filter { PendingSignIn.isCookieName($0.name, setCookie: setCookie) }
            .map { pair in
                Entry(
                    name: String(pair.name), byteCount: pair.name.utf8.count + pair.value.utf8.count + 3,
                    pending: PendingSignIn(cookie: String(pair.value), key: key, customer: customer))
            }
    }

    /// The cookies that must go so that one more of `byteCount` bytes fits: what does not open, what is too old, and
    /// the oldest.
    func namesToDrop(countMax: Int, byteCount: Int, maxAge: TimeInterval, at now: Date) -> [String] {
        let live = entries.filter { entry in
            entry.pending.map { now.timeIntervalSince($0.createdAt) < maxAge } ?? false
        }.sorted { ($0.pending?.createdAt ?? now) > ($1.pending?.createdAt ?? now) }
        var kept: Set<String> = []
        var bytes = byteCount
        for entry in live where kept.count < countMax - 1 && bytes + entry.byteCount <= Self.byteCountMax {
            kept.insert(entry.name)
            bytes += entry.byteCount
        }
        return Array(Set(entries.map(\.name)).subtracting(kept)).sorted()
    }

    /// The one that a state belongs to.
    func pending(state: String, name: String) -> PendingSignIn? {
        let wanted = Secret(state)
        return entries.lazy.filter { $0.name == name }.compactMap(\.pending).first { $0.state == wanted }
    }
}
