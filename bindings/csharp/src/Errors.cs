using System;
using System.Collections.Generic;
using System.Text;

namespace Ironwal
{
    /// <summary>Which kind of failure a call had. A number of a later version is none of these, and means Other.</summary>
    public enum Status
    {
        /// <summary>Success.</summary>
        Ok = Native.IRONWAL_OK,

        /// <summary>A failure that fits no other status.</summary>
        Other = Native.IRONWAL_E_OTHER,

        /// <summary>A NULL that must not be, a length above PTRDIFF_MAX, an unknown enum value, a wrong handle.</summary>
        InvalidArgument = Native.IRONWAL_E_INVALID_ARG,

        /// <summary>No such entry (unknown stream, pruned, or not yet appended).</summary>
        NotFound = Native.IRONWAL_E_NOT_FOUND,

        /// <summary>The iterator is at the current end of the log.</summary>
        End = Native.IRONWAL_E_END,

        /// <summary>The buffer is too small; the required size is returned.</summary>
        BufferTooSmall = Native.IRONWAL_E_BUFFER_TOO_SMALL,

        /// <summary>The timeout expired.</summary>
        Timeout = Native.IRONWAL_E_TIMEOUT,

        /// <summary>The operating system refused, or there was no memory (ENOMEM); the error object holds its code.</summary>
        IO = Native.IRONWAL_E_IO,

        /// <summary>No space, quota or file size left. Nothing was lost; try again once there is space.</summary>
        NoSpace = Native.IRONWAL_E_NO_SPACE,

        /// <summary>The structure on disk is broken.</summary>
        Corrupt = Native.IRONWAL_E_CORRUPT,

        /// <summary>A stored payload does not match its checksum.</summary>
        CrcMismatch = Native.IRONWAL_E_CRC_MISMATCH,

        /// <summary>An option, a path or a stream name is out of its documented bounds.</summary>
        Config = Native.IRONWAL_E_CONFIG,

        /// <summary>The entry was there once and its segment is gone: lost to damage, or pruned under an iterator.</summary>
        SegmentNotFound = Native.IRONWAL_E_SEGMENT_NOT_FOUND,

        /// <summary>There is no such stream.</summary>
        StreamNotFound = Native.IRONWAL_E_STREAM_NOT_FOUND,

        /// <summary>A file stands where one of the log belongs and is not the log's.</summary>
        InvalidFilename = Native.IRONWAL_E_INVALID_FILENAME,

        /// <summary>A value cannot be stored in the format.</summary>
        Serialization = Native.IRONWAL_E_SERIALIZATION,

        /// <summary>Another writer, in this process or another, has the log open.</summary>
        Locked = Native.IRONWAL_E_LOCKED,

        /// <summary>An earlier failure latched: no appends until the log is closed and opened again.</summary>
        Poisoned = Native.IRONWAL_E_POISONED,

        /// <summary>The frame would exceed the limit of 1 GiB.</summary>
        TooLarge = Native.IRONWAL_E_TOO_LARGE,

        /// <summary>The next id of the stream is not the expected one.</summary>
        SequenceMismatch = Native.IRONWAL_E_SEQUENCE_MISMATCH,

        /// <summary>The log was closed.</summary>
        Closed = Native.IRONWAL_E_CLOSED,

        /// <summary>This process is a fork of the one that opened the log.</summary>
        Forked = Native.IRONWAL_E_FORKED,

        /// <summary>The file is of a format this version does not read.</summary>
        UnsupportedVersion = Native.IRONWAL_E_UNSUPPORTED_VERSION,

        /// <summary>A defect inside the library was caught; the log accepts no further calls but close and free.</summary>
        Panic = Native.IRONWAL_E_PANIC,

        /// <summary>The iterator has moved since this view was given out.</summary>
        StaleView = Native.IRONWAL_E_STALE_VIEW,

        /// <summary>There is no checkpoint of this id.</summary>
        CheckpointNotFound = Native.IRONWAL_E_CHECKPOINT_NOT_FOUND,

        /// <summary>The checkpoint, or the file that holds it, is damaged.</summary>
        CheckpointCorrupted = Native.IRONWAL_E_CHECKPOINT_CORRUPTED,

        /// <summary>The log was made with another number of shards.</summary>
        ShardCountMismatch = Native.IRONWAL_E_SHARD_COUNT_MISMATCH,

        /// <summary>An id of a checkpoint that is not 1 to 65,535 bytes long.</summary>
        InvalidCheckpointId = Native.IRONWAL_E_INVALID_CHECKPOINT_ID,

        /// <summary>The log has no checkpoint.</summary>
        NoCheckpoints = Native.IRONWAL_E_NO_CHECKPOINTS,

        /// <summary>The checkpoint counts on entries that were removed.</summary>
        CheckpointPruned = Native.IRONWAL_E_CHECKPOINT_PRUNED,

        /// <summary>A batch over several shards is whole in some and absent from others.</summary>
        BatchIncomplete = Native.IRONWAL_E_BATCH_INCOMPLETE,

        /// <summary>The log was opened read-only.</summary>
        ReadOnly = Native.IRONWAL_E_READ_ONLY,

        /// <summary>The log's directory, or LOCK in it, is not what this log locked any more: it was moved, removed or replaced. Nothing at its path was changed, and nothing more can be appended.</summary>
        Detached = Native.IRONWAL_E_DETACHED,

        /// <summary>Ids that the iterator had returned were cut from the end of the stream, and may be other entries by now.</summary>
        SuffixCut = Native.IRONWAL_E_SUFFIX_CUT,

        /// <summary>The wait was cancelled.</summary>
        Cancelled = Native.IRONWAL_E_CANCELLED,
    }

    /// <summary>The part of an incomplete batch that one shard holds whole.</summary>
    public struct CommittedPart
    {
        /// <summary>The shard.</summary>
        public uint Shard;

        /// <summary>The first id there.</summary>
        public ulong FirstId;

        /// <summary>One past the last id there.</summary>
        public ulong EndId;
    }

    /// <summary>What the library says about a failure; the exception holds it.</summary>
    internal sealed unsafe class Failure
    {
        internal Status Status;
        internal string Message;
        internal string Stream;
        internal string Path;
        internal ulong? Offset, FirstId, EndId, ExpectedId, FoundId;
        internal int OSError;
        internal IList<CommittedPart> Committed = new CommittedPart[0];

        /// <summary>Throws what a call returned, and frees the error object.</summary>
        internal static void Check(int status, IntPtr error)
        {
            if (status != Native.IRONWAL_OK) throw Of(status, error);
        }

        /// <summary>The exception of what a call returned. Frees the error object.</summary>
        internal static IronwalException Of(int status, IntPtr error)
        {
            var made = new Failure { Status = (Status)status };
            if (error == IntPtr.Zero)
            {
                made.Message = Text.Of(Native.ironwal_status_name(status));
                return made.Exception();
            }
            try
            {
                made.Read(error);
            }
            finally
            {
                Native.ironwal_error_free(error);
            }
            return made.Exception();
        }

        internal static IronwalException Closed(string what)
        {
            return new Failure { Status = Status.Closed, Message = what + " was closed" }.Exception();
        }

        internal static IronwalException Config(string message)
        {
            return new Failure { Status = Status.Config, Message = message }.Exception();
        }

        private void Read(IntPtr error)
        {
            Message = Text.Of(Native.ironwal_error_message(error));
            Stream = Text.Of(Native.ironwal_error_stream(error));
            Path = Text.Of(Native.ironwal_error_path(error));
            OSError = Native.ironwal_error_os_error(error);
            ulong one, two;
            if (Native.ironwal_error_offset(error, &one) != 0) Offset = one;
            if (Native.ironwal_error_ids(error, &one, &two) != 0)
            {
                FirstId = one;
                EndId = two;
            }
            if (Native.ironwal_error_sequence(error, &one, &two) != 0)
            {
                ExpectedId = one;
                FoundId = two;
            }
            var parts = new CommittedPart[(int)Native.ironwal_error_committed_count(error)];
            for (int i = 0; i < parts.Length; i++)
            {
                uint shard;
                if (Native.ironwal_error_committed_part(error, (UIntPtr)i, &shard, &one, &two) != 0)
                    parts[i] = new CommittedPart { Shard = shard, FirstId = one, EndId = two };
            }
            Committed = parts;
        }

        internal IronwalException Exception()
        {
            switch (Status)
            {
                case Status.InvalidArgument: return new InvalidArgumentException(this);
                case Status.NotFound: return new NotFoundException(this);
                case Status.End: return new EndException(this);
                case Status.BufferTooSmall: return new BufferTooSmallException(this);
                case Status.Timeout: return new LogTimeoutException(this);
                case Status.IO: return new LogIOException(this);
                case Status.NoSpace: return new NoSpaceException(this);
                case Status.Corrupt: return new CorruptException(this);
                case Status.CrcMismatch: return new CrcMismatchException(this);
                case Status.Config: return new ConfigException(this);
                case Status.SegmentNotFound: return new SegmentNotFoundException(this);
                case Status.StreamNotFound: return new StreamNotFoundException(this);
                case Status.InvalidFilename: return new InvalidFilenameException(this);
                case Status.Serialization: return new SerializationException(this);
                case Status.Locked: return new LockedException(this);
                case Status.Poisoned: return new PoisonedException(this);
                case Status.TooLarge: return new TooLargeException(this);
                case Status.SequenceMismatch: return new SequenceMismatchException(this);
                case Status.Closed: return new ClosedException(this);
                case Status.Forked: return new ForkedException(this);
                case Status.UnsupportedVersion: return new UnsupportedVersionException(this);
                case Status.Panic: return new PanicException(this);
                case Status.StaleView: return new StaleViewException(this);
                case Status.CheckpointNotFound: return new CheckpointNotFoundException(this);
                case Status.CheckpointCorrupted: return new CheckpointCorruptedException(this);
                case Status.ShardCountMismatch: return new ShardCountMismatchException(this);
                case Status.InvalidCheckpointId: return new InvalidCheckpointIdException(this);
                case Status.NoCheckpoints: return new NoCheckpointsException(this);
                case Status.CheckpointPruned: return new CheckpointPrunedException(this);
                case Status.BatchIncomplete: return new BatchIncompleteException(this);
                case Status.ReadOnly: return new ReadOnlyException(this);
                case Status.Detached: return new DetachedException(this);
                case Status.SuffixCut: return new SuffixCutException(this);
                case Status.Cancelled: return new CancelledException(this);
                default: return new IronwalException(this);
            }
        }
    }

    /// <summary>
    /// A failure of a call of the library; each status has a class of its own. What the library does not know is null.
    /// </summary>
    public class IronwalException : Exception
    {
        internal IronwalException(Failure failure) : base(failure.Message)
        {
            Status = failure.Status;
            Stream = failure.Stream;
            Path = failure.Path;
            Offset = failure.Offset;
            FirstId = failure.FirstId;
            EndId = failure.EndId;
            ExpectedId = failure.ExpectedId;
            FoundId = failure.FoundId;
            OSError = failure.OSError;
            Committed = failure.Committed;
        }

        /// <summary>Which kind of failure it is.</summary>
        public Status Status { get; private set; }

        /// <summary>The stream concerned.</summary>
        public string Stream { get; private set; }

        /// <summary>The file or directory concerned.</summary>
        public string Path { get; private set; }

        /// <summary>The place in the file, in bytes.</summary>
        public ulong? Offset { get; private set; }

        /// <summary>The first id concerned.</summary>
        public ulong? FirstId { get; private set; }

        /// <summary>One past the last id concerned.</summary>
        public ulong? EndId { get; private set; }

        /// <summary>Of SequenceMismatch: the id that the caller expected.</summary>
        public ulong? ExpectedId { get; private set; }

        /// <summary>Of SequenceMismatch: the next id of the stream. It may be out of date.</summary>
        public ulong? FoundId { get; private set; }

        /// <summary>The operating system's code (errno), 0 where there is none.</summary>
        public int OSError { get; private set; }

        /// <summary>Of BatchIncomplete: the parts that are there. Those of all other shards are not.</summary>
        public IList<CommittedPart> Committed { get; private set; }
    }

    /// <summary>A NULL that must not be, a length above PTRDIFF_MAX, an unknown enum value, a wrong handle.</summary>
    public sealed class InvalidArgumentException : IronwalException
    {
        internal InvalidArgumentException(Failure failure) : base(failure) { }
    }

    /// <summary>No such entry (unknown stream, pruned, or not yet appended).</summary>
    public sealed class NotFoundException : IronwalException
    {
        internal NotFoundException(Failure failure) : base(failure) { }
    }

    /// <summary>The iterator is at the current end of the log.</summary>
    public sealed class EndException : IronwalException
    {
        internal EndException(Failure failure) : base(failure) { }
    }

    /// <summary>The buffer is too small; the required size is returned.</summary>
    public sealed class BufferTooSmallException : IronwalException
    {
        internal BufferTooSmallException(Failure failure) : base(failure) { }
    }

    /// <summary>The timeout expired.</summary>
    public sealed class LogTimeoutException : IronwalException
    {
        internal LogTimeoutException(Failure failure) : base(failure) { }
    }

    /// <summary>The operating system refused, or there was no memory (ENOMEM); the error object holds its code.</summary>
    public sealed class LogIOException : IronwalException
    {
        internal LogIOException(Failure failure) : base(failure) { }
    }

    /// <summary>No space, quota or file size left. Nothing was lost; try again once there is space.</summary>
    public sealed class NoSpaceException : IronwalException
    {
        internal NoSpaceException(Failure failure) : base(failure) { }
    }

    /// <summary>The structure on disk is broken.</summary>
    public sealed class CorruptException : IronwalException
    {
        internal CorruptException(Failure failure) : base(failure) { }
    }

    /// <summary>A stored payload does not match its checksum.</summary>
    public sealed class CrcMismatchException : IronwalException
    {
        internal CrcMismatchException(Failure failure) : base(failure) { }
    }

    /// <summary>An option, a path or a stream name is out of its documented bounds.</summary>
    public sealed class ConfigException : IronwalException
    {
        internal ConfigException(Failure failure) : base(failure) { }
    }

    /// <summary>The entry was there once and its segment is gone: lost to damage, or pruned under an iterator.</summary>
    public sealed class SegmentNotFoundException : IronwalException
    {
        internal SegmentNotFoundException(Failure failure) : base(failure) { }
    }

    /// <summary>There is no such stream.</summary>
    public sealed class StreamNotFoundException : IronwalException
    {
        internal StreamNotFoundException(Failure failure) : base(failure) { }
    }

    /// <summary>A file stands where one of the log belongs and is not the log's.</summary>
    public sealed class InvalidFilenameException : IronwalException
    {
        internal InvalidFilenameException(Failure failure) : base(failure) { }
    }

    /// <summary>A value cannot be stored in the format.</summary>
    public sealed class SerializationException : IronwalException
    {
        internal SerializationException(Failure failure) : base(failure) { }
    }

    /// <summary>Another writer, in this process or another, has the log open.</summary>
    public sealed class LockedException : IronwalException
    {
        internal LockedException(Failure failure) : base(failure) { }
    }

    /// <summary>An earlier failure latched: no appends until the log is closed and opened again.</summary>
    public sealed class PoisonedException : IronwalException
    {
        internal PoisonedException(Failure failure) : base(failure) { }
    }

    /// <summary>The frame would exceed the limit of 1 GiB.</summary>
    public sealed class TooLargeException : IronwalException
    {
        internal TooLargeException(Failure failure) : base(failure) { }
    }

    /// <summary>The next id of the stream is not the expected one.</summary>
    public sealed class SequenceMismatchException : IronwalException
    {
        internal SequenceMismatchException(Failure failure) : base(failure) { }
    }

    /// <summary>The log was closed.</summary>
    public sealed class ClosedException : IronwalException
    {
        internal ClosedException(Failure failure) : base(failure) { }
    }

    /// <summary>This process is a fork of the one that opened the log.</summary>
    public sealed class ForkedException : IronwalException
    {
        internal ForkedException(Failure failure) : base(failure) { }
    }

    /// <summary>The file is of a format this version does not read.</summary>
    public sealed class UnsupportedVersionException : IronwalException
    {
        internal UnsupportedVersionException(Failure failure) : base(failure) { }
    }

    /// <summary>A defect inside the library was caught; the log accepts no further calls but close and free.</summary>
    public sealed class PanicException : IronwalException
    {
        internal PanicException(Failure failure) : base(failure) { }
    }

    /// <summary>The iterator has moved since this view was given out.</summary>
    public sealed class StaleViewException : IronwalException
    {
        internal StaleViewException(Failure failure) : base(failure) { }
    }

    /// <summary>There is no checkpoint of this id.</summary>
    public sealed class CheckpointNotFoundException : IronwalException
    {
        internal CheckpointNotFoundException(Failure failure) : base(failure) { }
    }

    /// <summary>The checkpoint, or the file that holds it, is damaged.</summary>
    public sealed class CheckpointCorruptedException : IronwalException
    {
        internal CheckpointCorruptedException(Failure failure) : base(failure) { }
    }

    /// <summary>The log was made with another number of shards.</summary>
    public sealed class ShardCountMismatchException : IronwalException
    {
        internal ShardCountMismatchException(Failure failure) : base(failure) { }
    }

    /// <summary>An id of a checkpoint that is not 1 to 65,535 bytes long.</summary>
    public sealed class InvalidCheckpointIdException : IronwalException
    {
        internal InvalidCheckpointIdException(Failure failure) : base(failure) { }
    }

    /// <summary>The log has no checkpoint.</summary>
    public sealed class NoCheckpointsException : IronwalException
    {
        internal NoCheckpointsException(Failure failure) : base(failure) { }
    }

    /// <summary>The checkpoint counts on entries that were removed.</summary>
    public sealed class CheckpointPrunedException : IronwalException
    {
        internal CheckpointPrunedException(Failure failure) : base(failure) { }
    }

    /// <summary>A batch over several shards is whole in some and absent from others.</summary>
    public sealed class BatchIncompleteException : IronwalException
    {
        internal BatchIncompleteException(Failure failure) : base(failure) { }
    }

    /// <summary>The log was opened read-only.</summary>
    public sealed class ReadOnlyException : IronwalException
    {
        internal ReadOnlyException(Failure failure) : base(failure) { }
    }

    /// <summary>The log's directory, or LOCK in it, is not what this log locked any more: it was moved, removed or replaced. Nothing at its path was changed, and nothing more can be appended.</summary>
    public sealed class DetachedException : IronwalException
    {
        internal DetachedException(Failure failure) : base(failure) { }
    }

    /// <summary>Ids that the iterator had returned were cut from the end of the stream, and may be other entries by now.</summary>
    public sealed class SuffixCutException : IronwalException
    {
        internal SuffixCutException(Failure failure) : base(failure) { }
    }

    /// <summary>The wait was cancelled.</summary>
    public sealed class CancelledException : IronwalException
    {
        internal CancelledException(Failure failure) : base(failure) { }
    }
}
