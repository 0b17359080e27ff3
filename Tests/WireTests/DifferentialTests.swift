import Testing

/// Wire against NIO's parser, and against itself on pieces, on random messages.
@Suite struct DifferentialTests {
    /// What both accept, both read alike.
    @Test(arguments: Direction.allCases) func agreesWithNIO(_ direction: Direction) {
        var generator = Generator(seed: 1)
        for _ in 0..<5_000 {
            let bytes = generator.messages(direction)
            if let found = Differential.disagreement(bytes, direction) {
                Issue.record("\(found)\nin \(bytes.latin1.debugDescription)")
                return
            }
        }
    }

    /// The generator makes messages that are accepted as well as ones that are not.
    @Test(arguments: Direction.allCases) func messagesAreOfBothKinds(_ direction: Direction) {
        var generator = Generator(seed: 1)
        let readings = (0..<1_000).map { _ in WireReader.read(generator.messages(direction), direction) }
        #expect(readings.count { $0.refusal != nil } > 100)
        #expect(readings.count { $0.refusal == nil && $0.messages.contains(where: \.isComplete) } > 100)
        #expect(readings.contains { $0.messages.count > 2 })
    }

    /// Messages that come byte by byte, or in two pieces, are read as those that come at once.
    @Test(arguments: Direction.allCases) func piecesReadAsTheWhole(_ direction: Direction) {
        var generator = Generator(seed: 2)
        for _ in 0..<60 {
            let bytes = generator.messages(direction)
            let cuts = [Array(bytes.indices)] + bytes.indices.map { [$0] }
            for cut in cuts {
                if let found = Differential.disagreement(bytes, direction, splitAt: cut) {
                    Issue.record("\(found)\nin \(bytes.latin1.debugDescription)")
                    return
                }
            }
        }
    }
}

/// Random messages, most of them nearly right. The same seed makes the same ones.
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    private mutating func one(_ choices: [String]) -> String {
        choices[Int.random(in: 0..<choices.count, using: &self)]
    }

    /// One to three messages; a third of them with a byte changed, dropped or added.
    mutating func messages(_ direction: Direction) -> [UInt8] {
        var text = chance(10) ? "\r\n" : ""
        for _ in 0..<Int.random(in: 1...3, using: &self) { text += message(direction) }
        var bytes = text.latin1
        guard chance(30) else { return bytes }
        let odd: [UInt8] = [0, 9, 10, 13, 32, 35, 44, 45, 48, 58, 59, 95, 127, 128, 255]
        for _ in 0..<Int.random(in: 1...2, using: &self) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &self)
            let byte = odd[Int.random(in: 0..<odd.count, using: &self)]
            switch Int.random(in: 0..<3, using: &self) {
            case 0: bytes[position] = byte
            case 1: bytes.remove(at: position)
            default: bytes.insert(byte, at: position)
            }
        }
        return bytes
    }

    private mutating func message(_ direction: Direction) -> String {
        let version = chance(92) ? "HTTP/1.1" : one(["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 "])
        var text =
            switch direction {
            case .requests:
                one(["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "M-SEARCH", "LINK", "get"]) + " "
                    + one(["/", "/services/data?q=a+b", "*", "http://a.example/x", "/a|b^c\"", "/~"])
                    + " " + version
            case .answers:
                version + " "
                    + one(["200 OK", "200", "200 ", "404 Not \u{e9}", "204 No", "304 x", "100 Go", "500 a\tb"])
            }
        text += "\r\n"
        for _ in 0..<Int.random(in: 0...5, using: &self) { text += field() + "\r\n" }
        switch Int.random(in: 0..<4, using: &self) {
        case 0:
            return text + "\r\n"
        case 1:
            let body = one(["", "x", "hello\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"])
            let count = chance(95) ? "\(body.utf8.count)" : one(["+1", "1,1", "0x1", "00000000001", "", "1 ", "-1"])
            return text + one(["Content-Length", "content-length", "CONTENT-LENGTH"]) + ": \(count)\r\n\r\n\(body)"
        default:
            let coding =
                chance(95) ? one(["chunked", "Chunked"]) : one(["gzip, chunked", "identity", "chunked,", "x"])
            return text + one(["Transfer-Encoding", "transfer-encoding"]) + ": \(coding)\r\n\r\n" + chunks()
        }
    }

    private mutating func field() -> String {
        guard chance(10) else {
            let name = one([
                "Host", "X-A", "Connection", "Expect", "Cookie", "If-Modified-Since", "X-Long-Header-Name9",
            ])
            let value = one([
                "a.example", "keep-alive", "close", "", "keep-alive , te", "100-continue", "\u{e9}\u{ff}", "a\tb",
                "0123456789abcdef0123456789abcdef", "\u{c3}\u{a9}",
            ])
            return name + one([":", ": ", ":  ", ":\t"]) + value + one(["", "", " ", "\t "])
        }
        return one([
            "Content_Length: 1", "Transfer.Encoding: chunked", "Upgrade: x", ": x", "A : x", "A: b\r\n c", "A",
            "x_b: 1",
            "Connection: close, keep-alive", "Connection: ,,", "Transfer-Encoding: chunked", "Content-Length: 3",
        ])
    }

    private mutating func chunks() -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...3, using: &self) {
            let data = one(["a", "hello world", "0\r\n\r\n", "0123456789abcdef0"])
            let size =
                chance(50) ? String(data.utf8.count, radix: 16) : "0" + String(data.utf8.count, radix: 16).uppercased()
            text += size + (chance(95) ? "" : one([";a=b", ";", " ", ";a=\"b\"", ";\n"])) + "\r\n" + data + "\r\n"
        }
        return text + "0\r\n" + (chance(95) ? "" : one(["A: b\r\n", "A b\r\n", "A:\r\n", " A: b\r\n"])) + "\r\n"
    }
}
