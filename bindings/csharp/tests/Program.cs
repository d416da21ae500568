using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Threading;

namespace Ironwal.Tests
{
    /// <summary>A method that the program below runs.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    sealed class TestAttribute : Attribute { }

    /// <summary>
    /// Runs the tests, all or those whose name holds the argument, and says how many passed. A small runner, as neither Mono of
    /// Debian nor a bare runtime comes with a library for tests.
    ///
    ///     mono tests.exe [PART-OF-A-NAME]
    ///     mono tests.exe --child NAME LOG ARGUMENT      what a test starts as another process
    /// </summary>
    static class Program
    {
        static int Main(string[] arguments)
        {
            if (arguments.Length == 4 && arguments[0] == "--child")
                return ProcessTests.RunChild(arguments[1], arguments[2], arguments[3]);
            string part = arguments.Length > 0 ? arguments[0] : "";
            int passed = 0, failed = 0;
            foreach (MethodInfo test in All().Where(test => test.Name.IndexOf(part, StringComparison.OrdinalIgnoreCase) >= 0))
            {
                if (Environment.GetEnvironmentVariable("IRONWAL_TEST_NAMES") != null) Console.WriteLine(test.Name);
                string problem = Problem(test);
                if (problem == null) passed++;
                else failed++;
                if (problem != null) Console.WriteLine("FAILED " + test.Name + "\n" + problem);
            }
            Console.WriteLine(passed + " passed, " + failed + " failed");
            return failed == 0 && passed > 0 ? 0 : 1;
        }

        internal static IEnumerable<MethodInfo> All()
        {
            return from type in typeof(Program).Assembly.GetTypes()
                   from method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
                   where method.GetCustomAttributes(typeof(TestAttribute), false).Length > 0
                   orderby method.Name
                   select method;
        }

        /// <summary>Runs a test on a thread of its own, so that one that hangs fails too.</summary>
        static string Problem(MethodInfo test)
        {
            string problem = null;
            var thread = new Thread(() =>
            {
                try
                {
                    using (var place = new Place()) test.Invoke(null, new object[] { place });
                }
                catch (TargetInvocationException e)
                {
                    problem = e.InnerException.ToString();
                }
                catch (Exception e)
                {
                    problem = e.ToString();
                }
            });
            thread.IsBackground = true;
            thread.Start();
            return thread.Join(TimeSpan.FromSeconds(120)) ? problem : "it did not end within 120 seconds";
        }
    }

    /// <summary>A directory of one test; it is removed with all logs in it.</summary>
    sealed class Place : IDisposable
    {
        internal readonly string Root;

        internal Place()
        {
            Root = Path.Combine(Path.GetTempPath(), "ironwal-csharp-" + Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(Root);
        }

        /// <summary>Where the log goes; nothing is there yet.</summary>
        internal string Log
        {
            get { return Other("log"); }
        }

        internal string Other(string name)
        {
            return Path.Combine(Root, name);
        }

        /// <summary>The file below the directory that holds the text.</summary>
        internal string FileWith(string text)
        {
            return Directory.GetFiles(Root, "*", SearchOption.AllDirectories)
                .First(file => Encoding.GetEncoding("iso-8859-1").GetString(File.ReadAllBytes(file)).Contains(text));
        }

        public void Dispose()
        {
            Directory.Delete(Root, true);
        }
    }

    sealed class ExpectationException : Exception
    {
        internal ExpectationException(string message) : base(message) { }
    }

    /// <summary>What tests say and compare.</summary>
    static class Expect
    {
        /// <summary>A log that syncs only when it is asked to.</summary>
        internal static Options Lazy
        {
            get { return new Options { SyncMode = SyncMode.Async, NoBackgroundSync = true }; }
        }

        internal static void True(bool condition, string what)
        {
            if (!condition) throw new ExpectationException(what);
        }

        internal static void Equal(object wanted, object found)
        {
            if (!Equals(Convert.ToString(wanted), Convert.ToString(found)))
                throw new ExpectationException("expected " + wanted + ", got " + found);
        }

        internal static T Throws<T>(Action call) where T : Exception
        {
            try
            {
                call();
            }
            catch (T e)
            {
                return e;
            }
            throw new ExpectationException("expected " + typeof(T).Name + ", and nothing was thrown");
        }

        internal static byte[] Bytes(string text)
        {
            return Encoding.UTF8.GetBytes(text);
        }

        internal static string Text(byte[] bytes)
        {
            return Encoding.UTF8.GetString(bytes);
        }

        internal static IEnumerable<byte[]> Batch(params string[] entries)
        {
            return entries.Select(Bytes);
        }

        /// <summary>The stream holds these entries, from an id on, and no more.</summary>
        internal static void Entries(LogStream stream, ulong firstId, params string[] wanted)
        {
            Equal(string.Join("|", wanted.Select((text, i) => firstId + (ulong)i + " " + text)),
                string.Join("|", stream.Read().Select(entry => entry.Id + " " + Text(entry.Bytes))));
        }

        /// <summary>Runs actions on threads, and throws what one of them throws.</summary>
        internal static void AtOnce(params Action[] actions)
        {
            Exception problem = null;
            var threads = actions.Select(action => new Thread(() =>
            {
                try
                {
                    action();
                }
                catch (Exception e)
                {
                    problem = e;
                }
            })).ToArray();
            foreach (var thread in threads) thread.Start();
            foreach (var thread in threads) thread.Join();
            if (problem != null) throw new ExpectationException(problem.ToString());
        }

        internal static void Soon(string what, Func<bool> condition)
        {
            var since = Stopwatch.StartNew();
            while (!condition())
            {
                if (since.Elapsed > TimeSpan.FromSeconds(30)) throw new ExpectationException("not within 30 seconds: " + what);
                Thread.Sleep(2);
            }
        }
    }
}
