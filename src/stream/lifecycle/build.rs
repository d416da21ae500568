//! How a stream is built from what recovery kept, or begins where nothing is on disk.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::commit::GroupCommit;
use crate::commit::LeaderFault;
use crate::commit::Reached;
use crate::error::Error;
use crate::error::Result;
use crate::options::CommitPath;
use crate::primitives::Condvar;
use crate::primitives::Mutex;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::recovery::KeptState;
use crate::recovery::NextAppend;
use crate::recovery::Recovered;
use crate::segment::SegmentEnd;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::counters::SyncCounter;
use crate::stream::durability::RoundState;
use crate::stream::failure::panicked;
use crate::stream::follower::Follower;
use crate::stream::reader::cuts::Cuts;
use crate::stream::reader::side::ReaderSide;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::SegmentListCell;
use crate::stream::segment_list::StreamSegment;
use crate::stream::state::StreamState;
use crate::stream::writer::rotate::AllocState;
use crate::stream::writer::rotate::Leftovers;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::Tail;

impl StreamInner {
    /// A stream that does not exist on disk: its directory is made by the first append.
    pub fn absent(context: &Arc<LogContext>, key: &str, dir: PathBuf) -> Arc<Self> {
        let recovered = Recovered::nothing();
        Self::build(context, key.into(), dir.into(), recovered, false)
    }

    /// A stream of which nothing is on disk, whose first id is not 0 perhaps.
    #[cfg(feature = "inspection")]
    pub fn begun(
        context: &Arc<LogContext>,
        key: &str,
        dir: PathBuf,
        recovered: Recovered,
    ) -> Arc<Self> {
        Self::build(context, key.into(), dir.into(), recovered, false)
    }

    /// A stream as recovery left it. Its tail, if it was written again, is synced before this
    /// returns; when that fails the stream is poisoned and serves what is below the frontier. Where
    /// bytes could not be quarantined, it is poisoned too, but serves all that was checked.
    pub fn recovered(
        context: &Arc<LogContext>,
        key: Arc<str>,
        dir: Arc<Path>,
        mut recovered: Recovered,
    ) -> Arc<Self> {
        let needs_sync = recovered.needs_sync;
        let blocked = recovered.blocked.take();
        let stream = Self::build(context, key, dir, recovered, true);
        if needs_sync && !stream.is_poisoned() {
            // A round of its own, not a wait for an id: ids that were lost behind the tail count as
            // durable, the tail itself does not. A failure poisons the stream; the next append
            // returns it.
            let synced = stream
                .group_commit
                .exclusive(|| stream.make_written_durable());
            if synced.is_err() {
                stream.hide_unproven();
            }
        }
        if let Some(error) = blocked.filter(|_| !stream.is_poisoned()) {
            stream.poison(Arc::new(error));
            stream.blocked.store(true, Ordering::Release);
        }
        stream
    }

    /// A stream that another process writes, as it is now. It need not exist yet.
    pub fn followed(context: &Arc<LogContext>, key: &str, dir: PathBuf) -> Result<Arc<Self>> {
        debug_assert!(context.read_only);
        let stream = Self::absent(context, key, dir);
        stream.resurvey()?;
        Ok(stream)
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
            incarnation,
            first_kept,
            durable_end,
            properties,
            properties_at_frontier,
            needs_sync,
            failure,
            unremoved,
            ..
        } = recovered;
        let leftovers = (!unremoved.is_empty()).then(|| Box::new(Leftovers::from_iter(unremoved)));
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
                tails.push((Arc::clone(&part), end, segment.properties));
                next_slot = segment.next_slot;
            }
            parts.push(part);
        }
        let settings = context.options.settings_of(&key);
        let goes_by_journal = settings.commit_path != CommitPath::InPlace;
        let continues = next == NextAppend::Continue && failure.is_none();
        let active = if continues { tails.pop() } else { None };
        let end = match (&active, &next) {
            (Some((_, end, _)), _) => *end,
            (None, NextAppend::AfterLoss { first_id, .. }) => SegmentEnd::empty(*first_id),
            _ => SegmentEnd::empty(durable_end),
        };
        let active = active.map(|(part, ..)| part);
        // Ids that are not durable yet have places behind those that are, so none is negative.
        let first_place = durable_end.min(end.next_id);
        let durable_properties = match needs_sync {
            true => properties_at_frontier,
            false => properties.clone(),
        };
        // A segment that is still to be made holds no frame of them yet.
        let properties = match active {
            Some(_) => properties,
            None => properties.in_new_segment(),
        };
        let mut tail = Tail::new(active, end, next, properties).with_unsealed(first_place, tails);
        let follower = context
            .read_only
            .then(|| Box::new(Follower::new(context, &dir)));
        if follower.is_some() {
            tail.set_life(StreamState::ReadOnly);
        }
        let poisoned = failure.is_some();
        let durable = match tail.active().is_some() || poisoned {
            true => durable_end,
            // Nothing is pending: lost ids count as durable, for no caller can wait for them.
            false => end.next_id,
        };
        let written_end = if poisoned { durable } else { end.next_id };
        let durable = Reached {
            point: tail.written_place_of(durable),
            end_id: durable,
        };
        let stream = Arc::new_cyclic(|weak_self| StreamInner {
            reader: ReaderSide {
                key,
                settings,
                stream_id: context.next_stream_id(),
                dir,
                context: Arc::clone(context),
                segments: SegmentListCell::new(SegmentList {
                    first_kept: first_kept.0,
                    truncation_epoch: first_kept.1,
                    parts: parts.into_iter().collect(),
                }),
                cuts: Cuts::default(),
                group_commit: GroupCommit::new(durable, broken_round),
                written_end: AtomicU64::new(written_end.0),
                acknowledged_end: AtomicU64::new(0),
                deleted: AtomicBool::new(false),
                poisoned: AtomicBool::new(false),
                follower,
            },
            weak_self: weak_self.clone(),
            tail_changed: Condvar::new(),
            rollback_count: AtomicU64::new(0),
            sync_counter: SyncCounter::default(),
            blocked: AtomicBool::new(false),
            dir_number: AtomicU64::new(0),
            opening: next_opening(),
            cut_floor: AtomicU64::new(0),
            checkpoint_floor: AtomicU64::new(u64::MAX),
            alloc: Mutex::new(AllocState {
                generation,
                incarnation,
                dir_exists,
                spare: NextSegmentFile::Absent,
                leftovers,
            }),
            goes_by_journal: AtomicBool::new(goes_by_journal),
            round_state: Mutex::new(RoundState::recovered(
                next_slot,
                named,
                durable_at,
                durable_properties,
            )),
            tail: Mutex::new(tail),
        });
        if let Some(error) = failure {
            stream.poison(Arc::new(error));
        }
        stream
    }

    /// After a failed sync of what recovery wrote: only what is below the frontier is shown.
    fn hide_unproven(&self) {
        self.written_end
            .store(self.durable_end(), Ordering::Release);
    }
}

/// A number for a stream that no other of this process has, and not 0: marks of one are refused by
/// others, and a mark of zeros by all.
fn next_opening() -> u64 {
    // Not the engine's own atomic: it is no part of what a checker of interleavings explores.
    static OPENINGS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    OPENINGS.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// The error of the waiters of a round that did not end as rounds do.
fn broken_round(fault: LeaderFault) -> Arc<Error> {
    Arc::new(match fault {
        LeaderFault::LeaderPanicked => panicked("made entries durable"),
        LeaderFault::NoProgress => Error::Io(std::io::Error::other(
            "a sync succeeded without covering what was asked for",
        )),
    })
}
