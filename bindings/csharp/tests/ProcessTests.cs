using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

namespace Ironwal.Tests
{
    /// <summary>Does the end of a process harm nothing, and do errors of the system arrive? Children are this program again.</summary>
    static class ProcessTests
    {
        internal static int RunChild(string name, string path, string argument)
        {
            try
            {
                if (name == "full-disk") FillTheDisk(path);
                else if (name == "no-close") EndWithoutClosing(path);
                else if (name == "writer") Write(path, (SyncMode)int.Parse(argument));
                else throw new ArgumentException(name);
                return 0;
            }
            catch (Exception e)
            {
                Console.Error.WriteLine(e);
                return 1;
            }
        }

        static Process Child(string name, string path, string argument = "-")
        {
            // What runs a program of .NET here, such as "mono" or "dotnet exec".
            string[] host = (Environment.GetEnvironmentVariable("IRONWAL_TEST_HOST") ?? "mono").Split(' ');
            var words = host.Skip(1).Concat(new[] { typeof(Program).Assembly.Location, "--child", name, path, argument });
            return Process.Start(new ProcessStartInfo(host[0], string.Join(" ", words.Select(word => "\"" + word + "\"")))
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
            });
        }

        static void RunToEnd(Process child)
        {
            child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Expect.Equal(0, child.ExitCode);
        }

        [Test]
        static void AnErrorOfTheSystemHasItsCodeAndPath(Place place)
        {
            const int ENOENT = 2;
            var failure = Expect.Throws<LogIOException>(() => Log.Open(place.Other("no/such/parent")));
            Expect.Equal(ENOENT + " " + Status.IO, failure.OSError + " " + failure.Status);
            Expect.True(failure.Path.StartsWith(place.Root) && failure.Message.Length > 0, failure.Message);
        }

        [StructLayout(LayoutKind.Sequential)]
        struct Limit
        {
            internal ulong Current, Maximum;
        }

        const int SIGXFSZ = 25, RLIMIT_FSIZE = 1, EFBIG = 27;

        [DllImport("libc.so.6")]
        static extern IntPtr signal(int number, IntPtr handler);

        [DllImport("libc.so.6")]
        static extern int getrlimit(int resource, out Limit limit);

        [DllImport("libc.so.6")]
        static extern int setrlimit(int resource, ref Limit limit);

        /// <summary>A limit on the size of files stands for a full disk; it belongs to the whole process.</summary>
        static void FillTheDisk(string path)
        {
            signal(SIGXFSZ, (IntPtr)1); // SIG_IGN
            using (var log = Log.Open(path, new Options { MaxSegmentSize = 1 << 30 }))
            using (var stream = log.Stream("s"))
            {
                stream.Append(Expect.Bytes("kept"));
                Limit before;
                Expect.Equal(0, getrlimit(RLIMIT_FSIZE, out before));
                var small = new Limit { Current = 1 << 20, Maximum = before.Maximum };
                Expect.Equal(0, setrlimit(RLIMIT_FSIZE, ref small));
                var full = Expect.Throws<NoSpaceException>(() => stream.Append(new byte[4 << 20]));
                Expect.True(full.OSError == EFBIG && full.Path.StartsWith(path), full.Message);
                Expect.Equal(0, setrlimit(RLIMIT_FSIZE, ref before));
                Expect.Equal(1, stream.Append(Expect.Bytes("again")));
            }
        }

        [Test]
        static void AFullDiskIsNoSpaceAndLosesNothing(Place place)
        {
            RunToEnd(Child("full-disk", place.Log));
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s")) Expect.Entries(stream, 0, "kept", "again");
        }

        static void EndWithoutClosing(string path)
        {
            var stream = Log.Open(path, Expect.Lazy).Stream("s");
            stream.AppendBatch(Expect.Batch("a", "b"));
            stream.Append(Expect.Bytes("c"));
            Environment.Exit(0);
        }

        [Test]
        static void AProgramThatEndsWithoutClosingLosesNothing(Place place)
        {
            RunToEnd(Child("no-close", place.Log));
            using (var log = Log.Open(place.Log))
            using (var stream = log.Stream("s")) Expect.Entries(stream, 0, "a", "b", "c");
        }

        static string EntryOf(string name, ulong id)
        {
            return name + " " + id;
        }

        /// <summary>Appends to two streams without end, and reports each id up to which all is acknowledged.</summary>
        static void Write(string path, SyncMode mode)
        {
            var log = Log.Open(path, new Options { SyncMode = mode, MaxSegmentSize = 1 << 16 });
            Expect.AtOnce(() => WriteStream(log, "a"), () => WriteStream(log, "b"));
        }

        static void WriteStream(Log log, string name)
        {
            var stream = log.Stream(name);
            ulong id = stream.NextId;
            while (true)
            {
                Appended appended;
                if (id % 4 == 0)
                    appended = stream.AppendBatch(Expect.Batch(EntryOf(name, id), EntryOf(name, id + 1), EntryOf(name, id + 2)), id);
                else
                    appended = stream.AppendBatch(Expect.Batch(EntryOf(name, id)),
                        properties: new[] { new Property("at", BitConverter.GetBytes(id)) });
                id = appended.EndId;
                lock (log)
                {
                    Console.WriteLine(name + " " + id);
                    Console.Out.Flush();
                }
            }
        }

        [Test]
        static void AKilledProcessLosesNothingAcknowledgedInEverySyncMode(Place place)
        {
            string given = Environment.GetEnvironmentVariable("IRONWAL_ROUNDS");
            int rounds = given == null ? 3 : int.Parse(given);
            foreach (SyncMode mode in new[] { SyncMode.Strict, SyncMode.BatchOnly, SyncMode.Async })
            {
                string path = place.Other(mode.ToString());
                var acknowledged = new Dictionary<string, ulong> { { "a", 0 }, { "b", 0 } };
                for (int round = 0; round < rounds; round++)
                {
                    using (Process writer = Child("writer", path, ((int)mode).ToString()))
                    {
                        int lines = 0, enough = 40 + round % 50 * 17;
                        string line;
                        while ((line = writer.StandardOutput.ReadLine()) != null)
                        {
                            if (++lines == enough) writer.Kill();
                            string[] words = line.Split(' ');
                            ulong id;
                            // A last line without its end says nothing: ids that are cut short are smaller.
                            if (words.Length == 2 && ulong.TryParse(words[1], out id) && id > acknowledged[words[0]]) acknowledged[words[0]] = id;
                        }
                        writer.WaitForExit();
                        Expect.True(lines >= enough && writer.ExitCode != 0, "the writer was killed");
                    }
                    ExpectAcknowledged(path, mode, acknowledged);
                }
            }
        }

        static void ExpectAcknowledged(string path, SyncMode mode, Dictionary<string, ulong> acknowledged)
        {
            using (var log = Log.Open(path, new Options { SyncMode = mode }))
            {
                foreach (var one in acknowledged)
                {
                    using (var stream = log.Stream(one.Key))
                    {
                        ulong next = stream.NextId;
                        Expect.True(next >= one.Value, one.Key + " ends at " + next + ", and " + one.Value + " were acknowledged");
                        ulong id = 0;
                        foreach (Entry entry in stream.Read())
                        {
                            Expect.Equal(id, entry.Id);
                            Expect.Equal(EntryOf(one.Key, id), Expect.Text(entry.Bytes));
                            id++;
                        }
                        Expect.Equal(next, id);
                        // Batches are whole, and an entry and its property were one append.
                        Expect.True(next % 4 == 0 || next % 4 == 3, one.Key + " ends at " + next + ", within a batch");
                        byte[] at = stream.GetProperty("at");
                        if (next < 4) Expect.True(at == null, "no property");
                        else Expect.Equal(next % 4 == 0 ? next - 1 : next - 4, BitConverter.ToUInt64(at, 0));
                    }
                }
            }
        }

        static long ResidentBytes()
        {
            return long.Parse(System.IO.File.ReadAllText("/proc/self/statm").Split(' ')[1]) * Environment.SystemPageSize;
        }

        [Test]
        static void CallsLeaveNoMemoryBehind(Place place)
        {
            byte[] big = new byte[3000];
            using (var log = Log.Open(place.Log, new Options { SyncMode = SyncMode.Async }))
            using (var first = log.Stream("s"))
            {
                first.AppendBatch(new[] { big }, properties: new[] { new Property("p", big) });
                Action<int> turns = count =>
                {
                    for (int i = 0; i < count; i++)
                    {
                        using (var stream = log.Stream("s"))
                        using (var iterator = stream.Iterate(0, Shown.Written))
                        using (var view = stream.View(0))
                        {
                            Entry last;
                            iterator.MoveNext();
                            stream.Get(0);
                            stream.TryGetLast(out last);
                            stream.Properties();
                            log.Streams();
                            stream.Cancel(stream.OnDurable(stream.CurrentMark(), status => { }));
                            Expect.Throws<SequenceMismatchException>(() => stream.AppendBatch(new byte[0][], 9));
                        }
                    }
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    GC.Collect();
                };
                turns(500);
                // What is lost is lost in each round: one entry a turn would be 1.5 MB. The collector's own heap comes and goes.
                long smallest = long.MaxValue;
                for (int round = 0; round < 5; round++)
                {
                    long before = ResidentBytes();
                    turns(500);
                    smallest = Math.Min(smallest, ResidentBytes() - before);
                }
                Expect.True(smallest < 1 << 19, smallest + " bytes more in each round");
            }
        }
    }
}
