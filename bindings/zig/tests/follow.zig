//! Does a follower wait for entries, and end when it should?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;
const ms = std.time.ns_per_ms;
const long = 20 * std.time.ns_per_s;

fn appendSoon(stream: ironwal.Stream, entry: []const u8) void {
    std.Thread.sleep(50 * ms);
    _ = stream.append(entry, .{}) catch |failure| std.debug.panic("append: {}", .{failure});
}

test "a follower waits for entries and ends after its timeout" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("0", .{});
    var short = try stream.follow(0, .{ .shown = .written, .timeout_ns = 100 * ms });
    defer short.deinit();
    try place_of.expectEntry(try short.next(), 0, "0");
    var timer = try std.time.Timer.start();
    try testing.expectEqual(null, try short.next());
    try testing.expect(timer.read() >= 100 * ms);
    const writer = try std.Thread.spawn(.{}, appendSoon, .{ stream, "1" });
    var patient = try stream.follow(1, .{ .shown = .written });
    defer patient.deinit();
    try place_of.expectEntry(try patient.next(), 1, "1");
    writer.join();
    try testing.expectEqual(null, try patient.poll());
    try testing.expect(!try patient.wait(0));
    _ = try stream.append("2", .{});
    try testing.expect(try patient.wait(long));
    try place_of.expectEntry(try patient.poll(), 2, "2");
}

test "a durable view shows nothing that is only written" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{ .background_sync = .never });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var written = try stream.follow(0, .{ .shown = .written });
    defer written.deinit();
    var durable = try stream.follow(0, .{ .shown = .durable });
    defer durable.deinit();
    var by_mode = try stream.follow(0, .{});
    defer by_mode.deinit();
    _ = try stream.append("a", .{ .durability = .written });
    try place_of.expectEntry(try written.poll(), 0, "a");
    try testing.expectEqual(0, try stream.durableEnd());
    try testing.expectEqual(null, try durable.poll());
    try testing.expectEqual(null, try by_mode.poll());
    try stream.sync();
    try place_of.expectEntry(try durable.poll(), 0, "a");
    try place_of.expectEntry(try by_mode.poll(), 0, "a");
}

fn cancelSoon(canceller: ironwal.Canceller) void {
    std.Thread.sleep(50 * ms);
    canceller.cancel();
}

test "a wait without end is cancelled by another thread once for each cancellation" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var follower = try stream.follow(0, .{ .shown = .written });
    var canceller = try follower.makeCanceller();
    defer canceller.deinit();
    const other = try std.Thread.spawn(.{}, cancelSoon, .{canceller});
    try testing.expectError(error.Cancelled, follower.next());
    other.join();
    follower.cancel();
    try testing.expectError(error.Cancelled, follower.wait(long));
    try testing.expect(!try follower.wait(0));
    _ = try stream.append("a", .{});
    try place_of.expectEntry(try follower.next(), 0, "a");
    follower.deinit();
    canceller.cancel(); // outlives its follower
}

fn followUntilClosed(stream: ironwal.Stream, started: *std.Thread.ResetEvent, ended: *?ironwal.Error) void {
    var follower = stream.follow(0, .{}) catch |failure| std.debug.panic("follow: {}", .{failure});
    defer follower.deinit();
    started.set();
    if (follower.next()) |_| {} else |failure| ended.* = failure;
}

test "closing the log ends a wait" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var started: std.Thread.ResetEvent = .{};
    var ended: ?ironwal.Error = null;
    const waiting = try std.Thread.spawn(.{}, followUntilClosed, .{ stream, &started, &ended });
    started.wait();
    std.Thread.sleep(20 * ms);
    try log.close();
    waiting.join();
    try testing.expectEqual(error.Closed, ended.?);
}

test "a follower reports a cut" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("a", .{});
    var follower = try stream.follow(0, .{ .shown = .written });
    defer follower.deinit();
    try place_of.expectEntry(try follower.next(), 0, "a");
    _ = try stream.truncateSuffix(0);
    try testing.expectError(error.SuffixCut, follower.next());
}

test "a reader follows another writer" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("a", .{});
    var reader = try ironwal.openReadOnly(place.path, .{});
    defer reader.deinit();
    var seen = try reader.stream("s");
    defer seen.deinit();
    var follower = try seen.follow(0, .{ .timeout_ns = long });
    defer follower.deinit();
    try place_of.expectEntry(try follower.next(), 0, "a");
    const writer = try std.Thread.spawn(.{}, appendSoon, .{ stream, "b" });
    try place_of.expectEntry(try follower.next(), 1, "b");
    writer.join();
}

fn readable(fd: std.posix.fd_t, timeout_ms: i32) !bool {
    var waited = [_]std.posix.pollfd{.{ .fd = fd, .events = std.posix.POLL.IN, .revents = 0 }};
    return try std.posix.poll(&waited, timeout_ms) == 1;
}

fn appendMany(stream: ironwal.Stream) void {
    for (0..100) |_| _ = stream.append("x", .{}) catch |failure| std.debug.panic("append: {}", .{failure});
}

test "a loop over poll shows each entry once and what is left before the end" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var follower = try stream.follow(0, .{ .shown = .written });
    defer follower.deinit();
    var events = try stream.events(.written);
    defer events.deinit();
    const fd = try events.fd();
    try testing.expectEqual(0, try events.drain());
    try testing.expect(!try readable(fd, 0)); // nothing comes
    const writer = try std.Thread.spawn(.{}, appendMany, .{stream});
    var shown: u64 = 0;
    while (shown < 100) {
        if (!try readable(fd, 20_000)) return error.NothingCame;
        const end = try events.drain();
        while (try follower.poll()) |entry| : (shown += 1) try testing.expectEqual(shown, entry.id);
        // What came before the drain is shown after it.
        try testing.expect(shown >= end);
    }
    writer.join();
    _ = try stream.append("left", .{});
    try place_of.expectEntry(try follower.poll(), 100, "left");
    try log.close();
    try testing.expect(try readable(fd, 20_000));
    try testing.expectError(error.Closed, events.drain());
}
