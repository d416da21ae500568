using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

namespace Ironwal.Tests
{
    /// <summary>Do opening, appending and reading do what they say?</summary>
    static class EntryTests
    {
        static readonly SyncMode[] Modes = { SyncMode.Strict, SyncMode.BatchOnly, SyncMode.Async };

        [Test]
        static void EntriesAreThereAfterTheLogIsOpenedAgain(Place place)
        {
            string longOne = new string('x', 100000);
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("orders"))
            {
                foreach (string entry in new[] { "a", "", longOne }) stream.Append(Expect.Bytes(entry));
                log.Close();
            }
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("orders"))
            {
                Expect.Equal("orders", string.Join(",", log.Streams()));
                Expect.Entries(stream, 0, "a", "", longOne);
                Entry last;
                Expect.True(stream.TryGetLast(out last), "a last entry");
                Expect.Equal(2, last.Id);
                Expect.Equal(longOne, Expect.Text(last.Bytes));
                Expect.Equal(3, stream.NextId);
            }
        }

        [Test]
        static void ASecondWriterIsRefusedAndAReaderIsNot(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.Append(Expect.Bytes("a"));
                Expect.True(!log.IsReadOnly, "a writer");
                Expect.Throws<LockedException>(() => Log.Open(place.Log));
                using (var reader = Log.OpenReadOnly(place.Log))
                using (var seen = reader.Stream("s"))
                {
                    Expect.True(reader.IsReadOnly, "a reader");
                    Expect.Entries(seen, 0, "a");
                    stream.Append(Expect.Bytes("b"));
                    reader.Refresh();
                    Expect.Entries(seen, 0, "a", "b");
                    Expect.Throws<ReadOnlyException>(() => seen.Append(new byte[0]));
                }
            }
        }

        [Test]
        static void AValueOutOfBoundsAndABadPathAreRefusedAndNothingIsCreated(Place place)
        {
            foreach (var options in new[]
            {
                new Options { BackgroundSync = TimeSpan.FromSeconds(1) }, new Options { BackgroundSyncBytes = 1 },
                new Options { SyncThreads = 65 }, new Options { WriteBufferSize = (1u << 30) + 1 }, new Options { ReadBufferSize = 0 },
                new Options { ArchivePath = "a\0b" }, new Options { MaxSegmentSize = 0 }, new Options { Settings = "no_such_option=1" },
            }) Expect.Throws<ConfigException>(() => Log.Open(place.Log, options));
            foreach (var options in new[]
            {
                new Options { SyncMode = (SyncMode)Compression.Lz4 }, new Options { Compression = (Compression)SyncMode.Async },
                new Options { ReadStrategy = (ReadStrategy)WriteStrategy.Mmap }, new Options { WriteStrategy = (WriteStrategy)77 },
                new Options { OnCorruption = (OnCorruption)1 },
            }) Expect.Throws<InvalidArgumentException>(() => Log.Open(place.Log, options));
            foreach (string bad in new[] { "", "a\0b", "\ud800" }) Expect.Throws<ConfigException>(() => Log.Open(bad));
            Expect.Throws<ArgumentNullException>(() => Log.Open(null));
            Expect.True(!Directory.Exists(place.Log), "nothing was created");
        }

        [Test]
        static void EveryOptionReachesTheLibrary(Place place)
        {
            var options = new Options
            {
                SyncMode = SyncMode.BatchOnly,
                Compression = Compression.Lz4,
                ReadStrategy = ReadStrategy.Mmap,
                WriteStrategy = WriteStrategy.StandardIo,
                CommitPath = CommitPath.Auto,
                JournalSize = 1 << 20,
                OnCorruption = OnCorruption.Error,
                MaxSegmentSize = 1 << 20,
                MaxEntriesPerSegment = 1000,
                MaxOpenSegments = 4,
                MaxOpenReadSegments = 4,
                WriteBufferSize = 0,
                ReadBufferSize = 4096,
                BlockCacheSize = 1 << 16,
                MinCompressionSize = 64,
                BackgroundSync = TimeSpan.FromSeconds(1),
                BackgroundSyncBytes = 1 << 20,
                SyncThreads = 2,
                Latencies = true,
                ArchivePath = place.Other("archive"),
                Retention = new Retention { MaxBytes = 1 << 30, MaxAge = TimeSpan.FromHours(1), KeepCursors = true },
                Settings = "max_entries_per_segment=10",
                Streams = new[] { new StreamOptions { Match = StreamMatch.Prefix, Name = "chat/", Settings = "sync_mode=async" } },
            };
            using (var log = Log.Open(place.Log, options))
            using (var stream = log.Stream("s"))
            {
                using (var chat = log.Stream("chat/1")) Expect.Equal(SyncMode.Async, chat.SyncMode);
                Expect.Equal(SyncMode.BatchOnly, stream.SyncMode);
                for (int i = 0; i < 25; i++) stream.Append(new byte[1000]);
                StreamStats stats = stream.Stats();
                Expect.Equal(3, stats.Segments);
                Expect.Equal(25, stats.MeasuredAppends);
                Expect.True(stats.Bytes < 25 * 1000, "compressed");
                Expect.Equal(2, stream.Truncate(20));
                Expect.True(Directory.Exists(place.Other("archive")), "an archive");
                Expect.Equal(2, stream.RestoreArchived());
                log.Close();
            }
            string source = File.ReadAllText(InterfaceTests.InPackage("src/Options.cs"));
            foreach (string name in NativeGenerator.FunctionNames(InterfaceTests.Header()))
            {
                // A log callback would be called by threads of the library that must not call managed code everywhere.
                if (name.StartsWith("ironwal_options_set_") && !name.StartsWith("ironwal_options_set_log"))
                    Expect.True(source.Contains("Native." + name + "("), name + " is not called");
            }
        }

        [Test]
        static void EntriesThatWentThroughTheJournalAreThereAgain(Place place)
        {
            string journal = Path.Combine(place.Log, "commit-journal");
            using (var log = Log.Open(place.Log, new Options { CommitPath = CommitPath.Journal, JournalSize = 1 << 20 }))
            using (var a = log.Stream("a"))
            using (var b = log.Stream("b"))
            {
                var end = DateTime.UtcNow.AddSeconds(20);
                while (!File.Exists(Path.Combine(journal, "01.jnl")) && DateTime.UtcNow < end) a.Append(new byte[] { 1 });
                Expect.True(Directory.Exists(journal), "a journal");
                for (int i = 0; i < 10; i++) b.Append(new[] { (byte)i });
                log.Close();
            }
            Expect.True(!Directory.Exists(journal), "no journal is left");
            using (var log = Log.Open(place.Log))
            using (var b = log.Stream("b"))
            {
                Expect.Equal(10ul, b.NextId);
                log.Close();
            }
        }

        [Test]
        static void ACallOnWhatIsClosedIsRefusedAsClosed(Place place)
        {
            var log = Log.Open(place.Log);
            var stream = log.Stream("s");
            stream.Append(Expect.Bytes("a"));
            var iterator = stream.Iterate();
            var transaction = stream.Begin();
            iterator.MoveNext();
            log.Close();
            Expect.Throws<ClosedException>(log.Close);
            log.Dispose();
            Expect.Throws<ClosedException>(() => log.Streams());
            Expect.Throws<ClosedException>(() => stream.Append(new byte[0]));
            Expect.Throws<ClosedException>(() => stream.Get(0));
            Expect.Throws<ClosedException>(() => transaction.Add(new byte[0]));
            stream.Close();
            Expect.Throws<ClosedException>(stream.Close);
            Expect.Throws<ClosedException>(() => stream.Get(0));
            stream.Dispose();
            iterator.Dispose();
            Expect.Throws<ClosedException>(() => iterator.MoveNext());
            Expect.Throws<ClosedException>(() => { Entry none = iterator.Current; });
            Expect.Throws<ClosedException>(iterator.Cancel);
            transaction.Dispose();
            transaction.Dispose();
            Expect.Throws<ClosedException>(() => transaction.Commit());
        }

        [Test]
        static void AForgottenLogIsClosedByTheCollector(Place place)
        {
            // In a method of a thread of its own, as the collector of Mono looks at the whole stack.
            Expect.AtOnce(() => Forget(place.Log));
            Expect.Soon("the log is closed", () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                try
                {
                    Log.Open(place.Log).Close();
                    return true;
                }
                catch (LockedException)
                {
                    return false;
                }
            });
        }

        static void Forget(string path)
        {
            var stream = Log.Open(path).Stream("s");
            stream.Append(Expect.Bytes("a"));
            stream.Iterate().MoveNext();
            // A stream keeps its log open.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            stream.Append(Expect.Bytes("b"));
        }

        [Test]
        static void StreamsAreListedAndDeleted(Place place)
        {
            using (var log = Log.Open(place.Log))
            {
                foreach (string name in new[] { "b", "a", "ä/ö" })
                    using (var stream = log.Stream(name)) stream.Append(new byte[0]);
                Expect.Equal("a,b,ä/ö", string.Join(",", log.Streams()));
                log.DeleteStream("b");
                log.DeleteStream("b");
                using (var a = log.Stream("a"))
                {
                    a.Delete();
                    Expect.Throws<StreamNotFoundException>(() => a.Append(new byte[0]));
                }
                Expect.Equal("ä/ö", string.Join(",", log.Streams()));
                foreach (string bad in new[] { "", "a\0", new string('x', 256), "\udc00" })
                    Expect.Throws<ConfigException>(() => log.Stream(bad));
            }
        }

        [Test]
        static void ABatchGetsConsecutiveIdsAndAMarkInEverySyncMode(Place place)
        {
            foreach (SyncMode mode in Modes)
            {
                using (var log = Log.Open(place.Other(mode.ToString()), new Options { SyncMode = mode, NoBackgroundSync = true }))
                using (var stream = log.Stream("s"))
                {
                    Appended appended = stream.AppendBatch(Expect.Batch("a", "b"));
                    Expect.Equal("0 2", appended.FirstId + " " + appended.EndId);
                    Expect.Equal(mode != SyncMode.Async, stream.IsDurable(appended.Mark));
                    Appended none = stream.AppendBatch(Expect.Batch());
                    Expect.Equal("2 2", none.FirstId + " " + none.EndId);
                    Expect.Equal(102, stream.AppendBatch(Enumerable.Repeat(new byte[3], 100)).EndId);
                    Expect.Equal(102, stream.AppendParts(Expect.Batch("two ", "parts", "")));
                    Expect.Equal("two parts", Expect.Text(stream.Get(102)));
                    Expect.Equal(103, stream.Read().Count());
                }
            }
        }

        [Test]
        static void ATransactionIsOneAppend(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                using (var discarded = stream.Begin()) discarded.Add(Expect.Bytes("discarded"));
                using (var transaction = stream.Begin())
                {
                    transaction.Add(Expect.Bytes("a"));
                    transaction.Add(Expect.Bytes("b"));
                    Expect.Entries(stream, 0);
                    Appended appended = transaction.Commit();
                    Expect.Equal("0 2", appended.FirstId + " " + appended.EndId);
                    Expect.Throws<ClosedException>(() => transaction.Commit());
                }
                Expect.Entries(stream, 0, "a", "b");
                Expect.Equal(1, stream.Stats().Appends);
            }
        }

        [Test]
        static void AnAppendAtAnotherIdIsRefusedWithBothIds(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("a", "b"), 0);
                var failure = Expect.Throws<SequenceMismatchException>(() => stream.AppendBatch(Expect.Batch("c"), 5));
                Expect.Equal("5 2 s", failure.ExpectedId + " " + failure.FoundId + " " + failure.Stream);
                Expect.Throws<InvalidArgumentException>(() => stream.AppendBatch(Expect.Batch("c"), durability: (Durability)999));
                Expect.Entries(stream, 0, "a", "b");
            }
        }

        [Test]
        static void DurabilityIsChosenForEachAppend(Place place)
        {
            using (var log = Log.Open(place.Other("strict"), new Options { NoBackgroundSync = true }))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("a"), durability: Durability.Written);
                Expect.Equal(0, stream.DurableEnd);
            }
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                stream.Append(Expect.Bytes("a"));
                Expect.Equal(0, stream.DurableEnd);
                stream.AppendBatch(Expect.Batch("b"), durability: Durability.Durable);
                Expect.Equal(2, stream.DurableEnd);
                stream.Append(Expect.Bytes("c"));
                Expect.Equal(2, stream.DurableEnd);
                stream.Sync();
                Expect.Equal(3, stream.DurableEnd);
                stream.Append(Expect.Bytes("d"));
                log.SyncAll();
                Expect.Equal(4, stream.DurableEnd);
            }
        }

        [Test]
        static unsafe void AllThatHasBytesCanBeAppended(Place place)
        {
            byte[] bytes = Expect.Bytes("bytes");
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.Append(bytes);
                stream.Append(new ArraySegment<byte>(bytes, 1, 3));
                stream.Append(new ArraySegment<byte>(bytes, 5, 0));
                IntPtr memory = Marshal.AllocHGlobal(2);
                Marshal.Copy(bytes, 0, memory, 2);
                stream.Append((byte*)memory, 2);
                Marshal.FreeHGlobal(memory);
                stream.Append(null, 0);
                Expect.Throws<ArgumentOutOfRangeException>(() => stream.Append(null, -1));
#if NETCOREAPP
                stream.Append(bytes.AsSpan(2));
                Span<byte> onStack = stackalloc byte[2];
                onStack[0] = 111;
                onStack[1] = 107;
                stream.Append(onStack);
                stream.Append(ReadOnlySpan<byte>.Empty);
                Expect.Entries(stream, 0, "bytes", "yte", "", "by", "", "tes", "ok", "");
#else
                Expect.Entries(stream, 0, "bytes", "yte", "", "by", "");
#endif
            }
        }

        [Test]
        static void NullIsRefusedAndNothingIsAppended(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                Expect.Throws<ArgumentNullException>(() => stream.Append((byte[])null));
                Expect.Throws<ArgumentNullException>(() => stream.Append(default(ArraySegment<byte>)));
                Expect.Throws<ArgumentNullException>(() => stream.AppendBatch(null));
                Expect.Throws<ArgumentException>(() => stream.AppendBatch(new byte[][] { new byte[1], null }));
                Expect.Throws<ArgumentException>(() => stream.SetProperties(new[] { default(Property) }));
                Expect.Throws<ArgumentNullException>(() => log.Stream(null));
                Expect.Entries(stream, 0);
            }
        }

        [Test]
        static void AnEntryThatIsNotThereIsNotFound(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                byte[] entry;
                Entry last;
                Expect.True(!stream.TryGetLast(out last), "no last entry");
                stream.Append(Expect.Bytes("a"));
                Expect.True(stream.TryGet(0, out entry) && Expect.Text(entry) == "a", "an entry");
                Expect.True(!stream.TryGet(1, out entry) && entry == null, "no entry");
                Expect.Throws<NotFoundException>(() => stream.Get(1));
                Expect.Throws<NotFoundException>(() => stream.View(1));
            }
        }

        [Test]
        static void AGetIntoMemoryOfTheCallerFillsItsFrontOrReturnsTheLength(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("entry", ""));
                int length;
                byte[] buffer = Expect.Bytes("........"), small = Expect.Bytes("....");
                Expect.True(stream.TryGetInto(0, buffer, out length) && length == 5, "it fits");
                Expect.Equal("entry...", Expect.Text(buffer));
                Expect.True(!stream.TryGetInto(0, small, out length) && length == 5, "it does not fit");
                Expect.Equal("....", Expect.Text(small));
                Expect.True(stream.TryGetInto(1, new byte[0], out length) && length == 0, "an empty entry");
                Expect.True(!stream.TryGetInto(0, new byte[0], out length) && length == 5, "no memory");
                Expect.Throws<NotFoundException>(() => stream.TryGetInto(2, buffer, out length));
#if NETCOREAPP
                Span<byte> onStack = stackalloc byte[8];
                Expect.True(stream.TryGetInto(0, onStack, out length) && length == 5 && onStack[4] == 'y', "a span");
#endif
            }
        }

        [Test]
        static unsafe void AViewKeepsItsBytesWhateverHappensToTheLog(Place place)
        {
            EntryView view, empty;
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("entry", ""));
                view = stream.View(0);
                empty = stream.View(1);
                stream.Delete();
            }
            Expect.Equal("entry", Expect.Text(view.ToArray()));
            Expect.Equal((int)'e', (int)view.Pointer[0]);
            Expect.Equal("5 0 0", view.Length + " " + empty.Length + " " + empty.ToArray().Length);
#if NETCOREAPP
            Expect.True(view.Span.SequenceEqual(Expect.Bytes("entry")), "a span");
#endif
            view.Dispose();
            Expect.Throws<ClosedException>(() => view.ToArray());
            empty.Dispose();
        }

        [Test]
        static void StreamsWithTheSameEntriesHaveTheSameDigest(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var a = log.Stream("a"))
            using (var b = log.Stream("b"))
            {
                a.AppendBatch(Expect.Batch("x", "y"));
                foreach (string entry in new[] { "x", "y", "z" }) b.Append(Expect.Bytes(entry));
                Expect.Equal(BitConverter.ToString(a.Digest(0, 2)), BitConverter.ToString(b.Digest(0, 2)));
                Expect.True(BitConverter.ToString(a.Digest(0, 2)) != BitConverter.ToString(b.Digest(1, 3)), "different entries");
                Expect.Throws<SegmentNotFoundException>(() => a.Digest(0, 3));
                Expect.Throws<ConfigException>(() => a.Digest(2, 0));
            }
        }

        [Test]
        static void ManyThreadsAppendReadAndCloseAtOnce(Place place)
        {
            for (int round = 0; round < 20; round++)
            {
                var log = Log.Open(place.Other("log" + round), new Options { SyncMode = SyncMode.Async });
                var stream = log.Stream("s");
                Action work = () =>
                {
                    try
                    {
                        while (true)
                        {
                            stream.Get(stream.Append(Expect.Bytes("entry")));
                            log.Streams();
                        }
                    }
                    catch (ClosedException)
                    {
                    }
                };
                Action close = () =>
                {
                    Thread.Sleep(round / 4);
                    if (round % 2 == 0)
                    {
                        log.Close();
                        stream.Close();
                    }
                    else
                    {
                        stream.Close();
                        log.Close();
                    }
                };
                Expect.AtOnce(work, work, work, work, work, work, close);
                Expect.Throws<ClosedException>(stream.Close);
            }
        }

        [Test]
        static void ThreadsThatShareAStreamGetEachIdOnce(Place place)
        {
            var given = new List<ulong>();
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                Action work = () =>
                {
                    for (int i = 0; i < 200; i++)
                    {
                        ulong id = stream.Append(Expect.Bytes("entry"));
                        lock (given) given.Add(id);
                    }
                };
                Expect.AtOnce(work, work, work, work, work, work, work, work);
                Expect.Equal(1600, stream.NextId);
            }
            given.Sort();
            Expect.True(given.Select((id, i) => id == (ulong)i).All(same => same) && given.Count == 1600, "each id once");
        }

        [Test]
        static void AReplicaGetsTheFramesOfItsPrimary(Place place)
        {
            using (var primary = Log.Open(place.Other("primary")))
            using (var from = primary.Stream("s"))
            using (var replica = Log.Open(place.Other("replica")))
            using (var to = replica.Stream("s"))
            {
                from.AppendBatch(Expect.Batch("a", "b"));
                Appended applied = to.Apply(from.Export(new byte[0], 1 << 16));
                Expect.Equal("0 2", applied.FirstId + " " + applied.EndId);
                from.AppendBatch(Expect.Batch("c"), durability: Durability.Written);
                to.Apply(from.Export(to.FramePosition(), 1 << 16, written: true));
                Expect.Entries(to, 0, "a", "b", "c");
                Expect.Equal(0, from.Export(to.FramePosition(), 1 << 16, written: true).Length);
            }
        }
    }
}
