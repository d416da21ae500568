//! Does a log open, close and open again as documented?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;

test "entries are there after the log is opened again" {
    var place = try Place.init();
    defer place.deinit();
    const long = "x" ** 100_000;
    {
        var log = try ironwal.open(place.path, .{});
        defer log.deinit();
        var stream = try log.stream("orders");
        defer stream.deinit();
        for ([_][]const u8{ "a", "", long }, 0..) |entry, id| {
            try testing.expectEqual(id, try stream.append(entry, .{}));
        }
        try log.close();
    }
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var names = try log.streams();
    defer names.deinit();
    try testing.expectEqual(1, names.count());
    try testing.expectEqualStrings("orders", names.at(0).?);
    try testing.expectEqual(null, names.at(1));
    var stream = try log.stream("orders");
    defer stream.deinit();
    try place_of.expectEntries(stream, 0, &.{ "a", "", long });
    var last = (try stream.last()).?;
    defer last.deinit();
    try testing.expectEqual(2, last.id);
    try testing.expectEqualStrings(long, last.entry.slice());
    try testing.expectEqual(0, try stream.firstId());
    try testing.expectEqual(3, try stream.nextId());
    try testing.expectEqual(3, try stream.durableEnd());
    try testing.expectEqual(0, try stream.currentSegmentStartId());
}

test "a second writer is refused and a reader is not" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("a", .{});
    try testing.expectError(error.Locked, ironwal.open(place.path, .{}));
    var reader = try ironwal.openReadOnly(place.path, .{});
    defer reader.deinit();
    try testing.expect(try reader.isReadOnly() and !try log.isReadOnly());
    var seen = try reader.stream("s");
    defer seen.deinit();
    try place_of.expectEntries(seen, 0, &.{"a"});
    _ = try stream.append("b", .{});
    try reader.refresh();
    try place_of.expectEntries(seen, 0, &.{ "a", "b" });
    try testing.expectError(error.ReadOnly, seen.append("c", .{}));
    try testing.expectError(error.ReadOnly, seen.mark());
    try testing.expectError(error.ReadOnly, seen.events(.durable));
}

test "a value out of bounds and a bad path are refused and nothing is created" {
    var place = try Place.init();
    defer place.deinit();
    for ([_]ironwal.Options{
        .{ .max_segment_size = 0 },
        .{ .max_entries_per_segment = 0 },
        .{ .max_open_segments = 0 },
        .{ .max_open_read_segments = 0 },
        .{ .write_buffer_size = (1 << 30) + 1 },
        .{ .read_buffer_size = 0 },
        .{ .sync_threads = 65 },
        .{ .journal_size = (256 << 10) - 1 },
        .{ .journal_size = (1 << 30) + 1 },
        .{ .background_sync = .{ .after = .{ .interval_ns = 0, .bytes = 1 } } },
        .{ .archive_path = "a\x00b" },
    }) |options| try testing.expectError(error.Config, ironwal.open(place.path, options));
    for ([_][]const u8{ "", "a\x00b", "\xff" }) |path| {
        try testing.expectError(error.Config, ironwal.open(path, .{}));
    }
    try testing.expect(!place.exists("log"));
}

test "every option reaches the library" {
    var place = try Place.init();
    defer place.deinit();
    const archive = try place.other("archive");
    defer testing.allocator.free(archive);
    const Heard = struct {
        count: std.atomic.Value(u32) = .init(0),
        fn message(heard: *@This(), _: ironwal.LogLevel, text: []const u8) void {
            if (text.len > 0) _ = heard.count.fetchAdd(1, .monotonic);
        }
    };
    var heard: Heard = .{};
    var log = try ironwal.open(place.path, .{
        .sync_mode = .batch_only,
        .compression = .lz4,
        .read_strategy = .mmap,
        .write_strategy = .standard_io,
        .commit_path = .journal,
        .journal_size = 1 << 20,
        .on_corruption = .@"error",
        .max_segment_size = 1 << 20,
        .max_entries_per_segment = 10,
        .max_open_segments = 4,
        .max_open_read_segments = 4,
        .write_buffer_size = 0,
        .read_buffer_size = 4096,
        .block_cache_size = 1 << 16,
        .min_compression_size = 64,
        .background_sync = .{ .after = .{ .interval_ns = 3600 * std.time.ns_per_s, .bytes = 1 << 20 } },
        .sync_threads = 2,
        .latencies = true,
        .archive_path = archive,
        .retention = .{ .max_bytes = 1 << 30, .max_age_ns = 3600 * std.time.ns_per_s, .keep_cursors = true },
        .streams = &.{
            .{ .match = .prefix, .name = "chat/", .options = "sync_mode=async" },
            .{ .match = .exact, .name = "chat/ledger", .options = "sync_mode=strict" },
        },
        .log = .init(&heard, Heard.message),
    });
    defer log.deinit();
    var chat = try log.stream("chat/1");
    defer chat.deinit();
    try testing.expectEqual(ironwal.SyncMode.async, chat.sync_mode); // streams
    var stream = try log.stream("s");
    defer stream.deinit();
    for (0..25) |_| _ = try stream.append(&@as([1000]u8, @splat(0)), .{});
    const stats = try stream.stats();
    try testing.expectEqual(3, stats.segments); // max_entries_per_segment
    try testing.expect(stats.bytes < 25 * 1000); // compression
    try testing.expectEqual(25, stats.measured_appends); // latencies
    try testing.expectEqual(0, try stream.durableEnd()); // sync_mode
    try testing.expectEqual(2, try stream.truncate(20)); // archive_path
    try testing.expect(place.exists("archive"));
    try testing.expectEqual(2, try stream.restoreArchived());
    try testing.expectEqual(0, try stream.firstId());
    try log.close();
    try testing.expect(heard.count.load(.monotonic) > 0); // log
}

test "entries that went through the journal are there again" {
    var place = try Place.init();
    defer place.deinit();
    const names = [_][]const u8{ "bids", "asks" };
    var count: u64 = 0;
    {
        var log = try ironwal.open(place.path, .{ .commit_path = .journal, .journal_size = 256 << 10 });
        defer log.deinit();
        var streams: [names.len]ironwal.Stream = undefined;
        for (names, &streams) |name, *stream| stream.* = try log.stream(name);
        defer for (&streams) |*stream| stream.deinit();
        // A helper makes the journal's first file during the first syncs, which go in place.
        var timer = try std.time.Timer.start();
        while (count < 20 or !place.exists("log/commit-journal")) : (count += 1) {
            try testing.expect(timer.read() < 30 * std.time.ns_per_s);
            for (names, &streams) |name, *stream| {
                try testing.expectEqual(count, try stream.append(name, .{}));
            }
        }
        try log.close();
    }
    try testing.expect(!place.exists("log/commit-journal"));
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    for (names) |name| {
        var stream = try log.stream(name);
        defer stream.deinit();
        try testing.expectEqual(count, try stream.durableEnd());
        var entry = (try stream.get(count - 1)).?;
        defer entry.deinit();
        try testing.expectEqualStrings(name, entry.slice());
    }
}

test "a call on what is closed is refused as closed" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("a", .{});
    const mark = try stream.mark();
    var entries = try stream.iterate(0);
    defer entries.deinit();
    var follower = try stream.follow(0, .{});
    defer follower.deinit();
    var transaction = try log.transaction("s");
    defer transaction.deinit();
    var events = try stream.events(.written);
    defer events.deinit();
    var other = try log.stream("s");
    other.deinit();
    other.deinit();
    try testing.expectError(error.Closed, other.append("b", .{}));
    try testing.expectError(error.Closed, other.get(0));
    try place_of.expectGet(stream, 0, "a"); // another handle of the same stream
    try log.close();
    try testing.expectError(error.Closed, log.close());
    try testing.expectError(error.Closed, log.streams());
    try testing.expectError(error.Closed, log.stream("s"));
    try testing.expectError(error.Closed, log.syncAll());
    try testing.expectError(error.Closed, log.stats());
    try testing.expectError(error.Closed, log.snapshotTo("x", .link));
    try testing.expectError(error.Closed, stream.append("b", .{}));
    try testing.expectError(error.Closed, stream.appendBatch(&.{"b"}, .{}));
    try testing.expectError(error.Closed, stream.get(0));
    try testing.expectError(error.Closed, stream.isDurable(mark));
    try testing.expectError(error.Closed, stream.truncateSuffix(0));
    try testing.expectError(error.Closed, stream.property("p"));
    try testing.expectError(error.Closed, entries.next());
    try testing.expectError(error.Closed, follower.next());
    try testing.expectError(error.Closed, transaction.add("b"));
    try testing.expectError(error.Closed, events.drain());
    follower.deinit();
    try testing.expectError(error.Closed, follower.wait(0));
    try testing.expectError(error.Closed, follower.makeCanceller());
    follower.cancel();
}

test "a stream keeps its log open until it is freed" {
    var place = try Place.init();
    defer place.deinit();
    var stream = stream: {
        var log = try ironwal.open(place.path, .{});
        defer log.deinit();
        break :stream try log.stream("s");
    };
    try testing.expectEqual(0, try stream.append("a", .{}));
    try testing.expectError(error.Locked, ironwal.open(place.path, .{}));
    stream.deinit();
    var log = try ironwal.open(place.path, .{});
    try log.close();
}

test "streams are listed and deleted" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    for ([_][]const u8{ "b", "a", "ä/ö" }) |name| {
        var stream = try log.stream(name);
        defer stream.deinit();
        _ = try stream.append(name, .{});
    }
    try expectNames(log, &.{ "a", "b", "ä/ö" });
    try log.deleteStream("b");
    try log.deleteStream("b");
    var stream = try log.stream("a");
    defer stream.deinit();
    try stream.delete();
    try testing.expectError(error.StreamNotFound, stream.append("x", .{}));
    try expectNames(log, &.{"ä/ö"});
    for ([_][]const u8{ "", "a\x00", "x" ** 256 }) |bad| try testing.expectError(error.Config, log.stream(bad));
}

fn expectNames(log: ironwal.Log, wanted: []const []const u8) !void {
    var names = try log.streams();
    defer names.deinit();
    try testing.expectEqual(wanted.len, names.count());
    for (wanted, 0..) |name, index| try testing.expectEqualStrings(name, names.at(index).?);
}
