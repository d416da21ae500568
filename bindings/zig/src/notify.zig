//! How does a program learn that something is durable, or that a stream has grown?

const std = @import("std");
const c = @import("c");
const errors = @import("errors.zig");
const Call = errors.Call;
const Diagnostics = errors.Diagnostics;
const Error = errors.Error;

/// A place in one stream, while its log is open: behind everything that was appended before.
pub const Mark = struct {
    place: u64,
    opening: u64,

    /// The order of two marks; null where they are of different streams or openings.
    pub fn order(mark: Mark, other: Mark) ?std.math.Order {
        return if (mark.opening == other.opening) std.math.order(mark.place, other.place) else null;
    }

    pub fn of(mark: c.ironwal_mark) Mark {
        return .{ .place = mark.place, .opening = mark.opening };
    }

    pub fn native(mark: Mark) c.ironwal_mark {
        return .{ .place = mark.place, .opening = mark.opening };
    }
};

/// Names a callback that was registered, for `Stream.cancelDurable`.
pub const Ticket = struct { ticket: c.ironwal_ticket };

/// When a descriptor becomes readable.
pub const Event = enum(i32) {
    /// When more entries are durable.
    durable = c.IRONWAL_EVENT_DURABLE,
    /// When more entries are in the kernel.
    written = c.IRONWAL_EVENT_WRITTEN,
};

/// A descriptor that is readable when the stream has grown since the last `drain`, or has ended; not at
/// first, so drain it once. It keeps the log open until `deinit`, unless that is closed.
pub const Events = struct {
    handle: ?*c.ironwal_events,
    diagnostics: ?*Diagnostics = null,

    /// The descriptor, to be waited for; neither read nor close it.
    pub fn fd(events: Events) Error!i32 {
        const handle = events.handle orelse return errors.closed(events.diagnostics);
        var call = Call.of(events.diagnostics);
        var found: i32 = -1;
        try call.end(c.ironwal_events_fd(handle, &found, call.out()));
        return found;
    }

    /// Makes the descriptor not readable, and returns one past the last id that is durable or written.
    pub fn drain(events: Events) Error!u64 {
        const handle = events.handle orelse return errors.closed(events.diagnostics);
        var call = Call.of(events.diagnostics);
        var end_id: u64 = undefined;
        try call.end(c.ironwal_events_drain(handle, &end_id, call.out()));
        return end_id;
    }

    pub fn deinit(events: *Events) void {
        c.ironwal_events_free(events.handle);
        events.handle = null;
    }
};
