//! How are the entries of a stream read in order, and waited for?

const std = @import("std");
const c = @import("c");
const errors = @import("errors.zig");
const viewed = @import("bytes.zig").viewed;
const Call = errors.Call;
const Diagnostics = errors.Diagnostics;
const Error = errors.Error;
const Shown = @import("options.zig").Shown;

/// An entry that an iterator shows.
pub const Entry = struct {
    id: u64,
    /// Valid until the next call on the iterator.
    bytes: []const u8,
};

/// A place in a stream that moves. For one thread at a time. It keeps the files that it reads, not the
/// log, open.
///
///     var entries = try stream.iterate(0);
///     defer entries.deinit();
///     while (try entries.next()) |entry| …
pub const Iterator = struct {
    handle: ?*c.ironwal_iter,
    diagnostics: ?*Diagnostics = null,

    /// The next entry, in the direction of the iterator. Null: at the end; forward, a later call finds what
    /// was appended since. A run of damaged ids is one error, after which the next call continues past it.
    pub fn next(iterator: *Iterator) Error!?Entry {
        const handle = iterator.handle orelse return errors.closed(iterator.diagnostics);
        var call = Call.of(iterator.diagnostics);
        var id: u64 = undefined;
        var view: c.ironwal_view = undefined;
        const status = c.ironwal_iter_next(handle, &id, &view, call.out());
        if (!try call.endUnless(status, c.IRONWAL_E_END)) return null;
        return .{ .id = id, .bytes = viewed(view) };
    }

    pub fn deinit(iterator: *Iterator) void {
        c.ironwal_iter_free(iterator.handle);
        iterator.handle = null;
    }
};

/// How a stream is followed.
pub const FollowOptions = struct {
    shown: Shown = .by_mode,
    /// How long `Follower.next` waits; null: without end.
    timeout_ns: ?u64 = null,
};

/// An iterator that waits for what is appended. For one thread at a time, but for `cancel`.
///
///     var follower = try stream.follow(0, .{ .timeout_ns = std.time.ns_per_s });
///     defer follower.deinit();
///     while (try follower.next()) |entry| …
pub const Follower = struct {
    iterator: Iterator,
    canceller: Canceller,
    timeout_ns: ?u64,

    /// The next entry, waited for. Null: none came in the time of the options. `error.Cancelled`: the wait
    /// was cancelled; the follower goes on with the next call.
    pub fn next(follower: *Follower) Error!?Entry {
        while (true) {
            if (try follower.iterator.next()) |entry| return entry;
            if (!try follower.wait(follower.timeout_ns)) return null;
        }
    }

    /// The next entry if there is one; does not wait.
    pub fn poll(follower: *Follower) Error!?Entry {
        return follower.iterator.next();
    }

    /// Waits until there is something to show, an entry or an error. False: the time is up.
    pub fn wait(follower: *Follower, timeout_ns: ?u64) Error!bool {
        const diagnostics = follower.iterator.diagnostics;
        const handle = follower.iterator.handle orelse return errors.closed(diagnostics);
        var call = Call.of(diagnostics);
        const limit = timeout_ns orelse std.math.maxInt(u64);
        return call.endUnless(c.ironwal_iter_wait(handle, limit, call.out()), c.IRONWAL_E_TIMEOUT);
    }

    /// Ends the wait that is under way, or the next one, with `error.Cancelled`. From any thread, as long
    /// as the follower is not freed.
    pub fn cancel(follower: *const Follower) void {
        follower.canceller.cancel();
    }

    /// What cancels the waits, with a life of its own: it may outlive the follower.
    pub fn makeCanceller(follower: *Follower) Error!Canceller {
        const diagnostics = follower.iterator.diagnostics;
        const handle = follower.iterator.handle orelse return errors.closed(diagnostics);
        var call = Call.of(diagnostics);
        var made: ?*c.ironwal_canceller = null;
        try call.end(c.ironwal_iter_canceller(handle, &made, call.out()));
        return .{ .handle = made };
    }

    pub fn deinit(follower: *Follower) void {
        follower.iterator.deinit();
        follower.canceller.deinit();
    }
};

/// Cancels the waits of one follower, from any thread. Does nothing once the follower is freed.
pub const Canceller = struct {
    handle: ?*c.ironwal_canceller,

    pub fn cancel(canceller: Canceller) void {
        const handle = canceller.handle orelse return;
        // It fails for NULL only.
        std.debug.assert(c.ironwal_canceller_cancel(handle, null) == c.IRONWAL_OK);
    }

    pub fn deinit(canceller: *Canceller) void {
        c.ironwal_canceller_free(canceller.handle);
        canceller.handle = null;
    }
};
