public import HTTPTypes

/// CORS for the frontends of `FRONTEND_ORIGINS`, in one place for every answer on a tenant's host (contract §2).
///
/// The Fetch Standard, §3.2: with credentials no header may be `*`, so each names what it means. An origin that is no
/// frontend gets none of these headers, and its browser keeps the answer to itself.
public struct CORSHeaders: Sendable {
    /// How long a browser may remember a preflight's answer: 2 hours, the most that Chromium does.
    public static let preflightMaxAgeSeconds = 7200
    /// `Access-Control-Request-Headers` is answered up to this length: 4 KiB.
    public static let requestedHeadersBytesMax = 4096

    private let rule: CrossOriginRule
    private let label: String

    /// CORS at the tenant with this label.
    public init(rule: CrossOriginRule, label: String) {
        self.rule = rule
        self.label = label
    }

    /// Whether a request is a preflight: it is answered without looking at credentials, which it can't carry.
    public static func isPreflight(method: HTTPRequest.Method, headers: HTTPFields) -> Bool {
        method == .options && headers.contains(.origin) && headers.contains(.accessControlRequestMethod)
    }

    /// The headers of a preflight's answer (204, without a body); `nil` where the origin is no frontend.
    public func preflight(_ headers: HTTPFields) -> HTTPFields? {
        guard let origin = frontend(of: headers),
            let requested = headers[.accessControlRequestMethod].flatMap({ HTTPRequest.Method($0) })
        else { return nil }
        var answer = HTTPFields()
        answer[.accessControlAllowOrigin] = origin
        answer[.accessControlAllowCredentials] = "true"
        answer[.accessControlAllowMethods] = requested.rawValue
        answer[.accessControlMaxAge] = String(Self.preflightMaxAgeSeconds)
        answer[.vary] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        let names = headers[.accessControlRequestHeaders] ?? ""
        guard names.utf8.count <= Self.requestedHeadersBytesMax else { return nil }
        let allowed = names.split(separator: ",").compactMap { name in
            HTTPField.Name(String(name).trimmingSpaces)?.canonicalName
        }
        if !allowed.isEmpty { answer[.accessControlAllowHeaders] = allowed.joined(separator: ", ") }
        return answer
    }

    /// Adds to an answer, an error's too, what lets a frontend's script read it, all of its headers included.
    ///
    /// Where there are frontends the answer differs by origin, so it says `Vary: Origin` to everybody.
    public func apply(to answer: inout HTTPFields, request headers: HTTPFields) {
        guard !rule.frontendOrigins.isEmpty else { return }
        addVary(to: &answer)
        guard let origin = frontend(of: headers) else { return }
        let exposed = answer.map(\.name).filter { !Self.isReadableAnyway($0) }
        answer[.accessControlAllowOrigin] = origin
        answer[.accessControlAllowCredentials] = "true"
        if !exposed.isEmpty {
            answer[.accessControlExposeHeaders] = unique(exposed.map(\.canonicalName)).joined(separator: ", ")
        }
    }

    private func addVary(to answer: inout HTTPFields) {
        let present = answer[values: .vary].flatMap { $0.split(separator: ",") }.map { String($0).trimmingSpaces }
        guard !present.contains(where: { $0 == "*" || $0.lowercased() == "origin" }) else { return }
        answer[.vary] = (present + ["Origin"]).joined(separator: ", ")
    }

    private func frontend(of headers: HTTPFields) -> String? {
        let origins = headers[values: .origin]
        guard origins.count == 1, let origin = origins.first, rule.isFrontend(origin, label: label) else { return nil }
        return origin
    }

    private func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    /// CORS-safelisted response headers and those that no script may read (Fetch §2.2.2).
    private static func isReadableAnyway(_ name: HTTPField.Name) -> Bool {
        [
            .cacheControl, .contentLanguage, .contentLength, .contentType, .expires, .lastModified, .setCookie, .vary,
        ].contains(name)
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
