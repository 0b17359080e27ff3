/// Why chunked framing is refused: one case a rule. Carries and describes none of its bytes.
public enum ChunkProblem: Error, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case sizeMalformed
    case dataTooLong
    case bareCarriageReturn
    case bareLineFeed
    case extensionMalformed
    case extensionsTooLarge
    case trailerMalformed
    case trailersTooLarge

    /// A sentence that tells the sender's author which rule it was.
    public var description: String {
        switch self {
        case .sizeMalformed: "A chunk's size is not 1 to 15 hexadecimal digits."
        case .dataTooLong: "A chunk's data is not followed by CRLF where its size says so."
        case .bareCarriageReturn: "A carriage return in chunked framing is not followed by a line feed."
        case .bareLineFeed: "A line feed in chunked framing does not follow a carriage return."
        case .extensionMalformed: "A chunk extension is not a name with or without a value."
        case .extensionsTooLarge: "Chunk extensions are larger than 16 KiB."
        case .trailerMalformed: "A trailer is not a header line, or one that frames messages."
        case .trailersTooLarge: "Trailers are larger than 16 KiB."
        }
    }
}
