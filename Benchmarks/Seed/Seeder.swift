internal import Crypto
internal import Domain
internal import Foundation
internal import Secrets

/// How many of what, and where their calls go.
struct Population {
    /// Tenants are named after it: `{prefix}1`, `{prefix}2` …
    let prefix: String
    let tenants: Int
    let usersPerTenant: Int
    let sessionsPerUser: Int
    /// The `instance_url` of every grant.
    let instanceURL: String
}

/// Writes a population as files for COPY, one a table, and `cookies.tsv`: subdomain, cookie, access token.
struct Seeder {
    /// Longer than any run: nothing expires or is refreshed under the measurement.
    private static let lifetime: TimeInterval = 12 * 60 * 60
    /// As long as a Salesforce session id usually is.
    private static let tokenCharacters = 97
    private static let cookieBytes = 32

    private let keys: KeyRing
    private let now: Date
    private let stamp: String
    private var customers: CopyFile
    private var users: CopyFile
    private var grants: CopyFile
    private var sessions: CopyFile
    private var cookies: CopyFile
    private var random = SystemRandomNumberGenerator()

    init(keys: KeyRing, directory: String, now: Date) throws {
        self.keys = keys
        self.now = now
        self.stamp = now.formatted(.iso8601)
        customers = try CopyFile(directory, "customers")
        users = try CopyFile(directory, "users")
        grants = try CopyFile(directory, "oauth_tokens")
        sessions = try CopyFile(directory, "sessions")
        cookies = try CopyFile(directory, "cookies")
    }

    mutating func write(_ population: Population) throws {
        for number in 1...population.tenants { try tenant(number, of: population) }
        try customers.finish()
        try users.finish()
        try grants.finish()
        try sessions.finish()
        try cookies.finish()
    }

    private mutating func tenant(_ number: Int, of population: Population) throws {
        let id = CustomerID(UUID())
        let subdomain = try Subdomain("\(population.prefix)\(number)")
        let (key, sealedKey) = try keys.makeDataKey(customer: id.rawValue)
        let clientID = try key.seal(Secret("3MVG9.benchmark.\(number)"), context: Customer.clientIDContext(id))
        let clientSecret = try key.seal(Secret(text(64)), context: Customer.clientSecretContext(id))
        try customers.row([
            id.description, "Benchmark \(number)", subdomain.label, "https://benchmark.my.salesforce.com",
            hex(clientID.bytes), hex(clientSecret.bytes), organization(number), hex(sealedKey.bytes), "enterprise",
            "active", stamp, stamp,
        ])
        for person in 1...population.usersPerTenant {
            try user(person, in: id, key: key, subdomain: subdomain, tenant: number, of: population)
        }
    }

    private mutating func user(
        _ person: Int, in customer: CustomerID, key: DataKey, subdomain: Subdomain, tenant: Int,
        of population: Population
    ) throws {
        let id = UserID(UUID())
        try users.row([
            id.description, customer.description, "person\(person)@\(subdomain.label).example",
            "005" + padded(person, to: 12), "Person", "\(person)", "ae", stamp, stamp,
        ])
        let token = "\(organization(tenant))!\(text(Self.tokenCharacters))"
        let grant = OAuthTokenID(UUID())
        let access = try key.seal(
            Secret(token), context: OAuthToken.accessTokenContext(grant, customer: customer))
        let refresh = try key.seal(
            Secret("5Aep\(text(83))"), context: OAuthToken.refreshTokenContext(grant, customer: customer))
        let end = now.addingTimeInterval(Self.lifetime).formatted(.iso8601)
        try grants.row([
            grant.description, id.description, customer.description, hex(access.bytes), hex(refresh.bytes),
            population.instanceURL, end, stamp, stamp,
        ])
        for _ in 0..<population.sessionsPerUser {
            let cookie = self.cookie()
            try sessions.row([
                UUID().uuidString, customer.description, id.description,
                hex(Array(SHA256.hash(data: Array(cookie.utf8)))), stamp, stamp, end,
            ])
            try cookies.row([subdomain.label, cookie, token])
        }
    }

    // MARK: Values

    private func organization(_ tenant: Int) -> String { "00D" + padded(tenant, to: 12) }

    private func padded(_ number: Int, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// What a session cookie is: 256 random bits, base64url.
    private mutating func cookie() -> String {
        let bytes = (0..<Self.cookieBytes / 8).flatMap { _ in
            withUnsafeBytes(of: random.next() as UInt64) { Array($0) }
        }
        return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }

    private mutating func text(_ count: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            // Ten digits of six bits.
            var word: UInt64 = random.next()
            for _ in 0..<min(10, count - bytes.count) {
                bytes.append(alphabet[Int(word & 63)])
                word >>= 6
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A `bytea` as COPY reads it.
    private func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("\\\\x".utf8)
        text.reserveCapacity(3 + bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A file of tab-separated rows, written in large pieces. No value holds a tab, a line break or a stray backslash.
struct CopyFile {
    private static let pieceBytes = 1 << 20

    private let file: FileHandle
    private var pending: [UInt8] = []

    init(_ directory: String, _ table: String) throws {
        let url = URL(filePath: directory).appending(path: "\(table).tsv")
        guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
            throw CocoaError(.fileWriteUnknown)
        }
        file = try FileHandle(forWritingTo: url)
    }

    mutating func row(_ values: [String]) throws {
        for (index, value) in values.enumerated() {
            if index > 0 { pending.append(UInt8(ascii: "\t")) }
            pending.append(contentsOf: value.utf8)
        }
        pending.append(UInt8(ascii: "\n"))
        if pending.count >= Self.pieceBytes { try flush() }
    }

    mutating func finish() throws {
        try flush()
        try file.close()
    }

    private mutating func flush() throws {
        try file.write(contentsOf: Data(pending))
        pending.removeAll(keepingCapacity: true)
    }
}
