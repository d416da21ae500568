import CIronwal

/// What a stream reports about itself.
public typealias StreamStats = ironwal_stream_stats_t
/// What a log reports about itself.
public typealias LogStats = ironwal_wal_stats_t

/// How bad a finding is.
public enum Severity: Int32, CaseIterable, Sendable {
    /// No damage: remains of a crash, quarantined bytes, a recorded loss.
    case note = 601
    /// Durable data is damaged or missing.
    case damage = 602
    /// A file could not be checked. So is what a later version of the library calls worse.
    case unreadable = 603
}

/// How a snapshot gets sealed segments.
public enum SnapshotMode: Int32, CaseIterable, Sendable {
    /// By a second name, where the file system can.
    case link = 1101
    /// By a copy.
    case copy = 1102
}

/// What a snapshot holds.
public struct SnapshotStats: Sendable, Hashable {
    public let streams: UInt64
    public let segmentsLinked: UInt64
    public let segmentsCopied: UInt64
    public let bytesCopied: UInt64
    /// All streams are as they were at one moment. False only of ``Log/snapshotStreams(to:mode:)``.
    public let isOneMoment: Bool

    init(_ raw: ironwal_snapshot_stats) {
        streams = raw.streams
        segmentsLinked = raw.segments_linked
        segmentsCopied = raw.segments_copied
        bytesCopied = raw.bytes_copied
        isOneMoment = raw.is_one_moment == 1
    }
}

/// One thing that was found. What it does not concern is nil.
public struct Finding: Sendable, Hashable {
    public let stream: String?
    /// The file or directory.
    public let path: String?
    public let what: String
    /// The place in the file, in bytes.
    public let offset: UInt64?
    /// The ids concerned; empty where none are known.
    public let ids: Range<UInt64>
    public let severity: Severity

    init(_ raw: ironwal_finding) {
        stream = text(raw.stream)
        path = text(raw.path)
        what = text(raw.what) ?? ""
        offset = raw.offset == .max ? nil : raw.offset
        ids = raw.first_id..<max(raw.first_id, raw.end_id)
        severity = Severity(rawValue: raw.severity) ?? .unreadable
    }
}

/// What a verification read and found.
public struct VerifyReport: Sendable {
    /// No finding is worse than a note.
    public let isClean: Bool
    public let streams: UInt64
    public let segments: UInt64
    public let frames: UInt64
    /// Good entries that the streams keep.
    public let entries: UInt64
    /// Bytes of segments read.
    public let bytes: UInt64
    public let checkpoints: UInt64
    public let propertyFrames: UInt64
    /// Frames behind a cut, not counted in `frames`.
    public let voidFrames: UInt64
    public let findings: [Finding]

    init(_ log: OpaquePointer) throws {
        var report: OpaquePointer?
        try check { ironwal_wal_verify(log, &report, $0) }
        defer { ironwal_verify_report_free(report) }
        var totals = ironwal_verify_report_totals()
        try check {
            ironwal_verify_report_get_totals(report, &totals, MemoryLayout<ironwal_verify_report_totals>.size, $0)
        }
        isClean = totals.clean == 1
        streams = totals.streams
        segments = totals.segments
        frames = totals.frames
        entries = totals.entries
        bytes = totals.bytes
        checkpoints = totals.checkpoints
        propertyFrames = totals.property_frames
        voidFrames = totals.void_frames
        findings = try (0..<Int(totals.findings)).map { index in
            var finding = ironwal_finding()
            try check {
                ironwal_verify_report_get_finding(report, index, &finding, MemoryLayout<ironwal_finding>.size, $0)
            }
            return Finding(finding)
        }
    }
}

/// What opening found in one stream.
public struct RecoveredStream: Sendable {
    /// The name; that of the directory where the name is unknown.
    public let stream: String
    /// Why the stream is not served, or takes no appends; nil where it does both.
    public let message: String?
    /// The status of the message.
    public let status: Status?
    /// One past the last id that was known to be durable before.
    public let durableEndBefore: UInt64
    public let nextID: UInt64
    /// Nothing that was durable is missing or unreadable, as far as opening can know.
    public let isComplete: Bool
    /// Damage first, then notes.
    public let findings: [Finding]
}

/// What opening a log found and did.
public struct RecoveryReport: Sendable {
    /// Nothing that was durable is missing or unreadable, as far as opening can know.
    public let isComplete: Bool
    public let streams: UInt64
    /// How long opening took.
    public let duration: Duration
    /// The streams with damage, with remains of a crash, or that could not be opened.
    public let reported: [RecoveredStream]

    init(_ log: OpaquePointer) throws {
        var report: OpaquePointer?
        try check { ironwal_wal_recovery(log, &report, $0) }
        defer { ironwal_recovery_report_free(report) }
        var totals = ironwal_recovery_report_totals()
        try check {
            ironwal_recovery_report_get_totals(report, &totals, MemoryLayout<ironwal_recovery_report_totals>.size, $0)
        }
        isComplete = totals.complete == 1
        streams = totals.streams
        duration = .nanoseconds(Int64(clamping: totals.duration_ns))
        reported = try (0..<Int(totals.reported)).map { index in
            var stream = ironwal_recovered_stream()
            try check {
                ironwal_recovery_report_get_stream(report, index, &stream, MemoryLayout<ironwal_recovered_stream>.size, $0)
            }
            return RecoveredStream(
                stream: text(stream.stream) ?? "", message: text(stream.message),
                status: stream.status == IRONWAL_OK ? nil : Status(code: stream.status),
                durableEndBefore: stream.durable_end_before, nextID: stream.next_id, isComplete: stream.complete == 1,
                findings: try (0..<Int(stream.findings)).map { at in
                    var finding = ironwal_finding()
                    try check {
                        ironwal_recovery_report_get_finding(
                            report, index, at, &finding, MemoryLayout<ironwal_finding>.size, $0)
                    }
                    return Finding(finding)
                })
        }
    }
}
