using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;

namespace Ironwal.Tests
{
    /// <summary>Do properties, cuts, snapshots, statistics and reports say what is so?</summary>
    static class StreamTests
    {
        static string Properties(LogStream stream)
        {
            return string.Join(" ", stream.Properties().Select(one => Expect.Text(one.Key) + "=" + Expect.Text(one.Value)));
        }

        static Property Set(string key, string value)
        {
            return new Property(key, value == null ? null : Expect.Bytes(value));
        }

        [Test]
        static void PropertiesAndEntriesChangeTogether(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("a"), 0, new[] { Set("vote", "1"), Set("gone", "x") });
                stream.SetProperties(Enumerable.Range(0, 20).Select(i => Set("k" + i, i.ToString())).Concat(new[] { Set("gone", null) }),
                    Durability.Durable);
            }
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                byte[] none;
                Expect.Equal("1", Expect.Text(stream.GetProperty("vote")));
                Expect.True(stream.GetProperty("gone") == null && !stream.TryGetProperty(Expect.Bytes("gone"), out none), "removed");
                Expect.Equal(21, stream.Properties().Length);
                Expect.True(stream.IsDurable(stream.ReplaceProperties(new[] { Set("only", "") })), "durable by mode");
                Expect.Equal("only=", Properties(stream));
                Expect.Entries(stream, 0, "a");
            }
        }

        [Test]
        static void PropertiesBeyondTheirLimitsAreRefusedAndNothingChanges(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.SetProperties(new[] { Set("p", "v") });
                Expect.Throws<ConfigException>(() => stream.SetProperties(new[] { Set("", "x") }));
                Expect.Throws<ConfigException>(() => stream.SetProperties(new[] { Set(new string('k', 256), "x") }));
                Expect.Throws<TooLargeException>(() => stream.SetProperties(new[] { Set("q", new string('v', 4001)) }));
                Expect.Throws<InvalidArgumentException>(() => stream.ReplaceProperties(new[] { Set("p", null) }));
                Expect.Throws<InvalidArgumentException>(() => stream.SetProperties(new[] { Set("p", "w") }, (Durability)1));
                Expect.Equal("p=v", Properties(stream));
            }
        }

        [Test]
        static void CutsReplacementsAndResetsLeaveWhatTheySay(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Enumerable.Range(0, 20).Select(i => Expect.Bytes(i.ToString())));
                stream.TruncatePrefix(14);
                Expect.Equal(2, stream.TruncateSuffix(18));
                Appended replaced = stream.ReplaceSuffix(16, Expect.Batch("new"), new[] { Set("p", "v") });
                Expect.Equal("16 17", replaced.FirstId + " " + replaced.EndId);
                Expect.Throws<SequenceMismatchException>(() => stream.TruncateSuffix(3));
            }
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                Expect.Entries(stream, 14, "14", "15", "new");
                Expect.Equal("p=v", Properties(stream));
                stream.Reset(100, Expect.Batch("far"), new[] { Set("p", null) });
                Expect.Entries(stream, 100, "far");
                Expect.Equal("", Properties(stream));
                Expect.Equal("100 101 101", stream.FirstId + " " + stream.NextId + " " + stream.DurableEnd);
                Expect.Equal(7, stream.Reset(7).EndId);
                Expect.Equal(7, stream.Append(Expect.Bytes("seven")));
            }
        }

        [Test]
        static void TruncationAndRetentionRemoveWholeSegments(Place place)
        {
            using (var log = Log.Open(place.Log, new Options { SyncMode = SyncMode.Async, MaxEntriesPerSegment = 10 }))
            using (var stream = log.Stream("s"))
            {
                for (int i = 0; i < 35; i++) stream.Append(Expect.Bytes("x"));
                Expect.Equal(0, stream.ApplyRetention(new Retention()));
                Expect.Equal(1, stream.Truncate(15));
                byte[] cursor = { 25, 0, 0, 0, 0, 0, 0, 0 };
                stream.SetProperties(new[] { new Property("cursor/reader", cursor) });
                Expect.Equal(1, log.ApplyRetention(new Retention { MaxBytes = 0, KeepCursors = true }));
                Expect.Equal(20, stream.FirstId);
                Expect.Equal(1, stream.TruncatePrefix(31));
                Expect.Equal(31, stream.FirstId);
            }
        }

        [Test]
        static void ASnapshotOpensAsTheLogWas(Place place)
        {
            foreach (SnapshotMode mode in new[] { SnapshotMode.Link, SnapshotMode.Copy })
            {
                string path = place.Other(mode + "-log"), copied = place.Other(mode + "-copy"), byReader = place.Other(mode + "-reader");
                var options = new Options { SyncMode = SyncMode.Async, MaxEntriesPerSegment = 4 };
                using (var log = Log.Open(path, options))
                using (var a = log.Stream("a"))
                using (var b = log.Stream("b"))
                {
                    a.AppendBatch(Expect.Batch("1", "2"), properties: new[] { Set("p", "v") });
                    for (int i = 0; i < 10; i++) b.Append(Expect.Bytes("x"));
                    SnapshotStats stats = log.SnapshotTo(copied, mode);
                    Expect.Equal("2 True " + (mode == SnapshotMode.Link), stats.Streams + " " + stats.IsOneMoment + " " + (stats.SegmentsLinked > 0));
                    a.Append(Expect.Bytes("later"));
                    Expect.Throws<ConfigException>(() => log.SnapshotTo(copied, mode));
                    Expect.Throws<InvalidArgumentException>(() => log.SnapshotTo(place.Other("other"), (SnapshotMode)1));
                    using (var reader = Log.OpenReadOnly(path, options)) Expect.Equal(2, reader.SnapshotStreamsTo(byReader, mode).Streams);
                }
                using (var snapshot = Log.Open(copied))
                using (var a = snapshot.Stream("a"))
                {
                    Expect.Entries(a, 0, "1", "2");
                    Expect.Equal("p=v", Properties(a));
                }
                using (var snapshot = Log.Open(byReader))
                using (var a = snapshot.Stream("a")) Expect.Entries(a, 0, "1", "2", "later");
            }
        }

        [Test]
        static void StatisticsCountWhatHappened(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("a", "b"));
                stream.Append(Expect.Bytes("c"));
                stream.TruncateSuffix(2);
                StreamStats one = stream.Stats();
                Expect.Equal("2 3 1 2 2 0 0", string.Join(" ", new[]
                {
                    one.Appends, one.Entries, one.Cuts, one.NextId, one.DurableEnd, one.Poisoned, one.AppendMaxNs,
                }));
                LogStats all = log.Stats();
                Expect.Equal("1 2 0", all.Streams + " " + all.Appends + " " + all.PoisonedStreams);
                Expect.True(all.RecoveryNs > 0, "the last field is that of the header");
            }
        }

        const string DamagedEntry = "entry 5 entry 5";

        /// <summary>A log of one stream with 12 entries in 3 segments.</summary>
        static void Fill(string path)
        {
            using (var log = Log.Open(path, new Options { SyncMode = SyncMode.Async, MaxEntriesPerSegment = 4 }))
            using (var stream = log.Stream("s"))
                for (int i = 0; i < 12; i++)
                    stream.Append(Expect.Bytes(string.Concat(Enumerable.Repeat("entry " + "0123456789ab"[i] + " ", 100))));
        }

        [Test]
        static void ADamagedEntryIsReportedAndTheOthersAreRead(Place place)
        {
            Fill(place.Log);
            string file = place.FileWith(DamagedEntry);
            string all = Encoding.GetEncoding("iso-8859-1").GetString(File.ReadAllBytes(file));
            using (var changed = File.Open(file, FileMode.Open))
            {
                changed.Position = all.IndexOf(DamagedEntry, StringComparison.Ordinal);
                changed.WriteByte((byte)'E');
            }
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                var failure = Expect.Throws<CrcMismatchException>(() => stream.Get(5));
                Expect.Equal(file + " 5", failure.Path + " " + failure.FirstId);
                stream.Get(4);
                var found = new List<ulong>();
                int problems = 0;
                using (var iterator = stream.Iterate())
                {
                    for (bool more = true; more;)
                    {
                        try
                        {
                            more = iterator.MoveNext();
                            if (more) found.Add(iterator.CurrentId);
                        }
                        catch (CrcMismatchException)
                        {
                            problems++;
                        }
                    }
                }
                Expect.Equal("0 1 2 3 4 6 7 8 9 10 11", string.Join(" ", found));
                Expect.Equal(1, problems);
                VerifyReport report = log.Verify();
                Expect.True(!report.IsClean, "not clean");
                Expect.Equal(11, report.Entries);
                Finding damage = report.Findings.Single(one => one.Severity == Severity.Damage);
                Expect.Equal("s " + file + " 5 6", damage.Stream + " " + damage.Path + " " + damage.FirstId + " " + damage.EndId);
                Expect.True(damage.Offset.HasValue && damage.What.Length > 0, "a place and a text");
            }
        }

        [Test]
        static void WhatOpeningFoundIsReportedAndADamagedLogCanBeRefused(Place place)
        {
            Fill(place.Log);
            using (var log = Log.Open(place.Log))
            {
                RecoveryReport whole = log.Recovery();
                Expect.True(whole.IsComplete && whole.Reported.Length == 0 && whole.Duration > TimeSpan.Zero, "nothing was found");
                Expect.True(log.Verify().IsClean, "clean");
            }
            File.Delete(place.FileWith(DamagedEntry));
            Expect.Throws<CorruptException>(() => Log.Open(place.Log, new Options { OnCorruption = OnCorruption.Error }));
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                RecoveryReport report = log.Recovery();
                Expect.Equal("False 1", report.IsComplete + " " + report.Streams);
                RecoveredStream lost = report.Reported.Single();
                Expect.Equal("s False 12 12 Ok", lost.Stream + " " + lost.IsComplete + " " + lost.NextId + " " + lost.DurableEndBefore + " " + lost.Status);
                Expect.Equal("Damage 4 8", lost.Findings[0].Severity + " " + lost.Findings[0].FirstId + " " + lost.Findings[0].EndId);
                Expect.Throws<SegmentNotFoundException>(() => stream.Get(5));
                Expect.Equal(12, stream.Append(Expect.Bytes("goes on")));
            }
        }
    }
}
