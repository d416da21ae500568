//! How readers in flight learn that a suffix was cut, and that ids may be other entries now.
//!
//! The stream counts its cuts and resets. A reader notes the number before it looks at anything, and
//! compares it behind that: what it read in between is of one history. While the writer changes what
//! readers see the number is odd, and a reader that meets that waits, for no longer than some stores
//! to memory take. The fast paths compare nothing: before anything else the segments that are cut or
//! void hide their ids ([`Segment::clip`](crate::segment::Segment::clip)), which each read checks.
//!
//! A file may be replaced under its name, so no reader opens one between the renaming and the change
//! of the segment list.

use std::collections::VecDeque;

use crate::ids::EntryId;
use crate::primitives::Mutex;
use crate::primitives::RwLock;
use crate::primitives::RwLockReadGuard;
use crate::primitives::RwLockWriteGuard;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;

/// So many cuts are remembered. A cursor that has missed more counts as cut from the start.
const MAX_REMEMBERED: usize = 1024;

/// The cuts of a stream since it was opened.
#[derive(Default)]
pub struct Cuts {
    /// Two for each; odd while one changes what readers see.
    number: AtomicU64,
    /// The last ones: the number behind each, and the lowest id that it replaced.
    recent: Mutex<VecDeque<(u64, EntryId)>>,
    /// Held for writing while names and the segment list disagree.
    changing: RwLock<()>,
}

/// The right to give a file of the stream another's name, and to change what readers see.
pub struct CutGuard<'a> {
    cuts: &'a Cuts,
    has_begun: bool,
    _changing: RwLockWriteGuard<'a, ()>,
}

impl Cuts {
    /// The number of the last cut, without waiting.
    #[inline]
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// The number of the last cut, once it has changed all that readers see.
    #[inline]
    pub fn settled(&self) -> u64 {
        loop {
            let number = self.number();
            if number % 2 == 0 {
                return number;
            }
            drop(self.changing.read());
        }
    }

    /// The lowest id that was replaced by cuts behind this one.
    pub fn lowest_since(&self, number: u64) -> EntryId {
        let recent = self.recent.lock();
        let missed = recent.iter().filter(|(behind, _)| *behind > number);
        let missed_count = missed.clone().count() as u64;
        if missed_count * 2 < self.number() - number {
            return EntryId(0);
        }
        let lowest = missed.map(|(_, lowest)| *lowest).min();
        lowest.unwrap_or(EntryId(u64::MAX))
    }

    /// Keeps files from being replaced under their names.
    pub fn hold_names(&self) -> RwLockReadGuard<'_, ()> {
        self.changing.read()
    }

    /// Waits for readers that open files. One thread at a time.
    pub fn begin(&self) -> CutGuard<'_> {
        CutGuard {
            cuts: self,
            has_begun: false,
            _changing: self.changing.write(),
        }
    }
}

impl CutGuard<'_> {
    /// From here on readers wait that find the number odd, until the guard is dropped. `lowest`: the
    /// first id that is replaced.
    pub fn change(&mut self, lowest: EntryId) {
        let number = self.cuts.number();
        let mut recent = self.cuts.recent.lock();
        if recent.len() == MAX_REMEMBERED {
            recent.pop_front();
        }
        recent.push_back((number + 2, lowest));
        drop(recent);
        self.cuts.number.store(number + 1, Ordering::Release);
        self.has_begun = true;
    }
}

impl Drop for CutGuard<'_> {
    fn drop(&mut self) {
        if self.has_begun {
            let number = self.cuts.number();
            self.cuts.number.store(number + 1, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(cuts: &Cuts, lowest: u64) {
        cuts.begin().change(EntryId(lowest));
    }

    #[test]
    fn the_lowest_id_counts_of_all_cuts_that_a_reader_has_missed() {
        let cuts = Cuts::default();
        assert_eq!(cuts.settled(), 0);
        cut(&cuts, 9);
        let noted = cuts.settled();
        cut(&cuts, 5);
        cut(&cuts, 7);
        assert_eq!(cuts.lowest_since(0), EntryId(5));
        assert_eq!(cuts.lowest_since(noted), EntryId(5));
        assert_eq!(cuts.lowest_since(noted + 2), EntryId(7));
        assert_eq!(cuts.lowest_since(cuts.settled()), EntryId(u64::MAX));
    }

    #[test]
    fn a_reader_that_has_missed_too_many_cuts_is_cut_from_the_start() {
        let cuts = Cuts::default();
        (0..MAX_REMEMBERED).for_each(|_| cut(&cuts, 9));
        assert_eq!(cuts.lowest_since(0), EntryId(9));
        cut(&cuts, 9);
        assert_eq!(cuts.lowest_since(0), EntryId(0));
        assert_eq!(cuts.lowest_since(2), EntryId(9));
    }

    #[test]
    fn a_cut_that_changes_nothing_is_not_counted() {
        let cuts = Cuts::default();
        drop(cuts.begin());
        assert_eq!(cuts.settled(), 0);
    }
}
