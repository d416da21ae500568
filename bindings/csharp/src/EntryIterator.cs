#if NETSTANDARD2_1 || NETCOREAPP || NET_STANDARD_2_1 || UNITY_2021_2_OR_NEWER
#define IRONWAL_SPANS
#endif
using System;
using System.Collections;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Ironwal
{
    /// <summary>Which entries an iterator shows.</summary>
    public enum Shown
    {
        /// <summary>Those that reads show in the sync mode of the log.</summary>
        ByMode = Native.IRONWAL_VIEW_BY_MODE,

        /// <summary>All in the kernel; a power loss may take some back.</summary>
        Written = Native.IRONWAL_VIEW_WRITTEN,

        /// <summary>Durable ones only.</summary>
        Durable = Native.IRONWAL_VIEW_DURABLE,
    }

    /// <summary>
    /// A place in a stream that moves in one direction. One thread at a time may use it, except for Cancel.
    ///
    /// MoveNext may be called again after it was false, and finds what was appended since. After CrcMismatch, Corrupt and
    /// SegmentNotFound it goes on behind what is damaged or gone. It never waits: a game calls it once or more in each frame.
    /// </summary>
    public sealed unsafe class EntryIterator : IEnumerator<Entry>
    {
        private readonly IterHandle handle;
        private readonly CancellerHandle canceller; // null: it moves backward, and cannot wait
        private ulong id;
        private Native.ironwal_view view;
        private bool isAtEntry;

        internal EntryIterator(IntPtr iterator, IntPtr canceller)
        {
            handle = new IterHandle(iterator);
            if (canceller != IntPtr.Zero) this.canceller = new CancellerHandle(canceller);
        }

        /// <summary>Moves to the next entry. False: the end for now.</summary>
        public bool MoveNext()
        {
            IntPtr e;
            isAtEntry = false;
            using (var iterator = handle.Use())
            {
                ulong next;
                Native.ironwal_view at;
                int status = Native.ironwal_iter_next(iterator.Pointer, &next, &at, &e);
                if (status == Native.IRONWAL_E_END) return false;
                Failure.Check(status, e);
                id = next;
                view = at;
            }
            isAtEntry = true;
            return true;
        }

        /// <summary>The id of the entry.</summary>
        public ulong CurrentId
        {
            get
            {
                CheckAtEntry();
                return id;
            }
        }

        /// <summary>A copy of the entry.</summary>
        public Entry Current
        {
            get
            {
                using (handle.Use())
                {
                    CheckAtEntry();
                    return new Entry(id, Copy.Of(view));
                }
            }
        }

        object IEnumerator.Current
        {
            get { return Current; }
        }

        /// <summary>The first byte of the entry, until the next MoveNext or Dispose.</summary>
        public byte* CurrentPointer
        {
            get
            {
                CheckAtEntry();
                return view.data;
            }
        }

        /// <summary>How many bytes the entry has.</summary>
        public long CurrentLength
        {
            get
            {
                CheckAtEntry();
                return (long)view.len;
            }
        }

#if IRONWAL_SPANS
        /// <summary>The entry without a copy, until the next MoveNext or Dispose.</summary>
        public ReadOnlySpan<byte> CurrentSpan
        {
            get { return new ReadOnlySpan<byte>(CurrentPointer, checked((int)view.len)); }
        }
#endif

        private void CheckAtEntry()
        {
            if (handle.IsClosed) throw Failure.Closed("the iterator");
            if (!isAtEntry) throw new InvalidOperationException("the iterator is at no entry");
        }

        /// <summary>
        /// Waits until MoveNext has something to return. False: not after this time; one below 0 (Timeout.InfiniteTimeSpan) waits
        /// without end. Throws Cancelled after Cancel, InvalidArgument for an iteration backward.
        /// </summary>
        public bool Wait(TimeSpan timeout)
        {
            IntPtr e;
            using (var iterator = handle.Use())
            {
                int status = Native.ironwal_iter_wait(iterator.Pointer, Time.Limit(timeout), &e);
                if (status == Native.IRONWAL_E_TIMEOUT) return false;
                Failure.Check(status, e);
            }
            return true;
        }

        /// <summary>
        /// As Wait, on a thread of its own, until the token is cancelled too. A wait that ends early loses no entry. The iterator is
        /// not to be used before the task has completed.
        /// </summary>
        public Task<bool> WaitAsync(TimeSpan timeout, CancellationToken token = default(CancellationToken))
        {
            if (token.IsCancellationRequested)
            {
                var cancelled = new TaskCompletionSource<bool>();
                cancelled.SetCanceled();
                return cancelled.Task;
            }
            return Task.Factory.StartNew(() => WaitFor(timeout, token), token,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }

        private bool WaitFor(TimeSpan timeout, CancellationToken token)
        {
            int asked = 0;
            bool found = false;
            IronwalException cancelled = null;
            using (token.Register(() =>
            {
                Interlocked.Exchange(ref asked, 1);
                Cancel();
            }))
            {
                try
                {
                    found = Wait(timeout);
                }
                catch (CancelledException e)
                {
                    cancelled = e;
                }
            }
            // The registration is over: a cancellation of the token has run, or will not.
            if (Volatile.Read(ref asked) == 0)
            {
                if (cancelled != null) throw cancelled;
                return found;
            }
            if (cancelled == null)
            {
                UseUpCancellation();
                return found;
            }
            throw new OperationCanceledException(token);
        }

        /// <summary>A cancellation that came behind its wait: the next wait is none of its.</summary>
        private void UseUpCancellation()
        {
            try
            {
                Wait(TimeSpan.Zero);
            }
            catch (CancelledException)
            {
            }
        }

        /// <summary>Ends the wait that is under way with Cancelled, or the next one where none is. Any thread may call it.</summary>
        public void Cancel()
        {
            if (canceller == null)
                throw new Failure { Status = Status.InvalidArgument, Message = "an iterator that moves backward does not wait" }.Exception();
            IntPtr e;
            using (var c = canceller.Use()) Failure.Check(Native.ironwal_canceller_cancel(c.Pointer, &e), e);
        }

        /// <summary>Not supported: an iterator moves in one direction.</summary>
        public void Reset()
        {
            throw new NotSupportedException();
        }

        /// <summary>Releases the iterator.</summary>
        public void Dispose()
        {
            isAtEntry = false;
            if (canceller != null) canceller.Dispose();
            handle.Dispose();
        }
    }

    /// <summary>Entries to be enumerated any number of times.</summary>
    internal sealed class Entries : IEnumerable<Entry>
    {
        private readonly LogStream stream;
        private readonly ulong id;
        private readonly bool backward;

        internal Entries(LogStream stream, ulong id, bool backward)
        {
            this.stream = stream;
            this.id = id;
            this.backward = backward;
        }

        public IEnumerator<Entry> GetEnumerator()
        {
            return backward ? stream.IterateBackward(id) : stream.Iterate(id);
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }
    }

    internal static class Following
    {
        internal static IEnumerable<Entry> Entries(LogStream stream, ulong startId, Shown shown, CancellationToken token)
        {
            using (var iterator = stream.Iterate(startId, shown))
            using (token.Register(iterator.Cancel))
            {
                while (true)
                {
                    token.ThrowIfCancellationRequested();
                    if (iterator.MoveNext()) yield return iterator.Current;
                    else Wait(iterator, token);
                }
            }
        }

        private static void Wait(EntryIterator iterator, CancellationToken token)
        {
            try
            {
                iterator.Wait(Timeout.InfiniteTimeSpan);
            }
            catch (CancelledException)
            {
                token.ThrowIfCancellationRequested();
                throw;
            }
        }
    }

#if IRONWAL_SPANS
    internal sealed class AsyncEntries : IAsyncEnumerable<Entry>
    {
        private readonly LogStream stream;
        private readonly ulong startId;
        private readonly Shown shown;

        internal AsyncEntries(LogStream stream, ulong startId, Shown shown)
        {
            this.stream = stream;
            this.startId = startId;
            this.shown = shown;
        }

        public IAsyncEnumerator<Entry> GetAsyncEnumerator(CancellationToken token = default(CancellationToken))
        {
            return new Enumerator(stream.Iterate(startId, shown), token);
        }

        private sealed class Enumerator : IAsyncEnumerator<Entry>
        {
            private readonly EntryIterator iterator;
            private readonly CancellationToken token;

            internal Enumerator(EntryIterator iterator, CancellationToken token)
            {
                this.iterator = iterator;
                this.token = token;
            }

            public Entry Current
            {
                get { return iterator.Current; }
            }

            public ValueTask<bool> MoveNextAsync()
            {
                token.ThrowIfCancellationRequested();
                return iterator.MoveNext() ? new ValueTask<bool>(true) : new ValueTask<bool>(WaitForNext());
            }

            private async Task<bool> WaitForNext()
            {
                do
                {
                    await iterator.WaitAsync(Timeout.InfiniteTimeSpan, token).ConfigureAwait(false);
                } while (!iterator.MoveNext());
                return true;
            }

            public ValueTask DisposeAsync()
            {
                iterator.Dispose();
                return default(ValueTask);
            }
        }
    }
#endif
}
