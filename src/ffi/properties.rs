//! How does C read and change the properties of a stream?

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use crate::Error;
use crate::error::memory;

use crate::ffi::boundary;
use crate::ffi::boundary::Handle;
use crate::ffi::boundary::LogGate;
use crate::ffi::bytes::ironwal_buffer;
use crate::ffi::bytes::ironwal_slice;
use crate::ffi::bytes::ironwal_view;
use crate::ffi::durability;
use crate::ffi::durability::ironwal_mark;
use crate::ffi::durability::mark_to_c;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::IRONWAL_E_NOT_FOUND;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;

/// The property gets the value.
pub const IRONWAL_PROPERTY_SET: i32 = 801;
/// The property is removed, if there is one; the value is ignored.
pub const IRONWAL_PROPERTY_REMOVE: i32 = 802;

/// One change of a stream's properties.
#[repr(C)]
pub struct ironwal_property {
    /// The key: 1 to 255 bytes.
    pub key: ironwal_slice,
    /// The new value: up to 4,000 bytes.
    pub value: ironwal_slice,
    /// One of IRONWAL_PROPERTY_...
    pub op: i32,
    /// Zero.
    pub reserved: i32,
}

/// A change as the engine takes it: the key, and the new value.
pub(super) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// The changes of an array of properties.
///
/// # Safety
/// As `boundary::array`, for the array and for the bytes of each key and value.
pub(super) unsafe fn changes<'a>(
    properties: *const ironwal_property,
    count: usize,
) -> Result<Vec<Change<'a>>, Failure> {
    // SAFETY: as demanded of the caller. A value that is ignored is not read.
    unsafe {
        let properties: &[ironwal_property] = boundary::array(properties, count, "properties")?;
        let mut changes = Vec::new();
        memory::reserve(&mut changes, count).map_err(Error::Io)?;
        for property in properties {
            let key = boundary::bytes(property.key.data, property.key.len, "a key")?;
            if property.reserved != 0 {
                return Err(Failure::argument("reserved of a property is not 0"));
            }
            let value = match property.op {
                IRONWAL_PROPERTY_SET => {
                    let value = property.value;
                    Some(boundary::bytes(value.data, value.len, "a value")?)
                }
                IRONWAL_PROPERTY_REMOVE => None,
                other => {
                    return Err(Failure::argument(format!(
                        "op of a property is {other}, which is no IRONWAL_PROPERTY constant"
                    )));
                }
            };
            changes.push((key, value));
        }
        Ok(changes)
    }
}

/// Keys with their values.
type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// All properties that a stream shall have, from C.
///
/// # Safety
/// As of [`changes`].
pub(super) unsafe fn replacements<'a>(
    properties: *const ironwal_property,
    count: usize,
) -> Result<Pairs<'a>, Failure> {
    // SAFETY: as the caller says.
    let changes = unsafe { changes(properties, count)? };
    let mut pairs = Vec::new();
    memory::reserve(&mut pairs, changes.len()).map_err(Error::Io)?;
    for (key, value) in changes {
        let value = value
            .ok_or_else(|| Failure::argument("op of a property is not IRONWAL_PROPERTY_SET"))?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The value of a property. A stream has a small map of properties beside its entries: a vote, a commit
/// index, cursors. Keys have 1 to 255 bytes, values up to 4,000; all together take at most 4,096 bytes,
/// with 4 more for each. Shows what was written last, durable or not.
///
/// - Owns: release `*out_value` with ironwal_buffer_free(); what was in it before is overwritten.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) where the stream has no such property;
///   ::IRONWAL_E_CORRUPT where damage took the newest properties: an older map is never shown;
///   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_property(
    stream: *const ironwal_stream,
    key: *const c_void,
    key_len: usize,
    out_value: *mut ironwal_buffer,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_value, ironwal_buffer::EMPTY);
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_value = boundary::non_null(out_value, "out_value")?;
            let key = boundary::bytes(key, key_len, "key")?;
            let value = handle.stream.property(key)?;
            let value = value.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_value, ironwal_buffer::owning(value));
            Ok(())
        })
    }
}

/// Changes properties, in the order of the array, as one: after any crash all changes are there or
/// none. Begins a stream that does not exist, without an entry. Without changes nothing is written.
///
/// - NULL: `out_mark` may be NULL.
/// - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
/// - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
/// - Errors: ::IRONWAL_E_CONFIG for a key that is not 1 to 255 bytes long; ::IRONWAL_E_TOO_LARGE for a
///   value above 4,000 bytes, or more than 4,096 in all; ::IRONWAL_E_CORRUPT where damage took the newest
///   properties; those of ironwal_stream_append_batch().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_set_properties(
    stream: *const ironwal_stream,
    properties: *const ironwal_property,
    property_count: usize,
    durability: i32,
    out_mark: *mut ironwal_mark,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let changes = changes(properties, property_count)?;
            let durability = durability::of_constant(durability)?;
            let mark = handle.stream.set_properties(&changes, durability)?;
            boundary::write_out(out_mark, mark_to_c(mark));
            Ok(())
        })
    }
}

/// Replaces all properties by these, as one: after any crash the old ones are there or the new ones.
/// Also the way out where damage took the newest properties.
///
/// - NULL: `out_mark` may be NULL.
/// - Blocks: until the disk has it (fsync), if `durability` makes it durable on return.
/// - Durable: as `durability` says, one of the IRONWAL_DURABILITY constants.
/// - Errors: ::IRONWAL_E_INVALID_ARG for another `op` than ::IRONWAL_PROPERTY_SET; ::IRONWAL_E_CONFIG and
///   ::IRONWAL_E_TOO_LARGE as of ironwal_stream_set_properties(); those of ironwal_stream_append_batch().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_replace_properties(
    stream: *const ironwal_stream,
    properties: *const ironwal_property,
    property_count: usize,
    durability: i32,
    out_mark: *mut ironwal_mark,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let durability = durability::of_constant(durability)?;
            let pairs = replacements(properties, property_count)?;
            let mark = handle.stream.replace_properties(&pairs, durability)?;
            boundary::write_out(out_mark, mark_to_c(mark));
            Ok(())
        })
    }
}

/// The properties of a stream, sorted by key. A copy that outlives the log. Freed with
/// ironwal_property_list_free().
pub enum ironwal_property_list {}

/// What stands behind an `ironwal_property_list`.
struct PropertiesHandle(Vec<(Vec<u8>, Vec<u8>)>);

impl Handle for PropertiesHandle {
    type Opaque = ironwal_property_list;
    const MAGIC: u64 = 0x6972_6F6E_7072_6F31;
    const NAME: &'static str = "properties";
    fn gate(&self) -> Option<&Arc<LogGate>> {
        None
    }
}

/// A list on its way to C.
pub(super) fn list_to_c(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> *mut ironwal_property_list {
    boundary::into_handle(PropertiesHandle(pairs))
}

/// Lists the properties of the stream, as ironwal_stream_property() shows them.
///
/// - Owns: free `*out_list` with ironwal_property_list_free(); it outlives the log.
/// - Errors: ::IRONWAL_E_CORRUPT where damage took the newest properties;
///   ::IRONWAL_E_STREAM_NOT_FOUND where the stream was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_properties(
    stream: *const ironwal_stream,
    out_list: *mut *mut ironwal_property_list,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_list, ptr::null_mut());
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let out_list = boundary::non_null(out_list, "out_list")?;
            let list = list_to_c(handle.stream.properties()?);
            boundary::write_out(out_list, list);
            Ok(())
        })
    }
}

/// How many properties are listed.
///
/// - NULL: a NULL list has 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_property_list_count(list: *const ironwal_property_list) -> usize {
    let mut count = 0;
    // SAFETY: the caller passes NULL or a live list; NULL is refused, which leaves the 0.
    unsafe {
        boundary::call_on::<PropertiesHandle>(list, ptr::null_mut(), |list| {
            count = list.0.len();
            Ok(())
        })
    };
    count
}

/// The key and the value of the property at `index`.
///
/// - Owns: the views belong to `list` and end with it.
/// - Errors: ::IRONWAL_E_NOT_FOUND (an answer) past the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_property_list_get(
    list: *const ironwal_property_list,
    index: usize,
    out_key: *mut ironwal_view,
    out_value: *mut ironwal_view,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::write_out(out_key, ironwal_view::EMPTY);
        boundary::write_out(out_value, ironwal_view::EMPTY);
        boundary::call_on::<PropertiesHandle>(list, out_error, |list| {
            let out_key = boundary::non_null(out_key, "out_key")?;
            let out_value = boundary::non_null(out_value, "out_value")?;
            let property = list.0.get(index);
            let (key, value) = property.ok_or(Failure::Answer(IRONWAL_E_NOT_FOUND))?;
            boundary::write_out(out_key, ironwal_view::of(key));
            boundary::write_out(out_value, ironwal_view::of(value));
            Ok(())
        })
    }
}

/// Frees a list of properties and the bytes that belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_property_list_free(list: *mut ironwal_property_list) {
    // SAFETY: NULL and foreign handles are refused; the caller gives the list up.
    boundary::call_void(|| drop(unsafe { boundary::take::<PropertiesHandle>(list) }));
}
