//! Is each status an error of its own, with what the library knows?

const std = @import("std");
const c = @import("c");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const inChild = @import("process.zig").inChild;
const Place = place_of.Place;
const testing = std.testing;

test "every status of the header has an error" {
    @setEvalBranchQuota(100_000);
    var found: usize = 0;
    inline for (@typeInfo(c).@"struct".decls) |declaration| {
        if (comptime std.mem.startsWith(u8, declaration.name, "IRONWAL_E_")) {
            const status: i32 = @field(c, declaration.name);
            const failure = ironwal.errorFromStatus(status);
            try testing.expectEqualStrings(comptime camel(declaration.name["IRONWAL_E_".len..]), @errorName(failure));
            try testing.expectEqual(status, ironwal.statusFromError(failure));
            found += 1;
        }
    }
    try testing.expect(found >= 35);
    // One more: an allocation of this package that failed.
    try testing.expectEqual(found + 1, @typeInfo(ironwal.Error).error_set.?.len);
}

/// NO_SPACE becomes NoSpace.
fn camel(comptime name: []const u8) []const u8 {
    comptime var made: []const u8 = "";
    comptime var begins = true;
    inline for (name) |letter| {
        if (letter != '_') made = made ++ [1]u8{if (begins) letter else std.ascii.toLower(letter)};
        begins = letter == '_';
    }
    return made;
}

test "a status of a later version is other" {
    try testing.expectEqual(error.Other, ironwal.errorFromStatus(-999));
    try testing.expectEqual(@as(i32, c.IRONWAL_E_OTHER), ironwal.statusFromError(error.OutOfMemory));
}

test "an error of the system has its code and path" {
    var place = try Place.init();
    defer place.deinit();
    const path = try place.other("no/such/parent");
    defer testing.allocator.free(path);
    var diagnostics: ironwal.Diagnostics = .{};
    defer diagnostics.deinit();
    try testing.expectEqual(null, diagnostics.osError());
    try testing.expectError(error.Io, ironwal.open(path, .{ .diagnostics = &diagnostics }));
    try testing.expectEqual(@as(i32, c.IRONWAL_E_IO), diagnostics.status);
    try testing.expectEqual(.NOENT, diagnostics.osError().?);
    try testing.expectStringStartsWith(diagnostics.path().?, place.root);
    try testing.expect(std.mem.indexOf(u8, diagnostics.message(), place.root) != null);
}

test "details are those of the last failure" {
    var place = try Place.init();
    defer place.deinit();
    var of_log: ironwal.Diagnostics = .{};
    defer of_log.deinit();
    var of_one: ironwal.Diagnostics = .{};
    defer of_one.deinit();
    var log = try ironwal.open(place.path, .{ .diagnostics = &of_log });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    try testing.expectError(error.SequenceMismatch, stream.append("", .{ .expected_id = 3 }));
    try testing.expectEqual(3, of_log.sequence().?.expected_id);
    try testing.expectEqual(0, of_log.sequence().?.found_id);
    try testing.expectEqual(null, of_log.path());
    try testing.expectEqual(null, of_log.offset());
    try testing.expectEqual(null, of_log.committed(0));
    try testing.expectEqual(0, of_log.committedCount());
    _ = try stream.append("a", .{});
    try testing.expect(of_log.sequence() != null); // success changes nothing
    try testing.expectError(error.Config, log.stream(""));
    try testing.expectEqual(null, of_log.sequence());
    try testing.expectError(error.Config, log.reporting(&of_one).stream(""));
    try testing.expectError(error.TooLarge, stream.reporting(&of_one).setProperties(
        &.{.{ .key = "k", .value = "v" ** 4001 }},
        .durable,
    ));
    try testing.expectEqual(@as(i32, c.IRONWAL_E_TOO_LARGE), of_one.status);
    try testing.expectEqual(@as(i32, c.IRONWAL_E_CONFIG), of_log.status);
    try log.close();
    try testing.expectError(error.Closed, log.close());
    try testing.expectEqualStrings("IRONWAL_E_CLOSED", of_log.message());
}

fn fillDisk(path: []const u8) !void {
    // A limit on the size of files stands for a full disk; it belongs to the whole process.
    const ignored: std.posix.Sigaction = .{ .handler = .{ .handler = std.posix.SIG.IGN }, .mask = std.posix.sigemptyset(), .flags = 0 };
    std.posix.sigaction(std.posix.SIG.XFSZ, &ignored, null);
    var diagnostics: ironwal.Diagnostics = .{};
    defer diagnostics.deinit();
    var log = try ironwal.open(path, .{ .max_segment_size = 1 << 30, .diagnostics = &diagnostics });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("kept", .{});
    const before = try std.posix.getrlimit(.FSIZE);
    try std.posix.setrlimit(.FSIZE, .{ .cur = 1 << 20, .max = before.max });
    const large = try testing.allocator.alloc(u8, 4 << 20);
    defer testing.allocator.free(large);
    @memset(large, 0);
    try testing.expectError(error.NoSpace, stream.append(large, .{}));
    try testing.expectEqual(.FBIG, diagnostics.osError().?);
    try testing.expectStringStartsWith(diagnostics.path().?, path);
    try std.posix.setrlimit(.FSIZE, before);
    try testing.expectEqual(1, try stream.append("again", .{}));
    try place_of.expectEntries(stream, 0, &.{ "kept", "again" });
    try log.close();
}

test "a full disk is no space and loses nothing" {
    var place = try Place.init();
    defer place.deinit();
    try inChild(fillDisk, .{place.path});
}
