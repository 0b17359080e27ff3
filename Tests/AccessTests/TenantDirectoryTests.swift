import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Salesforce
import Secrets
import Testing

@testable import Access

/// Host → tenant, in memory as long as the feed allows.
@Suite struct TenantDirectoryTests {
    /// Warm, the whole way from host to token asks the database nothing (and so has nothing to decrypt).
    @Test func warmWayAsksNothing() async throws {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let process = world.process()
        let (_, cookie) = try await process.signedIn(
            user, in: try await process.tenant(), grant: world.salesforce.grant())
        let headers = process.cookieHeader(cookie)
        let before = world.store.operationCount
        for _ in 0..<100 {
            let tenant = try await process.tenant()
            try process.directory.admit(tenant, at: world.clock.now)
            let caller = try await process.sessions.identify(headers: headers, query: nil, in: tenant)
            let token = try await process.ledger.token(for: caller)
            #expect(token.version == 1)
        }
        #expect(world.store.operationCount == before)
        // Without the master key nothing could be opened: a warm way needs none.
        world.store.isAvailable = false
        _ = try await process.tenant()
    }

    /// A tenant is opened with its client, and by its id too.
    @Test func openedTenant() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let process = world.process()
        let tenant = try await process.tenant("AXONIFY")
        #expect(tenant.id == customer.id)
        #expect(tenant.origin == "https://axonify.formation.test")
        #expect(tenant.oauthClient?.clientID == Secret(Fixtures.clientID))
        #expect(tenant.oauthClient?.redirectURI == "https://axonify.formation.test/auth/callback")
        let byID = try await process.directory.tenant(id: customer.id)
        #expect(byID?.customer.subdomain == customer.subdomain)
    }

    /// An unknown name costs one query, until its time is over or a customer changed.
    @Test func unknownNames() async throws {
        let world = try World()
        let process = world.process()
        let name = try Subdomain("umbrella")
        for _ in 0..<5 { #expect(try await process.directory.tenant(name) == nil) }
        #expect(world.store.operationCount == 1)
        world.clock.advance(by: 31)
        #expect(try await process.directory.tenant(name) == nil)
        #expect(world.store.operationCount == 2)
        await process.follower.pollOnce()
        let (customer, _) = try await world.makeCustomer("umbrella")
        await process.follower.pollOnce()
        #expect(try await process.directory.tenant(name)?.id == customer.id)
    }

    /// A change arrives with the next poll; other tenants stay in memory.
    @Test func changesArrive() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        _ = try await world.makeCustomer("umbrella")
        let process = world.process()
        await process.follower.pollOnce()
        await process.follower.pollOnce()
        _ = try await process.tenant()
        _ = try await process.tenant("umbrella")
        world.store.updateCustomer(customer.id) { $0.suspendedAt = world.clock.now }
        await process.follower.pollOnce()
        let before = world.store.operationCount
        _ = try await process.tenant("umbrella")
        #expect(world.store.operationCount == before)
        let tenant = try await process.tenant()
        #expect(tenant.customer.suspendedAt != nil)
        let error = await gatewayError { try process.directory.admit(tenant, at: world.clock.now) }
        #expect(error == .suspended)
    }

    /// Who may use the workspace: suspension comes before payment, and payment before set-up.
    @Test func admission() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let process = world.process()
        var expected: [(change: @Sendable (inout Customer) -> Void, error: GatewayError?)] = [({ _ in }, nil)]
        expected.append(({ $0.salesforceClientID = nil }, .notConnected))
        expected.append(({ $0.subscriptionStatus = .cancelled }, .subscriptionInactive(.cancelled)))
        expected.append(({ $0.suspendedAt = Fixtures.epoch }, .suspended))
        for (change, error) in expected {
            world.store.updateCustomer(customer.id, change)
            await process.follower.pollOnce()
            let tenant = try await process.tenant()
            let found = await gatewayError { try process.directory.admit(tenant, at: world.clock.now) }
            #expect(found == error)
        }
    }

    /// A login host that is not allowed, or credentials that don't open: the tenant is there, without a client.
    @Test func unusableCredentials() async throws {
        let world = try World()
        let foreign = try world.fixtures.makeCustomer(salesforceInstanceURL: "https://evil.example")
        var moved = try world.fixtures.makeCustomer(subdomain: "umbrella")
        moved.salesforceClientID = foreign.salesforceClientID
        for customer in [foreign, moved] {
            try await world.store.repositories.customers.create(
                customer, config: world.fixtures.makeConfig(for: customer.id), admin: nil)
            let process = world.process()
            let tenant = try #require(try await process.directory.tenant(customer.subdomain))
            #expect(tenant.oauthClient == nil)
            let error = await gatewayError { try process.directory.admit(tenant, at: world.clock.now) }
            #expect(error == .notConnected)
        }
    }

    /// A data key that does not open is an error, looked at once.
    @Test func unopenableDataKey() async throws {
        let world = try World()
        let other = try Fixtures(encryptionKey: KeyRing.generate())
        let customer = try other.makeCustomer()
        try await world.store.repositories.customers.create(
            customer, config: other.makeConfig(for: customer.id), admin: nil)
        let process = world.process()
        let before = world.store.operationCount
        for _ in 0..<3 {
            let error = await gatewayError { try await process.tenant() }
            #expect(error == .internalError)
        }
        #expect(world.store.operationCount == before + 1)
    }

    /// One that a rotation put right, which leaves no change, is found out in half a minute.
    @Test func mendedDataKey() async throws {
        let world = try World()
        let other = try Fixtures(encryptionKey: KeyRing.generate())
        let customer = try other.makeCustomer()
        try await world.store.repositories.customers.create(
            customer, config: other.makeConfig(for: customer.id), admin: nil)
        let process = world.process()
        // The first poll begins at the end, the next one looks back once over what may have come late.
        for _ in 0..<2 { await process.follower.pollOnce() }
        #expect(await gatewayError { try await process.tenant() } == .internalError)
        let right = try world.fixtures.keys.makeDataKey(customer: customer.id.rawValue).sealed
        let replaced = try await world.store.repositories.dataKeys.replace([
            RewrappedDataKey(customerID: customer.id, former: customer.dataKey, sealed: right)
        ])
        #expect(replaced == 1)
        await process.follower.pollOnce()
        #expect(await gatewayError { try await process.tenant() } == .internalError)
        world.clock.advance(by: 31)
        // The call that finds the time over is still refused.
        _ = await gatewayError { try await process.tenant() }
        #expect(try await process.tenant().id == customer.id)
    }

    /// While the feed is stale, last-known state serves; beyond the grace it does not.
    @Test func outage() async throws {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let process = world.process()
        await process.follower.pollOnce()
        let tenant = try await process.tenant()
        let (_, cookie) = try await process.signedIn(user, in: tenant)
        world.store.isAvailable = false
        world.clock.advance(by: 299)
        await process.follower.pollOnce()
        #expect(process.follower.staleSince == Fixtures.epoch)
        _ = try await process.tenant()
        _ = try await process.sessions.identify(headers: process.cookieHeader(cookie), query: nil, in: tenant)
        let unknown = await gatewayError { try await process.tenant("umbrella") }
        #expect(unknown == .unavailable(.databaseAway, retryAfterSeconds: 2))
        world.clock.advance(by: 2)
        let away = await gatewayError { try await process.tenant() }
        #expect(away == .unavailable(.databaseAway, retryAfterSeconds: 2))
        let session = await gatewayError {
            try await process.sessions.identify(headers: process.cookieHeader(cookie), query: nil, in: tenant)
        }
        #expect(session == .unavailable(.databaseAway, retryAfterSeconds: 2))
        world.store.isAvailable = true
        await process.follower.pollOnce()
        #expect(process.follower.staleSince == nil)
        _ = try await process.tenant()
    }
}
