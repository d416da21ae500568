// How does Zig use ironwal? By translating the header:
//
//     zig translate-c -lc .../include/ironwal.h > ironwal.zig
//     zig run journal.zig -lc -L .../lib -lironwal -rpath .../lib -- DIRECTORY
//
// The tests do not run it; see README.md.
const std = @import("std");
const c = @import("ironwal.zig");

const Failed = error{Ironwal};

/// Prints the error of a failed call, and frees it.
fn check(status: c.ironwal_status, details: ?*c.ironwal_error) Failed!void {
    if (status == c.IRONWAL_OK) return;
    const text = c.ironwal_error_message(details);
    if (text.data != null) std.debug.print("{s}\n", .{text.data[0..text.len]});
    c.ironwal_error_free(details);
    return Failed.Ironwal;
}

fn open(path: []const u8) Failed!?*c.ironwal_wal {
    var options: ?*c.ironwal_options = null;
    var wal: ?*c.ironwal_wal = null;
    var details: ?*c.ironwal_error = null;
    try check(c.ironwal_options_new(path.ptr, path.len, &options, &details), details);
    defer c.ironwal_options_free(options);
    try check(c.ironwal_wal_open(options, &wal, &details), details);
    return wal;
}

pub fn main() !void {
    var arguments = std.process.args();
    _ = arguments.next();
    const directory = arguments.next() orelse return error.NoDirectory;
    const stream = "trades";
    const entry = "100@42";
    var details: ?*c.ironwal_error = null;
    var id: u64 = 0;

    var wal = try open(directory);
    try check(c.ironwal_append(wal, stream, stream.len, entry, entry.len, &id, &details), details);
    try check(c.ironwal_wal_close(wal, &details), details);

    wal = try open(directory);
    var buffer: c.ironwal_buffer = .{ .data = null, .len = 0 };
    try check(c.ironwal_get(wal, stream, stream.len, id, &buffer, &details), details);
    if (!std.mem.eql(u8, buffer.data[0..buffer.len], entry)) return error.Different;
    c.ironwal_buffer_free(&buffer);
    try check(c.ironwal_wal_close(wal, &details), details);
    std.debug.print("zig: 1 entry written, closed, reopened and read back\n", .{});
}
