import CIronwal
import Foundation

/// How durable an append is when it returns.
public enum Durability: Int32, CaseIterable, Sendable {
    /// As the sync mode of the log makes it.
    case byMode = 701
    /// In the kernel: it survives the end of the process, not a power loss.
    case written = 702
    /// On the disk.
    case durable = 703
}

/// A place in one stream, while its log is open: behind everything that was appended before.
public struct Mark: Sendable {
    let raw: ironwal_mark

    init(_ raw: ironwal_mark) { self.raw = raw }

    /// The order of marks of one stream. Says nothing about those of another.
    public func isBefore(_ other: Mark) -> Bool { raw.place < other.raw.place }
}

/// The ids of an append, and the mark behind it.
public struct Appended: Sendable {
    public let ids: Range<UInt64>
    public let mark: Mark
}

/// An entry and its id.
public struct Entry: Sendable, Hashable {
    public let id: UInt64
    public let bytes: Data
}

/// What a read into memory of the program found.
public enum ReadInto: Sendable, Hashable {
    /// The entry has so many bytes, and they are at the front.
    case filled(Int)
    /// The entry has so many bytes, and nothing was copied.
    case tooSmall(Int)
}

/// One stream of an open log: entries, bytes with ids counted from 0. Any thread and task may use it. Bytes that go in are read during
/// the call only; bytes that come out are copies, except for ``withEntry(_:_:)``.
///
/// Calls that make something durable wait for the disk, on the thread that makes them. A task appends with
/// ``Durability/written`` and awaits ``durable(_:)``.
public final class LogStream: @unchecked Sendable {
    /// No id is expected: the entries get the next ones.
    public static let anyID = UInt64.max

    let handle: OpaquePointer
    let callbacks: CallbackScope

    init(_ log: OpaquePointer, _ name: String, _ callbacks: CallbackScope) throws {
        var opened: OpaquePointer?
        try withUTF8(name) { name, length in try check { ironwal_stream_open(log, name, length, &opened, $0) } }
        handle = opened!
        self.callbacks = callbacks
    }

    deinit { ironwal_stream_free(handle) }

    /// Makes a call with the handle, which stays until it has returned.
    @inline(__always)
    private func call<R>(_ body: (OpaquePointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(self) { try body(handle) }
    }

    private func number(_ get: (OpaquePointer?, UnsafeMutablePointer<UInt64>?, UnsafeMutablePointer<OpaquePointer?>?) -> Int32) throws
        -> UInt64
    {
        var number: UInt64 = 0
        try call { stream in try check { get(stream, &number, $0) } }
        return number
    }

    /// Appends one entry and returns its id. Durable on return in mode strict.
    @discardableResult
    public func append<Bytes: ContiguousBytes>(_ entry: Bytes) throws -> UInt64 {
        var id: UInt64 = 0
        try entry.withUnsafeBytes { bytes in
            try call { stream in try check { ironwal_stream_append(stream, bytes.baseAddress, bytes.count, &id, $0) } }
        }
        return id
    }

    /// Appends one entry that is gathered from several parts, and returns its id.
    @discardableResult
    public func append<Parts: Sequence>(parts: Parts) throws -> UInt64 where Parts.Element: ContiguousBytes {
        var id: UInt64 = 0
        try Gathered(parts).withSlices { slices, _ in
            try call { stream in
                try check { ironwal_stream_append_vectored(stream, slices.baseAddress, slices.count, &id, $0) }
            }
        }
        return id
    }

    /// Appends entries and changes properties as one: after any crash all of it is there or nothing. With an expected id it throws
    /// ``Status/sequenceMismatch``, and appends nothing, unless the first entry gets that id.
    @discardableResult
    public func append<Entries: Sequence>(
        batch: Entries, expectedID: UInt64 = LogStream.anyID, properties: [PropertyChange] = [],
        durability: Durability = .byMode
    ) throws -> Appended where Entries.Element: ContiguousBytes {
        var first: UInt64 = 0
        var end: UInt64 = 0
        var mark = ironwal_mark()
        try Gathered(batch, properties).withSlices { slices, changes in
            try call { stream in
                try check {
                    ironwal_stream_append_with(
                        stream, expectedID, slices.baseAddress, slices.count, changes.baseAddress, changes.count,
                        durability.rawValue, &first, &end, &mark, $0)
                }
            }
        }
        return Appended(ids: first..<end, mark: Mark(mark))
    }

    /// Begins a transaction: entries gathered in memory and appended as one.
    public func begin() throws -> Transaction {
        var begun: OpaquePointer?
        try call { stream in try check { ironwal_stream_begin(stream, &begun, $0) } }
        return Transaction(begun!)
    }

    /// The entry of an id, nil where there is none.
    public func get(_ id: UInt64) throws -> Data? {
        var buffer = ironwal_buffer()
        let found = try call { stream in
            try check(or: Int32(IRONWAL_E_NOT_FOUND)) { ironwal_stream_get(stream, id, &buffer, $0) }
        }
        return found ? taken(&buffer) : nil
    }

    /// Reads an entry into the front of memory of the program. Nil: there is no such entry.
    public func get(_ id: UInt64, into memory: UnsafeMutableRawBufferPointer) throws -> ReadInto? {
        var length = 0
        // The library demands memory, also where none of it is to be used.
        var none: UInt8 = 0
        return try withUnsafeMutableBytes(of: &none) { none in
            let place = memory.baseAddress ?? none.baseAddress
            var object: OpaquePointer?
            let code = call { ironwal_stream_get_into($0, id, place, memory.count, &length, &object) }
            switch code {
            case IRONWAL_OK: return .filled(length)
            case IRONWAL_E_BUFFER_TOO_SMALL: return .tooSmall(length)
            case IRONWAL_E_NOT_FOUND: return nil
            default: throw IronwalError(code: code, object: object)
            }
        }
    }

    /// Calls with the bytes of an entry where they are, without a copy; they stay there during the call, whatever happens to the log.
    /// Nil: there is no such entry.
    public func withEntry<R>(_ id: UInt64, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R? {
        var view = ironwal_view()
        var pin: OpaquePointer?
        let found = try call { stream in
            try check(or: Int32(IRONWAL_E_NOT_FOUND)) { ironwal_stream_view(stream, id, &view, &pin, $0) }
        }
        guard found else { return nil }
        defer { ironwal_view_pin_free(pin) }
        return try body(UnsafeRawBufferPointer(start: view.data, count: view.len))
    }

    /// The last entry that reads show, nil where there is none.
    public func last() throws -> Entry? {
        var id: UInt64 = 0
        var buffer = ironwal_buffer()
        let found = try call { stream in
            try check(or: Int32(IRONWAL_E_NOT_FOUND)) { ironwal_stream_last(stream, &id, &buffer, $0) }
        }
        return found ? Entry(id: id, bytes: taken(&buffer)) : nil
    }

    /// Makes the stream durable.
    public func sync() throws { try call { stream in try check { ironwal_stream_sync(stream, $0) } } }

    /// The first id that is kept.
    public func firstID() throws -> UInt64 { try number(ironwal_stream_first_id) }

    /// When appends are made durable: the mode of the log, or that of the stream's own options.
    public func syncMode() throws -> SyncMode {
        var mode: Int32 = 0
        try call { stream in try check { ironwal_stream_sync_mode(stream, &mode, $0) } }
        return SyncMode(rawValue: mode)!
    }

    /// The id that the next append gets.
    public func nextID() throws -> UInt64 { try number(ironwal_stream_next_id) }

    /// One past the last id that is durable.
    public func durableEnd() throws -> UInt64 { try number(ironwal_stream_durable_end) }

    /// 16 bytes that two streams share if they have the same entries of these ids. For comparing replicas; no defence against
    /// forgery.
    public func digest(of ids: Range<UInt64>) throws -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 16)
        try call { stream in
            try check { ironwal_stream_digest(stream, ids.lowerBound, ids.upperBound, &digest, $0) }
        }
        return digest
    }

    /// Replaces the ids from one on by these entries, and changes properties, as one step that is durable on return.
    @discardableResult
    public func replaceSuffix<Entries: Sequence>(from id: UInt64, with entries: Entries, properties: [PropertyChange] = []) throws
        -> Range<UInt64> where Entries.Element: ContiguousBytes
    {
        var first: UInt64 = 0
        var end: UInt64 = 0
        try Gathered(entries, properties).withSlices { slices, changes in
            try call { stream in
                try check {
                    ironwal_stream_replace_suffix(
                        stream, id, slices.baseAddress, slices.count, changes.baseAddress, changes.count, &first, &end, $0)
                }
            }
        }
        return first..<end
    }

    /// Removes all entries, and appends these from an id on, which may be any, and changes properties, as one step that is durable on
    /// return.
    @discardableResult
    public func reset<Entries: Sequence>(to id: UInt64, with entries: Entries, properties: [PropertyChange] = []) throws
        -> Range<UInt64> where Entries.Element: ContiguousBytes
    {
        var first: UInt64 = 0
        var end: UInt64 = 0
        try Gathered(entries, properties).withSlices { slices, changes in
            try call { stream in
                try check {
                    ironwal_stream_reset(
                        stream, id, slices.baseAddress, slices.count, changes.baseAddress, changes.count, &first, &end, $0)
                }
            }
        }
        return first..<end
    }

    /// As with entries, without any.
    @discardableResult
    public func reset(to id: UInt64) throws -> Range<UInt64> { try reset(to: id, with: [Data]()) }

    /// Removes the ids from one on, durably, and returns how many there were.
    @discardableResult
    public func truncateSuffix(from id: UInt64) throws -> UInt64 {
        var cut: UInt64 = 0
        try call { stream in try check { ironwal_stream_truncate_suffix(stream, id, &cut, $0) } }
        return cut
    }

    /// Hides the ids below one, exactly and durably, and returns how many segments were removed.
    @discardableResult
    public func truncatePrefix(before id: UInt64) throws -> Int {
        var segments = 0
        try call { stream in try check { ironwal_stream_truncate_prefix(stream, id, &segments, $0) } }
        return segments
    }

    /// Removes the segments that lie entirely below an id, durably, and returns how many.
    @discardableResult
    public func truncateSegments(before id: UInt64) throws -> Int {
        var segments = 0
        try call { stream in try check { ironwal_stream_truncate(stream, id, &segments, $0) } }
        return segments
    }

    /// Brings back the segments that truncation moved to the archive, and returns how many.
    @discardableResult
    public func restoreArchived() throws -> Int {
        var segments = 0
        try call { stream in try check { ironwal_stream_restore_archived(stream, &segments, $0) } }
        return segments
    }

    /// Removes old segments of the stream, durably, and returns how many.
    @discardableResult
    public func apply(_ retention: Retention) throws -> Int {
        var segments = 0
        try call { stream in
            try check {
                ironwal_stream_apply_retention(
                    stream, retention.bytes, retention.ageNs, retention.keepCursors, &segments, $0)
            }
        }
        return segments
    }

    /// Deletes the stream with all its entries, durably.
    public func delete() throws { try call { stream in try check { ironwal_stream_delete(stream, $0) } } }

    /// What has happened to the stream since the log was opened, and where it is now. Its fields are those of
    /// `ironwal_stream_stats_t` in `ironwal.h`.
    public func stats() throws -> StreamStats {
        var stats = ironwal_stream_stats_t()
        try call { stream in
            try check { ironwal_stream_stats(stream, &stats, MemoryLayout<ironwal_stream_stats_t>.size, $0) }
        }
        return stats
    }

    /// The value of a property as it was written last, durable or not; nil where there is none.
    public func property<Key: ContiguousBytes>(_ key: Key) throws -> Data? {
        var buffer = ironwal_buffer()
        let found = try key.withUnsafeBytes { key in
            try call { stream in
                try check(or: Int32(IRONWAL_E_NOT_FOUND)) {
                    ironwal_stream_property(stream, key.baseAddress, key.count, &buffer, $0)
                }
            }
        }
        return found ? taken(&buffer) : nil
    }

    /// As with bytes, the key as UTF-8.
    public func property(_ key: String) throws -> Data? { try property(Data(key.utf8)) }

    /// All properties.
    public func properties() throws -> [Data: Data] {
        var list: OpaquePointer?
        try call { stream in try check { ironwal_stream_properties(stream, &list, $0) } }
        defer { ironwal_property_list_free(list) }
        var all: [Data: Data] = [:]
        for index in 0..<ironwal_property_list_count(list) {
            var key = ironwal_view()
            var value = ironwal_view()
            try check { ironwal_property_list_get(list, index, &key, &value, $0) }
            all[copied(key)] = copied(value)
        }
        return all
    }

    /// Changes properties as one, in their order. It begins a stream that does not exist.
    @discardableResult
    public func set(_ properties: [PropertyChange], durability: Durability = .byMode) throws -> Mark {
        var mark = ironwal_mark()
        try Gathered([Data](), properties).withSlices { _, changes in
            try call { stream in
                try check {
                    ironwal_stream_set_properties(
                        stream, changes.baseAddress, changes.count, durability.rawValue, &mark, $0)
                }
            }
        }
        return Mark(mark)
    }

    /// Replaces all properties by these, as one; also the way out after damage to them.
    @discardableResult
    public func replaceProperties(_ properties: [PropertyChange], durability: Durability = .byMode) throws -> Mark {
        var mark = ironwal_mark()
        try Gathered([Data](), properties).withSlices { _, changes in
            try call { stream in
                try check {
                    ironwal_stream_replace_properties(
                        stream, changes.baseAddress, changes.count, durability.rawValue, &mark, $0)
                }
            }
        }
        return Mark(mark)
    }

    /// The place behind everything appended so far.
    public func mark() throws -> Mark {
        var mark = ironwal_mark()
        try call { stream in try check { ironwal_stream_mark(stream, &mark, $0) } }
        return Mark(mark)
    }

    /// Whether everything in front of the mark is durable. Once true it stays true.
    public func isDurable(_ mark: Mark) throws -> Bool {
        var durable = false
        try call { stream in try check { ironwal_stream_is_durable(stream, mark.raw, &durable, $0) } }
        return durable
    }

    /// Waits until the entry of an id, which need not be appended yet, is durable. False: it is not after this time; nil waits
    /// without end. It blocks its thread; a task awaits ``durable(_:)``.
    public func waitDurable(_ id: UInt64, timeout: Duration? = nil) throws -> Bool {
        try call { stream in
            try check(or: Int32(IRONWAL_E_TIMEOUT)) {
                ironwal_stream_wait_durable(stream, id, timeout?.nanoseconds ?? .max, $0)
            }
        }
    }

    /// Where a replica stands, as bytes for ``export(behind:maxBytes:written:)`` of its primary.
    public func framePosition() throws -> Data {
        var buffer = ironwal_buffer()
        try call { stream in try check { ironwal_stream_frame_position(stream, &buffer, $0) } }
        return taken(&buffer)
    }

    /// A packet of the durable frames behind a replica's position, for ``apply(packet:)`` there; empty where there is no more for now.
    /// An empty position begins a replica. With `written` also frames that no sync has covered.
    public func export(behind position: Data, maxBytes: Int, written: Bool = false) throws -> Data {
        var buffer = ironwal_buffer()
        try position.withUnsafeBytes { position in
            try call { stream in
                try check {
                    written
                        ? ironwal_stream_export_written(stream, position.baseAddress, position.count, maxBytes, &buffer, $0)
                        : ironwal_stream_export(stream, position.baseAddress, position.count, maxBytes, &buffer, $0)
                }
            }
        }
        return taken(&buffer)
    }

    /// Writes the frames of a packet where they were in the primary, and returns their ids. Nothing else may append to the stream.
    @discardableResult
    public func apply(packet: Data) throws -> Range<UInt64> {
        var first: UInt64 = 0
        var end: UInt64 = 0
        try packet.withUnsafeBytes { packet in
            try call { stream in
                try check { ironwal_stream_apply(stream, packet.baseAddress, packet.count, &first, &end, $0) }
            }
        }
        return first..<end
    }
}

/// Entries gathered in memory, appended as one by ``commit()``. Without it they are discarded. One task at a time.
public final class Transaction {
    private var handle: OpaquePointer?

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { if let handle { ironwal_txn_abort(handle) } }

    /// Adds an entry. Nothing is written before the commit.
    public func add<Bytes: ContiguousBytes>(_ entry: Bytes) throws {
        guard let handle else { throw IronwalError.closed("the transaction") }
        try entry.withUnsafeBytes { bytes in
            try check { ironwal_txn_add(handle, bytes.baseAddress, bytes.count, $0) }
        }
    }

    /// Appends all entries as one, returns their ids, and ends the transaction, also where it fails.
    @discardableResult
    public func commit() throws -> Range<UInt64> {
        guard let taken = handle else { throw IronwalError.closed("the transaction") }
        handle = nil
        var first: UInt64 = 0
        var end: UInt64 = 0
        try check { ironwal_txn_commit(taken, &first, &end, $0) }
        return first..<end
    }
}
