import CFuzzer
import Wire

/// libFuzzer on whatever reads bytes in `Wire`. A disagreement ends the process, and libFuzzer keeps the input in a file.
///
/// An input's first byte says what the rest is: `A` answers, `C` a chunked body, anything else requests.
@main
enum WireFuzz {
    static func main() {
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        _ = LLVMFuzzerRunDriver(&count, &arguments) { start, count in
            let bytes = Array(UnsafeBufferPointer(start: start, count: count))
            if let first = bytes.first, let found = disagreement(kind: first, Array(bytes.dropFirst())) {
                // Invariant: both ways of reading the same bytes agree.
                fatalError("\(found)\nin \(bytes.latin1.debugDescription)")
            }
            return 0
        }
    }
}

private func disagreement(kind: UInt8, _ bytes: [UInt8]) -> String? {
    let cuts = cuts(bytes)
    switch kind {
    case UInt8(ascii: "A"):
        return Differential.disagreement(bytes, .answers)
            ?? Differential.disagreement(bytes, .answers, splitAt: cuts)
    case UInt8(ascii: "C"):
        return Differential.chunkedDisagreement(bytes, splitAt: cuts)
    default:
        return Differential.disagreement(bytes, .requests)
            ?? Differential.disagreement(bytes, .requests, splitAt: cuts)
    }
}

/// Where to split: up to three places that depend on the bytes (FNV-1a), or everywhere.
private func cuts(_ bytes: [UInt8]) -> [Int] {
    guard bytes.count > 1 else { return [] }
    let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    guard hash % 16 > 0 else { return Array(bytes.indices) }
    return [hash >> 8, hash >> 24, hash >> 40].map { Int($0 & 0xFFFF) % bytes.count }.sorted()
}
