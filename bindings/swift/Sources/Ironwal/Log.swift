import CIronwal
import Foundation

/// An open log: the only writer of its directory. Any thread and task may use it.
///
///     let log = try Log("orders")
///     let trades = try log.stream("trades")
///     let id = try trades.append(Data("100@42".utf8)) // durable
///     let entry = try trades.get(id)
///     try log.close()
///
/// A log that is forgotten is closed once its last stream is gone, and a failure to reach the disk is not reported.
public final class Log: Sendable {
    private let handle: LogHandle

    /// Opens the log in a directory, creating or recovering it. The parent must exist. Everything that can be read afterwards is
    /// durable.
    public init(_ path: String, options: Options = Options()) throws {
        try checkLibrary()
        var opened: OpaquePointer?
        try options.with(path) { options in try check { ironwal_wal_open(options, &opened, $0) } }
        handle = LogHandle(opened!, free: ironwal_wal_free)
    }

    /// Opens the log for reading, while a program may write it. Nothing on the disk is changed or locked.
    public init(readOnly path: String, options: Options = Options()) throws {
        try checkLibrary()
        var opened: OpaquePointer?
        try options.with(path) { options in try check { ironwal_wal_open_read_only(options, &opened, $0) } }
        handle = LogHandle(opened!, free: ironwal_wal_free)
    }

    /// Makes everything durable and closes the log, also for its streams, after the calls on the log that are under way. It
    /// completes every callback. The log is closed even if this throws, except for ``Status/invalidArgument``: a callback called it,
    /// and nothing was done. A second close throws ``Status/closed``.
    public func close() throws { try handle.close { ironwal_wal_close($0, $1) } }

    /// Makes every stream durable.
    public func sync() throws { try handle.use { log in try check { ironwal_wal_sync_all(log, $0) } } }

    /// The names of the streams, sorted.
    public func streams() throws -> [String] {
        var listed: OpaquePointer?
        try handle.use { log in try check { ironwal_wal_streams(log, &listed, $0) } }
        defer { ironwal_name_list_free(listed) }
        return (0..<ironwal_name_list_count(listed)).map { text(ironwal_name_list_get(listed, $0)) ?? "" }
    }

    /// A handle of a stream, which its first append creates. It keeps the log open while it is referred to, unless that is closed.
    public func stream(_ name: String) throws -> LogStream { try handle.use { try LogStream($0, name, handle.callbacks) } }

    /// Deletes a stream with all its entries, durably. Deleting what is not there succeeds.
    public func deleteStream(_ name: String) throws {
        try handle.use { log in
            try withUTF8(name) { name, length in try check { ironwal_delete_stream(log, name, length, $0) } }
        }
    }

    /// Whether the log is open for reading only.
    public func isReadOnly() throws -> Bool {
        var readOnly = false
        try handle.use { log in try check { ironwal_wal_is_read_only(log, &readOnly, $0) } }
        return readOnly
    }

    /// Looks at everything again in a log that is open read-only. Reading does so where it has to.
    public func refresh() throws { try handle.use { log in try check { ironwal_wal_refresh(log, $0) } } }

    /// Removes old segments of all streams, durably, and returns how many.
    @discardableResult
    public func apply(_ retention: Retention) throws -> Int {
        var segments = 0
        try handle.use { log in
            try check {
                ironwal_wal_apply_retention(log, retention.bytes, retention.ageNs, retention.keepCursors, &segments, $0)
            }
        }
        return segments
    }

    /// What has happened to all streams since the log was opened, and where they are now. Its fields are those of
    /// `ironwal_wal_stats_t` in `ironwal.h`.
    public func stats() throws -> LogStats {
        var stats = ironwal_wal_stats_t()
        try handle.use { log in try check { ironwal_wal_stats(log, &stats, MemoryLayout<ironwal_wal_stats_t>.size, $0) } }
        return stats
    }

    /// Reads everything that is stored and checks it. It changes nothing, and no call waits for it.
    public func verify() throws -> VerifyReport { try handle.use { try VerifyReport($0) } }

    /// What opening the log found and did. It does not change while the log is open.
    public func recovery() throws -> RecoveryReport { try handle.use { try RecoveryReport($0) } }

    /// Puts a copy of the log, as it is at one moment, into the new directory.
    @discardableResult
    public func snapshot(to directory: String, mode: SnapshotMode = .link) throws -> SnapshotStats {
        var stats = ironwal_snapshot_stats()
        try handle.use { log in
            try withUTF8(directory) { path, length in
                try check {
                    ironwal_wal_snapshot_to(
                        log, path, length, mode.rawValue, &stats, MemoryLayout<ironwal_snapshot_stats>.size, $0)
                }
            }
        }
        return SnapshotStats(stats)
    }

    /// As ``snapshot(to:mode:)``, also where a log that is open read-only finds no moment at which the writer pauses.
    @discardableResult
    public func snapshotStreams(to directory: String, mode: SnapshotMode = .link) throws -> SnapshotStats {
        var stats = ironwal_snapshot_stats()
        try handle.use { log in
            try withUTF8(directory) { path, length in
                try check {
                    ironwal_wal_snapshot_streams_to(
                        log, path, length, mode.rawValue, &stats, MemoryLayout<ironwal_snapshot_stats>.size, $0)
                }
            }
        }
        return SnapshotStats(stats)
    }
}
