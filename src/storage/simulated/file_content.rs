//! The bytes of a file, sparse and cheap to copy: pages are shared until written.

use std::sync::Arc;

/// The unit that reaches a disk whole or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

/// The unit that copies share, and in which space is counted.
pub(super) const PAGE_BYTES: usize = 4096;

const SECTORS_PER_PAGE: u64 = (PAGE_BYTES / SECTOR_BYTES) as u64;

type Page = [u8; PAGE_BYTES];

/// One sector; `None`: zeros.
pub(super) type Sector = Option<Arc<[u8; SECTOR_BYTES]>>;

/// Bytes from 0 on, zeros where nothing was written; knows no length.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pages: Arc<Vec<Option<Arc<Page>>>>,
}

/// Calls `visit(unit number, start within the unit, start within the range, count)` for every unit
/// of `unit_bytes` that the range touches.
pub(super) fn for_each_unit(
    offset: u64,
    len: u64,
    unit_bytes: usize,
    mut visit: impl FnMut(u64, usize, usize, usize),
) {
    let mut done = 0;
    while done < len {
        let at = offset + done;
        let start = (at % unit_bytes as u64) as usize;
        let count = (unit_bytes - start).min(usize::try_from(len - done).unwrap_or(usize::MAX));
        visit(at / unit_bytes as u64, start, done as usize, count);
        done += count as u64;
    }
}

impl Content {
    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) {
        for_each_unit(
            offset,
            buf.len() as u64,
            PAGE_BYTES,
            |page, start, at, count| {
                let target = &mut buf[at..at + count];
                match self.page(page) {
                    Some(bytes) => target.copy_from_slice(&bytes[start..start + count]),
                    None => target.fill(0),
                }
            },
        );
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        for_each_unit(
            offset,
            bytes.len() as u64,
            PAGE_BYTES,
            |page, start, at, count| {
                let source = &bytes[at..at + count];
                if self.page(page).is_some() || source.iter().any(|&byte| byte != 0) {
                    self.page_mut(page)[start..start + count].copy_from_slice(source);
                }
            },
        );
    }

    pub(super) fn zero(&mut self, offset: u64, len: u64) {
        let end_of_pages = (self.pages.len() * PAGE_BYTES) as u64;
        let len = len.min(end_of_pages.saturating_sub(offset));
        for_each_unit(offset, len, PAGE_BYTES, |page, start, _, count| {
            if self.page(page).is_none() {
            } else if count == PAGE_BYTES {
                Arc::make_mut(&mut self.pages)[page as usize] = None;
            } else {
                self.page_mut(page)[start..start + count].fill(0);
            }
        });
    }

    /// Whether the range reads as `bytes`.
    pub(super) fn equals(&self, offset: u64, bytes: &[u8]) -> bool {
        let mut equal = true;
        for_each_unit(
            offset,
            bytes.len() as u64,
            PAGE_BYTES,
            |page, start, at, count| {
                let expected = &bytes[at..at + count];
                equal &= match self.page(page) {
                    Some(found) => found[start..start + count] == *expected,
                    None => expected.iter().all(|&byte| byte == 0),
                };
            },
        );
        equal
    }

    pub(super) fn sector(&self, number: u64) -> Sector {
        let page = self.page(number / SECTORS_PER_PAGE)?;
        let start = (number % SECTORS_PER_PAGE) as usize * SECTOR_BYTES;
        let bytes: &[u8; SECTOR_BYTES] = page[start..]
            .first_chunk()
            .expect("a page is whole sectors");
        bytes
            .iter()
            .any(|&byte| byte != 0)
            .then(|| Arc::new(*bytes))
    }

    pub(super) fn set_sector(&mut self, number: u64, sector: &Sector) {
        let offset = number * SECTOR_BYTES as u64;
        match sector {
            Some(bytes) => self.write(offset, &bytes[..]),
            None => self.zero(offset, SECTOR_BYTES as u64),
        }
    }

    /// Everything from `len` on becomes zeros.
    pub(super) fn cut(&mut self, len: u64) {
        self.zero(len, u64::MAX - len);
    }

    fn page(&self, number: u64) -> Option<&Page> {
        self.pages.get(usize::try_from(number).ok()?)?.as_deref()
    }

    fn page_mut(&mut self, number: u64) -> &mut Page {
        let number = usize::try_from(number).expect("simulated files fit into memory");
        let pages = Arc::make_mut(&mut self.pages);
        if pages.len() <= number {
            pages.resize(number + 1, None);
        }
        Arc::make_mut(pages[number].get_or_insert_with(|| Arc::new([0; PAGE_BYTES])))
    }
}

/// Which pages of a file have space on the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    owned: Arc<Vec<bool>>,
    count: u64,
}

impl Blocks {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn owns(&self, page: u64) -> bool {
        usize::try_from(page).is_ok_and(|page| self.owned.get(page).copied().unwrap_or(false))
    }

    /// Gives space to every page of the range.
    pub(super) fn add(&mut self, offset: u64, len: u64) {
        for_each_unit(offset, len, PAGE_BYTES, |page, _, _, _| {
            if self.owns(page) {
                return;
            }
            let page = usize::try_from(page).expect("simulated files fit into memory");
            let owned = Arc::make_mut(&mut self.owned);
            if owned.len() <= page {
                owned.resize(page + 1, false);
            }
            owned[page] = true;
            self.count += 1;
        });
    }

    /// Takes back the space of all pages wholly beyond `len`.
    pub(super) fn cut(&mut self, len: u64) {
        let keep = usize::try_from(len.div_ceil(PAGE_BYTES as u64)).unwrap_or(usize::MAX);
        if self.owned.len() > keep {
            Arc::make_mut(&mut self.owned).truncate(keep);
            self.count = self.owned.iter().filter(|&&owned| owned).count() as u64;
        }
    }
}
