//! What did opening find, what did a verification find, and what has happened since?

const std = @import("std");
const c = @import("c");
const errors = @import("errors.zig");
const Range = errors.Range;

/// What a stream reports about itself; the header explains each field.
pub const StreamStats = c.ironwal_stream_stats_t;

/// What a log reports about itself; the header explains each field.
pub const LogStats = c.ironwal_wal_stats_t;

/// What a snapshot holds; the header explains each field.
pub const SnapshotStats = c.ironwal_snapshot_stats;

/// How bad a finding is. A later version may add worse ones.
pub const Severity = enum(i32) {
    /// No damage: remains of a crash, a recorded loss, a derived file that will be rebuilt.
    note = c.IRONWAL_SEVERITY_NOTE,
    /// Durable data is damaged or missing.
    damage = c.IRONWAL_SEVERITY_DAMAGE,
    /// A file could not be checked.
    unreadable = c.IRONWAL_SEVERITY_UNREADABLE,
    _,
};

/// One thing that was found. The texts end with the report.
pub const Finding = struct {
    /// Null where it concerns none.
    stream: ?[]const u8,
    path: ?[]const u8,
    what: []const u8,
    /// In bytes; null where it has none.
    offset: ?u64,
    /// Empty where none are known.
    ids: Range,
    severity: Severity,

    fn of(found: c.ironwal_finding) Finding {
        return .{
            .stream = errors.text(found.stream),
            .path = errors.text(found.path),
            .what = errors.text(found.what) orelse "",
            .offset = if (found.offset == std.math.maxInt(u64)) null else found.offset,
            .ids = .{ .first_id = found.first_id, .end_id = found.end_id },
            .severity = @enumFromInt(found.severity),
        };
    }
};

/// What a verification read, and what it found. It outlives the log.
pub const VerifyReport = struct {
    handle: ?*c.ironwal_verify_report,

    /// What was read; the header explains each field.
    pub const Totals = c.ironwal_verify_report_totals;

    pub fn totals(report: VerifyReport) Totals {
        var found = std.mem.zeroes(Totals);
        // It fails for NULL and for an unknown size only.
        std.debug.assert(c.ironwal_verify_report_get_totals(report.handle, &found, @sizeOf(Totals), null) == c.IRONWAL_OK);
        return found;
    }

    /// Whether no finding is worse than a note.
    pub fn isClean(report: VerifyReport) bool {
        return report.totals().clean == 1;
    }

    /// Null past the last one.
    pub fn finding(report: VerifyReport, index: usize) ?Finding {
        var found: c.ironwal_finding = undefined;
        const size = @sizeOf(c.ironwal_finding);
        const status = c.ironwal_verify_report_get_finding(report.handle, index, &found, size, null);
        return if (status == c.IRONWAL_OK) .of(found) else null;
    }

    pub fn deinit(report: *VerifyReport) void {
        c.ironwal_verify_report_free(report.handle);
        report.handle = null;
    }
};

/// What opening found in one stream. The texts end with the report.
pub const RecoveredStream = struct {
    /// The name; that of the directory where the name is unknown.
    stream: []const u8,
    /// Why the stream is not served, or takes no appends; null where it does both.
    message: ?[]const u8,
    /// One past the last id that was known to be durable before.
    durable_end_before: u64,
    next_id: u64,
    findings: u64,
    /// Whether nothing that was durable is missing or unreadable, as far as opening can know.
    is_complete: bool,
    /// The error that belongs to `message`.
    failure: ?errors.Error,
};

/// What opening a log found and did. It outlives the log.
pub const RecoveryReport = struct {
    handle: ?*c.ironwal_recovery_report,

    /// The header explains each field.
    pub const Totals = c.ironwal_recovery_report_totals;

    pub fn totals(report: RecoveryReport) Totals {
        var found = std.mem.zeroes(Totals);
        // It fails for NULL and for an unknown size only.
        std.debug.assert(c.ironwal_recovery_report_get_totals(report.handle, &found, @sizeOf(Totals), null) == c.IRONWAL_OK);
        return found;
    }

    /// Whether nothing that was durable is missing or unreadable, as far as opening can know.
    pub fn isComplete(report: RecoveryReport) bool {
        return report.totals().complete == 1;
    }

    /// A stream with damage, with remains of a crash, or that could not be opened; null past the last one.
    pub fn stream(report: RecoveryReport, index: usize) ?RecoveredStream {
        var found: c.ironwal_recovered_stream = undefined;
        const size = @sizeOf(c.ironwal_recovered_stream);
        const status = c.ironwal_recovery_report_get_stream(report.handle, index, &found, size, null);
        if (status != c.IRONWAL_OK) return null;
        return .{
            .stream = errors.text(found.stream) orelse "",
            .message = errors.text(found.message),
            .durable_end_before = found.durable_end_before,
            .next_id = found.next_id,
            .findings = found.findings,
            .is_complete = found.complete == 1,
            .failure = if (found.status == c.IRONWAL_OK) null else errors.errorFromStatus(found.status),
        };
    }

    /// A finding of the stream at `stream_index`; null past the last one of either.
    pub fn finding(report: RecoveryReport, stream_index: usize, index: usize) ?Finding {
        var found: c.ironwal_finding = undefined;
        const size = @sizeOf(c.ironwal_finding);
        const status = c.ironwal_recovery_report_get_finding(report.handle, stream_index, index, &found, size, null);
        return if (status == c.IRONWAL_OK) .of(found) else null;
    }

    pub fn deinit(report: *RecoveryReport) void {
        c.ironwal_recovery_report_free(report.handle);
        report.handle = null;
    }
};
