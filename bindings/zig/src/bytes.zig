//! How do bytes come out of the library, and how do they go in?

const std = @import("std");
const c = @import("c");
const Error = @import("errors.zig").Error;

/// One entry or value, in memory of the library's.
pub const Buffer = struct {
    buffer: c.ironwal_buffer = .{ .data = null, .len = 0 },

    /// The bytes, valid until `deinit`.
    pub fn slice(buffer: *const Buffer) []const u8 {
        return if (buffer.buffer.data == null) &.{} else buffer.buffer.data[0..buffer.buffer.len];
    }

    pub fn deinit(buffer: *Buffer) void {
        c.ironwal_buffer_free(&buffer.buffer);
    }
};

/// One entry where it is, without a copy. Its bytes stay whatever happens to the stream and the log.
pub const View = struct {
    /// Valid until `deinit`.
    bytes: []const u8,
    pin: ?*c.ironwal_view_pin,

    pub fn deinit(view: *View) void {
        c.ironwal_view_pin_free(view.pin);
        view.* = .{ .bytes = &.{}, .pin = null };
    }
};

/// The bytes of a view of the library.
pub fn viewed(view: c.ironwal_view) []const u8 {
    return if (view.data == null) &.{} else view.data[0..view.len];
}

/// As the library takes bytes.
pub fn slice(bytes: []const u8) c.ironwal_slice {
    return .{ .data = if (bytes.len == 0) null else bytes.ptr, .len = bytes.len };
}

/// An array for the length of a call: in place if it is short, allocated otherwise.
pub fn Array(comptime T: type) type {
    return struct {
        few: [16]T = undefined,
        many: []T = &.{},

        const Self = @This();

        /// Memory for `count` elements. Call once, and `deinit` afterwards.
        pub fn reserve(array: *Self, count: usize) Error![]T {
            if (count <= array.few.len) return array.few[0..count];
            array.many = try std.heap.c_allocator.alloc(T, count);
            return array.many;
        }

        pub fn deinit(array: *Self) void {
            std.heap.c_allocator.free(array.many);
        }
    };
}

/// Entries, as the library takes them.
pub const Entries = struct {
    array: Array(c.ironwal_slice) = .{},

    pub fn of(entries: *Entries, all: []const []const u8) Error![]c.ironwal_slice {
        const made = try entries.array.reserve(all.len);
        for (made, all) |*to, from| to.* = slice(from);
        return made;
    }

    pub fn deinit(entries: *Entries) void {
        entries.array.deinit();
    }
};
