using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Ironwal
{
    /// <summary>
    /// When is a handle of the C library freed? Once it was disposed, or forgotten, and no call uses it any more.
    /// </summary>
    internal abstract class NativeHandle : SafeHandle
    {
        private readonly string what;

        protected NativeHandle(IntPtr pointer, string what) : base(IntPtr.Zero, true)
        {
            this.what = what;
            SetHandle(pointer);
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        /// <summary>Keeps the handle from being freed until the result is disposed.</summary>
        internal InUse Use()
        {
            bool added = false;
            try
            {
                DangerousAddRef(ref added);
            }
            catch (ObjectDisposedException)
            {
                throw Failure.Closed(what);
            }
            return new InUse(this, handle);
        }
    }

    /// <summary>A handle for the time of one call.</summary>
    internal struct InUse : IDisposable
    {
        private readonly NativeHandle owner;
        internal readonly IntPtr Pointer;

        internal InUse(NativeHandle owner, IntPtr pointer)
        {
            this.owner = owner;
            Pointer = pointer;
        }

        public void Dispose()
        {
            owner.DangerousRelease();
        }
    }

    /// <summary>
    /// A log, sharded or not. What closing it returns belongs to the caller of Close; the collector closes without a report.
    /// </summary>
    internal sealed unsafe class LogHandle : NativeHandle
    {
        private readonly bool sharded;
        private ManualResetEventSlim released;
        private int status;
        private IntPtr error;

        internal LogHandle(IntPtr pointer, bool sharded) : base(pointer, "the log")
        {
            this.sharded = sharded;
        }

        /// <summary>Closes the log after the calls under way. False: a callback of the log asked for it, and nothing was done.</summary>
        internal bool TryClose()
        {
            released = new ManualResetEventSlim();
            Dispose();
            released.Wait();
            if (status == Native.IRONWAL_E_INVALID_ARG)
            {
                Native.ironwal_error_free(error);
                return false;
            }
            Failure.Check(status, error);
            return true;
        }

        protected override bool ReleaseHandle()
        {
            if (released == null)
            {
                if (sharded) Native.ironwal_sharded_free(handle);
                else Native.ironwal_wal_free(handle);
                return true;
            }
            IntPtr failed;
            status = sharded ? Native.ironwal_sharded_close(handle, &failed) : Native.ironwal_wal_close(handle, &failed);
            error = failed;
            released.Set();
            return true;
        }
    }

    internal sealed class StreamHandle : NativeHandle
    {
        internal StreamHandle(IntPtr pointer) : base(pointer, "the stream") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_stream_free(handle);
            return true;
        }
    }

    internal sealed class IterHandle : NativeHandle
    {
        internal IterHandle(IntPtr pointer) : base(pointer, "the iterator") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_iter_free(handle);
            return true;
        }
    }

    internal sealed class CancellerHandle : NativeHandle
    {
        internal CancellerHandle(IntPtr pointer) : base(pointer, "the iterator") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_canceller_free(handle);
            return true;
        }
    }

    internal sealed class PinHandle : NativeHandle
    {
        internal PinHandle(IntPtr pointer) : base(pointer, "the view") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_view_pin_free(handle);
            return true;
        }
    }

    internal sealed class TransactionHandle : NativeHandle
    {
        internal TransactionHandle(IntPtr pointer) : base(pointer, "the transaction") { }

        /// <summary>The pointer, which the caller consumes.</summary>
        internal IntPtr Take()
        {
            IntPtr taken = handle;
            SetHandleAsInvalid();
            return taken;
        }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_txn_abort(handle);
            return true;
        }
    }

    internal sealed class OptionsHandle : NativeHandle
    {
        internal OptionsHandle(IntPtr pointer) : base(pointer, "the options") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_options_free(handle);
            return true;
        }
    }

    internal sealed class ShardedOptionsHandle : NativeHandle
    {
        internal ShardedOptionsHandle(IntPtr pointer) : base(pointer, "the options") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_sharded_options_free(handle);
            return true;
        }
    }

    internal sealed class NameListHandle : NativeHandle
    {
        internal NameListHandle(IntPtr pointer) : base(pointer, "the list") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_name_list_free(handle);
            return true;
        }
    }

    internal sealed class PropertyListHandle : NativeHandle
    {
        internal PropertyListHandle(IntPtr pointer) : base(pointer, "the list") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_property_list_free(handle);
            return true;
        }
    }

    internal sealed class CheckpointHandle : NativeHandle
    {
        internal CheckpointHandle(IntPtr pointer) : base(pointer, "the checkpoint") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_checkpoint_free(handle);
            return true;
        }
    }

    internal sealed class CheckpointListHandle : NativeHandle
    {
        internal CheckpointListHandle(IntPtr pointer) : base(pointer, "the list") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_checkpoint_list_free(handle);
            return true;
        }
    }

    internal sealed class VerifyReportHandle : NativeHandle
    {
        internal VerifyReportHandle(IntPtr pointer) : base(pointer, "the report") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_verify_report_free(handle);
            return true;
        }
    }

    internal sealed class RecoveryReportHandle : NativeHandle
    {
        internal RecoveryReportHandle(IntPtr pointer) : base(pointer, "the report") { }

        protected override bool ReleaseHandle()
        {
            Native.ironwal_recovery_report_free(handle);
            return true;
        }
    }
}
