internal import NIOCore

/// What was sent of a request's body, kept within bounds so that it can be sent again.
struct KeptUpload {
    /// In order; empty once the body is longer than what is kept.
    private(set) var slices: [ByteBuffer] = []
    /// Whether everything that was sent is kept.
    private(set) var isWhole = true
    private var byteCount = 0
    private var limit = 0

    /// A slice holds its whole receive buffer: one that is smaller than a quarter of it is copied.
    private static let storageShare = 4

    mutating func keep(_ slice: ByteBuffer, state: LoopState) {
        guard isWhole else { return }
        let count = slice.readableBytes
        guard byteCount + count <= limit, state.keepBytes(count) else { return drop(state) }
        byteCount += count
        if slice.storageCapacity > max(count, 512) * Self.storageShare {
            slices.append(ByteBuffer(bytes: slice.readableBytesView))
        } else {
            slices.append(slice)
        }
    }

    /// Keeps nothing, for the next request.
    mutating func reset(limit: Int, state: LoopState) {
        if byteCount > 0 { drop(state) }
        isWhole = true
        self.limit = limit
    }

    private mutating func drop(_ state: LoopState) {
        state.keepBytes(-byteCount)
        byteCount = 0
        slices.removeAll(keepingCapacity: false)
        isWhole = false
    }
}
