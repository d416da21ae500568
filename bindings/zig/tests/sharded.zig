//! Does a sharded log route, checkpoint, prune and roll back?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;
const shards = 4;

/// Keys that differ in their number.
fn keyOf(n: usize, memory: *[16]u8) []const u8 {
    return std.fmt.bufPrint(memory, "key {d}", .{n}) catch unreachable;
}

test "entries go to the shard of their key" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.openSharded(place.path, shards, .{});
    defer log.deinit();
    try testing.expectEqual(shards, try log.shardCount());
    var memory: [40][16]u8 = undefined;
    var batch: [40]ironwal.KeyedEntry = undefined;
    for (&batch, &memory, 0..) |*keyed, *text, n| keyed.* = .{ .key = keyOf(n, text), .entry = keyOf(n, text) };
    var placed: [40]ironwal.Placed = undefined;
    try log.appendBatch(&batch, &placed);
    try testing.expectError(error.InvalidArg, log.appendBatch(&batch, placed[1..]));
    try log.appendBatch(&.{}, &.{});
    const again = try log.append("key 0", "again");
    try testing.expectEqual(placed[0].shard, again.shard);
    const more = try log.appendBatchForKey("key 0", &.{ "x", "y" });
    try testing.expectEqual(again.shard, more.shard);
    try testing.expectEqual(ironwal.Range{ .first_id = again.id + 1, .end_id = again.id + 3 }, more.ids);
    try log.flushShard(again.shard);
    try log.flushAll();
    for (placed, batch) |at, keyed| {
        try testing.expectEqual(try ironwal.route(keyed.key, shards), at.shard);
        var entries = try log.iterateShard(at.shard, at.id);
        defer entries.deinit();
        try place_of.expectEntry(try entries.next(), at.id, keyed.entry);
    }
    var tail = try log.iterateShard(again.shard, again.id);
    defer tail.deinit();
    try place_of.expectRest(&tail, again.id, &.{ "again", "x", "y" });
    try testing.expectError(error.Config, log.iterateShard(shards, 0));
    try testing.expectError(error.Config, ironwal.route("", 0));
    try log.close();
    try testing.expectError(error.Closed, log.append("key", ""));
    try testing.expectError(error.Closed, log.close());
    try testing.expectError(error.ShardCountMismatch, ironwal.openSharded(place.path, shards + 1, .{}));
    try testing.expectError(error.Config, ironwal.openSharded(place.path, 0, .{}));
}

test "a reader of a sharded log sees what its writer appends" {
    var place = try Place.init();
    defer place.deinit();
    try testing.expectError(error.Io, ironwal.openShardedReadOnly(place.path, null, .{}));
    var log = try ironwal.openSharded(place.path, shards, .{});
    defer log.deinit();
    const first = try log.append("key", "0");
    try log.createCheckpoint("first");
    try testing.expectError(error.ShardCountMismatch, ironwal.openShardedReadOnly(place.path, shards + 1, .{}));
    var reader = try ironwal.openShardedReadOnly(place.path, null, .{});
    defer reader.deinit();
    try testing.expectEqual(shards, try reader.shardCount());
    var entries = try reader.iterateShard(first.shard, first.id);
    defer entries.deinit();
    try place_of.expectRest(&entries, first.id, &.{"0"});
    _ = try log.append("key", "1");
    try log.createCheckpoint("second");
    try reader.refresh();
    try place_of.expectRest(&entries, first.id + 1, &.{"1"});
    try testing.expectEqual(2, try reader.checkpointCount());
    try testing.expectError(error.ReadOnly, reader.append("key", ""));
    try testing.expectError(error.ReadOnly, reader.createCheckpoint("third"));
}

test "a shard is followed as a stream" {
    var place = try Place.init();
    defer place.deinit();
    var sharded = try ironwal.openSharded(place.path, shards, .{ .log = .{ .sync_mode = .async } });
    defer sharded.deinit();
    const first = try sharded.append("key", "0");
    var log = try sharded.log();
    defer log.deinit();
    var name: [16]u8 = undefined;
    var stream = try log.stream(try std.fmt.bufPrint(&name, "shard_{d:0>2}", .{first.shard}));
    defer stream.deinit();
    var follower = try stream.follow(first.id, .{ .shown = .durable, .timeout_ns = 20 * std.time.ns_per_s });
    defer follower.deinit();
    try place_of.expectEntry(try follower.next(), first.id, "0");
    _ = try sharded.append("key", "1");
    try place_of.expectEntry(try follower.next(), first.id + 1, "1");
    try testing.expectEqual(2, (try stream.stats()).entries);
    try sharded.close();
    try testing.expectError(error.Closed, stream.get(0));
}

test "replay starts at the newest checkpoint" {
    var place = try Place.init();
    defer place.deinit();
    const copied = try place.other("snapshot");
    defer testing.allocator.free(copied);
    const options: ironwal.ShardedOptions = .{ .log = .{ .sync_mode = .async, .max_entries_per_segment = 5 } };
    var memory: [16]u8 = undefined;
    {
        var log = try ironwal.openSharded(place.path, shards, options);
        defer log.deinit();
        try testing.expectError(error.NoCheckpoints, log.loadLatestCheckpoint());
        for (0..100) |n| _ = try log.append(keyOf(n, &memory), "before");
        try log.createCheckpoint("first");
        for (0..10) |n| _ = try log.append(keyOf(n, &memory), "after");
        try log.createCheckpoint("second");
        for (0..3) |n| _ = try log.append(keyOf(n, &memory), "tail");
        try testing.expectError(error.InvalidCheckpointId, log.createCheckpoint(""));
        try log.close();
    }
    var log = try ironwal.openSharded(place.path, shards, options);
    defer log.deinit();
    var latest = try log.loadLatestCheckpoint();
    defer latest.deinit();
    var first = try log.loadCheckpoint("first");
    defer first.deinit();
    try testing.expectEqualStrings("second", latest.id());
    try testing.expectEqual(shards, latest.shardCount());
    try testing.expectError(error.Config, latest.offset(shards));
    var behind: usize = 0;
    var sums = [2]u64{ 0, 0 };
    for (0..shards) |index| {
        const shard: u32 = @intCast(index);
        sums[0] += try first.offset(shard);
        sums[1] += try latest.offset(shard);
        var entries = try log.iterateShard(shard, try latest.offset(shard));
        defer entries.deinit();
        while (try entries.next()) |entry| : (behind += 1) try testing.expectEqualStrings("tail", entry.bytes);
    }
    try testing.expectEqual(3, behind);
    try testing.expectEqual([2]u64{ 100, 110 }, sums);
    {
        var list = try log.checkpoints();
        defer list.deinit();
        try testing.expectEqual(2, list.count());
        try testing.expectEqualStrings("first", list.at(0).?.id);
        try testing.expectEqual(first.timestampNs(), list.at(0).?.timestamp_ns);
        try testing.expectEqual(null, list.at(2));
    }
    const stats = try log.snapshotTo(copied, .link);
    try testing.expectEqual(shards, stats.streams);
    try log.rollbackToCheckpoint("second");
    for (0..shards) |index| {
        var entries = try log.iterateShard(@intCast(index), try latest.offset(@intCast(index)));
        defer entries.deinit();
        try testing.expectEqual(null, try entries.next());
    }
    try testing.expect((try log.pruneBeforeCheckpoint("second")).segments_deleted > 0);
    try testing.expectError(error.CheckpointPruned, log.loadCheckpoint("first"));
    try testing.expectError(error.CheckpointNotFound, log.loadCheckpoint("third"));
    try log.createCheckpoint("third");
    try testing.expectEqual(2, try log.checkpointCount());
    try testing.expectEqual(1, (try log.compactCheckpoints(1)).checkpoints_after);
    var snapshot = try ironwal.openSharded(copied, shards, .{});
    defer snapshot.deinit();
    var loaded = try snapshot.loadCheckpoint("first");
    defer loaded.deinit();
    try testing.expectEqual(try first.offset(0), try loaded.offset(0));
}

fn named(prefix: *const [5:0]u8, number: u64, memory: []u8) usize {
    return (std.fmt.bufPrint(memory, "{s}{d}", .{ prefix, number }) catch return 0).len;
}

test "checkpoints are made by themselves" {
    for ([_]ironwal.ShardedOptions{
        .{ .checkpoint_every_entries = 10, .checkpoint_prefix = "mine-", .retention = 2 },
        .{ .checkpoint_interval_ns = 1, .checkpoint_ids = .init("mine-", named) },
    }) |options| {
        var place = try Place.init();
        defer place.deinit();
        var log = try ironwal.openSharded(place.path, shards, options);
        defer log.deinit();
        var timer = try std.time.Timer.start();
        while (timer.read() < 20 * std.time.ns_per_s) {
            _ = try log.append("key", "entry");
            var status = (try log.automaticStatus()).?;
            defer status.deinit();
            if (status.counts.created > 0) break;
        }
        var list = try log.checkpoints();
        defer list.deinit();
        try testing.expectStringStartsWith(list.at(0).?.id, "mine-");
        var status = (try log.automaticStatus()).?;
        defer status.deinit();
        try testing.expect(status.counts.created >= 1 and status.counts.failed == 0);
        try testing.expectEqualStrings("", status.last_error.slice());
        try log.close();
        var without = try ironwal.openSharded(place.path, shards, .{});
        defer without.deinit();
        try testing.expectEqual(null, try without.automaticStatus());
    }
    for ([_]ironwal.ShardedOptions{
        .{ .checkpoint_every_entries = 0 },
        .{ .checkpoint_interval_ns = 0 },
        .{ .retention = 0 },
        .{ .retention = 1 },
    }) |options| {
        var place = try Place.init();
        defer place.deinit();
        try testing.expectError(error.Config, ironwal.openSharded(place.path, shards, options));
    }
}
