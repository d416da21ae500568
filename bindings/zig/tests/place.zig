//! Where do the logs of the tests live, and how are entries compared?

const std = @import("std");
const ironwal = @import("ironwal");
const testing = std.testing;
const allocator = testing.allocator;

/// A directory of one test; it is removed with all logs in it.
pub const Place = struct {
    tmp: testing.TmpDir,
    root: []u8,
    /// Where the log goes; nothing is there yet.
    path: []u8,

    pub fn init() !Place {
        const tmp = testing.tmpDir(.{ .iterate = true });
        const root = try tmp.dir.realpathAlloc(allocator, ".");
        return .{ .tmp = tmp, .root = root, .path = try std.fs.path.join(allocator, &.{ root, "log" }) };
    }

    pub fn deinit(place: *Place) void {
        allocator.free(place.path);
        allocator.free(place.root);
        place.tmp.cleanup();
    }

    /// The path of another log. The caller frees it.
    pub fn other(place: *const Place, name: []const u8) ![]u8 {
        return std.fs.path.join(allocator, &.{ place.root, name });
    }

    pub fn exists(place: *const Place, name: []const u8) bool {
        place.tmp.dir.access(name, .{}) catch return false;
        return true;
    }

    /// The file that holds these bytes, below the directory. The caller frees the path.
    pub fn fileWith(place: *const Place, bytes: []const u8) ![]u8 {
        var walker = try place.tmp.dir.walk(allocator);
        defer walker.deinit();
        while (try walker.next()) |file| {
            if (file.kind != .file) continue;
            const content = try file.dir.readFileAlloc(allocator, file.basename, 1 << 30);
            defer allocator.free(content);
            if (std.mem.indexOf(u8, content, bytes) != null) {
                return std.fs.path.join(allocator, &.{ place.root, file.path });
            }
        }
        return error.FileNotFound;
    }
};

/// A log that syncs only when it is asked to.
pub const lazy: ironwal.Options = .{ .sync_mode = .async, .background_sync = .never };

pub fn expectEntry(entry: ?ironwal.Entry, id: u64, bytes: []const u8) !void {
    const found = entry orelse return error.NoEntry;
    try testing.expectEqual(id, found.id);
    try testing.expectEqualStrings(bytes, found.bytes);
}

/// The iterator shows these entries, from `first_id` on, and then none.
pub fn expectRest(iterator: *ironwal.Iterator, first_id: u64, entries: []const []const u8) !void {
    for (entries, first_id..) |bytes, id| try expectEntry(try iterator.next(), id, bytes);
    try testing.expectEqual(null, try iterator.next());
}

/// The stream holds these entries, from `first_id` on, and no more.
pub fn expectEntries(stream: ironwal.Stream, first_id: u64, entries: []const []const u8) !void {
    var iterator = try stream.iterate(0);
    defer iterator.deinit();
    try expectRest(&iterator, first_id, entries);
}

pub fn expectGet(stream: ironwal.Stream, id: u64, bytes: []const u8) !void {
    var entry = try stream.get(id) orelse return error.NoEntry;
    defer entry.deinit();
    try testing.expectEqualStrings(bytes, entry.slice());
}

pub fn expectProperty(stream: ironwal.Stream, key: []const u8, value: ?[]const u8) !void {
    var found = try stream.property(key);
    defer if (found) |*buffer| buffer.deinit();
    if (value) |wanted| {
        try testing.expectEqualStrings(wanted, (found orelse return error.NoProperty).slice());
    } else try testing.expectEqual(null, found);
}
