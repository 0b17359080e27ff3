import NIOCore
import NIOPosix
import Testing

@testable import Forwarding

/// What SwiftNIO is told when it asks for a host's addresses.
@Suite(.timeLimit(.minutes(5))) struct HostResolverTests {
    /// The two queries of a connection that is being made.
    private struct Queries: Sendable {
        let resolver: HostResolver
        let ipv4: EventLoopFuture<[SocketAddress]>
        let ipv6: EventLoopFuture<[SocketAddress]>

        /// Asks as SwiftNIO does, on an event loop.
        static func begin(_ host: String, _ lookups: HostLookups, on loop: any EventLoop) async throws -> Queries {
            try await loop.submit {
                let resolver = HostResolver(lookups, loop: loop)
                let ipv6 = resolver.initiateAAAAQuery(host: host, port: 443)
                return Queries(
                    resolver: resolver, ipv4: resolver.initiateAQuery(host: host, port: 443), ipv6: ipv6)
            }.get()
        }

        func addresses() async throws -> [String] {
            try await (ipv6.get() + ipv4.get()).map { "\($0.ipAddress ?? "") \($0.port ?? 0)" }
        }
    }

    private let script = ScriptedLookups()
    private var lookups: HostLookups { HostLookups(runningMax: 2, waitingMax: 2, lookUp: script.lookUp) }
    private let group = MultiThreadedEventLoopGroup.singleton

    /// Both families come of one look-up, with the connection's port.
    @Test func familiesAreToldApart() async throws {
        script.set("a", .addresses(["127.0.0.2", "::1", "127.0.0.1"]))
        let queries = try await Queries.begin("a", lookups, on: group.any())
        #expect(try await queries.ipv6.get() == [SocketAddress(ipAddress: "::1", port: 443)])
        #expect(try await queries.addresses() == ["::1 443", "127.0.0.2 443", "127.0.0.1 443"])
        #expect(script.asked == ["a"])
    }

    /// Nobody is asked for what is an address already.
    @Test(arguments: ["127.0.0.1", "::1"]) func literals(address: String) async throws {
        let queries = try await Queries.begin(address, lookups, on: group.any())
        #expect(try await queries.addresses() == ["\(address) 443"])
        #expect(script.asked.isEmpty)
    }

    /// A host is looked up once for all event loops, and again once that is over.
    @Test func eventLoopsShareALookup() async throws {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let (lookups, latch) = (lookups, Latch())
        script.set("a", .hangs(latch))
        var queries: [Queries] = []
        for loop in loops.makeIterator() { queries.append(try await Queries.begin("a", lookups, on: loop)) }
        latch.open()
        for query in queries { #expect(try await query.addresses() == ["127.0.0.1 443"]) }
        #expect(script.asked == ["a"])
        #expect(try await Queries.begin("a", lookups, on: group.any()).addresses() == ["127.0.0.1 443"])
        #expect(script.asked == ["a", "a"])
        try await loops.shutdownGracefully()
    }

    /// Who gives up is told at once, and not again when the answer comes.
    @Test func aLateAnswerIsDropped() async throws {
        let (lookups, latch, loop) = (lookups, Latch(), group.any())
        script.set("a", .hangs(latch))
        let queries = try await Queries.begin("a", lookups, on: loop)
        let others = try await Queries.begin("a", lookups, on: loop)
        try await loop.submit { queries.resolver.cancelQueries() }.get()
        await #expect(throws: HostLookupError(.abandoned)) { try await queries.ipv4.get() }
        await #expect(throws: HostLookupError(.abandoned)) { try await queries.ipv6.get() }
        latch.open()
        #expect(try await others.addresses() == ["127.0.0.1 443"])
        try await loop.submit { queries.resolver.cancelQueries() }.get()
    }

    /// Both queries say why there is no address.
    @Test func failures() async throws {
        let (latch, lookups) = (Latch(), HostLookups(runningMax: 1, waitingMax: 0, lookUp: script.lookUp))
        script.set("a", .hangs(latch))
        script.set("b", .fails)
        let hanging = try await Queries.begin("a", lookups, on: group.any())
        let refused = try await Queries.begin("b", lookups, on: group.any())
        await #expect(throws: HostLookupError(.tooManyLookups)) { try await refused.ipv4.get() }
        await #expect(throws: HostLookupError(.tooManyLookups)) { try await refused.ipv6.get() }
        latch.open()
        _ = try await hanging.addresses()
        // The place is free before who asked is told.
        let failed = try await Queries.begin("b", lookups, on: group.any())
        await #expect(throws: ScriptedLookups.NotFound.self) { try await failed.ipv4.get() }
        await #expect(throws: ScriptedLookups.NotFound.self) { try await failed.ipv6.get() }
    }

    /// The system's resolver gives addresses of both families, each once, and says where there is none.
    @Test func theSystemsResolver() throws {
        for address in ["127.0.0.1", "::1"] {
            #expect(try SystemResolver.addresses(of: address) == [SocketAddress(ipAddress: address, port: 0)])
        }
        // No label is that long, so nobody is asked.
        #expect(throws: HostLookupError.self) {
            try SystemResolver.addresses(of: String(repeating: "a", count: 64) + ".invalid")
        }
    }
}
