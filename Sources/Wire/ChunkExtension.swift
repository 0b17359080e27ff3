/// Where in a chunk extension the next byte stands: `;name`, `;name=token` or `;name="quoted"` (RFC 9112 §7.1.1).
///
/// The white space that the grammar allows for bad old senders is refused: parsers differ in it.
enum ChunkExtension: Sendable {
    case nameStart, name, valueStart, token, quoted, quotedPair, quotedEnd

    /// Whether the size line may end here.
    var mayEnd: Bool {
        switch self {
        case .name, .token, .quotedEnd: true
        case .nameStart, .valueStart, .quoted, .quotedPair: false
        }
    }

    /// Where the byte behind `byte` stands; `nil` where `byte` may not stand here.
    func next(_ byte: UInt8) -> ChunkExtension? {
        switch self {
        case .nameStart:
            return byte.isToken ? .name : nil
        case .name:
            if byte == UInt8(ascii: "=") { return .valueStart }
            return byte == .semicolon ? .nameStart : byte.isToken ? .name : nil
        case .valueStart:
            return byte == UInt8(ascii: "\"") ? .quoted : byte.isToken ? .token : nil
        case .token:
            return byte == .semicolon ? .nameStart : byte.isToken ? .token : nil
        case .quoted:
            if byte == UInt8(ascii: "\"") { return .quotedEnd }
            if byte == UInt8(ascii: "\\") { return .quotedPair }
            return byte.isFieldValue ? .quoted : nil
        case .quotedPair:
            return byte.isFieldValue ? .quoted : nil
        case .quotedEnd:
            return byte == .semicolon ? .nameStart : nil
        }
    }
}
