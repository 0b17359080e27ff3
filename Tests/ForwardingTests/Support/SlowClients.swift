import Forwarding
import GatewayTesting
import Testing

/// A client that takes its time with one call.
struct SlowClient: Sendable {
    enum Kind: Sendable {
        /// Sends its head byte by byte.
        case head
        /// Does so, and leaves before the end.
        case endlessHead
        /// Sends its body byte by byte.
        case upload
        /// Reads its answer in small parts, and holds few bytes of it.
        case reader
        /// Does so, and of an answer that no kernel buffers can hold, and leaves before the end.
        case heldReader
        /// Has been answered, and keeps its connection.
        case idle

        /// 8 of 2,000 are held readers: they cost megabytes each.
        init(number: Int) {
            let kinds = [Kind.head, .endlessHead, .upload, .reader, .idle]
            let kind = kinds[number % kinds.count]
            self = kind == .reader && number % 250 < kinds.count ? .heldReader : kind
        }

        var isReader: Bool { self == .reader || self == .heldReader }
    }

    /// As few as a client's kernel holds that is told to.
    private static let readerBufferBytes = 4 * 1024
    private static let readerPartBytes = 100
    private static let uploadBytes = PlayedSalesforce.upload.prefix(10_000)

    private let kind: Kind
    private let number: Int
    private let connection: RawConnection
    /// What is to be sent, and how much of it was at the beginning.
    private let bytes: [UInt8]
    private let sentCount: Int

    /// Begins a call, and returns when the gateway is at it.
    static func begin(_ number: Int, in world: World) async throws -> SlowClient {
        let kind = Kind(number: number)
        let connection = try await world.connect(bufferBytes: kind.isReader ? readerBufferBytes : nil)
        func client(_ bytes: [UInt8] = [], sentCount: Int = 0) async throws -> SlowClient {
            try await connection.send(Array(bytes.prefix(sentCount)))
            return SlowClient(kind: kind, number: number, connection: connection, bytes: bytes, sentCount: sentCount)
        }
        switch kind {
        case .head, .endlessHead:
            let head = Array(echo(number, in: world).utf8)
            return try await client(head, sentCount: head.count / 2)
        case .upload:
            let headers = ["Content-Length: \(uploadBytes.count)", "Expect: 100-continue"]
            try await connection.send(
                world.request("POST", PlayedSalesforce.Call.upload.target(number), headers))
            // Its upload is awaited: there is a connection with Salesforce.
            #expect(try await connection.readHead().status == 100)
            return try await client(Array(uploadBytes), sentCount: 1)
        case .reader, .heldReader:
            let call = kind == .heldReader ? PlayedSalesforce.Call.huge : .part
            try await connection.send(world.request("GET", call.target(number)))
            #expect(try await connection.readHead().status == 200)
            return try await client()
        case .idle:
            let client = try await client()
            try await client.expectEcho(in: world)
            return client
        }
    }

    /// Does a little more; the first round is 0.
    func goOn(round: Int) async throws {
        switch kind {
        case .head, .endlessHead, .upload:
            try await connection.send([bytes[sentCount + round]])
        case .reader, .heldReader:
            let place = round * Self.readerPartBytes
            let part = try await connection.read(count: Self.readerPartBytes)
            #expect(part[...] == PlayedSalesforce.large[place..<place + Self.readerPartBytes])
        case .idle:
            break
        }
    }

    /// Does what is left at once, and is answered right.
    func finish(afterRounds rounds: Int, in world: World) async throws {
        let left = Array(bytes.dropFirst(sentCount + rounds))
        switch kind {
        case .head:
            try await connection.send(left)
            #expect(try await connection.readResponse().text == PlayedSalesforce.Call.echo.target(number))
        case .endlessHead, .heldReader:
            await connection.reset()
        case .upload:
            try await connection.send(left)
            #expect(try await connection.readResponse().text == PlayedSalesforce.answer(toUpload: bytes.count))
        case .reader:
            let left = PlayedSalesforce.part.dropFirst(rounds * Self.readerPartBytes)
            #expect(isSame(try await connection.read(count: left.count), left))
        case .idle:
            try await expectEcho(in: world)
        }
    }

    func leave() async { await connection.close() }

    private func expectEcho(in world: World) async throws {
        try await connection.send(Self.echo(number, in: world))
        #expect(try await connection.readResponse().text == PlayedSalesforce.Call.echo.target(number))
    }

    private static func echo(_ number: Int, in world: World) -> String {
        world.request("GET", PlayedSalesforce.Call.echo.target(number))
    }
}

/// Many of them, of all kinds.
struct SlowClients: Sendable {
    /// So many are at work at one time; more would not find a place in a listener's line.
    private static let atOnce = 64
    /// Each has a connection, and every second or so has one with Salesforce; both ends are ours.
    private static let openFilesEach = 3
    /// What other tests open meanwhile.
    private static let otherOpenFiles = 2_000
    private static let countMin = 300

    private let world: World
    private let all: [SlowClient]

    /// As many as the process's limit of open files allows, of so many; at least 300.
    static func allowed(of count: Int) -> Int {
        min(count, max(countMin, (OpenFiles.raiseLimit() - otherOpenFiles) / openFilesEach))
    }

    /// A world for so many clients that have all the time they need.
    static func options(count: Int) -> WorldOptions {
        var options = WorldOptions()
        options.limits.tenantConcurrency = count
        options.limits.upstreamConnectionsPerHostMax = count
        options.limits.clientHeadTimeout = .seconds(600)
        options.limits.clientIdleTimeout = .seconds(600)
        options.limits.uploadStallTimeout = .seconds(600)
        options.limits.upstreamHeadTimeout = .seconds(600)
        options.limits.upstreamReadTimeout = .seconds(600)
        options.limits.tenantQueueWait = .seconds(600)
        return options
    }

    /// Begins so many calls.
    static func begin(_ count: Int, in world: World) async throws -> SlowClients {
        let all = try await withThrowingTaskGroup(of: [SlowClient].self) { group in
            for worker in 0..<atOnce {
                group.addTask {
                    var begun: [SlowClient] = []
                    for number in stride(from: worker, to: count, by: atOnce) {
                        begun.append(try await SlowClient.begin(number, in: world))
                    }
                    return begun
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        return SlowClients(world: world, all: all)
    }

    /// Lets each do a little, so many times.
    func goOn(rounds: Int) async throws {
        for round in 0..<rounds {
            try await forEach { try await $0.goOn(round: round) }
        }
    }

    /// Lets each come to its end.
    func finish(afterRounds rounds: Int) async throws {
        try await forEach { client in
            try await client.finish(afterRounds: rounds, in: world)
            await client.leave()
        }
    }

    private func forEach(_ body: @Sendable @escaping (SlowClient) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<Self.atOnce {
                group.addTask {
                    for place in stride(from: worker, to: all.count, by: Self.atOnce) { try await body(all[place]) }
                }
            }
            try await group.waitForAll()
        }
    }
}
