//! What is counted in a stream and in a log, and what does a stream report about itself?
//!
//! Counts of appends lie in the tail, those of rounds in the group, each under the lock that its writer holds
//! anyway. What is here belongs to calls that wait for the disk already. Nothing that the engine decides
//! depends on a count.

use std::time::Duration;

use crate::primitives::Mutex;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::stats::Histogram;
use crate::stats::StreamCounts;
use crate::stats::StreamStats;
use crate::stream::StreamInner;

/// The syncs of a stream's rounds.
#[derive(Debug, Default)]
pub struct SyncCounter {
    count: AtomicU64,
    total_ns: AtomicU64,
}

/// What a log counts besides what each of its streams does.
#[derive(Debug, Default)]
pub struct LogCounters {
    /// How long syncs of rounds took. Of the log, not of each stream: streams share a disk, and ten
    /// thousand histograms would take 47 MB.
    sync_times: Mutex<Histogram>,
    background_syncs: AtomicU64,
    /// What streams that were deleted have counted, so that sums over all streams never fall.
    deleted: Mutex<(StreamCounts, Histogram)>,
}

impl LogCounters {
    /// A background sync that has something to make durable.
    pub fn count_background_sync(&self) {
        self.background_syncs.fetch_add(1, Ordering::Relaxed);
    }

    /// How many those were.
    pub fn background_syncs(&self) -> u64 {
        self.background_syncs.load(Ordering::Relaxed)
    }

    /// How long syncs of rounds took.
    pub fn sync_times(&self) -> Histogram {
        self.sync_times.lock().clone()
    }

    /// What streams that were deleted have counted.
    pub fn of_deleted(&self) -> (StreamCounts, Histogram) {
        self.deleted.lock().clone()
    }

    /// Keeps what a stream has counted that is deleted now.
    pub fn keep(&self, stream: &StreamStats) {
        let mut deleted = self.deleted.lock();
        deleted.0.add(&stream.counts);
        deleted.1.merge(&stream.append_times);
    }
}

impl StreamInner {
    /// A sync of a round that took so long.
    pub(in crate::stream) fn count_sync(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let counter = &self.sync_counter;
        counter.count.fetch_add(1, Ordering::Relaxed);
        counter.total_ns.fetch_add(ns, Ordering::Relaxed);
        self.context.counters.sync_times.lock().record(took);
    }

    /// What the stream reports about itself. Holds the tail's lock for a copy, and waits for no disk.
    pub fn stats(&self) -> StreamStats {
        // Read first, so that no entry is durable that is not appended.
        let durable_end = self.durable_end();
        let (rounds, listeners) = self.group_commit.counts();
        let (totals, append_times, next_id, unsynced_bytes) = {
            let tail = self.tail.lock();
            let (next_id, unsynced) = (tail.written().next_id.0, tail.unsynced_bytes());
            (tail.totals(), tail.append_times(), next_id, unsynced)
        };
        let next_id = match self.follower {
            Some(_) => self.written_end(),
            None => next_id,
        };
        let counts = StreamCounts {
            appends: totals.appends,
            entries: totals.entries,
            bytes: totals.bytes,
            rounds: rounds.rounds,
            callers: rounds.callers,
            syncs: self.sync_counter.count.load(Ordering::Relaxed),
            sync_ns: self.sync_counter.total_ns.load(Ordering::Relaxed),
            rotations: totals.rotations,
            cuts: totals.cuts,
            roll_backs: self.rollback_count.load(Ordering::Relaxed),
        };
        StreamStats {
            counts,
            append_times,
            first_id: self.first_id(),
            next_id,
            durable_end,
            unsynced_bytes,
            listeners: listeners as u64,
            segments: self.segments().parts.len() as u64,
            is_poisoned: self.is_poisoned(),
        }
    }
}
