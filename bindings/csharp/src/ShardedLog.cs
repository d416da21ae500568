using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;

namespace Ironwal
{
    /// <summary>What a sharded log is opened with. Null is the default of the C library.</summary>
    public sealed unsafe class ShardedOptions
    {
        /// <summary>The options that every log has.</summary>
        public Options Log { get; set; }

        /// <summary>Makes a checkpoint whenever so many more entries were appended.</summary>
        public ulong? CheckpointEveryEntries { get; set; }

        /// <summary>Makes a checkpoint so often, if there are new entries.</summary>
        public TimeSpan? CheckpointInterval { get; set; }

        /// <summary>Names automatic checkpoints so, followed by 20 digits. The default is "auto-".</summary>
        public string CheckpointPrefix { get; set; }

        /// <summary>Prunes, after each automatic checkpoint, what is older than so many of the newest ones.</summary>
        public uint? KeepCheckpoints { get; set; }

        internal ShardedOptionsHandle Make(uint shards)
        {
            IntPtr made, e;
            Failure.Check(Native.ironwal_sharded_options_new(shards, &made, &e), e);
            var handle = new ShardedOptionsHandle(made);
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
            if (CheckpointEveryEntries.HasValue)
                Failure.Check(Native.ironwal_sharded_options_set_checkpoint_every_entries(to, CheckpointEveryEntries.Value, &e), e);
            if (CheckpointInterval.HasValue)
                Failure.Check(Native.ironwal_sharded_options_set_checkpoint_interval(to, Time.Nanoseconds(CheckpointInterval.Value), &e), e);
            if (CheckpointPrefix != null)
            {
                byte[] prefix = Text.Bytes(CheckpointPrefix, "checkpoint prefix");
                fixed (byte* at = prefix)
                    Failure.Check(Native.ironwal_sharded_options_set_checkpoint_prefix(to, at, (UIntPtr)prefix.Length, &e), e);
            }
            if (KeepCheckpoints.HasValue)
                Failure.Check(Native.ironwal_sharded_options_set_retention(to, (UIntPtr)KeepCheckpoints.Value, &e), e);
        }
    }

    /// <summary>Where an entry went.</summary>
    public struct Placed
    {
        /// <summary>The shard.</summary>
        public readonly uint Shard;

        /// <summary>The id there.</summary>
        public readonly ulong Id;

        internal Placed(uint shard, ulong id)
        {
            Shard = shard;
            Id = id;
        }
    }

    /// <summary>A checkpoint that was loaded: for each shard the id from which replay starts.</summary>
    public sealed class Checkpoint
    {
        /// <summary>Its id.</summary>
        public byte[] Id { get; internal set; }

        /// <summary>Its id as text; it has any bytes, and those that are no UTF-8 are replaced.</summary>
        public string Name
        {
            get { return System.Text.Encoding.UTF8.GetString(Id); }
        }

        /// <summary>When it was made. The order of checkpoints does not follow it.</summary>
        public DateTime Time { get; internal set; }

        /// <summary>For each shard the next id at the time of the checkpoint. Empty in a list.</summary>
        public ulong[] Offsets { get; internal set; }
    }

    /// <summary>Counts of automatic checkpoints since the log was opened.</summary>
    public struct AutomaticStatus
    {
        /// <summary>How many were made.</summary>
        public readonly ulong Created;

        /// <summary>How often making one, or removing what was to be removed after it, failed.</summary>
        public readonly ulong Failed;

        /// <summary>Why the last attempt failed; null where it succeeded.</summary>
        public readonly string LastError;

        internal AutomaticStatus(ulong created, ulong failed, string lastError)
        {
            Created = created;
            Failed = failed;
            LastError = lastError;
        }
    }

    /// <summary>
    /// An open log of many shards: entries go to the shard of their key, in order within it, and checkpoints are consistent cuts
    /// through all shards. Any thread may use it.
    /// </summary>
    public sealed unsafe class ShardedLog : IDisposable
    {
        private readonly LogWaits waits = new LogWaits();
        private LogHandle handle;
        private int closing;

        private ShardedLog(IntPtr pointer)
        {
            handle = new LogHandle(pointer, true);
        }

        /// <summary>
        /// Opens a sharded log in a directory, creating or recovering it. The number of shards, 1 to 65,535, is recorded when the
        /// log is made; another one throws ShardCountMismatch later.
        /// </summary>
        public static ShardedLog Open(string path, uint shards, ShardedOptions options = null)
        {
            Log.CheckLibrary();
            if (options == null) options = new ShardedOptions();
            IntPtr log, e;
            using (var sharded = options.Make(shards))
            using (var s = sharded.Use())
            using (var made = (options.Log ?? new Options()).Make(path))
            using (var o = made.Use())
                Failure.Check(Native.ironwal_sharded_open(o.Pointer, s.Pointer, &log, &e), e);
            return new ShardedLog(log);
        }

        /// <summary>Opens the log for reading, while a program may write it. 0 shards: as many as are recorded.</summary>
        public static ShardedLog OpenReadOnly(string path, uint shards = 0, Options options = null)
        {
            Log.CheckLibrary();
            IntPtr log, e;
            using (var made = (options ?? new Options()).Make(path))
            using (var o = made.Use())
                Failure.Check(Native.ironwal_sharded_open_read_only(o.Pointer, shards, &log, &e), e);
            return new ShardedLog(log);
        }

        /// <summary>The shard of a key among so many shards.</summary>
        public static uint Route(byte[] key, uint shards)
        {
            if (key == null) throw new ArgumentNullException("key");
            IntPtr e;
            uint shard;
            fixed (byte* at = key) Failure.Check(Native.ironwal_sharded_route(at, (UIntPtr)key.Length, shards, &shard, &e), e);
            return shard;
        }

        /// <summary>Ends the automatic checkpoints and closes the log: see Log.Close.</summary>
        public void Close()
        {
            if (Interlocked.Exchange(ref closing, 1) != 0) throw Failure.Closed("the log");
            Log.CloseOnce(ref handle, ref closing, waits, true);
        }

        /// <summary>As Close. Once closed it does nothing.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref closing, 1) == 0) Log.CloseOnce(ref handle, ref closing, waits, true);
        }

        /// <summary>How many shards the log has.</summary>
        public uint ShardCount
        {
            get
            {
                IntPtr e;
                uint count;
                using (var log = handle.Use()) Failure.Check(Native.ironwal_sharded_shard_count(log.Pointer, &count, &e), e);
                return count;
            }
        }

        /// <summary>
        /// A shard as a stream, for reading and following it. What is appended or removed through it bypasses routing and
        /// checkpoints.
        /// </summary>
        public LogStream Shard(uint shard)
        {
            uint count = ShardCount;
            if (shard >= count) throw Failure.Config("there is no shard " + shard + " of " + count);
            IntPtr wal, e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_sharded_wal(log.Pointer, &wal, &e), e);
            using (var owner = new LogHandle(wal, false))
            using (var all = owner.Use())
                return LogStream.Open(all.Pointer, waits, "shard_" + shard.ToString("00", CultureInfo.InvariantCulture));
        }

        /// <summary>Appends one entry to the shard of its key. The key is not stored.</summary>
        public Placed Append(byte[] key, byte[] entry)
        {
            if (key == null) throw new ArgumentNullException("key");
            if (entry == null) throw new ArgumentNullException("entry");
            IntPtr e;
            uint shard;
            ulong id;
            using (var log = handle.Use())
                fixed (byte* k = key)
                fixed (byte* v = entry)
                    Failure.Check(Native.ironwal_sharded_append(log.Pointer, k, (UIntPtr)key.Length, v, (UIntPtr)entry.Length,
                        &shard, &id, &e), e);
            return new Placed(shard, id);
        }

        /// <summary>
        /// Appends several entries to the shards of their keys, and returns where each went. Within a shard the batch is atomic; over
        /// several it is not: BatchIncomplete names the parts that are there.
        /// </summary>
        public Placed[] AppendBatch(IEnumerable<KeyValuePair<byte[], byte[]>> entries)
        {
            if (entries == null) throw new ArgumentNullException("entries");
            var both = new List<byte[]>();
            foreach (var pair in entries)
            {
                both.Add(pair.Key);
                both.Add(pair.Value);
            }
            var gathered = new Gathered(both, null);
            int count = both.Count / 2;
            var keyed = new Native.ironwal_keyed_slice[count + 1];
            var shards = new uint[count + 1];
            var ids = new ulong[count + 1];
            IntPtr e;
            using (var log = handle.Use())
                fixed (byte* bytes = gathered.Bytes)
                fixed (Native.ironwal_keyed_slice* slices = keyed)
                fixed (uint* s = shards)
                fixed (ulong* i = ids)
                {
                    gathered.PointAt(bytes);
                    for (int n = 0; n < count; n++)
                    {
                        keyed[n].key = gathered.Entries[2 * n];
                        keyed[n].value = gathered.Entries[2 * n + 1];
                    }
                    Failure.Check(Native.ironwal_sharded_append_batch(log.Pointer, slices, (UIntPtr)count, s, i, &e), e);
                }
            var placed = new Placed[count];
            for (int n = 0; n < count; n++) placed[n] = new Placed(shards[n], ids[n]);
            return placed;
        }

        /// <summary>Makes everything appended so far durable, in all shards at once.</summary>
        public void Flush()
        {
            IntPtr e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_sharded_flush_all(log.Pointer, &e), e);
        }

        /// <summary>Looks at everything again in a log that is open read-only. Reading does so where it has to.</summary>
        public void Refresh()
        {
            IntPtr e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_sharded_refresh(log.Pointer, &e), e);
        }

        /// <summary>Makes a checkpoint, a consistent cut through all shards. Its id has 1 to 65,535 bytes of UTF-8.</summary>
        public void CreateCheckpoint(string id)
        {
            byte[] bytes = Text.Bytes(id, "id");
            IntPtr e;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_sharded_create_checkpoint(log.Pointer, at, (UIntPtr)bytes.Length, &e), e);
        }

        /// <summary>Loads the checkpoint of an id.</summary>
        public Checkpoint LoadCheckpoint(string id)
        {
            byte[] bytes = Text.Bytes(id, "id");
            IntPtr loaded, e;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_sharded_load_checkpoint(log.Pointer, at, (UIntPtr)bytes.Length, &loaded, &e), e);
            return Of(loaded);
        }

        /// <summary>Loads the newest checkpoint. Throws NoCheckpoints where there is none.</summary>
        public Checkpoint LoadLatestCheckpoint()
        {
            IntPtr loaded, e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_sharded_load_latest_checkpoint(log.Pointer, &loaded, &e), e);
            return Of(loaded);
        }

        private static Checkpoint Of(IntPtr loaded)
        {
            using (var owner = new CheckpointHandle(loaded))
            using (var checkpoint = owner.Use())
            {
                var offsets = new ulong[Native.ironwal_checkpoint_shard_count(checkpoint.Pointer)];
                for (uint shard = 0; shard < offsets.Length; shard++)
                {
                    IntPtr e;
                    ulong offset;
                    Failure.Check(Native.ironwal_checkpoint_offset(checkpoint.Pointer, shard, &offset, &e), e);
                    offsets[shard] = offset;
                }
                return new Checkpoint
                {
                    Id = Copy.Of(Native.ironwal_checkpoint_id(checkpoint.Pointer)),
                    Time = Time.Since1970(Native.ironwal_checkpoint_timestamp_ns(checkpoint.Pointer)),
                    Offsets = offsets,
                };
            }
        }

        /// <summary>The checkpoints that can be loaded, oldest first, without their offsets.</summary>
        public Checkpoint[] Checkpoints()
        {
            IntPtr listed, e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_sharded_list_checkpoints(log.Pointer, &listed, &e), e);
            using (var owner = new CheckpointListHandle(listed))
            using (var list = owner.Use())
            {
                var all = new Checkpoint[(int)Native.ironwal_checkpoint_list_count(list.Pointer)];
                for (int i = 0; i < all.Length; i++)
                {
                    Native.ironwal_view id;
                    ulong time;
                    Failure.Check(Native.ironwal_checkpoint_list_get(list.Pointer, (UIntPtr)i, &id, &time, &e), e);
                    all[i] = new Checkpoint { Id = Copy.Of(id), Time = Time.Since1970(time), Offsets = new ulong[0] };
                }
                return all;
            }
        }

        /// <summary>Removes the segments that hold only entries below the checkpoint's offsets, and older checkpoints.</summary>
        public PruneStats PruneBeforeCheckpoint(string id)
        {
            byte[] bytes = Text.Bytes(id, "id");
            IntPtr e;
            PruneStats stats;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_sharded_prune_before_checkpoint(log.Pointer, at, (UIntPtr)bytes.Length,
                        &stats, (UIntPtr)sizeof(PruneStats), &e), e);
            return stats;
        }

        /// <summary>Removes all entries that the checkpoint does not hold, and all later checkpoints, in one step.</summary>
        public void RollbackToCheckpoint(string id)
        {
            byte[] bytes = Text.Bytes(id, "id");
            IntPtr e;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_sharded_rollback_to_checkpoint(log.Pointer, at, (UIntPtr)bytes.Length, &e), e);
        }

        /// <summary>Removes all checkpoints but the newest ones. Removes no entries.</summary>
        public CompactionStats CompactCheckpoints(int keepLatest)
        {
            if (keepLatest < 0) throw new ArgumentOutOfRangeException("keepLatest");
            IntPtr e;
            CompactionStats stats;
            using (var log = handle.Use())
                Failure.Check(Native.ironwal_sharded_compact_checkpoints(log.Pointer, (UIntPtr)keepLatest, &stats,
                    (UIntPtr)sizeof(CompactionStats), &e), e);
            return stats;
        }

        /// <summary>How automatic checkpoints went. Throws NotFound where the log was opened without them.</summary>
        public AutomaticStatus AutomaticStatus()
        {
            IntPtr e;
            Native.ironwal_automatic_status status;
            Native.ironwal_buffer last;
            using (var log = handle.Use())
                Failure.Check(Native.ironwal_sharded_automatic_status(log.Pointer, &status,
                    (UIntPtr)sizeof(Native.ironwal_automatic_status), &last, &e), e);
            byte[] text = Copy.AndFree(last);
            return new AutomaticStatus(status.created, status.failed,
                text.Length == 0 ? null : System.Text.Encoding.UTF8.GetString(text));
        }

        /// <summary>Puts a copy of the log with its checkpoints, as it is at one moment, into the new directory.</summary>
        public SnapshotStats SnapshotTo(string directory, SnapshotMode mode = SnapshotMode.Link)
        {
            byte[] bytes = Text.Bytes(directory, "directory");
            IntPtr e;
            Native.ironwal_snapshot_stats stats;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_sharded_snapshot_to(log.Pointer, at, (UIntPtr)bytes.Length, (int)mode,
                        &stats, (UIntPtr)sizeof(Native.ironwal_snapshot_stats), &e), e);
            return new SnapshotStats(stats);
        }
    }
}
