//! How is a log opened, listed, copied and closed?

const c = @import("c");
const errors = @import("errors.zig");
const reports = @import("reports.zig");
const Call = errors.Call;
const Diagnostics = errors.Diagnostics;
const Error = errors.Error;
const Options = @import("options.zig").Options;
const Retention = @import("options.zig").Retention;
const SnapshotMode = @import("options.zig").SnapshotMode;
const SyncMode = @import("options.zig").SyncMode;
const Stream = @import("stream.zig").Stream;
const Transaction = @import("stream.zig").Transaction;

/// Opens the log in the directory `path`, and creates or recovers it. The parent of the directory must
/// exist. This is the only writer: another one gets `error.Locked`.
pub fn open(path: []const u8, options: Options) Error!Log {
    return openWith(path, options, c.ironwal_wal_open);
}

/// Opens a log for reading, also while it is open for writing in this or another process. What it shows
/// follows the writer; calls that write return `error.ReadOnly`.
pub fn openReadOnly(path: []const u8, options: Options) Error!Log {
    return openWith(path, options, c.ironwal_wal_open_read_only);
}

fn openWith(path: []const u8, options: Options, comptime opener: anytype) Error!Log {
    const made = try options.handle(path);
    defer c.ironwal_options_free(made);
    var call = Call.of(options.diagnostics);
    var wal: ?*c.ironwal_wal = null;
    try call.end(opener(made, &wal, call.out()));
    return .{ .handle = wal, .diagnostics = options.diagnostics, .sync_mode = options.sync_mode };
}

/// An open log. For any number of threads at once; `close` and `deinit` must be the last calls on it.
pub const Log = struct {
    handle: ?*c.ironwal_wal,
    diagnostics: ?*Diagnostics = null,
    sync_mode: SyncMode,

    /// Closes the log for all its handles: makes everything durable and releases the lock. The handle is
    /// gone, also after a failure; only from within a callback of `Stream.onDurable` the call is refused
    /// with `error.InvalidArg`, and the log stays open. A second close returns `error.Closed`.
    pub fn close(log: *Log) Error!void {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        const status = c.ironwal_wal_close(wal, call.out());
        if (status != c.IRONWAL_E_INVALID_ARG) log.handle = null;
        return call.end(status);
    }

    /// Frees the handle, if it is not closed. The log is closed once its last stream is freed too. A
    /// failure to reach the disk is not reported: prefer `close`, with `deinit` deferred.
    pub fn deinit(log: *Log) void {
        c.ironwal_wal_free(log.handle);
        log.handle = null;
    }

    /// The same log, with other diagnostics. It shares the handle: free one of both.
    pub fn reporting(log: Log, diagnostics: ?*Diagnostics) Log {
        return .{ .handle = log.handle, .diagnostics = diagnostics, .sync_mode = log.sync_mode };
    }

    /// A handle of a stream, which its first append creates. Names are 1 to 255 bytes of UTF-8 without a
    /// NUL. The stream keeps the log open until it is freed, unless that is closed.
    pub fn stream(log: Log, name: []const u8) Error!Stream {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var made: ?*c.ironwal_stream = null;
        try call.end(c.ironwal_stream_open(wal, name.ptr, name.len, &made, call.out()));
        errdefer c.ironwal_stream_free(made);
        var mode: i32 = 0;
        try call.end(c.ironwal_stream_sync_mode(made, &mode, call.out()));
        return .{ .handle = made, .diagnostics = log.diagnostics, .sync_mode = @enumFromInt(mode) };
    }

    /// Begins a transaction: entries gathered in memory and appended as one.
    pub fn transaction(log: Log, name: []const u8) Error!Transaction {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var made: ?*c.ironwal_txn = null;
        try call.end(c.ironwal_txn_begin(wal, name.ptr, name.len, &made, call.out()));
        return .{ .handle = made, .diagnostics = log.diagnostics };
    }

    /// The names of the streams, sorted. The list outlives the log.
    pub fn streams(log: Log) Error!NameList {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var made: ?*c.ironwal_name_list = null;
        try call.end(c.ironwal_wal_streams(wal, &made, call.out()));
        return .{ .handle = made };
    }

    /// Deletes a stream with all its entries. Deleting what is not there succeeds.
    pub fn deleteStream(log: Log, name: []const u8) Error!void {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        try call.end(c.ironwal_delete_stream(wal, name.ptr, name.len, call.out()));
    }

    /// Makes every stream durable.
    pub fn syncAll(log: Log) Error!void {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        try call.end(c.ironwal_wal_sync_all(wal, call.out()));
    }

    /// Whether the log was opened with `openReadOnly`.
    pub fn isReadOnly(log: Log) Error!bool {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var read_only = false;
        try call.end(c.ironwal_wal_is_read_only(wal, &read_only, call.out()));
        return read_only;
    }

    /// Looks at everything again in a log that is open read-only. Reading does so where it has to.
    pub fn refresh(log: Log) Error!void {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        try call.end(c.ironwal_wal_refresh(wal, call.out()));
    }

    /// Reads everything that is stored and checks it.
    pub fn verify(log: Log) Error!reports.VerifyReport {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var made: ?*c.ironwal_verify_report = null;
        try call.end(c.ironwal_wal_verify(wal, &made, call.out()));
        return .{ .handle = made };
    }

    /// What opening found and did.
    pub fn recovery(log: Log) Error!reports.RecoveryReport {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var made: ?*c.ironwal_recovery_report = null;
        try call.end(c.ironwal_wal_recovery(wal, &made, call.out()));
        return .{ .handle = made };
    }

    /// What has happened to all streams since the log was opened.
    pub fn stats(log: Log) Error!reports.LogStats {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var found: reports.LogStats = undefined;
        try call.end(c.ironwal_wal_stats(wal, &found, @sizeOf(reports.LogStats), call.out()));
        return found;
    }

    /// Puts a copy of the log, as it is at one moment, into the new directory `dir`.
    pub fn snapshotTo(log: Log, dir: []const u8, mode: SnapshotMode) Error!reports.SnapshotStats {
        return log.snapshotWith(dir, mode, c.ironwal_wal_snapshot_to);
    }

    /// As `snapshotTo`, also where a log that is open read-only finds no moment at which the writer pauses:
    /// `is_one_moment` says whether it found one.
    pub fn snapshotStreamsTo(log: Log, dir: []const u8, mode: SnapshotMode) Error!reports.SnapshotStats {
        return log.snapshotWith(dir, mode, c.ironwal_wal_snapshot_streams_to);
    }

    fn snapshotWith(log: Log, dir: []const u8, mode: SnapshotMode, comptime call_of: anytype) Error!reports.SnapshotStats {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var found: reports.SnapshotStats = undefined;
        const size = @sizeOf(reports.SnapshotStats);
        try call.end(call_of(wal, dir.ptr, dir.len, @intFromEnum(mode), &found, size, call.out()));
        return found;
    }

    /// Removes old segments of all streams; returns their number.
    pub fn applyRetention(log: Log, retention: Retention) Error!usize {
        const wal = try log.get();
        var call = Call.of(log.diagnostics);
        var segments: usize = 0;
        const bytes = Retention.limit(retention.max_bytes);
        const age = Retention.limit(retention.max_age_ns);
        try call.end(c.ironwal_wal_apply_retention(wal, bytes, age, retention.keep_cursors, &segments, call.out()));
        return segments;
    }

    fn get(log: Log) Error!*c.ironwal_wal {
        return log.handle orelse errors.closed(log.diagnostics);
    }
};

/// Names of streams.
pub const NameList = struct {
    handle: ?*c.ironwal_name_list,

    pub fn count(names: NameList) usize {
        return c.ironwal_name_list_count(names.handle);
    }

    /// Null past the last one. The text ends with the list.
    pub fn at(names: NameList, index: usize) ?[]const u8 {
        return errors.text(c.ironwal_name_list_get(names.handle, index));
    }

    pub fn deinit(names: *NameList) void {
        c.ironwal_name_list_free(names.handle);
        names.handle = null;
    }
};
