//! Does a snapshot open as the log was, and do statistics count?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;

test "a snapshot opens as the log was" {
    for ([_]ironwal.SnapshotMode{ .link, .copy }) |mode| {
        var place = try Place.init();
        defer place.deinit();
        const copied = try place.other("copy");
        defer testing.allocator.free(copied);
        const by_reader = try place.other("by reader");
        defer testing.allocator.free(by_reader);
        var log = try ironwal.open(place.path, .{ .sync_mode = .async, .max_entries_per_segment = 4 });
        defer log.deinit();
        var a = try log.stream("a");
        defer a.deinit();
        var b = try log.stream("b");
        defer b.deinit();
        _ = try a.appendBatch(&.{ "1", "2" }, .{ .properties = &.{.{ .key = "p", .value = "v" }} });
        for (0..10) |_| _ = try b.append("x", .{});
        const stats = try log.snapshotTo(copied, mode);
        try testing.expectEqual(2, stats.streams);
        try testing.expectEqual(1, stats.is_one_moment);
        try testing.expectEqual(mode == .link, stats.segments_linked > 0);
        _ = try a.append("later", .{});
        try testing.expectError(error.Config, log.snapshotTo(copied, mode));
        {
            var reader = try ironwal.openReadOnly(place.path, .{ .sync_mode = .async });
            defer reader.deinit();
            try testing.expectEqual(2, (try reader.snapshotStreamsTo(by_reader, mode)).streams);
        }
        try log.close();

        var copy = try ironwal.open(copied, .{});
        defer copy.deinit();
        var copy_of_a = try copy.stream("a");
        defer copy_of_a.deinit();
        try place_of.expectEntries(copy_of_a, 0, &.{ "1", "2" });
        try place_of.expectProperty(copy_of_a, "p", "v");
        var copy_of_b = try copy.stream("b");
        defer copy_of_b.deinit();
        try testing.expectEqual(10, try copy_of_b.nextId());
        var other = try ironwal.open(by_reader, .{});
        defer other.deinit();
        var other_a = try other.stream("a");
        defer other_a.deinit();
        try place_of.expectGet(other_a, 2, "later");
    }
}

test "statistics count what happened" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.appendBatch(&.{ "a", "b" }, .{});
    _ = try stream.append("c", .{});
    _ = try stream.truncateSuffix(2);
    const stats = try stream.stats();
    try testing.expectEqual(2, stats.appends);
    try testing.expectEqual(3, stats.entries);
    try testing.expectEqual(1, stats.cuts);
    try testing.expectEqual(2, stats.next_id);
    const whole = try log.stats();
    try testing.expectEqual(1, whole.streams);
    try testing.expectEqual(2, whole.appends);
    try testing.expectEqual(0, whole.poisoned_streams);
}
