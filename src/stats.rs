//! Which figures does a log report about itself?
//!
//! Plain data. Counts begin at 0 when the log is opened and only grow, as long as it is open. Figures "now"
//! are read one after the other, so they may belong to moments that lie a little apart.
//! `docs/MONITORING.md` says what each is good for.

use std::time::Duration;

/// A bucket is a sixteenth of a power of two wide.
const STEP_BITS: u32 = 4;
const STEPS: usize = 1 << STEP_BITS;
/// Times from 2^40 ns (18 minutes) on share the last bucket.
const TOP_BITS: u32 = 40;
/// The first `STEPS` buckets are 1 ns wide; then each power of two has `STEPS` buckets.
const BUCKETS: usize = STEPS + (TOP_BITS - STEP_BITS) as usize * STEPS;

/// Times, counted in buckets of which each is a sixteenth of a power of two wide. A percentile is off by at
/// most 3.2 %; the count, the sum and the greatest time are exact. Takes 4.7 KiB once it holds a time.
///
/// Times of 18 minutes or more share one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    // Empty, or `BUCKETS` long.
    buckets: Vec<u64>,
    count: u64,
    sum_ns: u64,
    max_ns: u64,
}

/// The bucket of a time.
fn bucket_of(ns: u64) -> usize {
    if ns < STEPS as u64 {
        return ns as usize;
    }
    let power = ns.ilog2();
    if power >= TOP_BITS {
        return BUCKETS - 1;
    }
    let step = (ns >> (power - STEP_BITS)) as usize - STEPS;
    (power - STEP_BITS + 1) as usize * STEPS + step
}

/// The least time of a bucket.
fn start_of(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let shift = (bucket / STEPS - 1) as u32;
    ((STEPS + bucket % STEPS) as u64) << shift
}

impl Histogram {
    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All times together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// The greatest time.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The time that `percent` of all times do not exceed, such as 99.9; off by at most 3.2 %. 100 and more:
    /// the greatest. Zero without any time.
    pub fn percentile(&self, percent: f64) -> Duration {
        // A rank that is not a number is that of the first.
        let wanted = (self.count as f64 * percent / 100.0).ceil() as u64;
        let wanted = wanted.max(1);
        if wanted >= self.count {
            return self.max();
        }
        let mut passed = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            passed += count;
            if passed >= wanted {
                let (start, end) = (start_of(bucket), start_of(bucket + 1));
                let middle = start + (end - start) / 2;
                return Duration::from_nanos(middle.min(self.max_ns));
            }
        }
        self.max()
    }

    /// The buckets that hold a time, shortest first: the time below which all in the bucket lie, and how many
    /// those are. For the last one of all, which is open, that time is 2^40 ns.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let buckets = self.buckets.iter().copied().enumerate();
        let used = buckets.filter(|(_, count)| *count > 0);
        used.map(|(bucket, count)| (Duration::from_nanos(start_of(bucket + 1)), count))
    }

    /// Counts a time.
    #[inline]
    pub(crate) fn record(&mut self, time: Duration) {
        // Not by `as_nanos`, whose 128 bits cost a nanosecond.
        let whole = time.as_secs().saturating_mul(1_000_000_000);
        let ns = whole.saturating_add(u64::from(time.subsec_nanos()));
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
        }
        self.buckets[bucket_of(ns)] += 1;
        self.count += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Histogram) {
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
        } else {
            for (mine, other) in self.buckets.iter_mut().zip(&other.buckets) {
                *mine += other;
            }
        }
        self.count += other.count;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }
}

/// What has happened to a stream, or to all streams of a log, since the log was opened. Each count only
/// grows, except that a stream which was deleted and begins anew counts from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamCounts {
    /// Appends that are in the kernel, cuts with entries included. A batch, a transaction and a
    /// change of properties are one each.
    pub appends: u64,
    /// Entries in them.
    pub entries: u64,
    /// Bytes of their frames as they are stored: headers, tables, and payloads after compression.
    pub bytes: u64,
    /// Rounds of group commit: each makes durable all that was written when it began.
    pub rounds: u64,
    /// Callers that these rounds answered, the leading ones included: appends that wait until they are
    /// durable, `sync`, and background syncs. Divided by `rounds`: callers of one round.
    pub callers: u64,
    /// Syncs of segments by rounds. Not among them: what seals, cuts, truncations and the close sync, and
    /// syncs of directories.
    pub syncs: u64,
    /// The time that these syncs took together, in nanoseconds.
    pub sync_ns: u64,
    /// Segments that followed a full one.
    pub rotations: u64,
    /// Suffixes that were cut, and resets.
    pub cuts: u64,
    /// Writes that failed and were rolled back, each with all appends in it.
    pub roll_backs: u64,
}

impl StreamCounts {
    /// Adds the counts of another stream.
    pub(crate) fn add(&mut self, other: &StreamCounts) {
        self.appends += other.appends;
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.rounds += other.rounds;
        self.callers += other.callers;
        self.syncs += other.syncs;
        self.sync_ns = self.sync_ns.saturating_add(other.sync_ns);
        self.rotations += other.rotations;
        self.cuts += other.cuts;
        self.roll_backs += other.roll_backs;
    }
}

/// What a stream reports about itself: see [`Stream::stats`](crate::Stream::stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStats {
    /// What has happened since the log was opened. Zeros in a log that is open read-only.
    pub counts: StreamCounts,
    /// How long appends took that succeeded, from the call to just before it returns; counted with
    /// [`WalOptions::latencies`](crate::WalOptions::latencies) only. Batches, transactions and changes of
    /// properties are appends; cuts and batches over several shards are not.
    pub append_times: Histogram,
    /// The first kept id, now.
    pub first_id: u64,
    /// The id of the next append, now.
    pub next_id: u64,
    /// One past the last durable id, now. `next_id` minus this: entries that a power failure can take.
    pub durable_end: u64,
    /// Bytes written since the last round began, now.
    pub unsynced_bytes: u64,
    /// Callbacks, futures, descriptors and waiting iterations that wait for durability, now.
    pub listeners: u64,
    /// Segments, now.
    pub segments: u64,
    /// Whether a failure has latched, so that the stream takes no appends.
    pub is_poisoned: bool,
}

/// What a log reports about itself: see [`Wal::stats`](crate::Wal::stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalStats {
    /// What has happened in all streams since the log was opened, streams deleted meanwhile included.
    pub counts: StreamCounts,
    /// How long appends took, in all streams; counted with
    /// [`WalOptions::latencies`](crate::WalOptions::latencies) only.
    pub append_times: Histogram,
    /// How long the syncs of `counts.syncs` took. Always counted.
    pub sync_times: Histogram,
    /// Background syncs that had something to make durable.
    pub background_syncs: u64,
    /// Streams that are served, now; those that were opened and never appended to included.
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
    /// Callbacks, futures, descriptors and waiting iterations that wait for durability, now.
    pub listeners: u64,
    /// Files open for writing, now; at most `max_open_segments`.
    pub open_write_files: u64,
    /// Files open for reading, now; at most `max_open_read_segments`.
    pub open_read_files: u64,
    /// How often a file was opened for writing, because it was not open.
    pub write_files_opened: u64,
    /// The same for reading: misses of the cache of open files. Its hits are not counted: a read that finds its
    /// file open touches nothing shared.
    pub read_files_opened: u64,
    /// Look-ups of a decompressed frame that found it in the block cache. 0 without one.
    pub block_cache_hits: u64,
    /// Look-ups that did not.
    pub block_cache_misses: u64,
    /// Bytes in the block cache, now.
    pub block_cache_bytes: u64,
    /// How many streams recovery found with damage, with remains of a crash, or could not open:
    /// [`Wal::recovery`](crate::Wal::recovery) lists them.
    pub recovered_streams: u64,
    /// Of these, how many have lost something that was durable.
    pub incomplete_streams: u64,
    /// How long opening took.
    pub recovery_time: Duration,
    /// The commit journal. All zeros where the log uses none.
    pub journal: JournalStats,
}

/// What the commit journal of a log reports about itself. Counts begin at 0 when the log is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalStats {
    /// Records that were written. Each is one sync, for all streams in it.
    pub records: u64,
    /// Items in these: ranges of streams, their slots, headers of segments, deletions.
    pub items: u64,
    /// Bytes of these records.
    pub bytes: u64,
    /// Files that were written back into the streams' files, and took records again.
    pub write_backs: u64,
    /// Ranges that the journal did not take, because it had no room or takes no more: their streams were synced
    /// in place.
    pub refused: u64,
    /// Its files, now.
    pub files: u64,
    /// Their bytes, now.
    pub file_bytes: u64,
    /// Of its files, those that hold what poisoned streams need until the log is opened again, now.
    pub files_aside: u64,
    /// Why it takes no more until the log is opened again: all streams are synced in place, and batches over
    /// streams fail. The log's sink got the error.
    pub retired: Option<JournalRetired>,
}

/// Why a commit journal takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalRetired {
    /// A record could not be written.
    NotWritten,
    /// A file could not be made, or begun anew.
    NoFile,
    /// A full file could not be written back, nor what poisoned streams need of it be kept aside.
    NotWrittenBack,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for ns in times {
            histogram.record(Duration::from_nanos(ns));
        }
        histogram
    }

    #[test]
    fn each_bucket_begins_where_the_one_before_ends() {
        for bucket in 0..BUCKETS {
            let (start, end) = (start_of(bucket), start_of(bucket + 1));
            assert!(start < end, "{bucket}");
            assert_eq!(bucket_of(start), bucket);
            assert_eq!(bucket_of(end - 1), bucket);
        }
        assert_eq!(start_of(BUCKETS), 1 << TOP_BITS);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_percentile_is_off_by_at_most_the_error_that_is_stated() {
        for ns in [1, 15, 16, 17, 31, 999, 1_000, 123_456, 7_777_777, 1 << 39] {
            // The greatest is exact, so the one in question is not that.
            let found = of([ns, 1 << 41]).percentile(50.0).as_nanos() as f64;
            let error = (found - ns as f64).abs() / ns as f64;
            assert!(error <= 0.032, "{ns}: {found}");
        }
    }

    #[test]
    fn percentiles_are_ordered_and_end_at_the_greatest_time() {
        let histogram = of(1..=1_000);
        assert_eq!(histogram.count(), 1_000);
        assert_eq!(histogram.sum(), Duration::from_nanos(500_500));
        let at = |percent| histogram.percentile(percent).as_nanos() as f64;
        assert!((at(50.0) / 500.0 - 1.0).abs() < 0.033, "{}", at(50.0));
        assert!((at(99.0) / 990.0 - 1.0).abs() < 0.033, "{}", at(99.0));
        assert!(at(50.0) <= at(99.0) && at(99.0) <= at(99.9));
        assert_eq!(at(100.0), 1_000.0);
        assert_eq!(at(f64::INFINITY), 1_000.0);
        assert!(at(0.0) <= 1.0 && at(-5.0) <= 1.0 && at(f64::NAN) <= 1.0);
        assert_eq!(Histogram::default().percentile(50.0), Duration::ZERO);
    }

    #[test]
    fn two_that_are_merged_count_what_one_would_have_counted() {
        let mut merged = of([1, 100]);
        merged.merge(&Histogram::default());
        merged.merge(&of([7, 1 << 50]));
        assert_eq!(merged, of([1, 100, 7, 1 << 50]));
        let mut empty = Histogram::default();
        empty.merge(&merged);
        assert_eq!(empty, merged);
        let counted: u64 = merged.buckets().map(|(_, count)| count).sum();
        assert_eq!(counted, merged.count());
    }
}
