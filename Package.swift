// swift-tools-version: 6.3
import PackageDescription

// MARK: - Dependencies

// Exact versions: what was tested is what is built. `docs/architecture.md` says what each is for.
let dependencies: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
    .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let nioConcurrencyHelpers = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

// MARK: - Targets

let package = Package(
    name: "formation-gateway",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "formation", targets: ["formation"])],
    dependencies: dependencies,
    targets: [
        // System libraries.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .systemLibrary(
            name: "CCrypt", pkgConfig: "libxcrypt", providers: [.apt(["libcrypt-dev"]), .brew(["libxcrypt"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),

        // Mechanisms that know nothing of the product.
        .target(name: "Postgres", dependencies: ["CLibPQ", logging, nioConcurrencyHelpers, serviceLifecycle]),
        .target(name: "Secrets", dependencies: ["CCrypt", crypto, nioConcurrencyHelpers, nioPosix]),
        .target(
            name: "Telemetry", dependencies: [logging, metrics, nioConcurrencyHelpers, nioCore, serviceLifecycle]),
        // Faces hostile bytes: every unsafe expression must be marked as one.
        .target(name: "Wire", dependencies: [nioCore], swiftSettings: [.strictMemorySafety()]),

        // What the product is about.
        .target(name: "Domain", dependencies: ["Secrets"]),
        .target(
            name: "Storage",
            dependencies: ["Domain", "Postgres", "Secrets", "Telemetry", crypto, logging, serviceLifecycle]),
        .target(
            name: "Salesforce",
            dependencies: [
                "CZlib", "Secrets", asyncHTTPClient, crypto, nioConcurrencyHelpers, nioCore, nioHTTP1,
            ]),
        .target(
            name: "Access",
            dependencies: [
                "Domain", "Salesforce", "Secrets", "Telemetry", crypto, httpTypes, logging, metrics,
                nioConcurrencyHelpers, serviceLifecycle,
            ]),

        // The planes. None imports another.
        .target(
            name: "Forwarding",
            dependencies: [
                "Access", "Domain", "Salesforce", "Secrets", "Telemetry", "Wire", httpTypes, hummingbirdCore, logging,
                metrics, nioConcurrencyHelpers, nioCore, nioHTTPTypes, nioPosix, nioSSL, nioTLS, serviceLifecycle,
            ]),
        .target(
            name: "Workspace",
            dependencies: [
                "Access", "Domain", "Salesforce", "Secrets", "Telemetry", crypto, httpTypes, hummingbird, logging,
                mustache, nioCore, nioPosix,
            ],
            resources: [.embedInCode("Templates"), .embedInCode("Assets")]),

        // The composition root and the command line.
        .target(
            name: "Gateway",
            dependencies: [
                "Access", "Domain", "Forwarding", "Postgres", "Salesforce", "Secrets", "Storage", "Telemetry",
                "Workspace", asyncHTTPClient, configuration, crypto, httpTypes, hummingbird, hummingbirdCore,
                logging, metrics,
                nioConcurrencyHelpers, nioCore, nioHTTP1, nioPosix, nioSSL, serviceLifecycle, systemPackage,
            ]),
        .executableTarget(
            name: "formation",
            dependencies: [
                "Access", "Domain", "Gateway", "Postgres", "SalesforceSimulator", "Secrets", "Storage", "Telemetry",
                argumentParser, configuration, logging, metrics, nioConcurrencyHelpers, nioCore, nioPosix,
                serviceLifecycle, unixSignals,
            ]),

        // Beside the stack: imports nothing of ours, so that no belief about the wire is wrong on both sides.
        .target(
            name: "SalesforceSimulator",
            dependencies: [
                crypto, cryptoExtras, httpTypes, hummingbird, logging, nioConcurrencyHelpers, nioCore,
                serviceLifecycle,
            ]),

        // The rows that `make bench` measures with: sealed and hashed as the product does it. Nobody's product.
        .executableTarget(
            name: "BenchmarkSeed", dependencies: ["Domain", "Secrets", crypto], path: "Benchmarks/Seed"),

        // Doubles, clocks, fixtures and one behaviour suite per repository protocol.
        .target(
            name: "GatewayTesting",
            dependencies: [
                "Access", "Domain", "Postgres", "Salesforce", "Secrets", "Storage", logging, nioConcurrencyHelpers,
                nioCore,
                nioPosix,
            ],
            path: "Sources/GatewayTesting"),

        .testTarget(
            name: "PostgresTests",
            dependencies: ["Postgres", "GatewayTesting", logging, nioConcurrencyHelpers, serviceLifecycle]),
        .testTarget(name: "SecretsTests", dependencies: ["Secrets"]),
        .testTarget(
            name: "TelemetryTests",
            dependencies: [
                "Telemetry", logging, metrics, nioConcurrencyHelpers, nioCore, nioPosix, serviceLifecycle,
            ]),
        .testTarget(name: "WireTests", dependencies: ["Wire", nioCore, nioEmbedded, nioHTTP1]),
        .testTarget(name: "DomainTests", dependencies: ["Domain", "Secrets", "GatewayTesting"]),
        .testTarget(
            name: "StorageTests",
            dependencies: ["Domain", "GatewayTesting", "Postgres", "Secrets", "Storage", logging]),
        .testTarget(
            name: "SalesforceTests",
            dependencies: [
                "Salesforce", "Secrets", asyncHTTPClient, hummingbird, httpTypes, logging, nioConcurrencyHelpers,
                nioCore,
            ]),
        .testTarget(
            name: "SalesforceSimulatorTests",
            dependencies: ["SalesforceSimulator", asyncHTTPClient, crypto, cryptoExtras, logging, nioCore, nioHTTP1]),
        .testTarget(
            name: "AccessTests",
            dependencies: [
                "Access", "Domain", "GatewayTesting", "Salesforce", "Secrets", httpTypes, logging,
                nioConcurrencyHelpers, serviceLifecycle,
            ]),
        .testTarget(
            name: "ForwardingTests",
            dependencies: [
                "Access", "Domain", "Forwarding", "GatewayTesting", "Salesforce", "Secrets", "Telemetry", "Wire",
                httpTypes, hummingbird, hummingbirdCore, logging, metrics, nioConcurrencyHelpers, nioCore, nioPosix,
                nioSSL, nioTLS, serviceLifecycle,
            ]),
        .testTarget(
            name: "WorkspaceTests",
            dependencies: [
                "Access", "Domain", "GatewayTesting", "Salesforce", "Secrets", "Workspace", httpTypes, hummingbird,
                logging, nioCore,
            ]),
        .testTarget(
            name: "GatewayTests",
            dependencies: ["Access", "Domain", "Gateway", "GatewayTesting", "Secrets", "Storage", configuration]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "Access", "Domain", "Gateway", "GatewayTesting", "Postgres", "SalesforceSimulator", "Secrets",
                "Storage", "Workspace", asyncHTTPClient, httpTypes, logging, nioCore, nioHTTP1, nioPosix,
                serviceLifecycle,
            ],
            path: "Tests/Integration"),
        .testTarget(name: "TidyTests"),
    ],
    swiftLanguageModes: [.v6]
)

// MARK: - Settings

for target in package.targets where target.type != .system {
    var settings = target.swiftSettings ?? []
    settings.append(contentsOf: [
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
        .enableUpcomingFeature("ExistentialAny"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
        .enableUpcomingFeature("MemberImportVisibility"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
        .enableUpcomingFeature("InternalImportsByDefault"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0480-swiftpm-warning-control.md
        .treatAllWarnings(as: .error),
    ])
    target.swiftSettings = settings
}
