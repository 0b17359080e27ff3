import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import Testing

/// Gateway processes at the world's ports, and which of them are there: what a load balancer knows.
final class Fleet: Sendable {
    /// One gateway, from its start to its end.
    final class Member: Sendable {
        let port: Int
        fileprivate let process: FormationProcess
        private let killed = NIOLockedValueBox(false)

        fileprivate init(port: Int, process: FormationProcess) {
            self.port = port
            self.process = process
        }

        /// Whether it was killed: then whatever was under way with it is broken off.
        var isKilled: Bool { killed.withLockedValue { $0 } }

        fileprivate func kill() {
            killed.withLockedValue { $0 = true }
            process.signal(SIGKILL)
        }
    }

    /// No gateway is there.
    struct Nobody: Error {}

    private let world: World
    private let members: NIOLockedValueBox<[Member?]>

    private init(world: World) {
        self.world = world
        self.members = NIOLockedValueBox(world.ports.map { _ in nil })
    }

    /// Starts a gateway at each of the world's ports, and ends them after the body.
    static func run(_ world: World, _ body: (Fleet) async throws -> Void) async throws {
        let fleet = Fleet(world: world)
        do {
            for index in world.ports.indices { try await fleet.start(index) }
            try await body(fleet)
        } catch {
            for index in world.ports.indices { try? await fleet.kill(index) }
            throw error
        }
        try await fleet.stop()
    }

    /// The gateway of that number where it is there, else another.
    func member(preferring index: Int) throws -> Member {
        try members.withLockedValue { members in
            guard let member = members[index % members.count] ?? members.lazy.compactMap({ $0 }).first else {
                throw Nobody()
            }
            return member
        }
    }

    /// The world as seen through a gateway.
    func world(at member: Member) -> World { world.moved(to: member.port) }

    /// Kills a gateway without a warning (`kill -9`).
    func kill(_ index: Int) async throws {
        let member = members.withLockedValue { members in
            defer { members[index] = nil }
            return members[index]
        }
        guard let member else { return }
        member.kill()
        #expect(try await member.process.finish().status == 128 + SIGKILL)
    }

    /// Starts a gateway; returns once it is ready.
    func start(_ index: Int) async throws {
        let port = world.ports[index]
        let process = try FormationProcess(["serve"], environment: world.environment(port: port))
        do {
            try await process.waitFor("Ready.")
        } catch {
            process.signal(SIGKILL)
            throw error
        }
        members.withLockedValue { $0[index] = Member(port: port, process: process) }
    }

    /// Tells all to end, as an operator does.
    private func stop() async throws {
        let members = members.withLockedValue { members in
            defer { members = members.map { _ in nil } }
            return members.compactMap { $0 }
        }
        for member in members { member.process.signal(SIGTERM) }
        for member in members {
            #expect(try await member.process.finish().status == 0)
        }
    }
}
