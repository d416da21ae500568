//! Which entries does a segment file of the 0.6 crate hold, good and bad?
//!
//! Frames stand one behind the other, and nothing but the length of a frame leads to the next one. A frame is
//! taken if its checksum holds. Where it does not, the walk goes on in this order:
//!
//! 1. The length leads to a good frame with later ids, or to the end of the file: this frame is damaged and
//!    the next one is where it should be.
//! 2. One field of the header is damaged: with the ids that the frame must have and the length that reaches a
//!    later good frame, the stated checksum holds. It proves the frame, which is taken.
//! 3. From a good frame further on, frames follow each other without a hole up to the end of the file and to
//!    the id with which the next segment begins. The ids before it are lost.
//! 4. Otherwise the rest of the file is lost, or is what a crash left of an append.
//!
//! A payload may hold an image of another segment. So a frame that is found by search alone is never taken.
//! Searching computes checksums of at most a few times the bytes of the file.

use std::io;
use std::ops::Range;

use crate::checksum::crc32_parts;
use crate::format::MAX_FRAME_LEN;
use crate::tools::Severity;
use crate::tools::import::frame_06::HEADER_LEN;
use crate::tools::import::frame_06::Header06;
use crate::tools::import::frame_06::KIND_LZ4;
use crate::tools::import::frame_06::KIND_RAW;
use crate::tools::import::frame_06::MAGIC;
use crate::tools::import::lz4_frame;
use crate::tools::import::window::FileWindow;
use crate::tools::import::window::WINDOW_LEN;

/// A frame whose checksum holds.
#[derive(Debug)]
pub struct Frame06 {
    /// Where it stands in the file.
    pub offset: u64,
    /// The ids of its entries.
    pub ids: Range<u64>,
    /// The entries in front that an earlier frame has under the same ids.
    pub repeated: u64,
    /// The payload, decompressed.
    pub payload: Vec<u8>,
}

/// What stands next in a segment.
#[derive(Debug)]
pub enum Found {
    /// A good frame.
    Frame(Frame06),
    /// Entries that cannot be read.
    Lost {
        /// Which.
        ids: Range<u64>,
        /// Where in the file.
        offset: u64,
        /// Why.
        why: String,
    },
    /// Something that costs no entry.
    Remark {
        /// How bad it is.
        severity: Severity,
        /// The ids concerned, where they are known.
        ids: Option<Range<u64>>,
        /// Where in the file.
        offset: u64,
        /// What it is.
        what: String,
    },
    /// The end of the file.
    End,
}

/// A walk through a segment file.
pub struct SegmentWalk06 {
    window: FileWindow,
    at: u64,
    /// The id that the next entry must have.
    expected: u64,
    /// The id with which the next segment begins; `None` in the last one.
    end_id: Option<u64>,
    /// How many bytes a search may still check.
    search_budget: u64,
    /// A remark on the frame that the next step takes.
    pending: Option<Found>,
}

impl SegmentWalk06 {
    /// Begins a walk through a file whose first entry has the id `expected`.
    pub fn new(window: FileWindow, expected: u64, end_id: Option<u64>) -> Self {
        SegmentWalk06 {
            search_budget: (4 * WINDOW_LEN as u64).saturating_add(window.len().saturating_mul(8)),
            window,
            at: 0,
            expected,
            end_id,
            pending: None,
        }
    }

    /// The id that the next entry must have: at the end, the one behind the segment.
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// How far the walk is, in bytes of the file.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// What stands next. An error is one of the disk, and the walk cannot go on.
    pub fn advance(&mut self) -> io::Result<Found> {
        if let Some(pending) = self.pending.take() {
            return Ok(pending);
        }
        let at = self.at;
        if at >= self.window.len() {
            return Ok(self.end());
        }
        match self.checked(at)? {
            Some(header) => self.take(at, header, false),
            None => self.damaged(at),
        }
    }

    fn end(&mut self) -> Found {
        match self.end_id {
            Some(end) if self.expected < end => {
                let why = "the segment ends before them".to_owned();
                self.lost(end, self.at, why)
            }
            _ => Found::End,
        }
    }

    fn lost(&mut self, end: u64, offset: u64, why: String) -> Found {
        let ids = self.expected..end;
        self.expected = end;
        Found::Lost { ids, offset, why }
    }

    fn header(&mut self, at: u64) -> io::Result<Option<Header06>> {
        let bytes = self.window.get(at, HEADER_LEN)?;
        Ok(bytes.and_then(Header06::decode))
    }

    /// The header of the frame that stands at `at`, if its checksum holds.
    fn checked(&mut self, at: u64) -> io::Result<Option<Header06>> {
        let Some(header) = self.header(at)? else {
            return Ok(None);
        };
        let is_possible = header.end_id().is_some()
            && matches!(header.kind, KIND_RAW | KIND_LZ4)
            && self.window.holds(at, header.frame_len());
        Ok((is_possible && self.crc(at, &header)? == header.crc).then_some(header))
    }

    /// The checksum of a frame at `at` with this header.
    fn crc(&mut self, at: u64, header: &Header06) -> io::Result<u32> {
        let (payload_at, len) = (at + HEADER_LEN as u64, header.stored_len);
        if let Some(payload) = self.window.get(payload_at, len as usize)? {
            return Ok(crc32_parts(&[&header.covered(), payload]));
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&header.covered());
        let add = |piece: &[u8]| hasher.update(piece);
        self.window.pieces(payload_at, u64::from(len), add)?;
        Ok(hasher.finalize())
    }

    /// Whether this id can stand here, behind a damaged frame.
    fn is_later(&self, header: &Header06) -> bool {
        let end = header.end_id().unwrap_or(u64::MAX);
        header.first_id > self.expected && self.end_id.is_none_or(|bound| end <= bound)
    }

    /// Takes a frame whose checksum holds. `is_corrected`: with another header than the stored one.
    fn take(&mut self, at: u64, header: Header06, is_corrected: bool) -> io::Result<Found> {
        let end = header.end_id().unwrap_or(header.first_id);
        if header.first_id > self.expected {
            if !self.is_later(&header) {
                self.at = at + header.frame_len();
                return Ok(Found::Remark {
                    severity: Severity::Damage,
                    ids: Some(header.first_id..end),
                    offset: at,
                    what: "the ids of a frame reach into the next segment: not imported".to_owned(),
                });
            }
            let why = "no frame holds them".to_owned();
            return Ok(self.lost(header.first_id, at, why));
        }
        self.at = at + header.frame_len();
        let repeated = (self.expected - header.first_id).min(end - header.first_id);
        if repeated > 0 {
            let twice = Found::Remark {
                severity: Severity::Damage,
                ids: Some(header.first_id..header.first_id + repeated),
                offset: at,
                what: "a second frame has ids that were given before: not imported".to_owned(),
            };
            if end <= self.expected {
                return Ok(twice);
            }
            self.pending = Some(twice);
        }
        let payload = match self.payload(at, &header)? {
            Some(payload) => payload,
            None => {
                let why = "the checksum of the frame holds, but not what it covers".to_owned();
                return Ok(self.lost(end, at, why));
            }
        };
        let is_odd = !header.has_magic
            || !header.has_zeros
            || header.uncompressed_len as usize != payload.len();
        if is_odd || is_corrected {
            self.pending = Some(Found::Remark {
                severity: Severity::Note,
                ids: Some(header.first_id..end),
                offset: at,
                what: "the header of the frame is damaged; its checksum proves the entries"
                    .to_owned(),
            });
        }
        self.expected = end;
        Ok(Found::Frame(Frame06 {
            offset: at,
            ids: header.first_id..end,
            repeated,
            payload,
        }))
    }

    /// The payload of a good frame, decompressed; `None` where it cannot be, or is too long for a frame.
    fn payload(&mut self, at: u64, header: &Header06) -> io::Result<Option<Vec<u8>>> {
        let len = header.stored_len as usize;
        if u64::from(header.stored_len) > MAX_FRAME_LEN {
            return Ok(None);
        }
        let payload_at = at + HEADER_LEN as u64;
        let stored = self.window.copy(payload_at, len)?;
        match header.kind {
            KIND_RAW => Ok(Some(stored)),
            _ => lz4_frame::content(&stored, MAX_FRAME_LEN as usize),
        }
    }

    /// Goes on behind a frame whose checksum does not hold.
    fn damaged(&mut self, at: u64) -> io::Result<Found> {
        let header = self.header(at)?;
        if let Some(header) = header {
            if let Some(found) = self.by_its_length(at, &header)? {
                return Ok(found);
            }
            if let Some(found) = self.by_search(at, &header)? {
                return Ok(found);
            }
        }
        self.rest(at, header)
    }

    /// 1. Where the length leads to a good frame or to the end of the file.
    fn by_its_length(&mut self, at: u64, header: &Header06) -> io::Result<Option<Found>> {
        if !self.window.holds(at, header.frame_len()) || !self.may_check(header.frame_len()) {
            return Ok(None);
        }
        let next_at = at + header.frame_len();
        let is_last = next_at == self.window.len();
        let next = match is_last {
            true => None,
            false => self.checked(next_at)?.filter(|next| self.is_later(next)),
        };
        if !is_last && next.is_none() {
            return Ok(None);
        }
        let next_id = next.map(|next| next.first_id);
        if let Some(proved) = self.corrected(at, header, header.stored_len, next_id)? {
            return self.take(at, proved, true).map(Some);
        }
        if is_last && self.end_id.is_none() {
            // Only the rest decides between damage and a crash.
            return Ok(None);
        }
        let end = next_id.or(self.end_id).unwrap_or(self.expected);
        self.at = next_at;
        let why = "the frame does not match its checksum".to_owned();
        Ok(Some(self.lost(end, at, why)))
    }

    /// 2 and 3. Where a later good frame proves something.
    fn by_search(&mut self, at: u64, header: &Header06) -> io::Result<Option<Found>> {
        let payload_at = at + HEADER_LEN as u64;
        let mut from = payload_at;
        while let Some(next_at) = self.window.find(from, MAGIC)? {
            from = next_at + 1;
            let Some(claimed) = self.header(next_at)? else {
                break;
            };
            let is_worth_it = self.is_later(&claimed)
                && self.window.holds(next_at, claimed.frame_len())
                && self.may_check(claimed.frame_len());
            if !is_worth_it || self.checked(next_at)?.is_none() {
                continue;
            }
            if let Ok(len) = u32::try_from(next_at - payload_at) {
                let proved = self.corrected(at, header, len, Some(claimed.first_id))?;
                if let Some(proved) = proved {
                    return self.take(at, proved, true).map(Some);
                }
            }
            if self.reaches_end(next_at, claimed.first_id)? {
                self.at = next_at;
                let why = "the frames are damaged".to_owned();
                return Ok(Some(self.lost(claimed.first_id, at, why)));
            }
        }
        let Ok(len) = u32::try_from(self.window.len() - payload_at) else {
            return Ok(None);
        };
        match self.corrected(at, header, len, None)? {
            Some(proved) => self.take(at, proved, true).map(Some),
            None => Ok(None),
        }
    }

    /// The header with which the stated checksum holds: the ids that must stand here, this length, and
    /// entries up to `end`.
    fn corrected(
        &mut self,
        at: u64,
        header: &Header06,
        stored_len: u32,
        end: Option<u64>,
    ) -> io::Result<Option<Header06>> {
        let count = |end: u64| u32::try_from(end.saturating_sub(self.expected)).ok();
        let counts = match end {
            Some(end) => [count(end), None],
            None => [Some(header.count), self.end_id.and_then(count)],
        };
        for count in counts.into_iter().flatten() {
            for kind in [KIND_RAW, KIND_LZ4] {
                let supposed = Header06 {
                    first_id: self.expected,
                    count,
                    kind,
                    stored_len,
                    ..*header
                };
                if supposed.end_id().is_none() || !self.may_check(supposed.frame_len()) {
                    continue;
                }
                if self.crc(at, &supposed)? == header.crc {
                    return Ok(Some(supposed));
                }
            }
        }
        Ok(None)
    }

    /// Whether good frames follow each other from here to the end of the file and to the next segment.
    fn reaches_end(&mut self, mut at: u64, mut id: u64) -> io::Result<bool> {
        let Some(end_id) = self.end_id else {
            return Ok(false);
        };
        while at < self.window.len() {
            let Some(claimed) = self.header(at)? else {
                return Ok(false);
            };
            if claimed.first_id != id || !self.may_check(claimed.frame_len()) {
                return Ok(false);
            }
            let Some(end) = self.checked(at)?.and_then(|header| header.end_id()) else {
                return Ok(false);
            };
            id = end;
            at += claimed.frame_len();
        }
        Ok(id == end_id)
    }

    /// Takes bytes from what a search may check; false where there are not enough left.
    fn may_check(&mut self, bytes: u64) -> bool {
        let left = self.search_budget.checked_sub(bytes);
        self.search_budget = left.unwrap_or(0);
        left.is_some()
    }

    /// 4. What is behind the last good frame.
    fn rest(&mut self, at: u64, header: Option<Header06>) -> io::Result<Found> {
        let rest = self.window.len() - at;
        self.at = self.window.len();
        if let Some(end) = self.end_id.filter(|end| *end > self.expected) {
            let why = format!("{rest} bytes up to the end of the segment are damaged");
            return Ok(self.lost(end, at, why));
        }
        let own = header.filter(|header| header.first_id == self.expected);
        let claimed = own.and_then(|header| {
            // An LZ4 frame grows at most 255 times, and an entry has a length of four bytes.
            let possible = rest.saturating_mul(64);
            let end = header.end_id()?;
            (u64::from(header.count) <= possible).then_some(end)
        });
        let is_behind = self.end_id.is_some();
        if is_behind || self.is_unfinished(at, own)? {
            return Ok(Found::Remark {
                severity: Severity::Note,
                ids: claimed.map(|end| self.expected..end).filter(|_| !is_behind),
                offset: at,
                what: format!(
                    "{rest} bytes of an append that was not finished: the 0.6 crate removes them"
                ),
            });
        }
        let why = format!("{rest} bytes up to the end of the stream are damaged");
        Ok(self.lost(claimed.unwrap_or(self.expected + 1), at, why))
    }

    /// Whether a crash during an append leaves this at the end of a stream.
    fn is_unfinished(&mut self, at: u64, own: Option<Header06>) -> io::Result<bool> {
        let rest = self.window.len() - at;
        if let Some(header) = own.filter(|header| header.has_magic) {
            if !self.window.holds(at, header.frame_len()) {
                return Ok(true);
            }
            // The length reached the disk, and the bytes did not.
            return self.is_zeros(at + HEADER_LEN as u64);
        }
        if rest < HEADER_LEN as u64 {
            let len = (rest as usize).min(MAGIC.len());
            let start = self.window.get(at, len)?.unwrap_or_default();
            if MAGIC.starts_with(start) {
                return Ok(true);
            }
        }
        self.is_zeros(at)
    }

    fn is_zeros(&mut self, at: u64) -> io::Result<bool> {
        let mut is_zeros = true;
        let len = self.window.len() - at;
        let visit = |piece: &[u8]| is_zeros &= piece.iter().all(|byte| *byte == 0);
        self.window.pieces(at, len, visit)?;
        Ok(is_zeros)
    }
}
