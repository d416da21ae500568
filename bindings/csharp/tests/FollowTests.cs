using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Ironwal.Tests
{
    /// <summary>Do iterators show what is there, wait for what comes, and end when they should?</summary>
    static class FollowTests
    {
        static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

        static string Shows(EntryIterator iterator)
        {
            var all = new List<string>();
            while (iterator.MoveNext()) all.Add(iterator.CurrentId + " " + Expect.Text(iterator.Current.Bytes));
            return string.Join("|", all);
        }

        [Test]
        static unsafe void IterationBeginsAtAnIdAndFindsWhatComesLater(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("0", "1", "2"));
                using (var iterator = stream.Iterate(1))
                {
                    Expect.Throws<InvalidOperationException>(() => { Entry none = iterator.Current; });
                    Expect.True(iterator.MoveNext(), "an entry");
                    Expect.Equal("1 1 1", iterator.CurrentId + " " + iterator.CurrentLength + " " + (char)*iterator.CurrentPointer);
#if NETCOREAPP
                    Expect.True(iterator.CurrentSpan.SequenceEqual(Expect.Bytes("1")), "a span");
#endif
                    Expect.Equal("2 2", Shows(iterator));
                    Expect.True(!iterator.MoveNext(), "the end");
                    stream.Append(Expect.Bytes("3"));
                    Expect.Equal("3 3", Shows(iterator));
                    Expect.Throws<NotSupportedException>(iterator.Reset);
                }
                using (var behind = stream.Iterate(9)) Expect.True(!behind.MoveNext(), "nothing behind the end");
                // An enumeration can be begun more than once.
                IEnumerable<Entry> read = stream.Read(2);
                Expect.Equal(2, read.Count());
                Expect.Equal(2, read.First().Id);
                Expect.Equal(2, read.Count());
            }
        }

        [Test]
        static void AnIterationBackwardBeginsAtAnIdAndShowsNothingAppendedLater(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.AppendBatch(Expect.Batch("0", "1", "2"));
                Expect.Equal("2 1 0", string.Join(" ", stream.ReadBackward().Select(entry => entry.Id)));
                Expect.Equal("1 0", string.Join(" ", stream.ReadBackward(1).Select(entry => entry.Id)));
                using (var iterator = stream.IterateBackward())
                {
                    Expect.True(iterator.MoveNext(), "an entry");
                    stream.Append(Expect.Bytes("later"));
                    Expect.Equal("1 1|0 0", Shows(iterator));
                    Expect.True(!iterator.MoveNext(), "the end");
                    Expect.Throws<InvalidArgumentException>(() => iterator.Wait(TimeSpan.Zero));
                    Expect.Throws<InvalidArgumentException>(iterator.Cancel);
                }
            }
        }

        [Test]
        static void AnIteratorReportsCutsAndTruncationsWithTheirIds(Place place)
        {
            using (var log = Log.Open(place.Log, new Options { MaxEntriesPerSegment = 1 }))
            using (var stream = log.Stream("s"))
            {
                foreach (string entry in new[] { "0", "1", "2", "3" }) stream.Append(Expect.Bytes(entry));
                using (var iterator = stream.Iterate())
                {
                    iterator.MoveNext();
                    stream.TruncatePrefix(2);
                    var gone = Expect.Throws<SegmentNotFoundException>(() => iterator.MoveNext());
                    Expect.Equal("1 2", gone.FirstId + " " + gone.EndId);
                    Expect.Equal("2 2|3 3", Shows(iterator));
                    stream.TruncateSuffix(3);
                    Expect.Equal(3, Expect.Throws<SuffixCutException>(() => iterator.MoveNext()).FirstId);
                }
            }
        }

        [Test]
        static void AFollowerReportsACut(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.Append(Expect.Bytes("a"));
                Expect.Throws<SuffixCutException>(() =>
                {
                    foreach (Entry entry in stream.Follow()) stream.TruncateSuffix(0);
                });
            }
        }

        [Test]
        static void AFollowerWaitsForEntriesAndEndsAfterItsTimeout(Place place)
        {
            using (var log = Log.Open(place.Log, new Options { SyncMode = SyncMode.Async }))
            using (var stream = log.Stream("s"))
            using (var iterator = stream.Iterate(0, Shown.Durable))
            {
                Expect.True(!iterator.Wait(TimeSpan.FromMilliseconds(1)), "nothing came");
                Expect.AtOnce(() => stream.Append(Expect.Bytes("come")), () => Expect.True(iterator.Wait(Long), "it came"));
                Expect.Equal("0 come", Shows(iterator));
            }
        }

        [Test]
        static void AWaitWithoutEndIsCancelledByAnotherThreadOnceForEachCancellation(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            using (var iterator = stream.Iterate())
            {
                for (int round = 0; round < 10; round++)
                {
                    Expect.AtOnce(
                        () => Expect.Throws<CancelledException>(() => iterator.Wait(Timeout.InfiniteTimeSpan)),
                        iterator.Cancel);
                    Expect.True(!iterator.Wait(TimeSpan.Zero), "one wait for each cancellation");
                }
                stream.Append(Expect.Bytes("a"));
                using (var over = new CancellationTokenSource())
                {
                    int shown = 0;
                    Expect.Throws<OperationCanceledException>(() =>
                    {
                        foreach (Entry entry in stream.Follow(0, Shown.ByMode, over.Token))
                        {
                            shown++;
                            over.CancelAfter(20);
                        }
                    });
                    Expect.Equal(1, shown);
                }
            }
        }

        [Test]
        static void ADurableViewShowsNothingThatIsOnlyWritten(Place place)
        {
            using (var log = Log.Open(place.Log, new Options { NoBackgroundSync = true }))
            using (var stream = log.Stream("s"))
            using (var written = stream.Iterate(0, Shown.Written))
            using (var durable = stream.Iterate(0, Shown.Durable))
            using (var byMode = stream.Iterate())
            {
                stream.AppendBatch(Expect.Batch("a"), durability: Durability.Written);
                Expect.True(written.MoveNext(), "it is written");
                Expect.True(!durable.MoveNext() && !byMode.MoveNext(), "it is not durable");
                stream.Sync();
                Expect.True(durable.MoveNext() && byMode.MoveNext(), "it is durable");
                Expect.Throws<InvalidArgumentException>(() => stream.Iterate(0, (Shown)1));
            }
        }

        [Test]
        static void ClosingTheLogEndsAWait(Place place)
        {
            var log = Log.Open(place.Log);
            using (var stream = log.Stream("s"))
            using (var iterator = stream.Iterate())
            {
                Expect.AtOnce(
                    () => Expect.Throws<ClosedException>(() => iterator.Wait(Long)),
                    () => Expect.Throws<ClosedException>(() => stream.WaitDurable(7, Timeout.InfiniteTimeSpan)),
                    () =>
                    {
                        Thread.Sleep(20);
                        log.Close();
                    });
                Expect.Throws<ClosedException>(() => iterator.Wait(Long));
            }
        }

        [Test]
        static void AReaderFollowsAnotherWriter(Place place)
        {
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s"))
            {
                stream.Append(Expect.Bytes("a"));
                using (var reader = Log.OpenReadOnly(place.Log))
                using (var seen = reader.Stream("s"))
                using (var iterator = seen.Iterate())
                {
                    Expect.Equal("0 a", Shows(iterator));
                    Expect.AtOnce(() => stream.Append(Expect.Bytes("b")), () => Expect.True(iterator.Wait(Long), "it came"));
                    Expect.Equal("1 b", Shows(iterator));
                }
            }
        }

        [Test]
        static void ATaskFollowsAndATimeOutLosesNoEntry(Place place)
        {
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            using (var iterator = stream.Iterate(0, Shown.Written))
            {
                var writer = new Thread(() =>
                {
                    for (int i = 0; i < 200; i++)
                    {
                        stream.Append(new[] { (byte)i });
                        if (i % 10 == 0) Thread.Sleep(1);
                    }
                });
                writer.Start();
                Expect.Equal(200, ShowAll(iterator).GetAwaiter().GetResult());
                writer.Join();
                Expect.True(!iterator.Wait(TimeSpan.Zero), "no cancellation is left over");
                using (var done = new CancellationTokenSource())
                {
                    done.Cancel();
                    Expect.True(iterator.WaitAsync(Long, done.Token).IsCanceled, "cancelled before it began");
                }
                Task<bool> waits = iterator.WaitAsync(Long);
                log.Close();
                Expect.Throws<ClosedException>(() => waits.GetAwaiter().GetResult());
            }
        }

        static async Task<ulong> ShowAll(EntryIterator iterator)
        {
            ulong shown = 0;
            while (shown < 200)
            {
                // Cancelled at any moment: before the wait, in it, behind it.
                using (var over = new CancellationTokenSource(TimeSpan.FromMilliseconds(1)))
                {
                    try
                    {
                        await iterator.WaitAsync(Timeout.InfiniteTimeSpan, over.Token);
                    }
                    catch (OperationCanceledException)
                    {
                    }
                }
                while (iterator.MoveNext()) Expect.Equal(shown++, iterator.CurrentId);
            }
            return shown;
        }

#if NETCOREAPP
        [Test]
        static void AnAsyncEnumerationShowsEachEntryOnceAndCanBeCancelled(Place place)
        {
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            using (var over = new CancellationTokenSource())
            {
                var writer = new Thread(() =>
                {
                    for (int i = 0; i < 100; i++) stream.Append(new[] { (byte)i });
                });
                Task<ulong> shown = ShowAsync(stream.FollowAsync(0, Shown.Written), over);
                writer.Start();
                Expect.Equal(100, shown.GetAwaiter().GetResult());
                writer.Join();
            }
        }

        static async Task<ulong> ShowAsync(IAsyncEnumerable<Entry> entries, CancellationTokenSource over)
        {
            ulong shown = 0;
            IAsyncEnumerator<Entry> one = entries.GetAsyncEnumerator(over.Token);
            try
            {
                while (await one.MoveNextAsync())
                {
                    Expect.Equal(shown++, one.Current.Id);
                    if (shown == 100) over.CancelAfter(5);
                }
            }
            catch (OperationCanceledException)
            {
                return shown;
            }
            finally
            {
                one.DisposeAsync().GetAwaiter().GetResult();
            }
            return 0;
        }
#endif
    }
}
