internal import Crypto
internal import Domain
internal import Foundation
internal import Secrets

// Rows of a populated gateway, for `make bench`: tenants, users, grants and sessions as the product itself would store
// them, each token sealed under its tenant's data key. They leave as files for PostgreSQL's COPY, because a million
// sessions through the repositories would take an hour. With them goes what a browser would hold: the cookies.
//
// BenchmarkSeed PREFIX TENANTS USERS SESSIONS INSTANCE_URL DIRECTORY
//   USERS and SESSIONS are counts per tenant and per user. ENCRYPTION_KEY is the gateway's.

let arguments = CommandLine.arguments
guard arguments.count == 7, let tenants = Int(arguments[2]), let users = Int(arguments[3]),
    let sessions = Int(arguments[4]), let key = ProcessInfo.processInfo.environment["ENCRYPTION_KEY"]
else {
    FileHandle.standardError.write(
        Data("usage: ENCRYPTION_KEY=… BenchmarkSeed PREFIX TENANTS USERS SESSIONS INSTANCE_URL DIRECTORY\n".utf8))
    exit(64)
}

let population = Population(
    prefix: arguments[1], tenants: tenants, usersPerTenant: users, sessionsPerUser: sessions,
    instanceURL: arguments[5])
var seeder = try Seeder(keys: KeyRing(current: Secret(key)), directory: arguments[6], now: Date())
try seeder.write(population)
