//! What can a log be opened with?

const std = @import("std");
const c = @import("c");
const errors = @import("errors.zig");
const Call = errors.Call;
const Diagnostics = errors.Diagnostics;
const Error = errors.Error;

/// When appends are made durable.
pub const SyncMode = enum(i32) {
    /// Each append, when it returns.
    strict = c.IRONWAL_SYNC_STRICT,
    /// Batches, when they return.
    batch_only = c.IRONWAL_SYNC_BATCH_ONLY,
    /// By a later sync.
    async = c.IRONWAL_SYNC_ASYNC,
};

/// How frames are stored.
pub const Compression = enum(i32) {
    none = c.IRONWAL_COMPRESSION_NONE,
    lz4 = c.IRONWAL_COMPRESSION_LZ4,
};

/// How segments are read.
pub const ReadStrategy = enum(i32) {
    standard_io = c.IRONWAL_READ_STANDARD_IO,
    mmap = c.IRONWAL_READ_MMAP,
};

/// How the active segment is written.
pub const WriteStrategy = enum(i32) {
    auto = c.IRONWAL_WRITE_AUTO,
    standard_io = c.IRONWAL_WRITE_STANDARD_IO,
    mmap = c.IRONWAL_WRITE_MMAP,
};

/// Where what a sync makes durable is written first.
pub const CommitPath = enum(i32) {
    /// The library chooses for each sync.
    auto = c.IRONWAL_COMMIT_AUTO,
    /// The stream's own file.
    in_place = c.IRONWAL_COMMIT_IN_PLACE,
    /// One file that all streams share.
    journal = c.IRONWAL_COMMIT_JOURNAL,
};

/// Which streams options of their own are for.
pub const Match = enum(i32) {
    /// The stream with this name.
    exact = c.IRONWAL_MATCH_EXACT,
    /// All whose names begin with this.
    prefix = c.IRONWAL_MATCH_PREFIX,
};

/// Options of streams, in place of those of the log.
pub const StreamOptions = struct {
    match: Match,
    name: []const u8,
    /// Text such as "sync_mode=async; max_segment_size=256M": see ironwal_options_set_stream in ironwal.h.
    options: []const u8,
};

/// What opening does about damage to what was durable.
pub const OnCorruption = enum(i32) {
    /// Keeps what is good and reports what is not.
    truncate = c.IRONWAL_CORRUPTION_TRUNCATE,
    /// Refuses to open.
    @"error" = c.IRONWAL_CORRUPTION_ERROR,
};

/// How durable one append is when it returns.
pub const Durability = enum(i32) {
    /// As the sync mode of the log makes it.
    by_mode = c.IRONWAL_DURABILITY_BY_MODE,
    /// In the kernel, in every sync mode.
    written = c.IRONWAL_DURABILITY_WRITTEN,
    /// On the disk, in every sync mode.
    durable = c.IRONWAL_DURABILITY_DURABLE,
};

/// Which entries a follower shows.
pub const Shown = enum(i32) {
    /// Those that reads show in the sync mode of the log.
    by_mode = c.IRONWAL_VIEW_BY_MODE,
    /// All in the kernel; a power loss may take some back.
    written = c.IRONWAL_VIEW_WRITTEN,
    /// Durable ones only.
    durable = c.IRONWAL_VIEW_DURABLE,
};

/// How a snapshot gets sealed segments.
pub const SnapshotMode = enum(i32) {
    /// By a second name, where the file system can.
    link = c.IRONWAL_SNAPSHOT_LINK,
    /// By a copy.
    copy = c.IRONWAL_SNAPSHOT_COPY,
};

/// How urgent a message of the library is.
pub const LogLevel = enum(i32) {
    @"error" = c.IRONWAL_LOG_ERROR,
    warn = c.IRONWAL_LOG_WARN,
    info = c.IRONWAL_LOG_INFO,
    debug = c.IRONWAL_LOG_DEBUG,
    trace = c.IRONWAL_LOG_TRACE,
    _,
};

/// Which old segments are removed: whole ones, oldest first, never the newest. Null sets no such limit.
pub const Retention = struct {
    /// As long as the stream has more bytes of segments.
    max_bytes: ?u64 = null,
    /// Since the last change of the oldest.
    max_age_ns: ?u64 = null,
    /// Nothing goes that a cursor has not read: a property `cursor/NAME`, the next id to read as 8 bytes,
    /// the lowest first.
    keep_cursors: bool = false,

    /// A limit as the library takes it.
    pub fn limit(value: ?u64) u64 {
        return value orelse std.math.maxInt(u64);
    }
};

/// When a stream is synced in the background.
pub const BackgroundSync = union(enum) {
    /// When the operating system writes back.
    never,
    /// After this time, or so many bytes.
    after: struct { interval_ns: u64, bytes: u64 },
};

/// Where the messages of the library go. The function runs on any thread, several at a time, and must not
/// append, sync, close, or wait: see `ironwal_log_fn` of the header.
pub const LogSink = struct {
    context: usize,
    callback: *const fn (usize, i32, [*c]const u8, usize) callconv(.c) void,

    /// `context` is a pointer that is given back each time, and must outlive the log.
    pub fn init(
        context: anytype,
        comptime function: fn (@TypeOf(context), LogLevel, []const u8) void,
    ) LogSink {
        const Context = @TypeOf(context);
        const Thunk = struct {
            fn call(at: usize, level: i32, message: [*c]const u8, len: usize) callconv(.c) void {
                function(@as(Context, @ptrFromInt(at)), @enumFromInt(level), message[0..len]);
            }
        };
        return .{ .context = @intFromPtr(context), .callback = Thunk.call };
    }
};

/// Options of a log. Null: the default of the library. None of it is stored.
pub const Options = struct {
    /// Where details of failures go: of opening, and of all handles made from the log.
    diagnostics: ?*Diagnostics = null,
    sync_mode: SyncMode = .strict,
    compression: Compression = .none,
    read_strategy: ReadStrategy = .standard_io,
    write_strategy: WriteStrategy = .auto,
    commit_path: CommitPath = .in_place,
    /// Of several with a name one holds, whole: the exact one, else that with the longest prefix.
    streams: []const StreamOptions = &.{},
    /// Bytes that the files of the commit journal may take. 256 KiB to 1 GiB, default 64 MiB.
    journal_size: ?u64 = null,
    on_corruption: OnCorruption = .truncate,
    /// Bytes from which on a segment is rotated. At least 1, default 64 MiB.
    max_segment_size: ?u64 = null,
    /// Entries from which on a segment is rotated. At least 1, default any number.
    max_entries_per_segment: ?u64 = null,
    /// Files kept open for writing. At least 1, default 128.
    max_open_segments: ?usize = null,
    /// Files kept open or mapped for reading. At least 1, default 128.
    max_open_read_segments: ?usize = null,
    /// Bytes of frames gathered into one write. Up to 1 GiB, default 64 KiB.
    write_buffer_size: ?usize = null,
    /// Bytes read ahead. 1 byte to 1 GiB, default 128 KiB.
    read_buffer_size: ?usize = null,
    /// Bytes of decompressed frames kept in memory. Default 0.
    block_cache_size: ?u64 = null,
    /// Payloads below this many bytes are never compressed. Default 1024.
    min_compression_size: ?usize = null,
    /// Default: after one second, or 16 MiB.
    background_sync: ?BackgroundSync = null,
    /// Threads that sync in the background. 1 to 64, default 1.
    sync_threads: ?usize = null,
    /// Measures how long each append takes.
    latencies: bool = false,
    /// Where truncation moves segments instead of deleting them.
    archive_path: ?[]const u8 = null,
    /// Applied to all streams once a minute.
    retention: ?Retention = null,
    /// Where the messages of the library go.
    log: ?LogSink = null,

    /// The options as the library takes them. The caller frees them.
    pub fn handle(options: Options, path: []const u8) Error!*c.ironwal_options {
        var call = Call.of(options.diagnostics);
        var made: ?*c.ironwal_options = null;
        try call.end(c.ironwal_options_new(path.ptr, path.len, &made, call.out()));
        errdefer c.ironwal_options_free(made);
        try call.end(c.ironwal_options_set_sync_mode(made, @intFromEnum(options.sync_mode), call.out()));
        try call.end(c.ironwal_options_set_compression(made, @intFromEnum(options.compression), call.out()));
        try call.end(c.ironwal_options_set_read_strategy(made, @intFromEnum(options.read_strategy), call.out()));
        try call.end(c.ironwal_options_set_write_strategy(made, @intFromEnum(options.write_strategy), call.out()));
        try call.end(c.ironwal_options_set_commit_path(made, @intFromEnum(options.commit_path), call.out()));
        try call.end(c.ironwal_options_set_on_corruption(made, @intFromEnum(options.on_corruption), call.out()));
        inline for (.{
            "max_segment_size",       "max_entries_per_segment", "max_open_segments",
            "max_open_read_segments", "write_buffer_size",       "read_buffer_size",
            "block_cache_size",       "min_compression_size",    "sync_threads",
            "journal_size",
        }) |name| {
            const set = @field(c, "ironwal_options_set_" ++ name);
            if (@field(options, name)) |value| try call.end(set(made, value, call.out()));
        }
        try call.end(c.ironwal_options_set_latencies(made, options.latencies, call.out()));
        if (options.background_sync) |sync| switch (sync) {
            .never => try call.end(c.ironwal_options_set_no_background_sync(made, call.out())),
            .after => |due| try call.end(
                c.ironwal_options_set_background_sync(made, due.interval_ns, due.bytes, call.out()),
            ),
        };
        if (options.archive_path) |archive| {
            try call.end(c.ironwal_options_set_archive_path(made, archive.ptr, archive.len, call.out()));
        }
        for (options.streams) |own| try call.end(c.ironwal_options_set_stream(
            made,
            @intFromEnum(own.match),
            own.name.ptr,
            own.name.len,
            own.options.ptr,
            own.options.len,
            call.out(),
        ));
        if (options.retention) |kept| try call.end(c.ironwal_options_set_retention(
            made,
            Retention.limit(kept.max_bytes),
            Retention.limit(kept.max_age_ns),
            kept.keep_cursors,
            call.out(),
        ));
        if (options.log) |sink| {
            try call.end(c.ironwal_options_set_log(made, sink.callback, sink.context, call.out()));
        }
        return made.?;
    }
};
