// swift-tools-version: 6.3
import PackageDescription

// A package of its own: instrumented code and a linker flag that nothing else shall have, and of NIO only what is used.
// `Sources` holds links to the gateway's sources and to what its tests share with the fuzzer.

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    // Coverage steers the fuzzer; only code under test has it.
    .unsafeFlags(["-sanitize=fuzzer"]),
]

let package = Package(
    name: "formation-gateway-fuzz",
    platforms: [.macOS(.v15)],
    // The gateway's own version: see ../Package.swift.
    dependencies: [.package(url: "https://github.com/apple/swift-nio", exact: "2.101.2")],
    targets: [
        .systemLibrary(name: "CFuzzer"),
        .target(name: "Wire", dependencies: [nioCore], swiftSettings: settings),
        .executableTarget(
            name: "WireFuzz",
            dependencies: ["CFuzzer", "Wire", nioCore, nioEmbedded, nioHTTP1],
            swiftSettings: settings,
            linkerSettings: [
                .unsafeFlags(["-sanitize=fuzzer"]),
                .unsafeFlags(["-use-ld=lld"], .when(platforms: [.linux])),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
