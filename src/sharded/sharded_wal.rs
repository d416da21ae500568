//! ItemKind is a sharded log, how does it come up and end?
//!
//! Up: the log itself recovers and is locked; then the shard count is recorded or compared; then
//! the checkpoint log recovers; then each shard is compared with the newest checkpoint: a shard
//! that ends below what that checkpoint counts on was lost or replaced, and serves nothing. ItemKind no
//! checkpoint holds yet counts towards the next automatic one.
//! Down: the thread that makes checkpoints ends first, then the log of checkpoints is settled, then
//! the log is closed.

use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::options::CorruptionPolicy;
use crate::options::WalOptions;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::sharded::auto_checkpoint::AutoCheckpointer;
use crate::sharded::auto_checkpoint::AutomaticStatus;
use crate::sharded::checkpoint_recovery::recover;
use crate::sharded::checkpoints::Checkpoints;
use crate::sharded::crew::WorkerPool;
use crate::sharded::options::ShardedOptions;
use crate::sharded::router::shard_stream_name;
use crate::sharded::shard_count::record_or_compare;
use crate::stream::CheckpointOwner;
use crate::stream::StreamInner;
use crate::wal::Stream;
use crate::wal::Wal;
use crate::wal::WalIdIterator;
use crate::wal::WalIterator;

/// A log of many shards: entries go to the shard of their key, in order within it; checkpoints are
/// consistent cuts through all shards.
///
/// Usable from any number of threads at once; share it in an `Arc`. Dropping it closes the log,
/// unless clones of [`ShardedWal::inner`] are still held.
pub struct ShardedWal {
    // Dropped first: its thread works on the log.
    automatic: Option<AutoCheckpointer>,
    log: Arc<ShardedInner>,
}

/// ItemKind the log's own thread shares with its users.
pub struct ShardedInner {
    pub wal: Wal,
    pub shards: Vec<Shard>,
    pub checkpoints: Checkpoints,
    pub crew: WorkerPool,
    /// Entries appended since the log was opened, and those that no checkpoint held by then; if
    /// anybody wants to know.
    pub appended: Option<AtomicU64>,
    /// Goes last: the log of checkpoints has been settled by then.
    _claim: CheckpointOwner,
}

/// One shard: its stream, or why it cannot be used. A stream that is deleted behind our back
/// answers `StreamNotFound` for ever after.
pub struct Shard {
    opened: std::result::Result<Stream, Error>,
}

impl Shard {
    /// The stream.
    pub fn stream(&self) -> Result<&Stream> {
        self.opened.as_ref().map_err(Error::duplicate)
    }

    /// The same, for work on other threads.
    pub fn core(&self) -> Result<&Arc<StreamInner>> {
        self.stream().map(Stream::core)
    }
}

impl ShardedWal {
    /// Opens the log at `options.root_path` with `shard_count` shards, creating it when missing.
    /// The count is recorded durably before this returns, and compared at every later open.
    ///
    /// Errors: those of [`Wal::new`]; `Config` for a count of 0; `ShardCountMismatch`;
    /// `Corruption` when the record of the count is damaged or missing beside existing shards.
    /// Under `CorruptionPolicy::Error` also `Corruption` for a damaged checkpoint log.
    pub fn new(options: WalOptions, shard_count: u16) -> Result<Self> {
        Self::with_options(options, ShardedOptions::new(shard_count))
    }

    /// Like [`ShardedWal::new`], with all that can be chosen.
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

    /// Makes an open log a sharded one. The log keeps its receiver of messages
    /// ([`Wal::open_logging`]). Errors as [`ShardedWal::new`] has them; `Config` while another
    /// `ShardedWal` on this log lives: share that one.
    pub fn on(wal: Wal, sharded: ShardedOptions) -> Result<Self> {
        sharded.check()?;
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
        let newest = checkpoints.newest_readable();
        if let Some((id, offsets)) = &newest {
            note_lost_shards(&wal, id, offsets, &mut shards)?;
        }
        let offsets = newest.map(|(_, offsets)| offsets);
        let not_held = entries_behind(&shards, offsets.as_deref());
        let background_tasks = wal.context().background_tasks.get();
        let crew =
            match background_tasks.is_some_and(|background_tasks| background_tasks.is_stepped()) {
                true => WorkerPool::inline(),
                false => WorkerPool::new(),
            };
        let log = Arc::new(ShardedInner {
            wal,
            shards,
            checkpoints,
            crew,
            appended: sharded.automatic.as_ref().map(|_| not_held.into()),
            _claim: claim,
        });
        let automatic = match sharded.automatic {
            Some(wanted) => Some(AutoCheckpointer::start(&log, wanted)?),
            None => None,
        };
        Ok(ShardedWal { automatic, log })
    }

    pub(super) fn log(&self) -> &ShardedInner {
        &self.log
    }

    /// Tells the thread that makes checkpoints that entries were appended.
    pub(super) fn note_appended(&self, count: u64) {
        if let (Some(automatic), Some(appended)) = (&self.automatic, &self.log.appended) {
            let before = appended.fetch_add(count, Ordering::Relaxed);
            automatic.appended(before, count);
        }
    }

    /// ItemKind the automatic checkpoints came to; `None` without any, and in a forked child.
    pub fn automatic_status(&self) -> Option<AutomaticStatus> {
        let automatic = self.automatic.as_ref();
        automatic
            .filter(|_| !self.log.is_forked())
            .map(AutoCheckpointer::status)
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> u16 {
        self.log.shards.len() as u16
    }

    /// The log below: shard `n` is its stream `shard_{n:02}`. Reading is free to all. Deleting a
    /// shard's stream makes the shard answer `StreamNotFound`, and after the next open `Corruption`
    /// if a checkpoint counts on it.
    pub fn inner(&self) -> &Wal {
        &self.log.wal
    }

    /// The entries of a shard in order, from `start` or the first id kept, whichever is later.
    /// Empty before the first append. `Config`: there is no such shard.
    pub fn iter_shard(&self, shard: u16, start: u64) -> Result<WalIterator> {
        self.log.stream(shard)?.iter(start)
    }

    /// The same, with their ids.
    pub fn iter_shard_with_ids(&self, shard: u16, start: u64) -> Result<WalIdIterator> {
        self.log.stream(shard)?.iter_with_ids(start)
    }

    /// Makes everything appended to a shard so far durable, in every sync mode. `Config`: there is
    /// no such shard.
    pub fn flush_shard(&self, shard: u16) -> Result<()> {
        self.log.stream(shard)?.sync()
    }

    /// Makes everything appended so far durable, in all shards at once; the first failure is told
    /// after all were tried.
    pub fn flush_all(&self) -> Result<()> {
        self.log.wal.enter()?;
        self.log.wal.context().check_root()?;
        let shards = self.log.shards.iter();
        let cores = shards.map(|shard| shard.core().cloned());
        let flushed = self.log.telling(|log| {
            log.crew.for_each(cores.collect(), |core| match core {
                Ok(core) => core.sync_attached(),
                Err(error) => Err(error.duplicate()),
            })
        });
        flushed.into_iter().collect()
    }

    /// Ends the automatic checkpoints and closes the log for all its clones, as [`Wal::close`]
    /// does. Later calls on clones answer `Closed`.
    pub fn close(mut self) -> Result<()> {
        self.automatic = None;
        let settled = self.log.close_checkpoints();
        self.log.wal.clone().close().and(settled)
    }
}

impl ShardedInner {
    /// The stream of the shard of this number. A log that is closed, or forked, says so rather
    /// than why it would not have served the shard.
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

    /// Runs what holds locks on its way and may have messages for the log's receiver, and sends
    /// them then.
    pub fn telling<R>(&self, work: impl FnOnce(&Self) -> R) -> R {
        let done = work(self);
        self.wal.context().deliver();
        done
    }

    /// Whether this is a copy in a forked child, whose locks may never be released.
    pub fn is_forked(&self) -> bool {
        matches!(self.wal.enter(), Err(Error::Forked))
    }

    /// How many entries were appended, if automatic checkpoints count them.
    pub fn appended(&self) -> u64 {
        let appended = self.appended.as_ref();
        appended.map_or(0, |appended| appended.load(Ordering::Relaxed))
    }
}

impl Drop for ShardedInner {
    fn drop(&mut self) {
        if let Err(error) = self.close_checkpoints() {
            let message = format!("the log of checkpoints was not settled: {error}");
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

fn warn_of_small_caches(wal: &Wal, shard_count: u16) {
    let most = wal.context().options.max_open_segments;
    if most < usize::from(shard_count) {
        let message = format!(
            "max_open_segments is {most}, less than the {shard_count} shards: files are closed and \
             opened again all the time"
        );
        wal.context().log(log::Level::Warn, &message);
    }
}

/// One bad shard is one bad shard: the others are served.
fn open_shard(wal: &Wal, shard: u16) -> Shard {
    Shard {
        opened: wal.stream(&shard_stream_name(shard)),
    }
}

/// How many entries the checkpoint with these offsets does not hold; without any, all.
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

/// Marks the shards that end below what the newest checkpoint counts on.
fn note_lost_shards(wal: &Wal, id: &str, offsets: &[u64], shards: &mut [Shard]) -> Result<()> {
    let mut damage = Vec::new();
    for (shard, offset) in shards.iter_mut().zip(offsets) {
        let Ok(stream) = &shard.opened else {
            continue;
        };
        let next_id = stream.core().next_id();
        // A poisoned one shows what was proven before the failure; the rest may be there.
        if next_id >= *offset || stream.core().is_poisoned() {
            continue;
        }
        let what = format!(
            "{} ends at {next_id}, but checkpoint {id} counts on all below {offset}: restore the \
             shard's directory from a copy, or give up all checkpoints with compact_checkpoints(0)",
            stream.key()
        );
        wal.context().log(log::Level::Error, &what);
        shard.opened = Err(Error::Corruption(what.clone()));
        damage.push(what);
    }
    match wal.context().options.on_corruption {
        CorruptionPolicy::Error if !damage.is_empty() => Err(Error::Corruption(damage.join("; "))),
        _ => Ok(()),
    }
}
