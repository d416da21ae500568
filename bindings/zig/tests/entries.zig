//! Do appends and reads do what they say?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;

/// A log with one stream.
const Logged = struct {
    place: Place,
    log: ironwal.Log,
    stream: ironwal.Stream,

    fn init(options: ironwal.Options) !Logged {
        var place = try Place.init();
        errdefer place.deinit();
        var log = try ironwal.open(place.path, options);
        errdefer log.deinit();
        return .{ .place = place, .log = log, .stream = try log.stream("s") };
    }

    fn deinit(logged: *Logged) void {
        logged.stream.deinit();
        logged.log.deinit();
        logged.place.deinit();
    }
};

test "a batch gets consecutive ids and a mark in every sync mode" {
    for ([_]ironwal.SyncMode{ .strict, .batch_only, .async }) |mode| {
        var logged = try Logged.init(.{ .sync_mode = mode, .background_sync = .never });
        defer logged.deinit();
        const stream = logged.stream;
        const appended = try stream.appendBatch(&.{ "a", "b" }, .{});
        try testing.expectEqual(ironwal.Range{ .first_id = 0, .end_id = 2 }, appended.ids);
        try testing.expectEqual(mode != .async, try stream.isDurable(appended.mark));
        // One entry is a batch too.
        const one = try stream.appendBatch(&.{"c"}, .{});
        try testing.expectEqual(mode != .async, try stream.isDurable(one.mark));
        const none = try stream.appendBatch(&.{}, .{});
        try testing.expectEqual(ironwal.Range{ .first_id = 3, .end_id = 3 }, none.ids);
        var many: [100][]const u8 = @splat("many");
        try testing.expectEqual(100, (try stream.appendBatch(&many, .{})).ids.count());
        try testing.expectEqual(103, try stream.appendParts(&.{ "in ", "parts" }));
        try place_of.expectEntries(stream, 0, &([_][]const u8{ "a", "b", "c" } ++ many ++ [_][]const u8{"in parts"}));
    }
}

test "a transaction is one append" {
    var logged = try Logged.init(.{});
    defer logged.deinit();
    var transaction = try logged.log.transaction("s");
    defer transaction.deinit();
    for ([_][]const u8{ "a", "b" }) |entry| try transaction.add(entry);
    try testing.expectEqual(0, try logged.stream.nextId());
    try testing.expectEqual(ironwal.Range{ .first_id = 0, .end_id = 2 }, try transaction.commit());
    try testing.expectError(error.Closed, transaction.commit());
    var discarded = try logged.log.transaction("s");
    try discarded.add("c");
    discarded.deinit();
    try place_of.expectEntries(logged.stream, 0, &.{ "a", "b" });
}

test "an append at another id is refused with both ids" {
    var diagnostics: ironwal.Diagnostics = .{};
    defer diagnostics.deinit();
    var logged = try Logged.init(.{ .diagnostics = &diagnostics });
    defer logged.deinit();
    const stream = logged.stream;
    try testing.expectEqual(0, try stream.append("a", .{ .expected_id = 0 }));
    try testing.expectEqual(2, (try stream.appendBatch(&.{"b"}, .{ .expected_id = 1 })).ids.end_id);
    for ([_][]const []const u8{ &.{"c"}, &.{ "c", "d" }, &.{} }) |entries| {
        try testing.expectError(error.SequenceMismatch, stream.appendBatch(entries, .{ .expected_id = 5 }));
        try testing.expectEqual(5, diagnostics.sequence().?.expected_id);
        try testing.expectEqual(2, diagnostics.sequence().?.found_id);
        try testing.expectEqualStrings("s", diagnostics.stream().?);
    }
    try testing.expectError(error.SequenceMismatch, stream.append("c", .{ .expected_id = 5 }));
    try testing.expectError(error.InvalidArg, stream.append("c", .{ .expected_id = std.math.maxInt(u64) }));
    try testing.expectEqual(null, diagnostics.sequence());
    try testing.expectEqual(2, try stream.nextId());
}

test "durability is chosen for each append" {
    var logged = try Logged.init(.{ .background_sync = .never });
    defer logged.deinit();
    _ = try logged.stream.append("a", .{ .durability = .written });
    try testing.expectEqual(0, try logged.stream.durableEnd());
    var unsynced = try Logged.init(place_of.lazy);
    defer unsynced.deinit();
    const stream = unsynced.stream;
    _ = try stream.append("a", .{});
    try testing.expectEqual(0, try stream.durableEnd());
    _ = try stream.append("b", .{ .durability = .durable });
    try testing.expectEqual(2, try stream.durableEnd());
    _ = try stream.append("c", .{});
    try testing.expectEqual(2, try stream.durableEnd());
    try stream.sync();
    try testing.expectEqual(3, try stream.durableEnd());
    _ = try stream.append("d", .{});
    try unsynced.log.syncAll();
    try testing.expectEqual(4, try stream.durableEnd());
}

test "all that becomes a slice of bytes can be appended" {
    var logged = try Logged.init(.{});
    defer logged.deinit();
    const stream = logged.stream;
    const array = [_]u8{ 1, 2, 3 };
    const with_end: [:0]const u8 = "ended";
    const record = extern struct { number: u32 = 0x01020304, flag: u32 = 0 }{};
    _ = try stream.append("literal", .{});
    _ = try stream.append(&array, .{});
    _ = try stream.append(array[1..], .{});
    _ = try stream.append(with_end, .{});
    _ = try stream.append(std.mem.asBytes(&record), .{});
    _ = try stream.append(&.{}, .{});
    try place_of.expectEntries(stream, 0, &.{
        "literal", "\x01\x02\x03", "\x02\x03", "ended", std.mem.asBytes(&record), "",
    });
}

test "an entry that is not there is null" {
    var logged = try Logged.init(.{});
    defer logged.deinit();
    const stream = logged.stream;
    try testing.expectEqual(null, try stream.get(0));
    try testing.expectEqual(null, try stream.last());
    try testing.expectEqual(null, try stream.getAlloc(testing.allocator, 0));
    try testing.expectEqual(null, try stream.view(0));
    try testing.expectEqual(null, try stream.currentSegmentStartId());
    _ = try stream.append("a", .{});
    try place_of.expectGet(stream, 0, "a");
    try testing.expectEqual(null, try stream.get(1));
}

test "a get into memory of the caller fills its front or returns the size" {
    var logged = try Logged.init(.{});
    defer logged.deinit();
    const stream = logged.stream;
    _ = try stream.append("entry", .{});
    var memory = "........".*;
    try testing.expectEqualStrings("entry", (try stream.getInto(0, &memory)).?.entry);
    try testing.expectEqualStrings("entry...", &memory);
    var small = "....".*;
    try testing.expectEqual(5, (try stream.getInto(0, &small)).?.too_small);
    try testing.expectEqualStrings("....", &small);
    try testing.expectEqual(null, try stream.getInto(1, &memory));
    const owned = (try stream.getAlloc(testing.allocator, 0)).?;
    defer testing.allocator.free(owned);
    try testing.expectEqualStrings("entry", owned);
}

test "a view keeps its bytes whatever happens to the log" {
    for ([_]ironwal.ReadStrategy{ .standard_io, .mmap }) |strategy| {
        var place = try Place.init();
        defer place.deinit();
        var log = try ironwal.open(place.path, .{ .read_strategy = strategy });
        defer log.deinit();
        var stream = try log.stream("s");
        defer stream.deinit();
        _ = try stream.appendBatch(&.{ "x" ** 5000, "" }, .{});
        var view = (try stream.view(0)).?;
        defer view.deinit();
        var empty = (try stream.view(1)).?;
        defer empty.deinit();
        try stream.delete();
        try log.close();
        try testing.expectEqualStrings("x" ** 5000, view.bytes);
        try testing.expectEqual(0, empty.bytes.len);
    }
}

test "iteration begins at an id and finds what comes later" {
    var logged = try Logged.init(.{});
    defer logged.deinit();
    const stream = logged.stream;
    _ = try stream.appendBatch(&.{ "0", "1", "2" }, .{});
    var entries = try stream.iterate(1);
    defer entries.deinit();
    try place_of.expectRest(&entries, 1, &.{ "1", "2" });
    _ = try stream.append("3", .{});
    try place_of.expectRest(&entries, 3, &.{"3"});
    var behind = try stream.iterate(9);
    defer behind.deinit();
    try testing.expectEqual(null, try behind.next());
}

test "iteration backward begins at an id and shows nothing appended later" {
    var logged = try Logged.init(.{});
    defer logged.deinit();
    const stream = logged.stream;
    _ = try stream.appendBatch(&.{ "0", "1", "2" }, .{});
    var from_one = try stream.iterateBackward(1);
    defer from_one.deinit();
    for ([_]u64{ 1, 0 }) |id| try testing.expectEqual(id, (try from_one.next()).?.id);
    try testing.expectEqual(null, try from_one.next());
    var from_last = try stream.iterateBackward(null);
    defer from_last.deinit();
    try place_of.expectEntry(try from_last.next(), 2, "2");
    _ = try stream.append("3", .{});
    try place_of.expectEntry(try from_last.next(), 1, "1");
    _ = try stream.truncateSuffix(1);
    try testing.expectError(error.SuffixCut, from_last.next());
}

test "an iterator reports cuts and truncations with their ids" {
    var diagnostics: ironwal.Diagnostics = .{};
    defer diagnostics.deinit();
    var logged = try Logged.init(.{ .diagnostics = &diagnostics });
    defer logged.deinit();
    const stream = logged.stream;
    _ = try stream.appendBatch(&.{ "0", "1", "2", "3" }, .{});
    var cut = try stream.iterate(0);
    defer cut.deinit();
    for (0..3) |_| _ = try cut.next();
    _ = try stream.truncateSuffix(1);
    try testing.expectError(error.SuffixCut, cut.next());
    try testing.expectEqual(1, diagnostics.ids().?.first_id);
    _ = try stream.appendBatch(&.{ "one", "two", "three" }, .{});
    var truncated = try stream.iterate(0);
    defer truncated.deinit();
    try place_of.expectEntry(try truncated.next(), 0, "0");
    _ = try stream.truncatePrefix(2);
    try testing.expectError(error.SegmentNotFound, truncated.next());
    try testing.expectEqual(ironwal.Range{ .first_id = 1, .end_id = 2 }, diagnostics.ids());
    try place_of.expectRest(&truncated, 2, &.{ "two", "three" });
}

test "streams with the same entries have the same digest" {
    var logged = try Logged.init(.{});
    defer logged.deinit();
    const a = logged.stream;
    var b = try logged.log.stream("b");
    defer b.deinit();
    _ = try a.appendBatch(&.{ "x", "y" }, .{});
    for ([_][]const u8{ "x", "y", "z" }) |entry| _ = try b.append(entry, .{});
    const both: ironwal.Range = .{ .first_id = 0, .end_id = 2 };
    try testing.expectEqual(try a.digest(both), try b.digest(both));
    const later = try b.digest(.{ .first_id = 1, .end_id = 3 });
    try testing.expect(!std.mem.eql(u8, &(try a.digest(both)), &later));
    try testing.expectError(error.SegmentNotFound, a.digest(.{ .first_id = 0, .end_id = 3 }));
}

test "a replica gets the frames of its primary" {
    var primary = try Logged.init(.{ .background_sync = .never });
    defer primary.deinit();
    var replica = try Logged.init(.{});
    defer replica.deinit();
    _ = try primary.stream.appendBatch(&.{ "a", "b" }, .{ .properties = &.{.{ .key = "p", .value = "v" }} });
    var first = try primary.stream.exportFrames("", 1 << 20);
    defer first.deinit();
    try testing.expectEqual(2, (try replica.stream.applyFrames(first.slice())).end_id);
    _ = try primary.stream.append("c", .{});
    var position = try replica.stream.framePosition();
    defer position.deinit();
    var second = try primary.stream.exportFrames(position.slice(), 1 << 20);
    defer second.deinit();
    _ = try replica.stream.applyFrames(second.slice());
    try place_of.expectEntries(replica.stream, 0, &.{ "a", "b", "c" });
    try place_of.expectProperty(replica.stream, "p", "v");
    try testing.expectError(error.Corrupt, replica.stream.applyFrames("no packet"));
    // What no sync has covered leaves only if it is asked for.
    _ = try primary.stream.append("d", .{ .durability = .written });
    var behind = try replica.stream.framePosition();
    defer behind.deinit();
    var durable = try primary.stream.exportFrames(behind.slice(), 1 << 20);
    defer durable.deinit();
    try testing.expectEqual(0, durable.slice().len);
    var written = try primary.stream.exportWrittenFrames(behind.slice(), 1 << 20);
    defer written.deinit();
    try testing.expectEqual(4, (try replica.stream.applyFrames(written.slice())).end_id);
}
