//! How is a batch over several streams appended, all of it or nothing?
//!
//! One record of the commit journal holds the parts of all streams. Steps, and what a crash right after each
//! leaves:
//!
//! 1. for each stream there is room in a segment, and a frame is prepared: nothing of the batch;
//! 2. this thread leads the rounds of all of them, in the order of their keys; what is staged is written; what is
//!    long, or spans segments, is synced in place; expected ids are compared; each part gets its ids and its place,
//!    and is in no file; frames that are appended meanwhile stand behind it and wait: nothing;
//! 3. the record is written and synced: **the commit point**: recovery lays all parts into the files;
//! 4. the parts are written into the files and published, slots are stored: the same.
//!
//! Failure: up to 3 all places are given back. A record that could not be written is made void first, durably, by
//! zeros over its first sector; where that fails too, the streams are poisoned, and all parts or none may be there
//! once the log is opened again. In 4 the batch is durable: a stream whose file cannot be written is poisoned until
//! the log is opened again, and the call succeeds.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::append::Append;
use crate::commit::ExclusiveTurn;
use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::PreparedFrame;
use crate::ids::EntryId;
use crate::ids::Place;
use crate::journal::Journal;
use crate::journal::Room;
use crate::journal::WriteFault;
use crate::platform::sleep;
use crate::primitives::MutexGuard;
use crate::segment::PropertyPoint;
use crate::stream::StreamInner;
use crate::stream::durability::DurableAt;
use crate::stream::durability::JournalRange;
use crate::stream::durability::MAX_BESIDE;
use crate::stream::durability::RangeStart;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::append::FailedWrite;
use crate::stream::writer::append::FrameTerms;
use crate::stream::writer::erase::FrameLocation;
use crate::stream::writer::tail::Admission;
use crate::stream::writer::tail::StagedWrite;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::WriterPhase;

/// So often a batch is tried while the journal is being written back, or others rotate in between.
const MAX_TRIES: usize = 1000;

/// By how much each pause between two tries is longer than the one before, and the longest.
const PAUSE: Duration = Duration::from_micros(20);
const MAX_PAUSE: Duration = Duration::from_millis(10);

/// One stream's part of a batch.
pub struct AtomicPart<'a> {
    /// The stream.
    pub stream: &'a Arc<StreamInner>,
    /// What is appended. Its durability does not count.
    pub append: Append<'a>,
}

/// A part with its frame.
struct Prepared<'a> {
    frame: PreparedFrame<'a>,
    /// The properties that its own were made from.
    made_from: Option<PropertyPoint>,
}

/// A part that has its ids, and the right to lead its stream's rounds.
struct Placed<'a> {
    stream: &'a Arc<StreamInner>,
    active: Arc<StreamSegment>,
    batch: StagedWrite,
    ids: Range<u64>,
    range: JournalRange,
    _turn: ExclusiveTurn<'a, Place, EntryId, Arc<Error>>,
}

/// Why the parts are not placed.
enum NotPlaced {
    /// The batch is refused.
    Refused(Error),
    /// Something has to be done first without leading: then it is tried again.
    TryAgain,
}

impl From<Error> for NotPlaced {
    fn from(error: Error) -> Self {
        NotPlaced::Refused(error)
    }
}

/// Appends all parts or none, durably. Returns their ids, in the order of the parts. The streams belong to one log,
/// and none comes twice.
pub fn append_atomic(parts: &[AtomicPart<'_>]) -> Result<Vec<Range<u64>>> {
    let Some(first) = parts.first() else {
        return Ok(Vec::new());
    };
    let context = &first.stream.context;
    let journal = context.journal().ok_or_else(no_journal)?;
    context.check_root()?;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|one, other| {
        let [one, other] = [one, other].map(|at| parts[*at].stream.place_in_order());
        one.cmp(&other)
    });
    for tries in 0..MAX_TRIES {
        if tries > 2 {
            // Others have room in the file that is to be left, and wait for their streams or their sync.
            sleep(MAX_PAUSE.min(PAUSE * tries as u32));
        }
        // Reserved first: afterwards a batch without room would fail others.
        let Some(mut room) = reserve(journal, parts)? else {
            // Full, or no file is there yet. This waits for streams, so it leads none.
            if let Some(error) = journal.keep_up() {
                context.note_retired_journal(&error);
            }
            continue;
        };
        let mut prepared = Vec::with_capacity(parts.len());
        for part in parts {
            prepared.push(part.prepare()?);
        }
        match place_all(parts, &prepared, &order, &mut room) {
            Ok(placed) => {
                let ids = commit(journal, room, placed)?;
                first.stream.keep_journal_up(journal);
                return Ok(in_input_order(&order, ids));
            }
            Err(NotPlaced::TryAgain) => {}
            Err(NotPlaced::Refused(error)) => return Err(error),
        }
    }
    let busy = std::io::Error::new(
        std::io::ErrorKind::WouldBlock,
        "the commit journal had no room for the batch; try again",
    );
    Err(Error::io(busy, ErrorContext::at(&context.root)))
}

fn no_journal() -> Error {
    Error::Io(std::io::Error::other(
        "the log has no identity, and so no commit journal, which a batch over streams needs",
    ))
}

fn in_input_order(order: &[usize], ids: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut placed = vec![0..0; ids.len()];
    for (place, ids) in order.iter().zip(ids) {
        placed[*place] = ids;
    }
    placed
}

impl<'a> AtomicPart<'a> {
    /// Step 1: the frame, and room for it.
    fn prepare(&self) -> Result<Prepared<'a>> {
        let stream = self.stream;
        let Append {
            entries,
            properties,
            ..
        } = self.append;
        let (frame, made_from) = match properties {
            [] => {
                let frame = match entries {
                    [] => {
                        let what = "a part of an atomic batch has neither entries nor properties";
                        return Err(Error::Config(what.to_owned()));
                    }
                    entries => PreparedFrame::many(entries, stream.compress_from()),
                };
                (frame, None)
            }
            changes => {
                let before = stream.tail.lock().reserved_properties().clone();
                let map = stream.changed_properties(&before, changes)?;
                let frame = PreparedFrame::with_properties(entries, map, stream.compress_from());
                (frame, Some(before))
            }
        };
        let frame = frame.map_err(|error| stream.unprepared(error))?;
        stream.make_room_for(&frame, &self.terms())?;
        Ok(Prepared { frame, made_from })
    }

    fn terms(&self) -> FrameTerms<'static> {
        FrameTerms::new(self.append.expected_id, true)
    }
}

/// Step 2, for all streams in their order. Nothing is placed before all checks have passed, with all tails locked: so
/// a refusal concerns no append but the batch.
fn place_all<'a>(
    parts: &[AtomicPart<'a>],
    prepared: &[Prepared<'_>],
    order: &[usize],
    room: &mut Room<'_>,
) -> std::result::Result<Vec<Placed<'a>>, NotPlaced> {
    let mut turns = Vec::with_capacity(parts.len());
    let mut durable_at = Vec::with_capacity(parts.len());
    for &at in order {
        let stream = parts[at].stream;
        turns.push(stream.group_commit.begin_exclusive());
        // One that was closed is another process's by now.
        stream.check_writable(&stream.tail.lock())?;
        if !stream.may_be_in_journal() {
            return Err(NotPlaced::Refused(kept_out(stream)));
        }
        stream.settle_for_journal()?;
        // It stays there, as this thread leads.
        durable_at.push(stream.durable_at_rest());
    }
    let mut tails = lock_at_rest(parts, order)?;
    let mut starts = Vec::with_capacity(parts.len());
    let mut beside = 0;
    for ((&at, tail), durable_at) in order.iter().zip(&tails).zip(durable_at) {
        let start = parts[at].check(&prepared[at], tail, durable_at)?;
        // Others have appended since, perhaps.
        beside += start.len_before(tail).saturating_sub(MAX_BESIDE);
        starts.push(start);
    }
    if beside > 0 && !room.extend(beside) {
        return Err(NotPlaced::TryAgain);
    }
    let mut batches = Vec::with_capacity(parts.len());
    let mut failed = None;
    for (&at, tail) in order.iter().zip(&mut tails) {
        match parts[at].stage(&prepared[at], tail) {
            Ok(staged) => batches.push(staged),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(tails);
    if failed.is_none() {
        let mut all = Vec::with_capacity(parts.len());
        let mut streams = order.iter().map(|at| parts[*at].stream);
        for ((staged, turn), start) in batches.iter_mut().zip(turns).zip(starts) {
            let Some((stream, staged)) = streams.next().zip(staged.take()) else {
                break;
            };
            let Staged {
                active,
                batch,
                ids,
                place,
            } = staged;
            match stream.range_behind(&active, (start, place), &batch) {
                Ok(range) => all.push(Placed {
                    stream,
                    active,
                    batch,
                    ids,
                    range,
                    _turn: turn,
                }),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        if failed.is_none() {
            return Ok(all);
        }
    }
    let error = failed.unwrap_or_else(not_appended);
    let cause = Arc::new(error.duplicate());
    // All that were staged, and no other: the writer of those is this thread.
    for &at in &order[..batches.len()] {
        parts[at].stream.give_back(&cause, FrameLocation::Clean);
    }
    Err(NotPlaced::Refused(error))
}

/// Locks all tails, with nothing staged and no thread at work on any.
fn lock_at_rest<'a>(
    parts: &[AtomicPart<'a>],
    order: &[usize],
) -> std::result::Result<Vec<MutexGuard<'a, Tail>>, NotPlaced> {
    loop {
        let tails: Vec<_> = order
            .iter()
            .map(|at| parts[*at].stream.tail.lock())
            .collect();
        let Some(busy) = tails.iter().position(|tail| !tail.is_at_rest()) else {
            return Ok(tails);
        };
        drop(tails);
        let stream = parts[order[busy]].stream;
        let mut tail = stream.tail.lock();
        stream.check_writable(&tail)?;
        match tail.phase() {
            WriterPhase::Idle if tail.staged_len() > 0 => stream.write_staged(&mut tail),
            WriterPhase::Idle => {}
            WriterPhase::Writing => stream.tail_changed.wait(&mut tail),
            // A segment is made, or a cut waits for this lead.
            WriterPhase::Rotating => return Err(NotPlaced::TryAgain),
        }
    }
}

/// Why frames that stand behind a part are rolled back with it. Their appenders get it.
fn not_appended() -> Error {
    let what = "a batch over several streams, which the append stood behind, was not appended";
    Error::Io(std::io::Error::new(std::io::ErrorKind::Interrupted, what))
}

/// A part that has its ids.
struct Staged {
    active: Arc<StreamSegment>,
    batch: StagedWrite,
    ids: Range<u64>,
    place: Place,
}

impl AtomicPart<'_> {
    /// Where the range of the record begins, if the part can be placed.
    fn check(
        &self,
        prepared: &Prepared<'_>,
        tail: &Tail,
        durable_at: Option<DurableAt>,
    ) -> std::result::Result<RangeStart, NotPlaced> {
        let stream = self.stream;
        stream.check_writable(tail)?;
        stream.check_expected(tail, &self.terms())?;
        let made_from = prepared.made_from.as_ref();
        if made_from.is_some_and(|made_from| !made_from.is_same_map(tail.reserved_properties())) {
            return Err(NotPlaced::TryAgain);
        }
        let space = tail.check_space(&prepared.frame, &stream.context.options);
        let start = StreamInner::range_start(durable_at, tail);
        let start = start.filter(|_| matches!(space, Admission::Fits));
        start.ok_or(NotPlaced::TryAgain)
    }

    /// Gives the part its ids and its place. The place is this thread's until it is published or given back.
    fn stage(&self, prepared: &Prepared<'_>, tail: &mut Tail) -> Result<Option<Staged>> {
        let active = tail.active().cloned().ok_or(Error::Closed)?;
        let io = |error| Error::io(error, active.segment.context());
        let (ids, _) = tail.stage(&active, &prepared.frame).map_err(io)?;
        let place = tail.reserved_place();
        let batch = tail.take_staged();
        Ok(Some(Staged {
            active,
            batch,
            ids,
            place,
        }))
    }
}

fn kept_out(stream: &StreamInner) -> Error {
    Error::Config(format!(
        "stream {:?} could not be deleted, and stays out of the commit journal until the log is opened again",
        stream.key
    ))
}

/// Room in the journal for a batch, and for what may stand before its parts in their streams. `None`: there is none
/// now.
fn reserve<'a>(journal: &'a Journal, parts: &[AtomicPart<'_>]) -> Result<Option<Room<'a>>> {
    let mut len = 0;
    for part in parts {
        let Append {
            entries,
            properties,
            ..
        } = part.append;
        let entries = entries.iter().map(|entry| entry.len() as u64 + ENTRY_BYTES);
        let properties = properties
            .iter()
            .map(|(key, value)| (key.len() + value.map_or(0, <[u8]>::len)) as u64);
        let changed = part.stream.tail.lock().reserved_properties().carried_len();
        len +=
            entries.sum::<u64>() + properties.sum::<u64>() + 2 * changed + MAX_BESIDE + PART_BYTES;
    }
    let limit = journal.max_batch();
    if len > limit {
        return Err(Error::TooLarge {
            size_bytes: len,
            limit_bytes: limit,
        });
    }
    journal.reserve(len).map_err(|error| error.duplicate())
}

/// What an entry takes of a frame besides its bytes, at most; what a part takes of a record besides its frame: items
/// with their keys, header and slot.
const ENTRY_BYTES: u64 = 16;
const PART_BYTES: u64 = 3 * (40 + 255) + 2 * 512 + 256;

/// Steps 3 and 4.
fn commit(journal: &Journal, room: Room<'_>, all: Vec<Placed<'_>>) -> Result<Vec<Range<u64>>> {
    let record = {
        let parts: Vec<_> = all
            .iter()
            .map(|placed| placed.stream.items_of(&placed.range))
            .collect();
        room.add_all(&parts)
    };
    let written = match record {
        Some(record) => journal.make_durable_or_void(record),
        None => Err(WriteFault::IsVoid(Arc::new(not_appended()))),
    };
    if let Err(fault) = written {
        let (error, place) = match fault {
            WriteFault::IsVoid(error) => (error, FrameLocation::Clean),
            WriteFault::Unknown(error) => (error, FrameLocation::Unknown),
        };
        for placed in all {
            placed.stream.give_back(&error, place);
        }
        return Err(error.duplicate());
    }
    Ok(publish(all))
}

/// A part that is durable in the journal.
struct DurablePart<'a> {
    stream: &'a Arc<StreamInner>,
    ids: Range<u64>,
    range: JournalRange,
    /// It is in the stream's file, too.
    is_written: bool,
    _turn: ExclusiveTurn<'a, Place, EntryId, Arc<Error>>,
}

/// Step 4.
fn publish(all: Vec<Placed<'_>>) -> Vec<Range<u64>> {
    let written: Vec<_> = all
        .iter()
        .map(|placed| {
            let bytes = [IoSlice::new(placed.batch.bytes())];
            let Placed { stream, active, .. } = placed;
            stream.write_at_tail(active, placed.batch.at, &bytes)
        })
        .collect();
    let mut durable = Vec::with_capacity(all.len());
    // At one moment: who holds all tails, for a snapshot or a checkpoint, sees all parts or none.
    let streams: Vec<_> = all.iter().map(|placed| placed.stream).collect();
    let mut tails: Vec<_> = streams.iter().map(|stream| stream.tail.lock()).collect();
    for ((placed, tail), written) in all.into_iter().zip(&mut tails).zip(written) {
        let Placed {
            stream,
            active,
            batch,
            ids,
            range,
            _turn,
        } = placed;
        let is_written = written.is_ok();
        match written {
            Ok(opening) => {
                tail.publish(&active, batch);
                stream.after_publish(tail, &active, opening);
            }
            Err(failed) => {
                // The journal has it: the next open writes it into the file.
                let failed = FailedWrite {
                    place: FrameLocation::Unknown,
                    ..failed
                };
                stream.after_failed_write(tail, failed);
            }
        }
        durable.push(DurablePart {
            stream,
            ids,
            range,
            is_written,
            _turn,
        });
    }
    drop(tails);
    durable.into_iter().map(DurablePart::note).collect()
}

impl DurablePart<'_> {
    fn note(self) -> Range<u64> {
        let DurablePart {
            stream,
            ids,
            range,
            is_written,
            _turn,
        } = self;
        if !is_written {
            // The journal must keep it: the stream cannot be written back.
            stream.note_only_in_journal();
            return ids;
        }
        let mut state = stream.round_state.lock();
        let is_sealed = range.has_slot();
        let reached = stream.note_journaled(&mut state, range);
        drop(state);
        stream.group_commit.advance(reached);
        stream.acknowledge(ids.end);
        if !is_sealed {
            // A failure poisons the stream. The batch is durable.
            let _ = stream.make_written_durable();
        }
        ids
    }
}

impl StreamInner {
    /// Makes room for a frame behind all others.
    fn make_room_for(&self, frame: &PreparedFrame<'_>, terms: &FrameTerms<'_>) -> Result<()> {
        let mut tail = self.tail.lock();
        loop {
            self.check_writable(&tail)?;
            if tail.phase() == WriterPhase::Rotating {
                self.tail_changed.wait(&mut tail);
                continue;
            }
            self.check_expected(&tail, terms)?;
            match tail.check_space(frame, &self.context.options) {
                Admission::Fits => return Ok(()),
                lacking => self.make_space(&mut tail, frame, terms, lacking)?,
            }
        }
    }

    /// Gives the place of a part back that is in no file.
    fn give_back(&self, cause: &Arc<Error>, place: FrameLocation) {
        let failed = FailedWrite {
            error: cause.duplicate(),
            place,
        };
        let mut tail: MutexGuard<'_, Tail> = self.tail.lock();
        self.after_failed_write(&mut tail, failed);
    }
}
