using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Ironwal.Tests
{
    /// <summary>Does a program learn what is durable: by marks, waits, callbacks and tasks?</summary>
    static class DurabilityTests
    {
        [Test]
        static void MarksAreOrderedAndBelongToOneStreamAndOpening(Place place)
        {
            Mark old;
            using (var log = Log.Open(place.Log))
            using (var a = log.Stream("a"))
            using (var b = log.Stream("b"))
            {
                Mark first = a.AppendBatch(Expect.Batch("x")).Mark, second = a.AppendBatch(Expect.Batch("y")).Mark;
                b.Append(Expect.Bytes("x"));
                Expect.True(first.CompareTo(second) < 0 && second.CompareTo(first) > 0 && first.CompareTo(first) == 0, "an order");
                Expect.True(a.CurrentMark().CompareTo(second) == 0, "the mark behind everything");
                foreach (Mark mark in new[] { first, default(Mark) })
                {
                    Expect.Throws<ConfigException>(() => b.IsDurable(mark));
                    Expect.Throws<ConfigException>(() => b.OnDurable(mark, status => { }));
                }
                old = first;
            }
            using (var log = Log.Open(place.Log))
            using (var a = log.Stream("a")) Expect.Throws<ConfigException>(() => a.IsDurable(old));
        }

        [Test]
        static void AWaitForAnIdEndsWithItOrWithItsTimeout(Place place)
        {
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                stream.Append(Expect.Bytes("a"));
                Expect.True(!stream.WaitDurable(1, TimeSpan.Zero), "not there");
                var since = Stopwatch.StartNew();
                Expect.True(!stream.WaitDurable(1, TimeSpan.FromMilliseconds(50)), "not there");
                Expect.True(since.ElapsedMilliseconds >= 49, "it waited");
                Expect.AtOnce(
                    () => Expect.True(stream.WaitDurable(1, TimeSpan.FromSeconds(60)), "it came"),
                    () => stream.AppendBatch(Expect.Batch("b"), durability: Durability.Durable));
                Expect.True(stream.WaitDurable(0, Timeout.InfiniteTimeSpan), "it is there");
            }
        }

        [Test]
        static void EachCallbackIsCalledOnceAndClosingIsRefusedWithinOne(Place place)
        {
            const int count = 200;
            var calls = new int[count];
            var problems = new List<string>();
            using (var all = new CountdownEvent(count))
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                for (int i = 0; i < count; i++)
                {
                    int at = i;
                    Mark mark = stream.AppendBatch(Expect.Batch("entry"), durability: Durability.Written).Mark;
                    stream.OnDurable(mark, status =>
                    {
                        try
                        {
                            Expect.Equal(Status.Ok, status);
                            Expect.True(stream.DurableEnd > (ulong)at && stream.IsDurable(mark), "durable");
                            Expect.Throws<InvalidArgumentException>(log.Close);
                        }
                        catch (Exception e)
                        {
                            lock (problems) problems.Add(e.ToString());
                        }
                        Interlocked.Increment(ref calls[at]);
                        all.Signal();
                    });
                    if (i % 50 == 0) GC.Collect();
                }
                Expect.True(all.Wait(TimeSpan.FromSeconds(30)), "all were called");
                Expect.Equal("", string.Join("\n", problems));
                // Closing completes what waits.
                int late = 0;
                stream.OnDurable(stream.AppendBatch(Expect.Batch("late")).Mark, status => Interlocked.Increment(ref late));
                log.Close();
                Expect.Equal(1, late);
                Expect.True(calls.All(called => called == 1), "each once");
                Expect.Throws<ClosedException>(() => stream.OnDurable(default(Mark), status => { }));
            }
        }

        [Test]
        static void ACallbackThatThrowsIsReportedAndHarmsNoOther(Place place)
        {
            var reported = new List<string>();
            Action<Exception> report = failure =>
            {
                lock (reported) reported.Add(failure.Message);
            };
            Callbacks.Failed += report;
            try
            {
                using (var log = Log.Open(place.Log, Expect.Lazy))
                using (var stream = log.Stream("s"))
                {
                    int called = 0;
                    Mark mark = stream.AppendBatch(Expect.Batch("a")).Mark;
                    stream.OnDurable(mark, status => { throw new InvalidOperationException("as the test wants"); });
                    stream.OnDurable(mark, status => Interlocked.Increment(ref called));
                    log.Close();
                    Expect.Equal(1, called);
                }
                Expect.Equal("as the test wants", string.Join(",", reported));
            }
            finally
            {
                Callbacks.Failed -= report;
            }
        }

        [Test]
        static void ACancelledCallbackIsNeverCalled(Place place)
        {
            int called = 0, cancelled = 0;
            using (var log = Log.Open(place.Log, new Options { SyncMode = SyncMode.Async }))
            using (var stream = log.Stream("s"))
            {
                for (int i = 0; i < 100; i++)
                {
                    Mark mark = stream.AppendBatch(Expect.Batch("entry"), durability: Durability.Written).Mark;
                    Ticket ticket = stream.OnDurable(mark, status => Interlocked.Increment(ref called));
                    if (stream.Cancel(ticket)) cancelled++;
                    Expect.True(!stream.Cancel(ticket), "cancelled once");
                }
                log.Close();
            }
            Expect.Equal(100, cancelled + called);
        }

        [Test]
        static void ACallbackOfADeletedStreamIsCalled(Place place)
        {
            using (var mayEnd = new ManualResetEventSlim())
            using (var answered = new ManualResetEventSlim())
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                Status answer = Status.Other;
                // So that the next one still waits when the stream goes.
                stream.OnDurable(stream.AppendBatch(Expect.Batch("a")).Mark, status => mayEnd.Wait());
                stream.OnDurable(stream.AppendBatch(Expect.Batch("b")).Mark, status =>
                {
                    answer = status;
                    answered.Set();
                });
                Expect.AtOnce(stream.Delete, mayEnd.Set);
                Expect.True(answered.Wait(TimeSpan.FromSeconds(30)), "it was called");
                Expect.True(answer == Status.Ok || answer == Status.StreamNotFound, answer.ToString());
            }
        }

        [Test]
        static void ATaskWaitsForAMarkAndACancelledOneLeavesNothingBehind(Place place)
        {
            using (var mayEnd = new ManualResetEventSlim())
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                AppendDurably(stream).GetAwaiter().GetResult();
                // A callback that does not return keeps the next one waiting.
                stream.OnDurable(stream.AppendBatch(Expect.Batch("b")).Mark, status => mayEnd.Wait());
                using (var over = new CancellationTokenSource())
                {
                    Task waits = stream.WaitDurableAsync(stream.AppendBatch(Expect.Batch("c")).Mark, over.Token);
                    over.Cancel();
                    // What the first wait asked for may have made it durable, not called it.
                    Expect.True(waits.IsCanceled, "cancelled: " + waits.Status);
                    Expect.True(stream.WaitDurableAsync(stream.CurrentMark(), over.Token).IsCanceled, "cancelled before it began");
                }
                mayEnd.Set();
                stream.WaitDurableAsync(stream.AppendBatch(Expect.Batch("d")).Mark).GetAwaiter().GetResult();
                Expect.Soon("no listener is left", () => log.Stats().Listeners == 0);
                Expect.Throws<ConfigException>(() => stream.WaitDurableAsync(default(Mark)));
                Task late = stream.WaitDurableAsync(stream.AppendBatch(Expect.Batch("e")).Mark);
                log.Close();
                Expect.True(late.Wait(TimeSpan.FromSeconds(30)), "closing completes it");
            }
        }

        static async Task AppendDurably(LogStream stream)
        {
            for (int i = 0; i < 20; i++)
            {
                Appended appended = stream.AppendBatch(Expect.Batch("entry"), durability: Durability.Written);
                await stream.WaitDurableAsync(appended.Mark, new CancellationTokenSource().Token);
                Expect.True(stream.IsDurable(appended.Mark), "durable");
            }
        }

        [Test]
        static void ACallThatWaitsHoldsUpNoOtherThread(Place place)
        {
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                int waiting = 0;
                Action wait = () =>
                {
                    Interlocked.Increment(ref waiting);
                    Expect.True(stream.WaitDurable(0, TimeSpan.FromSeconds(60)), "it came");
                };
                var since = Stopwatch.StartNew();
                Expect.AtOnce(Enumerable.Repeat(wait, 20).Concat(new Action[]
                {
                    () =>
                    {
                        Expect.Soon("all wait", () => Volatile.Read(ref waiting) == 20);
                        // The collector stops all threads, and does not wait for those in the library.
                        GC.Collect();
                        stream.Append(Expect.Bytes("a"));
                        stream.Sync();
                    },
                }).ToArray());
                Expect.True(since.Elapsed < TimeSpan.FromSeconds(30), "in time");
            }
        }

        /// <summary>
        /// The threads of the library block signals. Mono stops threads that have called managed code by signals, so it waited for
        /// ever where one of the library had.
        /// </summary>
        [Test]
        static void ACollectionStopsNoThreadForEver(Place place)
        {
            for (int round = 0; round < 10; round++)
            {
                using (var log = Log.Open(place.Other("log" + round), new Options { SyncMode = SyncMode.Async }))
                using (var stream = log.Stream("s"))
                {
                    int called = 0;
                    for (int i = 0; i < 20; i++)
                        stream.OnDurable(stream.AppendBatch(Expect.Batch("entry")).Mark, status => Interlocked.Increment(ref called));
                    while (Volatile.Read(ref called) < 20) GC.Collect();
                }
            }
        }

        /// <summary>A stream that is disposed leaves its actions to be called.</summary>
        [Test]
        static void ACallbackOfADisposedStreamIsCalled(Place place)
        {
            var statuses = new List<Status>();
            using (var log = Log.Open(place.Log, Expect.Lazy))
            {
                using (var stream = log.Stream("s"))
                    stream.OnDurable(stream.AppendBatch(Expect.Batch("a")).Mark, status =>
                    {
                        lock (statuses) statuses.Add(status);
                    });
                log.Close();
            }
            Expect.Equal("Ok", string.Join(",", statuses));
        }

        /// <summary>A refused close closed the log for a moment, and calls of other threads threw Closed.</summary>
        [Test]
        static void ARefusedCloseDisturbsNoOtherThread(Place place)
        {
            using (var log = Log.Open(place.Log, Expect.Lazy))
            using (var stream = log.Stream("s"))
            {
                int left = 200;
                for (int i = 0; i < 200; i++)
                    stream.OnDurable(stream.AppendBatch(Expect.Batch("entry")).Mark, status =>
                    {
                        Expect.Throws<InvalidArgumentException>(log.Close);
                        Interlocked.Decrement(ref left);
                    });
                Expect.Soon("all were called", () => log.Streams().Length == 1 && Volatile.Read(ref left) == 0);
            }
        }
    }
}
