/// ASCII characters, one bit each.
struct ByteSet: Sendable {
    let below64: UInt64
    let from64: UInt64

    /// Visible ASCII without what a path may be split, cut or decoded at: ``#%./;?\``.
    static let plainSegment = ByteSet(below64: 0x77FF_3FD6_0000_0000, from64: 0x7FFF_FFFF_EFFF_FFFF)
    /// Visible ASCII without what ends a query's value or may be read so: `#`, `&`, `;`.
    static let plainValue = ByteSet(below64: 0xF7FF_FFB6_0000_0000, from64: 0x7FFF_FFFF_FFFF_FFFF)
    /// Unreserved characters, sub-delimiters and `%`: what a host's name is made of (RFC 3986 §3.2.2).
    static let registeredName = ByteSet(below64: 0x2BFF_7FF2_0000_0000, from64: 0x47FF_FFFE_87FF_FFFE)

    func contains(_ byte: UInt8) -> Bool {
        byte < 128 && ((byte < 64 ? below64 : from64) >> UInt64(byte & 63)) & 1 == 1
    }
}
