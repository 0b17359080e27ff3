import Foundation

/// An answer that a client got.
struct Answer: Equatable, Sendable {
    static let seenHeader = "X-Seen"

    let status: Int
    /// What the upstream took the request for, as `METHOD target`; `nil` where the answer isn't the upstream's.
    let seen: String?

    /// The final answers among bytes; those without their end are left out.
    ///
    /// - Parameters:
    ///   - isHead: the first answer is to HEAD.
    ///   - isOver: nothing more comes, so a body without a length is whole.
    static func read(_ bytes: [UInt8], isHead: Bool, isOver: Bool) -> [Answer] {
        var answers: [Answer] = []
        var rest = bytes[...]
        while let headEnd = rest.firstRange(of: "\r\n\r\n".utf8) {
            let lines = Byte.text(rest[..<headEnd.lowerBound]).components(separatedBy: "\r\n")
            rest = rest[headEnd.upperBound...]
            let words = lines[0].split(separator: " ")
            guard words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { break }
            if (100..<200).contains(status) { continue }
            let value: (String) -> String? = { name in
                lines.dropFirst().first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                    .map { Byte.text(Byte.trim(Array($0.utf8.dropFirst(name.utf8.count + 1))[...])) }
            }
            let seen = value(seenHeader)
            let isBodiless = isHead && answers.isEmpty && (rest.isEmpty || rest.starts(with: "HTTP/1.".utf8))
            if seen == nil, !isBodiless {
                guard let after = bodyEnd(rest, coding: value("Transfer-Encoding"), length: value("Content-Length"))
                else {
                    if isOver { answers.append(Answer(status: status, seen: nil)) }
                    break
                }
                rest = rest[after...]
            }
            answers.append(Answer(status: status, seen: seen))
        }
        return answers
    }

    private static func bodyEnd(_ bytes: ArraySlice<UInt8>, coding: String?, length: String?) -> Int? {
        if coding != nil { return bytes.firstRange(of: "0\r\n\r\n".utf8)?.upperBound }
        guard let length = length.flatMap({ Int($0) }), length <= bytes.count else { return nil }
        return bytes.startIndex + length
    }
}
