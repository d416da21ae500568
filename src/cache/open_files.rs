//! Which files stay open? A bounded number over all streams; the least recently used are closed
//! first.
//!
//! Every segment has its own [`FileSlot`], so using an open file touches no shared state. Only
//! opening takes the lock of the shared ring. The ring is swept as in the CLOCK algorithm: a slot
//! used since the last sweep gets a second chance, one with unsynced bytes a third.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::Weak;

use crate::primitives::Mutex;
use crate::primitives::OnceLock;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;

/// The slot of one file, which may be open.
#[derive(Debug)]
pub struct FileSlot<T> {
    file: Mutex<Option<T>>,
    used: AtomicBool,
    /// Bytes written through this file are not synced.
    unsynced: AtomicBool,
    /// Unsynced bytes were written through a descriptor that has been closed. The kernel may not
    /// report an error of their writeback to a newer descriptor.
    unproven: AtomicBool,
    /// How often the file was opened.
    open_count_of_file: AtomicU64,
    /// How often it was closed.
    close_count: AtomicU64,
}

impl<T> Default for FileSlot<T> {
    fn default() -> Self {
        FileSlot {
            file: Mutex::new(None),
            used: AtomicBool::new(false),
            unsynced: AtomicBool::new(false),
            unproven: AtomicBool::new(false),
            open_count_of_file: AtomicU64::new(0),
            close_count: AtomicU64::new(0),
        }
    }
}

impl<T: Clone> FileSlot<T> {
    /// How often the file has been opened so far; see [`FileSlot::mark_dirty`].
    #[inline]
    pub fn open_count_of_file(&self) -> u64 {
        self.open_count_of_file.load(Ordering::Acquire)
    }

    /// How often the file has been closed so far. A caller that caches the file beyond one call
    /// drops it when this has changed.
    #[inline]
    pub fn close_count(&self) -> u64 {
        self.close_count.load(Ordering::Acquire)
    }

    /// Records a use of the file.
    #[inline]
    pub fn touch(&self) {
        // It is usually set already: without a store, the cache line stays shared between
        // processors.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Replaces the open file by another view of it. Does nothing if the file was closed after
    /// `close_count` was read.
    pub fn replace(&self, file: T, close_count: u64) {
        let mut present = self.file.lock();
        if present.is_some() && self.close_count() == close_count {
            *present = Some(file);
        }
    }

    /// Records that bytes were written through the file; `opening` is the open count at that time.
    #[inline]
    pub fn mark_dirty(&self, opening: u64) {
        self.unsynced.store(true, Ordering::Release);
        if self.open_count_of_file() != opening {
            self.unproven.store(true, Ordering::Release);
        }
    }

    /// Starts a sync that covers all bytes recorded so far. The caller holds the file, so it stays
    /// open until the sync ends. True: the bytes are unproven and must be written again.
    pub fn clear_dirty(&self) -> bool {
        self.unsynced.store(false, Ordering::Release);
        self.unproven.swap(false, Ordering::AcqRel)
    }

    fn current(&self) -> Option<T> {
        let file = self.file.lock().clone()?;
        self.used.store(true, Ordering::Relaxed);
        Some(file)
    }

    fn close(&self) {
        let mut file = self.file.lock();
        self.close_count.fetch_add(1, Ordering::AcqRel);
        let closed = file.take();
        drop(file);
        if closed.is_some() && self.unsynced.load(Ordering::Acquire) {
            self.unproven.store(true, Ordering::Release);
        }
    }
}

/// A slot that is allocated on first use: of ten thousand streams most are idle.
#[derive(Debug)]
pub struct LazyFileSlot<T>(OnceLock<Arc<FileSlot<T>>>);

impl<T> LazyFileSlot<T> {
    /// Whether it has never been used: no file was opened through it.
    pub fn is_untouched(&self) -> bool {
        self.0.get().is_none()
    }
}

impl<T> Default for LazyFileSlot<T> {
    fn default() -> Self {
        LazyFileSlot(OnceLock::new())
    }
}

impl<T> Deref for LazyFileSlot<T> {
    type Target = Arc<FileSlot<T>>;

    #[inline]
    fn deref(&self) -> &Arc<FileSlot<T>> {
        self.0.get_or_init(Arc::default)
    }
}

/// Called after files were closed, so that caches drop their references.
type Release = Box<dyn Fn() + Send + Sync>;

/// The files that are open, and their limit.
pub struct OpenFiles<T> {
    most: usize,
    release: Option<Release>,
    ring: Mutex<VecDeque<Weak<FileSlot<T>>>>,
    /// How many files were opened. Written under the lock of `ring`.
    opened: AtomicU64,
}

impl<T: Clone> OpenFiles<T> {
    /// At most `most` open files. A file that a caller still holds stays open beyond that.
    pub fn new(most: usize) -> Self {
        OpenFiles {
            most: most.max(1),
            release: None,
            ring: Mutex::default(),
            opened: AtomicU64::new(0),
        }
    }

    /// Calls `release` after files were closed, with no lock held. It must not block.
    pub fn on_close(mut self, release: impl Fn() + Send + Sync + 'static) -> Self {
        self.release = Some(Box::new(release));
        self
    }

    fn notify_close(&self, closed: bool) {
        if let (true, Some(release)) = (closed, &self.release) {
            release();
        }
    }

    /// The slot's file; `open` opens it if needed.
    pub fn get<E>(
        &self,
        slot: &Arc<FileSlot<T>>,
        open: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(file) = slot.current() {
            return Ok(file);
        }
        let file = open()?;
        Ok(self.insert(slot, file))
    }

    /// Stores a newly opened file in the slot, unless the slot already has one. Returns the slot's
    /// file.
    pub fn insert(&self, slot: &Arc<FileSlot<T>>, file: T) -> T {
        let mut ring = self.ring.lock();
        if let Some(present) = slot.current() {
            return present;
        }
        let closed = self.evict(&mut ring);
        slot.open_count_of_file.fetch_add(1, Ordering::AcqRel);
        if slot.unsynced.load(Ordering::Acquire) {
            slot.unproven.store(true, Ordering::Release);
        }
        *slot.file.lock() = Some(file.clone());
        slot.used.store(true, Ordering::Relaxed);
        ring.push_back(Arc::downgrade(slot));
        self.opened.fetch_add(1, Ordering::Relaxed);
        drop(ring);
        self.notify_close(closed);
        file
    }

    /// Closes the slot's file, which is not used again in this form.
    pub fn forget(&self, slot: &Arc<FileSlot<T>>) {
        let mut ring = self.ring.lock();
        ring.retain(|listed| !std::ptr::eq(listed.as_ptr(), Arc::as_ptr(slot)));
        slot.close();
        drop(ring);
        self.notify_close(true);
    }

    /// Closes all files without unsynced bytes. False: there were none.
    pub fn close_clean(&self) -> bool {
        let mut ring = self.ring.lock();
        let before = ring.len();
        ring.retain(|listed| {
            let Some(slot) = listed.upgrade() else {
                return false;
            };
            let unsynced = slot.unsynced.load(Ordering::Acquire);
            if !unsynced {
                slot.close();
            }
            unsynced
        });
        let closed = ring.len() < before;
        drop(ring);
        self.notify_close(closed);
        closed
    }

    /// How many files were opened so far.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// How many files are open.
    pub fn open_count(&self) -> usize {
        let ring = self.ring.lock();
        ring.iter()
            .filter(|slot| slot.upgrade().is_some_and(|s| s.file.lock().is_some()))
            .count()
    }

    /// Evicts until one more file fits. Returns whether a file was closed.
    fn evict(&self, ring: &mut VecDeque<Weak<FileSlot<T>>>) -> bool {
        let mut closed = false;
        // First sweep: closes files neither used recently nor unsynced. Second: not unsynced.
        // Third: any.
        for sweep in 0..3 {
            for _ in 0..ring.len() {
                if ring.len() < self.most {
                    return closed;
                }
                let Some(listed) = ring.pop_front() else {
                    return closed;
                };
                let Some(slot) = listed.upgrade() else {
                    continue;
                };
                let used = slot.used.swap(false, Ordering::Relaxed);
                let unsynced = slot.unsynced.load(Ordering::Acquire);
                if (sweep == 0 && used) || (sweep < 2 && unsynced) {
                    ring.push_back(listed);
                } else {
                    slot.close();
                    closed = true;
                }
            }
        }
        closed
    }
}

impl<T> std::fmt::Debug for OpenFiles<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFiles")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Slots = Vec<Arc<FileSlot<usize>>>;

    fn slots(count: usize) -> Slots {
        (0..count).map(|_| Arc::default()).collect()
    }

    fn open(files: &OpenFiles<usize>, slots: &Slots, i: usize) {
        let file = files.get::<()>(&slots[i], || Ok(i));
        assert_eq!(file, Ok(i));
    }

    fn is_open(slots: &Slots, i: usize) -> bool {
        slots[i].file.lock().is_some()
    }

    #[test]
    fn no_more_files_stay_open_than_allowed_and_dead_slots_do_not_count() {
        let (files, mut all) = (OpenFiles::new(3), slots(10));
        (0..10).for_each(|i| open(&files, &all, i));
        assert_eq!(files.open_count(), 3);
        all.truncate(1);
        open(&files, &all, 0);
        assert_eq!(files.open_count(), 1);
    }

    #[test]
    fn a_file_with_unsynced_bytes_gives_way_last_and_is_unproven_then() {
        let (files, all) = (OpenFiles::new(2), slots(4));
        open(&files, &all, 0);
        all[0].mark_dirty(all[0].open_count_of_file());
        open(&files, &all, 1);
        open(&files, &all, 2);
        assert!(
            is_open(&all, 0) && !is_open(&all, 1),
            "the clean file was closed"
        );
        all[2].mark_dirty(all[2].open_count_of_file());
        open(&files, &all, 3);
        assert!(!is_open(&all, 0));
        open(&files, &all, 0);
        assert!(
            all[0].clear_dirty(),
            "written through a descriptor that is closed"
        );
        assert!(!all[0].clear_dirty());
        open(&files, &all, 2);
        assert!(all[2].clear_dirty() || is_open(&all, 2));
    }

    #[test]
    fn bytes_written_through_a_file_closed_meanwhile_are_unproven() {
        let (files, all) = (OpenFiles::new(1), slots(2));
        open(&files, &all, 0);
        let opening = all[0].open_count_of_file();
        open(&files, &all, 1);
        open(&files, &all, 0);
        all[0].mark_dirty(opening);
        assert!(all[0].clear_dirty());
    }

    #[test]
    fn clean_files_are_closed_where_descriptors_are_short() {
        let (files, all) = (OpenFiles::new(4), slots(3));
        (0..3).for_each(|i| open(&files, &all, i));
        all[1].mark_dirty(all[1].open_count_of_file());
        assert!(files.close_clean());
        let still_open: Vec<_> = (0..3).filter(|i| is_open(&all, *i)).collect();
        assert_eq!(still_open, [1]);
        assert!(!files.close_clean());
    }

    #[test]
    fn a_slot_takes_memory_once_it_is_used_and_stays_the_same_then() {
        let files = OpenFiles::new(4);
        let slot = LazyFileSlot::default();
        assert!(slot.is_untouched());
        assert_eq!(files.get::<()>(&slot, || Ok(7)), Ok(7));
        assert!(!slot.is_untouched());
        assert_eq!(files.get::<()>(&slot, || Ok(8)), Ok(7));
    }

    #[test]
    fn a_forgotten_file_is_closed_at_once() {
        let (files, all) = (OpenFiles::new(4), slots(1));
        open(&files, &all, 0);
        files.forget(&all[0]);
        assert!(!is_open(&all, 0));
        assert_eq!(files.open_count(), 0);
    }
}
