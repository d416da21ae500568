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
        // Of a callback of the library.
        internal Native.ironwal_ticket Raw;
        internal GCHandle Context;

        // Of DurabilityWaits.
        internal Mark Mark;
        internal Action<Status> Action;
        internal Thread RunsOn;
    }

    /// <summary>
    /// How do calls of the library reach the program? By static methods that IL2CPP compiles ahead, and a handle of the collector
    /// that keeps what it calls. The delegate stays in a static field, so it is not collected while the library may call it.
    /// </summary>
    public static unsafe class Callbacks
    {
        /// <summary>
        /// Gets what an action of OnDurable threw: it must not pass through the library. Without a handler it is written
        /// to the standard error.
        /// </summary>
        public static event Action<Exception> Failed;

        private static readonly Native.ironwal_durable_fn Durable = OnDurableCalled;

        /// <summary>
        /// Whether threads of the library may call managed code. Mono and IL2CPP stop all threads that have by signals on Linux, and
        /// wait for ever where a thread blocks them, as the threads of the library do. There DurabilityWaits does what callbacks do.
        /// </summary>
        internal static readonly bool AreNative = !(IsIl2Cpp || Type.GetType("Mono.Runtime") != null) || !Directory.Exists("/proc/self/task");

#if ENABLE_IL2CPP
        private const bool IsIl2Cpp = true;
#else
        private const bool IsIl2Cpp = false;
#endif

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

        private static GCHandle Of(UIntPtr context)
        {
            return GCHandle.FromIntPtr((IntPtr)(long)(ulong)context);
        }

        [MonoPInvokeCallback(typeof(Native.ironwal_durable_fn))]
        private static void OnDurableCalled(UIntPtr context, Native.ironwal_mark mark, int status)
        {
            try
            {
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

        internal static void Report(Exception failure)
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
