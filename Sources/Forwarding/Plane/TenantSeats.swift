internal import Access
internal import Salesforce

/// The tenants that an event loop met lately, each with its line at the gate and its connections with Salesforce: found
/// by where the tenant is in memory, without a lock and without reading a name.
struct TenantSeats {
    /// 4,096 tenants, each in the one place where its address puts it: who comes later takes the place.
    private static let placeCount = 4096

    /// Who sits in each place: the addresses alone, to be compared, and the tenants, so that no other gets the address.
    private var addresses: [ObjectIdentifier?] = Array(repeating: nil, count: placeCount)
    private var tenants: [Tenant?] = Array(repeating: nil, count: placeCount)
    private var lines: [TenantLine?] = Array(repeating: nil, count: placeCount)
    private var hosts: [UpstreamHost?] = Array(repeating: nil, count: placeCount)

    /// The tenant's line.
    mutating func line(of tenant: Tenant, at gate: TenantGate) -> TenantLine {
        let place = Self.place(of: tenant)
        if addresses[place] == ObjectIdentifier(tenant), let line = lines[place] { return line }
        let line = gate.line(of: tenant.id)
        (addresses[place], tenants[place]) = (ObjectIdentifier(tenant), tenant)
        (lines[place], hosts[place]) = (line, nil)
        return line
    }

    /// The connections with an instance, mostly the tenant's only one.
    mutating func host(_ instance: InstanceURL, of tenant: Tenant, in pool: UpstreamPool) -> UpstreamHost {
        let place = Self.place(of: tenant)
        guard addresses[place] == ObjectIdentifier(tenant) else { return pool.host(instance) }
        if let host = hosts[place], !host.isForgotten, host.instance == instance { return host }
        let host = pool.host(instance)
        hosts[place] = host
        return host
    }

    private static func place(of tenant: Tenant) -> Int {
        // Objects lie 16 bytes apart at least. The multiplier is 2⁶⁴ divided by the golden ratio.
        let address = UInt64(UInt(bitPattern: ObjectIdentifier(tenant)))
        let mixed = (address >> 4) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: (mixed >> 32) % UInt64(placeCount))
    }
}
