//! How does a program keep an audit trail that shows each loss and each change?
//!
//! An audit trail in one stream. Each record begins with the digest of the record before it, so that no
//! record can be changed or removed unnoticed; the library sees to it that none is lost.
//!
//!     audit_log DIRECTORY add ACTOR ACTION       appends one record, durably
//!     audit_log DIRECTORY show                   prints and checks all of them
//!     audit_log DIRECTORY watch MILLISECONDS     prints records as they come, until none came for so long
//!
//! Several processes may show and watch beside the one that adds.

const std = @import("std");
const ironwal = @import("ironwal");
const Sha256 = std.crypto.hash.sha2.Sha256;

const usage =
    \\audit_log DIRECTORY add ACTOR ACTION
    \\audit_log DIRECTORY show
    \\audit_log DIRECTORY watch MILLISECONDS
    \\
;
const stream_name = "audit";
const Link = [Sha256.digest_length]u8;

pub fn main() u8 {
    var diagnostics: ironwal.Diagnostics = .{};
    defer diagnostics.deinit();
    run(&diagnostics) catch |failure| {
        if (failure == error.Usage) {
            std.debug.print("{s}", .{usage});
        } else if (diagnostics.status != 0) {
            std.debug.print("{s}: {s}\n", .{ @errorName(failure), diagnostics.message() });
        } else if (failure != error.BrokenChain) {
            std.debug.print("{s}\n", .{@errorName(failure)});
        }
        return 1;
    };
    return 0;
}

fn run(diagnostics: *ironwal.Diagnostics) !void {
    const allocator = std.heap.page_allocator;
    const arguments = try std.process.argsAlloc(allocator);
    defer std.process.argsFree(allocator, arguments);
    var memory: [256]u8 = undefined;
    // Streaming: a writer by position would begin at the start of a file that the shell appends to.
    var stdout = std.fs.File.stdout().writerStreaming(&memory);
    const out = &stdout.interface;
    if (arguments.len < 3) return error.Usage;
    const path = arguments[1];
    const command = arguments[2];
    if (std.mem.eql(u8, command, "add") and arguments.len == 5) {
        try out.print("{d}\n", .{try add(path, arguments[3], arguments[4], diagnostics)});
    } else if (std.mem.eql(u8, command, "show") and arguments.len == 3) {
        try show(path, out, diagnostics);
    } else if (std.mem.eql(u8, command, "watch") and arguments.len == 4) {
        const milliseconds = std.fmt.parseInt(u64, arguments[3], 10) catch return error.Usage;
        try watch(path, milliseconds * std.time.ns_per_ms, out, diagnostics);
    } else return error.Usage;
    try out.flush();
}

fn linkOf(record: []const u8) Link {
    var link: Link = undefined;
    Sha256.hash(record, &link, .{});
    return link;
}

fn add(path: []const u8, actor: []const u8, action: []const u8, diagnostics: *ironwal.Diagnostics) !u64 {
    var log = try ironwal.open(path, .{ .diagnostics = diagnostics });
    defer log.deinit();
    var audit = try log.stream(stream_name);
    defer audit.deinit();
    var before = try audit.last();
    defer if (before) |*last| last.deinit();
    const link = linkOf(if (before) |*last| last.entry.slice() else "");
    const record = try std.mem.concat(std.heap.page_allocator, u8, &.{ &link, actor, " ", action });
    defer std.heap.page_allocator.free(record);
    // Durable when it returns, and only if no other thread was faster.
    const id = try audit.append(record, .{ .expected_id = if (before) |last| last.id + 1 else 0 });
    try log.close();
    return id;
}

fn show(path: []const u8, out: *std.Io.Writer, diagnostics: *ironwal.Diagnostics) !void {
    var log = try ironwal.openReadOnly(path, .{ .diagnostics = diagnostics });
    defer log.deinit();
    var audit = try log.stream(stream_name);
    defer audit.deinit();
    var entries = try audit.iterate(0);
    defer entries.deinit();
    var link = linkOf("");
    while (try entries.next()) |entry| {
        try printRecord(entry, &link, out);
        link = linkOf(entry.bytes);
    }
}

fn watch(path: []const u8, timeout_ns: u64, out: *std.Io.Writer, diagnostics: *ironwal.Diagnostics) !void {
    var log = try ironwal.openReadOnly(path, .{ .diagnostics = diagnostics });
    defer log.deinit();
    var audit = try log.stream(stream_name);
    defer audit.deinit();
    var follower = try audit.follow(0, .{ .timeout_ns = timeout_ns });
    defer follower.deinit();
    while (try follower.next()) |entry| {
        try printRecord(entry, null, out);
        try out.flush();
    }
}

/// Prints a record, and compares what it begins with with the digest of the record before it.
fn printRecord(entry: ironwal.Entry, before: ?*const Link, out: *std.Io.Writer) !void {
    if (entry.bytes.len < @sizeOf(Link)) {
        std.debug.print("record {d} is none\n", .{entry.id});
        return error.BrokenChain;
    }
    const link = entry.bytes[0..@sizeOf(Link)];
    if (before) |wanted| if (!std.mem.eql(u8, wanted, link)) {
        std.debug.print("record {d} does not follow the one before it\n", .{entry.id});
        return error.BrokenChain;
    };
    try out.print("{d} {s}\n", .{ entry.id, entry.bytes[@sizeOf(Link)..] });
}
