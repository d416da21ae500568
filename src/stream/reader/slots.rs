//! What does a thread keep between its look-ups?
//!
//! Some open files, the places of frames in them, and buffers, in a *room* that it shares with few
//! other threads or none. So a look-up touches no lock and no counter that other threads write to.
//! Who finds its room taken does without.
//!
//! Nothing here outlives what it stands for: a file that gives way to others, is truncated or
//! deleted is let go of at once ([`Rooms::let_go`]), or, by the thread that is in the room at that
//! moment, when it leaves. No lock is waited for. Memory: the files are those that are open anyway,
//! the places are bounded over all rooms of a log.

use std::ops::Deref;
use std::ops::DerefMut;
use std::ops::Range;
use std::sync::Arc;

use crate::ids::EntryId;
#[cfg(feature = "capi")]
use crate::platform::CancellationGuard;
use crate::primitives::Mutex;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::primitives::given_number;
use crate::primitives::thread_local;
use crate::segment::Buffers;
use crate::segment::Places;
use crate::segment::Readable;
use crate::segment::Source;
use crate::stream::segment_list::Part;

// A checker with few threads has to see them meet in a room.
const ROOM_COUNT: usize = if cfg!(ironwal_model) { 2 } else { 16 };

/// How many files one room holds.
const MOST_HELD: usize = 64;

/// What the places in all rooms of a log may take together.
const MOST_NOTED_BYTES: usize = 16 << 20;

thread_local! {
    /// Which room this thread uses, in every log.
    static NUMBER: Number = Number::lowest_free();
}

/// A bit for each number that a thread has. Of the process, and so are the next and their kind.
static TAKEN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// How many threads found all numbers taken.
static SHARING: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// A thread's number. Given back when the thread ends: the next one finds the room as it was left.
struct Number {
    number: usize,
    is_own: bool,
}

impl Number {
    fn lowest_free() -> Self {
        if let Some(number) = given_number() {
            return Number {
                number: number % ROOM_COUNT,
                is_own: false,
            };
        }
        let mut taken = TAKEN.load(Ordering::Relaxed);
        loop {
            let number = taken.trailing_ones() as usize;
            if number >= ROOM_COUNT {
                let number = SHARING.fetch_add(1, Ordering::Relaxed) % ROOM_COUNT;
                return Number {
                    number,
                    is_own: false,
                };
            }
            let with = taken | 1 << number;
            let order = Ordering::Relaxed;
            match TAKEN.compare_exchange_weak(taken, with, order, order) {
                Ok(_) => {
                    return Number {
                        number,
                        is_own: true,
                    };
                }
                Err(now) => taken = now,
            }
        }
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        if self.is_own {
            TAKEN.fetch_and(!(1 << self.number), Ordering::Relaxed);
        }
    }
}

/// All rooms of a log.
pub struct Rooms {
    rooms: [Room; ROOM_COUNT],
    noted_bytes: AtomicUsize,
}

/// Aligned so that no two share a cache line, nor the pair that processors fetch at once.
#[repr(align(128))]
#[derive(Default)]
struct Room {
    kept: Mutex<Kept>,
    /// Some file kept here may have been closed.
    stale: AtomicBool,
}

/// What is in a room.
#[derive(Default)]
pub struct Kept {
    /// For reading.
    pub buffers: Buffers,
    /// For each file, in the same order, the stream and the ids that its catalogue gives it.
    keys: Vec<Key>,
    /// Files, by stream and first id.
    pub held: Vec<Held>,
    noted_bytes: usize,
    next_out: usize,
}

struct Key {
    stream: u64,
    ids: Range<u64>,
}

/// An open file of a stream.
pub struct Held {
    /// Which catalogue said that it holds these ids.
    pub version: u64,
    /// The segment.
    pub part: Arc<Part>,
    /// The file.
    pub file: Readable,
    /// How often it was closed before it was opened.
    pub closings: u64,
    /// Where frames start in it.
    pub places: Places,
    /// The durable end when its mapping was last made.
    pub mapped_when: u64,
}

impl Held {
    /// Takes the file as this room's own: views of different threads do not share a counter.
    pub fn own(file: Readable) -> Readable {
        let source = match file.source {
            Source::Mapped(map) => Source::Mapped(map.counted_apart()),
            Source::Partly { map, file } => Source::Partly {
                map: map.counted_apart(),
                file,
            },
            read @ Source::File(_) => read,
        };
        Readable { source, ..file }
    }
}

impl Kept {
    /// The place of the file that holds `id` of the stream, as far as the room knows.
    #[inline]
    pub fn find(&self, stream: u64, id: EntryId) -> Option<usize> {
        let behind = self
            .keys
            .partition_point(|key| (key.stream, key.ids.start) <= (stream, id.0));
        let place = behind.checked_sub(1)?;
        let key = &self.keys[place];
        (key.stream == stream && id.0 < key.ids.end).then_some(place)
    }

    /// Puts a file into the room and tells where.
    pub fn put(&mut self, stream: u64, ids: Range<u64>, mut held: Held) -> usize {
        let order = (stream, ids.start);
        let key = Key { stream, ids };
        let found = self
            .keys
            .binary_search_by_key(&order, |key| (key.stream, key.ids.start));
        let place = match found {
            Ok(place) => {
                let before = &mut self.held[place];
                if Arc::ptr_eq(&before.part, &held.part) {
                    held.places = std::mem::take(&mut before.places);
                }
                (self.keys[place], *before) = (key, held);
                return place;
            }
            Err(place) => place,
        };
        self.keys.insert(place, key);
        self.held.insert(place, held);
        if self.held.len() <= MOST_HELD {
            return place;
        }
        self.next_out = (self.next_out + 1) % MOST_HELD;
        let out = self.next_out + usize::from(self.next_out >= place);
        self.keys.remove(out);
        self.held.remove(out);
        place - usize::from(out < place)
    }

    /// Lets go of files that were closed.
    fn let_go(&mut self) {
        let mut place = 0;
        while let Some(held) = self.held.get(place) {
            if held.part.read_slot.closings() == held.closings {
                place += 1;
            } else {
                self.keys.remove(place);
                self.held.remove(place);
            }
        }
    }

    fn forget_places(&mut self) {
        for held in &mut self.held {
            held.places = Places::new(held.part.segment.first_id());
        }
    }
}

impl Rooms {
    /// Empty rooms.
    pub fn new() -> Self {
        Rooms {
            rooms: Default::default(),
            noted_bytes: AtomicUsize::new(0),
        }
    }

    /// This thread's room, if nobody is in it.
    #[inline]
    pub fn enter(&self) -> Option<InRoom<'_>> {
        // A thread that is ending has no number any more.
        let number = NUMBER.try_with(|number| number.number);
        self.enter_this(&self.rooms[number.unwrap_or(0)])
    }

    #[inline]
    fn enter_this<'a>(&'a self, room: &'a Room) -> Option<InRoom<'a>> {
        Some(InRoom {
            kept: room.kept.try_lock()?,
            leaving: Leaving { rooms: self, room },
        })
    }

    /// Lets go of files that were closed, in all rooms. Waits for nobody.
    pub fn let_go(&self) {
        self.rooms.iter().for_each(|room| self.let_go_in(room));
    }

    /// Who fails to get in here leaves the work to the one who is in, and who asks after leaving.
    ///
    /// Invariant: one side marks the room and then tries the lock, the other gives the lock back
    /// and then asks for the mark, both marks by a read-modify-write. Whichever of these comes
    /// second sees what the other side did before.
    fn let_go_in(&self, room: &Room) {
        loop {
            room.stale.swap(true, Ordering::AcqRel);
            let Some(mut kept) = room.kept.try_lock() else {
                return;
            };
            room.stale.swap(false, Ordering::AcqRel);
            kept.let_go();
            self.account(&mut kept);
            drop(kept);
            if !room.stale.swap(false, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// Counts what the places in a room take, and tells what those in all rooms do.
    fn account(&self, kept: &mut Kept) -> usize {
        let now = kept.held.iter().map(|held| held.places.size_bytes()).sum();
        let before = std::mem::replace(&mut kept.noted_bytes, now);
        let total = self
            .noted_bytes
            .fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        total.wrapping_add(now).wrapping_sub(before)
    }
}

/// A room, and the thread in it.
pub struct InRoom<'a> {
    kept: MutexGuard<'a, Kept>,
    // Dropped after the lock was given back.
    leaving: Leaving<'a>,
}

struct Leaving<'a> {
    rooms: &'a Rooms,
    room: &'a Room,
}

impl InRoom<'_> {
    /// To be called after places were noted: keeps their number bounded. Where there are too many,
    /// all are forgotten, here and in the rooms nobody is in.
    pub fn bound_places(&mut self) {
        let rooms = self.leaving.rooms;
        if rooms.account(&mut self.kept) <= MOST_NOTED_BYTES {
            return;
        }
        self.kept.forget_places();
        rooms.account(&mut self.kept);
        for room in &rooms.rooms {
            if let Some(mut other) = rooms.enter_this(room) {
                other.forget_places();
                rooms.account(&mut other);
            }
        }
    }
}

impl Deref for InRoom<'_> {
    type Target = Kept;

    #[inline]
    fn deref(&self) -> &Kept {
        &self.kept
    }
}

impl DerefMut for InRoom<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Kept {
        &mut self.kept
    }
}

impl Drop for Leaving<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.room.stale.swap(false, Ordering::AcqRel) {
            // Files are closed, perhaps by a thread that was let in because it would do no such
            // thing.
            #[cfg(feature = "capi")]
            let _no_cancel = CancellationGuard::enter();
            self.rooms.let_go_in(self.room);
        }
    }
}
