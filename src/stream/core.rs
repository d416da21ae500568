//! What is a stream, and how does it come out of recovery?

use std::collections::VecDeque;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Weak;

use crate::commit::GroupCommit;
use crate::commit::LeaderFault;
use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::options::SyncMode;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::recovery::KeptState;
use crate::recovery::NextAppend;
use crate::recovery::Recovered;
use crate::segment::SegmentEnd;
use crate::storage::Access;
use crate::storage::StorageFile;
use crate::stream::LogContext;
use crate::stream::durability::round::RoundState;
use crate::stream::follower::Follower;
use crate::stream::lifecycle::unremoved_files::Leftovers;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::SegmentListCell;
use crate::stream::segment_list::StreamSegment;
use crate::stream::seldom::Seldom;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::StreamState;
use crate::stream::writer::tail::Tail;

/// One stream.
///
/// Locks, in the order in which they may be taken: `alloc`, then leadership of `group_commit`, then
/// `round_state`, then `tail`. `segments` is held for a copy only. No I/O happens under `tail`.
pub struct StreamInner {
    /// The stream's key.
    pub key: Arc<str>,
    pub(super) stream_id: u64,
    pub(super) dir: Arc<Path>,
    pub(super) context: Arc<LogContext>,
    pub(super) weak_self: Weak<StreamInner>,
    pub(super) tail: Mutex<Tail>,
    /// Something about the tail changed: written, taken back, rotated, closed.
    pub(super) tail_changed: Condvar,
    pub(super) group_commit: GroupCommit<u64, Arc<Error>>,
    /// How often a write failed and was taken back.
    pub(super) rollback_count: AtomicU64,
    poisoned: AtomicBool,
    /// The number of the stream's directory among those made since the log was opened; 0: it was
    /// there before.
    pub(super) dir_number: AtomicU64,
    pub(super) segments: SegmentListCell,
    /// What `tail.life` says, without its lock.
    pub(super) deleted: AtomicBool,
    /// One past the last id in the kernel.
    pub(super) written_end: AtomicU64,
    /// Under `BatchOnly`: one past the last id whose append returned without an error.
    pub(super) acknowledged_end: AtomicU64,
    pub(super) alloc: Mutex<AllocState>,
    pub(super) round_state: Mutex<RoundState>,
    /// In a log that is open read-only.
    pub(super) follower: Option<Box<Follower>>,
}

impl StreamInner {
    /// A stream that does not exist on disk: its directory is made by the first append.
    pub fn absent(context: &Arc<LogContext>, key: &str, dir: PathBuf) -> Arc<Self> {
        let recovered = Recovered::nothing();
        Self::build(context, key.into(), dir.into(), recovered, false)
    }

    /// A stream of which nothing is on disk, whose first id is not 0 perhaps.
    #[cfg(feature = "cli")]
    pub fn begun(
        context: &Arc<LogContext>,
        key: &str,
        dir: PathBuf,
        recovered: Recovered,
    ) -> Arc<Self> {
        Self::build(context, key.into(), dir.into(), recovered, false)
    }

    /// A stream as recovery left it. Its tail, if it was written again, is synced before this
    /// returns; when that fails the stream is poisoned and serves what is below the frontier.
    pub fn recovered(
        context: &Arc<LogContext>,
        key: Arc<str>,
        dir: Arc<Path>,
        recovered: Recovered,
    ) -> Arc<Self> {
        let needs_sync = recovered.needs_sync;
        let core = Self::build(context, key, dir, recovered, true);
        if needs_sync && !core.is_poisoned() {
            // A round of its own, not a wait for an id: what was lost behind the tail counts as
            // settled, the tail itself does not. A failure poisons the stream; whoever appends
            // next is told.
            let synced = core.group_commit.exclusive(|| {
                core.round()
                    .map(|reached| core.group_commit.advance(reached))
            });
            if synced.is_err() {
                core.hide_unproven();
            }
        }
        core
    }

    fn build(
        context: &Arc<LogContext>,
        key: Arc<str>,
        dir: Arc<Path>,
        recovered: Recovered,
        dir_exists: bool,
    ) -> Arc<Self> {
        let Recovered {
            segments,
            next,
            generation,
            first_kept,
            durable_end,
            failure,
            unremoved,
            ..
        } = recovered;
        let mut leftovers = Seldom::default();
        if !unremoved.is_empty() {
            leftovers = Leftovers::from_iter(unremoved).into();
        }
        let mut parts = Vec::with_capacity(segments.len());
        let mut tails = Vec::new();
        let mut durable_at = None;
        let mut next_slot = 0;
        let mut named = false;
        for segment in segments {
            let (end, state) = (segment.end, segment.state);
            let name_synced = !matches!(state, KeptState::Tail { new_name: true, .. });
            named |= name_synced;
            let is_tail = matches!(state, KeptState::Tail { .. });
            let part = match is_tail && end.last_frame.is_none() {
                true => StreamSegment::without_entry(segment.segment),
                false => StreamSegment::new(segment.segment, name_synced),
            };
            if let KeptState::Tail { from, .. } = state {
                durable_at.get_or_insert((part.segment.first_id(), from));
                tails.push((Arc::clone(&part), end));
                next_slot = segment.next_slot;
            }
            parts.push(part);
        }
        let continues = next == NextAppend::Continue && failure.is_none();
        let active = if continues { tails.pop() } else { None };
        let end = match (&active, &next) {
            (Some((_, end)), _) => *end,
            (None, NextAppend::AfterLoss { first_id, .. }) => SegmentEnd::empty(*first_id),
            _ => SegmentEnd::empty(durable_end),
        };
        let mut tail = Tail::new(active.map(|(part, _)| part), end, next);
        if !tails.is_empty() {
            tail.unsealed = VecDeque::from(tails).into();
        }
        let follower = context
            .read_only
            .then(|| Box::new(Follower::new(context, &dir)));
        if follower.is_some() {
            tail.life = StreamState::ReadOnly;
        }
        let poisoned = failure.is_some();
        let durable = match tail.active.is_some() || poisoned {
            true => durable_end,
            // Nothing is pending: what is lost counts as settled.
            false => end.next_id,
        };
        let core = Arc::new_cyclic(|weak_self| StreamInner {
            key,
            stream_id: context.next_stream_id(),
            dir,
            context: Arc::clone(context),
            weak_self: weak_self.clone(),
            tail_changed: Condvar::new(),
            group_commit: GroupCommit::new(durable.0, broken_round),
            rollback_count: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            dir_number: AtomicU64::new(0),
            segments: SegmentListCell::new(SegmentList {
                first_kept: first_kept.0,
                truncation_epoch: first_kept.1,
                parts: parts.into_iter().collect(),
            }),
            deleted: AtomicBool::new(false),
            written_end: AtomicU64::new(if poisoned { durable.0 } else { end.next_id.0 }),
            acknowledged_end: AtomicU64::new(0),
            alloc: Mutex::new(AllocState {
                generation,
                dir_exists,
                spare: NextSegmentFile::Absent,
                leftovers,
            }),
            round_state: Mutex::new(RoundState {
                next_slot,
                frontier: None,
                stored: false,
                dir_synced: named,
                seal_refused: None,
                slot_refused: None,
                durable_at,
            }),
            tail: Mutex::new(tail),
            follower,
        });
        if let Some(error) = failure {
            core.poison(Arc::new(error));
        }
        core
    }

    /// After a failed sync of what recovery wrote: only what is below the frontier is shown.
    fn hide_unproven(&self) {
        self.written_end
            .store(self.group_commit.committed(), Ordering::Release);
    }

    pub(super) fn arc(&self) -> Option<Arc<StreamInner>> {
        self.weak_self.upgrade()
    }

    /// One past the last id in the kernel.
    pub(super) fn written_end(&self) -> u64 {
        self.written_end.load(Ordering::Acquire)
    }

    /// One past the last id that may be read: under `Strict` what is durable, otherwise what is
    /// written.
    #[inline]
    pub fn visible_end(&self) -> EntryId {
        EntryId(match self.context.options.sync_mode {
            SyncMode::Strict => self.group_commit.committed(),
            // A batch that could not be made durable is not served, unless entries behind it are.
            SyncMode::BatchOnly if self.is_poisoned() => {
                let acknowledged = self.acknowledged_end.load(Ordering::Acquire);
                acknowledged.max(self.group_commit.committed())
            }
            SyncMode::BatchOnly | SyncMode::Async => self.written_end(),
        })
    }

    /// One past the last durable id.
    pub fn durable_end(&self) -> u64 {
        self.group_commit.committed()
    }

    /// The id that the next append gets.
    pub fn next_id(&self) -> u64 {
        self.tail.lock().written.next_id.0
    }

    /// The first id kept.
    pub fn first_id(&self) -> u64 {
        let segments = self.segments();
        let first = segments.parts.first().map(|part| part.segment.first_id());
        first
            .unwrap_or(segments.first_kept)
            .max(segments.first_kept)
            .0
    }

    /// The first id that truncation left. Below [`StreamInner::first_id`] only where a loss followed.
    #[cfg(feature = "sharded")]
    pub fn first_kept(&self) -> u64 {
        self.segments.read().first_kept.0
    }

    /// Whether anything was ever appended (and the stream not deleted since).
    pub fn exists(&self) -> bool {
        !self.segments.read().parts.is_empty()
    }

    /// Whether there is nothing of this stream on disk and nothing to remember about it.
    pub fn is_untouched(&self) -> bool {
        let on_disk = self.alloc.lock().dir_exists;
        let tail = self.tail.lock();
        let has_ids = tail.written.next_id.0 > 0 || tail.active.is_some();
        let is_usable = matches!(tail.life, StreamState::Open | StreamState::ReadOnly);
        !on_disk && !has_ids && is_usable && !self.is_poisoned() && !self.exists()
    }

    /// The first id of the segment that appends go to.
    pub fn current_segment_start_id(&self) -> Option<u64> {
        let tail = self.tail.lock();
        if let Some(active) = &tail.active {
            return Some(active.segment.first_id().0);
        }
        drop(tail);
        self.segments()
            .parts
            .last()
            .map(|part| part.segment.first_id().0)
    }

    pub(super) fn segments(&self) -> Arc<SegmentList> {
        Arc::clone(&self.segments.read())
    }

    /// Latches a failure: the stream takes no appends until it is opened anew. Takes the tail's
    /// lock, to wake those who wait for something to be written.
    pub(super) fn poison(&self, error: Arc<Error>) {
        self.latch(error);
        // Whoever looked before the latch and sleeps behind the look has let go of the lock. What
        // was mapped is stored into no more: every append is refused from here on.
        self.unmap();
        self.tail_changed.notify_all();
    }

    /// Latches because a helper panicked while it worked for this stream.
    pub fn poison_after_panic(&self) {
        self.poison(Arc::new(panicked("worked for the stream unasked")));
    }

    /// Latches a failure, notes it for the log's receiver, and wakes nobody who waits for
    /// `tail_changed`.
    pub(super) fn latch(&self, error: Arc<Error>) {
        if self.poisoned.swap(true, Ordering::AcqRel) {
            return;
        }
        let message = format!("stream {:?} is poisoned: {error}", self.key);
        self.group_commit.poison(error);
        self.context.note(log::Level::Error, message);
    }

    /// Sends what was noted to the log's receiver. The caller holds no lock.
    pub fn deliver(&self) {
        self.context.deliver();
    }

    /// Whether a failure has latched.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    pub(super) fn check_poisoned(&self) -> Result<()> {
        if !self.is_poisoned() {
            return Ok(());
        }
        match self.group_commit.poisoned() {
            Some(cause) => Err(Error::Poisoned {
                stream: self.key.to_string(),
                cause,
            }),
            None => Ok(()),
        }
    }

    /// Whether the stream was deleted or closed.
    pub fn state(&self) -> StreamState {
        self.tail.lock().life
    }

    /// Whether the stream was deleted.
    #[inline]
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// The part's file, open for writing, and which opening of it that is.
    pub(super) fn write_file(
        &self,
        part: &Arc<StreamSegment>,
    ) -> Result<(Arc<dyn StorageFile>, u64)> {
        loop {
            let opening = part.write_slot.open_count_of_file();
            let file = self.context.write_files.get(&part.write_slot, || {
                let path = part.segment.path();
                let storage = &self.context.storage;
                self.context
                    .with_fd_retry(|| storage.open_file(&path, Access::ReadWrite))
                    .map_err(|error| Error::io(error, part.segment.context()))
            })?;
            let now = part.write_slot.open_count_of_file();
            // Opened just now by this thread, or open since before: nothing happened in between.
            if now == opening || (opening == 0 && now == 1) {
                return Ok((file, now));
            }
        }
    }
}

impl std::fmt::Debug for StreamInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamInner")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What waiters are told when a round did not end as rounds do.
fn broken_round(fault: LeaderFault) -> Arc<Error> {
    Arc::new(match fault {
        LeaderFault::LeaderPanicked => panicked("made entries durable"),
        LeaderFault::NoProgress => Error::Io(std::io::Error::other(
            "a sync succeeded without covering what was asked for",
        )),
    })
}

/// What latches when a thread panics in the middle of something.
pub(super) fn panicked(while_it: &str) -> Error {
    let what = format!("a thread panicked while it {while_it}");
    Error::Io(std::io::Error::other(what))
}
