using System;
using System.Threading;

namespace Ironwal
{
    /// <summary>
    /// An open log: the only writer of its directory. Any thread may use it.
    /// <code>
    /// using (var log = Log.Open("orders"))
    /// using (var trades = log.Stream("trades"))
    /// {
    ///     ulong id = trades.Append(bytes); // durable
    ///     byte[] entry = trades.Get(id);
    /// }
    /// </code>
    /// </summary>
    public sealed unsafe class Log : IDisposable
    {
        private readonly LogWaits waits = new LogWaits();
        private LogHandle handle;
        private int closing;

        private Log(IntPtr pointer)
        {
            handle = new LogHandle(pointer, false);
        }

        /// <summary>
        /// Opens the log in a directory, creating or recovering it. The parent must exist. Everything that can be read
        /// afterwards is durable.
        /// </summary>
        public static Log Open(string path, Options options = null)
        {
            CheckLibrary();
            IntPtr log, error;
            using (var made = (options ?? new Options()).Make(path))
            using (var o = made.Use())
                Failure.Check(Native.ironwal_wal_open(o.Pointer, &log, &error), error);
            return new Log(log);
        }

        /// <summary>Opens the log for reading, while a program may write it. Nothing on the disk is changed or locked.</summary>
        public static Log OpenReadOnly(string path, Options options = null)
        {
            CheckLibrary();
            IntPtr log, error;
            using (var made = (options ?? new Options()).Make(path))
            using (var o = made.Use())
                Failure.Check(Native.ironwal_wal_open_read_only(o.Pointer, &log, &error), error);
            return new Log(log);
        }

        /// <summary>The version that this package is made for.</summary>
        public const string Version = Native.IRONWAL_VERSION_STRING;

        /// <summary>The version of the library that is loaded.</summary>
        public static string LibraryVersion
        {
            get { return Text.Of(Native.ironwal_version_string()); }
        }

        /// <summary>Before 1.0 a minor version may change the interface.</summary>
        internal static void CheckLibrary()
        {
            if (Native.ironwal_version_number() / 1000 != Native.IRONWAL_VERSION_NUMBER / 1000)
                throw Failure.Config("the library is ironwal " + LibraryVersion + ", this package is for " + Version);
        }

        /// <summary>
        /// Makes everything durable and closes the log, also for its streams, after the calls on the log that are under way. It
        /// completes every callback. The log is closed even if this throws, except for InvalidArgument: a callback called it,
        /// and nothing was done. A second Close throws Closed.
        /// </summary>
        public void Close()
        {
            if (Interlocked.Exchange(ref closing, 1) != 0) throw Failure.Closed("the log");
            CloseOnce(ref handle, ref closing, waits, false);
        }

        /// <summary>Closes the log, as Close does, and throws as it does where something is not durable. Once closed it does nothing.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref closing, 1) == 0) CloseOnce(ref handle, ref closing, waits, false);
        }

        internal static void CloseOnce(ref LogHandle handle, ref int closing, LogWaits waits, bool sharded)
        {
            if (!waits.RunOnThisThread)
            {
                IntPtr pointer = handle.DangerousGetHandle();
                bool isClosed;
                try
                {
                    isClosed = handle.TryClose();
                }
                catch
                {
                    waits.CompleteAll(Status.Closed);
                    throw;
                }
                if (isClosed)
                {
                    waits.CompleteAll(Status.Ok);
                    return;
                }
                handle = new LogHandle(pointer, sharded);
            }
            Volatile.Write(ref closing, 0);
            throw new Failure
            {
                Status = Status.InvalidArgument,
                Message = "a callback of the log cannot close it"
            }.Exception();
        }

        /// <summary>Makes every stream durable.</summary>
        public void SyncAll()
        {
            IntPtr e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_wal_sync_all(log.Pointer, &e), e);
        }

        /// <summary>The names of the streams, sorted.</summary>
        public string[] Streams()
        {
            IntPtr listed, e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_wal_streams(log.Pointer, &listed, &e), e);
            using (var owner = new NameListHandle(listed))
            using (var list = owner.Use())
            {
                var names = new string[(int)Native.ironwal_name_list_count(list.Pointer)];
                for (int i = 0; i < names.Length; i++)
                    names[i] = Text.Of(Native.ironwal_name_list_get(list.Pointer, (UIntPtr)i));
                return names;
            }
        }

        /// <summary>A handle of a stream, which its first append creates. It keeps the log open until it is disposed or the log closed.</summary>
        public LogStream Stream(string name)
        {
            using (var log = handle.Use()) return LogStream.Open(log.Pointer, waits, name);
        }

        /// <summary>Deletes a stream with all its entries, durably. Deleting what is not there succeeds.</summary>
        public void DeleteStream(string name)
        {
            byte[] bytes = Text.Bytes(name, "name");
            IntPtr e;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_delete_stream(log.Pointer, at, (UIntPtr)bytes.Length, &e), e);
        }

        /// <summary>Whether the log was opened with OpenReadOnly.</summary>
        public bool IsReadOnly
        {
            get
            {
                IntPtr e;
                byte only;
                using (var log = handle.Use()) Failure.Check(Native.ironwal_wal_is_read_only(log.Pointer, &only, &e), e);
                return only != 0;
            }
        }

        /// <summary>Looks at everything again in a log that is open read-only. Reading does so where it has to.</summary>
        public void Refresh()
        {
            IntPtr e;
            using (var log = handle.Use()) Failure.Check(Native.ironwal_wal_refresh(log.Pointer, &e), e);
        }

        /// <summary>Removes old segments of all streams, durably, and returns how many.</summary>
        public long ApplyRetention(Retention retention)
        {
            if (retention == null) throw new ArgumentNullException("retention");
            IntPtr e;
            UIntPtr segments;
            byte cursors = retention.KeepCursors ? (byte)1 : (byte)0;
            using (var log = handle.Use())
                Failure.Check(Native.ironwal_wal_apply_retention(log.Pointer, retention.Bytes, retention.AgeNs, cursors, &segments, &e), e);
            return (long)segments;
        }

        /// <summary>What has happened to all streams since the log was opened, and where they are now.</summary>
        public LogStats Stats()
        {
            IntPtr e;
            LogStats stats;
            using (var log = handle.Use())
                Failure.Check(Native.ironwal_wal_stats(log.Pointer, &stats, (UIntPtr)sizeof(LogStats), &e), e);
            return stats;
        }

        /// <summary>Reads everything that is stored and checks it. It changes nothing, and no call waits for it.</summary>
        public VerifyReport Verify()
        {
            using (var log = handle.Use()) return VerifyReport.Of(log.Pointer);
        }

        /// <summary>What opening the log found and did. It does not change while the log is open.</summary>
        public RecoveryReport Recovery()
        {
            using (var log = handle.Use()) return RecoveryReport.Of(log.Pointer);
        }

        /// <summary>Puts a copy of the log, as it is at one moment, into the new directory.</summary>
        public SnapshotStats SnapshotTo(string directory, SnapshotMode mode = SnapshotMode.Link)
        {
            byte[] bytes = Text.Bytes(directory, "directory");
            IntPtr e;
            Native.ironwal_snapshot_stats stats;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_wal_snapshot_to(log.Pointer, at, (UIntPtr)bytes.Length, (int)mode,
                        &stats, (UIntPtr)sizeof(Native.ironwal_snapshot_stats), &e), e);
            return new SnapshotStats(stats);
        }

        /// <summary>As SnapshotTo, also where a log that is open read-only finds no moment at which the writer pauses.</summary>
        public SnapshotStats SnapshotStreamsTo(string directory, SnapshotMode mode = SnapshotMode.Link)
        {
            byte[] bytes = Text.Bytes(directory, "directory");
            IntPtr e;
            Native.ironwal_snapshot_stats stats;
            using (var log = handle.Use())
                fixed (byte* at = bytes)
                    Failure.Check(Native.ironwal_wal_snapshot_streams_to(log.Pointer, at, (UIntPtr)bytes.Length, (int)mode,
                        &stats, (UIntPtr)sizeof(Native.ironwal_snapshot_stats), &e), e);
            return new SnapshotStats(stats);
        }
    }
}
