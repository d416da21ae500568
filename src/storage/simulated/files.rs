//! One file: its volatile content, its durable content, and every version in between.
//!
//! Invariant: a sector without a history is the same in `volatile` and `durable`.

use crate::storage::simulated::file_content::Blocks;
use crate::storage::simulated::file_content::Content;
use crate::storage::simulated::file_content::PAGE_BYTES;
use crate::storage::simulated::file_content::SECTOR_BYTES;
use crate::storage::simulated::file_content::Sector;
use crate::storage::simulated::file_content::for_each_unit;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A value and the number of the change that made it.
pub(super) type Version<T> = (u64, T);

/// The versions of a sector since it was last durable, oldest first.
#[derive(Clone, Debug)]
pub(super) struct SectorHistory {
    pub(super) versions: Vec<Version<Sector>>,
    /// False after a failed sync that dropped it: the page cache believes that it is written, so
    /// the next sync passes it by. Linux does so since always; see "PostgreSQL's fsync() surprise",
    /// lwn.net/Articles/752063.
    pub(super) is_dirty: bool,
    /// So many of the versions the disk took: the last of these is durable once the disk's cache
    /// is flushed.
    pub(super) taken: usize,
}

/// A file, whatever its names.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) volatile: Content,
    pub(super) volatile_len: u64,
    pub(super) durable: Content,
    pub(super) durable_len: u64,
    pub(super) sectors: BTreeMap<u64, SectorHistory>,
    pub(super) lengths: Vec<Version<u64>>,
    /// As in [`SectorHistory`].
    pub(super) length_is_dirty: bool,
    pub(super) blocks: Blocks,
    pub(super) links: u32,
    /// When its content was last changed. Survives a crash: a real disk may have an older time, and retention
    /// then removes the file earlier.
    pub(super) modified: Duration,
    /// The newest of its names, for tests that ask by path.
    pub(super) path: Arc<Path>,
}

impl Inode {
    pub(super) fn empty(path: Arc<Path>) -> Self {
        Self::durable_file(Content::default(), 0, Blocks::default(), path)
    }

    /// A file as it is after power came back: all it shows is durable.
    pub(super) fn durable_file(
        content: Content,
        len: u64,
        blocks: Blocks,
        path: Arc<Path>,
    ) -> Self {
        Self {
            volatile: content.clone(),
            volatile_len: len,
            durable: content,
            durable_len: len,
            sectors: BTreeMap::new(),
            lengths: Vec::new(),
            length_is_dirty: false,
            blocks,
            links: 0,
            modified: Duration::ZERO,
            path,
        }
    }

    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let rest = self.volatile_len.saturating_sub(offset);
        let count = usize::try_from(rest).map_or(buf.len(), |rest| rest.min(buf.len()));
        self.volatile.read(offset, &mut buf[..count]);
        count
    }

    pub(super) fn write(&mut self, change: u64, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut touched = Vec::new();
        for_each_unit(
            offset,
            bytes.len() as u64,
            SECTOR_BYTES,
            |sector, start, at, count| {
                let place = sector * SECTOR_BYTES as u64 + start as u64;
                let is_change = !self.volatile.equals(place, &bytes[at..at + count]);
                if is_change || self.sectors.contains_key(&sector) {
                    touched.push(sector);
                }
            },
        );
        self.volatile.write(offset, bytes);
        self.note_sectors(change, touched);
        let end = offset + bytes.len() as u64;
        self.blocks.add(offset, bytes.len() as u64);
        self.note_length(change, end, self.volatile_len.max(end));
    }

    pub(super) fn write_zeros(&mut self, change: u64, offset: u64, len: u64) {
        self.zero_sectors(change, offset, len);
        let end = offset + len;
        self.blocks.add(offset, len);
        self.note_length(change, end, self.volatile_len.max(end));
    }

    pub(super) fn allocate(&mut self, change: u64, offset: u64, len: u64) {
        let end = offset + len;
        self.blocks.add(offset, len);
        if end > self.volatile_len {
            self.note_length(change, end, end);
        }
    }

    pub(super) fn set_len(&mut self, change: u64, len: u64) {
        if len < self.volatile_len {
            self.zero_sectors(change, len, self.volatile_len - len);
            self.blocks.cut(len);
        }
        self.note_length(change, u64::MAX, len);
    }

    /// All that is dirty becomes durable.
    pub(super) fn sync(&mut self) {
        if self.sectors.values().all(|history| history.is_dirty) {
            self.sectors.clear();
            self.durable = self.volatile.clone();
        } else {
            let durable = &mut self.durable;
            self.sectors.retain(|&sector, history| {
                if history.is_dirty {
                    let (_, newest) = history.versions.last().expect("a history has versions");
                    durable.set_sector(sector, newest);
                }
                !history.is_dirty
            });
        }
        if self.length_is_dirty {
            self.durable_len = self.volatile_len;
            self.lengths.clear();
            self.length_is_dirty = false;
        }
    }

    /// The disk took all that is dirty in these pages.
    pub(super) fn writeback_and_wait(&mut self, offset: u64, len: u64) {
        let range = sectors_of_pages(offset, len);
        for (_, history) in self.sectors.range_mut(range) {
            if history.is_dirty {
                history.taken = history.versions.len();
            }
        }
    }

    /// The dirty sectors of these pages become durable, with the length. So do all sectors that were
    /// written back before, anywhere in the file: the sync flushes the disk's cache.
    pub(super) fn sync_range(&mut self, offset: u64, len: u64) {
        self.writeback_and_wait(offset, len);
        let durable = &mut self.durable;
        self.sectors.retain(|&sector, history| {
            if let Some(newest) = history.taken.checked_sub(1) {
                durable.set_sector(sector, &history.versions[newest].1);
                history.versions.drain(..=newest);
                history.taken = 0;
            }
            !history.versions.is_empty()
        });
        if self.length_is_dirty {
            self.durable_len = self.volatile_len;
            self.lengths.clear();
            self.length_is_dirty = false;
        }
    }

    /// A failed sync marks dirty sectors as written although they are not.
    pub(super) fn lose_sync(&mut self) {
        for history in self.sectors.values_mut() {
            history.is_dirty = false;
        }
        self.length_is_dirty = false;
    }

    /// The page cache drops pages that count as written: reads show the disk again. `pick` chooses
    /// the version that the disk has (None: the durable one).
    pub(super) fn evict(&mut self, mut pick: impl FnMut(&SectorHistory) -> Option<usize>) {
        let (durable, volatile, end) = (&mut self.durable, &mut self.volatile, self.volatile_len);
        self.sectors.retain(|&number, history| {
            if history.is_dirty {
                return true;
            }
            let sector = match pick(history) {
                Some(index) => history.versions[index].1.clone(),
                None => durable.sector(number),
            };
            // Invariant: bytes beyond the end read as zeros. A sector that would bring back bytes
            // from before the file was shortened stays in the cache.
            if reaches_beyond(&sector, number, end) {
                return true;
            }
            durable.set_sector(number, &sector);
            volatile.set_sector(number, &sector);
            false
        });
    }

    pub(super) fn is_all_durable(&self) -> bool {
        self.sectors.is_empty() && self.lengths.is_empty()
    }

    /// The numbers of all changes that are not durable.
    pub(super) fn pending_changes(&self) -> impl Iterator<Item = u64> {
        let sectors = self.sectors.values().flat_map(|history| &history.versions);
        sectors
            .map(|version| version.0)
            .chain(self.lengths.iter().map(|version| version.0))
    }

    fn zero_sectors(&mut self, change: u64, offset: u64, len: u64) {
        static ZEROS: [u8; SECTOR_BYTES] = [0; SECTOR_BYTES];
        let mut touched = Vec::new();
        for_each_unit(offset, len, SECTOR_BYTES, |sector, start, _, count| {
            let place = sector * SECTOR_BYTES as u64 + start as u64;
            let is_change = !self.volatile.equals(place, &ZEROS[..count]);
            if is_change || self.sectors.contains_key(&sector) {
                touched.push(sector);
            }
        });
        self.volatile.zero(offset, len);
        self.note_sectors(change, touched);
    }

    fn note_sectors(&mut self, change: u64, touched: Vec<u64>) {
        for sector in touched {
            let history = self.sectors.entry(sector).or_insert_with(|| SectorHistory {
                versions: Vec::new(),
                is_dirty: true,
                taken: 0,
            });
            history
                .versions
                .push((change, self.volatile.sector(sector)));
            history.is_dirty = true;
        }
    }

    /// The length is `len` after a change that reached to `touched_end`. An unchanged length gets
    /// a new version only if a failed sync lost it and the change reaches beyond the length that the
    /// disk may have: writing pages back moves that length.
    fn note_length(&mut self, change: u64, touched_end: u64, len: u64) {
        let is_lost = !self.lengths.is_empty() && !self.length_is_dirty;
        let lost = self.lengths.iter().map(|version| version.1);
        let least_len = lost.chain([self.durable_len]).min().unwrap_or(0);
        if len != self.volatile_len || (is_lost && touched_end > least_len) {
            self.volatile_len = len;
            self.lengths.push((change, len));
            self.length_is_dirty = true;
        }
    }
}

/// The sectors of all pages that the range touches.
fn sectors_of_pages(offset: u64, len: u64) -> std::ops::Range<u64> {
    let page = PAGE_BYTES as u64;
    let first = offset / page * page;
    let end = (offset + len).next_multiple_of(page);
    first / SECTOR_BYTES as u64..end / SECTOR_BYTES as u64
}

/// Whether the sector holds anything but zeros from the file offset `end` on.
fn reaches_beyond(sector: &Sector, number: u64, end: u64) -> bool {
    let kept = end
        .saturating_sub(number * SECTOR_BYTES as u64)
        .min(SECTOR_BYTES as u64);
    let bytes = sector
        .as_ref()
        .map_or(&[][..], |bytes| &bytes[kept as usize..]);
    bytes.iter().any(|&byte| byte != 0)
}
