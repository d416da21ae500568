//! How a read-only stream follows what another process writes.
//!
//! A log that is open read-only holds no lock, asks the writer nothing and changes nothing. What
//! it knows of a stream is what its files said at the last refresh; a reader that comes to the end of
//! that refreshes again. A short refresh reads the slots of the newest segment, then its frames from the
//! last known one on, and checks three names; it reports whether anything else changed. If so, all
//! files of the stream are surveyed, as recovery does, and the decision is the same.
//!
//! Failure: an error of the disk is returned to the caller, and the last state stays. Close: the
//! last state stays as it is.

use std::io;
use std::sync::Arc;

use crate::commit::Reached;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameFault;
use crate::format::SlotProperties;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::ids::Place;
use crate::primitives::Mutex;
use crate::primitives::RwLock;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::recovery::CheckDepth;
use crate::recovery::Decision;
use crate::recovery::Finding;
use crate::recovery::KeptState;
use crate::recovery::LiveCollector;
use crate::recovery::NextAppend;
use crate::recovery::Recovered;
use crate::recovery::describe;
use crate::recovery::good_frames;
use crate::recovery::load_last_frame;
use crate::recovery::properties_of_good_frame;
use crate::recovery::properties_of_slot;
use crate::recovery::refusal_error;
use crate::recovery::view_only;
use crate::segment::PropertyPoint;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::header_at;
use crate::storage::DirIdentity;
use crate::stream::LogContext;
use crate::stream::reader::get::is_not_found;
use crate::stream::reader::look::newest_slot;
use crate::stream::reader::side::ReaderSide;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;

/// What a stream of a log that is open read-only has beside what every stream has.
pub struct Follower {
    pub(super) looks: Mutex<FollowerState>,
    /// The directory that the stream was found in; `None`: there was none yet.
    identity: RwLock<Option<DirIdentity>>,
    /// Which of the streams of its key it is, as its segments say. Only a refresh changes it.
    incarnation: RwLock<Option<u64>>,
    /// By how much the places of group commit run ahead of ids: places never go back, and ids do
    /// where the stream is cut.
    shift: AtomicU64,
}

/// A segment that another one follows, and that had no footer when the files were surveyed.
#[derive(Clone)]
pub(super) struct FullSegment {
    pub(super) part: Arc<StreamSegment>,
    /// Where its frames end.
    pub(super) end: SegmentEnd,
    /// The properties there.
    pub(super) properties: SlotProperties,
}

/// What only the thread that refreshes touches.
pub(super) struct FollowerState {
    observer: LiveCollector,
    /// The segment that appends go to, and the end of the frames that were good at the last look.
    /// `None`: only a look at everything will do.
    pub(super) newest: Option<(Arc<StreamSegment>, SegmentEnd)>,
    /// The segments before it that had no footer yet at the last survey.
    pub(super) full: Vec<FullSegment>,
    /// A part of which not all is there any more: its index leads to wrong places.
    void: Option<Arc<StreamSegment>>,
    /// The damage that was logged already.
    reported: Vec<Finding>,
    /// The same in words.
    pub(super) damage: Vec<String>,
    /// The properties at that end.
    pub(super) properties: PropertyPoint,
    /// The log was closed: what was known stays as it is.
    closed: bool,
}

/// How far a short look came.
enum TailProgress {
    /// The frames end here, and those below this id are durable. With properties, if these changed.
    Advanced(SegmentEnd, EntryId, Option<PropertyPoint>),
    /// The slots say more than appends do, or what they promise is not readable.
    NeedsResurvey,
    /// The last frame that was known is not there any more: it was rolled back.
    RolledBack,
}

impl Follower {
    /// For a stream that was not looked at yet.
    pub(super) fn new(context: &LogContext, dir: &std::path::Path) -> Self {
        let options = &context.options;
        let observer = LiveCollector::new(
            Arc::clone(&context.storage),
            dir.to_path_buf(),
            options.read_buffer_size,
            options.on_corruption,
        );
        Follower {
            looks: Mutex::new(FollowerState {
                observer,
                newest: None,
                full: Vec::new(),
                void: None,
                reported: Vec::new(),
                damage: Vec::new(),
                properties: PropertyPoint::NONE,
                closed: false,
            }),
            identity: RwLock::new(None),
            incarnation: RwLock::new(None),
            shift: AtomicU64::new(0),
        }
    }
}

impl FollowerState {
    /// Keeps nothing of a stream that is gone.
    fn clear(&mut self) {
        self.observer.forget();
        self.newest = None;
        self.full = Vec::new();
        self.void = None;
        self.reported = Vec::new();
        self.damage = Vec::new();
        self.properties = PropertyPoint::NONE;
    }
}

impl ReaderSide {
    /// Reads what the writer has appended since. Does nothing in a log that is open for writing.
    pub fn refresh(&self) -> Result<()> {
        self.poll(false)
    }

    /// Surveys all files of the stream. Does nothing in a log that is open for writing.
    pub fn resurvey(&self) -> Result<()> {
        self.poll(true)
    }

    fn poll(&self, at_all: bool) -> Result<()> {
        let Some(follower) = &self.follower else {
            return Ok(());
        };
        let mut looks = follower.looks.lock();
        if looks.closed || self.is_deleted() {
            return Ok(());
        }
        let is_followed = self.poll_tail(follower, &mut looks)?;
        if at_all {
            // Asked for because a file is gone, perhaps replaced: nothing is known of others.
            looks.observer.forget();
        }
        match is_followed && !at_all {
            true => Ok(()),
            false => self.resurvey_all(follower, &mut looks),
        }
    }

    /// Whether a log that is open read-only was closed.
    pub(super) fn is_unwatched(&self) -> bool {
        let follower = self.follower.as_ref();
        follower.is_some_and(|follower| follower.looks.lock().closed)
    }

    /// Checks whether the stream was deleted since, or begun since; in a log that is open read-only.
    /// The long look only where the directory, or the segment that was the newest one, is not what
    /// was known.
    pub fn look_at_place(&self) -> Result<()> {
        let Some(follower) = &self.follower else {
            return Ok(());
        };
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let newest = follower.looks.lock().newest.clone();
        let is_there = match newest {
            Some((part, _)) => self.has_in_place(&part),
            None => self.is_known_dir(follower),
        };
        match is_there.map_err(io)? {
            true => Ok(()),
            false => self.resurvey(),
        }
    }

    /// The properties at the last look.
    pub(super) fn followed_properties(&self, follower: &Follower) -> PropertyPoint {
        follower.looks.lock().properties.clone()
    }

    /// Ends looking: the log is closed.
    pub fn close_follower(&self) {
        if let Some(follower) = &self.follower {
            follower.looks.lock().closed = true;
        }
    }

    /// Whether the stream's directory is the one that was looked at.
    pub(super) fn is_known_dir(&self, follower: &Follower) -> io::Result<bool> {
        let expected = *follower.identity.read();
        Ok(self.context.storage.dir_identity(&self.dir)? == expected)
    }

    /// Follows the newest segment. False: something else changed, or nothing is known.
    fn poll_tail(&self, follower: &Follower, looks: &mut FollowerState) -> Result<bool> {
        let Some((part, end)) = looks.newest.clone() else {
            return Ok(false);
        };
        let file = match self.open_reader(&part) {
            Ok(file) => file,
            Err(error) if is_not_found(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let io = |error| Error::io(error, part.segment.context());
        match self.read_new_frames(&part, &file.source, end)? {
            TailProgress::Advanced(end, durable_end, properties) => {
                if let Some(properties) = properties {
                    looks.properties = properties;
                }
                looks.newest = Some((Arc::clone(&part), end));
                part.segment.publish(&end);
                self.publish(follower, &end, durable_end);
                self.is_newest(&part, &end).map_err(io)
            }
            TailProgress::NeedsResurvey => Ok(false),
            TailProgress::RolledBack => {
                looks.newest = None;
                looks.void = Some(part);
                Ok(false)
            }
        }
    }

    /// Whether no segment follows this one, and it is still there.
    ///
    /// In this order: segments are removed oldest first, so where this one is there, the next one
    /// was not removed before.
    fn is_newest(&self, part: &StreamSegment, end: &SegmentEnd) -> io::Result<bool> {
        let storage = &self.context.storage;
        // A segment without entries has none: it would have the same name.
        if end.next_id > part.segment.first_id() {
            let successor = self.dir.join(segment_file_name(end.next_id));
            if storage.kind(&successor)?.is_some() {
                return Ok(false);
            }
        }
        self.has_in_place(part)
    }

    /// The good frames behind `end`.
    fn read_new_frames(
        &self,
        part: &StreamSegment,
        source: &SegmentBytes,
        end: SegmentEnd,
    ) -> Result<TailProgress> {
        let segment = &part.segment;
        let io = |error| Error::io(error, segment.context());
        let SegmentBytes::File(file) = source else {
            return Ok(TailProgress::NeedsResurvey);
        };
        // The slots first: what they promise is in the frames that are read behind them.
        let slot = newest_slot(segment, source).map_err(io)?;
        let len = FileOffset(file.len().map_err(io)?);
        let mut known = end;
        let is_there = load_last_frame(segment.seed, source, &mut known, len).map_err(io)?;
        if !is_there || known.link != end.link {
            return Ok(TailProgress::RolledBack);
        }
        let read_ahead = self.context.options.read_buffer_size;
        let mut durable_end = EntryId(0);
        let mut properties = None;
        if let Some(slot) = slot {
            if slot.truncation_epoch > self.segments().truncation_epoch || slot.end > len {
                return Ok(TailProgress::NeedsResurvey);
            }
            if slot.end > known.offset {
                let stated = properties_of_slot(segment, source, &slot)?;
                properties = Some(stated.into_point());
                let depth = CheckDepth::Headers;
                let good = good_frames(segment, source, &known, slot.end, read_ahead, depth);
                known = good.map_err(io)?.end;
            }
            if slot.end > known.offset {
                // Damage to what was durable: readers go on behind it from the last frame.
                known = SegmentEnd {
                    offset: slot.end,
                    next_id: slot.next_id,
                    last_frame: slot.last_frame,
                    last_frame_len: 0,
                    link: 0,
                };
                if !load_last_frame(segment.seed, source, &mut known, len).map_err(io)? {
                    return Ok(TailProgress::NeedsResurvey);
                }
            }
            durable_end = slot.next_id;
        }
        let mut window = ReadBuffer::new();
        let (at, short) = (known.offset, FRAME_HEADER_LEN);
        let next = header_at(segment, source, &mut window, at, short, len);
        let next = next.map_err(io)?;
        if let Err(FrameFault::Field(_)) = next {
            // A footer: another segment follows. It need not begin at the next id: a replica seals the
            // segment before a cut as the primary had sealed it before it was cut.
            return Ok(TailProgress::NeedsResurvey);
        }
        if next.is_ok() {
            let depth = CheckDepth::Payloads;
            let good = good_frames(segment, source, &known, len, read_ahead, depth);
            let good = good.map_err(io)?;
            known = good.end;
            if let Some(frame) = good.properties {
                let found = properties_of_good_frame(segment, source, &frame)?;
                properties = Some(found.into_point());
            }
        }
        Ok(TailProgress::Advanced(known, durable_end, properties))
    }

    /// Surveys all files, and adopts what recovery would keep of them.
    fn resurvey_all(&self, follower: &Follower, looks: &mut FollowerState) -> Result<()> {
        let storage = &self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        loop {
            let identity = storage.dir_identity(&self.dir).map_err(io)?;
            let before = *follower.identity.read();
            // A directory that only the commit journal knew had none. Whether it holds the same stream by now, the
            // incarnation says.
            let has_another = |before| match identity {
                Some(now) => before != now && before != DirIdentity::default(),
                None => true,
            };
            if before.is_some_and(has_another) {
                looks.clear();
                self.mark_deleted();
                return Ok(());
            }
            if identity.is_none() {
                return Ok(());
            }
            let observed = match looks.observer.look() {
                // The writer changes its files too often for a look at all of them: what is known stays, and the
                // next call looks again.
                Err(Error::Io(error))
                    if before.is_some() && error.kind() == io::ErrorKind::TimedOut =>
                {
                    return Ok(());
                }
                looked => looked?,
            };
            if storage.dir_identity(&self.dir).map_err(io)? != identity {
                // Perhaps of two streams, one after the other.
                looks.observer.forget();
                continue;
            }
            let Some((facts, decision)) = observed else {
                continue;
            };
            let incarnation = facts.incarnation();
            let known = *follower.incarnation.read();
            if known.is_some() && incarnation.is_some() && known != incarnation {
                looks.clear();
                self.mark_deleted();
                return Ok(());
            }
            let verdict = match decision {
                Decision::Serve(verdict) => verdict,
                Decision::Refuse(refusal) => {
                    return Err(refusal_error(&self.key, &facts, &refusal));
                }
            };
            if verdict.findings != looks.reported {
                let findings = verdict.findings.iter();
                looks.damage = findings
                    .map(|found| describe(&self.key, &facts, found))
                    .collect();
                for message in &looks.damage {
                    self.context.note(log::Level::Error, message.clone());
                }
                looks.reported = verdict.findings.clone();
            }
            let is_nothing = verdict.kept.is_empty() && verdict.next == NextAppend::Empty;
            if is_nothing && before.is_none() {
                // A directory that is being made.
                return Ok(());
            }
            *follower.identity.write() = identity;
            *follower.incarnation.write() = incarnation.or(known);
            return self.adopt(follower, looks, view_only(&facts, verdict));
        }
    }

    fn adopt(
        &self,
        follower: &Follower,
        looks: &mut FollowerState,
        recovered: Recovered,
    ) -> Result<()> {
        let before = self.segments();
        let known_newest = looks.newest.take();
        let void = looks.void.take();
        looks.properties = recovered.properties.clone();
        let continues = recovered.next == NextAppend::Continue;
        let mut parts = Vec::with_capacity(recovered.segments.len());
        let mut last = None;
        looks.full.clear();
        for found in recovered.segments {
            let (end, state, properties) = (found.end, found.state, found.properties);
            let known = before.part_at(found.segment.first_id());
            let known = known.filter(|known| {
                let is_void = void.as_ref().is_some_and(|void| Arc::ptr_eq(void, known));
                !is_void
            });
            let part = match known {
                Some(known)
                    if self.is_continuation(&known, &found.segment, &end, &known_newest)? =>
                {
                    known
                }
                _ => StreamSegment::new(found.segment, true),
            };
            if let Some((part, end, KeptState::Tail { .. }, properties)) = last.take() {
                looks.full.push(FullSegment {
                    part,
                    end,
                    properties,
                });
            }
            last = Some((Arc::clone(&part), end, state, properties));
            parts.push(part);
        }
        let now = SegmentList {
            first_kept: recovered.first_kept.0,
            truncation_epoch: recovered.first_kept.1,
            parts: parts.into_iter().collect(),
        };
        let mut gone = Vec::new();
        for part in before.parts.iter() {
            let kept = now.part_at(part.segment.first_id());
            if !kept.is_some_and(|kept| Arc::ptr_eq(&kept, part)) {
                gone.push(Arc::clone(part));
            }
        }
        let cut = lowest_cut(&before, &now);
        let mut guard = cut.map(|_| self.cuts.begin());
        if let (Some(guard), Some(lowest)) = (&mut guard, cut) {
            guard.change(lowest);
            self.hide_cut(follower, &before, lowest);
        }
        *self.segments.write() = Arc::new(now);
        match (last, recovered.next) {
            (Some((part, end, KeptState::Tail { .. }, _)), _) if continues => {
                looks.newest = Some((part, end));
                self.publish(follower, &end, recovered.durable_end);
            }
            // Ids that were lost behind the last segment count as durable.
            (_, NextAppend::AfterLoss { first_id, .. }) => {
                self.publish(follower, &SegmentEnd::empty(first_id), first_id);
            }
            (_, _) => self.publish(follower, &SegmentEnd::empty(EntryId(0)), EntryId(0)),
        }
        drop(guard);
        for part in gone {
            self.context.read_files.forget(&part.read_slot);
        }
        Ok(())
    }

    /// Readers of this process see no id from `lowest` on any more: the writer has cut the stream. What
    /// they did not see before they do not see yet.
    fn hide_cut(&self, follower: &Follower, before: &SegmentList, lowest: EntryId) {
        let written = self.written_end.load(Ordering::Acquire);
        self.written_end
            .store(written.min(lowest.0), Ordering::Release);
        self.group_commit.exclusive(|| {
            let Reached { point, end_id } = self.group_commit.reached();
            // Not above the known durable end, so that places never run behind ids.
            let end_id = end_id.min(lowest);
            follower.shift.store(point.0 - end_id.0, Ordering::Release);
            // False where the group has failed: a follower's never does.
            let _ = self.group_commit.set_in_turn(Reached { point, end_id });
        });
        for part in before.parts.iter() {
            let segment = &part.segment;
            if segment.end_id() > lowest {
                let is_void = segment.first_id() >= lowest;
                let end = if is_void { EntryId(0) } else { lowest };
                segment.clip(end, segment.last_frame());
            }
        }
    }

    /// Whether a segment that was known is the one that was found now; if so it is brought up to
    /// date. What readers know of it stays then: the open file, the index.
    fn is_continuation(
        &self,
        known: &Arc<StreamSegment>,
        found: &Segment,
        end: &SegmentEnd,
        newest: &Option<(Arc<StreamSegment>, SegmentEnd)>,
    ) -> Result<bool> {
        let segment = &known.segment;
        if segment.header != found.header {
            return Ok(false);
        }
        if segment.is_sealed() {
            // Otherwise a suffix of it was cut.
            return Ok(found.is_sealed() && found.end_id() == segment.end_id());
        }
        let was_newest = newest.as_ref().filter(|(part, _)| Arc::ptr_eq(part, known));
        let known_end = was_newest.map_or(segment.limit().0, |(_, end)| end.offset);
        if end.offset < known_end || (was_newest.is_none() && end.offset != known_end) {
            return Ok(false);
        }
        if found.is_sealed() {
            segment.publish(end);
            segment.set_sealed();
            self.context.read_files.forget(&known.read_slot);
            return Ok(true);
        }
        if let Some((_, from)) = was_newest.filter(|(_, from)| end.offset > from.offset) {
            let io = |error| Error::io(error, segment.context());
            let file = self.open_reader(known)?;
            let (read_ahead, depth) = (self.context.options.read_buffer_size, CheckDepth::Headers);
            // For the index only; damage on the way is reported when it is read.
            good_frames(segment, &file.source, from, end.offset, read_ahead, depth).map_err(io)?;
        }
        segment.publish(end);
        Ok(true)
    }

    /// Lets readers see the stream up to here. The segment list has it already.
    fn publish(&self, follower: &Follower, end: &SegmentEnd, durable_end: EntryId) {
        let end_id = durable_end.min(end.next_id);
        let shift = follower.shift.load(Ordering::Acquire);
        self.group_commit.advance(Reached {
            // Without appends of this process there is nothing to count but ids, and cuts.
            point: Place(end_id.0.saturating_add(shift)),
            end_id,
        });
        self.written_end.store(end.next_id.0, Ordering::Release);
    }

    /// Lets readers of durable entries see the stream up to `end_id`, or to its known end: something else than
    /// its slots says that all below is durable. A slot may be lost in a power failure, the entries are not. False, and
    /// nothing done, where the stream was cut since `cuts`.
    #[cfg(feature = "sharded")]
    pub fn note_durable(&self, end_id: u64, cuts: u64) -> bool {
        let Some(follower) = &self.follower else {
            return true;
        };
        // Only a look notices a cut, and there is none meanwhile.
        let looks = follower.looks.lock();
        if self.cuts.settled() != cuts {
            return false;
        }
        if let Some((_, end)) = looks.newest.as_ref().filter(|_| !looks.closed) {
            self.publish(follower, end, EntryId(end_id));
        }
        true
    }

    /// The number of the last cut.
    #[cfg(feature = "sharded")]
    pub fn cut_number(&self) -> u64 {
        self.cuts.settled()
    }

    /// The stream was deleted, and perhaps another has its name by now.
    fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
        let before = std::mem::take(&mut *self.segments.write());
        for part in before.parts.iter() {
            self.context.read_files.forget(&part.read_slot);
        }
        self.forget_blocks();
    }
}

/// The lowest id that cuts have replaced since the first of these lists was the stream's; `None`: there
/// was none.
fn lowest_cut(before: &SegmentList, now: &SegmentList) -> Option<EntryId> {
    let known = before.parts.last()?.segment.header.generation;
    let newest = now.parts.last()?.segment.header.generation;
    if newest <= known {
        return None;
    }
    let is_new = |part: &&Arc<StreamSegment>| part.segment.header.generation > known;
    let first = now.parts.iter().find(is_new)?;
    // Otherwise a truncation has taken the segment that the first of them began with.
    let header = &first.segment.header;
    Some(match header.is_cut() {
        true => header.first_id,
        false => EntryId(0),
    })
}
