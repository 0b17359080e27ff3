public import NIOCore

/// Finds the end of a head that arrives piece by piece, looking at each byte once.
///
/// For a head that a scan found incomplete: while this says no, another scan would find it incomplete still, or refuse
/// it sooner than this does.
public struct HeadEndFinder: Sendable {
    private let headBytesMax: Int
    /// Everything before lies behind.
    private var lookedAt = 0

    /// - Parameter headBytesMax: the scanner's limit; so many bytes are worth a scan whatever they are.
    public init(headBytesMax: Int = HeadLimits().headBytesMax) {
        self.headBytesMax = headBytesMax
    }

    /// Whether a scan is worth its while: an empty line has arrived, a line feed that no head may hold, or too much.
    ///
    /// `buffer` has the same reader index at each call, and more bytes behind those that it had.
    public mutating func isComplete(_ buffer: ByteBuffer) -> Bool {
        let bytes = buffer.readableBytesSpan
        while lookedAt < bytes.byteCount {
            let found = bytes.word(lookedAt).lineFeeds
            guard found != 0 else {
                lookedAt = min(lookedAt + 8, bytes.byteCount)
                continue
            }
            let lineFeed = lookedAt + found.firstByteFound
            guard lineFeed > 0, bytes.byte(lineFeed - 1) == .carriageReturn else { return true }
            if lineFeed > 2, bytes.byte(lineFeed - 2) == .lineFeed { return true }
            lookedAt = lineFeed + 1
        }
        return bytes.byteCount >= headBytesMax
    }
}
