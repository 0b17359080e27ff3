import Testing
import Wire

/// What a request's head says.
@Suite struct RequestHeadTests {
    /// A plain request: all its parts are where they stand.
    @Test func partsOfARequest() {
        let text =
            "POST /services/data/v62.0/sobjects?x=1 HTTP/1.1\r\nHost: a.example\r\nX-One:  a b\t \r\nX-Two:\r\n"
            + "Content-Length: 12\r\n\r\nbody"
        #expect(
            readRequest(text)
                == RequestReading(
                    byteCount: text.utf8.count - 4, method: "POST", target: "/services/data/v62.0/sobjects?x=1",
                    fields: ["Host: a.example", "X-One: a b", "X-Two: ", "Content-Length: 12"], framing: .length(12),
                    host: "a.example"))
    }
}
