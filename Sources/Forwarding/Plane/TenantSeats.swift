internal import Access
internal import Salesforce

/// The tenants that an event loop met lately, each with its line at the gate and its connections with Salesforce: found
/// by where the tenant is in memory, without a lock and without reading a name.
struct TenantSeats {
    /// 1,024 tenants, each in the one place where its address puts it: who comes later takes the place.
    private static let placeCount = 1024

    private struct Seat {
        let tenant: Tenant
        let line: TenantLine
        var host: UpstreamHost?
    }

    private var seats: [Seat?] = Array(repeating: nil, count: placeCount)

    /// The tenant's line.
    mutating func line(of tenant: Tenant, at gate: TenantGate) -> TenantLine {
        let place = Self.place(of: tenant)
        if let seat = seats[place], seat.tenant === tenant { return seat.line }
        let line = gate.line(of: tenant.id)
        seats[place] = Seat(tenant: tenant, line: line)
        return line
    }

    /// The connections with an instance, mostly the tenant's only one.
    mutating func host(_ instance: InstanceURL, of tenant: Tenant, in pool: UpstreamPool) -> UpstreamHost {
        let place = Self.place(of: tenant)
        let isSeated = seats[place]?.tenant === tenant
        if isSeated, let host = seats[place]?.host, !host.isForgotten, host.instance == instance { return host }
        let host = pool.host(instance)
        if isSeated { seats[place]?.host = host }
        return host
    }

    private static func place(of tenant: Tenant) -> Int {
        // Objects lie 16 bytes apart at least. The multiplier is 2⁶⁴ divided by the golden ratio.
        let address = UInt64(UInt(bitPattern: ObjectIdentifier(tenant)))
        let mixed = (address >> 4) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: (mixed >> 32) % UInt64(placeCount))
    }
}
