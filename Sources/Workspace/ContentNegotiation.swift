internal import HTTPTypes

/// What kind of answer a client reads (RFC 9110 §12.5.1).
enum ContentNegotiation {
    /// Whether the client is a person's browser on its way to a page: `Accept` names HTML, and JSON not before it.
    ///
    /// `*/*` alone, as command-line clients and scripts send it, gets JSON.
    static func prefersPage(_ headers: HTTPFields) -> Bool {
        let page = max(quality(of: "text/html", headers), quality(of: "application/xhtml+xml", headers))
        let data = max(quality(of: "application/json", headers), quality(of: "application/problem+json", headers))
        return page > 0 && page >= data
    }

    private static func quality(of type: String, _ headers: HTTPFields) -> Double {
        var quality = 0.0
        for range in headers[values: .accept].flatMap({ $0.split(separator: ",") }) {
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard parts.first == type else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 }
            quality = max(quality, weight ?? 1)
        }
        return quality
    }

    /// The media type of a body, without parameters, in lower case.
    static func mediaType(_ headers: HTTPFields) -> String? {
        headers[.contentType].map { $0.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased() }
    }
}
