//! Why did a call fail, and what else is known about it?

const std = @import("std");
const c = @import("c");

/// One error for each status of the C library, and `OutOfMemory` for what this package allocates itself.
/// A status that this package does not know is `Other`.
pub const Error = error{
    /// A failure that fits no other status.
    Other,
    /// An argument that no call takes, or a call that is refused where it is made.
    InvalidArg,
    /// No such entry. Calls that look for one return null instead.
    NotFound,
    /// An iterator is at its end. `next` returns null instead.
    End,
    /// The memory given is too small. `Stream.getInto` returns the size instead.
    BufferTooSmall,
    /// The time is up. Waits return false instead.
    Timeout,
    /// The operating system refused: see `Diagnostics.osError`.
    Io,
    /// No space, quota or file size left. Nothing was lost; try again once there is space.
    NoSpace,
    /// The structure on disk is broken.
    Corrupt,
    /// A stored payload does not match its checksum.
    CrcMismatch,
    /// An option, a path or a name is out of its bounds.
    Config,
    /// The entry was there once and its segment is gone.
    SegmentNotFound,
    /// There is no such stream.
    StreamNotFound,
    /// A file stands where one of the log belongs and is not the log's.
    InvalidFilename,
    /// A value cannot be stored in the format.
    Serialization,
    /// Another writer has the log open.
    Locked,
    /// An earlier failure latched: no appends until the log is closed and opened again.
    Poisoned,
    /// The frame would exceed the limit of 1 GiB, or a property its own.
    TooLarge,
    /// The next id of the stream is not the expected one: see `Diagnostics.sequence`.
    SequenceMismatch,
    /// The log, or the handle, was closed.
    Closed,
    /// This process is a fork of the one that opened the log.
    Forked,
    /// The file is of a format this version does not read.
    UnsupportedVersion,
    /// A defect inside the library was caught; the log takes no further calls but close and deinit.
    Panic,
    /// The iterator has moved since this view was given out.
    StaleView,
    /// There is no checkpoint of this id.
    CheckpointNotFound,
    /// The checkpoint, or the file that holds it, is damaged.
    CheckpointCorrupted,
    /// The log was made with another number of shards.
    ShardCountMismatch,
    /// An id of a checkpoint that is not 1 to 65,535 bytes long.
    InvalidCheckpointId,
    /// The log has no checkpoint.
    NoCheckpoints,
    /// The checkpoint counts on entries that were removed.
    CheckpointPruned,
    /// A batch over several shards is whole in some and absent from others: see `Diagnostics.committed`.
    BatchIncomplete,
    /// The log was opened read-only.
    ReadOnly,
    /// The log's directory is not what this log locked any more.
    Detached,
    /// Ids that the iterator had returned were cut from the end of the stream.
    SuffixCut,
    /// The wait was cancelled.
    Cancelled,
    /// This package could not allocate memory. Nothing was done.
    OutOfMemory,
};

/// The error of a status that is not `IRONWAL_OK`.
pub fn errorFromStatus(status: i32) Error {
    return switch (status) {
        c.IRONWAL_E_INVALID_ARG => error.InvalidArg,
        c.IRONWAL_E_NOT_FOUND => error.NotFound,
        c.IRONWAL_E_END => error.End,
        c.IRONWAL_E_BUFFER_TOO_SMALL => error.BufferTooSmall,
        c.IRONWAL_E_TIMEOUT => error.Timeout,
        c.IRONWAL_E_IO => error.Io,
        c.IRONWAL_E_NO_SPACE => error.NoSpace,
        c.IRONWAL_E_CORRUPT => error.Corrupt,
        c.IRONWAL_E_CRC_MISMATCH => error.CrcMismatch,
        c.IRONWAL_E_CONFIG => error.Config,
        c.IRONWAL_E_SEGMENT_NOT_FOUND => error.SegmentNotFound,
        c.IRONWAL_E_STREAM_NOT_FOUND => error.StreamNotFound,
        c.IRONWAL_E_INVALID_FILENAME => error.InvalidFilename,
        c.IRONWAL_E_SERIALIZATION => error.Serialization,
        c.IRONWAL_E_LOCKED => error.Locked,
        c.IRONWAL_E_POISONED => error.Poisoned,
        c.IRONWAL_E_TOO_LARGE => error.TooLarge,
        c.IRONWAL_E_SEQUENCE_MISMATCH => error.SequenceMismatch,
        c.IRONWAL_E_CLOSED => error.Closed,
        c.IRONWAL_E_FORKED => error.Forked,
        c.IRONWAL_E_UNSUPPORTED_VERSION => error.UnsupportedVersion,
        c.IRONWAL_E_PANIC => error.Panic,
        c.IRONWAL_E_STALE_VIEW => error.StaleView,
        c.IRONWAL_E_CHECKPOINT_NOT_FOUND => error.CheckpointNotFound,
        c.IRONWAL_E_CHECKPOINT_CORRUPTED => error.CheckpointCorrupted,
        c.IRONWAL_E_SHARD_COUNT_MISMATCH => error.ShardCountMismatch,
        c.IRONWAL_E_INVALID_CHECKPOINT_ID => error.InvalidCheckpointId,
        c.IRONWAL_E_NO_CHECKPOINTS => error.NoCheckpoints,
        c.IRONWAL_E_CHECKPOINT_PRUNED => error.CheckpointPruned,
        c.IRONWAL_E_BATCH_INCOMPLETE => error.BatchIncomplete,
        c.IRONWAL_E_READ_ONLY => error.ReadOnly,
        c.IRONWAL_E_DETACHED => error.Detached,
        c.IRONWAL_E_SUFFIX_CUT => error.SuffixCut,
        c.IRONWAL_E_CANCELLED => error.Cancelled,
        else => error.Other,
    };
}

/// The status of an error; that of a failed allocation is `IRONWAL_E_OTHER`.
pub fn statusFromError(failure: Error) i32 {
    return switch (failure) {
        error.Other, error.OutOfMemory => c.IRONWAL_E_OTHER,
        error.InvalidArg => c.IRONWAL_E_INVALID_ARG,
        error.NotFound => c.IRONWAL_E_NOT_FOUND,
        error.End => c.IRONWAL_E_END,
        error.BufferTooSmall => c.IRONWAL_E_BUFFER_TOO_SMALL,
        error.Timeout => c.IRONWAL_E_TIMEOUT,
        error.Io => c.IRONWAL_E_IO,
        error.NoSpace => c.IRONWAL_E_NO_SPACE,
        error.Corrupt => c.IRONWAL_E_CORRUPT,
        error.CrcMismatch => c.IRONWAL_E_CRC_MISMATCH,
        error.Config => c.IRONWAL_E_CONFIG,
        error.SegmentNotFound => c.IRONWAL_E_SEGMENT_NOT_FOUND,
        error.StreamNotFound => c.IRONWAL_E_STREAM_NOT_FOUND,
        error.InvalidFilename => c.IRONWAL_E_INVALID_FILENAME,
        error.Serialization => c.IRONWAL_E_SERIALIZATION,
        error.Locked => c.IRONWAL_E_LOCKED,
        error.Poisoned => c.IRONWAL_E_POISONED,
        error.TooLarge => c.IRONWAL_E_TOO_LARGE,
        error.SequenceMismatch => c.IRONWAL_E_SEQUENCE_MISMATCH,
        error.Closed => c.IRONWAL_E_CLOSED,
        error.Forked => c.IRONWAL_E_FORKED,
        error.UnsupportedVersion => c.IRONWAL_E_UNSUPPORTED_VERSION,
        error.Panic => c.IRONWAL_E_PANIC,
        error.StaleView => c.IRONWAL_E_STALE_VIEW,
        error.CheckpointNotFound => c.IRONWAL_E_CHECKPOINT_NOT_FOUND,
        error.CheckpointCorrupted => c.IRONWAL_E_CHECKPOINT_CORRUPTED,
        error.ShardCountMismatch => c.IRONWAL_E_SHARD_COUNT_MISMATCH,
        error.InvalidCheckpointId => c.IRONWAL_E_INVALID_CHECKPOINT_ID,
        error.NoCheckpoints => c.IRONWAL_E_NO_CHECKPOINTS,
        error.CheckpointPruned => c.IRONWAL_E_CHECKPOINT_PRUNED,
        error.BatchIncomplete => c.IRONWAL_E_BATCH_INCOMPLETE,
        error.ReadOnly => c.IRONWAL_E_READ_ONLY,
        error.Detached => c.IRONWAL_E_DETACHED,
        error.SuffixCut => c.IRONWAL_E_SUFFIX_CUT,
        error.Cancelled => c.IRONWAL_E_CANCELLED,
    };
}

/// Ids from `first_id` to `end_id` (exclusive).
pub const Range = struct {
    first_id: u64,
    end_id: u64,

    /// How many ids there are.
    pub fn count(range: Range) u64 {
        return range.end_id - range.first_id;
    }
};

/// What is known about the last failure of the handles that report to it. Success changes nothing.
/// For one thread at a time.
///
///     var diagnostics: ironwal.Diagnostics = .{};
///     defer diagnostics.deinit();
///     var log = ironwal.open("orders", .{ .diagnostics = &diagnostics }) catch |err| {
///         std.debug.print("{s}\n", .{diagnostics.message()});
///         return err;
///     };
pub const Diagnostics = struct {
    /// The status of the C library; 0 before the first failure.
    status: i32 = c.IRONWAL_OK,
    object: ?*c.ironwal_error = null,

    /// Frees what is known, and forgets it.
    pub fn deinit(diagnostics: *Diagnostics) void {
        c.ironwal_error_free(diagnostics.object);
        diagnostics.* = .{};
    }

    /// What happened, where, and what to do about it, for people; the name of the status where no more is
    /// known. This and all other texts are valid until the next failure.
    pub fn message(diagnostics: *const Diagnostics) []const u8 {
        return text(c.ironwal_error_message(diagnostics.object)) orelse
            std.mem.span(c.ironwal_status_name(diagnostics.status));
    }

    /// The stream concerned.
    pub fn stream(diagnostics: *const Diagnostics) ?[]const u8 {
        return text(c.ironwal_error_stream(diagnostics.object));
    }

    /// The file or directory concerned.
    pub fn path(diagnostics: *const Diagnostics) ?[]const u8 {
        return text(c.ironwal_error_path(diagnostics.object));
    }

    /// The place in the file, in bytes.
    pub fn offset(diagnostics: *const Diagnostics) ?u64 {
        var found: u64 = 0;
        return if (c.ironwal_error_offset(diagnostics.object, &found)) found else null;
    }

    /// The ids concerned.
    pub fn ids(diagnostics: *const Diagnostics) ?Range {
        var range: Range = undefined;
        return if (c.ironwal_error_ids(diagnostics.object, &range.first_id, &range.end_id)) range else null;
    }

    /// Of `error.SequenceMismatch`: the id that the caller expected, and the next id of the stream.
    pub const Sequence = struct { expected_id: u64, found_id: u64 };

    /// See `Sequence`. May be out of date.
    pub fn sequence(diagnostics: *const Diagnostics) ?Sequence {
        var found: Sequence = undefined;
        const known = c.ironwal_error_sequence(diagnostics.object, &found.expected_id, &found.found_id);
        return if (known) found else null;
    }

    /// The operating system's error, null where there is none.
    pub fn osError(diagnostics: *const Diagnostics) ?std.c.E {
        const code = c.ironwal_error_os_error(diagnostics.object);
        return if (code == 0) null else std.enums.fromInt(std.c.E, @as(u16, @intCast(code)));
    }

    /// The part of an incomplete batch that one shard holds whole.
    pub const Committed = struct { shard: u32, ids: Range };

    /// Of `error.BatchIncomplete`: the shards that hold their part, counted from 0; null past the last one.
    pub fn committed(diagnostics: *const Diagnostics, index: usize) ?Committed {
        var part: Committed = undefined;
        const there = c.ironwal_error_committed_part(
            diagnostics.object,
            index,
            &part.shard,
            &part.ids.first_id,
            &part.ids.end_id,
        );
        return if (there) part else null;
    }

    /// How many shards hold their part of an incomplete batch.
    pub fn committedCount(diagnostics: *const Diagnostics) usize {
        return c.ironwal_error_committed_count(diagnostics.object);
    }

    fn set(diagnostics: *Diagnostics, status: i32, object: ?*c.ironwal_error) void {
        c.ironwal_error_free(diagnostics.object);
        diagnostics.* = .{ .status = status, .object = object };
    }
};

/// One call of the C library: asks for the error object if there are diagnostics to put it in.
///
///     var call = Call.of(handle.diagnostics);
///     try call.end(c.ironwal_wal_sync_all(wal, call.out()));
pub const Call = struct {
    object: ?*c.ironwal_error = null,
    diagnostics: ?*Diagnostics,

    pub fn of(diagnostics: ?*Diagnostics) Call {
        return .{ .diagnostics = diagnostics };
    }

    pub fn out(call: *Call) [*c]?*c.ironwal_error {
        return if (call.diagnostics == null) null else &call.object;
    }

    pub fn end(call: *Call, status: i32) Error!void {
        if (status == c.IRONWAL_OK) return;
        return call.fail(status);
    }

    /// As `end`, where a status says only that something is not there: false.
    pub fn endUnless(call: *Call, status: i32, answer: i32) Error!bool {
        if (status == answer) return false;
        try call.end(status);
        return true;
    }

    pub fn fail(call: *Call, status: i32) Error {
        if (call.diagnostics) |diagnostics| diagnostics.set(status, call.object);
        return errorFromStatus(status);
    }
};

/// The failure of a call on a handle that was freed.
pub fn closed(diagnostics: ?*Diagnostics) Error {
    return refused(diagnostics, c.IRONWAL_E_CLOSED);
}

/// A failure that this package finds.
pub fn refused(diagnostics: ?*Diagnostics, status: i32) Error {
    var call = Call.of(diagnostics);
    return call.fail(status);
}

/// A text of the library, null where it is not known.
pub fn text(string: c.ironwal_str) ?[]const u8 {
    return if (string.data == null) null else string.data[0..string.len];
}
