import CIronwal
import Foundation

/// A copy of bytes that the library owns.
func copied(_ view: ironwal_view) -> Data {
    guard let data = view.data else { return Data() }
    return Data(bytes: data, count: view.len)
}

/// A copy of a buffer of the library, which is freed.
func taken(_ buffer: inout ironwal_buffer) -> Data {
    defer { ironwal_buffer_free(&buffer) }
    guard let data = buffer.data else { return Data() }
    return Data(bytes: data, count: buffer.len)
}

/// Calls with the bytes of a text as UTF-8.
func withUTF8<R>(_ text: String, _ body: (UnsafePointer<CChar>?, Int) throws -> R) rethrows -> R {
    var text = text
    return try text.withUTF8 { bytes in
        try bytes.withMemoryRebound(to: CChar.self) { try body($0.baseAddress, $0.count) }
    }
}

/// One change of a stream's properties. A key has 1 to 255 bytes, a value up to 4,000; all together take at most 4,096, with 4 more
/// for each.
public enum PropertyChange: Sendable, Hashable {
    case set(Data, Data)
    case remove(Data)

    /// A key as UTF-8 gets a value.
    public static func set(_ key: String, _ value: Data) -> PropertyChange { .set(Data(key.utf8), value) }

    /// A key as UTF-8 is removed.
    public static func remove(_ key: String) -> PropertyChange { .remove(Data(key.utf8)) }
}

/// Entries and properties for a call that takes arrays of pointers: copied one behind the other, so that one array has to stay in
/// place and not each of them.
struct Gathered {
    private var bytes: [UInt8] = []
    private var entryLengths: [Int] = []
    private var properties: [(key: Int, value: Int, op: Int32)] = []

    init<S: Sequence>(_ entries: S, _ changes: [PropertyChange] = []) where S.Element: ContiguousBytes {
        for entry in entries {
            entry.withUnsafeBytes {
                bytes.append(contentsOf: $0)
                entryLengths.append($0.count)
            }
        }
        for change in changes {
            switch change {
            case let .set(key, value):
                bytes.append(contentsOf: key)
                bytes.append(contentsOf: value)
                properties.append((key.count, value.count, Int32(IRONWAL_PROPERTY_SET)))
            case let .remove(key):
                bytes.append(contentsOf: key)
                properties.append((key.count, 0, Int32(IRONWAL_PROPERTY_REMOVE)))
            }
        }
    }

    func withSlices<R>(
        _ body: (UnsafeBufferPointer<ironwal_slice>, UnsafeBufferPointer<ironwal_property>) throws -> R
    ) rethrows -> R {
        try bytes.withUnsafeBytes { all in
            var at = 0
            func next(_ length: Int) -> ironwal_slice {
                defer { at += length }
                return ironwal_slice(data: all.baseAddress.map { $0 + at }, len: length)
            }
            // One more than there are, as the address of an empty array is that of none.
            var slices = entryLengths.map(next)
            slices.append(ironwal_slice())
            var changes = properties.map {
                let key = next($0.key)
                return ironwal_property(key: key, value: next($0.value), op: $0.op, reserved: 0)
            }
            changes.append(ironwal_property())
            return try slices.withUnsafeBufferPointer { slices in
                try changes.withUnsafeBufferPointer { changes in
                    try body(
                        UnsafeBufferPointer(rebasing: slices.dropLast()), UnsafeBufferPointer(rebasing: changes.dropLast()))
                }
            }
        }
    }
}

extension Duration {
    /// Nanoseconds, 0 for what is negative, the greatest number for what is longer than that.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        let (whole, overflows) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, sumOverflows) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return overflows || sumOverflows ? .max : sum
    }
}
