/// Why a head is refused: one case a rule. Carries and describes none of its bytes.
public enum HeadProblem: Error, Sendable, Hashable, CaseIterable {
    case headTooLarge
    case tooManyFields
    case tooManyConnectionOptions
    case targetTooLong

    case bareCarriageReturn
    case bareLineFeed

    case methodMalformed
    case requestLineMalformed
    case targetMalformed
    case versionMalformed
    case versionUnsupported
    case statusLineMalformed

    case foldedLine
    case fieldNameMalformed
    case fieldValueMalformed

    case hostRepeated
    case framingNameAmbiguous
    case contentLengthMalformed
    case contentLengthRepeated
    case transferEncodingUnsupported
    case transferEncodingRepeated
    case transferEncodingInHTTP10
    case contentLengthWithTransferEncoding

    /// The status of the answer to such a request. An answer with a malformed head is the upstream's fault: 502.
    public var status: Int {
        switch self {
        case .targetTooLong: 414
        case .headTooLarge, .tooManyFields, .tooManyConnectionOptions: 431
        case .versionUnsupported: 505
        case .bareCarriageReturn, .bareLineFeed, .methodMalformed, .requestLineMalformed, .targetMalformed,
            .versionMalformed, .statusLineMalformed, .foldedLine, .fieldNameMalformed, .fieldValueMalformed,
            .hostRepeated, .framingNameAmbiguous, .contentLengthMalformed, .contentLengthRepeated,
            .transferEncodingUnsupported, .transferEncodingRepeated, .transferEncodingInHTTP10,
            .contentLengthWithTransferEncoding:
            400
        }
    }
}

extension HeadProblem: CustomStringConvertible {
    /// A sentence that tells a client's author which rule it was.
    public var description: String {
        switch self {
        case .headTooLarge: "The header section is too large."
        case .tooManyFields: "There are too many header lines."
        case .tooManyConnectionOptions: "Connection names too many headers."
        case .targetTooLong: "The request target is too long."
        case .bareCarriageReturn: "A carriage return is not followed by a line feed."
        case .bareLineFeed: "A line feed does not follow a carriage return."
        case .methodMalformed: "The method is not a token of at most 32 characters."
        case .requestLineMalformed: "The request line is not a method, a target and a version with one space between."
        case .targetMalformed: "The request target contains a character that must be percent-encoded."
        case .versionMalformed: "The version is not HTTP/1.1."
        case .versionUnsupported: "Only HTTP/1.1 and HTTP/1.0 are supported here."
        case .statusLineMalformed: "The status line is not a version, a status from 100 to 599 and a reason."
        case .foldedLine: "A header line begins with white space."
        case .fieldNameMalformed: "A header's name is not a token directly followed by a colon."
        case .fieldValueMalformed: "A header's value contains a control character."
        case .hostRepeated: "There is more than one Host header."
        case .framingNameAmbiguous: "A header's name can be mistaken for one that frames the message."
        case .contentLengthMalformed: "Content-Length is not a number of 1 to 15 digits."
        case .contentLengthRepeated: "There is more than one Content-Length."
        case .transferEncodingUnsupported: "Transfer-Encoding is not exactly chunked."
        case .transferEncodingRepeated: "There is more than one Transfer-Encoding."
        case .transferEncodingInHTTP10: "Transfer-Encoding is not part of HTTP/1.0."
        case .contentLengthWithTransferEncoding: "Content-Length and Transfer-Encoding exclude each other."
        }
    }
}
