//! How does C append over several streams, all of it or nothing?

#![allow(unsafe_code)]

use crate::Append;
use crate::Error;
use crate::Stream;
use crate::error::memory;
use crate::stream::NotAppended;

use crate::ffi::boundary;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::conditional::IRONWAL_ANY_ID;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::properties::Change;
use crate::ffi::properties::changes;
use crate::ffi::properties::ironwal_property;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// What an atomic batch appends to one stream: entries, changes of properties, or both. Fields that are not
/// needed are 0.
#[repr(C)]
pub struct ironwal_atomic_part {
    /// A stream of the log. It comes once in a batch.
    pub stream: *const ironwal_stream,
    /// The entries, in their order.
    pub entries: *const ironwal_slice,
    /// How many entries.
    pub entry_count: usize,
    /// Changes of properties, in their order.
    pub properties: *const ironwal_property,
    /// How many changes.
    pub property_count: usize,
    /// The id that the first entry must get, if `expects_id` is 1.
    pub expected_id: u64,
    /// 1: the batch is appended only if the stream's next id is `expected_id`. 0: at any id.
    pub expects_id: i32,
    /// Zero.
    pub reserved: i32,
}

/// What a part consists of, on the Rust side.
struct GivenPart<'a> {
    stream: &'a Stream,
    entries: Vec<&'a [u8]>,
    properties: Vec<Change<'a>>,
    expected_id: Option<u64>,
}

impl ironwal_atomic_part {
    /// The part, if it can be one.
    ///
    /// # Safety
    /// As `boundary::borrow` for the stream, `boundary::slices` for the entries and `changes` for the properties.
    unsafe fn given<'a>(&self) -> Result<GivenPart<'a>, Failure> {
        // SAFETY: as demanded of the caller.
        unsafe {
            let stream = &boundary::borrow::<StreamHandle>(self.stream)?.stream;
            if self.reserved != 0 {
                return Err(Failure::argument("reserved is not 0"));
            }
            let expected_id = match (self.expects_id, self.expected_id) {
                (0, _) => None,
                (1, IRONWAL_ANY_ID) => {
                    return Err(Failure::argument(
                        "expected_id is IRONWAL_ANY_ID; set expects_id to 0 for any id",
                    ));
                }
                (1, id) => Some(id),
                (other, _) => {
                    return Err(Failure::argument(format!(
                        "expects_id is {other}, which is neither 0 nor 1"
                    )));
                }
            };
            Ok(GivenPart {
                stream,
                entries: boundary::slices(self.entries, self.entry_count, "entries")?,
                properties: changes(self.properties, self.property_count)?,
                expected_id,
            })
        }
    }
}

/// Appends a part to each of several streams: after any crash all parts are there or none. The ids of each part
/// go from its element of `out_first_ids` (inclusive) to that of `out_end_ids` (exclusive), in the order of
/// `parts`; both are the stream's next id for a part of properties alone. Both are arrays of `part_count` elements.
/// No parts: nothing happens.
///
/// A batch takes at most 256 KiB, or a quarter of ironwal_options_set_journal_size() where that is less: its
/// bytes, 16 for each entry, up to 6.2 KiB for each part, and twice the properties that a stream has. Threads that
/// append batches at the same time share syncs.
///
/// - Owns: the entries and properties are copied; the arrays stay the caller's and are written on success only.
/// - NULL: `out_first_ids` and `out_end_ids` may be NULL. In a part `entries` and `properties` may be NULL if their
///   count is 0.
/// - Blocks: until the disk has it (one fsync, of the commit journal, whatever the commit path is).
/// - Durable: on return, in every sync mode.
/// - Errors: nothing is appended anywhere, and ironwal_error_stream() names the stream of the part concerned.
///   ::IRONWAL_E_SEQUENCE_MISMATCH where a part does not get the id that it expects, which
///   ironwal_error_sequence() reports; ::IRONWAL_E_TOO_LARGE, whose message has the limit;
///   ::IRONWAL_E_CONFIG where a stream comes twice, belongs to another log, or is a shard of a sharded log (see
///   ironwal_sharded_append_batch_atomic()), and for a part without entries and properties;
///   ::IRONWAL_E_STREAM_NOT_FOUND; ::IRONWAL_E_READ_ONLY; ::IRONWAL_E_NO_SPACE. After ::IRONWAL_E_IO it may be
///   unknown what the disk did: then all the streams are poisoned, and once the log is opened again all parts are
///   there or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_append_atomic(
    wal: *const ironwal_wal,
    parts: *const ironwal_atomic_part,
    part_count: usize,
    out_first_ids: *mut u64,
    out_end_ids: *mut u64,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let parts: &[ironwal_atomic_part] = boundary::array(parts, part_count, "parts")?;
            let mut given = Vec::new();
            memory::reserve(&mut given, parts.len()).map_err(Error::Io)?;
            for (at, part) in parts.iter().enumerate() {
                let part = part.given().map_err(|failure| failure.of_part(at, None))?;
                given.push(part);
            }
            let appends = given.iter().map(|part| {
                let append = Append {
                    entries: &part.entries,
                    expected_id: part.expected_id,
                    properties: &part.properties,
                    ..Append::new(&[])
                };
                (part.stream, append)
            });
            let appends = memory::collected(appends).map_err(Error::Io)?;
            let appended = handle.wal.append_atomic_or_part(&appends);
            let all_ids = appended.map_err(|refusal| refused(refusal, &given))?;
            for (at, ids) in all_ids.into_iter().enumerate() {
                // A NULL array stays NULL at every index.
                if !out_first_ids.is_null() {
                    boundary::write_out(out_first_ids.add(at), ids.start);
                }
                if !out_end_ids.is_null() {
                    boundary::write_out(out_end_ids.add(at), ids.end);
                }
            }
            Ok(())
        })
    }
}

fn refused(refusal: NotAppended, given: &[GivenPart<'_>]) -> Failure {
    let failure = Failure::from(refusal.error);
    match refusal.part.map(|at| (at, given.get(at))) {
        Some((at, part)) => failure.of_part(at, part.map(|part| part.stream.key())),
        None => failure,
    }
}
