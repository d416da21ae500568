//! What is a sharded log, and how is it opened and closed?
//!
//! Open: the log itself is locked and recovers; then the shard count is recorded or compared; then
//! the checkpoint log recovers; then each shard is compared with the newest checkpoint. A shard
//! that ends below the offset of that checkpoint was lost or replaced, and is not served. Then a rollback
//! that a crash interrupted is finished; if one of its shards is not served, the open is refused. Entries that no checkpoint holds yet count towards the next
//! automatic one. A log that is open read-only does none of this (`read_only`).
//!
//! Close: the thread that creates checkpoints ends first, then the checkpoint log gets a clean
//! slot, then the log is closed.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::options::CorruptionPolicy;
use crate::options::WalOptions;
use crate::primitives::WorkerPool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::sharded::auto_checkpoint::AutoCheckpointer;
use crate::sharded::auto_checkpoint::AutomaticStatus;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::sharded::checkpoint_recovery::recover;
use crate::sharded::checkpoints::Checkpoints;
use crate::sharded::checkpoints::RequiredEntries;
use crate::sharded::options::ShardedOptions;
use crate::sharded::router::shard_stream_name;
use crate::sharded::shard_count::record_or_compare;
use crate::stats::WalStats;
use crate::stream::CheckpointOwner;
use crate::stream::StreamInner;
use crate::wal::Stream;
use crate::wal::Wal;
use crate::wal::WalIdIterator;
use crate::wal::WalIterator;

/// A log of many shards: each entry is appended to the shard of its key, ordered within the shard;
/// checkpoints are consistent cuts through all shards.
///
/// Usable from any number of threads at once; share it in an `Arc`. Dropping it closes the log,
/// unless clones of [`ShardedWal::inner`] are still held.
pub struct ShardedWal {
    // Dropped first: its thread uses the log.
    automatic: Option<AutoCheckpointer>,
    log: Arc<ShardedInner>,
}

/// The state that the log's own thread shares with its callers.
pub struct ShardedInner {
    pub wal: Wal,
    pub shards: Vec<Shard>,
    pub checkpoints: Checkpoints,
    /// Syncs or truncates several shards at once.
    pub pool: WorkerPool,
    /// Entries that no checkpoint held when the log was opened, and entries appended since. `None`
    /// without automatic checkpoints.
    pub appended: Option<AtomicU64>,
    /// Dropped last, after the checkpoint log has been closed. `None` in a log that is open read-only.
    claim: Option<CheckpointOwner>,
}

/// One shard: its stream, or why it cannot be used. If the stream is deleted through the `Wal`, the
/// shard returns `StreamNotFound` from then on. In a log that is open read-only none can be used: what reads looks
/// for the stream that is there now ([`ShardedInner::stream_to_read`]).
pub struct Shard {
    opened: std::result::Result<Stream, Error>,
}

impl Shard {
    /// The stream.
    pub fn stream(&self) -> Result<&Stream> {
        self.opened.as_ref().map_err(Error::duplicate)
    }

    /// The stream, for work on other threads.
    pub fn core(&self) -> Result<&Arc<StreamInner>> {
        self.stream().map(Stream::core)
    }
}

impl ShardedWal {
    /// Opens the log at `options.root_path` with `shard_count` shards; creates it if it does not
    /// exist. The count is recorded durably before this returns, and compared at every later open.
    ///
    /// Errors: those of [`Wal::new`]; `Config` for a count of 0; `ShardCountMismatch`; `Corruption`
    /// if the record of the count is damaged, or missing beside existing shards; `Io` also if the checkpoint
    /// log cannot be read, or a rollback to a checkpoint that was interrupted cannot be finished. Under
    /// `CorruptionPolicy::Error` also `Corruption` for a damaged checkpoint log.
    pub fn new(options: WalOptions, shard_count: u16) -> Result<Self> {
        Self::with_options(options, ShardedOptions::new(shard_count))
    }

    /// Like [`ShardedWal::new`], with all options.
    pub fn with_options(options: WalOptions, sharded: ShardedOptions) -> Result<Self> {
        sharded.check()?;
        Self::on(Wal::new(options)?, sharded)
    }

    /// Opens a sharded log on the simulated disk.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_simulated(
        disk: &crate::storage::simulated::SimulatedDisk,
        options: WalOptions,
        sharded: ShardedOptions,
    ) -> Result<Self> {
        sharded.check()?;
        Self::on(Wal::open_simulated(disk, options)?, sharded)
    }

    /// Makes an open log a sharded one. The log keeps its sink ([`Wal::open_logging`]). Errors:
    /// those of [`ShardedWal::new`]; `Config` while another `ShardedWal` on this log exists: share
    /// that one.
    ///
    /// A log that is open read-only becomes one as [`ShardedWal::open_read_only`] returns it; with automatic
    /// checkpoints that is `ReadOnly`.
    pub fn on(wal: Wal, sharded: ShardedOptions) -> Result<Self> {
        sharded.check()?;
        if wal.is_read_only() {
            return match sharded.automatic {
                None => Self::on_read_only(wal, Some(sharded.shard_count)),
                Some(_) => Err(Error::ReadOnly),
            };
        }
        record_or_compare(&wal, sharded.shard_count)?;
        let Some(claim) = wal.context().claim_checkpoints() else {
            let what = "another ShardedWal writes the checkpoints of this log".to_owned();
            return Err(Error::Config(what));
        };
        warn_of_small_caches(&wal, sharded.shard_count);
        let recovered = recover(wal.context(), sharded.shard_count)?;
        let numbers = 0..sharded.shard_count;
        let mut shards: Vec<Shard> = numbers.map(|shard| open_shard(&wal, shard)).collect();
        let checkpoints = Checkpoints::new(recovered);
        let required = checkpoints.required();
        if let Some(required) = &required {
            for (shard, offset) in shards.iter().zip(&required.offsets) {
                if let Ok(core) = shard.core() {
                    core.keep_below_from_cuts(*offset);
                }
            }
            // Damage behind the record of a rollback shows that it is finished: then it is not this one.
            if required.is_rolling_back || !checkpoints.query(CheckpointIndex::ends_in_damage) {
                note_lost_shards(&wal, required, &mut shards)?;
            }
        }
        let offsets = required.map(|required| required.offsets);
        let not_held = entries_behind(&shards, offsets.as_deref());
        let background_tasks = wal.context().background_tasks.get();
        let is_stepped = background_tasks.is_some_and(|tasks| tasks.is_stepped());
        let pool = match is_stepped {
            true => WorkerPool::inline(),
            false => WorkerPool::for_slow_items(),
        };
        let log = Arc::new(ShardedInner {
            wal,
            shards,
            checkpoints,
            pool,
            appended: sharded.automatic.as_ref().map(|_| not_held.into()),
            claim: Some(claim),
        });
        log.delivering(ShardedInner::finish_rollback)?;
        {
            let _writer = log.checkpoints.writer()?;
            log.note_floors();
        }
        if let Some(claim) = &log.claim {
            claim.note_checkpoints_known();
        }
        let automatic = match sharded.automatic {
            Some(wanted) => Some(AutoCheckpointer::start(&log, wanted)?),
            None => None,
        };
        Ok(ShardedWal { automatic, log })
    }

    /// Makes a sharded log of one that is open read-only.
    pub(super) fn reading(wal: Wal, shard_count: u16, checkpoints: Checkpoints) -> Self {
        let shards = (0..shard_count).map(|_| Shard {
            opened: Err(Error::ReadOnly),
        });
        let log = Arc::new(ShardedInner {
            wal,
            shards: shards.collect(),
            checkpoints,
            pool: WorkerPool::inline(),
            appended: None,
            claim: None,
        });
        ShardedWal {
            automatic: None,
            log,
        }
    }

    pub(super) fn log(&self) -> &ShardedInner {
        &self.log
    }

    /// Notifies the thread that creates checkpoints of appended entries.
    pub(super) fn note_appended(&self, count: u64) {
        if let (Some(automatic), Some(appended)) = (&self.automatic, &self.log.appended) {
            let before = appended.fetch_add(count, Ordering::Relaxed);
            automatic.appended(before, count);
        }
    }

    /// What the automatic checkpoints have done; `None` without them, and in a forked child.
    pub fn automatic_status(&self) -> Option<AutomaticStatus> {
        let automatic = self.automatic.as_ref();
        automatic
            .filter(|_| !self.log.is_forked())
            .map(AutoCheckpointer::status)
    }

    /// What has happened to all streams since the log was opened, and where they are now: see
    /// [`Wal::stats`]. One shard: [`Stream::stats`](crate::Stream::stats) of its stream.
    pub fn stats(&self) -> Result<WalStats> {
        self.log.wal.stats()
    }

    /// The number of shards.
    pub fn shard_count(&self) -> u16 {
        self.log.shards.len() as u16
    }

    /// The underlying log: shard `n` is its stream `shard_{n:02}`. Use it to read. If a shard's
    /// stream is deleted, the shard returns `StreamNotFound`, and after the next open `Corruption`
    /// if a checkpoint refers to its entries.
    pub fn inner(&self) -> &Wal {
        &self.log.wal
    }

    /// The entries of a shard in order, from `start` or the first kept id, whichever is later.
    /// Empty before the first append. Error: `Config` if the shard does not exist.
    pub fn iter_shard(&self, shard: u16, start: u64) -> Result<WalIterator> {
        self.log.stream_to_read(shard)?.iter(start)
    }

    /// The same, with their ids.
    pub fn iter_shard_with_ids(&self, shard: u16, start: u64) -> Result<WalIdIterator> {
        self.log.stream_to_read(shard)?.iter_with_ids(start)
    }

    /// Makes everything appended to a shard so far durable, in every sync mode. Error: `Config` if
    /// the shard does not exist.
    pub fn flush_shard(&self, shard: u16) -> Result<()> {
        self.log.stream(shard)?.sync()
    }

    /// Makes everything appended so far durable, in all shards at once, in every sync mode.
    /// Attempts all shards, then returns the first failure.
    pub fn flush_all(&self) -> Result<()> {
        self.log.wal.enter_to_write()?;
        self.log.wal.context().check_root()?;
        let shards = self.log.shards.iter();
        let cores = shards.map(|shard| shard.core().cloned());
        let flushed = self
            .log
            .delivering(|log| log.for_each_shard(cores.collect(), |core| core?.sync_attached()));
        flushed.into_iter().collect()
    }

    /// Ends the automatic checkpoints and closes the log for all its clones, as [`Wal::close`]
    /// does. Later calls on clones return `Closed`.
    pub fn close(mut self) -> Result<()> {
        self.automatic = None;
        let checkpoints_closed = self.log.close_checkpoints();
        self.log.wal.clone().close().and(checkpoints_closed)
    }
}

impl ShardedInner {
    /// The stream of a shard. If the log is closed or forked, that is the error, rather than the
    /// reason why the shard is not served.
    pub fn stream(&self, shard: u16) -> Result<&Stream> {
        let stream = match self.shards.get(usize::from(shard)) {
            Some(shard) => shard.stream(),
            None => {
                let count = self.shards.len();
                let what = format!("shard {shard} is out of range, there are {count}");
                Err(Error::Config(what))
            }
        };
        stream.map_err(|error| self.wal.enter().err().unwrap_or(error))
    }

    /// Runs work that may note messages under locks, then delivers them to the log's sink.
    pub fn delivering<R>(&self, work: impl FnOnce(&Self) -> R) -> R {
        let done = work(self);
        self.wal.context().deliver();
        done
    }

    /// Calls `work` on items of several shards at once and returns the results in order. A panic
    /// becomes the error of its item.
    pub fn for_each_shard<T, R>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> Result<R> + Send + Sync + 'static,
    ) -> Vec<Result<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let results = self.pool.for_each(items, work).into_iter();
        results
            .map(|result| result.unwrap_or_else(|_| Err(panicked())))
            .collect()
    }

    /// Whether this is a copy in a forked child, whose locks may never be released.
    pub fn is_forked(&self) -> bool {
        matches!(self.wal.enter(), Err(Error::Forked))
    }

    /// The counter of appended entries; 0 without automatic checkpoints.
    pub fn appended(&self) -> u64 {
        let appended = self.appended.as_ref();
        appended.map_or(0, |appended| appended.load(Ordering::Relaxed))
    }
}

impl Drop for ShardedInner {
    fn drop(&mut self) {
        if let Err(error) = self.close_checkpoints() {
            let message = format!("the checkpoint log was not closed cleanly: {error}");
            self.wal.context().log(log::Level::Error, &message);
        }
    }
}

impl std::fmt::Debug for ShardedWal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShardedWal")
            .field("wal", &self.log.wal)
            .field("shard_count", &self.shard_count())
            .finish_non_exhaustive()
    }
}

fn panicked() -> Error {
    Error::Io(std::io::Error::other(
        "a thread panicked while it worked on a shard",
    ))
}

fn warn_of_small_caches(wal: &Wal, shard_count: u16) {
    let most = wal.context().options.max_open_segments;
    if most < usize::from(shard_count) {
        let message = format!(
            "max_open_segments is {most}, less than the {shard_count} shards: files are closed and \
             reopened all the time"
        );
        wal.context().log(log::Level::Warn, &message);
    }
}

/// A shard that cannot be opened does not affect the others.
fn open_shard(wal: &Wal, shard: u16) -> Shard {
    Shard {
        opened: wal.stream(&shard_stream_name(shard)),
    }
}

/// How many entries the checkpoint with these offsets does not hold. Without a checkpoint: all.
fn entries_behind(shards: &[Shard], offsets: Option<&[u64]>) -> u64 {
    let behind = |(place, shard): (usize, &Shard)| {
        let core = shard.core().ok()?;
        let offset = offsets.and_then(|offsets| offsets.get(place));
        let start = offset.copied().unwrap_or(core.first_id());
        Some(core.next_id().saturating_sub(start))
    };
    let behind = shards.iter().enumerate().filter_map(behind);
    behind.fold(0, u64::saturating_add)
}

/// Marks the shards that end below their offset.
fn note_lost_shards(wal: &Wal, required: &RequiredEntries, shards: &mut [Shard]) -> Result<()> {
    let mut damage = Vec::new();
    for (shard, offset) in shards.iter_mut().zip(&required.offsets) {
        let Ok(stream) = &shard.opened else {
            continue;
        };
        let next_id = stream.core().next_id();
        // A poisoned shard serves what was proven durable before the failure; the rest may exist.
        if next_id >= *offset || stream.core().is_poisoned() {
            continue;
        }
        let what = required.lost_shard(stream.key(), next_id, *offset);
        wal.context().log(log::Level::Error, &what);
        // What is left of it may be all there is to repair it from.
        stream.core().set_checkpoint_floor(0);
        shard.opened = Err(Error::Corruption(what.clone()));
        damage.push(what);
    }
    match wal.context().options.on_corruption {
        CorruptionPolicy::Error if !damage.is_empty() => Err(Error::Corruption(damage.join("; "))),
        _ => Ok(()),
    }
}
