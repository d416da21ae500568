//! How does C learn that a stream has grown, by a callback or a descriptor, without a thread that waits?

#![allow(unsafe_code)]

use std::ptr;
use std::sync::Arc;

use crate::Event;
use crate::Ticket;
use crate::ids::Place;
use crate::platform::CancellationGuard;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::boundary::OpenRef;
use crate::ffi::durability::ironwal_mark;
use crate::ffi::durability::mark_of;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::log_callback::CallbackContext;
#[cfg(not(unix))]
use crate::ffi::status::IRONWAL_E_OTHER;
use crate::ffi::status::IRONWAL_OK;
use crate::ffi::status::ironwal_status;
use crate::ffi::status::status_of;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// The descriptor is readable when more entries are durable.
pub const IRONWAL_EVENT_DURABLE: i32 = 1001;
/// The descriptor is readable when more entries are in the kernel.
pub const IRONWAL_EVENT_WRITTEN: i32 = 1002;

/// Learns that everything in front of `mark` is durable (::IRONWAL_OK), or cannot become so:
/// ::IRONWAL_E_POISONED, ::IRONWAL_E_DETACHED, ::IRONWAL_E_CLOSED, ::IRONWAL_E_STREAM_NOT_FOUND. `ctx` and
/// `mark` are those of the registration.
///
/// Called once, under no lock, on a thread of the library or on one that closes the log; callbacks of one
/// stream run one after the other. It may append, read, register and cancel. It must return soon, as
/// the syncs of other streams may wait for it; it must not throw or longjmp. It cannot close the log.
/// In a forked child none is called.
pub type ironwal_durable_fn =
    Option<unsafe extern "C" fn(ctx: CallbackContext, mark: ironwal_mark, status: ironwal_status)>;

/// Names a callback that was registered, to cancel it. The contents are the library's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_ticket {
    /// Which opening of which stream.
    pub stream: u64,
    /// The place of the mark of the registration.
    pub mark: u64,
    /// Which callback.
    pub listener: u64,
}

/// Has `callback` called once everything in front of `mark` is durable, or cannot become so. Returns at
/// once, also where the mark is durable already. Asks for a sync, so that nothing else has to.
/// ironwal_wal_close() completes all callbacks before it returns.
///
/// - Owns: the object behind `ctx` stays the caller's, and must live until the callback has returned or
///   is cancelled.
/// - NULL: `out_ticket` may be NULL.
/// - Blocks: for a sync only if the system lets the library start no thread.
/// - Errors: after each nothing is registered. ::IRONWAL_E_CONFIG for a mark of another stream or
///   opening; ::IRONWAL_E_IO where the system starts no thread; ::IRONWAL_E_READ_ONLY;
///   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_on_durable(
    stream: *const ironwal_stream,
    mark: ironwal_mark,
    callback: ironwal_durable_fn,
    ctx: CallbackContext,
    out_ticket: *mut ironwal_ticket,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let callback = callback.ok_or_else(|| Failure::argument("callback is NULL"))?;
            let answer = move |durable: crate::Result<()>| {
                let status = durable.map_or_else(|error| status_of(&error), |()| IRONWAL_OK);
                // A cancellation point that the callback reaches must not end the thread inside the engine.
                let _uncancelled = CancellationGuard::enter();
                // SAFETY: the caller registered a function that keeps to the contract above.
                callback(ctx, mark, status);
            };
            let ticket = handle.stream.on_durable(mark_of(mark), answer)?;
            boundary::write_out(out_ticket, ticket_to_c(ticket));
            Ok(())
        })
    }
}

fn ticket_to_c(ticket: Ticket) -> ironwal_ticket {
    ironwal_ticket {
        stream: ticket.opening,
        mark: ticket.place.0,
        listener: ticket.listener,
    }
}

/// Cancels a callback. `*out_cancelled` is true if it was not called and will not be. False: it was
/// called and has returned, except where this is called from within that very callback; or the ticket
/// is of another stream. Waits for a callback that runs, so what it uses can be freed afterwards.
///
/// - NULL: `out_cancelled` may be NULL.
/// - Errors: none of its own. After ::IRONWAL_E_CLOSED every callback has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_cancel_durable(
    stream: *const ironwal_stream,
    ticket: *const ironwal_ticket,
    out_cancelled: *mut bool,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let ticket = match boundary::array(ticket, 1, "ticket")? {
                [ticket] => Ticket {
                    opening: ticket.stream,
                    place: Place(ticket.mark),
                    listener: ticket.listener,
                },
                _ => return Err(Failure::argument("ticket is NULL")),
            };
            boundary::write_out(out_cancelled, handle.stream.cancel(ticket));
            Ok(())
        })
    }
}

/// A descriptor that is readable when a stream has grown. Freed with ironwal_events_free(), before or
/// after its log is closed.
pub enum ironwal_events {}

/// What stands behind an `ironwal_events`.
struct EventsHandle {
    keeper: Arc<OpenRef>,
    events: Events,
}

#[cfg(unix)]
use crate::Events;

/// Nothing: the system has no descriptors.
#[cfg(not(unix))]
enum Events {}

impl Handle for EventsHandle {
    type Opaque = ironwal_events;
    const MAGIC: u64 = 0x6972_6F6E_6576_6531;
    const NAME: &'static str = "events";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        Some(&self.keeper.gate)
    }
}

#[cfg(unix)]
fn open(handle: &StreamHandle, event: Event) -> Result<Events, Failure> {
    Ok(handle.stream.events(event)?)
}

#[cfg(not(unix))]
fn open(_handle: &StreamHandle, _event: Event) -> Result<Events, Failure> {
    let message = "the system has no descriptors to poll; use ironwal_stream_on_durable()";
    Err(Failure::Refused(IRONWAL_E_OTHER, message.into()))
}

#[cfg(unix)]
fn descriptor_of(events: &Events) -> i32 {
    use std::os::fd::AsFd;
    use std::os::fd::AsRawFd;
    events.as_fd().as_raw_fd()
}

#[cfg(not(unix))]
fn descriptor_of(events: &Events) -> i32 {
    match *events {}
}

#[cfg(unix)]
fn drain(events: &Events) -> Result<u64, Failure> {
    Ok(events.drain()?)
}

#[cfg(not(unix))]
fn drain(events: &Events) -> Result<u64, Failure> {
    match *events {}
}

/// Opens a descriptor for poll(), epoll, kqueue or an event loop, on Unix. It is readable when the stream
/// has grown since the last ironwal_events_drain(), or has ended; not at first, so drain it once to learn
/// where the stream is. With ::IRONWAL_EVENT_DURABLE what is appended while it lives is synced as soon as
/// a thread of the library is free, and one sync covers what came meanwhile.
///
/// - Owns: free `*out_events` with ironwal_events_free(); it keeps the log open until then, unless that
///   is closed.
/// - Errors: ::IRONWAL_E_IO where no descriptor is left; ::IRONWAL_E_READ_ONLY;
///   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted; ::IRONWAL_E_OTHER on other systems.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_events(
    stream: *const ironwal_stream,
    event: i32,
    out_events: *mut *mut ironwal_events,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_events, ptr::null_mut());
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_events = boundary::non_null(out_events, "out_events")?;
            let event = match event {
                IRONWAL_EVENT_DURABLE => Event::Durable,
                IRONWAL_EVENT_WRITTEN => Event::Written,
                other => {
                    return Err(Failure::argument(format!(
                        "event is {other}, which is no IRONWAL_EVENT constant"
                    )));
                }
            };
            let events = EventsHandle {
                keeper: Arc::clone(&handle.keeper),
                events: open(handle, event)?,
            };
            boundary::write_out(out_events, boundary::into_handle(events));
            Ok(())
        })
    }
}

/// The descriptor, to wait until it is readable.
///
/// - Owns: it belongs to `events` and ends with it: neither read nor close it.
/// - Errors: those of every call on a log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_events_fd(
    events: *const ironwal_events,
    out_fd: *mut i32,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<EventsHandle>(events, out_error, |handle| {
            let out_fd = boundary::non_null(out_fd, "out_fd")?;
            boundary::write_out(out_fd, descriptor_of(&handle.events));
            Ok(())
        })
    }
}

/// Makes the descriptor not readable, and returns one past the last id that is durable or in the kernel,
/// by the event. What comes after this makes it readable again, so nothing is missed.
///
/// - Errors: why the stream will not grow any more: ::IRONWAL_E_CLOSED, ::IRONWAL_E_STREAM_NOT_FOUND,
///   ::IRONWAL_E_POISONED, ::IRONWAL_E_DETACHED. Each makes the descriptor readable once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_events_drain(
    events: *const ironwal_events,
    out_end_id: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<EventsHandle>(events, out_error, |handle| {
            let out_end_id = boundary::non_null(out_end_id, "out_end_id")?;
            boundary::write_out(out_end_id, drain(&handle.events)?);
            Ok(())
        })
    }
}

/// Frees the handle and closes the descriptor.
///
/// - Blocks: as ironwal_wal_free() where it is the last handle of the log; in a forked child never.
/// - Durable: everything, where it is the last handle of the log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_events_free(events: *mut ironwal_events) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the handle up.
    boundary::call_void(|| drop(unsafe { boundary::take::<EventsHandle>(events) }));
}
