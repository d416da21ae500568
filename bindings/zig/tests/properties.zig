//! Do properties change with the entries, as one?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;

test "properties and entries change together" {
    var place = try Place.init();
    defer place.deinit();
    {
        var log = try ironwal.open(place.path, .{});
        defer log.deinit();
        var stream = try log.stream("s");
        defer stream.deinit();
        _ = try stream.append("a", .{ .properties = &.{
            .{ .key = "vote", .value = "1" }, .{ .key = "gone", .value = "x" }, .{ .key = "empty", .value = "" },
        } });
        var many: [20]ironwal.Property = undefined;
        for (&many, "abcdefghijklmnopqrst") |*property, *letter| property.* = .{ .key = letter[0..1], .value = "v" };
        _ = try stream.appendBatch(&.{}, .{ .expected_id = 1, .properties = &many });
        _ = try stream.setProperties(&.{.{ .key = "gone", .value = null }}, .by_mode);
        const changed: []const ironwal.Property = &.{.{ .key = "vote", .value = "2" }};
        try testing.expectError(error.SequenceMismatch, stream.append("b", .{ .expected_id = 7, .properties = changed }));
        try log.close();
    }
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    try place_of.expectProperty(stream, "vote", "1");
    try place_of.expectProperty(stream, "gone", null);
    try place_of.expectProperty(stream, "empty", "");
    var list = try stream.propertyList();
    defer list.deinit();
    try testing.expectEqual(22, list.count());
    try testing.expectEqualStrings("a", list.at(0).?.key); // sorted
    try testing.expectEqual(null, list.at(22));
    try testing.expectEqualStrings("v", list.find("t").?);
    try testing.expectEqual(null, list.find("gone"));
    _ = try stream.replaceProperties(&.{.{ .key = "only", .value = "" }}, .durable);
    var replaced = try stream.propertyList();
    defer replaced.deinit();
    try testing.expectEqual(1, replaced.count());
    try testing.expectEqual(1, try stream.nextId());
}

test "the durability of a change is chosen" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    const change: []const ironwal.Property = &.{.{ .key = "a", .value = "1" }};
    try testing.expect(!try stream.isDurable(try stream.setProperties(change, .by_mode)));
    try testing.expect(try stream.isDurable(try stream.setProperties(change, .durable)));
    try testing.expect(!try stream.isDurable(try stream.replaceProperties(change, .written)));
}

test "properties beyond their limits are refused and nothing changes" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.setProperties(&.{.{ .key = "kept", .value = "1" }}, .durable);
    const changed: ironwal.Property = .{ .key = "kept", .value = "2" };
    for ([_][]const u8{ "", "k" ** 256 }) |key| {
        try testing.expectError(error.Config, stream.setProperties(&.{ changed, .{ .key = key, .value = "" } }, .durable));
    }
    const big = "v" ** 4001;
    try testing.expectError(error.TooLarge, stream.setProperties(&.{ changed, .{ .key = "b", .value = big } }, .durable));
    const two: []const ironwal.Property = &.{ changed, .{ .key = "a", .value = big[0..3000] }, .{ .key = "b", .value = big[0..3000] } };
    try testing.expectError(error.TooLarge, stream.append("a", .{ .properties = two }));
    try testing.expectError(error.InvalidArg, stream.replaceProperties(&.{.{ .key = "kept", .value = null }}, .durable));
    try place_of.expectProperty(stream, "kept", "1");
    try testing.expectEqual(0, try stream.nextId());
}
