import NIOCore
import Testing
import Wire

/// The end of a head that trickles in.
@Suite struct HeadEndFinderTests {
    private func firstFound(_ text: String, step: Int, max: Int = 32 * 1024) -> Int? {
        var finder = HeadEndFinder(headBytesMax: max)
        var pending = buffer("")
        let bytes = text.latin1
        for start in stride(from: 0, to: bytes.count, by: step) {
            pending.writeBytes(bytes[start..<min(start + step, bytes.count)])
            if finder.isComplete(pending) { return pending.readableBytes }
        }
        return nil
    }

    /// However a head is cut up, it is found when its last byte has come, and not before.
    @Test(arguments: 1...24) func findsTheEmptyLine(step: Int) {
        for head in ["\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /abc HTTP/1.1\r\n\r\n"] {
            let found = firstFound(head + String(repeating: "x", count: 100), step: step)
            let pieces = (head.utf8.count + step - 1) / step
            #expect(found == pieces * step)
        }
    }

    /// A line feed that no head may hold is worth a scan at once.
    @Test(arguments: ["\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n"]) func findsBareLineFeeds(text: String) {
        #expect(firstFound(text + "more", step: 1) == text.utf8.count)
    }

    /// So is what has become too large.
    @Test func findsTooMuch() {
        #expect(firstFound(String(repeating: "a\r\n", count: 100), step: 1, max: 100) == 100)
        #expect(firstFound(String(repeating: "a\r\n", count: 33), step: 1, max: 100) == nil)
    }
}
