import Testing

/// The readers that judge a forwarding proxy: they must see what they are there to see.
struct ReaderTests {
    private static func reading(_ text: String, _ who: String) throws -> Reading {
        let who = try #require(Personality.all.first { $0.name == who })
        return LenientReader.read(text.wire, as: who)
    }

    /// All readers read a sound request alike.
    @Test(arguments: [
        Wire.request(), Wire.post(["Content-Length: 5"], body: "hello"), Wire.chunked("5\r\nhello\r\n0\r\n\r\n"),
        Wire.request() + Wire.post(["Content-Length: 5"], body: "hello") + Wire.request(),
    ])
    func allAgreeOnSoundRequests(text: String) {
        let strict = StrictReader.read(text.wire)
        #expect(strict.rest == .nothing)
        #expect(!strict.requests.isEmpty)
        for who in Personality.all {
            let lenient = LenientReader.read(text.wire, as: who)
            #expect(lenient.requests == strict.requests, "\(who.name)")
            #expect(lenient.rest == .nothing, "\(who.name)")
        }
    }

    /// Half a request is half a request to all.
    @Test(arguments: [
        "GET", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ])
    func halvesAreIncomplete(text: String) {
        #expect(StrictReader.read(text.wire).rest == .incomplete)
        for who in Personality.all {
            #expect(LenientReader.read(text.wire, as: who).rest == .incomplete, "\(who.name)")
        }
    }

    /// Each reader is of use: it reads some vector otherwise than the first one.
    @Test(arguments: Personality.all.dropFirst().map(\.name)) func everyReaderDiffers(name: String) throws {
        let who = try #require(Personality.all.first { $0.name == name })
        let differing = Family.all.flatMap(\.vectors).first { vector in
            let bytes = vector.pieces.reduce([], +) + Wire.follower(Wire.marker)
            return LenientReader.read(bytes, as: who) != LenientReader.read(bytes, as: Personality.all[0])
        }
        #expect(differing != nil)
    }

    /// The classic: two readers, two lengths, one request more.
    @Test func lengthAgainstCoding() throws {
        let text = Wire.post(
            ["Content-Length: \(5 + Wire.smuggled.utf8.count)", "Transfer-Encoding: chunked"],
            body: "0\r\n\r\n" + Wire.smuggled)
        #expect(
            try Self.reading(text, "length before coding").requests.map(\.body.count) == [5 + Wire.smuggled.utf8.count])
        #expect(
            try Self.reading(text, "bare LF").requests.map(\.target) == [Wire.path, "/services/data/v62.0/smuggled"])
        #expect(StrictReader.read(text.wire).rest != .nothing)
    }

    /// Refused though all readers here would read them alike: no origin server is asked for such targets, tabs around a
    /// length are nothing that a sender of ours has, and a `Host` frames nothing.
    private static let refusedInCaution: Set<String> = [
        "length-tabs-around", "coding-blanks-around", "target-authority-form", "target-connect", "target-no-slash",
        "target-question-mark", "host-userinfo", "host-userinfo-own", "host-path", "host-query", "host-fragment",
        "host-comma", "host-space", "host-tab", "host-backslash", "host-scheme", "host-port-words", "host-two-ports",
        "host-non-ASCII", "host-quoted",
    ]

    /// A proxy that passes everything on is found out at every vector that must be refused for what it looks like.
    @Test func aTransparentProxyIsFoundOut() {
        for family in Family.all where family.title != Family.limits.title {
            for vector in family.vectors {
                switch vector.expectation {
                case .refused, .aborted: break
                case .answered, .forwarded, .refusedOrForwarded: continue
                }
                guard !vector.endsSending, !Self.refusedInCaution.contains(vector.name) else { continue }
                let bytes = vector.pieces.reduce([], +) + Wire.follower(Wire.marker)
                let seen = Upstream([RecordingUpstream.Slice(connection: 0, bytes: bytes)], identity: nil)
                #expect(!seen.problems.isEmpty || seen.hasHalf || seen.requests.count != 1, "\(vector.name)")
            }
        }
    }
}
