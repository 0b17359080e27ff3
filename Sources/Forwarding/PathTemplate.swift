/// A path as logs and metrics may show it: ids, record keys and whatever a customer made up are replaced.
struct PathTemplate: Sendable, Equatable {
    /// Which part of Salesforce's API a path belongs to: the metric label, one of a small fixed set.
    enum RouteClass: String, Sendable, CaseIterable {
        case sobjects, query, search, composite, jobs, tooling, limits, apexrest, async, userinfo, other

        /// Its place among all cases.
        var index: Int {
            switch self {
            case .sobjects: 0
            case .query: 1
            case .search: 2
            case .composite: 3
            case .jobs: 4
            case .tooling: 5
            case .limits: 6
            case .apexrest: 7
            case .async: 8
            case .userinfo: 9
            case .other: 10
            }
        }
    }

    /// E.g. `/services/data/v62.0/sobjects/Account/:id`.
    let text: String
    let routeClass: RouteClass

    /// Of a request whose path was not read.
    static let unread = PathTemplate(text: ":unread", routeClass: .other)

    private static let segmentsMax = 10
    private static let segmentBytesMax = 80

    private init(text: String, routeClass: RouteClass) {
        self.text = text
        self.routeClass = routeClass
    }

    init(path: some StringProtocol) {
        let segments = path.split { $0 == "/" }.map { String($0) }
        switch segments.count > 1 ? segments[1] : "" {
        case "apexrest":
            // The rest is the customer's own, and can be anything.
            self.text = segments.count > 2 ? "/services/apexrest/:path" : "/services/apexrest"
            self.routeClass = .apexrest
        case "oauth2" where segments.count == 3 && segments[2] == "userinfo":
            self.text = "/services/oauth2/userinfo"
            self.routeClass = .userinfo
        case "async":
            self.text = Self.joined(segments, from: 2, replace: Self.replaceGeneric)
            self.routeClass = .async
        case "data":
            self.text = Self.joined(segments, from: 2, replace: Self.replaceData)
            self.routeClass = Self.dataClass(segments)
        case _:
            self.text = "/services/:other"
            self.routeClass = .other
        }
    }

    private static func dataClass(_ segments: [String]) -> RouteClass {
        guard segments.count > 3 else { return .other }
        return switch segments[3] {
        case "sobjects": .sobjects
        case "query", "queryAll": .query
        case "search", "parameterizedSearch": .search
        case "composite": .composite
        case "jobs": .jobs
        case "tooling": .tooling
        case "limits": .limits
        case _: .other
        }
    }

    private static func joined(
        _ segments: [String], from first: Int, replace: (_ segments: [String], _ index: Int) -> String
    ) -> String {
        var text = ""
        for index in segments.indices {
            guard index < segmentsMax else { return text + "/…" }
            text += "/" + (index < first ? segments[index] : replace(segments, index))
        }
        return text
    }

    /// After `sobjects/<name>` stands a record's id, or a field and its value.
    private static func replaceData(_ segments: [String], _ index: Int) -> String {
        if let place = segments.firstIndex(of: "sobjects"), index > place {
            switch index - place {
            case 1: return isName(segments[index]) ? segments[index] : ":name"
            case 2 where index + 1 < segments.count && isName(segments[index]): return segments[index]
            case 2: return isWord(segments[index]) ? segments[index] : ":id"
            case 3 where isWord(segments[index]) && looksLikeID(segments[index - 1]): return segments[index]
            case 3: return ":key"
            case _: return replaceGeneric(segments, index)
            }
        }
        return replaceGeneric(segments, index)
    }

    private static func replaceGeneric(_ segments: [String], _ index: Int) -> String {
        let segment = segments[index]
        return isVersion(segment) || isWord(segment) ? segment : ":id"
    }

    /// `v62.0`, or `62.0` as in Bulk v1.
    private static func isVersion(_ segment: String) -> Bool {
        let digits = segment.hasPrefix("v") ? segment.dropFirst() : segment[...]
        return digits.utf8.count <= 5 && digits.hasSuffix(".0") && digits.dropLast(2).utf8.allSatisfy(isDigit)
    }

    /// Letters, `_` and `-`: what Salesforce itself calls its resources.
    private static func isWord(_ segment: String) -> Bool {
        segment.utf8.count <= segmentBytesMax && !looksLikeID(segment)
            && segment.utf8.allSatisfy { isLetter($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
    }

    /// The API name of an object or a field.
    private static func isName(_ segment: String) -> Bool {
        segment.utf8.count <= segmentBytesMax && segment.utf8.first.map(isLetter) == true && !looksLikeID(segment)
            && segment.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// 15 or 18 letters and digits with a digit among the first three, as all of Salesforce's key prefixes have.
    private static func looksLikeID(_ segment: String) -> Bool {
        let bytes = segment.utf8
        return (bytes.count == 15 || bytes.count == 18) && bytes.allSatisfy { isLetter($0) || isDigit($0) }
            && bytes.prefix(3).contains(where: isDigit)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// The templates of paths that were met lately, found by their bytes.
struct PathTemplates {
    /// 1,024 paths of one event loop, each in the one place where its hash puts it.
    private static let placeCount = 1024

    private struct Place {
        var hash: UInt64 = 0
        var path: [UInt8] = []
        var template = PathTemplate(path: "")
    }

    private var places = Array(repeating: Place(), count: placeCount)

    /// The template of the path that begins a target.
    mutating func template(of target: Span<UInt8>) -> PathTemplate {
        // FNV-1a, 64 bits: a match is verified.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var end = 0
        while end < target.count, target[end] != UInt8(ascii: "?") {
            hash = (hash ^ UInt64(target[end])) &* 0x100_0000_01B3
            end += 1
        }
        let index = Int(truncatingIfNeeded: (hash ^ hash >> 32) % UInt64(Self.placeCount))
        if places[index].hash == hash, Self.isEqual(places[index].path, target, end) {
            return places[index].template
        }
        let path = (0..<end).map { target[$0] }
        let template = PathTemplate(path: String(decoding: path, as: UTF8.self))
        places[index] = Place(hash: hash, path: path, template: template)
        return template
    }

    private static func isEqual(_ path: [UInt8], _ target: Span<UInt8>, _ count: Int) -> Bool {
        guard path.count == count else { return false }
        for index in 0..<count where path[index] != target[index] { return false }
        return true
    }
}
