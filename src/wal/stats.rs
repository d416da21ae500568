//! What does a log report about itself?

use crate::error::Result;
use crate::stats::StreamStats;
use crate::stats::WalStats;
use crate::wal::Stream;
use crate::wal::Wal;
use crate::wal::registry::RegistryEntry;
use crate::wal::registry::WalInner;
use crate::wal::registry::open_streams;

impl Stream {
    /// What has happened to the stream since the log was opened, and where it is now. Waits for no disk,
    /// and holds up appends for a copy of a few numbers at most.
    ///
    /// Errors: `Closed`; `StreamNotFound`; `Forked`.
    pub fn stats(&self) -> Result<StreamStats> {
        Ok(self.enter_existing()?.stats())
    }
}

impl Wal {
    /// What has happened to all streams since the log was opened, and where they are now, with the figures of
    /// the log itself. Waits for no disk. It reads one stream after the other: with ten thousand of them it takes
    /// some milliseconds, in which appends go on.
    ///
    /// Errors: `Closed`; `Forked`.
    pub fn stats(&self) -> Result<WalStats> {
        self.log.enter()?;
        Ok(self.log.stats())
    }
}

impl WalInner {
    fn stats(&self) -> WalStats {
        let context = &self.context;
        // In one step: a deletion moves the counts of a stream from one to the other.
        let (streams, failed_streams, (counts, append_times)) = {
            let registered = self.registered.read();
            let is_failed = |entry: &&RegistryEntry| matches!(entry, RegistryEntry::Failed(_));
            let failed = registered.values().filter(is_failed).count() + self.failed_dirs().count();
            let streams = open_streams(&registered);
            (streams, failed, context.counters.of_deleted())
        };
        let mut stats = WalStats {
            counts,
            append_times,
            sync_times: context.counters.sync_times(),
            background_syncs: context.counters.background_syncs(),
            streams: streams.len() as u64,
            failed_streams: failed_streams as u64,
            open_write_files: context.write_files.open_count() as u64,
            open_read_files: context.read_files.open_count() as u64,
            write_files_opened: context.write_files.opened(),
            read_files_opened: context.read_files.opened(),
            recovered_streams: self.recovery.streams.len() as u64,
            recovery_time: self.recovery.duration,
            ..WalStats::default()
        };
        let is_incomplete = |stream: &&_| !crate::wal::StreamRecovery::is_complete(stream);
        let incomplete = self.recovery.streams.iter().filter(is_incomplete);
        stats.incomplete_streams = incomplete.count() as u64;
        if let Some(journal) = context.journal.get() {
            stats.journal = journal.stats();
        }
        if let Some(blocks) = &context.blocks {
            let counts = blocks.counts();
            stats.block_cache_hits = counts.hits;
            stats.block_cache_misses = counts.misses;
            stats.block_cache_bytes = counts.bytes;
        }
        for stream in streams {
            add(&mut stats, &stream.stats());
        }
        stats
    }
}

/// Adds the figures of a stream.
fn add(stats: &mut WalStats, stream: &StreamStats) {
    stats.counts.add(&stream.counts);
    stats.append_times.merge(&stream.append_times);
    stats.poisoned_streams += u64::from(stream.is_poisoned);
    stats.segments += stream.segments;
    stats.undurable_entries += stream.next_id.saturating_sub(stream.durable_end);
    stats.unsynced_bytes += stream.unsynced_bytes;
    stats.listeners += stream.listeners;
}
