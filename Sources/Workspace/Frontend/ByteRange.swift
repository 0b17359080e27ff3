/// The one part of a file that `Range` asks for (RFC 9110 §14).
enum ByteRange: Sendable, Hashable {
    /// The whole file: no range, one that is no range of bytes, or several, which a server may answer so.
    case whole
    /// These bytes.
    case part(Range<Int>)
    /// None of the bytes that there are.
    case unsatisfiable

    /// Reads a `Range` field's value for a file of a length.
    init(_ value: String?, length: Int) {
        guard let value, value.utf8.count <= 64, value.lowercased().hasPrefix("bytes=") else {
            self = .whole
            return
        }
        let set = value.dropFirst("bytes=".count).filter { !$0.isWhitespace }
        let ends = set.split(separator: "-", omittingEmptySubsequences: false)
        guard !set.contains(","), ends.count == 2, ends.allSatisfy({ $0.allSatisfy { ("0"..."9").contains($0) } })
        else {
            self = .whole
            return
        }
        // Numbers too large to read are beyond any file's end.
        let (first, last) = (Self.number(ends[0]), Self.number(ends[1]))
        switch (first, last) {
        case (nil, nil):
            self = .whole
        case (nil, let suffix?):
            // The last so many bytes.
            self = suffix == 0 || length == 0 ? .unsatisfiable : .part(max(0, length - suffix)..<length)
        case (let first?, let last):
            guard last.map({ $0 >= first }) ?? true else {
                self = .whole
                return
            }
            self = first >= length ? .unsatisfiable : .part(first..<min(length, (last ?? length - 1).addingOne))
        }
    }

    /// `nil` where there are no digits.
    private static func number(_ digits: Substring) -> Int? {
        digits.isEmpty ? nil : Int(digits) ?? .max
    }
}

extension Int {
    /// One more, or as much as there is.
    fileprivate var addingOne: Int { self == .max ? .max : self + 1 }
}
