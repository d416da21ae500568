//! Do cuts, replacements, resets and truncations leave what they say?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;

test "cuts, replacements and resets leave what they say" {
    var place = try Place.init();
    defer place.deinit();
    {
        var log = try ironwal.open(place.path, .{});
        defer log.deinit();
        var stream = try log.stream("s");
        defer stream.deinit();
        var batch: [20][]const u8 = @splat("old");
        _ = try stream.appendBatch(&batch, .{});
        try testing.expectEqual(0, try stream.truncatePrefix(14)); // one segment
        try testing.expectEqual(2, try stream.truncateSuffix(18));
        const replaced = try stream.replaceSuffix(16, &.{"new"}, &.{.{ .key = "p", .value = "v" }});
        try testing.expectEqual(ironwal.Range{ .first_id = 16, .end_id = 17 }, replaced);
        try place_of.expectEntries(stream, 14, &.{ "old", "old", "new" });
        try testing.expectError(error.SequenceMismatch, stream.truncateSuffix(3));
        try testing.expectError(error.SequenceMismatch, stream.replaceSuffix(30, &.{"x"}, &.{}));
        try log.close();
    }
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    try place_of.expectEntries(stream, 14, &.{ "old", "old", "new" });
    try place_of.expectProperty(stream, "p", "v");
    const reset = try stream.reset(100, &.{"far"}, &.{.{ .key = "p", .value = null }});
    try testing.expectEqual(ironwal.Range{ .first_id = 100, .end_id = 101 }, reset);
    try place_of.expectEntries(stream, 100, &.{"far"});
    try place_of.expectProperty(stream, "p", null);
    try testing.expectEqual(100, try stream.firstId());
    try testing.expectEqual(101, try stream.durableEnd());
    try testing.expectEqual(7, (try stream.reset(7, &.{}, &.{})).end_id);
    try testing.expectEqual(7, try stream.append("seven", .{}));
}

test "truncation and retention remove whole segments" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{ .sync_mode = .async, .max_entries_per_segment = 10 });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    for (0..35) |_| _ = try stream.append("x", .{});
    try testing.expectEqual(0, try stream.applyRetention(.{}));
    try testing.expectEqual(1, try stream.truncate(15));
    try testing.expectEqual(10, try stream.firstId());
    const cursor: [8]u8 = @bitCast(std.mem.nativeToLittle(u64, 25));
    _ = try stream.setProperties(&.{.{ .key = "cursor/reader", .value = &cursor }}, .by_mode);
    try testing.expectEqual(1, try log.applyRetention(.{ .max_bytes = 0, .keep_cursors = true }));
    try testing.expectEqual(20, try stream.firstId());
    try testing.expectEqual(1, try stream.truncatePrefix(31));
    try testing.expectEqual(31, try stream.firstId());
    try testing.expectEqual(null, try stream.get(30));
}
