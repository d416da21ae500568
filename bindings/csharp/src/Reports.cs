using System;

namespace Ironwal
{
    /// <summary>How bad a finding is. A number of a later version is none of these, and worse than a note.</summary>
    public enum Severity
    {
        /// <summary>No damage: remains of a crash, quarantined bytes, a recorded loss.</summary>
        Note = Native.IRONWAL_SEVERITY_NOTE,

        /// <summary>Durable data is damaged or missing.</summary>
        Damage = Native.IRONWAL_SEVERITY_DAMAGE,

        /// <summary>A file could not be checked.</summary>
        Unreadable = Native.IRONWAL_SEVERITY_UNREADABLE,
    }

    /// <summary>How a snapshot gets sealed segments.</summary>
    public enum SnapshotMode
    {
        /// <summary>By a second name, where the file system can.</summary>
        Link = Native.IRONWAL_SNAPSHOT_LINK,

        /// <summary>By a copy.</summary>
        Copy = Native.IRONWAL_SNAPSHOT_COPY,
    }

    /// <summary>What a snapshot holds.</summary>
    public struct SnapshotStats
    {
        /// <summary>How many streams.</summary>
        public readonly ulong Streams;

        /// <summary>How many segments got a second name.</summary>
        public readonly ulong SegmentsLinked;

        /// <summary>How many segments were copied.</summary>
        public readonly ulong SegmentsCopied;

        /// <summary>Bytes copied.</summary>
        public readonly ulong BytesCopied;

        /// <summary>All streams are as they were at one moment. False only of SnapshotStreamsTo.</summary>
        public readonly bool IsOneMoment;

        internal SnapshotStats(Native.ironwal_snapshot_stats raw)
        {
            Streams = raw.streams;
            SegmentsLinked = raw.segments_linked;
            SegmentsCopied = raw.segments_copied;
            BytesCopied = raw.bytes_copied;
            IsOneMoment = raw.is_one_moment == 1;
        }
    }

    /// <summary>One thing that was found. What it does not concern is null.</summary>
    public struct Finding
    {
        /// <summary>The stream.</summary>
        public readonly string Stream;

        /// <summary>The file or directory.</summary>
        public readonly string Path;

        /// <summary>What was found.</summary>
        public readonly string What;

        /// <summary>The place in the file, in bytes.</summary>
        public readonly ulong? Offset;

        /// <summary>The first id concerned.</summary>
        public readonly ulong FirstId;

        /// <summary>One past the last id concerned; FirstId where none are known.</summary>
        public readonly ulong EndId;

        /// <summary>How bad it is.</summary>
        public readonly Severity Severity;

        internal Finding(Native.ironwal_finding raw)
        {
            Stream = Text.Of(raw.stream);
            Path = Text.Of(raw.path);
            What = Text.Of(raw.what);
            Offset = raw.offset == ulong.MaxValue ? (ulong?)null : raw.offset;
            FirstId = raw.first_id;
            EndId = raw.end_id;
            Severity = (Severity)raw.severity;
        }
    }

    /// <summary>What a verification read and found.</summary>
    public sealed unsafe class VerifyReport
    {
        /// <summary>No finding is worse than a note.</summary>
        public bool IsClean { get; private set; }

        /// <summary>Streams looked at.</summary>
        public ulong Streams { get; private set; }

        /// <summary>Their segments.</summary>
        public ulong Segments { get; private set; }

        /// <summary>Good frames in them.</summary>
        public ulong Frames { get; private set; }

        /// <summary>Good entries that the streams keep.</summary>
        public ulong Entries { get; private set; }

        /// <summary>Bytes of segments read.</summary>
        public ulong Bytes { get; private set; }

        /// <summary>Good records of a sharded log's checkpoints.</summary>
        public ulong Checkpoints { get; private set; }

        /// <summary>Those of the frames that hold properties.</summary>
        public ulong PropertyFrames { get; private set; }

        /// <summary>Frames behind a cut, not counted in Frames.</summary>
        public ulong VoidFrames { get; private set; }

        /// <summary>What was found.</summary>
        public Finding[] Findings { get; private set; }

        internal static VerifyReport Of(IntPtr log)
        {
            IntPtr made, e;
            Failure.Check(Native.ironwal_wal_verify(log, &made, &e), e);
            using (var owner = new VerifyReportHandle(made))
            using (var report = owner.Use())
            {
                Native.ironwal_verify_report_totals totals;
                Failure.Check(Native.ironwal_verify_report_get_totals(report.Pointer, &totals,
                    (UIntPtr)sizeof(Native.ironwal_verify_report_totals), &e), e);
                var findings = new Finding[checked((int)totals.findings)];
                for (int i = 0; i < findings.Length; i++)
                {
                    Native.ironwal_finding finding;
                    Failure.Check(Native.ironwal_verify_report_get_finding(report.Pointer, (UIntPtr)i, &finding,
                        (UIntPtr)sizeof(Native.ironwal_finding), &e), e);
                    findings[i] = new Finding(finding);
                }
                return new VerifyReport
                {
                    IsClean = totals.clean == 1,
                    Streams = totals.streams,
                    Segments = totals.segments,
                    Frames = totals.frames,
                    Entries = totals.entries,
                    Bytes = totals.bytes,
                    Checkpoints = totals.checkpoints,
                    PropertyFrames = totals.property_frames,
                    VoidFrames = totals.void_frames,
                    Findings = findings,
                };
            }
        }
    }

    /// <summary>What opening found in one stream.</summary>
    public sealed class RecoveredStream
    {
        /// <summary>The name; that of the directory where the name is unknown.</summary>
        public string Stream { get; internal set; }

        /// <summary>Why the stream is not served, or takes no appends; null where it does both.</summary>
        public string Message { get; internal set; }

        /// <summary>The status of Message; Ok where there is none.</summary>
        public Status Status { get; internal set; }

        /// <summary>One past the last id that was known to be durable before.</summary>
        public ulong DurableEndBefore { get; internal set; }

        /// <summary>The id of the next append.</summary>
        public ulong NextId { get; internal set; }

        /// <summary>Nothing that was durable is missing or unreadable, as far as opening can know.</summary>
        public bool IsComplete { get; internal set; }

        /// <summary>What was found: damage first, then notes.</summary>
        public Finding[] Findings { get; internal set; }
    }

    /// <summary>What opening a log found and did.</summary>
    public sealed unsafe class RecoveryReport
    {
        /// <summary>Nothing that was durable is missing or unreadable, as far as opening can know.</summary>
        public bool IsComplete { get; private set; }

        /// <summary>How many streams the log had.</summary>
        public ulong Streams { get; private set; }

        /// <summary>How long opening took.</summary>
        public TimeSpan Duration { get; private set; }

        /// <summary>The streams with damage, with remains of a crash, or that could not be opened.</summary>
        public RecoveredStream[] Reported { get; private set; }

        internal static RecoveryReport Of(IntPtr log)
        {
            IntPtr made, e;
            Failure.Check(Native.ironwal_wal_recovery(log, &made, &e), e);
            using (var owner = new RecoveryReportHandle(made))
            using (var report = owner.Use())
            {
                Native.ironwal_recovery_report_totals totals;
                Failure.Check(Native.ironwal_recovery_report_get_totals(report.Pointer, &totals,
                    (UIntPtr)sizeof(Native.ironwal_recovery_report_totals), &e), e);
                var reported = new RecoveredStream[checked((int)totals.reported)];
                for (int i = 0; i < reported.Length; i++) reported[i] = StreamAt(report.Pointer, i);
                return new RecoveryReport
                {
                    IsComplete = totals.complete == 1,
                    Streams = totals.streams,
                    Duration = TimeSpan.FromTicks((long)(totals.duration_ns / 100)),
                    Reported = reported,
                };
            }
        }

        private static RecoveredStream StreamAt(IntPtr report, int index)
        {
            IntPtr e;
            Native.ironwal_recovered_stream stream;
            Failure.Check(Native.ironwal_recovery_report_get_stream(report, (UIntPtr)index, &stream,
                (UIntPtr)sizeof(Native.ironwal_recovered_stream), &e), e);
            var findings = new Finding[checked((int)stream.findings)];
            for (int i = 0; i < findings.Length; i++)
            {
                Native.ironwal_finding finding;
                Failure.Check(Native.ironwal_recovery_report_get_finding(report, (UIntPtr)index, (UIntPtr)i, &finding,
                    (UIntPtr)sizeof(Native.ironwal_finding), &e), e);
                findings[i] = new Finding(finding);
            }
            return new RecoveredStream
            {
                Stream = Text.Of(stream.stream),
                Message = Text.Of(stream.message),
                Status = (Status)stream.status,
                DurableEndBefore = stream.durable_end_before,
                NextId = stream.next_id,
                IsComplete = stream.complete == 1,
                Findings = findings,
            };
        }
    }
}
