//! What a thread caches between its look-ups.
//!
//! Some open files, the offsets of frames in them, and buffers, in a cache slot that it shares with few
//! other threads or none. So a look-up touches no lock and no counter that other threads write to.
//! If another thread is using the slot, the look-up proceeds uncached.
//!
//! Nothing here outlives what it stands for: a file that is evicted, truncated or deleted is dropped at
//! once ([`ReaderSlots::evict_closed`]), or, by the thread that uses the slot at that moment, when it
//! unlocks. No lock is waited for. Memory: the files are those that are open anyway, the offsets are
//! bounded over all slots of a log.

use std::ops::Deref;
use std::ops::DerefMut;
use std::ops::Range;
use std::sync::Arc;

use crate::ids::EntryId;
use crate::primitives::Mutex;
use crate::primitives::MutexGuard;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering;
use crate::primitives::model_thread_id;
use crate::primitives::thread_local;
use crate::segment::OffsetCache;
use crate::segment::ReadBuffers;
use crate::segment::SegmentBytes;
use crate::segment::SegmentReader;
use crate::stream::segment_list::StreamSegment;

// A checker with few threads has to see them meet in a slot.
const ROOM_COUNT: usize = if cfg!(ironwal_model) { 2 } else { 16 };

/// How many files one slot holds.
const MAX_HELD: usize = 64;

/// What the offsets in all slots of a log may take together.
const MAX_NOTED_BYTES: usize = 16 << 20;

thread_local! {
    /// Which slot this thread uses, in every log.
    static SLOT_ID: SlotId = SlotId::lowest_free();
}

/// A bit for each number that a thread has. Of the process, and so are the next and their kind.
static SLOTS_IN_USE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// How many threads found all numbers taken.
static OVERFLOW_THREADS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// A thread's number. Given back when the thread ends: the next one finds the slot as it was left.
struct SlotId {
    number: usize,
    is_own: bool,
}

impl SlotId {
    fn lowest_free() -> Self {
        if let Some(number) = model_thread_id() {
            return SlotId {
                number: number % ROOM_COUNT,
                is_own: false,
            };
        }
        let mut taken = SLOTS_IN_USE.load(Ordering::Relaxed);
        loop {
            let number = taken.trailing_ones() as usize;
            if number >= ROOM_COUNT {
                let number = OVERFLOW_THREADS.fetch_add(1, Ordering::Relaxed) % ROOM_COUNT;
                return SlotId {
                    number,
                    is_own: false,
                };
            }
            let with = taken | 1 << number;
            let order = Ordering::Relaxed;
            match SLOTS_IN_USE.compare_exchange_weak(taken, with, order, order) {
                Ok(_) => {
                    return SlotId {
                        number,
                        is_own: true,
                    };
                }
                Err(now) => taken = now,
            }
        }
    }
}

impl Drop for SlotId {
    fn drop(&mut self) {
        if self.is_own {
            SLOTS_IN_USE.fetch_and(!(1 << self.number), Ordering::Relaxed);
        }
    }
}

/// All cache slots of a log.
pub struct ReaderSlots {
    reader_slots: [Slot; ROOM_COUNT],
    cache_bytes: AtomicUsize,
}

/// Aligned so that no two share a cache line, nor the pair that processors fetch at once.
#[repr(align(128))]
#[derive(Default)]
struct Slot {
    kept: Mutex<SlotState>,
    /// Some file kept here may have been closed.
    stale: AtomicBool,
}

/// What is in a slot.
#[derive(Default)]
pub struct SlotState {
    /// For reading.
    pub buffers: ReadBuffers,
    /// For each file, in the same order, the stream and the ids that its segments gives it.
    keys: Vec<CachedRange>,
    /// Files, by stream and first id.
    pub held: Vec<CachedSegment>,
    cache_bytes: usize,
    evict_cursor: usize,
}

struct CachedRange {
    stream: u64,
    ids: Range<u64>,
}

/// An open file of a stream.
pub struct CachedSegment {
    /// Which segments said that it holds these ids.
    pub version: u64,
    /// The segment.
    pub part: Arc<StreamSegment>,
    /// The file.
    pub file: SegmentReader,
    /// How often it was closed before it was opened.
    pub close_count: u64,
    /// Where frames start in it.
    pub places: OffsetCache,
    /// The durable end when its mapping was last made.
    pub mapped_at_durable_end: u64,
}

impl CachedSegment {
    /// Takes the file as this slot's own: views of different threads do not share a counter.
    pub fn own(file: SegmentReader) -> SegmentReader {
        let source = match file.source {
            SegmentBytes::FullyMapped(map) => SegmentBytes::FullyMapped(map.with_own_refcount()),
            SegmentBytes::PrefixMapped { map, file } => SegmentBytes::PrefixMapped {
                map: map.with_own_refcount(),
                file,
            },
            read @ SegmentBytes::File(_) => read,
        };
        SegmentReader { source, ..file }
    }
}

impl SlotState {
    /// The place of the file that holds `id` of the stream, as far as the slot knows.
    #[inline]
    pub fn find(&self, stream: u64, id: EntryId) -> Option<usize> {
        let behind = self
            .keys
            .partition_point(|key| (key.stream, key.ids.start) <= (stream, id.0));
        let place = behind.checked_sub(1)?;
        let key = &self.keys[place];
        (key.stream == stream && id.0 < key.ids.end).then_some(place)
    }

    /// Puts a file into the slot and returns where.
    pub fn put(&mut self, stream: u64, ids: Range<u64>, mut held: CachedSegment) -> usize {
        let order = (stream, ids.start);
        let key = CachedRange { stream, ids };
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
        if self.held.len() <= MAX_HELD {
            return place;
        }
        self.evict_cursor = (self.evict_cursor + 1) % MAX_HELD;
        let out = self.evict_cursor + usize::from(self.evict_cursor >= place);
        self.keys.remove(out);
        self.held.remove(out);
        place - usize::from(out < place)
    }

    /// Drops files that were closed.
    fn evict_closed(&mut self) {
        let mut place = 0;
        while let Some(held) = self.held.get(place) {
            if held.part.read_slot.close_count() == held.close_count {
                place += 1;
            } else {
                self.keys.remove(place);
                self.held.remove(place);
            }
        }
    }

    fn forget_places(&mut self) {
        for held in &mut self.held {
            held.places = OffsetCache::new(held.part.segment.first_id());
        }
    }
}

impl ReaderSlots {
    /// Empty slots.
    pub fn new() -> Self {
        ReaderSlots {
            reader_slots: Default::default(),
            cache_bytes: AtomicUsize::new(0),
        }
    }

    /// This thread's slot, if no other thread uses it.
    #[inline]
    pub fn enter(&self) -> Option<SlotGuard<'_>> {
        // A thread that is ending has no number any more.
        let number = SLOT_ID.try_with(|number| number.number);
        self.enter_this(&self.reader_slots[number.unwrap_or(0)])
    }

    #[inline]
    fn enter_this<'a>(&'a self, slot: &'a Slot) -> Option<SlotGuard<'a>> {
        Some(SlotGuard {
            kept: slot.kept.try_lock()?,
            leaving: EvictOnUnlock {
                reader_slots: self,
                slot,
            },
        })
    }

    /// Drops files that were closed, in all slots. Waits for no lock.
    pub fn evict_closed(&self) {
        self.reader_slots
            .iter()
            .for_each(|slot| self.evict_slot(slot));
    }

    /// If the slot is locked, its user evicts when it unlocks: it checks `stale` afterwards.
    ///
    /// Invariant: one side marks the slot and then tries the lock, the other gives the lock back
    /// and then asks for the mark, both marks by a read-modify-write. Whichever of these comes
    /// second sees what the other side did before.
    fn evict_slot(&self, slot: &Slot) {
        loop {
            slot.stale.swap(true, Ordering::AcqRel);
            let Some(mut kept) = slot.kept.try_lock() else {
                return;
            };
            slot.stale.swap(false, Ordering::AcqRel);
            kept.evict_closed();
            self.update_usage(&mut kept);
            drop(kept);
            if !slot.stale.swap(false, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// Counts what the offsets in a slot take, and returns what those in all slots do.
    fn update_usage(&self, kept: &mut SlotState) -> usize {
        let now = kept.held.iter().map(|held| held.places.size_bytes()).sum();
        let before = std::mem::replace(&mut kept.cache_bytes, now);
        let total = self
            .cache_bytes
            .fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        total.wrapping_add(now).wrapping_sub(before)
    }
}

/// A slot, and the thread in it.
pub struct SlotGuard<'a> {
    kept: MutexGuard<'a, SlotState>,
    // Dropped after the lock was given back.
    leaving: EvictOnUnlock<'a>,
}

struct EvictOnUnlock<'a> {
    reader_slots: &'a ReaderSlots,
    slot: &'a Slot,
}

impl SlotGuard<'_> {
    /// To be called after places were noted: keeps their number bounded. Where there are too many,
    /// all are dropped, here and in the slots that no thread uses.
    pub fn enforce_memory_limit(&mut self) {
        let reader_slots = self.leaving.reader_slots;
        if reader_slots.update_usage(&mut self.kept) <= MAX_NOTED_BYTES {
            return;
        }
        self.kept.forget_places();
        reader_slots.update_usage(&mut self.kept);
        for slot in &reader_slots.reader_slots {
            if let Some(mut other) = reader_slots.enter_this(slot) {
                other.forget_places();
                reader_slots.update_usage(&mut other);
            }
        }
    }
}

impl Deref for SlotGuard<'_> {
    type Target = SlotState;

    #[inline]
    fn deref(&self) -> &SlotState {
        &self.kept
    }
}

impl DerefMut for SlotGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut SlotState {
        &mut self.kept
    }
}

impl Drop for EvictOnUnlock<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.slot.stale.swap(false, Ordering::AcqRel) {
            self.reader_slots.evict_slot(self.slot);
        }
    }
}
