//! ironwal: an embedded, durable, segmented write-ahead log.
//!
//! A log owns a directory and holds many streams. A stream is an ordered sequence of entries, bytes with
//! ids counted from 0. Acknowledged appends survive a crash, as the sync mode promises.
//!
//! - Each failure is an error of `Error`, one for each status of the C library. Its details (a message with
//!   advice, stream, path, ids, the system's code) go to the `Diagnostics` of the handle, if it has one.
//! - A handle made from another one inherits its diagnostics. `deinit` frees a handle, in any order, before
//!   or after the log is closed; calls on a handle of a closed log, and on a freed one, return `error.Closed`.
//!   Do not use a copy of a handle after `deinit`.
//! - Any thread may use a log and its streams at once; one thread at a time may use an iterator, a
//!   transaction, or handles with the same diagnostics.
//! - Times are in nanoseconds. A timeout of null waits without end.

const std = @import("std");
const c = @import("c");
const errors = @import("errors.zig");
const bytes = @import("bytes.zig");
const options = @import("options.zig");
const log = @import("log.zig");
const streams = @import("stream.zig");
const iterators = @import("iterator.zig");
const properties = @import("properties.zig");
const notify = @import("notify.zig");
const reports = @import("reports.zig");
const sharded = @import("sharded.zig");

pub const Error = errors.Error;
pub const Diagnostics = errors.Diagnostics;
pub const Range = errors.Range;
pub const errorFromStatus = errors.errorFromStatus;
pub const statusFromError = errors.statusFromError;

pub const Buffer = bytes.Buffer;
pub const View = bytes.View;

pub const Options = options.Options;
pub const SyncMode = options.SyncMode;
pub const Compression = options.Compression;
pub const ReadStrategy = options.ReadStrategy;
pub const WriteStrategy = options.WriteStrategy;
pub const CommitPath = options.CommitPath;
pub const Match = options.Match;
pub const StreamOptions = options.StreamOptions;
pub const OnCorruption = options.OnCorruption;
pub const Durability = options.Durability;
pub const Shown = options.Shown;
pub const SnapshotMode = options.SnapshotMode;
pub const Retention = options.Retention;
pub const BackgroundSync = options.BackgroundSync;
pub const LogLevel = options.LogLevel;
pub const LogSink = options.LogSink;

pub const open = log.open;
pub const openReadOnly = log.openReadOnly;
pub const Log = log.Log;
pub const NameList = log.NameList;

pub const Stream = streams.Stream;
pub const AppendOptions = streams.AppendOptions;
pub const Appended = streams.Appended;
pub const ReadInto = streams.ReadInto;
pub const Transaction = streams.Transaction;

pub const Entry = iterators.Entry;
pub const Iterator = iterators.Iterator;
pub const Follower = iterators.Follower;
pub const Canceller = iterators.Canceller;
pub const FollowOptions = iterators.FollowOptions;

pub const Property = properties.Property;
pub const PropertyList = properties.PropertyList;

pub const Mark = notify.Mark;
pub const Ticket = notify.Ticket;
pub const Events = notify.Events;
pub const Event = notify.Event;

pub const Severity = reports.Severity;
pub const Finding = reports.Finding;
pub const VerifyReport = reports.VerifyReport;
pub const RecoveryReport = reports.RecoveryReport;
pub const RecoveredStream = reports.RecoveredStream;
pub const StreamStats = reports.StreamStats;
pub const LogStats = reports.LogStats;
pub const SnapshotStats = reports.SnapshotStats;

pub const openSharded = sharded.openSharded;
pub const openShardedReadOnly = sharded.openShardedReadOnly;
pub const route = sharded.route;
pub const ShardedLog = sharded.ShardedLog;
pub const ShardedOptions = sharded.ShardedOptions;
pub const KeyedEntry = sharded.KeyedEntry;
pub const Placed = sharded.Placed;
pub const Checkpoint = sharded.Checkpoint;
pub const CheckpointList = sharded.CheckpointList;
pub const CheckpointIds = sharded.CheckpointIds;
pub const AutomaticStatus = sharded.AutomaticStatus;

/// The version of this package, which is that of the header it was built with.
pub const version = @import("versions").package;

/// The version of the library that is linked.
pub fn libraryVersion() [:0]const u8 {
    return std.mem.span(c.ironwal_version_string());
}

comptime {
    if (!std.mem.eql(u8, version, c.IRONWAL_VERSION_STRING)) {
        @compileError("this package is for ironwal " ++ version ++ "; ironwal.h is of " ++ c.IRONWAL_VERSION_STRING);
    }
}

test {
    std.testing.refAllDecls(@This());
}
