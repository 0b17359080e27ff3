internal import CZlib

/// Inflates gzip, zlib and raw deflate data with zlib, within a bound. The one place of this room that has pointers.
enum Inflate {
    /// 15 bits of window and +32: zlib finds out whether the data is gzip or zlib.
    private static let automatic: Int32 = 15 + 32
    /// Some servers send bare deflate data under `deflate`, which RFC 9110 §8.4.1.2 says is zlib's format.
    private static let raw: Int32 = -15

    /// The whole of the inflated data; `nil` where it is damaged, cut short, followed by more, or beyond the bound.
    static func whole(_ data: [UInt8], byteCountMax: Int) -> [UInt8]? {
        inflate(data, windowBits: automatic, byteCountMax: byteCountMax)
            ?? inflate(data, windowBits: raw, byteCountMax: byteCountMax)
    }

    private static func inflate(_ data: [UInt8], windowBits: Int32, byteCountMax: Int) -> [UInt8]? {
        var stream = z_stream()
        guard formation_inflate_init(&stream, windowBits) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        var input = data
        // One byte more than allowed tells "exactly the bound" from "beyond it".
        return input.withUnsafeMutableBufferPointer { input -> [UInt8]? in
            var isWhole = false
            let output = [UInt8](unsafeUninitializedCapacity: byteCountMax + 1) { buffer, count in
                // SAFETY: zlib reads `avail_in` bytes at `next_in` and writes `avail_out` bytes at `next_out`; both
                // buffers outlive the one call, and zlib says in `avail_out` how much of the output it has written.
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(buffer.count)
                let result = CZlib.inflate(&stream, Z_FINISH)
                count = buffer.count - Int(stream.avail_out)
                isWhole = result == Z_STREAM_END && stream.avail_in == 0 && count <= byteCountMax
            }
            return isWhole ? output : nil
        }
    }
}
