//! How is a sharded log opened read-only, while another process may write it, and what does it show of a shard?
//!
//! Nothing is claimed, recorded, recovered or changed. The shards are streams that follow their writer
//! (`wal/read_only.rs`), and the checkpoints are followed too (`checkpoint_follower`).
//!
//! A shard that ends below its offset in the newest checkpoint was lost or replaced. Checkpoints are read before the
//! end of the shard. So if the end is too low, either the shard is lost, or the checkpoint has been removed since:
//! then another one is the newest by now, and the comparison is repeated.
//!
//! Everything below the offset is durable. The slots of the shard may say less, after a power failure: the last one is
//! not synced after it is stored. Then the checkpoint counts, for the view of durable entries.

use crate::error::Error;
use crate::error::Result;
use crate::options::CorruptionPolicy;
use crate::options::WalOptions;
use crate::sharded::checkpoints::Checkpoints;
use crate::sharded::checkpoints::RequiredEntries;
use crate::sharded::router::shard_stream_name;
use crate::sharded::shard_count::compare;
use crate::sharded::sharded_wal::ShardedInner;
use crate::sharded::sharded_wal::ShardedWal;
use crate::wal::Stream;
use crate::wal::Wal;

impl ShardedWal {
    /// Opens the sharded log at `options.root_path` for reading only, while another process, or this one, may have
    /// it open for writing. Nothing on disk is changed, nothing is recovered, created or locked, and the writer
    /// waits for nothing. `None`: as many shards as are recorded.
    ///
    /// The shards follow the writer as the streams of [`Wal::open_read_only`] do, `options.sync_mode`
    /// included; [`ShardedWal::inner`] reads, follows and watches them. Loading, listing and counting checkpoints
    /// look at `checkpoints.log` first. A checkpoint is there as soon as its record is written, which is up to
    /// two syncs before `create_checkpoint` returns; if that call fails then, or power does, it disappears again.
    /// Everything below its offsets is durable in any case.
    ///
    /// A rollback counts as soon as it is committed, and shards are cut after that. So shards may still show
    /// entries behind the offsets of the newest checkpoint that the rollback removes, until the writer, or the
    /// next open for writing, has finished it.
    ///
    /// Every call that changes something returns [`Error::ReadOnly`]. [`ShardedWal::snapshot_to`] works.
    ///
    /// Errors: those of [`Wal::open_read_only`]; `Io` of the kind `NotFound` if no shard count is recorded, so before
    /// the log was first opened for writing; `Config` for a count of 0; `ShardCountMismatch`; `Corruption` if the
    /// record of the count is damaged, or missing beside existing shards. Under [`CorruptionPolicy::Error`] also
    /// `Corruption` for a damaged checkpoint log or a lost shard.
    pub fn open_read_only(options: WalOptions, shard_count: Option<u16>) -> Result<Self> {
        Self::check_expected(shard_count)?;
        Self::on_read_only(Wal::open_read_only(options)?, shard_count)
    }

    /// Opens a sharded log on the simulated disk for reading only.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_read_only_simulated(
        disk: &crate::storage::simulated::SimulatedDisk,
        options: WalOptions,
        shard_count: Option<u16>,
    ) -> Result<Self> {
        Self::on_read_only(Wal::open_read_only_simulated(disk, options)?, shard_count)
    }

    /// Makes a log that is open read-only a sharded one. `None`: as many shards as are recorded.
    pub(crate) fn on_read_only(wal: Wal, shard_count: Option<u16>) -> Result<Self> {
        Self::check_expected(shard_count)?;
        let shard_count = compare(&wal, shard_count)?;
        let checkpoints = Checkpoints::followed(wal.context(), shard_count)?;
        let sharded = ShardedWal::reading(wal, shard_count, checkpoints);
        sharded.log().delivering(ShardedInner::note_lost_followed)?;
        Ok(sharded)
    }

    fn check_expected(shard_count: Option<u16>) -> Result<()> {
        match shard_count {
            Some(0) => Err(Error::Config(
                "shard_count is 0, the minimum is 1".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// In a log that is open read-only: reads the state of all shards and of the checkpoints again, as
    /// [`Wal::refresh`] does for streams. Reads refresh what they need; this call refreshes everything now. Without
    /// effect in a log that is open for writing.
    ///
    /// Errors: `Io`; `ShardCountMismatch`, `Corruption` or `Io` if another log is in the directory now.
    pub fn refresh(&self) -> Result<()> {
        let log = self.log();
        log.wal.enter()?;
        if !log.wal.is_read_only() {
            return Ok(());
        }
        compare(&log.wal, Some(self.shard_count()))?;
        log.delivering(|log| log.checkpoints.look())?;
        log.wal.refresh()
    }
}

impl ShardedInner {
    /// The stream of a shard, for reading.
    pub fn stream_to_read(&self, shard: u16) -> Result<Stream> {
        match self.stream(shard) {
            Err(Error::ReadOnly) => self.delivering(|log| log.followed(shard)),
            found => found.cloned(),
        }
    }

    /// The first kept id of a shard, as it is now if it lies behind `offset`.
    pub fn first_kept(&self, shard: u16, offset: u64) -> Result<u64> {
        if !self.wal.is_read_only() {
            return Ok(self.stream(shard)?.core().first_kept());
        }
        let stream = self.followed_stream(shard)?;
        if stream.core().first_kept() > offset {
            // Only a survey notices a stream that was reset, or deleted and begun again.
            stream.core().resurvey()?;
            return Ok(self.followed_stream(shard)?.core().first_kept());
        }
        Ok(stream.core().first_kept())
    }

    /// Logs the shards that were lost when the log was opened read-only; an error under
    /// [`CorruptionPolicy::Error`].
    fn note_lost_followed(&self) -> Result<()> {
        let Some(required) = self.checkpoints.required() else {
            return Ok(());
        };
        let mut lost = Vec::new();
        for (offset, shard) in required.offsets.iter().zip(0..) {
            if *offset == 0 {
                continue;
            }
            // A shard that cannot be read was reported when the streams were opened.
            if let Err(Error::Corruption(what)) = self.followed(shard) {
                self.wal.context().note(log::Level::Error, what.clone());
                lost.push(what);
            }
        }
        match self.wal.context().options.on_corruption {
            CorruptionPolicy::Error if !lost.is_empty() => Err(Error::Corruption(lost.join("; "))),
            _ => Ok(()),
        }
    }

    /// The stream of a shard as it is now. `Corruption` if it was lost.
    fn followed(&self, shard: u16) -> Result<Stream> {
        let mut before = None;
        loop {
            let required = self.required_now();
            let stream = self.followed_stream(shard)?;
            let Some(required) = required else {
                return Ok(stream);
            };
            let offset = required.offsets.get(usize::from(shard));
            let offset = offset.copied().unwrap_or(0);
            let core = stream.core();
            let cuts = core.cut_number();
            if core.next_id() < offset {
                core.resurvey()?;
                let next_id = core.next_id();
                if before.as_ref() == Some(&required) && next_id < offset {
                    let what = required.lost_shard(stream.key(), next_id, offset);
                    return Err(Error::Corruption(what));
                }
                before = Some(required);
                continue;
            }
            // What was seen there is older than any rollback that has not been recorded by now.
            let is_durable = core.durable_end() >= offset
                || self.required_now().as_ref() == Some(&required)
                    && core.note_durable(offset, cuts);
            if is_durable {
                return Ok(stream);
            }
        }
    }

    /// What the shards must hold, as it is now. `None` also if the file cannot be read: loading
    /// reports that, and the shards can be read without it.
    fn required_now(&self) -> Option<RequiredEntries> {
        self.checkpoints.look().ok()?;
        self.checkpoints.required()
    }

    /// The stream that has the name of the shard now.
    fn followed_stream(&self, shard: u16) -> Result<Stream> {
        let stream = self.wal.stream(&shard_stream_name(shard))?;
        stream.core().refresh()?;
        match stream.core().is_deleted() {
            // Another may have the name by now.
            true => self.wal.stream(stream.key()),
            false => Ok(stream),
        }
    }
}
