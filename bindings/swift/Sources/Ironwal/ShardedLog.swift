import CIronwal
import Foundation

/// What a sharded log is opened with. Nil is the default of the C library.
public struct ShardedOptions: Sendable {
    public var log: Options
    /// Makes a checkpoint whenever so many more entries were appended.
    public var checkpointEveryEntries: UInt64?
    /// Makes a checkpoint so often, if there are new entries.
    public var checkpointInterval: Duration?
    /// Names automatic checkpoints so, followed by 20 digits. The default is "auto-".
    public var checkpointPrefix: String?
    /// Prunes, after each automatic checkpoint, what is older than so many of the newest ones.
    public var keepCheckpoints: Int?

    public init(log: Options = Options()) { self.log = log }

    func with<R>(_ path: String, shards: UInt32, _ body: (OpaquePointer, OpaquePointer) throws -> R) throws -> R {
        var made: OpaquePointer?
        try check { ironwal_sharded_options_new(shards, &made, $0) }
        let sharded = made!
        defer { ironwal_sharded_options_free(sharded) }
        if let checkpointEveryEntries {
            try check { ironwal_sharded_options_set_checkpoint_every_entries(sharded, checkpointEveryEntries, $0) }
        }
        if let checkpointInterval {
            try check { ironwal_sharded_options_set_checkpoint_interval(sharded, checkpointInterval.nanoseconds, $0) }
        }
        if let checkpointPrefix {
            try withUTF8(checkpointPrefix) { prefix, length in
                try check { ironwal_sharded_options_set_checkpoint_prefix(sharded, prefix, length, $0) }
            }
        }
        if let keepCheckpoints {
            try check { ironwal_sharded_options_set_retention(sharded, keepCheckpoints, $0) }
        }
        return try log.with(path) { try body($0, sharded) }
    }
}

/// Where an entry went.
public struct Placed: Sendable, Hashable {
    public let shard: UInt32
    public let id: UInt64
}

/// A checkpoint: for each shard the id from which replay starts.
public struct Checkpoint: Sendable, Hashable {
    /// Its id, which has any bytes.
    public let id: Data
    /// When it was made. The order of checkpoints does not follow it.
    public let time: Date
    /// For each shard the next id at the time of the checkpoint. Empty in a list.
    public let offsets: [UInt64]

    /// Its id as text.
    public var name: String { String(decoding: id, as: UTF8.self) }

    fileprivate init(id: ironwal_view, timeNs: UInt64, offsets: [UInt64]) {
        self.id = copied(id)
        self.time = Date(timeIntervalSince1970: Double(timeNs) / 1e9)
        self.offsets = offsets
    }

    /// Copies a checkpoint of the library, and frees it.
    fileprivate init(_ loaded: OpaquePointer) throws {
        defer { ironwal_checkpoint_free(loaded) }
        let offsets = try (0..<ironwal_checkpoint_shard_count(loaded)).map { shard in
            var offset: UInt64 = 0
            try check { ironwal_checkpoint_offset(loaded, shard, &offset, $0) }
            return offset
        }
        self.init(id: ironwal_checkpoint_id(loaded), timeNs: ironwal_checkpoint_timestamp_ns(loaded), offsets: offsets)
    }
}

/// Counts of automatic checkpoints since the log was opened.
public struct AutomaticStatus: Sendable, Hashable {
    public let created: UInt64
    public let failed: UInt64
    /// Why the last attempt failed; nil where it succeeded.
    public let lastError: String?
}

/// What a pruning removed.
public struct PruneStats: Sendable, Hashable {
    public let shardsPruned: UInt64
    public let segmentsDeleted: UInt64
}

/// What a compaction of checkpoints removed.
public struct CompactionStats: Sendable, Hashable {
    public let checkpointsBefore: UInt64
    public let checkpointsAfter: UInt64
    public let bytesReclaimed: UInt64
}

/// An open log of many shards: entries go to the shard of their key, in order within it, and checkpoints are consistent cuts through
/// all shards. Any thread and task may use it.
public final class ShardedLog: Sendable {
    private let handle: LogHandle

    /// Opens a sharded log in a directory, creating or recovering it. The number of shards, 1 to 65,535, is recorded when the log is
    /// made; another one throws ``Status/shardCountMismatch`` later.
    public init(_ path: String, shards: UInt32, options: ShardedOptions = ShardedOptions()) throws {
        try checkLibrary()
        var opened: OpaquePointer?
        try options.with(path, shards: shards) { log, sharded in
            try check { ironwal_sharded_open(log, sharded, &opened, $0) }
        }
        handle = LogHandle(opened!, free: ironwal_sharded_free)
    }

    /// Opens the log for reading, while a program may write it. 0 shards: as many as are recorded.
    public init(readOnly path: String, shards: UInt32 = 0, options: Options = Options()) throws {
        try checkLibrary()
        var opened: OpaquePointer?
        try options.with(path) { log in try check { ironwal_sharded_open_read_only(log, shards, &opened, $0) } }
        handle = LogHandle(opened!, free: ironwal_sharded_free)
    }

    /// The shard of a key among so many shards.
    public static func route<Key: ContiguousBytes>(_ key: Key, shards: UInt32) throws -> UInt32 {
        var shard: UInt32 = 0
        try key.withUnsafeBytes { key in
            try check { ironwal_sharded_route(key.baseAddress, key.count, shards, &shard, $0) }
        }
        return shard
    }

    /// Ends the automatic checkpoints and closes the log: see ``Log/close()``.
    public func close() throws { try handle.close { ironwal_sharded_close($0, $1) } }

    /// How many shards the log has.
    public func shardCount() throws -> UInt32 {
        var count: UInt32 = 0
        try handle.use { log in try check { ironwal_sharded_shard_count(log, &count, $0) } }
        return count
    }

    /// A shard as a stream, for reading and following it. What is appended or removed through it bypasses routing and checkpoints.
    public func shard(_ shard: UInt32) throws -> LogStream {
        let count = try shardCount()
        guard shard < count else { throw IronwalError(.config, "there is no shard \(shard) of \(count)") }
        return try handle.use { log in
            var wal: OpaquePointer?
            try check { ironwal_sharded_wal(log, &wal, $0) }
            defer { ironwal_wal_free(wal) }
            return try LogStream(wal!, shard < 10 ? "shard_0\(shard)" : "shard_\(shard)", handle.callbacks)
        }
    }

    /// Appends one entry to the shard of its key. The key is not stored.
    @discardableResult
    public func append<Key: ContiguousBytes, Bytes: ContiguousBytes>(key: Key, _ entry: Bytes) throws -> Placed {
        var shard: UInt32 = 0
        var id: UInt64 = 0
        try key.withUnsafeBytes { key in
            try entry.withUnsafeBytes { entry in
                try handle.use { log in
                    try check {
                        ironwal_sharded_append(
                            log, key.baseAddress, key.count, entry.baseAddress, entry.count, &shard, &id, $0)
                    }
                }
            }
        }
        return Placed(shard: shard, id: id)
    }

    /// Appends several entries to the shards of their keys, and returns where each went. Within a shard the batch is atomic; over
    /// several it is not: ``Status/batchIncomplete``, with ``IronwalError/committed``.
    @discardableResult
    public func append<Key: ContiguousBytes, Bytes: ContiguousBytes>(batch: [(key: Key, entry: Bytes)]) throws -> [Placed] {
        var both: [Data] = []
        for one in batch {
            both.append(one.key.withUnsafeBytes { Data($0) })
            both.append(one.entry.withUnsafeBytes { Data($0) })
        }
        // One more than there are, as the address of an empty array is that of none.
        var shards = [UInt32](repeating: 0, count: batch.count + 1)
        var ids = [UInt64](repeating: 0, count: batch.count + 1)
        try Gathered(both).withSlices { slices, _ in
            var keyed = (0..<batch.count).map { ironwal_keyed_slice(key: slices[2 * $0], value: slices[2 * $0 + 1]) }
            keyed.append(ironwal_keyed_slice())
            try handle.use { log in
                try check { ironwal_sharded_append_batch(log, keyed, batch.count, &shards, &ids, $0) }
            }
        }
        return (0..<batch.count).map { Placed(shard: shards[$0], id: ids[$0]) }
    }

    /// Makes everything appended so far durable, in all shards at once.
    public func flush() throws { try handle.use { log in try check { ironwal_sharded_flush_all(log, $0) } } }

    /// Looks at everything again in a log that is open read-only. Reading does so where it has to.
    public func refresh() throws { try handle.use { log in try check { ironwal_sharded_refresh(log, $0) } } }

    /// Makes a checkpoint, a consistent cut through all shards. Its id has 1 to 65,535 bytes of UTF-8.
    public func createCheckpoint(_ id: String) throws {
        try handle.use { log in
            try withUTF8(id) { id, length in try check { ironwal_sharded_create_checkpoint(log, id, length, $0) } }
        }
    }

    /// Loads the checkpoint of an id.
    public func loadCheckpoint(_ id: String) throws -> Checkpoint {
        var loaded: OpaquePointer?
        try handle.use { log in
            try withUTF8(id) { id, length in try check { ironwal_sharded_load_checkpoint(log, id, length, &loaded, $0) } }
        }
        return try Checkpoint(loaded!)
    }

    /// Loads the newest checkpoint. Throws ``Status/noCheckpoints`` where there is none.
    public func loadLatestCheckpoint() throws -> Checkpoint {
        var loaded: OpaquePointer?
        try handle.use { log in try check { ironwal_sharded_load_latest_checkpoint(log, &loaded, $0) } }
        return try Checkpoint(loaded!)
    }

    /// The checkpoints that can be loaded, oldest first, without their offsets.
    public func checkpoints() throws -> [Checkpoint] {
        var list: OpaquePointer?
        try handle.use { log in try check { ironwal_sharded_list_checkpoints(log, &list, $0) } }
        defer { ironwal_checkpoint_list_free(list) }
        return try (0..<ironwal_checkpoint_list_count(list)).map { index in
            var id = ironwal_view()
            var time: UInt64 = 0
            try check { ironwal_checkpoint_list_get(list, index, &id, &time, $0) }
            return Checkpoint(id: id, timeNs: time, offsets: [])
        }
    }

    /// Removes the segments that hold only entries below the checkpoint's offsets, and older checkpoints.
    @discardableResult
    public func prune(before id: String) throws -> PruneStats {
        var stats = ironwal_prune_stats()
        try handle.use { log in
            try withUTF8(id) { id, length in
                try check {
                    ironwal_sharded_prune_before_checkpoint(
                        log, id, length, &stats, MemoryLayout<ironwal_prune_stats>.size, $0)
                }
            }
        }
        return PruneStats(shardsPruned: stats.shards_pruned, segmentsDeleted: stats.segments_deleted)
    }

    /// Removes all entries that the checkpoint does not hold, and all later checkpoints, in one step.
    public func rollback(to id: String) throws {
        try handle.use { log in
            try withUTF8(id) { id, length in
                try check { ironwal_sharded_rollback_to_checkpoint(log, id, length, $0) }
            }
        }
    }

    /// Removes all checkpoints but the newest ones. Removes no entries.
    @discardableResult
    public func compactCheckpoints(keepLatest: Int) throws -> CompactionStats {
        var stats = ironwal_compaction_stats()
        try handle.use { log in
            try check {
                ironwal_sharded_compact_checkpoints(
                    log, keepLatest, &stats, MemoryLayout<ironwal_compaction_stats>.size, $0)
            }
        }
        return CompactionStats(
            checkpointsBefore: stats.checkpoints_before, checkpointsAfter: stats.checkpoints_after,
            bytesReclaimed: stats.bytes_reclaimed)
    }

    /// How automatic checkpoints went. Nil: the log was opened without them.
    public func automaticStatus() throws -> AutomaticStatus? {
        var status = ironwal_automatic_status()
        var last = ironwal_buffer()
        let found = try handle.use { log in
            try check(or: Int32(IRONWAL_E_NOT_FOUND)) {
                ironwal_sharded_automatic_status(log, &status, MemoryLayout<ironwal_automatic_status>.size, &last, $0)
            }
        }
        guard found else { return nil }
        let text = taken(&last)
        return AutomaticStatus(
            created: status.created, failed: status.failed,
            lastError: text.isEmpty ? nil : String(decoding: text, as: UTF8.self))
    }

    /// Puts a copy of the log with its checkpoints, as it is at one moment, into the new directory.
    @discardableResult
    public func snapshot(to directory: String, mode: SnapshotMode = .link) throws -> SnapshotStats {
        var stats = ironwal_snapshot_stats()
        try handle.use { log in
            try withUTF8(directory) { path, length in
                try check {
                    ironwal_sharded_snapshot_to(
                        log, path, length, mode.rawValue, &stats, MemoryLayout<ironwal_snapshot_stats>.size, $0)
                }
            }
        }
        return SnapshotStats(stats)
    }
}
