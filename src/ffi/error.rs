//! What does a failed call report to its C caller? One immutable object.

#![allow(unsafe_code)]

use std::ffi::c_char;
#[cfg(unix)]
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;

use crate::Error;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::status::IRONWAL_E_INVALID_ARG;
use crate::ffi::status::IRONWAL_E_PANIC;
use crate::ffi::status::IRONWAL_E_TIMEOUT;
use crate::ffi::status::IRONWAL_OK;
use crate::ffi::status::ironwal_status;
use crate::ffi::status::status_of;

/// Why a call failed: a status, the operating system's code, the place, and a message that says
/// what to do. Made by the failing call, immutable, freed with ironwal_error_free(). Functions on it take a
/// handle of another kind for NULL.
pub enum ironwal_error {}

/// Text owned by the library: UTF-8, followed by a NUL byte that `len` does not count. Unknown or
/// empty text is {NULL, 0}.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ironwal_str {
    /// The first byte, or NULL.
    pub data: *const c_char,
    /// Length in bytes, without the NUL.
    pub len: usize,
}

/// Why a call does not succeed, before it is reported to C.
pub(super) enum Failure {
    /// The engine's error.
    Engine(Error),
    /// The call was wrong; the text says how to make it right.
    Refused(ironwal_status, String),
    /// One of the answers that come without an error object.
    Answer(ironwal_status),
    /// A failure of an earlier step, reported now: its place is known on the thread and at the time of
    /// the step only.
    Reported(Box<ErrorReport>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Timeout => Failure::Answer(IRONWAL_E_TIMEOUT),
            other => Failure::Engine(other),
        }
    }
}

impl Failure {
    /// A refused argument.
    pub(super) fn argument(what: impl Into<String>) -> Failure {
        Failure::Refused(IRONWAL_E_INVALID_ARG, what.into())
    }

    /// The same, as that of one part of a batch, and of its stream.
    pub(super) fn of_part(self, part: usize, stream: Option<&str>) -> Failure {
        let (status, report) = self.into_report();
        let Some(mut report) = report else {
            return Failure::Answer(status);
        };
        let whose = match stream {
            Some(stream) => format!("part {part}, stream {stream:?}"),
            None => format!("part {part}"),
        };
        report.message = CText::new(&format!("{whose}: {}", report.message.text()));
        if let (Some(stream), true) = (stream, report.stream.0.is_empty()) {
            report.stream = CText::new(stream);
        }
        Failure::Reported(Box::new(report))
    }

    /// The status and, unless it is a plain answer, the details.
    pub(super) fn into_report(self) -> (ironwal_status, Option<ErrorReport>) {
        match self {
            Failure::Answer(status) => (status, None),
            Failure::Reported(report) => (report.status, Some(*report)),
            Failure::Refused(status, message) => {
                (status, Some(ErrorReport::with_message(status, &message)))
            }
            Failure::Engine(error) => {
                let status = status_of(&error);
                (status, Some(ErrorReport::of_engine(status, &error)))
            }
        }
    }
}

/// What stands behind an `ironwal_error`.
pub(super) struct ErrorReport {
    status: ironwal_status,
    os_error: i32,
    message: CText,
    stream: CText,
    path: CText,
    offset: Option<u64>,
    ids: Option<Range<u64>>,
    /// The expected and the found id of a sequence mismatch.
    sequence: Option<(u64, u64)>,
    /// What an incomplete batch left, by shard.
    committed: Vec<(u16, Range<u64>)>,
}

impl ErrorReport {
    fn with_message(status: ironwal_status, message: &str) -> ErrorReport {
        ErrorReport {
            status,
            os_error: 0,
            message: CText::new(message),
            stream: CText::default(),
            path: CText::default(),
            offset: None,
            ids: None,
            sequence: None,
            committed: Vec::new(),
        }
    }

    fn of_engine(status: ironwal_status, error: &Error) -> ErrorReport {
        let context = error.context();
        let message = match context.advice {
            "" => error.to_string(),
            advice => format!("{error}; {advice}"),
        };
        let path = context.path.map(|path| path.display().to_string());
        ErrorReport {
            status,
            os_error: os_error_of(error),
            message: CText::new(&message),
            stream: CText::new(context.stream.as_deref().unwrap_or("")),
            path: CText::new(path.as_deref().unwrap_or("")),
            offset: context.offset,
            ids: match error {
                Error::SuffixCut { from_id } => Some(*from_id..u64::MAX),
                _ => context.ids,
            },
            sequence: match error {
                Error::SequenceMismatch { expected, found } => Some((*expected, *found)),
                _ => None,
            },
            committed: match error {
                Error::BatchIncomplete { committed, .. } => committed.clone(),
                _ => Vec::new(),
            },
        }
    }

    /// The report of a caught panic.
    pub(super) fn of_panic(message: &str) -> ErrorReport {
        let message =
            format!("a defect inside ironwal was caught: {message}; close the log and report it");
        ErrorReport::with_message(IRONWAL_E_PANIC, &message)
    }

    pub(super) fn into_raw(self) -> *mut ironwal_error {
        boundary::into_handle(self)
    }
}

impl Handle for ErrorReport {
    type Opaque = ironwal_error;
    const MAGIC: u64 = 0x6972_6F6E_6572_7231;
    const NAME: &'static str = "error";

    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// The system's code; ENOMEM where it was our allocator that had no memory.
fn os_error_of(error: &Error) -> i32 {
    match (error.os_error(), error) {
        (Some(code), _) => code,
        #[cfg(unix)]
        (None, Error::Io(cause)) if cause.kind() == io::ErrorKind::OutOfMemory => libc::ENOMEM,
        (None, _) => 0,
    }
}

/// Text with a NUL behind it.
#[derive(Default)]
pub(super) struct CText(Box<[u8]>);

impl CText {
    pub(super) fn new(text: &str) -> CText {
        if text.is_empty() {
            return CText::default();
        }
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        CText(bytes.into_boxed_slice())
    }

    fn text(&self) -> &str {
        let bytes = self.0.strip_suffix(b"\0").unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    pub(super) fn as_text(&self) -> ironwal_str {
        match self.0.len() {
            0 => ironwal_str::EMPTY,
            with_nul => ironwal_str {
                data: self.0.as_ptr().cast(),
                len: with_nul - 1,
            },
        }
    }
}

impl ironwal_str {
    /// What unknown text looks like.
    pub(super) const EMPTY: ironwal_str = ironwal_str {
        data: ptr::null(),
        len: 0,
    };
}

/// Reads one field of an error; `absent` where the error is NULL, or a handle of another kind.
///
/// # Safety
/// `error` is NULL or a live handle.
unsafe fn field<T>(
    error: *const ironwal_error,
    absent: T,
    read: impl FnOnce(&ErrorReport) -> T,
) -> T {
    if error.is_null() {
        return absent;
    }
    // SAFETY: as demanded of the caller; `tagged` has checked the kind, the caller keeps the error alive, and
    // nothing mutates it.
    match unsafe { boundary::tagged::<ErrorReport>(error) } {
        // SAFETY: the same.
        Ok(tagged) => read(unsafe { &(*tagged).value }),
        Err(_) => absent,
    }
}

/// The status that the failed call also returned.
///
/// - NULL: a NULL error gives ::IRONWAL_OK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_status(error: *const ironwal_error) -> ironwal_status {
    // SAFETY: the caller passes NULL or a live error.
    unsafe { field(error, IRONWAL_OK, |report| report.status) }
}

/// The operating system's code (errno) behind the failure, ENOMEM where there was no memory, 0 where
/// there is none.
///
/// - NULL: a NULL error gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_os_error(error: *const ironwal_error) -> i32 {
    // SAFETY: the caller passes NULL or a live error.
    unsafe { field(error, 0, |report| report.os_error) }
}

/// What happened, where, and what to do about it, for people.
///
/// - Owns: the text belongs to `error` and ends with it.
/// - NULL: a NULL error gives {NULL, 0}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_message(error: *const ironwal_error) -> ironwal_str {
    // SAFETY: the caller passes NULL or a live error.
    unsafe { field(error, ironwal_str::EMPTY, |report| report.message.as_text()) }
}

/// The stream concerned, {NULL, 0} where it is not known.
///
/// - Owns: the text belongs to `error` and ends with it.
/// - NULL: a NULL error gives {NULL, 0}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_stream(error: *const ironwal_error) -> ironwal_str {
    // SAFETY: the caller passes NULL or a live error.
    unsafe { field(error, ironwal_str::EMPTY, |report| report.stream.as_text()) }
}

/// The file or directory concerned, {NULL, 0} where it is not known.
///
/// - Owns: the text belongs to `error` and ends with it.
/// - NULL: a NULL error gives {NULL, 0}.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_path(error: *const ironwal_error) -> ironwal_str {
    // SAFETY: the caller passes NULL or a live error.
    unsafe { field(error, ironwal_str::EMPTY, |report| report.path.as_text()) }
}

/// The place in the file, in bytes. Returns whether it is known; `out_offset` is written only then.
///
/// - NULL: a NULL error gives false; `out_offset` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_offset(
    error: *const ironwal_error,
    out_offset: *mut u64,
) -> bool {
    // SAFETY: the caller passes NULL or a live error, and NULL or a writable uint64_t.
    unsafe {
        let Some(offset) = field(error, None, |report| report.offset) else {
            return false;
        };
        boundary::write_out(out_offset, offset);
        true
    }
}

/// The ids concerned, `out_first_id` (inclusive) to `out_end_id` (exclusive). Returns whether they are
/// known; the outputs are written only then. Of ::IRONWAL_E_SUFFIX_CUT those from the cut on: the end is
/// UINT64_MAX.
///
/// - NULL: a NULL error gives false; both outputs may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_ids(
    error: *const ironwal_error,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
) -> bool {
    // SAFETY: the caller passes NULL or a live error, and NULL or writable uint64_ts.
    unsafe {
        let Some(ids) = field(error, None, |report| report.ids.clone()) else {
            return false;
        };
        boundary::write_out(out_first_id, ids.start);
        boundary::write_out(out_end_id, ids.end);
        true
    }
}

/// The id that the caller expected, and the stream's next id, of ::IRONWAL_E_SEQUENCE_MISMATCH; the
/// outputs are written only then. Returns whether they are known. They may be out of date: another append
/// follows, or one in front fails.
///
/// - NULL: a NULL error gives false; both outputs may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_sequence(
    error: *const ironwal_error,
    out_expected_id: *mut u64,
    out_found_id: *mut u64,
) -> bool {
    // SAFETY: the caller passes NULL or a live error, and NULL or writable uint64_ts.
    unsafe {
        let Some((expected, found)) = field(error, None, |report| report.sequence) else {
            return false;
        };
        boundary::write_out(out_expected_id, expected);
        boundary::write_out(out_found_id, found);
        true
    }
}

/// In how many shards an incomplete batch is: those that hold their part of it whole. The parts of
/// all other shards are absent. 0 for every other error.
///
/// - NULL: a NULL error gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_committed_count(error: *const ironwal_error) -> usize {
    // SAFETY: the caller passes NULL or a live error.
    unsafe { field(error, 0, |report| report.committed.len()) }
}

/// One of the shards that hold their part of an incomplete batch, and the ids of that part, from
/// `out_first_id` (inclusive) to `out_end_id` (exclusive). Entries of one shard keep the order of the
/// batch. Returns whether there is one at `index`; the outputs are written only then.
///
/// - NULL: a NULL error gives false; the outputs may be NULL.
/// - Durable: what is reported here is as durable as the sync mode promises for a batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_committed_part(
    error: *const ironwal_error,
    index: usize,
    out_shard: *mut u32,
    out_first_id: *mut u64,
    out_end_id: *mut u64,
) -> bool {
    // SAFETY: the caller passes NULL or a live error, and NULL or writable integers.
    unsafe {
        let part = field(error, None, |report| report.committed.get(index).cloned());
        let Some((shard, ids)) = part else {
            return false;
        };
        boundary::write_out(out_shard, u32::from(shard));
        boundary::write_out(out_first_id, ids.start);
        boundary::write_out(out_end_id, ids.end);
        true
    }
}

/// Frees an error object and the texts that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_error_free(error: *mut ironwal_error) {
    if error.is_null() {
        return;
    }
    // SAFETY: error objects are made only by `into_raw`; the caller gives this one up. What is none is refused and left.
    boundary::call_void(|| drop(unsafe { boundary::take::<ErrorReport>(error) }));
}
