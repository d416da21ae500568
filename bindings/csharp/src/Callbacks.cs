using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Ironwal
{
    /// <summary>Names an action given to OnDurable, to cancel it.</summary>
    public sealed class Ticket
    {
        internal Native.ironwal_ticket Raw;
        internal GCHandle Context;
    }

    /// <summary>
    /// How do calls of the library reach the program? By static methods that IL2CPP compiles ahead, and a handle of the collector
    /// that keeps what they call. Delegates stay in static fields, so none is collected while the library may call it.
    /// </summary>
    public static unsafe class Callbacks
    {
        /// <summary>
        /// Gets what an action of OnDurable or a Logger threw: it must not pass through the library. Without a handler it is written
        /// to the standard error.
        /// </summary>
        public static event Action<Exception> Failed;

        private static readonly Native.ironwal_durable_fn Durable = OnDurableCalled;
        private static readonly Native.ironwal_log_fn Log = OnLogCalled;
        private static readonly Native.ironwal_release_fn Release = OnReleased;

        static Callbacks()
        {
            // Compiles what the first callback on a thread calls, so that it waits for no lock of the runtime then.
            CollectorSignals.Unblock();
        }

        internal static Ticket OnDurable(IntPtr stream, Mark mark, Action<Status> action)
        {
            var ticket = new Ticket { Context = GCHandle.Alloc(action) };
            IntPtr e;
            Native.ironwal_ticket raw;
            var context = (UIntPtr)(ulong)(long)GCHandle.ToIntPtr(ticket.Context);
            int status = Native.ironwal_stream_on_durable(stream, mark.Raw, Durable, context, &raw, &e);
            if (status != Native.IRONWAL_OK)
            {
                ticket.Context.Free();
                throw Failure.Of(status, e);
            }
            ticket.Raw = raw;
            return ticket;
        }

        internal static bool Cancel(IntPtr stream, Ticket ticket)
        {
            IntPtr e;
            byte cancelled;
            Native.ironwal_ticket raw = ticket.Raw;
            Failure.Check(Native.ironwal_stream_cancel_durable(stream, &raw, &cancelled, &e), e);
            if (cancelled == 0) return false;
            ticket.Context.Free();
            return true;
        }

        internal static void SetLogger(IntPtr options, Action<LogLevel, string> logger)
        {
            IntPtr e;
            GCHandle context = GCHandle.Alloc(logger);
            // The library releases the context, also when the call fails.
            int status = Native.ironwal_options_set_log_owned(options, Log, (UIntPtr)(ulong)(long)GCHandle.ToIntPtr(context), Release, &e);
            Failure.Check(status, e);
        }

        private static GCHandle Of(UIntPtr context)
        {
            return GCHandle.FromIntPtr((IntPtr)(long)(ulong)context);
        }

        [MonoPInvokeCallback(typeof(Native.ironwal_durable_fn))]
        private static void OnDurableCalled(UIntPtr context, Native.ironwal_mark mark, int status)
        {
            try
            {
                CollectorSignals.Unblock();
                GCHandle handle = Of(context);
                var action = (Action<Status>)handle.Target;
                handle.Free();
                action((Status)status);
            }
            catch (Exception failure)
            {
                Report(failure);
            }
        }

        [MonoPInvokeCallback(typeof(Native.ironwal_log_fn))]
        private static void OnLogCalled(UIntPtr context, int level, byte* message, UIntPtr length)
        {
            try
            {
                CollectorSignals.Unblock();
                ((Action<LogLevel, string>)Of(context).Target)((LogLevel)level, Text.Of(message, length));
            }
            catch (Exception failure)
            {
                Report(failure);
            }
        }

        [MonoPInvokeCallback(typeof(Native.ironwal_release_fn))]
        private static void OnReleased(UIntPtr context)
        {
            try
            {
                CollectorSignals.Unblock();
                Of(context).Free();
            }
            catch (Exception failure)
            {
                Report(failure);
            }
        }

        private static void Report(Exception failure)
        {
            try
            {
                Action<Exception> failed = Failed;
                if (failed != null) failed(failure);
                else Console.Error.WriteLine("ironwal: a callback failed: " + failure);
            }
            catch (Exception second)
            {
                Console.Error.WriteLine("ironwal: a callback failed: " + failure + ", and so did its report: " + second);
            }
        }
    }

    /// <summary>
    /// How does the collector stop a thread of the library that has called managed code? Mono and IL2CPP do it by signals on Linux,
    /// and wait for ever where a thread blocks them, as the threads of the library do. So each unblocks them when it first comes here.
    /// </summary>
    internal static unsafe class CollectorSignals
    {
        private const int SIGXCPU = 24, SIGPWR = 30, FirstRealTime = 34, LastRealTime = 64, SIG_UNBLOCK = 1;

        private static readonly bool IsLinux = Environment.OSVersion.Platform == PlatformID.Unix && Directory.Exists("/proc/self/task");

        [ThreadStatic]
        private static bool isUnblocked;

        [DllImport("libc")]
        private static extern int pthread_sigmask(int how, byte* set, byte* old);

        internal static void Unblock()
        {
            if (isUnblocked || !IsLinux) return;
            // A set has a bit for each signal, the lowest for signal 1. 128 bytes are what the largest one takes.
            byte* set = stackalloc byte[128];
            for (int i = 0; i < 128; i++) set[i] = 0;
            Add(set, SIGXCPU);
            Add(set, SIGPWR);
            for (int number = FirstRealTime; number <= LastRealTime; number++) Add(set, number);
            int failed = pthread_sigmask(SIG_UNBLOCK, set, null);
            if (failed != 0) throw new InvalidOperationException("pthread_sigmask failed with " + failed);
            isUnblocked = true;
        }

        private static void Add(byte* set, int number)
        {
            set[(number - 1) / 8] |= (byte)(1 << ((number - 1) % 8));
        }
    }

    /// <summary>A task that waits for a mark. Its continuations never run on a thread of the library.</summary>
    internal sealed class DurableWait
    {
        private readonly TaskCompletionSource<bool> source =
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        private CancellationTokenRegistration registration;

        internal static Task Begin(LogStream stream, Mark mark, CancellationToken token)
        {
            var wait = new DurableWait();
            if (token.IsCancellationRequested)
            {
                wait.source.SetCanceled();
                return wait.source.Task;
            }
            Ticket ticket = stream.OnDurable(mark, wait.Complete);
            if (token.CanBeCanceled)
            {
                wait.registration = token.Register(() => wait.Cancel(stream, ticket));
                if (wait.source.Task.IsCompleted) wait.registration.Dispose();
            }
            return wait.source.Task;
        }

        private void Complete(Status status)
        {
            if (status == Status.Ok) source.TrySetResult(true);
            else source.TrySetException(Failure.Of((int)status, IntPtr.Zero));
        }

        private void Cancel(LogStream stream, Ticket ticket)
        {
            try
            {
                if (stream.Cancel(ticket)) source.TrySetCanceled();
            }
            catch (ClosedException)
            {
                // Closing the log completes the callback. A stream that was disposed leaves it to the library.
            }
        }
    }

    /// <summary>IL2CPP looks for an attribute of this name, wherever it is declared, to compile a method that native code calls.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        internal readonly Type Type;

        // IL2CPP demands the type of the delegate.
        public MonoPInvokeCallbackAttribute(Type type)
        {
            Type = type;
        }
    }
}
