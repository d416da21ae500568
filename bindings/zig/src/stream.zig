//! How is a stream appended to, read, cut and watched?

const std = @import("std");
const c = @import("c");
const bytes = @import("bytes.zig");
const errors = @import("errors.zig");
const iterators = @import("iterator.zig");
const notify = @import("notify.zig");
const options = @import("options.zig");
const properties = @import("properties.zig");
const reports = @import("reports.zig");
const Buffer = bytes.Buffer;
const Call = errors.Call;
const Diagnostics = errors.Diagnostics;
const Durability = options.Durability;
const Error = errors.Error;
const Mark = notify.Mark;
const Property = properties.Property;
const Range = errors.Range;
const Retention = options.Retention;

/// `IRONWAL_ANY_ID`.
const any_id = std.math.maxInt(u64);

/// How an append is made.
pub const AppendOptions = struct {
    /// The id that the first entry must get; otherwise `error.SequenceMismatch`, and nothing is appended.
    expected_id: ?u64 = null,
    /// Changes of properties in the same step.
    properties: []const Property = &.{},
    durability: Durability = .by_mode,
};

/// What an append made.
pub const Appended = struct {
    ids: Range,
    /// The place behind the append: see `Stream.isDurable` and `Stream.onDurable`.
    mark: Mark,
};

/// What `Stream.getInto` found.
pub const ReadInto = union(enum) {
    /// The entry, at the front of the memory given.
    entry: []u8,
    /// The memory is too small and holds what it held; this many bytes are needed.
    too_small: usize,
};

/// One stream of an open log. For any number of threads at once; `deinit` must be the last call on it.
pub const Stream = struct {
    handle: ?*c.ironwal_stream,
    diagnostics: ?*Diagnostics = null,
    /// When appends are made durable: the mode of the log, or that of the stream's own options.
    sync_mode: options.SyncMode,

    /// Frees the handle. The stream and its entries stay.
    pub fn deinit(stream: *Stream) void {
        c.ironwal_stream_free(stream.handle);
        stream.handle = null;
    }

    /// The same stream, with other diagnostics. It shares the handle: free one of both.
    pub fn reporting(stream: Stream, diagnostics: ?*Diagnostics) Stream {
        return .{ .handle = stream.handle, .diagnostics = diagnostics, .sync_mode = stream.sync_mode };
    }

    /// Appends one entry and returns its id. In the sync mode `strict` it is durable then.
    pub fn append(stream: Stream, entry: []const u8, how: AppendOptions) Error!u64 {
        if (how.expected_id != null or how.properties.len > 0 or how.durability != .by_mode) {
            return (try stream.appendWith(&.{entry}, how)).ids.first_id;
        }
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var id: u64 = undefined;
        try call.end(c.ironwal_stream_append(handle, entry.ptr, entry.len, &id, call.out()));
        return id;
    }

    /// Appends several entries as one: after any crash all are there or none. Without entries the expected
    /// id is compared all the same, and properties change.
    pub fn appendBatch(stream: Stream, entries: []const []const u8, how: AppendOptions) Error!Appended {
        var batch = how;
        // The library takes a batch of one entry for a single append.
        if (how.durability == .by_mode and stream.sync_mode == .batch_only) batch.durability = .durable;
        return stream.appendWith(entries, batch);
    }

    fn appendWith(stream: Stream, entries: []const []const u8, how: AppendOptions) Error!Appended {
        const handle = try stream.open();
        if (how.expected_id == any_id) return errors.refused(stream.diagnostics, c.IRONWAL_E_INVALID_ARG);
        var slices: bytes.Entries = .{};
        defer slices.deinit();
        var changes: properties.Changes = .{};
        defer changes.deinit();
        const given = try slices.of(entries);
        const changed = try changes.of(how.properties);
        var made: Appended = undefined;
        var behind: c.ironwal_mark = undefined;
        var call = Call.of(stream.diagnostics);
        try call.end(c.ironwal_stream_append_with(
            handle,
            how.expected_id orelse any_id,
            given.ptr,
            given.len,
            changed.ptr,
            changed.len,
            @intFromEnum(how.durability),
            &made.ids.first_id,
            &made.ids.end_id,
            &behind,
            call.out(),
        ));
        made.mark = .of(behind);
        return made;
    }

    /// Appends one entry that is gathered from several parts, and returns its id.
    pub fn appendParts(stream: Stream, parts: []const []const u8) Error!u64 {
        const handle = try stream.open();
        var slices: bytes.Entries = .{};
        defer slices.deinit();
        const given = try slices.of(parts);
        var call = Call.of(stream.diagnostics);
        var id: u64 = undefined;
        try call.end(c.ironwal_stream_append_vectored(handle, given.ptr, given.len, &id, call.out()));
        return id;
    }

    /// Reads one entry into memory of the library's. Null: there is no such entry.
    pub fn get(stream: Stream, id: u64) Error!?Buffer {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var buffer: Buffer = .{};
        const status = c.ironwal_stream_get(handle, id, &buffer.buffer, call.out());
        return if (try call.endUnless(status, c.IRONWAL_E_NOT_FOUND)) buffer else null;
    }

    /// Reads one entry into memory of the allocator's, which the caller frees. Null: there is no such entry.
    pub fn getAlloc(stream: Stream, allocator: std.mem.Allocator, id: u64) Error!?[]u8 {
        var buffer = try stream.get(id) orelse return null;
        defer buffer.deinit();
        return try allocator.dupe(u8, buffer.slice());
    }

    /// Reads one entry into `memory`. Null: there is no such entry.
    pub fn getInto(stream: Stream, id: u64, memory: []u8) Error!?ReadInto {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var len: usize = 0;
        const status = c.ironwal_stream_get_into(handle, id, memory.ptr, memory.len, &len, call.out());
        if (status == c.IRONWAL_E_BUFFER_TOO_SMALL) return .{ .too_small = len };
        return if (try call.endUnless(status, c.IRONWAL_E_NOT_FOUND)) .{ .entry = memory[0..len] } else null;
    }

    /// Reads one entry without copying it. Null: there is no such entry.
    pub fn view(stream: Stream, id: u64) Error!?bytes.View {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var found: c.ironwal_view = undefined;
        var pin: ?*c.ironwal_view_pin = null;
        const status = c.ironwal_stream_view(handle, id, &found, &pin, call.out());
        if (!try call.endUnless(status, c.IRONWAL_E_NOT_FOUND)) return null;
        return .{ .bytes = bytes.viewed(found), .pin = pin };
    }

    /// The last entry, in memory of the library's.
    pub const Last = struct {
        id: u64,
        entry: Buffer,

        pub fn deinit(found: *Last) void {
            found.entry.deinit();
        }
    };

    /// The last visible entry. Null: nothing is kept, or nothing is visible yet.
    pub fn last(stream: Stream) Error!?Last {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var found: Last = .{ .id = 0, .entry = .{} };
        const status = c.ironwal_stream_last(handle, &found.id, &found.entry.buffer, call.out());
        return if (try call.endUnless(status, c.IRONWAL_E_NOT_FOUND)) found else null;
    }

    /// Reads forward from `start_id`, or from the first id kept where that is later.
    pub fn iterate(stream: Stream, start_id: u64) Error!iterators.Iterator {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var made: ?*c.ironwal_iter = null;
        try call.end(c.ironwal_stream_iter(handle, start_id, &made, call.out()));
        return .{ .handle = made, .diagnostics = stream.diagnostics };
    }

    /// Reads backward from `from_id`; null: from the last entry. What is appended later is not shown.
    pub fn iterateBackward(stream: Stream, from_id: ?u64) Error!iterators.Iterator {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var made: ?*c.ironwal_iter = null;
        const from = from_id orelse std.math.maxInt(u64);
        try call.end(c.ironwal_stream_iter_rev(handle, from, &made, call.out()));
        return .{ .handle = made, .diagnostics = stream.diagnostics };
    }

    /// Reads forward from `start_id` and waits for what is appended.
    pub fn follow(stream: Stream, start_id: u64, how: iterators.FollowOptions) Error!iterators.Follower {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var made: ?*c.ironwal_iter = null;
        try call.end(c.ironwal_stream_follow(handle, start_id, @intFromEnum(how.shown), &made, call.out()));
        errdefer c.ironwal_iter_free(made);
        var canceller: ?*c.ironwal_canceller = null;
        try call.end(c.ironwal_iter_canceller(made, &canceller, call.out()));
        return .{
            .iterator = .{ .handle = made, .diagnostics = stream.diagnostics },
            .canceller = .{ .handle = canceller },
            .timeout_ns = how.timeout_ns,
        };
    }

    /// The first id that is kept.
    pub fn firstId(stream: Stream) Error!u64 {
        return stream.number(c.ironwal_stream_first_id);
    }

    /// The id that the next append gets.
    pub fn nextId(stream: Stream) Error!u64 {
        return stream.number(c.ironwal_stream_next_id);
    }

    /// The end of what is durable: every entry below this id is.
    pub fn durableEnd(stream: Stream) Error!u64 {
        return stream.number(c.ironwal_stream_durable_end);
    }

    /// The id of the first entry of the segment that appends go to; null before the first append.
    pub fn currentSegmentStartId(stream: Stream) Error!?u64 {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var id: u64 = undefined;
        const status = c.ironwal_stream_current_segment_start_id(handle, &id, call.out());
        return if (try call.endUnless(status, c.IRONWAL_E_NOT_FOUND)) id else null;
    }

    fn number(stream: Stream, comptime call_of: anytype) Error!u64 {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var found: u64 = undefined;
        try call.end(call_of(handle, &found, call.out()));
        return found;
    }

    /// 16 bytes that two streams share if they have the same entries in the range. For comparing replicas;
    /// no defence against forgery.
    pub fn digest(stream: Stream, ids: Range) Error![16]u8 {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var found: [16]u8 = undefined;
        try call.end(c.ironwal_stream_digest(handle, ids.first_id, ids.end_id, &found, call.out()));
        return found;
    }

    /// Makes the stream durable.
    pub fn sync(stream: Stream) Error!void {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        try call.end(c.ironwal_stream_sync(handle, call.out()));
    }

    /// Waits until the entry `id`, which need not be appended yet, is durable. False: the time is up.
    pub fn waitDurable(stream: Stream, id: u64, timeout_ns: ?u64) Error!bool {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        const limit = timeout_ns orelse std.math.maxInt(u64);
        const status = c.ironwal_stream_wait_durable(handle, id, limit, call.out());
        return call.endUnless(status, c.IRONWAL_E_TIMEOUT);
    }

    /// The mark behind everything appended so far.
    pub fn mark(stream: Stream) Error!Mark {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var found: c.ironwal_mark = undefined;
        try call.end(c.ironwal_stream_mark(handle, &found, call.out()));
        return .of(found);
    }

    /// Whether everything in front of the mark is durable. Once true it stays true.
    pub fn isDurable(stream: Stream, of: Mark) Error!bool {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var durable = false;
        try call.end(c.ironwal_stream_is_durable(handle, of.native(), &durable, call.out()));
        return durable;
    }

    /// Has `callback` called once everything in front of the mark is durable, or cannot become so. It runs
    /// on a thread of the library, or on one that closes the log. It may append, read, register and cancel,
    /// and must return soon. `context` is a pointer that must live until the callback has returned or is
    /// cancelled. After an error nothing is registered.
    pub fn onDurable(
        stream: Stream,
        of: Mark,
        context: anytype,
        comptime callback: fn (@TypeOf(context), Mark, Error!void) void,
    ) Error!notify.Ticket {
        const Context = @TypeOf(context);
        const Thunk = struct {
            fn call(at: usize, reached: c.ironwal_mark, status: i32) callconv(.c) void {
                const outcome: Error!void = if (status == c.IRONWAL_OK) {} else errors.errorFromStatus(status);
                callback(@as(Context, @ptrFromInt(at)), .of(reached), outcome);
            }
        };
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var ticket: c.ironwal_ticket = undefined;
        const at = @intFromPtr(context);
        try call.end(c.ironwal_stream_on_durable(handle, of.native(), Thunk.call, at, &ticket, call.out()));
        return .{ .ticket = ticket };
    }

    /// Cancels a callback, and waits for one that runs. True: it was not called and will not be.
    pub fn cancelDurable(stream: Stream, ticket: notify.Ticket) Error!bool {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var cancelled = false;
        try call.end(c.ironwal_stream_cancel_durable(handle, &ticket.ticket, &cancelled, call.out()));
        return cancelled;
    }

    /// A descriptor for poll, epoll, kqueue or an event loop.
    pub fn events(stream: Stream, event: notify.Event) Error!notify.Events {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var made: ?*c.ironwal_events = null;
        try call.end(c.ironwal_stream_events(handle, @intFromEnum(event), &made, call.out()));
        return .{ .handle = made, .diagnostics = stream.diagnostics };
    }

    /// The value of a property. Null: the stream has no such property.
    pub fn property(stream: Stream, key: []const u8) Error!?Buffer {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var value: Buffer = .{};
        const status = c.ironwal_stream_property(handle, key.ptr, key.len, &value.buffer, call.out());
        return if (try call.endUnless(status, c.IRONWAL_E_NOT_FOUND)) value else null;
    }

    /// All properties, sorted by key. The list outlives the log.
    pub fn propertyList(stream: Stream) Error!properties.PropertyList {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var made: ?*c.ironwal_property_list = null;
        try call.end(c.ironwal_stream_properties(handle, &made, call.out()));
        return .{ .handle = made };
    }

    /// Changes properties, in the order given, as one.
    pub fn setProperties(stream: Stream, changes: []const Property, durability: Durability) Error!Mark {
        return stream.changeProperties(changes, durability, c.ironwal_stream_set_properties);
    }

    /// Replaces all properties by these, as one. A property without a value is `error.InvalidArg`.
    pub fn replaceProperties(stream: Stream, all: []const Property, durability: Durability) Error!Mark {
        return stream.changeProperties(all, durability, c.ironwal_stream_replace_properties);
    }

    fn changeProperties(
        stream: Stream,
        given: []const Property,
        durability: Durability,
        comptime call_of: anytype,
    ) Error!Mark {
        const handle = try stream.open();
        var changes: properties.Changes = .{};
        defer changes.deinit();
        const all = try changes.of(given);
        var call = Call.of(stream.diagnostics);
        var found: c.ironwal_mark = undefined;
        try call.end(call_of(handle, all.ptr, all.len, @intFromEnum(durability), &found, call.out()));
        return .of(found);
    }

    /// Replaces the ids from `from_id` on by these entries, in one step with the properties. Durable on
    /// return, in every sync mode, as all cuts, resets and truncations are.
    pub fn replaceSuffix(
        stream: Stream,
        from_id: u64,
        entries: []const []const u8,
        changes: []const Property,
    ) Error!Range {
        return stream.rewrite(from_id, entries, changes, c.ironwal_stream_replace_suffix);
    }

    /// Removes all entries, and appends these from `next_id` on, in one step with the properties.
    pub fn reset(stream: Stream, next_id: u64, entries: []const []const u8, changes: []const Property) Error!Range {
        return stream.rewrite(next_id, entries, changes, c.ironwal_stream_reset);
    }

    fn rewrite(
        stream: Stream,
        id: u64,
        entries: []const []const u8,
        changes: []const Property,
        comptime call_of: anytype,
    ) Error!Range {
        const handle = try stream.open();
        var slices: bytes.Entries = .{};
        defer slices.deinit();
        var changed: properties.Changes = .{};
        defer changed.deinit();
        const given = try slices.of(entries);
        const all = try changed.of(changes);
        var ids: Range = undefined;
        var call = Call.of(stream.diagnostics);
        try call.end(call_of(
            handle,
            id,
            given.ptr,
            given.len,
            all.ptr,
            all.len,
            &ids.first_id,
            &ids.end_id,
            call.out(),
        ));
        return ids;
    }

    /// Removes the ids from `from_id` on, and returns how many there were.
    pub fn truncateSuffix(stream: Stream, from_id: u64) Error!u64 {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var cut: u64 = 0;
        try call.end(c.ironwal_stream_truncate_suffix(handle, from_id, &cut, call.out()));
        return cut;
    }

    /// Hides the ids below `first_id`, exactly, and returns how many segments it removed.
    pub fn truncatePrefix(stream: Stream, first_id: u64) Error!usize {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var segments: usize = 0;
        try call.end(c.ironwal_stream_truncate_prefix(handle, first_id, &segments, call.out()));
        return segments;
    }

    /// Removes the segments that lie entirely below `safe_id`, and returns how many.
    pub fn truncate(stream: Stream, safe_id: u64) Error!usize {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var segments: usize = 0;
        try call.end(c.ironwal_stream_truncate(handle, safe_id, &segments, call.out()));
        return segments;
    }

    /// Brings back the segments that truncation moved to the archive, and returns how many.
    pub fn restoreArchived(stream: Stream) Error!usize {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var segments: usize = 0;
        try call.end(c.ironwal_stream_restore_archived(handle, &segments, call.out()));
        return segments;
    }

    /// Removes old segments, and returns how many.
    pub fn applyRetention(stream: Stream, retention: Retention) Error!usize {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var segments: usize = 0;
        const size = Retention.limit(retention.max_bytes);
        const age = Retention.limit(retention.max_age_ns);
        const cursors = retention.keep_cursors;
        try call.end(c.ironwal_stream_apply_retention(handle, size, age, cursors, &segments, call.out()));
        return segments;
    }

    /// Deletes the stream with all its entries. The handle is still to be freed.
    pub fn delete(stream: Stream) Error!void {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        try call.end(c.ironwal_stream_delete(handle, call.out()));
    }

    /// What has happened to the stream since the log was opened.
    pub fn stats(stream: Stream) Error!reports.StreamStats {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var found: reports.StreamStats = undefined;
        try call.end(c.ironwal_stream_stats(handle, &found, @sizeOf(reports.StreamStats), call.out()));
        return found;
    }

    /// Where this replica stands, for `exportFrames` of its primary.
    pub fn framePosition(stream: Stream) Error!Buffer {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var position: Buffer = .{};
        try call.end(c.ironwal_stream_frame_position(handle, &position.buffer, call.out()));
        return position;
    }

    /// A packet of the durable frames behind a replica's position, of about `max_bytes`. Empty: no more for
    /// now. An empty position begins a replica.
    pub fn exportFrames(stream: Stream, position: []const u8, max_bytes: usize) Error!Buffer {
        return stream.exportWith(position, max_bytes, c.ironwal_stream_export);
    }

    /// As `exportFrames`, of all frames that are written, also those that no sync has covered. If the primary
    /// loses some to a power failure the replica keeps them, and the primary refuses it from then on.
    pub fn exportWrittenFrames(stream: Stream, position: []const u8, max_bytes: usize) Error!Buffer {
        return stream.exportWith(position, max_bytes, c.ironwal_stream_export_written);
    }

    fn exportWith(stream: Stream, position: []const u8, max_bytes: usize, comptime call_of: anytype) Error!Buffer {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var packet: Buffer = .{};
        const from = bytes.slice(position);
        try call.end(call_of(handle, from.data, from.len, max_bytes, &packet.buffer, call.out()));
        return packet;
    }

    /// Writes the frames of a packet where they were in the primary, and returns the ids of their entries.
    pub fn applyFrames(stream: Stream, packet: []const u8) Error!Range {
        const handle = try stream.open();
        var call = Call.of(stream.diagnostics);
        var ids: Range = undefined;
        const given = bytes.slice(packet);
        try call.end(c.ironwal_stream_apply(handle, given.data, given.len, &ids.first_id, &ids.end_id, call.out()));
        return ids;
    }

    fn open(stream: Stream) Error!*c.ironwal_stream {
        return stream.handle orelse errors.closed(stream.diagnostics);
    }
};

/// Entries gathered in memory, to be appended as one. For one thread at a time.
pub const Transaction = struct {
    handle: ?*c.ironwal_txn,
    diagnostics: ?*Diagnostics = null,

    /// Adds an entry. Nothing is written before the commit.
    pub fn add(transaction: Transaction, entry: []const u8) Error!void {
        const handle = transaction.handle orelse return errors.closed(transaction.diagnostics);
        var call = Call.of(transaction.diagnostics);
        try call.end(c.ironwal_txn_add(handle, entry.ptr, entry.len, call.out()));
    }

    /// Appends all entries as one. The transaction is over, also after a failure.
    pub fn commit(transaction: *Transaction) Error!Range {
        const handle = transaction.handle orelse return errors.closed(transaction.diagnostics);
        transaction.handle = null;
        var call = Call.of(transaction.diagnostics);
        var ids: Range = undefined;
        try call.end(c.ironwal_txn_commit(handle, &ids.first_id, &ids.end_id, call.out()));
        return ids;
    }

    /// Discards what is not committed.
    pub fn deinit(transaction: *Transaction) void {
        c.ironwal_txn_abort(transaction.handle);
        transaction.handle = null;
    }
};
