//! All tests of the package. Their names are those of ../../behaviours.md.

comptime {
    _ = @import("open.zig");
    _ = @import("entries.zig");
    _ = @import("follow.zig");
    _ = @import("durability.zig");
    _ = @import("properties.zig");
    _ = @import("cuts.zig");
    _ = @import("damage.zig");
    _ = @import("snapshot.zig");
    _ = @import("sharded.zig");
    _ = @import("errors.zig");
    _ = @import("process.zig");
    _ = @import("interface.zig");
}
