using System;

namespace Ironwal
{
    /// <summary>When appends are durable.</summary>
    public enum SyncMode
    {
        /// <summary>Each append, when it returns. The default.</summary>
        Strict = Native.IRONWAL_SYNC_STRICT,

        /// <summary>Batches and transactions, when they return; single appends survive the process.</summary>
        BatchOnly = Native.IRONWAL_SYNC_BATCH_ONLY,

        /// <summary>By a later sync; what was appended survives the death of the process.</summary>
        Async = Native.IRONWAL_SYNC_ASYNC,
    }

    /// <summary>How frames are stored.</summary>
    public enum Compression
    {
        /// <summary>As given. The default.</summary>
        None = Native.IRONWAL_COMPRESSION_NONE,

        /// <summary>As LZ4 blocks, where that makes a payload smaller.</summary>
        Lz4 = Native.IRONWAL_COMPRESSION_LZ4,
    }

    /// <summary>How segments are read.</summary>
    public enum ReadStrategy
    {
        /// <summary>By positional reads. The default.</summary>
        StandardIo = Native.IRONWAL_READ_STANDARD_IO,

        /// <summary>Mapped; a failing disk can then raise SIGBUS in the reading thread.</summary>
        Mmap = Native.IRONWAL_READ_MMAP,
    }

    /// <summary>How the active segment is written.</summary>
    public enum WriteStrategy
    {
        /// <summary>As the library chooses. The default.</summary>
        Auto = Native.IRONWAL_WRITE_AUTO,

        /// <summary>By positional writes.</summary>
        StandardIo = Native.IRONWAL_WRITE_STANDARD_IO,

        /// <summary>By stores into the mapped segment, always; a failing or full disk can then raise SIGBUS.</summary>
        Mmap = Native.IRONWAL_WRITE_MMAP,
    }

    /// <summary>Where a sync writes first.</summary>
    public enum CommitPath
    {
        /// <summary>As the library chooses for each sync.</summary>
        Auto = Native.IRONWAL_COMMIT_AUTO,

        /// <summary>Into the stream's own file. The default.</summary>
        InPlace = Native.IRONWAL_COMMIT_IN_PLACE,

        /// <summary>Into the commit journal, which all streams share, where what is to be synced is short.</summary>
        Journal = Native.IRONWAL_COMMIT_JOURNAL,
    }

    /// <summary>Which streams options of their own are for.</summary>
    public enum StreamMatch
    {
        /// <summary>The stream with this name.</summary>
        Exact = Native.IRONWAL_MATCH_EXACT,

        /// <summary>All whose names begin with this.</summary>
        Prefix = Native.IRONWAL_MATCH_PREFIX,
    }

    /// <summary>Options of streams, in place of those of the log.</summary>
    public sealed class StreamOptions
    {
        /// <summary>Which streams.</summary>
        public StreamMatch Match { get; set; }

        /// <summary>Their name, or how it begins.</summary>
        public string Name { get; set; }

        /// <summary>Text such as "sync_mode=async; max_segment_size=256M". See ironwal_options_set_stream().</summary>
        public string Settings { get; set; }
    }

    /// <summary>What opening does about damage.</summary>
    public enum OnCorruption
    {
        /// <summary>Keeps what is good and reports what is not. The default.</summary>
        Truncate = Native.IRONWAL_CORRUPTION_TRUNCATE,

        /// <summary>Refuses to open.</summary>
        Error = Native.IRONWAL_CORRUPTION_ERROR,
    }

    /// <summary>Which old segments are removed: whole ones, oldest first, never the newest. Null limits nothing.</summary>
    public sealed class Retention
    {
        /// <summary>Removes as long as the stream has more bytes of segments.</summary>
        public ulong? MaxBytes { get; set; }

        /// <summary>Removes what was last changed longer ago.</summary>
        public TimeSpan? MaxAge { get; set; }

        /// <summary>Keeps what a cursor has not read: a property "cursor/NAME", the next id to read as 8 bytes, the lowest first.</summary>
        public bool KeepCursors { get; set; }

        internal ulong Bytes
        {
            get { return MaxBytes ?? Native.IRONWAL_NO_LIMIT; }
        }

        internal ulong AgeNs
        {
            get { return MaxAge.HasValue ? Time.Nanoseconds(MaxAge.Value) : Native.IRONWAL_NO_LIMIT; }
        }
    }

    /// <summary>The options of a log. Null is the default of the C library, which include/ironwal.h names. None of it is stored.</summary>
    public sealed unsafe class Options
    {
        /// <summary>When appends are durable.</summary>
        public SyncMode? SyncMode { get; set; }

        /// <summary>How frames are stored.</summary>
        public Compression? Compression { get; set; }

        /// <summary>How segments are read.</summary>
        public ReadStrategy? ReadStrategy { get; set; }

        /// <summary>How the active segment is written.</summary>
        public WriteStrategy? WriteStrategy { get; set; }

        /// <summary>Where a sync writes first.</summary>
        public CommitPath? CommitPath { get; set; }

        /// <summary>Bytes that the files of the commit journal may take.</summary>
        public ulong? JournalSize { get; set; }

        /// <summary>What opening does about damage.</summary>
        public OnCorruption? OnCorruption { get; set; }

        /// <summary>Bytes of a segment, before the next one is begun.</summary>
        public ulong? MaxSegmentSize { get; set; }

        /// <summary>Entries of a segment, before the next one is begun.</summary>
        public ulong? MaxEntriesPerSegment { get; set; }

        /// <summary>Files kept open for writing.</summary>
        public uint? MaxOpenSegments { get; set; }

        /// <summary>Files kept open or mapped for reading.</summary>
        public uint? MaxOpenReadSegments { get; set; }

        /// <summary>Bytes of frames gathered into one write.</summary>
        public uint? WriteBufferSize { get; set; }

        /// <summary>Bytes read ahead.</summary>
        public uint? ReadBufferSize { get; set; }

        /// <summary>Bytes of decompressed frames kept in memory.</summary>
        public ulong? BlockCacheSize { get; set; }

        /// <summary>Payloads below this many bytes are never compressed.</summary>
        public uint? MinCompressionSize { get; set; }

        /// <summary>Syncs a stream no later than this after its oldest unsynced append. Goes with BackgroundSyncBytes.</summary>
        public TimeSpan? BackgroundSync { get; set; }

        /// <summary>Syncs a stream once so many bytes of it are unsynced. Goes with BackgroundSync.</summary>
        public ulong? BackgroundSyncBytes { get; set; }

        /// <summary>Never syncs in the background.</summary>
        public bool NoBackgroundSync { get; set; }

        /// <summary>How many threads sync in the background: 1 to 64.</summary>
        public uint? SyncThreads { get; set; }

        /// <summary>Measures how long each append takes.</summary>
        public bool Latencies { get; set; }

        /// <summary>Where truncation moves segments instead of deleting them.</summary>
        public string ArchivePath { get; set; }

        /// <summary>Is applied to all streams once a minute.</summary>
        public Retention Retention { get; set; }

        /// <summary>Of several with a name one holds, whole: the exact one, else that with the longest prefix.</summary>
        public StreamOptions[] Streams { get; set; }

        /// <summary>
        /// More options as text, such as "sync_mode=async; max_segment_size=64M", applied last. See ironwal_options_parse() in
        /// include/ironwal.h.
        /// </summary>
        public string Settings { get; set; }

        internal OptionsHandle Make(string path)
        {
            byte[] bytes = Text.Bytes(path, "path");
            IntPtr made, error;
            fixed (byte* at = bytes)
                Failure.Check(Native.ironwal_options_new(at, (UIntPtr)bytes.Length, &made, &error), error);
            var handle = new OptionsHandle(made);
            try
            {
                using (var options = handle.Use()) Apply(options.Pointer);
                return handle;
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }

        private void Apply(IntPtr to)
        {
            IntPtr e;
            if (SyncMode.HasValue) Failure.Check(Native.ironwal_options_set_sync_mode(to, (int)SyncMode.Value, &e), e);
            if (Compression.HasValue) Failure.Check(Native.ironwal_options_set_compression(to, (int)Compression.Value, &e), e);
            if (ReadStrategy.HasValue) Failure.Check(Native.ironwal_options_set_read_strategy(to, (int)ReadStrategy.Value, &e), e);
            if (WriteStrategy.HasValue) Failure.Check(Native.ironwal_options_set_write_strategy(to, (int)WriteStrategy.Value, &e), e);
            if (CommitPath.HasValue) Failure.Check(Native.ironwal_options_set_commit_path(to, (int)CommitPath.Value, &e), e);
            if (JournalSize.HasValue) Failure.Check(Native.ironwal_options_set_journal_size(to, JournalSize.Value, &e), e);
            if (OnCorruption.HasValue) Failure.Check(Native.ironwal_options_set_on_corruption(to, (int)OnCorruption.Value, &e), e);
            if (MaxSegmentSize.HasValue) Failure.Check(Native.ironwal_options_set_max_segment_size(to, MaxSegmentSize.Value, &e), e);
            if (MaxEntriesPerSegment.HasValue)
                Failure.Check(Native.ironwal_options_set_max_entries_per_segment(to, MaxEntriesPerSegment.Value, &e), e);
            if (MaxOpenSegments.HasValue)
                Failure.Check(Native.ironwal_options_set_max_open_segments(to, (UIntPtr)MaxOpenSegments.Value, &e), e);
            if (MaxOpenReadSegments.HasValue)
                Failure.Check(Native.ironwal_options_set_max_open_read_segments(to, (UIntPtr)MaxOpenReadSegments.Value, &e), e);
            if (WriteBufferSize.HasValue)
                Failure.Check(Native.ironwal_options_set_write_buffer_size(to, (UIntPtr)WriteBufferSize.Value, &e), e);
            if (ReadBufferSize.HasValue)
                Failure.Check(Native.ironwal_options_set_read_buffer_size(to, (UIntPtr)ReadBufferSize.Value, &e), e);
            if (BlockCacheSize.HasValue) Failure.Check(Native.ironwal_options_set_block_cache_size(to, BlockCacheSize.Value, &e), e);
            if (MinCompressionSize.HasValue)
                Failure.Check(Native.ironwal_options_set_min_compression_size(to, (UIntPtr)MinCompressionSize.Value, &e), e);
            if (BackgroundSync.HasValue || BackgroundSyncBytes.HasValue)
            {
                ulong interval = BackgroundSync.HasValue ? Time.Nanoseconds(BackgroundSync.Value) : 0;
                Failure.Check(Native.ironwal_options_set_background_sync(to, interval, BackgroundSyncBytes ?? 0, &e), e);
            }
            if (NoBackgroundSync) Failure.Check(Native.ironwal_options_set_no_background_sync(to, &e), e);
            if (SyncThreads.HasValue) Failure.Check(Native.ironwal_options_set_sync_threads(to, (UIntPtr)SyncThreads.Value, &e), e);
            if (Latencies) Failure.Check(Native.ironwal_options_set_latencies(to, 1, &e), e);
            if (ArchivePath != null)
            {
                byte[] archive = Text.Bytes(ArchivePath, "archive path");
                fixed (byte* at = archive)
                    Failure.Check(Native.ironwal_options_set_archive_path(to, at, (UIntPtr)archive.Length, &e), e);
            }
            if (Retention != null)
            {
                byte cursors = Retention.KeepCursors ? (byte)1 : (byte)0;
                Failure.Check(Native.ironwal_options_set_retention(to, Retention.Bytes, Retention.AgeNs, cursors, &e), e);
            }
            foreach (StreamOptions own in Streams ?? new StreamOptions[0])
            {
                byte[] name = Text.Bytes(own.Name, "name"), text = Text.Bytes(own.Settings, "settings");
                fixed (byte* key = name, given = text)
                    Failure.Check(Native.ironwal_options_set_stream(to, (int)own.Match, key, (UIntPtr)name.Length, given, (UIntPtr)text.Length, &e), e);
            }
            if (Settings != null)
            {
                byte[] settings = Text.Bytes(Settings, "settings");
                fixed (byte* at = settings) Failure.Check(Native.ironwal_options_parse(to, at, (UIntPtr)settings.Length, &e), e);
            }
        }
    }

    internal static class Time
    {
        private static readonly DateTime Epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

        /// <summary>A timeout in nanoseconds. What is negative, as Timeout.InfiniteTimeSpan is, waits without end.</summary>
        internal static ulong Limit(TimeSpan timeout)
        {
            return timeout < TimeSpan.Zero ? ulong.MaxValue : Nanoseconds(timeout);
        }

        internal static ulong Nanoseconds(TimeSpan time)
        {
            if (time < TimeSpan.Zero) throw new ArgumentOutOfRangeException("time", "a time below 0");
            ulong ticks = (ulong)time.Ticks;
            return ticks > ulong.MaxValue / 100 ? ulong.MaxValue : ticks * 100;
        }

        internal static DateTime Since1970(ulong nanoseconds)
        {
            return Epoch.AddTicks((long)(nanoseconds / 100));
        }
    }
}
