import CIronwal

/// The version that this package is made for.
public let version = "0.7.0"

/// The version of the library that is loaded.
public var libraryVersion: String { String(cString: ironwal_version_string()) }

/// Before 1.0 a minor version may change the interface.
func checkLibrary() throws {
    let made = UInt32(IRONWAL_VERSION_NUMBER)
    if ironwal_version_number() / 1000 != made / 1000 {
        throw IronwalError(.config, "the library is ironwal \(libraryVersion), this program was built for another version")
    }
}
