//! Does a program learn what is durable, by marks, waits, callbacks and descriptors?

const std = @import("std");
const ironwal = @import("ironwal");
const place_of = @import("place.zig");
const Place = place_of.Place;
const testing = std.testing;
const ms = std.time.ns_per_ms;

test "marks are ordered and belong to one stream and opening" {
    var place = try Place.init();
    defer place.deinit();
    const second = second: {
        var log = try ironwal.open(place.path, place_of.lazy);
        defer log.deinit();
        var stream = try log.stream("s");
        defer stream.deinit();
        const first = (try stream.appendBatch(&.{"a"}, .{})).mark;
        const second = (try stream.appendBatch(&.{"b"}, .{})).mark;
        try testing.expectEqual(.lt, first.order(second));
        try testing.expectEqual(.eq, second.order(try stream.mark()));
        try testing.expect(!try stream.isDurable(first));
        try stream.sync();
        try testing.expect(try stream.isDurable(first) and try stream.isDurable(second));
        var other = try log.stream("other");
        defer other.deinit();
        try testing.expectError(error.Config, other.isDurable(first));
        try testing.expectEqual(null, first.order(try other.mark()));
        try testing.expectError(error.Config, stream.isDurable(.{ .place = 0, .opening = 0 }));
        break :second second;
    };
    var log = try ironwal.open(place.path, .{});
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    try testing.expectError(error.Config, stream.isDurable(second));
}

fn appendDurably(stream: ironwal.Stream) void {
    std.Thread.sleep(20 * ms);
    _ = stream.append("b", .{ .durability = .durable }) catch |failure| std.debug.panic("append: {}", .{failure});
}

test "a wait for an id ends with it or with its timeout" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    _ = try stream.append("a", .{});
    try testing.expect(!try stream.waitDurable(1, 0));
    var timer = try std.time.Timer.start();
    try testing.expect(!try stream.waitDurable(1, 50 * ms));
    try testing.expect(timer.read() >= 50 * ms);
    const other = try std.Thread.spawn(.{}, appendDurably, .{stream});
    try testing.expect(try stream.waitDurable(1, null));
    other.join();
    try testing.expect(try stream.waitDurable(0, 0));
}

const count = 100;

/// What the callbacks of one test write to.
const Calls = struct {
    log: *ironwal.Log,
    stream: ironwal.Stream,
    calls: [count]std.atomic.Value(u32) = @splat(.init(0)),
    problems: std.atomic.Value(u32) = .init(0),
    left: std.atomic.Value(u32) = .init(count),
    done: std.Thread.ResetEvent = .{},

    const One = struct { all: *Calls, id: u64 };

    fn called(one: *One, mark: ironwal.Mark, outcome: ironwal.Error!void) void {
        one.all.check(one, mark, outcome) catch {
            _ = one.all.problems.fetchAdd(1, .monotonic);
        };
        _ = one.all.calls[one.id].fetchAdd(1, .monotonic);
        if (one.all.left.fetchSub(1, .acq_rel) == 1) one.all.done.set();
    }

    fn check(all: *Calls, one: *One, mark: ironwal.Mark, outcome: ironwal.Error!void) !void {
        try outcome;
        if (try all.stream.durableEnd() <= one.id or !try all.stream.isDurable(mark)) return error.NotDurable;
        // The copy keeps the handle of the program whatever the refusal does to it.
        var copy = all.log.*;
        copy.close() catch |refused| return if (refused == error.InvalidArg and copy.handle != null) {} else refused;
        return error.ClosedWithinItsCallback;
    }
};

fn countCall(called: *std.atomic.Value(u32), _: ironwal.Mark, outcome: ironwal.Error!void) void {
    outcome catch return;
    _ = called.fetchAdd(1, .monotonic);
}

test "each callback is called once and closing is refused within one" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var all: Calls = .{ .log = &log, .stream = stream };
    var each: [count]Calls.One = undefined;
    for (&each, 0..) |*one, id| {
        one.* = .{ .all = &all, .id = id };
        const appended = try stream.appendBatch(&.{"entry"}, .{ .durability = .written });
        _ = try stream.onDurable(appended.mark, one, Calls.called);
    }
    try all.done.timedWait(30 * std.time.ns_per_s);
    const late = try stream.appendBatch(&.{"entry"}, .{ .durability = .written });
    var answers: std.atomic.Value(u32) = .init(0);
    _ = try stream.onDurable(late.mark, &answers, countCall);
    try testing.expectError(error.Config, stream.onDurable(.{ .place = 0, .opening = 0 }, &answers, countCall));
    try log.close();
    try testing.expectEqual(1, answers.load(.monotonic)); // closing completes what waits
    try testing.expectEqual(0, all.problems.load(.monotonic));
    for (&all.calls) |*calls| try testing.expectEqual(1, calls.load(.monotonic));
    try testing.expectError(error.Closed, stream.onDurable(late.mark, &answers, countCall));
}

test "a cancelled callback is never called" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, .{ .sync_mode = .async });
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var called: std.atomic.Value(u32) = .init(0);
    var cancelled: u32 = 0;
    for (0..count) |_| {
        const appended = try stream.appendBatch(&.{"entry"}, .{ .durability = .written });
        const ticket = try stream.onDurable(appended.mark, &called, countCall);
        if (try stream.cancelDurable(ticket)) cancelled += 1;
        try testing.expect(!try stream.cancelDurable(ticket));
    }
    try log.close();
    try testing.expectEqual(count, cancelled + called.load(.monotonic));
}

/// A callback that waits until it may end, and one that keeps what it was given.
const Held = struct {
    may_end: std.Thread.ResetEvent = .{},
    answered: std.Thread.ResetEvent = .{},
    outcome: ironwal.Error!void = error.Other,

    fn hold(held: *Held, _: ironwal.Mark, _: ironwal.Error!void) void {
        held.may_end.timedWait(10 * std.time.ns_per_s) catch return;
    }

    fn answer(held: *Held, _: ironwal.Mark, outcome: ironwal.Error!void) void {
        held.outcome = outcome;
        held.answered.set();
    }
};

fn delete(stream: ironwal.Stream) void {
    stream.delete() catch |failure| std.debug.panic("delete: {}", .{failure});
}

test "a callback of a deleted stream is called" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var held: Held = .{};
    const first = try stream.appendBatch(&.{"a"}, .{});
    _ = try stream.onDurable(first.mark, &held, Held.hold); // so that the next one still waits when the stream goes
    const second = try stream.appendBatch(&.{"b"}, .{});
    _ = try stream.onDurable(second.mark, &held, Held.answer);
    const deleter = try std.Thread.spawn(.{}, delete, .{stream});
    held.may_end.set();
    deleter.join();
    try held.answered.timedWait(10 * std.time.ns_per_s);
    if (held.outcome) {} else |failure| try testing.expectEqual(error.StreamNotFound, failure);
}

test "a loop over poll waits for marks and leaves nothing behind" {
    var place = try Place.init();
    defer place.deinit();
    var log = try ironwal.open(place.path, place_of.lazy);
    defer log.deinit();
    var stream = try log.stream("s");
    defer stream.deinit();
    var events = try stream.events(.durable);
    _ = try events.drain();
    const appended = try stream.appendBatch(&.{"paid"}, .{ .durability = .written });
    var waited = [_]std.posix.pollfd{.{ .fd = try events.fd(), .events = std.posix.POLL.IN, .revents = 0 }};
    while (!try stream.isDurable(appended.mark)) {
        if (try std.posix.poll(&waited, 20_000) == 0) return error.NothingCame;
        _ = try events.drain();
    }
    try testing.expectEqual(1, try stream.durableEnd());
    events.deinit();
    try testing.expectError(error.Closed, events.fd());
    // Given up before anything came.
    var given_up = try stream.events(.durable);
    given_up.deinit();
    try testing.expectEqual(0, (try stream.stats()).listeners);
}
