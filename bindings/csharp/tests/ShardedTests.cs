using System;
using System.Collections.Generic;
using System.Linq;

namespace Ironwal.Tests
{
    /// <summary>Do sharded logs route, make checkpoints, replay, prune and roll back?</summary>
    static class ShardedTests
    {
        const uint Shards = 4;

        static byte[] Key(int n)
        {
            return Expect.Bytes("key " + n);
        }

        static string[] From(ShardedLog log, uint shard, ulong id)
        {
            using (var stream = log.Shard(shard)) return stream.Read(id).Select(entry => Expect.Text(entry.Bytes)).ToArray();
        }

        [Test]
        static void EntriesGoToTheShardOfTheirKey(Place place)
        {
            var log = ShardedLog.Open(place.Log, Shards);
            Placed[] placed = log.AppendBatch(Enumerable.Range(0, 40)
                .Select(n => new KeyValuePair<byte[], byte[]>(Key(n), Expect.Bytes(n.ToString()))));
            for (int n = 0; n < placed.Length; n++)
            {
                Expect.Equal(ShardedLog.Route(Key(n), Shards), placed[n].Shard);
                Expect.Equal(n, From(log, placed[n].Shard, placed[n].Id)[0]);
            }
            Expect.Equal(0, log.AppendBatch(new KeyValuePair<byte[], byte[]>[0]).Length);
            Placed again = log.Append(Key(0), Expect.Bytes("again"));
            Expect.Equal(placed[0].Shard, again.Shard);
            log.Flush();
            Expect.Equal("again", string.Join(",", From(log, again.Shard, again.Id)));
            Expect.Equal(Shards, log.ShardCount);
            Expect.Throws<ConfigException>(() => log.Shard(Shards));
            Expect.Throws<ConfigException>(() => ShardedLog.Route(new byte[0], 0));
            log.Close();
            Expect.Throws<ClosedException>(log.Close);
            Expect.Throws<ClosedException>(() => log.Append(Key(0), new byte[0]));
            Expect.Throws<ShardCountMismatchException>(() => ShardedLog.Open(place.Log, Shards + 1));
            Expect.Throws<ConfigException>(() => ShardedLog.Open(place.Other("other"), 0));
        }

        [Test]
        static void AReaderOfAShardedLogSeesWhatItsWriterAppends(Place place)
        {
            Expect.Throws<LogIOException>(() => ShardedLog.OpenReadOnly(place.Log));
            using (var log = ShardedLog.Open(place.Log, Shards))
            {
                Placed placed = log.Append(Key(0), Expect.Bytes("0"));
                log.CreateCheckpoint("first");
                Expect.Throws<ShardCountMismatchException>(() => ShardedLog.OpenReadOnly(place.Log, Shards + 1));
                using (var reader = ShardedLog.OpenReadOnly(place.Log))
                {
                    Expect.Equal(Shards, reader.ShardCount);
                    Expect.Equal("0", string.Join(",", From(reader, placed.Shard, placed.Id)));
                    log.Append(Key(0), Expect.Bytes("1"));
                    reader.Refresh();
                    Expect.Equal("0,1", string.Join(",", From(reader, placed.Shard, placed.Id)));
                    Expect.Equal("first", reader.Checkpoints().Single().Name);
                    Expect.Throws<ReadOnlyException>(() => reader.Append(Key(0), new byte[0]));
                    Expect.Throws<ReadOnlyException>(() => reader.CreateCheckpoint("second"));
                }
            }
        }

        [Test]
        static void AShardIsFollowedAsAStream(Place place)
        {
            var log = ShardedLog.Open(place.Log, Shards, new ShardedOptions { Log = new Options { SyncMode = SyncMode.Async } });
            Placed placed = log.Append(Key(0), Expect.Bytes("0"));
            using (var stream = log.Shard(placed.Shard))
            using (var iterator = stream.Iterate(placed.Id, Shown.Durable))
            {
                for (int n = 0; n < 2; n++)
                {
                    Expect.True(iterator.Wait(TimeSpan.FromSeconds(30)) && iterator.MoveNext(), "it came");
                    Expect.Equal(n, Expect.Text(iterator.Current.Bytes));
                    log.Append(Key(0), Expect.Bytes((n + 1).ToString()));
                }
                log.Close();
                Expect.Throws<ClosedException>(() => stream.Get(0));
            }
        }

        [Test]
        static void ReplayStartsAtTheNewestCheckpoint(Place place)
        {
            var options = new ShardedOptions { Log = new Options { SyncMode = SyncMode.Async, MaxEntriesPerSegment = 5 } };
            using (var log = ShardedLog.Open(place.Log, Shards, options))
            {
                Expect.Throws<NoCheckpointsException>(() => log.LoadLatestCheckpoint());
                for (int n = 0; n < 100; n++) log.Append(Key(n), Expect.Bytes("before"));
                log.CreateCheckpoint("first");
                for (int n = 0; n < 10; n++) log.Append(Key(n), Expect.Bytes("after"));
                log.CreateCheckpoint("second");
                for (int n = 0; n < 3; n++) log.Append(Key(n), Expect.Bytes("tail"));
                Expect.Throws<InvalidCheckpointIdException>(() => log.CreateCheckpoint(""));
            }
            ulong[] offsetsOfFirst;
            using (var log = ShardedLog.Open(place.Log, Shards, options))
            {
                Checkpoint latest = log.LoadLatestCheckpoint(), first = log.LoadCheckpoint("first");
                offsetsOfFirst = first.Offsets;
                Expect.Equal("second 100 110", latest.Name + " " + first.Offsets.Sum(id => (long)id) + " " + latest.Offsets.Sum(id => (long)id));
                Expect.Equal("tail tail tail", string.Join(" ", latest.Offsets.SelectMany((id, shard) => From(log, (uint)shard, id))));
                Expect.True(first.Time <= DateTime.UtcNow && first.Time > DateTime.UtcNow.AddHours(-1), "a time");
                Expect.Equal("first second", string.Join(" ", log.Checkpoints().Select(one => one.Name)));
                Expect.Equal(Shards, log.SnapshotTo(place.Other("copy")).Streams);
                log.RollbackToCheckpoint("second");
                Expect.True(latest.Offsets.Select((id, shard) => From(log, (uint)shard, id).Length).All(left => left == 0), "rolled back");
                Expect.True(log.PruneBeforeCheckpoint("second").SegmentsDeleted > 0, "pruned");
                Expect.Throws<CheckpointPrunedException>(() => log.LoadCheckpoint("first"));
                Expect.Throws<CheckpointNotFoundException>(() => log.LoadCheckpoint("third"));
                log.CreateCheckpoint("third");
                CompactionStats compacted = log.CompactCheckpoints(1);
                Expect.Equal(1, compacted.CheckpointsAfter);
            }
            using (var copy = ShardedLog.Open(place.Other("copy"), Shards))
                Expect.Equal(string.Join(" ", offsetsOfFirst), string.Join(" ", copy.LoadCheckpoint("first").Offsets));
        }

        [Test]
        static void CheckpointsAreMadeByThemselves(Place place)
        {
            var options = new ShardedOptions
            {
                CheckpointEveryEntries = 10,
                CheckpointInterval = TimeSpan.FromHours(1),
                CheckpointPrefix = "mine-",
                KeepCheckpoints = 2,
            };
            using (var log = ShardedLog.Open(place.Log, Shards, options))
            {
                Expect.Soon("a checkpoint", () =>
                {
                    log.Append(Key(0), Expect.Bytes("entry"));
                    return log.AutomaticStatus().Created > 0;
                });
                AutomaticStatus status = log.AutomaticStatus();
                Expect.True(status.Failed == 0 && status.LastError == null, "no failure");
                Expect.True(log.Checkpoints()[0].Name.StartsWith("mine-"), "its name");
            }
            using (var log = ShardedLog.Open(place.Log, Shards)) Expect.Throws<NotFoundException>(() => log.AutomaticStatus());
            Expect.Throws<ConfigException>(() => ShardedLog.Open(place.Other("other"), Shards, new ShardedOptions { KeepCheckpoints = 1 }));
        }
    }
}
