import GatewayTesting
import Testing

/// Where messages begin and end on both sides.
@Suite(.timeLimit(.minutes(5))) struct FramingTests {
    private static let path = "/services/data/v62.0/x"

    /// An answer without a stated length is chunked on, and its connection used again.
    @Test func chunkedStaysChunked() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            for _ in 0..<2 { try await client.send(world.request("GET", Self.path)) }
            let salesforce = try await world.upstream.accept()
            for number in 0..<2 {
                _ = try await salesforce.readRequest()
                try await salesforce.send(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\n\(number)\r\n0\r\nX-Sum: 1\r\n\r\n"
                )
                let answered = try await client.readResponse()
                #expect(answered["Transfer-Encoding"] == ["chunked"])
                #expect(answered["Content-Length"] == [])
                #expect(answered.text == "abc\(number)")
            }
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// A chunked upload is chunked on, and complete.
    @Test func chunkedUploads() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.request(
                    "POST", Self.path, ["Transfer-Encoding: chunked"],
                    body: "3\r\nabc\r\n2;x\r\nde\r\n0\r\nX: y\r\n\r\n"))
            let salesforce = try await world.upstream.accept()
            let received = try await salesforce.readRequest()
            #expect(received.text == "abcde")
            #expect(received["Transfer-Encoding"] == ["chunked"])
            #expect(received["Content-Length"] == [])
            #expect(received["X"] == [])
            try await salesforce.send("HTTP/1.1 204 No Content\r\n\r\n")
            #expect(try await client.readResponse().status == 204)
        }
    }

    /// A request without a body gets none; a GET gains no framing.
    @Test func noBodyIsNoBody() async throws {
        try await withWorld { world in
            let (get, _) = try await world.exchange(
                world.request("GET", Self.path), answer: "HTTP/1.1 204 No Content\r\n\r\n")
            #expect(get["Transfer-Encoding"] + get["Content-Length"] == [])
            let (post, _) = try await world.exchange(
                world.request("POST", Self.path, ["Content-Length: 0"]), answer: "HTTP/1.1 204 No Content\r\n\r\n")
            #expect(post["Content-Length"] == ["0"])
            #expect(post["Transfer-Encoding"] == [])
        }
    }

    /// Answers without a body leave the connection in step, whatever they say of a length.
    @Test(arguments: [
        ("GET", "204 No Content", ""), ("GET", "304 Not Modified", "ETag: \"x\"\r\n"),
        ("GET", "304 Not Modified", "Content-Length: 100\r\n"), ("HEAD", "200 OK", "Content-Length: 100\r\n"),
        ("HEAD", "200 OK", "Transfer-Encoding: chunked\r\n"), ("HEAD", "404 Not Found", "Content-Length: 5\r\n"),
        ("HEAD", "200 OK", "Content-Length: 0\r\n"), ("HEAD", "204 No Content", ""),
        ("GET", "204 No Content", "Content-Length: 5\r\n"),
        ("GET", "200 OK", "Content-Length: 0\r\n"),
        ("GET", "205 Reset Content", "Content-Length: 0\r\n"),
    ])
    func bodilessAnswers(method: String, status: String, header: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            let salesforce: RawConnection
            try await client.send(world.request(method, Self.path))
            salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().startLine == "\(method) \(Self.path) HTTP/1.1")
            try await salesforce.send("HTTP/1.1 \(status)\r\n\(header)\r\n")
            let answered = try await client.readResponse(toHead: method == "HEAD")
            #expect(answered.startLine == "HTTP/1.1 \(status)")
            if method == "HEAD", header.hasPrefix("Content-Length") {
                #expect("Content-Length: \(answered["Content-Length"].joined())\r\n" == header)
            }
            if method == "HEAD", header.hasPrefix("Transfer") { #expect(answered["Content-Length"] == []) }
            if status.hasPrefix("204") { #expect(answered["Content-Length"] == []) }
            // The next answer begins where it should, on both connections.
            try await client.send(world.request("GET", Self.path + "/next"))
            #expect(try await salesforce.readRequest().target == Self.path + "/next")
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")
            #expect(try await client.readResponse().text == "next")
        }
    }

    /// An answer that ends with its connection is passed on whole.
    @Test func closeDelimitedAnswers() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end")
            await salesforce.close()
            let answered = try await client.readResponse()
            #expect(answered.text == "to the end")
            #expect(answered["Transfer-Encoding"] == ["chunked"])
        }
    }

    /// Pipelined requests are answered in their order, ours between Salesforce's.
    @Test func pipelining() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.request("GET", Self.path + "/1") + world.bare("GET", "/services/oauth2/token")
                    + world.request("POST", Self.path + "/2", ["Content-Length: 3"], body: "two")
                    + world.request("GET", "/services/data/..") + world.request("HEAD", "/services/nothing")
                    + world.request("GET", Self.path + "/3"))
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().target == Self.path + "/1")
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
            #expect(try await client.readResponse().text == "one")
            #expect(try await client.readResponse().status == 404)
            #expect(try await salesforce.readRequest().text == "two")
            try await salesforce.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n")
            #expect(try await client.readResponse().text == "two")
            #expect(try await client.readResponse().status == 400)
            #expect(try await client.readResponse(toHead: true).status == 404)
            #expect(try await salesforce.readRequest().target == Self.path + "/3")
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthree")
            #expect(try await client.readResponse().text == "three")
        }
    }

    /// Provisional answers are not passed on, and the one that counts is.
    @Test func provisionalAnswers() async throws {
        try await withWorld { world in
            let (_, answered) = try await world.exchange(
                world.request("GET", Self.path),
                answer: "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(answered.startLine == "HTTP/1.1 200 OK")
            #expect(answered["Link"] == [])
            #expect(answered.text == "ok")
        }
    }

    /// A client that waits for `100 Continue` is told to go on, once the call is allowed.
    @Test func expectContinue() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            let headers = ["Expect: 100-continue", "Content-Length: 4"]
            try await client.send(world.request("POST", Self.path, headers))
            #expect(try await client.readHead().startLine == "HTTP/1.1 100 Continue")
            try await client.send("body")
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().text == "body")
            try await salesforce.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.readResponse().status == 201)
            // One that is refused is told so, before it has sent anything.
            let stranger = try await world.connect()
            try await stranger.send(world.bare("POST", Self.path, headers))
            #expect(try await stranger.readHead().status == 401)
        }
    }

    /// Bodies in another transfer coding can't be framed anew, and are refused.
    @Test(arguments: ["gzip, chunked", "identity", "chunked, chunked", "x"])
    func otherTransferCodings(coding: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Transfer-Encoding: \(coding)"], body: "0\r\n\r\n"))
            let answered = try await client.readHead()
            #expect(answered.status == 400)
            #expect(world.upstream.acceptedCount == 0)
        }
    }
}
