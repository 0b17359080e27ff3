internal import CCrypt

/// libxcrypt's bcrypt. The one place of this room that has pointers.
enum Bcrypt {
    /// 16 bytes of salt.
    static let saltByteCount = 16
    /// 64 bytes hold the settings of any method that we use.
    private static let settingByteCountMax = 64

    /// `$2b$`, cost and salt, as a hash begins.
    static func setting(cost: UInt, salt: [UInt8]) -> String? {
        guard salt.count == saltByteCount else { return nil }
        var output = [CChar](repeating: 0, count: settingByteCountMax)
        // SAFETY: all three buffers live during the call; libxcrypt reads `salt.count` bytes and writes at most
        // `output.count`, with a NUL at the end, or returns NULL.
        let isMade = salt.withUnsafeBytes { salt in
            crypt_gensalt_rn(
                "$2b$", cost, salt.bindMemory(to: CChar.self).baseAddress, Int32(salt.count), &output,
                Int32(settingByteCountMax)) != nil
        }
        return isMade ? text(output) : nil
    }

    /// The hash of a password with the method, cost and salt of `setting`, which may be a whole hash.
    ///
    /// Takes about 60 ms at cost 10. Wipes what it needed of the password and of the scratch area.
    static func hash(_ password: [UInt8], setting: String) -> String? {
        // The terminator that C wants; the caller has seen to it that there is no other NUL.
        var phrase: [CChar] = []
        // At its full size from the start: growing would leave copies behind.
        phrase.reserveCapacity(password.count + 1)
        for byte in password { phrase.append(CChar(bitPattern: byte)) }
        phrase.append(0)
        let scratchSize = formation_crypt_scratch_size()
        let scratch = UnsafeMutableRawPointer.allocate(
            byteCount: scratchSize, alignment: MemoryLayout<UInt64>.alignment)
        scratch.initializeMemory(as: UInt8.self, repeating: 0, count: scratchSize)
        defer {
            // SAFETY: both areas are still allocated and of these sizes.
            formation_wipe(scratch, scratchSize)
            scratch.deallocate()
            phrase.withUnsafeMutableBytes { formation_wipe($0.baseAddress, $0.count) }
        }
        // SAFETY: `phrase` and `setting` end with a NUL and live during the call; the result points into `scratch`,
        // ends with a NUL, and is copied before `scratch` goes.
        guard let result = crypt_rn(phrase, setting, scratch, Int32(scratchSize)) else { return nil }
        return String(cString: result)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Overwrites bytes that are no longer needed. Copies made elsewhere stay; it shortens lives, no more.
func wipe(_ bytes: inout [UInt8]) {
    // SAFETY: the buffer is the array's own, of this size, during the call.
    bytes.withUnsafeMutableBytes { formation_wipe($0.baseAddress, $0.count) }
}
