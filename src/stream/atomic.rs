//! How is a batch over several streams appended, all of it or nothing?
//!
//! One record of the commit journal holds the parts of all streams. Steps, and what a crash right after each
//! leaves:
//!
//! 1. for each stream there is room in a segment, and a frame is prepared: nothing of the batch;
//! 2. this thread leads the rounds of all of them, and appends to them wait; what was staged is written; what is long,
//!    or spans segments, is synced in place; expected ids are compared; each part gets its ids and its place, and is
//!    in no file; frames that are appended from then on stand behind it: nothing;
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
use crate::stream::durability::JournalRange;
use crate::stream::durability::MAX_BESIDE;
use crate::stream::durability::RangeStart;
use crate::stream::lifecycle::empty_stream::Waiting;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::append::FailedWrite;
use crate::stream::writer::append::FrameTerms;
use crate::stream::writer::erase::FrameLocation;
use crate::stream::writer::rotate::AllocState;
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
    // Dropped in this order.
    _turn: ExclusiveTurn<'a, Place, EntryId, Arc<Error>>,
    _alloc: MutexGuard<'a, AllocState>,
}

/// Why nothing of a batch is appended.
pub struct NotAppended {
    /// The error.
    pub error: Error,
    /// The part that it concerns, where it concerns one.
    // Asked by C only.
    #[cfg_attr(not(feature = "capi"), allow(dead_code))]
    pub part: Option<usize>,
}

impl From<Error> for NotAppended {
    fn from(error: Error) -> Self {
        NotAppended { error, part: None }
    }
}

/// Makes an error that of one part.
fn of_part(part: usize) -> impl FnOnce(Error) -> NotAppended {
    move |error| NotAppended {
        error,
        part: Some(part),
    }
}

/// Why the parts are not placed.
enum NotPlaced {
    /// The batch is refused.
    Refused(NotAppended),
    /// Something has to be done first without leading: then it is tried again.
    TryAgain,
}

impl From<Error> for NotPlaced {
    fn from(error: Error) -> Self {
        NotPlaced::Refused(error.into())
    }
}

impl NotPlaced {
    /// Makes a refusal that of one part.
    fn of_part(self, part: usize) -> NotPlaced {
        match self {
            NotPlaced::Refused(refusal) => NotPlaced::Refused(of_part(part)(refusal.error)),
            NotPlaced::TryAgain => NotPlaced::TryAgain,
        }
    }
}

/// Appends all parts or none, durably. Returns their ids, in the order of the parts. The streams belong to one log,
/// and none comes twice.
pub fn append_atomic(
    parts: &[AtomicPart<'_>],
) -> std::result::Result<Vec<Range<u64>>, NotAppended> {
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
        let Some(room) = reserve(journal, parts)? else {
            // Full, or no file is there yet. This waits for streams, so it leads none.
            if let Some(error) = journal.keep_up() {
                context.note_retired_journal(&error);
            }
            continue;
        };
        let mut prepared = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            prepared.push(part.prepare().map_err(of_part(at))?);
        }
        match place_all(parts, &prepared, &order) {
            Ok(placed) => {
                let ids = commit(journal, room, placed)?;
                first.stream.keep_journal_up(journal);
                return Ok(in_input_order(&order, ids));
            }
            Err(NotPlaced::TryAgain) => {}
            Err(NotPlaced::Refused(refusal)) => return Err(refusal),
        }
    }
    let busy = std::io::Error::new(
        std::io::ErrorKind::WouldBlock,
        "the commit journal had no room for the batch; try again",
    );
    Err(Error::io(busy, ErrorContext::at(&context.root)).into())
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

/// A stream of a batch before its part is placed: this thread makes its segments and leads its rounds, and appends
/// wait.
struct Held<'a> {
    stream: &'a Arc<StreamInner>,
    // Dropped in this order.
    waiting: Waiting<'a>,
    turn: ExclusiveTurn<'a, Place, EntryId, Arc<Error>>,
    alloc: MutexGuard<'a, AllocState>,
}

/// Step 2. All streams are held before the first check, so a refusal concerns no append but the batch, and nothing that
/// was checked changes before all parts are placed.
fn place_all<'a>(
    parts: &[AtomicPart<'a>],
    prepared: &[Prepared<'_>],
    order: &[usize],
) -> std::result::Result<Vec<Placed<'a>>, NotPlaced> {
    let held = hold_all(parts, order).map_err(NotPlaced::Refused)?;
    let mut starts = Vec::with_capacity(parts.len());
    for &at in order {
        let start = parts[at].check(&prepared[at]);
        starts.push(start.map_err(|refusal| refusal.of_part(at))?);
    }
    let mut all: Vec<Placed<'a>> = Vec::with_capacity(parts.len());
    for ((&at, held), start) in order.iter().zip(held).zip(starts) {
        match parts[at].place(&prepared[at], held, start) {
            Ok(placed) => all.push(placed),
            Err(error) => {
                let cause = Arc::new(error.duplicate());
                for placed in all {
                    placed.stream.give_back(&cause, FrameLocation::Clean);
                }
                return Err(NotPlaced::from(error).of_part(at));
            }
        }
    }
    Ok(all)
}

/// Takes the locks of all streams, each kind in the order of the streams, makes appends wait, and makes durable in
/// place what is too much for a record.
fn hold_all<'a>(
    parts: &[AtomicPart<'a>],
    order: &[usize],
) -> std::result::Result<Vec<Held<'a>>, NotAppended> {
    let streams = || order.iter().map(|at| parts[*at].stream);
    let allocs: Vec<_> = streams().map(|stream| stream.alloc.lock()).collect();
    let turns: Vec<_> = streams()
        .map(|stream| stream.group_commit.begin_exclusive())
        .collect();
    let mut all = Vec::with_capacity(parts.len());
    for ((&at, alloc), turn) in order.iter().zip(allocs).zip(turns) {
        let stream = parts[at].stream;
        if !stream.may_be_in_journal() {
            return Err(of_part(at)(kept_out(stream)));
        }
        stream.hold_appends(false).map_err(of_part(at))?;
        let waiting = Waiting(stream);
        stream.settle_for_journal().map_err(of_part(at))?;
        all.push(Held {
            stream,
            waiting,
            turn,
            alloc,
        });
    }
    Ok(all)
}

/// Why frames that stand behind a part are rolled back with it. Their appenders get it.
fn not_appended() -> Error {
    let what = "a batch over several streams, which the append stood behind, was not appended";
    Error::Io(std::io::Error::new(std::io::ErrorKind::Interrupted, what))
}

impl<'a> AtomicPart<'a> {
    /// Where the range of the record begins, if the part can be placed.
    fn check(&self, prepared: &Prepared<'_>) -> std::result::Result<RangeStart, NotPlaced> {
        let stream = self.stream;
        let durable_at = stream.durable_at_rest();
        let tail = stream.tail.lock();
        stream.check_writable(&tail)?;
        stream.check_expected(&tail, &self.terms())?;
        let made_from = prepared.made_from.as_ref();
        if made_from.is_some_and(|made_from| !made_from.is_same_map(tail.reserved_properties())) {
            return Err(NotPlaced::TryAgain);
        }
        let space = tail.check_space(&prepared.frame, &stream.settings);
        let start = stream.range_start(durable_at, &tail);
        let start = start.filter(|_| matches!(space, Admission::Fits));
        start.ok_or(NotPlaced::TryAgain)
    }

    /// Gives the part its ids and its place. The place is this thread's until it is published or given back.
    fn place(
        &self,
        prepared: &Prepared<'_>,
        held: Held<'a>,
        start: RangeStart,
    ) -> Result<Placed<'a>> {
        let Held {
            stream,
            waiting,
            turn,
            alloc,
        } = held;
        let mut tail = stream.tail.lock();
        let active = tail.active().cloned().ok_or(Error::Closed)?;
        // From here on the place is what appends wait for, or stand behind.
        std::mem::forget(waiting);
        tail.end_rotation();
        let io = |error| Error::io(error, active.segment.context());
        let staged = tail.stage(&active, &prepared.frame).map_err(io);
        stream.tail_changed.notify_all();
        let (ids, _) = staged?;
        let place = tail.reserved_place();
        let batch = tail.take_staged();
        drop(tail);
        match stream.range_behind(&active, (start, place), &batch) {
            Ok(range) => Ok(Placed {
                stream,
                active,
                batch,
                ids,
                range,
                _turn: turn,
                _alloc: alloc,
            }),
            Err(error) => {
                let cause = Arc::new(error.duplicate());
                stream.give_back(&cause, FrameLocation::Clean);
                Err(error)
            }
        }
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

/// Step 4. All parts are published in one moment, so no cut through the streams holds some of them.
fn publish(all: Vec<Placed<'_>>) -> Vec<Range<u64>> {
    let written: Vec<_> = all.iter().map(Placed::write).collect();
    let mut tails: Vec<_> = all.iter().map(|placed| placed.stream.tail.lock()).collect();
    let mut published = Vec::with_capacity(all.len());
    for ((placed, written), tail) in all.into_iter().zip(written).zip(&mut tails) {
        published.push(placed.publish(written, tail));
    }
    drop(tails);
    published.into_iter().map(Published::finish).collect()
}

/// A part that readers can see, once it is known to be durable. `None`: its file could not be written.
struct Published<'a> {
    stream: &'a Arc<StreamInner>,
    ids: Range<u64>,
    range: Option<JournalRange>,
    // Dropped in this order.
    _turn: ExclusiveTurn<'a, Place, EntryId, Arc<Error>>,
    _alloc: MutexGuard<'a, AllocState>,
}

impl<'a> Placed<'a> {
    /// Writes the part into its file.
    fn write(&self) -> std::result::Result<u64, FailedWrite> {
        let bytes = [IoSlice::new(self.batch.bytes())];
        self.stream
            .write_at_tail(&self.active, self.batch.at, &bytes)
    }

    fn publish(
        self,
        written: std::result::Result<u64, FailedWrite>,
        tail: &mut MutexGuard<'_, Tail>,
    ) -> Published<'a> {
        let Placed {
            stream,
            active,
            batch,
            ids,
            range,
            _turn,
            _alloc,
        } = self;
        let range = match written {
            Ok(opening) => {
                tail.publish(&active, batch);
                stream.after_publish(tail, &active, opening);
                Some(range)
            }
            Err(failed) => {
                // The journal has it: the next open writes it into the file.
                let failed = FailedWrite {
                    place: FrameLocation::Unknown,
                    ..failed
                };
                stream.after_failed_write(tail, failed);
                None
            }
        };
        Published {
            stream,
            ids,
            range,
            _turn,
            _alloc,
        }
    }
}

impl Published<'_> {
    /// The part is durable, and counts as that.
    fn finish(self) -> Range<u64> {
        let Published {
            stream,
            ids,
            range,
            _turn,
            _alloc,
        } = self;
        let Some(range) = range else {
            // The journal must keep it: the stream cannot be written back.
            stream.note_only_in_journal();
            return ids;
        };
        let is_sealed = range.has_slot();
        let reached = stream.note_journaled(&mut stream.round_state.lock(), range);
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
            match tail.check_space(frame, &self.settings) {
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
