//! What is the small map of properties beside the entries of a stream?

const std = @import("std");
const c = @import("c");
const bytes = @import("bytes.zig");
const Error = @import("errors.zig").Error;

/// A property, or a change of one. Keys have 1 to 255 bytes, values up to 4,000; all of a stream together
/// take at most 4,096 bytes, with 4 more for each.
pub const Property = struct {
    key: []const u8,
    /// Null removes the property.
    value: ?[]const u8,
};

/// The properties of a stream, sorted by key. A copy that outlives the log.
pub const PropertyList = struct {
    handle: ?*c.ironwal_property_list,

    pub fn count(list: PropertyList) usize {
        return c.ironwal_property_list_count(list.handle);
    }

    /// Null past the last one. The bytes end with the list.
    pub fn at(list: PropertyList, index: usize) ?Property {
        var key: c.ironwal_view = undefined;
        var value: c.ironwal_view = undefined;
        if (list.handle == null) return null;
        if (c.ironwal_property_list_get(list.handle, index, &key, &value, null) != c.IRONWAL_OK) return null;
        return .{ .key = bytes.viewed(key), .value = bytes.viewed(value) };
    }

    /// The value of a key, null where there is no such property.
    pub fn find(list: PropertyList, key: []const u8) ?[]const u8 {
        var index: usize = 0;
        while (list.at(index)) |property| : (index += 1) {
            if (std.mem.eql(u8, property.key, key)) return property.value;
        }
        return null;
    }

    pub fn deinit(list: *PropertyList) void {
        c.ironwal_property_list_free(list.handle);
        list.handle = null;
    }
};

/// Changes, as the library takes them.
pub const Changes = struct {
    array: bytes.Array(c.ironwal_property) = .{},

    pub fn of(changes: *Changes, all: []const Property) Error![]c.ironwal_property {
        const made = try changes.array.reserve(all.len);
        for (made, all) |*to, from| to.* = .{
            .key = bytes.slice(from.key),
            .value = bytes.slice(from.value orelse ""),
            .op = if (from.value == null) c.IRONWAL_PROPERTY_REMOVE else c.IRONWAL_PROPERTY_SET,
            .reserved = 0,
        };
        return made;
    }

    pub fn deinit(changes: *Changes) void {
        changes.array.deinit();
    }
};
