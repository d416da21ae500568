//! How do entries go to the shard of their key, and how are checkpoints made, loaded and pruned?

const std = @import("std");
const c = @import("c");
const bytes = @import("bytes.zig");
const errors = @import("errors.zig");
const iterators = @import("iterator.zig");
const reports = @import("reports.zig");
const Call = errors.Call;
const Diagnostics = errors.Diagnostics;
const Error = errors.Error;
const Log = @import("log.zig").Log;
const Options = @import("options.zig").Options;
const Range = errors.Range;
const SnapshotMode = @import("options.zig").SnapshotMode;
const SyncMode = @import("options.zig").SyncMode;

/// How automatic checkpoints get their ids. The function writes an id to the memory given, which takes the
/// longest one, and returns its length; 0 fails that checkpoint, which is tried again later.
pub const CheckpointIds = struct {
    context: usize,
    callback: *const fn (usize, u64, [*c]u8, usize) callconv(.c) usize,

    /// `context` is a pointer that is given back each time, and must outlive the log. The number that the
    /// function gets grows from one checkpoint to the next.
    pub fn init(context: anytype, comptime function: fn (@TypeOf(context), u64, []u8) usize) CheckpointIds {
        const Context = @TypeOf(context);
        const Thunk = struct {
            fn call(at: usize, number: u64, buffer: [*c]u8, capacity: usize) callconv(.c) usize {
                return function(@as(Context, @ptrFromInt(at)), number, buffer[0..capacity]);
            }
        };
        return .{ .context = @intFromPtr(context), .callback = Thunk.call };
    }
};

/// What a sharded log is opened with beside its options. None of it is stored.
pub const ShardedOptions = struct {
    log: Options = .{},
    /// Makes a checkpoint whenever so many more entries were appended, over all shards.
    checkpoint_every_entries: ?u64 = null,
    /// Makes a checkpoint so often, if there are new entries.
    checkpoint_interval_ns: ?u64 = null,
    /// Names automatic checkpoints so, followed by 20 digits. Default "auto-".
    checkpoint_prefix: ?[]const u8 = null,
    /// Names automatic checkpoints by a function.
    checkpoint_ids: ?CheckpointIds = null,
    /// After each automatic checkpoint, prunes what is older than so many of the newest ones.
    retention: ?usize = null,
};

/// Opens a sharded log in the directory `path`, and creates or recovers it. The number of shards, 1 to
/// 65,535, is recorded when the log is made; another one is `error.ShardCountMismatch` later.
pub fn openSharded(path: []const u8, shard_count: u32, options: ShardedOptions) Error!ShardedLog {
    const diagnostics = options.log.diagnostics;
    var call = Call.of(diagnostics);
    var made: ?*c.ironwal_sharded_options = null;
    try call.end(c.ironwal_sharded_options_new(shard_count, &made, call.out()));
    defer c.ironwal_sharded_options_free(made);
    if (options.checkpoint_every_entries) |entries| {
        try call.end(c.ironwal_sharded_options_set_checkpoint_every_entries(made, entries, call.out()));
    }
    if (options.checkpoint_interval_ns) |interval| {
        try call.end(c.ironwal_sharded_options_set_checkpoint_interval(made, interval, call.out()));
    }
    if (options.checkpoint_prefix) |prefix| {
        try call.end(c.ironwal_sharded_options_set_checkpoint_prefix(made, prefix.ptr, prefix.len, call.out()));
    }
    if (options.checkpoint_ids) |ids| {
        try call.end(c.ironwal_sharded_options_set_checkpoint_ids(made, ids.callback, ids.context, call.out()));
    }
    if (options.retention) |latest| {
        try call.end(c.ironwal_sharded_options_set_retention(made, latest, call.out()));
    }
    const log = try options.log.handle(path);
    defer c.ironwal_options_free(log);
    var sharded: ?*c.ironwal_sharded = null;
    try call.end(c.ironwal_sharded_open(log, made, &sharded, call.out()));
    return .{ .handle = sharded, .diagnostics = diagnostics, .sync_mode = options.log.sync_mode };
}

/// Opens a sharded log for reading, also while it is open for writing in this or another process. It follows the writer;
/// calls that change something return `error.ReadOnly`. A number of shards is compared with the recorded one; null takes
/// that.
pub fn openShardedReadOnly(path: []const u8, shard_count: ?u32, options: Options) Error!ShardedLog {
    const made = try options.handle(path);
    defer c.ironwal_options_free(made);
    var call = Call.of(options.diagnostics);
    var sharded: ?*c.ironwal_sharded = null;
    try call.end(c.ironwal_sharded_open_read_only(made, shard_count orelse 0, &sharded, call.out()));
    return .{ .handle = sharded, .diagnostics = options.diagnostics, .sync_mode = options.sync_mode };
}

/// The shard of a key among `shard_count` shards.
pub fn route(key: []const u8, shard_count: u32) Error!u32 {
    var shard: u32 = undefined;
    var call = Call.of(null);
    try call.end(c.ironwal_sharded_route(key.ptr, key.len, shard_count, &shard, call.out()));
    return shard;
}

/// An entry of a batch. The key is not stored.
pub const KeyedEntry = struct { key: []const u8, entry: []const u8 };

/// Where an entry went.
pub const Placed = struct { shard: u32, id: u64 };

/// Counts of automatic checkpoints; the header explains each field.
pub const AutomaticCounts = c.ironwal_automatic_status;

/// How automatic checkpoints went.
pub const AutomaticStatus = struct {
    counts: AutomaticCounts,
    /// The error of a failed last attempt; empty where it succeeded.
    last_error: bytes.Buffer,

    pub fn deinit(status: *AutomaticStatus) void {
        status.last_error.deinit();
    }
};

/// An open log of many shards. For any number of threads at once; `close` and `deinit` must be the last
/// calls on it.
pub const ShardedLog = struct {
    handle: ?*c.ironwal_sharded,
    diagnostics: ?*Diagnostics = null,
    sync_mode: SyncMode,

    /// Ends the automatic checkpoints and closes the log for all its handles: see `Log.close`. Refused with
    /// `error.InvalidArg` from within the function of `ShardedOptions.checkpoint_ids`.
    pub fn close(sharded: *ShardedLog) Error!void {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        const status = c.ironwal_sharded_close(handle, call.out());
        if (status != c.IRONWAL_E_INVALID_ARG) sharded.handle = null;
        return call.end(status);
    }

    /// Frees the handle, if it is not closed: see `Log.deinit`.
    pub fn deinit(sharded: *ShardedLog) void {
        c.ironwal_sharded_free(sharded.handle);
        sharded.handle = null;
    }

    /// Looks at all shards and checkpoints again in a log that is open read-only. Reading and loading do so where they have
    /// to.
    pub fn refresh(sharded: ShardedLog) Error!void {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        try call.end(c.ironwal_sharded_refresh(handle, call.out()));
    }

    pub fn shardCount(sharded: ShardedLog) Error!u32 {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var count: u32 = undefined;
        try call.end(c.ironwal_sharded_shard_count(handle, &count, call.out()));
        return count;
    }

    /// The log below, in which shard n is the stream "shard_%02u": for following and watching shards. What
    /// is appended or removed through it bypasses routing and checkpoints. `deinit` it; `close` closes the
    /// sharded log too.
    pub fn log(sharded: ShardedLog) Error!Log {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var made: ?*c.ironwal_wal = null;
        try call.end(c.ironwal_sharded_wal(handle, &made, call.out()));
        return .{ .handle = made, .diagnostics = sharded.diagnostics, .sync_mode = sharded.sync_mode };
    }

    /// Reads a shard from `start_id`, or from the first id kept where that is later.
    pub fn iterateShard(sharded: ShardedLog, shard: u32, start_id: u64) Error!iterators.Iterator {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var made: ?*c.ironwal_iter = null;
        try call.end(c.ironwal_sharded_iter_shard(handle, shard, start_id, &made, call.out()));
        return .{ .handle = made, .diagnostics = sharded.diagnostics };
    }

    /// Appends one entry to the shard of its key.
    pub fn append(sharded: ShardedLog, key: []const u8, entry: []const u8) Error!Placed {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var placed: Placed = undefined;
        try call.end(c.ironwal_sharded_append(
            handle,
            key.ptr,
            key.len,
            entry.ptr,
            entry.len,
            &placed.shard,
            &placed.id,
            call.out(),
        ));
        return placed;
    }

    /// Appends several entries to the shards of their keys. Within a shard the batch is atomic; over several
    /// it is not. `placed` gets where each entry went, and has as many elements as `entries`.
    pub fn appendBatch(sharded: ShardedLog, entries: []const KeyedEntry, placed: []Placed) Error!void {
        const handle = try sharded.open();
        if (placed.len != entries.len) return errors.refused(sharded.diagnostics, c.IRONWAL_E_INVALID_ARG);
        var array: bytes.Array(c.ironwal_keyed_slice) = .{};
        defer array.deinit();
        var shard_array: bytes.Array(u32) = .{};
        defer shard_array.deinit();
        var id_array: bytes.Array(u64) = .{};
        defer id_array.deinit();
        const given = try array.reserve(entries.len);
        const shards = try shard_array.reserve(entries.len);
        const ids = try id_array.reserve(entries.len);
        for (given, entries) |*to, from| {
            to.* = .{ .key = bytes.slice(from.key), .value = bytes.slice(from.entry) };
        }
        var call = Call.of(sharded.diagnostics);
        try call.end(c.ironwal_sharded_append_batch(handle, given.ptr, given.len, shards.ptr, ids.ptr, call.out()));
        for (placed, shards, ids) |*to, shard, id| to.* = .{ .shard = shard, .id = id };
    }

    /// Where a batch for one key went.
    pub const PlacedBatch = struct { shard: u32, ids: Range };

    /// Appends several entries to the shard of one key as one.
    pub fn appendBatchForKey(sharded: ShardedLog, key: []const u8, entries: []const []const u8) Error!PlacedBatch {
        const handle = try sharded.open();
        var slices: bytes.Entries = .{};
        defer slices.deinit();
        const given = try slices.of(entries);
        var call = Call.of(sharded.diagnostics);
        var placed: PlacedBatch = undefined;
        try call.end(c.ironwal_sharded_append_batch_for_key(
            handle,
            key.ptr,
            key.len,
            given.ptr,
            given.len,
            &placed.shard,
            &placed.ids.first_id,
            &placed.ids.end_id,
            call.out(),
        ));
        return placed;
    }

    /// Makes everything appended to a shard so far durable.
    pub fn flushShard(sharded: ShardedLog, shard: u32) Error!void {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        try call.end(c.ironwal_sharded_flush_shard(handle, shard, call.out()));
    }

    /// Makes everything appended so far durable, in all shards at once.
    pub fn flushAll(sharded: ShardedLog) Error!void {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        try call.end(c.ironwal_sharded_flush_all(handle, call.out()));
    }

    /// Makes a checkpoint, a consistent cut through all shards. An id has 1 to 65,535 bytes.
    pub fn createCheckpoint(sharded: ShardedLog, id: []const u8) Error!void {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        try call.end(c.ironwal_sharded_create_checkpoint(handle, id.ptr, id.len, call.out()));
    }

    /// Loads the checkpoint of an id.
    pub fn loadCheckpoint(sharded: ShardedLog, id: []const u8) Error!Checkpoint {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var made: ?*c.ironwal_checkpoint = null;
        try call.end(c.ironwal_sharded_load_checkpoint(handle, id.ptr, id.len, &made, call.out()));
        return .{ .handle = made };
    }

    /// Loads the newest checkpoint; `error.NoCheckpoints` where there is none.
    pub fn loadLatestCheckpoint(sharded: ShardedLog) Error!Checkpoint {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var made: ?*c.ironwal_checkpoint = null;
        try call.end(c.ironwal_sharded_load_latest_checkpoint(handle, &made, call.out()));
        return .{ .handle = made };
    }

    /// How many checkpoints can be loaded.
    pub fn checkpointCount(sharded: ShardedLog) Error!usize {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var count: usize = undefined;
        try call.end(c.ironwal_sharded_checkpoint_count(handle, &count, call.out()));
        return count;
    }

    /// The checkpoints that can be loaded, oldest first.
    pub fn checkpoints(sharded: ShardedLog) Error!CheckpointList {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var made: ?*c.ironwal_checkpoint_list = null;
        try call.end(c.ironwal_sharded_list_checkpoints(handle, &made, call.out()));
        return .{ .handle = made };
    }

    /// Removes the segments that hold only entries below the checkpoint's offsets, and older checkpoints.
    pub fn pruneBeforeCheckpoint(sharded: ShardedLog, id: []const u8) Error!c.ironwal_prune_stats {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var stats: c.ironwal_prune_stats = undefined;
        const size = @sizeOf(c.ironwal_prune_stats);
        try call.end(c.ironwal_sharded_prune_before_checkpoint(handle, id.ptr, id.len, &stats, size, call.out()));
        return stats;
    }

    /// Removes all entries that the checkpoint does not hold, and all later checkpoints, in one step.
    pub fn rollbackToCheckpoint(sharded: ShardedLog, id: []const u8) Error!void {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        try call.end(c.ironwal_sharded_rollback_to_checkpoint(handle, id.ptr, id.len, call.out()));
    }

    /// Removes all checkpoints but the newest `keep_latest`. Removes no entries.
    pub fn compactCheckpoints(sharded: ShardedLog, keep_latest: usize) Error!c.ironwal_compaction_stats {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var stats: c.ironwal_compaction_stats = undefined;
        const size = @sizeOf(c.ironwal_compaction_stats);
        try call.end(c.ironwal_sharded_compact_checkpoints(handle, keep_latest, &stats, size, call.out()));
        return stats;
    }

    /// How automatic checkpoints went; null where the log was opened without them. `deinit` it.
    pub fn automaticStatus(sharded: ShardedLog) Error!?AutomaticStatus {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var found: AutomaticStatus = .{ .counts = undefined, .last_error = .{} };
        const size = @sizeOf(AutomaticCounts);
        const last_error = &found.last_error.buffer;
        const status = c.ironwal_sharded_automatic_status(handle, &found.counts, size, last_error, call.out());
        return if (try call.endUnless(status, c.IRONWAL_E_NOT_FOUND)) found else null;
    }

    /// Puts a copy of the log with its checkpoints, as it is at one moment, into the new directory `dir`.
    pub fn snapshotTo(sharded: ShardedLog, dir: []const u8, mode: SnapshotMode) Error!reports.SnapshotStats {
        const handle = try sharded.open();
        var call = Call.of(sharded.diagnostics);
        var stats: reports.SnapshotStats = undefined;
        const size = @sizeOf(reports.SnapshotStats);
        try call.end(c.ironwal_sharded_snapshot_to(handle, dir.ptr, dir.len, @intFromEnum(mode), &stats, size, call.out()));
        return stats;
    }

    fn open(sharded: ShardedLog) Error!*c.ironwal_sharded {
        return sharded.handle orelse errors.closed(sharded.diagnostics);
    }
};

/// A checkpoint that was loaded: for each shard the id from which replay starts. It outlives the log.
pub const Checkpoint = struct {
    handle: ?*c.ironwal_checkpoint,

    /// Ends with the checkpoint.
    pub fn id(checkpoint: Checkpoint) []const u8 {
        return bytes.viewed(c.ironwal_checkpoint_id(checkpoint.handle));
    }

    /// In nanoseconds since 1970.
    pub fn timestampNs(checkpoint: Checkpoint) u64 {
        return c.ironwal_checkpoint_timestamp_ns(checkpoint.handle);
    }

    pub fn shardCount(checkpoint: Checkpoint) u32 {
        return c.ironwal_checkpoint_shard_count(checkpoint.handle);
    }

    /// The next id of a shard at the time of the checkpoint. `error.Config`: there is no such shard.
    pub fn offset(checkpoint: Checkpoint, shard: u32) Error!u64 {
        var found: u64 = undefined;
        var call = Call.of(null);
        const handle = checkpoint.handle orelse return error.Closed;
        try call.end(c.ironwal_checkpoint_offset(handle, shard, &found, call.out()));
        return found;
    }

    pub fn deinit(checkpoint: *Checkpoint) void {
        c.ironwal_checkpoint_free(checkpoint.handle);
        checkpoint.handle = null;
    }
};

/// Ids and times of checkpoints, oldest first. It outlives the log.
pub const CheckpointList = struct {
    handle: ?*c.ironwal_checkpoint_list,

    /// The id ends with the list; the time is in nanoseconds since 1970.
    pub const Listed = struct { id: []const u8, timestamp_ns: u64 };

    pub fn count(list: CheckpointList) usize {
        return c.ironwal_checkpoint_list_count(list.handle);
    }

    /// Null past the last one.
    pub fn at(list: CheckpointList, index: usize) ?Listed {
        if (index >= list.count()) return null;
        var id: c.ironwal_view = undefined;
        var timestamp: u64 = undefined;
        if (c.ironwal_checkpoint_list_get(list.handle, index, &id, &timestamp, null) != c.IRONWAL_OK) return null;
        return .{ .id = bytes.viewed(id), .timestamp_ns = timestamp };
    }

    pub fn deinit(list: *CheckpointList) void {
        c.ironwal_checkpoint_list_free(list.handle);
        list.handle = null;
    }
};
