//! Do threads, forks and the end of a process harm nothing?

const std = @import("std");
const builtin = @import("builtin");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;
const ms = std.time.ns_per_ms;

/// Forks. The child runs the function, and ends without any clean-up.
fn start(comptime function: anytype, arguments: anytype) !std.posix.pid_t {
    const pid = try std.posix.fork();
    if (pid != 0) return pid;
    @call(.auto, function, arguments) catch |failure| {
        std.debug.print("in the child: {}\n", .{failure});
        if (@errorReturnTrace()) |trace| std.debug.dumpStackTrace(trace.*);
        std.c._exit(1);
    };
    std.c._exit(0);
}

/// Runs the function in a child, and fails if it does.
pub fn inChild(comptime function: anytype, arguments: anytype) !void {
    const pid = try start(function, arguments);
    try testing.expectEqual(0, std.posix.waitpid(pid, 0).status);
}

fn workUntilClosed(stream: ironwal.Stream, problems: *std.atomic.Value(u32)) void {
    if (work(stream)) unreachable else |failure| {
        if (failure != error.Closed) _ = problems.fetchAdd(1, .monotonic);
    }
}

fn work(stream: ironwal.Stream) !noreturn {
    var entries = try stream.iterate(0);
    defer entries.deinit();
    while (true) {
        const id = try stream.append("entry", .{});
        var entry = try stream.get(id) orelse return error.Lost;
        entry.deinit();
        _ = try entries.next();
        _ = try stream.stats();
    }
}

test "many threads append, read and close at once" {
    for (0..20) |turn| {
        var place = try Place.init();
        defer place.deinit();
        var log = try ironwal.open(place.path, .{ .sync_mode = .async });
        defer log.deinit();
        var stream = try log.stream("s");
        defer stream.deinit();
        var problems: std.atomic.Value(u32) = .init(0);
        var threads: [8]std.Thread = undefined;
        for (&threads) |*thread| thread.* = try std.Thread.spawn(.{}, workUntilClosed, .{ stream, &problems });
        std.Thread.sleep(turn * ms / 2);
        try log.close();
        for (threads) |thread| thread.join();
        try testing.expectEqual(0, problems.load(.monotonic));
    }
}

fn appendAndKeepIds(stream: ironwal.Stream, ids: []u64) void {
    for (ids) |*id| id.* = stream.append("entry", .{}) catch |failure| std.debug.panic("append: {}", .{failure});
}

test "threads that share a stream get each id once" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var ids: [8][200]u64 = undefined;
    var threads: [8]std.Thread = undefined;
    for (&threads, &ids) |*thread, *own| thread.* = try std.Thread.spawn(.{}, appendAndKeepIds, .{ stream, own });
    for (threads) |thread| thread.join();
    var given: [1600]bool = @splat(false);
    for (ids) |own| for (own) |id| {
        try testing.expect(!given[id]);
        given[id] = true;
    };
}

fn waitForFirst(stream: ironwal.Stream, waited: *bool) void {
    waited.* = stream.waitDurable(0, 20 * std.time.ns_per_s) catch |failure| std.debug.panic("wait: {}", .{failure});
}

test "a call that waits holds up no other thread" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var waited = false;
    const other = try std.Thread.spawn(.{}, waitForFirst, .{ stream, &waited });
    var timer = try std.time.Timer.start();
    _ = try stream.append("a", .{});
    try stream.sync();
    other.join();
    try testing.expect(waited and timer.read() < 15 * std.time.ns_per_s);
}

fn refusedInChild(log: *ironwal.Log, stream: *ironwal.Stream, entries: *ironwal.Iterator, path: []const u8) !void {
    try testing.expectError(error.Forked, stream.append("b", .{}));
    try testing.expectError(error.Forked, stream.get(0));
    try testing.expectError(error.Forked, entries.next());
    try testing.expectError(error.Forked, log.streams());
    try testing.expectError(error.Forked, stream.property("p"));
    try testing.expectError(error.Locked, ironwal.open(path, .{}));
    var reader = try ironwal.openReadOnly(path, .{});
    defer reader.deinit();
    var seen = try reader.stream("s");
    defer seen.deinit();
    try place_of.expectGet(seen, 0, "a");
    try testing.expectError(error.Forked, log.close());
    entries.deinit();
    stream.deinit();
    log.deinit();
}

test "a forked child is refused and its parent is not harmed" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("a", .{});
    var entries = try stream.iterate(0);
    defer entries.deinit();
    try inChild(refusedInChild, .{ &log, &stream, &entries, place.path });
    try testing.expectEqual(1, try stream.append("b", .{}));
    try place_of.expectRest(&entries, 0, &.{ "a", "b" });
    try log.close();
}

fn endWithoutClosing(path: []const u8) !void {
    const log = try ironwal.open(path, place_of.lazy);
    const stream = try log.stream("s");
    _ = try stream.appendBatch(&.{ "a", "b" }, .{});
    _ = try stream.append("c", .{});
}

test "a program that ends without closing loses nothing" {
    var place = try Place.init();
    defer place.deinit();
    try inChild(endWithoutClosing, .{place.path});
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    try place_of.expectEntries(stream, 0, &.{ "a", "b", "c" });
}

/// What the writer reports: all entries of a stream below the id are acknowledged. Shorter than PIPE_BUF,
/// so that those of both threads do not mix.
const Acknowledged = extern struct { stream: u64, end_id: u64 };
const names = [_][]const u8{ "a", "b" };

fn entryOf(name: []const u8, id: u64, memory: *[32]u8) []const u8 {
    return std.fmt.bufPrint(memory, "{s} {d}", .{ name, id }) catch unreachable;
}

fn writeStream(log: ironwal.Log, index: u64, pipe: std.posix.fd_t) void {
    writeWithoutEnd(log, index, pipe) catch |failure| {
        std.debug.print("in the writer: {}\n", .{failure});
        std.c._exit(1);
    };
}

fn writeWithoutEnd(log: ironwal.Log, index: u64, pipe: std.posix.fd_t) !noreturn {
    const name = names[index];
    const stream = try log.stream(name);
    var id = try stream.nextId();
    var memory: [3][32]u8 = undefined;
    while (true) {
        if (id % 4 == 0) {
            var batch: [3][]const u8 = undefined;
            for (&batch, &memory, id..) |*entry, *text, at| entry.* = entryOf(name, at, text);
            id = (try stream.appendBatch(&batch, .{ .expected_id = id })).ids.end_id;
        } else {
            const at: [8]u8 = @bitCast(id);
            const change: []const ironwal.Property = &.{.{ .key = "at", .value = &at }};
            id = try stream.append(entryOf(name, id, &memory[0]), .{ .properties = change }) + 1;
        }
        const report: Acknowledged = .{ .stream = index, .end_id = id };
        if (try std.posix.write(pipe, std.mem.asBytes(&report)) != @sizeOf(Acknowledged)) return error.Torn;
    }
}

fn write(path: []const u8, mode: ironwal.SyncMode, pipe: std.posix.fd_t) !void {
    const log = try ironwal.open(path, .{ .sync_mode = mode, .max_segment_size = 1 << 16 });
    const other = try std.Thread.spawn(.{}, writeStream, .{ log, 1, pipe });
    writeStream(log, 0, pipe);
    other.join();
}

test "a killed process loses nothing acknowledged in every sync mode" {
    const rounds = try std.fmt.parseInt(usize, std.posix.getenv("IRONWAL_ROUNDS") orelse "4", 10);
    for ([_]ironwal.SyncMode{ .strict, .batch_only, .async }) |mode| {
        var place = try Place.init();
        defer place.deinit();
        var acknowledged = [names.len]u64{ 0, 0 };
        for (0..rounds) |turn| {
            const pipe = try std.posix.pipe();
            const pid = try start(write, .{ place.path, mode, pipe[1] });
            std.posix.close(pipe[1]);
            var reported: usize = 0;
            while (true) : (reported += 1) {
                if (reported == 40 + turn % 50 * 17) try std.posix.kill(pid, std.posix.SIG.KILL);
                var report: Acknowledged = undefined;
                if (try std.posix.read(pipe[0], std.mem.asBytes(&report)) == 0) break;
                acknowledged[report.stream] = @max(acknowledged[report.stream], report.end_id);
            }
            std.posix.close(pipe[0]);
            try testing.expectEqual(std.posix.SIG.KILL, std.posix.W.TERMSIG(std.posix.waitpid(pid, 0).status));
            try expectAcknowledged(place.path, mode, acknowledged);
        }
    }
}

fn expectAcknowledged(path: []const u8, mode: ironwal.SyncMode, acknowledged: [names.len]u64) !void {
    var log = try ironwal.open(path, .{ .sync_mode = mode });
    defer log.deinit();
    for (names, acknowledged) |name, end_id| {
        var stream = try log.stream(name);
        defer stream.deinit();
        const next = try stream.nextId();
        try testing.expect(next >= end_id);
        var entries = try stream.iterate(0);
        defer entries.deinit();
        var memory: [32]u8 = undefined;
        for (0..next) |id| try place_of.expectEntry(try entries.next(), id, entryOf(name, id, &memory));
        try testing.expectEqual(null, try entries.next());
        // Batches are whole, and an entry and its property were one append.
        try testing.expect(next % 4 == 0 or next % 4 == 3);
        const single = if (next % 4 == 0 and next > 0) next - 1 else if (next > 4) next - 4 else null;
        const at: ?[8]u8 = if (single) |id| @bitCast(id) else null;
        try place_of.expectProperty(stream, "at", if (at) |*bytes| bytes else null);
    }
    try log.close();
}

fn ignore(_: *u8, _: ironwal.Mark, _: ironwal.Error!void) void {}

fn callEverything(log: ironwal.Log, diagnostics: *ironwal.Diagnostics) !void {
    var context: u8 = 0;
    for (0..1000) |_| {
        var stream = try log.stream("s");
        defer stream.deinit();
        var follower = try stream.follow(0, .{ .shown = .written });
        defer follower.deinit();
        _ = try follower.next();
        var entry = (try stream.get(0)).?;
        entry.deinit();
        var last = (try stream.last()).?;
        last.deinit();
        var view = (try stream.view(0)).?;
        view.deinit();
        var list = try stream.propertyList();
        list.deinit();
        var value = (try stream.property("p")).?;
        value.deinit();
        var streams = try log.streams();
        streams.deinit();
        const ticket = try stream.onDurable(try stream.mark(), &context, ignore);
        _ = try stream.cancelDurable(ticket);
        if (stream.append("", .{ .expected_id = 9 })) |_| return error.Appended else |_| {}
        if (diagnostics.message().len == 0) return error.NoMessage;
        // More than a call holds in place.
        const many: [40][]const u8 = @splat("");
        if (stream.appendBatch(&many, .{ .expected_id = 9 })) |_| return error.Appended else |_| {}
        stream.deinit();
    }
}

fn residentBytes() !usize {
    var memory: [256]u8 = undefined;
    const text = try std.fs.cwd().readFile("/proc/self/statm", &memory);
    var fields = std.mem.tokenizeScalar(u8, text, ' ');
    _ = fields.next();
    return try std.fmt.parseInt(usize, fields.next().?, 10) * std.heap.pageSize();
}

test "calls leave no memory behind" {
    if (builtin.os.tag != .linux) return error.SkipZigTest; // the size of a process is read from /proc
    var place = try Place.init();
    defer place.deinit();
    var diagnostics: ironwal.Diagnostics = .{};
    defer diagnostics.deinit();
    var log = try ironwal.open(place.path, .{ .sync_mode = .async, .diagnostics = &diagnostics });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("x" ** 500, .{ .properties = &.{.{ .key = "p", .value = "x" ** 500 }} });
    try callEverything(log, &diagnostics);
    const before = try residentBytes();
    for (0..8) |_| try callEverything(log, &diagnostics);
    // 8000 turns: 50 bytes lost in each would show.
    try testing.expect(try residentBytes() < before + 400_000);
}
