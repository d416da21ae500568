#if NETSTANDARD2_1 || NETCOREAPP || NET_STANDARD_2_1 || UNITY_2021_2_OR_NEWER
#define IRONWAL_SPANS
#endif
using System;
using System.Collections.Generic;
using System.Threading;

namespace Ironwal
{
    /// <summary>How durable an append is when it returns.</summary>
    public enum Durability
    {
        /// <summary>As the sync mode of the log makes it.</summary>
        ByMode = Native.IRONWAL_DURABILITY_BY_MODE,

        /// <summary>In the kernel: it survives the end of the process, not a power loss.</summary>
        Written = Native.IRONWAL_DURABILITY_WRITTEN,

        /// <summary>On the disk.</summary>
        Durable = Native.IRONWAL_DURABILITY_DURABLE,
    }

    /// <summary>A place in one stream, while its log is open: behind everything that was appended before.</summary>
    public struct Mark : IComparable<Mark>
    {
        internal readonly Native.ironwal_mark Raw;

        internal Mark(Native.ironwal_mark raw)
        {
            Raw = raw;
        }

        /// <summary>The order of marks of one stream. Says nothing about those of another.</summary>
        public int CompareTo(Mark other)
        {
            return Raw.place.CompareTo(other.Raw.place);
        }
    }

    /// <summary>The ids of an append, and the mark behind it.</summary>
    public struct Appended
    {
        /// <summary>The first id.</summary>
        public readonly ulong FirstId;

        /// <summary>One past the last id.</summary>
        public readonly ulong EndId;

        /// <summary>The place behind the append.</summary>
        public readonly Mark Mark;

        internal Appended(ulong firstId, ulong endId, Native.ironwal_mark mark)
        {
            FirstId = firstId;
            EndId = endId;
            Mark = new Mark(mark);
        }
    }

    /// <summary>One change of a stream's properties.</summary>
    public struct Property
    {
        /// <summary>1 to 255 bytes.</summary>
        public readonly byte[] Key;

        /// <summary>Up to 4,000 bytes; null removes the property. All together take at most 4,096, with 4 more for each.</summary>
        public readonly byte[] Value;

        /// <summary>A change: the key gets the value, or is removed where that is null.</summary>
        public Property(byte[] key, byte[] value)
        {
            Key = key;
            Value = value;
        }

        /// <summary>As with bytes, the key as UTF-8.</summary>
        public Property(string key, byte[] value) : this(Text.Bytes(key, "key"), value) { }
    }

    /// <summary>An entry and its id.</summary>
    public struct Entry
    {
        /// <summary>Its id.</summary>
        public readonly ulong Id;

        /// <summary>Its bytes, which are the program's.</summary>
        public readonly byte[] Bytes;

        internal Entry(ulong id, byte[] bytes)
        {
            Id = id;
            Bytes = bytes;
        }
    }

    /// <summary>
    /// One stream of an open log: entries, bytes with ids counted from 0. Any thread may use it. Bytes that go in are read during
    /// the call only; bytes that come out are copies, except for View.
    /// </summary>
    public sealed unsafe class LogStream : IDisposable
    {
        /// <summary>For expectedId: the entries get the next ids.</summary>
        public const ulong AnyId = Native.IRONWAL_ANY_ID;

        private readonly StreamHandle handle;
        private readonly DurabilityWaits waits;
        private int disposed;

        private LogStream(IntPtr pointer, LogWaits ofLog)
        {
            handle = new StreamHandle(pointer);
            waits = new DurabilityWaits(handle, ofLog);
        }

        internal static LogStream Open(IntPtr log, LogWaits ofLog, string name)
        {
            byte[] bytes = Text.Bytes(name, "name");
            IntPtr stream, e;
            fixed (byte* at = bytes) Failure.Check(Native.ironwal_stream_open(log, at, (UIntPtr)bytes.Length, &stream, &e), e);
            return new LogStream(stream, ofLog);
        }

        /// <summary>Releases the handle, once no call uses it any more. The stream and its entries stay. A second Close throws Closed.</summary>
        public void Close()
        {
            if (Interlocked.Exchange(ref disposed, 1) != 0) throw Failure.Closed("the stream");
            handle.Dispose();
        }

        /// <summary>As Close. Once closed it does nothing.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref disposed, 1) == 0) handle.Dispose();
        }

        /// <summary>Appends one entry and returns its id. Durable on return in mode Strict.</summary>
        public ulong Append(byte[] entry)
        {
            if (entry == null) throw new ArgumentNullException("entry");
            fixed (byte* at = entry) return Append(at, (UIntPtr)entry.Length);
        }

        /// <summary>Appends one entry, a part of an array, and returns its id.</summary>
        public ulong Append(ArraySegment<byte> entry)
        {
            if (entry.Array == null) throw new ArgumentNullException("entry");
            fixed (byte* at = entry.Array) return Append(at + entry.Offset, (UIntPtr)entry.Count);
        }

#if IRONWAL_SPANS
        /// <summary>Appends one entry and returns its id.</summary>
        public ulong Append(ReadOnlySpan<byte> entry)
        {
            fixed (byte* at = entry) return Append(at, (UIntPtr)entry.Length);
        }
#endif

        /// <summary>Appends one entry from memory of the program, such as a NativeArray of Unity, and returns its id.</summary>
        public ulong Append(byte* entry, int length)
        {
            if (length < 0) throw new ArgumentOutOfRangeException("length");
            return Append(entry, (UIntPtr)length);
        }

        private ulong Append(byte* entry, UIntPtr length)
        {
            IntPtr e;
            ulong id;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_append(stream.Pointer, entry, length, &id, &e), e);
            return id;
        }

        /// <summary>Appends one entry that is gathered from several parts, and returns its id.</summary>
        public ulong AppendParts(IEnumerable<byte[]> parts)
        {
            if (parts == null) throw new ArgumentNullException("parts");
            var gathered = new Gathered(parts, null);
            IntPtr e;
            ulong id;
            using (var stream = handle.Use())
                fixed (byte* bytes = gathered.Bytes)
                fixed (Native.ironwal_slice* slices = gathered.Entries)
                {
                    gathered.PointAt(bytes);
                    Failure.Check(Native.ironwal_stream_append_vectored(stream.Pointer, slices, gathered.EntryCount, &id, &e), e);
                }
            return id;
        }

        /// <summary>
        /// Appends entries and changes properties as one: after any crash all of it is there or nothing. With an expectedId other
        /// than AnyId it throws SequenceMismatch, and appends nothing, unless the first entry gets that id.
        /// </summary>
        public Appended AppendBatch(IEnumerable<byte[]> entries, ulong expectedId = AnyId, IEnumerable<Property> properties = null,
            Durability durability = Durability.ByMode)
        {
            if (entries == null) throw new ArgumentNullException("entries");
            var gathered = new Gathered(entries, properties);
            IntPtr e;
            ulong first, end;
            Native.ironwal_mark mark;
            using (var stream = handle.Use())
                fixed (byte* bytes = gathered.Bytes)
                fixed (Native.ironwal_slice* slices = gathered.Entries)
                fixed (Native.ironwal_property* changes = gathered.Properties)
                {
                    gathered.PointAt(bytes);
                    Failure.Check(Native.ironwal_stream_append_with(stream.Pointer, expectedId, slices, gathered.EntryCount, changes,
                        gathered.PropertyCount, (int)durability, &first, &end, &mark, &e), e);
                }
            return new Appended(first, end, mark);
        }

        /// <summary>Begins a transaction: entries gathered in memory and appended as one.</summary>
        public Transaction Begin()
        {
            IntPtr transaction, e;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_begin(stream.Pointer, &transaction, &e), e);
            return new Transaction(transaction);
        }

        /// <summary>The entry of an id. Throws NotFound where there is none.</summary>
        public byte[] Get(ulong id)
        {
            IntPtr e;
            Native.ironwal_buffer buffer;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_get(stream.Pointer, id, &buffer, &e), e);
            return Copy.AndFree(buffer);
        }

        /// <summary>The entry of an id. False: there is none.</summary>
        public bool TryGet(ulong id, out byte[] entry)
        {
            IntPtr e;
            Native.ironwal_buffer buffer;
            entry = null;
            using (var stream = handle.Use())
            {
                int status = Native.ironwal_stream_get(stream.Pointer, id, &buffer, &e);
                if (status == Native.IRONWAL_E_NOT_FOUND) return false;
                Failure.Check(status, e);
            }
            entry = Copy.AndFree(buffer);
            return true;
        }

        /// <summary>
        /// Reads an entry into the front of a buffer. False: it does not fit, nothing was copied, and length is what it takes.
        /// Throws NotFound where there is none.
        /// </summary>
        public bool TryGetInto(ulong id, byte[] buffer, out int length)
        {
            if (buffer == null) throw new ArgumentNullException("buffer");
            fixed (byte* at = buffer) return TryGetInto(id, at, buffer.Length, out length);
        }

#if IRONWAL_SPANS
        /// <summary>Reads an entry into the front of a span, as of an array.</summary>
        public bool TryGetInto(ulong id, Span<byte> buffer, out int length)
        {
            fixed (byte* at = buffer) return TryGetInto(id, at, buffer.Length, out length);
        }
#endif

        /// <summary>Reads an entry into memory of the program, as of an array.</summary>
        public bool TryGetInto(ulong id, byte* buffer, int capacity, out int length)
        {
            if (capacity < 0) throw new ArgumentOutOfRangeException("capacity");
            IntPtr e;
            UIntPtr needed;
            byte none; // the library demands memory, also where none of it is to be used
            int status;
            using (var stream = handle.Use())
            {
                status = Native.ironwal_stream_get_into(stream.Pointer, id, capacity == 0 ? &none : buffer, (UIntPtr)capacity, &needed, &e);
                if (status != Native.IRONWAL_E_BUFFER_TOO_SMALL) Failure.Check(status, e);
            }
            length = checked((int)needed);
            return status == Native.IRONWAL_OK;
        }

        /// <summary>The last entry that reads show. False: there is none.</summary>
        public bool TryGetLast(out Entry last)
        {
            IntPtr e;
            ulong id;
            Native.ironwal_buffer buffer;
            last = default(Entry);
            using (var stream = handle.Use())
            {
                int status = Native.ironwal_stream_last(stream.Pointer, &id, &buffer, &e);
                if (status == Native.IRONWAL_E_NOT_FOUND) return false;
                Failure.Check(status, e);
            }
            last = new Entry(id, Copy.AndFree(buffer));
            return true;
        }

        /// <summary>The bytes of an entry where they are, without a copy, until the result is disposed. Throws NotFound where there is none.</summary>
        public EntryView View(ulong id)
        {
            IntPtr pin, e;
            Native.ironwal_view view;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_view(stream.Pointer, id, &view, &pin, &e), e);
            return new EntryView(view, pin);
        }

        /// <summary>
        /// The entries that reads show, from an id on, to the end as it is when the enumeration comes there. For damage it throws;
        /// an iterator goes on behind it.
        /// </summary>
        public IEnumerable<Entry> Read(ulong startId = 0)
        {
            return new Entries(this, startId, false);
        }

        /// <summary>The entries that reads show, from an id back to the first one kept. Without an id, from the last one.</summary>
        public IEnumerable<Entry> ReadBackward(ulong fromId = ulong.MaxValue)
        {
            return new Entries(this, fromId, true);
        }

        /// <summary>
        /// The entries from an id on, and those to come: the enumeration waits for them, until the token is cancelled
        /// (OperationCanceledException) or the log closed (ClosedException). It occupies its thread meanwhile.
        /// </summary>
        public IEnumerable<Entry> Follow(ulong startId = 0, Shown shown = Shown.ByMode, CancellationToken token = default(CancellationToken))
        {
            return Following.Entries(this, startId, shown, token);
        }

#if IRONWAL_SPANS
        /// <summary>
        /// As Follow, for await foreach. Waits occupy a thread of their own and not the caller's, one while nothing comes.
        /// </summary>
        public IAsyncEnumerable<Entry> FollowAsync(ulong startId = 0, Shown shown = Shown.ByMode)
        {
            return new AsyncEntries(this, startId, shown);
        }
#endif

        /// <summary>A place that moves forward from an id, and can wait for entries at the end.</summary>
        public EntryIterator Iterate(ulong startId = 0, Shown shown = Shown.ByMode)
        {
            IntPtr iterator, canceller, e;
            using (var stream = handle.Use())
                Failure.Check(Native.ironwal_stream_follow(stream.Pointer, startId, (int)shown, &iterator, &e), e);
            int status = Native.ironwal_iter_canceller(iterator, &canceller, &e);
            if (status != Native.IRONWAL_OK)
            {
                Native.ironwal_iter_free(iterator);
                throw Failure.Of(status, e);
            }
            return new EntryIterator(iterator, canceller);
        }

        /// <summary>A place that moves backward from an id, or from the last entry. It shows nothing appended later, and cannot wait.</summary>
        public EntryIterator IterateBackward(ulong fromId = ulong.MaxValue)
        {
            IntPtr iterator, e;
            using (var stream = handle.Use())
                Failure.Check(Native.ironwal_stream_iter_rev(stream.Pointer, fromId, &iterator, &e), e);
            return new EntryIterator(iterator, IntPtr.Zero);
        }

        /// <summary>Makes the stream durable.</summary>
        public void Sync()
        {
            IntPtr e;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_sync(stream.Pointer, &e), e);
        }

        /// <summary>The first id that is kept.</summary>
        public ulong FirstId
        {
            get
            {
                IntPtr e;
                ulong id;
                using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_first_id(stream.Pointer, &id, &e), e);
                return id;
            }
        }

        /// <summary>The id that the next append gets.</summary>
        public ulong NextId
        {
            get
            {
                IntPtr e;
                ulong id;
                using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_next_id(stream.Pointer, &id, &e), e);
                return id;
            }
        }

        /// <summary>When appends are made durable: the mode of the log, or that of the stream's own options.</summary>
        public SyncMode SyncMode
        {
            get
            {
                IntPtr e;
                int mode;
                using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_sync_mode(stream.Pointer, &mode, &e), e);
                return (SyncMode)mode;
            }
        }

        /// <summary>One past the last id that is durable.</summary>
        public ulong DurableEnd
        {
            get
            {
                IntPtr e;
                ulong id;
                using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_durable_end(stream.Pointer, &id, &e), e);
                return id;
            }
        }

        /// <summary>
        /// 16 bytes that two streams share if they have the same entries from firstId to endId (exclusive). For comparing
        /// replicas; no defence against forgery.
        /// </summary>
        public byte[] Digest(ulong firstId, ulong endId)
        {
            IntPtr e;
            var digest = new byte[16];
            using (var stream = handle.Use())
                fixed (byte* at = digest) Failure.Check(Native.ironwal_stream_digest(stream.Pointer, firstId, endId, at, &e), e);
            return digest;
        }

        /// <summary>Replaces the ids from fromId on by these entries, and changes properties, as one step that is durable on return.</summary>
        public Appended ReplaceSuffix(ulong fromId, IEnumerable<byte[]> entries, IEnumerable<Property> properties = null)
        {
            if (entries == null) throw new ArgumentNullException("entries");
            return Rewrite(false, fromId, new Gathered(entries, properties));
        }

        /// <summary>
        /// Removes all entries, and appends these from nextId on, which may be any id, and changes properties, as one step that is
        /// durable on return.
        /// </summary>
        public Appended Reset(ulong nextId, IEnumerable<byte[]> entries = null, IEnumerable<Property> properties = null)
        {
            return Rewrite(true, nextId, new Gathered(entries, properties));
        }

        private Appended Rewrite(bool all, ulong id, Gathered gathered)
        {
            IntPtr e;
            ulong first, end;
            using (var stream = handle.Use())
                fixed (byte* bytes = gathered.Bytes)
                fixed (Native.ironwal_slice* slices = gathered.Entries)
                fixed (Native.ironwal_property* changes = gathered.Properties)
                {
                    gathered.PointAt(bytes);
                    int status = all
                        ? Native.ironwal_stream_reset(stream.Pointer, id, slices, gathered.EntryCount, changes,
                            gathered.PropertyCount, &first, &end, &e)
                        : Native.ironwal_stream_replace_suffix(stream.Pointer, id, slices, gathered.EntryCount, changes,
                            gathered.PropertyCount, &first, &end, &e);
                    Failure.Check(status, e);
                }
            return new Appended(first, end, default(Native.ironwal_mark));
        }

        /// <summary>Removes the ids from fromId on, durably, and returns how many there were.</summary>
        public ulong TruncateSuffix(ulong fromId)
        {
            IntPtr e;
            ulong cut;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_truncate_suffix(stream.Pointer, fromId, &cut, &e), e);
            return cut;
        }

        /// <summary>Hides the ids below firstId, exactly and durably, and returns how many segments were removed.</summary>
        public long TruncatePrefix(ulong firstId)
        {
            IntPtr e;
            UIntPtr segments;
            using (var stream = handle.Use())
                Failure.Check(Native.ironwal_stream_truncate_prefix(stream.Pointer, firstId, &segments, &e), e);
            return (long)segments;
        }

        /// <summary>Removes the segments that lie entirely below safeId, durably, and returns how many.</summary>
        public long Truncate(ulong safeId)
        {
            IntPtr e;
            UIntPtr segments;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_truncate(stream.Pointer, safeId, &segments, &e), e);
            return (long)segments;
        }

        /// <summary>Brings back the segments that truncation moved to the archive, and returns how many.</summary>
        public long RestoreArchived()
        {
            IntPtr e;
            UIntPtr segments;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_restore_archived(stream.Pointer, &segments, &e), e);
            return (long)segments;
        }

        /// <summary>Removes old segments of the stream, durably, and returns how many.</summary>
        public long ApplyRetention(Retention retention)
        {
            if (retention == null) throw new ArgumentNullException("retention");
            IntPtr e;
            UIntPtr segments;
            byte cursors = retention.KeepCursors ? (byte)1 : (byte)0;
            using (var stream = handle.Use())
                Failure.Check(Native.ironwal_stream_apply_retention(stream.Pointer, retention.Bytes, retention.AgeNs, cursors, &segments, &e), e);
            return (long)segments;
        }

        /// <summary>Deletes the stream with all its entries, durably. The handle is still to be disposed.</summary>
        public void Delete()
        {
            IntPtr e;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_delete(stream.Pointer, &e), e);
        }

        /// <summary>What has happened to the stream since the log was opened, and where it is now.</summary>
        public StreamStats Stats()
        {
            IntPtr e;
            StreamStats stats;
            using (var stream = handle.Use())
                Failure.Check(Native.ironwal_stream_stats(stream.Pointer, &stats, (UIntPtr)sizeof(StreamStats), &e), e);
            return stats;
        }

        /// <summary>The value of a property as it was written last, durable or not. False: there is none.</summary>
        public bool TryGetProperty(byte[] key, out byte[] value)
        {
            if (key == null) throw new ArgumentNullException("key");
            IntPtr e;
            Native.ironwal_buffer buffer;
            value = null;
            using (var stream = handle.Use())
                fixed (byte* at = key)
                {
                    int status = Native.ironwal_stream_property(stream.Pointer, at, (UIntPtr)key.Length, &buffer, &e);
                    if (status == Native.IRONWAL_E_NOT_FOUND) return false;
                    Failure.Check(status, e);
                }
            value = Copy.AndFree(buffer);
            return true;
        }

        /// <summary>The value of a property, its key as UTF-8. Null: there is none.</summary>
        public byte[] GetProperty(string key)
        {
            byte[] value;
            return TryGetProperty(Text.Bytes(key, "key"), out value) ? value : null;
        }

        /// <summary>All properties, sorted by key.</summary>
        public Property[] Properties()
        {
            IntPtr listed, e;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_properties(stream.Pointer, &listed, &e), e);
            using (var owner = new PropertyListHandle(listed))
            using (var list = owner.Use())
            {
                var all = new Property[(int)Native.ironwal_property_list_count(list.Pointer)];
                for (int i = 0; i < all.Length; i++)
                {
                    Native.ironwal_view key, value;
                    Failure.Check(Native.ironwal_property_list_get(list.Pointer, (UIntPtr)i, &key, &value, &e), e);
                    all[i] = new Property(Copy.Of(key), Copy.Of(value));
                }
                return all;
            }
        }

        /// <summary>Changes properties as one, in their order. It begins a stream that does not exist.</summary>
        public Mark SetProperties(IEnumerable<Property> properties, Durability durability = Durability.ByMode)
        {
            return ChangeProperties(false, properties, durability);
        }

        /// <summary>Replaces all properties by these, as one; also the way out after damage to them.</summary>
        public Mark ReplaceProperties(IEnumerable<Property> properties, Durability durability = Durability.ByMode)
        {
            return ChangeProperties(true, properties, durability);
        }

        private Mark ChangeProperties(bool all, IEnumerable<Property> properties, Durability durability)
        {
            if (properties == null) throw new ArgumentNullException("properties");
            var gathered = new Gathered(null, properties);
            IntPtr e;
            Native.ironwal_mark mark;
            using (var stream = handle.Use())
                fixed (byte* bytes = gathered.Bytes)
                fixed (Native.ironwal_property* changes = gathered.Properties)
                {
                    gathered.PointAt(bytes);
                    int status = all
                        ? Native.ironwal_stream_replace_properties(stream.Pointer, changes, gathered.PropertyCount, (int)durability, &mark, &e)
                        : Native.ironwal_stream_set_properties(stream.Pointer, changes, gathered.PropertyCount, (int)durability, &mark, &e);
                    Failure.Check(status, e);
                }
            return new Mark(mark);
        }

        /// <summary>The place behind everything appended so far.</summary>
        public Mark CurrentMark()
        {
            IntPtr e;
            Native.ironwal_mark mark;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_mark(stream.Pointer, &mark, &e), e);
            return new Mark(mark);
        }

        /// <summary>Whether everything in front of the mark is durable. Once true it stays true.</summary>
        public bool IsDurable(Mark mark)
        {
            IntPtr e;
            byte durable;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_is_durable(stream.Pointer, mark.Raw, &durable, &e), e);
            return durable != 0;
        }

        /// <summary>
        /// Waits until the entry of an id, which need not be appended yet, is durable. False: it is not after this time. A time
        /// below 0 (Timeout.InfiniteTimeSpan) waits without end. It occupies its thread meanwhile.
        /// </summary>
        public bool WaitDurable(ulong id, TimeSpan timeout)
        {
            IntPtr e;
            using (var stream = handle.Use())
            {
                int status = Native.ironwal_stream_wait_durable(stream.Pointer, id, Time.Limit(timeout), &e);
                if (status == Native.IRONWAL_E_TIMEOUT) return false;
                Failure.Check(status, e);
            }
            return true;
        }

        /// <summary>
        /// Has an action called once everything in front of the mark is durable, with Ok, or cannot become so: Poisoned, Detached,
        /// Closed, StreamNotFound. Returns at once, and asks for a sync.
        ///
        /// The action runs on a thread of the library, or on the one that closes the log; with Mono and IL2CPP on Linux, on a thread of
        /// this package instead, one for each stream that has such actions waiting. It may append, read, register and
        /// cancel, and must return soon; it cannot close the log. What it throws goes to Callbacks.Failed.
        /// </summary>
        public Ticket OnDurable(Mark mark, Action<Status> action)
        {
            if (action == null) throw new ArgumentNullException("action");
            if (!Callbacks.AreNative) return waits.Add(mark, action);
            using (var stream = handle.Use()) return Callbacks.OnDurable(stream.Pointer, mark, waits.Marked(action));
        }

        /// <summary>
        /// Cancels the action that a ticket names. True: it was not called and will not be. False: it has returned, unless it is
        /// what calls this.
        /// </summary>
        public bool Cancel(Ticket ticket)
        {
            if (ticket == null) throw new ArgumentNullException("ticket");
            if (!Callbacks.AreNative) return waits.Cancel(ticket);
            using (var stream = handle.Use()) return Callbacks.Cancel(stream.Pointer, ticket);
        }

        /// <summary>
        /// Completes when everything in front of the mark is durable, or fails where it cannot become so. A wait that is cancelled
        /// leaves nothing behind. It uses OnDurable.
        /// </summary>
        public System.Threading.Tasks.Task WaitDurableAsync(Mark mark, CancellationToken token = default(CancellationToken))
        {
            return DurableWait.Begin(this, mark, token);
        }

        /// <summary>Where a replica stands, as bytes for Export of its primary.</summary>
        public byte[] FramePosition()
        {
            IntPtr e;
            Native.ironwal_buffer buffer;
            using (var stream = handle.Use()) Failure.Check(Native.ironwal_stream_frame_position(stream.Pointer, &buffer, &e), e);
            return Copy.AndFree(buffer);
        }

        /// <summary>
        /// A packet of the durable frames behind a replica's position, for Apply there; empty where there is no more for now. An
        /// empty position begins a replica. With written also frames that no sync has covered.
        /// </summary>
        public byte[] Export(byte[] position, int maxBytes, bool written = false)
        {
            if (position == null) throw new ArgumentNullException("position");
            if (maxBytes < 0) throw new ArgumentOutOfRangeException("maxBytes");
            IntPtr e;
            Native.ironwal_buffer buffer;
            using (var stream = handle.Use())
                fixed (byte* at = position)
                {
                    int status = written
                        ? Native.ironwal_stream_export_written(stream.Pointer, at, (UIntPtr)position.Length, (UIntPtr)maxBytes, &buffer, &e)
                        : Native.ironwal_stream_export(stream.Pointer, at, (UIntPtr)position.Length, (UIntPtr)maxBytes, &buffer, &e);
                    Failure.Check(status, e);
                }
            return Copy.AndFree(buffer);
        }

        /// <summary>Writes the frames of a packet where they were in the primary. Nothing else may append to the stream.</summary>
        public Appended Apply(byte[] packet)
        {
            if (packet == null) throw new ArgumentNullException("packet");
            IntPtr e;
            ulong first, end;
            using (var stream = handle.Use())
                fixed (byte* at = packet)
                    Failure.Check(Native.ironwal_stream_apply(stream.Pointer, at, (UIntPtr)packet.Length, &first, &end, &e), e);
            return new Appended(first, end, default(Native.ironwal_mark));
        }
    }

    /// <summary>Entries gathered in memory, appended as one by Commit. Disposing discards them. One thread at a time.</summary>
    public sealed unsafe class Transaction : IDisposable
    {
        private readonly TransactionHandle handle;

        internal Transaction(IntPtr pointer)
        {
            handle = new TransactionHandle(pointer);
        }

        /// <summary>Adds an entry. Nothing is written before the commit.</summary>
        public void Add(byte[] entry)
        {
            if (entry == null) throw new ArgumentNullException("entry");
            IntPtr e;
            using (var transaction = handle.Use())
                fixed (byte* at = entry)
                    Failure.Check(Native.ironwal_txn_add(transaction.Pointer, at, (UIntPtr)entry.Length, &e), e);
        }

        /// <summary>Appends all entries as one, and ends the transaction, also where it fails.</summary>
        public Appended Commit()
        {
            IntPtr e;
            ulong first, end;
            if (handle.IsClosed) throw Failure.Closed("the transaction");
            Failure.Check(Native.ironwal_txn_commit(handle.Take(), &first, &end, &e), e);
            return new Appended(first, end, default(Native.ironwal_mark));
        }

        /// <summary>Discards the entries of a transaction that was not committed.</summary>
        public void Dispose()
        {
            handle.Dispose();
        }
    }

    /// <summary>The bytes of an entry where they are. They stay there until this is disposed, whatever happens to the log.</summary>
    public sealed unsafe class EntryView : IDisposable
    {
        private readonly PinHandle pin;
        private readonly Native.ironwal_view view;

        internal EntryView(Native.ironwal_view view, IntPtr pin)
        {
            this.view = view;
            this.pin = new PinHandle(pin);
        }

        /// <summary>How many bytes there are.</summary>
        public long Length
        {
            get { return (long)view.len; }
        }

        /// <summary>The first byte, null where there is none. It must not be used after Dispose, nor written to.</summary>
        public byte* Pointer
        {
            get
            {
                if (pin.IsClosed) throw Failure.Closed("the view");
                return view.data;
            }
        }

#if IRONWAL_SPANS
        /// <summary>The bytes. They must not be used after Dispose.</summary>
        public ReadOnlySpan<byte> Span
        {
            get { return new ReadOnlySpan<byte>(Pointer, checked((int)view.len)); }
        }
#endif

        /// <summary>A copy of the bytes.</summary>
        public byte[] ToArray()
        {
            using (pin.Use()) return Copy.Of(view);
        }

        /// <summary>Releases the bytes.</summary>
        public void Dispose()
        {
            pin.Dispose();
        }
    }
}
