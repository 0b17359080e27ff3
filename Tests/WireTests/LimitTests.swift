import Testing
import Wire

/// What is exactly at a limit passes; one more does not, with the status that says why.
@Suite struct LimitTests {
    private func status(_ scan: HeadScan<RequestHead>) -> Int? { problem(scan)?.status }

    /// 414: the target.
    @Test func targetBytes() {
        var limits = HeadLimits()
        limits.targetBytesMax = 20
        let most = "/" + String(repeating: "a", count: 19)
        #expect(problem(scanRequest("GET \(most) HTTP/1.1\r\n\r\n", limits)) == nil)
        #expect(status(scanRequest("GET \(most)a HTTP/1.1\r\n\r\n", limits)) == 414)
        // It is known before the line has ended, and whatever comes behind.
        #expect(isIncomplete(scanRequest("GET \(most)", limits)))
        #expect(status(scanRequest("GET \(most)a", limits)) == 414)
        #expect(status(scanRequest("GET \(most)aa#", limits)) == 414)
    }

    /// 400: the method, 32 bytes.
    @Test func methodBytes() {
        let most = String(repeating: "M", count: 32)
        #expect(readRequest("\(most) / HTTP/1.1\r\n\r\n")?.method == most)
        #expect(status(scanRequest("\(most)M")) == 400)
    }

    /// 431: header lines.
    @Test func fields() {
        var limits = HeadLimits()
        limits.fieldsMax = 3
        let most = "GET / HTTP/1.1\r\nA: 1\r\nB: 1\r\nC: 1\r\n"
        #expect(problem(scanRequest(most + "\r\n", limits)) == nil)
        #expect(isIncomplete(scanRequest(most, limits)))
        #expect(status(scanRequest(most + "D", limits)) == 431)
        #expect(problem(scanRequest(most + "D: 1\r\n\r\n", limits)) == .tooManyFields)
    }

    /// 431: all of the head, with its last CRLF. What lies behind does not count.
    @Test func headBytes() {
        let text = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
        var limits = HeadLimits()
        limits.headBytesMax = text.utf8.count
        #expect(problem(scanRequest(text + "body", limits)) == nil)
        #expect(isIncomplete(scanRequest(String(text.unicodeScalars.dropLast()), limits)))
        limits.headBytesMax -= 1
        #expect(status(scanRequest(text, limits)) == 431)
        // So many bytes can't become a head within the limit.
        #expect(problem(scanRequest(String(text.unicodeScalars.dropLast()), limits)) == .headTooLarge)
    }

    /// 431: the default limits, in a head of one long line.
    @Test func defaultHeadBytes() {
        let frame = "GET / HTTP/1.1\r\nA: \r\n\r\n"
        let room = HeadLimits().headBytesMax - frame.utf8.count
        let most = "GET / HTTP/1.1\r\nA: " + String(repeating: "a", count: room)
        #expect(readRequest(most + "\r\n\r\n")?.byteCount == 32 * 1024)
        #expect(status(scanRequest(most + "a\r\n\r\n")) == 431)
    }

    /// 431: names in Connection.
    @Test func connectionOptions() {
        let most = (1...32).map { "x\($0)" }.joined(separator: ",")
        #expect(readRequest("GET / HTTP/1.1\r\nConnection: \(most), close\r\n\r\n")?.keepsAlive == false)
        #expect(status(scanRequest("GET / HTTP/1.1\r\nConnection: \(most)\r\nConnection: y\r\n\r\n")) == 431)
    }

    /// 505: the version. Everything else is a 400.
    @Test func statusesOfProblems() {
        for problem in HeadProblem.allCases {
            switch problem {
            case .targetTooLong: #expect(problem.status == 414)
            case .headTooLarge, .tooManyFields, .tooManyConnectionOptions: #expect(problem.status == 431)
            case .versionUnsupported: #expect(problem.status == 505)
            default: #expect(problem.status == 400)
            }
        }
        #expect(Set(HeadProblem.allCases.map(\.description)).count == HeadProblem.allCases.count)
    }
}
