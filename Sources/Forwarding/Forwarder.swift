public import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import Salesforce
internal import Wire

/// Who may forward what, with which token: what the data plane asks for each call (architecture, phases `resolve` to
/// `select`).
///
/// Two ways lead to the same answer. `warmCall` looks at memory and never waits; `resolve` may ask the database, and
/// names what is wrong. Every refusal is the second one's.
public final class Forwarder: Sendable {
    let access: AccessContext
    let directory: TenantDirectory
    let sessions: SessionKeeper
    let ledger: TokenLedger
    let rule: CrossOriginRule
    let limits: ForwardingLimits
    let gate: TenantGate
    private let cookieName: [UInt8]

    /// A forwarder over the caches of a process.
    public init(
        access: AccessContext, directory: TenantDirectory, sessions: SessionKeeper, ledger: TokenLedger,
        rule: CrossOriginRule, limits: ForwardingLimits
    ) {
        self.access = access
        self.directory = directory
        self.sessions = sessions
        self.ledger = ledger
        self.rule = rule
        self.limits = limits
        self.gate = TenantGate(concurrency: limits.tenantConcurrency)
        self.cookieName = Array(sessions.cookieName.utf8)
    }
}

/// A call that may be forwarded: whose it is, and with which token.
struct ResolvedCall: Sendable {
    let caller: Caller
    var token: LiveToken

    var tenant: Tenant { caller.tenant }
}

// MARK: - The warm way

extension Forwarder {
    /// The call, where memory knows all of it; `nil` is the advice to ask ``resolve(_:)``.
    func warmCall(
        _ head: RequestHead, target: ByteSlice, in buffer: ByteBuffer, state: LoopState, at now: Date
    ) -> ResolvedCall? {
        let bytes = buffer.readableBytesUInt8Span
        let facts = state.facts
        guard let host = head.host, cameSecurely(facts, in: buffer, state), facts.requestedMethod.count == 0,
            facts.methodOverride.count == 0,
            let label = access.origin.warmLabel(ofHost: bytes.extracting(host.range))
        else { return nil }
        guard let tenant = directory.warmTenant(label, at: now),
            PathAdmission.isPlainlyForwarded(bytes.extracting(target.range), method: head.kind),
            let caller = warmCaller(bytes, state.requestScanner.fields, facts, in: tenant, at: now),
            isAllowed(caller, head, target, in: buffer, state.requestScanner.fields, facts),
            (try? directory.admit(tenant, at: now)) != nil,
            let token = ledger.warmToken(for: caller, at: now)
        else { return nil }
        return ResolvedCall(caller: caller, token: token)
    }

    /// Whether the client came by https where it must: nobody is believed to say otherwise, or the edge says so.
    private func cameSecurely(_ facts: RequestFacts, in buffer: ByteBuffer, _ state: LoopState) -> Bool {
        guard access.origin.isSecure, state.plane.trust.trustedHops > 0, facts.forwardedProto.count > 0 else {
            return true
        }
        guard let line = facts.forwardedProto.only else { return false }
        return state.requestScanner.fields[line].value.isEqual(to: Self.https, in: buffer)
    }

    private static let https = Array("https".utf8)

    private func warmCaller(
        _ bytes: Span<UInt8>, _ lines: [FieldLine], _ facts: RequestFacts, in tenant: Tenant, at now: Date
    ) -> Caller? {
        switch (facts.authorization.count, facts.sfdcSession.count) {
        case (0, 0):
            guard let line = facts.cookie.only else { return nil }
            let value = bytes.extracting(lines[line].value.range)
            guard let cookie = CookieScan.only(cookieName, in: value) else { return nil }
            return sessions.warmCaller(cookie: value.extracting(cookie), in: tenant, at: now)
        case (1, 0):
            guard let line = facts.authorization.only else { return nil }
            let value = bytes.extracting(lines[line].value.range)
            guard let (slot, key) = Self.slot(of: value) else { return nil }
            return sessions.warmCaller(accessKey: value.extracting(key), slot: slot, in: tenant, at: now)
        case (0, 1):
            guard let line = facts.sfdcSession.only else { return nil }
            return sessions.warmCaller(
                accessKey: bytes.extracting(lines[line].value.range), slot: .sfdcSession, in: tenant, at: now)
        case _:
            return nil
        }
    }

    /// `Bearer` or `OAuth`, one space, and the key behind it.
    private static func slot(of value: Span<UInt8>) -> (CredentialSlot, Range<Int>)? {
        if begins(value, with: bearer) { return (.authorizationBearer, bearer.count..<value.count) }
        if begins(value, with: oauth) { return (.authorizationOAuth, oauth.count..<value.count) }
        return nil
    }

    private static let bearer = Array("bearer ".utf8)
    private static let oauth = Array("oauth ".utf8)

    private static func begins(_ value: Span<UInt8>, with scheme: [UInt8]) -> Bool {
        guard value.count > scheme.count else { return false }
        for index in scheme.indices where value[index] | 0x20 != scheme[index] | 0x20 { return false }
        return true
    }

    private func isAllowed(
        _ caller: Caller, _ head: RequestHead, _ target: ByteSlice, in buffer: ByteBuffer, _ lines: [FieldLine],
        _ facts: RequestFacts
    ) -> Bool {
        guard caller.isByCookie else {
            switch caller.keyScope {
            case nil, .full: return true
            case .read:
                guard let method = HTTPRequest.Method(head.kind) else { return false }
                return SessionKeeper.allows(.read, method: method, path: path(target, in: buffer))
            }
        }
        guard facts.secFetchSite.count <= 1, facts.origin.count <= 1 else { return false }
        // The common case, without a text being made: a page of the tenant's own, as its browser says.
        if let line = facts.secFetchSite.only, lines[line].value.isEqual(to: Self.sameOrigin, in: buffer) {
            return true
        }
        return rule.allows(
            isSafeMethod: head.kind == .get || head.kind == .head, path: path(target, in: buffer)[...],
            secFetchSite: facts.secFetchSite.only.map { lines[$0].value.text(in: buffer) },
            origin: facts.origin.only.map { lines[$0].value.text(in: buffer) },
            tenantOrigin: caller.tenant.origin, label: caller.tenant.customer.subdomain.label)
    }

    private static let sameOrigin = Array("same-origin".utf8)

    private func path(_ target: ByteSlice, in buffer: ByteBuffer) -> String {
        String(target.text(in: buffer).prefix { $0 != "?" })
    }
}

extension HTTPRequest.Method {
    /// A method that rules know by name.
    init?(_ kind: MethodKind) {
        switch kind {
        case .get: self = .get
        case .head: self = .head
        case .post: self = .post
        case .put: self = .put
        case .patch: self = .patch
        case .delete: self = .delete
        case .options: self = .options
        case .trace, .connect, .other: return nil
        }
    }
}

extension MethodKind {
    /// Whether a call may be made again where nobody knows whether it was executed (RFC 9110 §9.2.2).
    var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options: true
        case .post, .patch, .trace, .connect, .other: false
        }
    }
}

extension ByteSlice {
    func isEqual(to other: [UInt8], in buffer: ByteBuffer) -> Bool {
        guard count == other.count else { return false }
        let bytes = buffer.readableBytesUInt8Span
        for index in other.indices where bytes[startIndex + index] != other[index] { return false }
        return true
    }
}

/// Finds a cookie in a `Cookie` value's bytes (RFC 6265 §5.4).
enum CookieScan {
    /// 200 cookies, as many as the full reader looks at.
    private static let pairsMax = 200

    /// Where the value of a name is that stands there once; `nil` where it does not, or more than once, or where there
    /// are too many cookies to say.
    static func only(_ name: [UInt8], in value: Span<UInt8>) -> Range<Int>? {
        var found: Range<Int>?
        var start = 0
        var count = 0
        while start < value.count {
            count += 1
            guard count <= pairsMax else { return nil }
            while start < value.count, value[start] == space || value[start] == tab { start += 1 }
            var end = start
            while end < value.count, value[end] != semicolon { end += 1 }
            if isNamed(name, value, start, end) {
                guard found == nil else { return nil }
                found = start + name.count + 1..<end
            }
            start = end + 1
        }
        return found
    }

    private static func isNamed(_ name: [UInt8], _ value: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard end - start > name.count, value[start + name.count] == UInt8(ascii: "=") else { return false }
        for index in name.indices where value[start + index] != name[index] { return false }
        return true
    }

    private static let space = UInt8(ascii: " ")
    private static let tab = UInt8(ascii: "\t")
    private static let semicolon = UInt8(ascii: ";")
}
