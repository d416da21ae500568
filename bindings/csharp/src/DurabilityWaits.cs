using System;
using System.Collections.Generic;
using System.Threading;

namespace Ironwal
{
    /// <summary>
    /// Which actions of one log run, and which wait where threads of the library must not call managed code? Its lock guards all that
    /// follows. Closing completes all of them, as closing does with callbacks of the library.
    /// </summary>
    internal sealed class LogWaits
    {
        [ThreadStatic]
        private static LogWaits runs;

        internal readonly HashSet<DurabilityWaits> Working = new HashSet<DurabilityWaits>();
        internal bool IsClosed;

        /// <summary>Whether this is called from within an action of this log.</summary>
        internal bool RunOnThisThread
        {
            get { return runs == this; }
        }

        internal void CompleteAll(Status status)
        {
            List<DurabilityWaits> left;
            lock (this)
            {
                IsClosed = true;
                left = new List<DurabilityWaits>(Working);
                Monitor.PulseAll(this);
            }
            foreach (DurabilityWaits waits in left) waits.CompleteAll(status);
        }

        internal void Run(Action<Status> action, Status status)
        {
            LogWaits before = runs;
            runs = this;
            try
            {
                action(status);
            }
            catch (Exception failure)
            {
                Callbacks.Report(failure);
            }
            runs = before;
        }
    }

    /// <summary>
    /// How do actions of one stream learn that their marks are durable, without a callback of the library? A thread of this package
    /// syncs the stream while any waits: the sync covers all marks that were there before it.
    /// </summary>
    internal sealed unsafe class DurabilityWaits
    {
        private readonly StreamHandle stream;
        private readonly LogWaits ofLog;
        private readonly List<Ticket> waiting = new List<Ticket>();
        private bool isWorking;

        internal DurabilityWaits(StreamHandle stream, LogWaits ofLog)
        {
            this.stream = stream;
            this.ofLog = ofLog;
        }

        internal Ticket Add(Mark mark, Action<Status> action)
        {
            InUse use = stream.Use();
            bool isKept = false;
            try
            {
                // Refuses a mark of another stream or opening.
                IntPtr e;
                byte durable;
                Failure.Check(Native.ironwal_stream_is_durable(use.Pointer, mark.Raw, &durable, &e), e);
                var ticket = new Ticket { Mark = mark, Action = action };
                lock (ofLog)
                {
                    if (ofLog.IsClosed) throw Failure.Closed("the log");
                    if (!isWorking)
                    {
                        new Thread(() => Work(use)) { IsBackground = true, Name = "ironwal-csharp" }.Start();
                        isWorking = isKept = true;
                        ofLog.Working.Add(this);
                    }
                    waiting.Add(ticket);
                }
                return ticket;
            }
            finally
            {
                if (!isKept) use.Dispose();
            }
        }

        /// <summary>The same action, so that closing the log from within it is refused.</summary>
        internal Action<Status> Marked(Action<Status> action)
        {
            return status => ofLog.Run(action, status);
        }

        internal bool Cancel(Ticket ticket)
        {
            lock (ofLog)
            {
                if (waiting.Remove(ticket)) return true;
                while (ticket.RunsOn != null && ticket.RunsOn != Thread.CurrentThread) Monitor.Wait(ofLog);
                return false;
            }
        }

        private void Work(InUse use)
        {
            while (true)
            {
                Ticket[] batch;
                lock (ofLog)
                {
                    if (waiting.Count == 0 || ofLog.IsClosed)
                    {
                        isWorking = false;
                        if (waiting.Count == 0) ofLog.Working.Remove(this);
                        Monitor.PulseAll(ofLog);
                        use.Dispose();
                        return;
                    }
                    batch = waiting.ToArray();
                }
                IntPtr e;
                int status = Native.ironwal_stream_sync(use.Pointer, &e);
                Native.ironwal_error_free(status == Native.IRONWAL_OK ? IntPtr.Zero : e);
                if (status == Native.IRONWAL_E_CLOSED)
                {
                    // The thread that closes the log learns whether everything became durable, and completes what waits.
                    lock (ofLog)
                        while (!ofLog.IsClosed) Monitor.Wait(ofLog);
                    continue;
                }
                foreach (Ticket ticket in batch) Run(ticket, status == Native.IRONWAL_OK ? Status.Ok : StatusOf(use, ticket, status));
            }
        }

        /// <summary>What a mark has become where the sync failed: it may have been durable before.</summary>
        private static Status StatusOf(InUse use, Ticket ticket, int ofSync)
        {
            IntPtr e;
            byte durable;
            int status = Native.ironwal_stream_is_durable(use.Pointer, ticket.Mark.Raw, &durable, &e);
            if (status == Native.IRONWAL_OK) return durable != 0 ? Status.Ok : (Status)ofSync;
            Native.ironwal_error_free(e);
            return (Status)status;
        }

        private void Run(Ticket ticket, Status status)
        {
            lock (ofLog)
            {
                if (!waiting.Remove(ticket)) return;
                ticket.RunsOn = Thread.CurrentThread;
            }
            ofLog.Run(ticket.Action, status);
            lock (ofLog)
            {
                ticket.RunsOn = null;
                Monitor.PulseAll(ofLog);
            }
        }

        internal void CompleteAll(Status status)
        {
            Ticket[] left;
            lock (ofLog)
            {
                while (isWorking) Monitor.Wait(ofLog);
                left = waiting.ToArray();
                ofLog.Working.Remove(this);
            }
            foreach (Ticket ticket in left) Run(ticket, status);
        }
    }
}
