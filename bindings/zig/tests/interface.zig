//! Do the declarations, the documents and the example agree with the library?

const std = @import("std");
const c = @import("c");
const ironwal = @import("ironwal");
const paths = @import("paths");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;
const allocator = testing.allocator;

fn readAll(name: []const u8) ![]u8 {
    const path = try std.fs.path.join(allocator, &.{ paths.package, name });
    defer allocator.free(path);
    return std.fs.cwd().readFileAlloc(allocator, path, 1 << 24);
}

/// All files of a directory of the package, one behind the other.
fn readSources(name: []const u8) ![]u8 {
    const path = try std.fs.path.join(allocator, &.{ paths.package, name });
    defer allocator.free(path);
    var dir = try std.fs.cwd().openDir(path, .{ .iterate = true });
    defer dir.close();
    var all: std.ArrayList(u8) = .empty;
    errdefer all.deinit(allocator);
    var files = dir.iterate();
    while (try files.next()) |file| {
        if (!std.mem.endsWith(u8, file.name, ".zig")) continue;
        const content = try dir.readFileAlloc(allocator, file.name, 1 << 24);
        defer allocator.free(content);
        try all.appendSlice(allocator, content);
    }
    return all.toOwnedSlice(allocator);
}

fn isWord(letter: u8) bool {
    return std.ascii.isAlphanumeric(letter) or letter == '_';
}

/// Whether the text has the word, and not only as a part of a longer one.
fn hasWord(text: []const u8, word: []const u8) bool {
    var from: usize = 0;
    while (std.mem.indexOfPos(u8, text, from, word)) |at| : (from = at + 1) {
        const end = at + word.len;
        if ((at == 0 or !isWord(text[at - 1])) and (end == text.len or !isWord(text[end]))) return true;
    }
    return false;
}

/// What a handle of a stream does too: these take the name of a stream.
const by_name = [_][]const u8{
    "append",           "append_at",                "append_batch",    "append_vectored", "append_with",
    "get",              "get_into",                 "get_batch",       "sync",            "truncate",
    "restore_archived", "get_property",             "get_properties",  "set_properties",  "replace_properties",
    "replace_suffix",   "truncate_suffix",          "truncate_prefix", "reset",           "wal_iter",
    "wal_iter_rev",     "current_segment_start_id",
};

/// Not bound for other reasons: batches over several streams are not bound yet; `append` takes an expected id by
/// the longer call; what get_batch returns; numbers that text says too; the current entry is returned by `next`;
/// options are a struct, and a call costs no more than one of Zig; ironwalctl looks at directories that are not open.
const left_out = [_][]const u8{
    "stream_append_at",         "stream_append_batch",      "entry_list_count",       "entry_list_get",
    "entry_list_free",          "version_number",           "error_status",           "iter_current",
    "options_clone",            "options_parse",            "stream_begin",           "iter_next_many",
    "options_set_log_owned",    "options_set_log_level",    "append_atomic",          "sharded_append_batch_atomic",
    "verify_directory",         "dump_directory",           "stat_directory",         "stat_report_get_totals",
    "stat_report_get_stream",   "stat_report_get_segment",  "stat_report_free",       "repair_directory",
    "repair_report_get_totals", "repair_report_get_stream", "repair_report_get_lost", "repair_report_free",
};

test "every function of the header is bound or named as left out" {
    @setEvalBranchQuota(200_000);
    const sources = try readSources("src");
    defer allocator.free(sources);
    var functions: usize = 0;
    inline for (@typeInfo(c).@"struct".decls) |declaration| {
        const name = declaration.name;
        if (comptime std.mem.startsWith(u8, name, "ironwal_") and @typeInfo(@TypeOf(@field(c, name))) == .@"fn") {
            functions += 1;
            const short = name["ironwal_".len..];
            const named = for (by_name ++ left_out) |other| {
                if (std.mem.eql(u8, other, short)) break true;
            } else false;
            const setter = "options_set_";
            const set = comptime std.mem.startsWith(u8, short, setter);
            const bound = hasWord(sources, name) or (set and hasWord(sources, "\"" ++ short[setter.len * @intFromBool(set) ..] ++ "\""));
            if (named == bound) {
                std.debug.print("{s}: {s}\n", .{ name, if (bound) "bound, and left out" else "not bound" });
                return error.HeaderAndPackageDiffer;
            }
        }
    }
    try testing.expect(functions > 180);
}

test "every constant of an enumeration is there" {
    @setEvalBranchQuota(200_000);
    inline for (.{
        .{ ironwal.SyncMode, "SYNC" },
        .{ ironwal.Compression, "COMPRESSION" },
        .{ ironwal.ReadStrategy, "READ" },
        .{ ironwal.WriteStrategy, "WRITE" },
        .{ ironwal.CommitPath, "COMMIT" },
        .{ ironwal.Match, "MATCH" },
        .{ ironwal.OnCorruption, "CORRUPTION" },
        .{ ironwal.Durability, "DURABILITY" },
        .{ ironwal.Shown, "VIEW" },
        .{ ironwal.SnapshotMode, "SNAPSHOT" },
        .{ ironwal.Severity, "SEVERITY" },
        .{ ironwal.LogLevel, "LOG" },
        .{ ironwal.Event, "EVENT" },
    }) |kind| {
        comptime var constants: usize = 0;
        inline for (@typeInfo(c).@"struct".decls) |declaration| {
            const prefix = "IRONWAL_" ++ kind[1] ++ "_";
            if (comptime std.mem.startsWith(u8, declaration.name, prefix)) {
                constants += 1;
                const tag = comptime lower(declaration.name[prefix.len..]);
                try testing.expectEqual(@as(i32, @field(c, declaration.name)), @intFromEnum(@field(kind[0], &tag)));
            }
        }
        try testing.expectEqual(constants, @typeInfo(kind[0]).@"enum".fields.len);
    }
}

fn lower(comptime name: []const u8) [name.len]u8 {
    var made: [name.len]u8 = undefined;
    return std.ascii.lowerString(&made, name)[0..name.len].*;
}

test "the versions agree" {
    try testing.expectEqualStrings(paths.version, ironwal.version);
    try testing.expectEqualStrings(ironwal.version, ironwal.libraryVersion());
    const manifest = try readAll("../../Cargo.toml");
    defer allocator.free(manifest);
    try testing.expect(std.mem.indexOf(u8, manifest, "\nversion = \"" ++ paths.version ++ "\"\n") != null);
}

test "each behaviour has a test" {
    const page = try readAll("../behaviours.md");
    defer allocator.free(page);
    const sources = try readSources("tests");
    defer allocator.free(sources);
    var rows: usize = 0;
    var lines = std.mem.splitScalar(u8, page, '\n');
    while (lines.next()) |line| {
        var cells = std.mem.splitSequence(u8, line, "|");
        _ = cells.next();
        const number = std.fmt.parseInt(usize, std.mem.trim(u8, cells.next() orelse continue, " "), 10) catch continue;
        rows += 1;
        try testing.expectEqual(rows, number);
        for (0..3) |_| _ = cells.next(); // behaviour, Go, Python
        const cell = std.mem.trim(u8, cells.next() orelse return error.NoCell, " ");
        // In a language without a collector, and with a compiler that checks types: does not apply.
        if (std.mem.eql(u8, cell, "–")) continue;
        var named = std.mem.splitScalar(u8, cell, '`');
        _ = named.next();
        var tests: usize = 0;
        while (named.next()) |name| : (_ = named.next()) {
            tests += 1;
            const wanted = try std.fmt.allocPrint(allocator, "\ntest \"{s}\" {{", .{name});
            defer allocator.free(wanted);
            if (std.mem.indexOf(u8, sources, wanted) == null) {
                std.debug.print("behaviour {d}: no test \"{s}\"\n", .{ number, name });
                return error.NoSuchTest;
            }
        }
        if (tests == 0) {
            std.debug.print("behaviour {d} has no test\n", .{number});
            return error.NoTest;
        }
    }
    try testing.expect(rows >= 50);
}

fn run(program: []const u8, arguments: []const []const u8, cwd: []const u8) !std.process.Child.RunResult {
    const absolute = try std.fs.cwd().realpathAlloc(allocator, program);
    defer allocator.free(absolute);
    var argv: std.ArrayList([]const u8) = .empty;
    defer argv.deinit(allocator);
    try argv.append(allocator, absolute);
    try argv.appendSlice(allocator, arguments);
    return std.process.Child.run(.{ .allocator = allocator, .argv = argv.items, .cwd = cwd });
}

fn expectOutput(program: []const u8, arguments: []const []const u8, cwd: []const u8, wanted: []const u8) !void {
    const result = try run(program, arguments, cwd);
    defer allocator.free(result.stdout);
    defer allocator.free(result.stderr);
    try testing.expectEqualStrings(wanted, result.stdout);
    try testing.expectEqual(std.process.Child.Term{ .Exited = 0 }, result.term);
}

fn expectFailure(program: []const u8, arguments: []const []const u8, cwd: []const u8, wanted: []const u8) !void {
    const result = try run(program, arguments, cwd);
    defer allocator.free(result.stdout);
    defer allocator.free(result.stderr);
    if (std.mem.indexOf(u8, result.stderr, wanted) == null) try testing.expectEqualStrings(wanted, result.stderr);
    try testing.expectEqual(std.process.Child.Term{ .Exited = 1 }, result.term);
}

test "the program of the readme runs" {
    var place = try Place.init();
    defer place.deinit();
    try expectOutput(paths.readme, &.{}, place.root, "");
    const path = try place.other("orders");
    defer allocator.free(path);
    var log = try ironwal.open(path, .{});
    defer log.deinit();
    var trades = try log.stream("trades");
    defer trades.deinit();
    try place_of.expectGet(trades, 0, "100@42");
}

test "the audit log of the examples keeps its records" {
    var place = try Place.init();
    defer place.deinit();
    const example = paths.example;
    const both = "0 ann created invoice 7\n1 bob paid invoice 7\n";
    try expectFailure(example, &.{ "log", "show" }, place.root, "Io: ");
    try expectOutput(example, &.{ "log", "add", "ann", "created invoice 7" }, place.root, "0\n");
    try expectOutput(example, &.{ "log", "add", "bob", "paid invoice 7" }, place.root, "1\n");
    try expectOutput(example, &.{ "log", "show" }, place.root, both);
    try expectOutput(example, &.{ "log", "watch", "100" }, place.root, both);
    try expectFailure(example, &.{ "log", "remove" }, place.root, "DIRECTORY");
    {
        var log = try ironwal.open(place.path, .{});
        defer log.deinit();
        var audit = try log.stream("audit");
        defer audit.deinit();
        var second = (try audit.get(1)).?;
        defer second.deinit();
        _ = try audit.replaceSuffix(0, &.{ "changed", second.slice() }, &.{});
        try log.close();
    }
    try expectFailure(example, &.{ "log", "show" }, place.root, "record 0 is none");
}

// It wrote at position 0 of the file, over what the commands before it had written there.
test "the example writes behind what its output holds already" {
    var place = try Place.init();
    defer place.deinit();
    const example = try std.fs.cwd().realpathAlloc(allocator, paths.example);
    defer allocator.free(example);
    var dir = try std.fs.cwd().openDir(place.root, .{});
    defer dir.close();
    const script =
        \\{ echo before; "$0" log add ann one; "$0" log add bob two; } >out
        \\{ "$0" log show; "$0" log show | cat; } >>out
    ;
    try expectOutput("/bin/sh", &.{ "-c", script, example }, place.root, "");
    const found = try dir.readFileAlloc(allocator, "out", 1000);
    defer allocator.free(found);
    const shown = "0 ann one\n1 bob two\n";
    try testing.expectEqualStrings("before\n0\n1\n" ++ shown ++ shown, found);
}
