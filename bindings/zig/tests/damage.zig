//! Is damage reported, with its place, and is what is good kept?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;
const allocator = testing.allocator;

const damaged_entry = "entry 5 entry 5";

fn fill(place: *const Place) !void {
    var log = try ironwal.open(place.path, .{ .sync_mode = .async, .max_entries_per_segment = 4 });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    for (0..12) |n| {
        var entry: [800]u8 = undefined;
        for (0..100) |at| _ = try std.fmt.bufPrint(entry[at * 8 ..], "entry {x} ", .{n});
        _ = try stream.append(&entry, .{});
    }
    try log.close();
}

test "a damaged entry is reported and the others are read" {
    var place = try Place.init();
    defer place.deinit();
    try fill(&place);
    const path = try place.fileWith(damaged_entry);
    defer allocator.free(path);
    {
        const file = try std.fs.openFileAbsolute(path, .{ .mode = .read_write });
        defer file.close();
        const content = try file.readToEndAlloc(allocator, 1 << 30);
        defer allocator.free(content);
        try file.pwriteAll("E", std.mem.indexOf(u8, content, damaged_entry).?);
    }
    var diagnostics: ironwal.Diagnostics = .{};
    defer diagnostics.deinit();
    var log = try ironwal.open(place.path, .{ .diagnostics = &diagnostics });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    try testing.expectError(error.CrcMismatch, stream.get(5));
    try testing.expectEqualStrings(path, diagnostics.path().?);
    try testing.expectEqual(5, diagnostics.ids().?.first_id);
    var good = (try stream.get(4)).?;
    good.deinit();
    var entries = try stream.iterate(0);
    defer entries.deinit();
    for (0..5) |id| try testing.expectEqual(id, (try entries.next()).?.id);
    try testing.expectError(error.CrcMismatch, entries.next());
    try testing.expectEqual(5, diagnostics.ids().?.first_id);
    for (6..12) |id| try testing.expectEqual(id, (try entries.next()).?.id);
    try testing.expectEqual(null, try entries.next());
    var report = try log.verify();
    defer report.deinit();
    try testing.expect(!report.isClean());
    try testing.expectEqual(11, report.totals().entries);
    var index: usize = 0;
    var damages: usize = 0;
    while (report.finding(index)) |finding| : (index += 1) {
        if (finding.severity != .damage) continue;
        damages += 1;
        try testing.expectEqualStrings("s", finding.stream.?);
        try testing.expectEqualStrings(path, finding.path.?);
        try testing.expectEqual(ironwal.Range{ .first_id = 5, .end_id = 6 }, finding.ids);
        try testing.expect(finding.offset != null and finding.what.len > 0);
    }
    try testing.expectEqual(1, damages);
}

test "what opening found is reported and a damaged log can be refused" {
    var place = try Place.init();
    defer place.deinit();
    try fill(&place);
    {
        var log = try ironwal.open(place.path, .{});
        defer log.deinit();
        var report = try log.recovery();
        defer report.deinit();
        try testing.expect(report.isComplete());
        try testing.expectEqual(null, report.stream(0));
        var verified = try log.verify();
        defer verified.deinit();
        try testing.expect(verified.isClean());
    }
    const path = try place.fileWith(damaged_entry);
    defer allocator.free(path);
    try std.fs.deleteFileAbsolute(path);
    try testing.expectError(error.Corrupt, ironwal.open(place.path, .{ .on_corruption = .@"error" }));
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var report = try log.recovery();
    defer report.deinit();
    try testing.expect(!report.isComplete());
    try testing.expectEqual(1, report.totals().streams);
    const lost = report.stream(0).?;
    try testing.expectEqualStrings("s", lost.stream);
    try testing.expect(!lost.is_complete);
    try testing.expectEqual(12, lost.next_id);
    try testing.expectEqual(12, lost.durable_end_before);
    var index: usize = 0;
    const damage = while (report.finding(0, index)) |finding| : (index += 1) {
        if (finding.severity == .damage) break finding;
    } else return error.NoDamage;
    try testing.expectEqual(ironwal.Range{ .first_id = 4, .end_id = 8 }, damage.ids);
    var stream = try log.stream("s");
    defer stream.deinit();
    try testing.expectError(error.SegmentNotFound, stream.get(5));
    try testing.expectEqual(12, try stream.append("goes on", .{}));
}
