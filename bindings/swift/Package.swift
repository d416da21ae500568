// swift-tools-version:5.9
// The version of the package is that of the library: Sources/Ironwal/Version.swift.
import PackageDescription

let package = Package(
    name: "Ironwal",
    platforms: [.macOS(.v13), .iOS(.v16)],
    products: [
        .library(name: "Ironwal", targets: ["Ironwal"])
    ],
    targets: [
        // The C library, as pkg-config or the options of the compiler find it.
        .systemLibrary(name: "CIronwal", pkgConfig: "ironwal"),
        .target(name: "Ironwal", dependencies: ["CIronwal"]),
        .executableTarget(name: "AuditLog", dependencies: ["Ironwal"], path: "Examples/AuditLog"),
        .executableTarget(name: "Readme", dependencies: ["Ironwal"], path: "Examples/Readme"),
        // What a test starts as another process.
        .executableTarget(name: "Child", dependencies: ["Ironwal"], path: "Tests/Child"),
        .testTarget(name: "IronwalTests", dependencies: ["Ironwal", "CIronwal", "AuditLog", "Readme", "Child"]),
    ]
)
