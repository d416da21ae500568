//! How does C read what a log reports about itself?

#![allow(unsafe_code)]

use std::mem;
use std::ptr;
use std::time::Duration;

use crate::Histogram;
use crate::JournalRetired;
use crate::StreamStats;
use crate::WalStats;

use crate::ffi::boundary;
use crate::ffi::boundary::Outcome;
use crate::ffi::error::Failure;
use crate::ffi::error::ironwal_error;
use crate::ffi::status::ironwal_status;
use crate::ffi::stream::StreamHandle;
use crate::ffi::stream::ironwal_stream;
use crate::ffi::wal::WalHandle;
use crate::ffi::wal::ironwal_wal;

/// What a stream reports about itself. Counts are of the time since the log was opened, and only grow; they
/// are 0 in a log that is open read-only. Times are in nanoseconds; a percentile is off by at most 3.2 %.
/// Later versions may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_stream_stats_t {
    /// Appends that are in the kernel; a batch, a transaction and a change of properties are one each.
    pub appends: u64,
    /// Entries in them.
    pub entries: u64,
    /// Bytes of their frames as they are stored: headers, tables, and payloads after compression.
    pub bytes: u64,
    /// Rounds of group commit: each makes durable all that was written when it began.
    pub rounds: u64,
    /// Callers that these rounds answered. Divided by `rounds`: callers of one round.
    pub callers: u64,
    /// Syncs of segments by rounds.
    pub syncs: u64,
    /// The time that these took together.
    pub sync_ns: u64,
    /// Segments that followed a full one.
    pub rotations: u64,
    /// Suffixes that were cut, and resets.
    pub cuts: u64,
    /// Writes that failed and were rolled back, each with all appends in it.
    pub roll_backs: u64,
    /// The first kept id, now.
    pub first_id: u64,
    /// The id of the next append, now.
    pub next_id: u64,
    /// One past the last durable id, now.
    pub durable_end: u64,
    /// Bytes written since the last round began, now.
    pub unsynced_bytes: u64,
    /// Callbacks, descriptors and waiting iterations that wait for durability, now.
    pub listeners: u64,
    /// Segments, now.
    pub segments: u64,
    /// 1: a failure has latched, and the stream takes no appends. 0 otherwise.
    pub poisoned: u64,
    /// Appends that were measured (ironwal_options_set_latencies()). Without it this and what follows is 0.
    pub measured_appends: u64,
    /// The time that half of them did not exceed.
    pub append_p50_ns: u64,
    /// That 99 % did not exceed.
    pub append_p99_ns: u64,
    /// That 99.9 % did not exceed.
    pub append_p999_ns: u64,
    /// The greatest time.
    pub append_max_ns: u64,
}

/// What a log reports about itself. Counts are of all its streams since it was opened, streams deleted
/// meanwhile included, and only grow. Times are in nanoseconds; a percentile is off by at most 3.2 %. Later versions
/// may add fields at the end, so pass its sizeof.
#[repr(C)]
pub struct ironwal_wal_stats_t {
    /// As of one stream: see ironwal_stream_stats_t.
    pub appends: u64,
    /// Entries in them.
    pub entries: u64,
    /// Bytes of their frames as they are stored.
    pub bytes: u64,
    /// Rounds of group commit.
    pub rounds: u64,
    /// Callers that these rounds answered.
    pub callers: u64,
    /// Syncs of segments by rounds.
    pub syncs: u64,
    /// The time that these took together.
    pub sync_ns: u64,
    /// Segments that followed a full one.
    pub rotations: u64,
    /// Suffixes that were cut, and resets.
    pub cuts: u64,
    /// Writes that failed and were rolled back.
    pub roll_backs: u64,
    /// The time that half of the syncs did not exceed.
    pub sync_p50_ns: u64,
    /// That 99 % did not exceed.
    pub sync_p99_ns: u64,
    /// That 99.9 % did not exceed.
    pub sync_p999_ns: u64,
    /// The greatest time of a sync.
    pub sync_max_ns: u64,
    /// Appends that were measured (ironwal_options_set_latencies()). Without it this is 0.
    pub measured_appends: u64,
    /// The time that half of them did not exceed.
    pub append_p50_ns: u64,
    /// That 99 % did not exceed.
    pub append_p99_ns: u64,
    /// That 99.9 % did not exceed.
    pub append_p999_ns: u64,
    /// The greatest time of an append.
    pub append_max_ns: u64,
    /// Background syncs that had something to make durable.
    pub background_syncs: u64,
    /// Streams that are served, now.
    pub streams: u64,
    /// Streams that could not be opened.
    pub failed_streams: u64,
    /// Streams that take no appends because a failure has latched, now.
    pub poisoned_streams: u64,
    /// Segments of all streams, now.
    pub segments: u64,
    /// Entries of all streams that are not durable, now.
    pub undurable_entries: u64,
    /// Bytes of all streams written since the last round of each began, now.
    pub unsynced_bytes: u64,
    /// Callbacks, descriptors and waiting iterations that wait for durability, now.
    pub listeners: u64,
    /// Files open for writing, now.
    pub open_write_files: u64,
    /// Files open for reading, now.
    pub open_read_files: u64,
    /// How often a file was opened for writing.
    pub write_files_opened: u64,
    /// How often a file was opened for reading: misses of the cache of open files.
    pub read_files_opened: u64,
    /// Look-ups of a decompressed frame that found it in the block cache.
    pub block_cache_hits: u64,
    /// Look-ups that did not.
    pub block_cache_misses: u64,
    /// Bytes in the block cache, now.
    pub block_cache_bytes: u64,
    /// Streams that opening found with damage, with remains of a crash, or could not open: see
    /// ironwal_wal_recovery().
    pub recovered_streams: u64,
    /// Of these, those that have lost something that was durable.
    pub incomplete_streams: u64,
    /// How long opening took.
    pub recovery_ns: u64,
    /// Records that were written into the commit journal. Each is one sync, for all streams in it. This and what
    /// follows is 0 where the log uses no journal.
    pub journal_records: u64,
    /// Items in these: ranges of streams, their slots, headers of segments, deletions.
    pub journal_items: u64,
    /// Bytes of these records.
    pub journal_bytes: u64,
    /// Files of the journal that were written back into the streams' files, and took records again.
    pub journal_write_backs: u64,
    /// Ranges that the journal did not take, because it had no room or takes no more: their streams were synced
    /// in place.
    pub journal_refused: u64,
    /// Files of the journal, now.
    pub journal_files: u64,
    /// Their bytes, now.
    pub journal_file_bytes: u64,
    /// Of these files, those that hold what poisoned streams need until the log is opened again, now.
    pub journal_files_aside: u64,
    /// Other than 0: the journal takes no more until the log is opened again; all streams are synced in place, and
    /// batches over streams fail. 1: a record could not be written. 2: a file could not be made, or begun anew. 3: a
    /// full file could not be written back, nor what poisoned streams need of it be kept aside.
    pub journal_retired: u64,
}

/// The number that C gets.
fn number_of(retired: JournalRetired) -> u64 {
    match retired {
        JournalRetired::NotWritten => 1,
        JournalRetired::NoFile => 2,
        JournalRetired::NotWrittenBack => 3,
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The percentiles that C gets: 50, 99, 99.9 and the greatest.
fn percentiles(times: &Histogram) -> [u64; 4] {
    [50.0, 99.0, 99.9, 100.0].map(|percent| ns(times.percentile(percent)))
}

fn of_stream(stats: &StreamStats) -> ironwal_stream_stats_t {
    let [append_p50_ns, append_p99_ns, append_p999_ns, append_max_ns] =
        percentiles(&stats.append_times);
    let counts = stats.counts;
    ironwal_stream_stats_t {
        appends: counts.appends,
        entries: counts.entries,
        bytes: counts.bytes,
        rounds: counts.rounds,
        callers: counts.callers,
        syncs: counts.syncs,
        sync_ns: counts.sync_ns,
        rotations: counts.rotations,
        cuts: counts.cuts,
        roll_backs: counts.roll_backs,
        first_id: stats.first_id,
        next_id: stats.next_id,
        durable_end: stats.durable_end,
        unsynced_bytes: stats.unsynced_bytes,
        listeners: stats.listeners,
        segments: stats.segments,
        poisoned: u64::from(stats.is_poisoned),
        measured_appends: stats.append_times.count(),
        append_p50_ns,
        append_p99_ns,
        append_p999_ns,
        append_max_ns,
    }
}

fn of_wal(stats: &WalStats) -> ironwal_wal_stats_t {
    let [append_p50_ns, append_p99_ns, append_p999_ns, append_max_ns] =
        percentiles(&stats.append_times);
    let [sync_p50_ns, sync_p99_ns, sync_p999_ns, sync_max_ns] = percentiles(&stats.sync_times);
    let counts = stats.counts;
    ironwal_wal_stats_t {
        appends: counts.appends,
        entries: counts.entries,
        bytes: counts.bytes,
        rounds: counts.rounds,
        callers: counts.callers,
        syncs: counts.syncs,
        sync_ns: counts.sync_ns,
        rotations: counts.rotations,
        cuts: counts.cuts,
        roll_backs: counts.roll_backs,
        sync_p50_ns,
        sync_p99_ns,
        sync_p999_ns,
        sync_max_ns,
        measured_appends: stats.append_times.count(),
        append_p50_ns,
        append_p99_ns,
        append_p999_ns,
        append_max_ns,
        background_syncs: stats.background_syncs,
        streams: stats.streams,
        failed_streams: stats.failed_streams,
        poisoned_streams: stats.poisoned_streams,
        segments: stats.segments,
        undurable_entries: stats.undurable_entries,
        unsynced_bytes: stats.unsynced_bytes,
        listeners: stats.listeners,
        open_write_files: stats.open_write_files,
        open_read_files: stats.open_read_files,
        write_files_opened: stats.write_files_opened,
        read_files_opened: stats.read_files_opened,
        block_cache_hits: stats.block_cache_hits,
        block_cache_misses: stats.block_cache_misses,
        block_cache_bytes: stats.block_cache_bytes,
        recovered_streams: stats.recovered_streams,
        incomplete_streams: stats.incomplete_streams,
        recovery_ns: ns(stats.recovery_time),
        journal_records: stats.journal.records,
        journal_items: stats.journal.items,
        journal_bytes: stats.journal.bytes,
        journal_write_backs: stats.journal.write_backs,
        journal_refused: stats.journal.refused,
        journal_files: stats.journal.files,
        journal_file_bytes: stats.journal.file_bytes,
        journal_files_aside: stats.journal.files_aside,
        journal_retired: stats.journal.retired.map_or(0, number_of),
    }
}

/// Writes a struct of `u64` to one of a caller whose header may be older, which gets what it knows, or newer,
/// where what this library does not know becomes 0.
///
/// # Safety
/// `out` is NULL or points to `size` writable bytes.
unsafe fn give_part<T>(out: *mut T, size: usize, value: &T) -> Outcome {
    if out.is_null() {
        return Err(Failure::argument("out_stats is NULL".to_owned()));
    }
    let field = mem::size_of::<u64>();
    if size < field || size % field != 0 {
        return Err(Failure::argument(format!(
            "the size of the struct is {size}, pass its sizeof"
        )));
    }
    let known = size.min(mem::size_of::<T>());
    // SAFETY: not NULL, and the caller says that `size` bytes are writable; `value` has at least `known`.
    unsafe {
        ptr::copy_nonoverlapping(ptr::from_ref(value).cast::<u8>(), out.cast::<u8>(), known);
        ptr::write_bytes(out.cast::<u8>().add(known), 0, size - known);
    }
    Ok(())
}

/// Returns what has happened to a stream since the log was opened, and where it is now. Figures are read one
/// after the other, so they may belong to moments that lie a little apart.
///
/// - Errors: ::IRONWAL_E_STREAM_NOT_FOUND once it was deleted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_stream_stats(
    stream: *const ironwal_stream,
    out_stats: *mut ironwal_stream_stats_t,
    out_stats_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<StreamHandle>(stream, out_error, |handle| {
            let stats = of_stream(&handle.stream.stats()?);
            give_part(out_stats, out_stats_size, &stats)
        })
    }
}

/// Returns what has happened to all streams of a log since it was opened, and where they are now, with figures
/// of the log itself. It reads one stream after the other, and appends go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ironwal_wal_stats(
    wal: *const ironwal_wal,
    out_stats: *mut ironwal_wal_stats_t,
    out_stats_size: usize,
    out_error: *mut *mut ironwal_error,
) -> ironwal_status {
    // SAFETY: the caller keeps to the header: pointers are live or refused.
    unsafe {
        boundary::call_on::<WalHandle>(wal, out_error, |handle| {
            let stats = of_wal(&handle.wal.stats()?);
            give_part(out_stats, out_stats_size, &stats)
        })
    }
}
