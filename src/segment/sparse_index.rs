//! Where in a segment does the frame with a given id start, roughly?
//!
//! A frame is a *point* of the index when it is the first to start in a stripe of
//! [`STRIDE_BYTES`]. The rule needs a frame and the one before it only, so the points are the
//! same whether the appender or a later walk collects them, in any order.

use std::ops::Range;
use std::sync::Arc;

use crate::format::HEADER_AREA_LEN;
use crate::format::IndexPoint;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::primitives::RwLock;

/// One point about every so many bytes: with 16 bytes a point, an index stays below 0.1 % of the
/// data.
pub const STRIDE_BYTES: u64 = 16 << 10;

/// An index that all readers and the writer of an open file share.
pub type SharedIndex = Arc<RwLock<SparseIndex>>;

/// Some frames of a segment, in order.
#[derive(Debug, Default)]
pub struct SparseIndex {
    points: Vec<IndexPoint>,
    /// No walk has met the frames of this range yet.
    gap: Option<Range<FileOffset>>,
    /// The footer holds the points and was not read yet.
    in_footer: bool,
    /// A reader has tried the index that the last clean close saved.
    hints_tried: bool,
}

impl SparseIndex {
    /// The index of a new segment.
    pub fn empty() -> Self {
        SparseIndex::default()
    }

    /// The index of a segment of whose frames up to `to` no walk has met any.
    pub fn unread(to: FileOffset) -> Self {
        let from = FileOffset(HEADER_AREA_LEN);
        SparseIndex {
            gap: (from < to).then_some(from..to),
            ..Default::default()
        }
    }

    /// The index of a sealed segment that lies in its footer.
    pub fn in_footer() -> Self {
        SparseIndex {
            in_footer: true,
            ..Default::default()
        }
    }

    /// Where the gap ends, if it begins at the first frame and the index has nothing else.
    pub fn unread_to(&self) -> Option<FileOffset> {
        let from = FileOffset(HEADER_AREA_LEN);
        let gap = self.gap.as_ref().filter(|gap| gap.start == from)?;
        let is_new = self.points.is_empty() && !self.in_footer && !self.hints_tried;
        is_new.then_some(gap.end)
    }

    /// Whether the footer has to be read first.
    pub fn is_in_footer(&self) -> bool {
        self.in_footer
    }

    /// Takes the points of the footer; `None`: it is damaged, and look-ups walk instead.
    pub fn load(&mut self, points: Option<Vec<IndexPoint>>, end: FileOffset) {
        if !self.in_footer {
            return;
        }
        *self = match points {
            Some(points) => SparseIndex {
                points,
                ..Default::default()
            },
            None => SparseIndex::unread(end),
        };
    }

    /// Whether a frame at `offset` behind one at `previous` is a point.
    #[inline]
    pub fn is_point(previous: Option<FileOffset>, offset: FileOffset) -> bool {
        let stripe = |offset: FileOffset| offset.0 / STRIDE_BYTES;
        stripe(offset) > previous.map_or(0, stripe)
    }

    /// Adds a frame at `offset` behind one at `previous`, if it is a point. In any order of calls.
    pub fn note(&mut self, previous: Option<FileOffset>, offset: FileOffset, id: EntryId) {
        if !Self::is_point(previous, offset) {
            return;
        }
        let point = IndexPoint { id, offset };
        match self.points.last() {
            Some(last) if last.offset >= offset => {
                if let Err(place) = self.points.binary_search_by_key(&offset, |p| p.offset) {
                    self.points.insert(place, point);
                }
            }
            _ => self.points.push(point),
        }
    }

    /// The last point at or before `id`.
    pub fn at_or_before(&self, id: EntryId) -> Option<IndexPoint> {
        let behind = self.points.partition_point(|point| point.id <= id);
        behind.checked_sub(1).map(|place| self.points[place])
    }

    /// The first point that starts behind `offset`.
    pub fn behind(&self, offset: FileOffset) -> Option<IndexPoint> {
        let place = self.points.partition_point(|point| point.offset <= offset);
        self.points.get(place).copied()
    }

    /// The range whose frames no walk has met.
    pub fn gap(&self) -> Option<Range<FileOffset>> {
        self.gap.clone()
    }

    /// Whether a saved index would help; true once at most.
    pub fn needs_saved_index(&mut self) -> bool {
        let wanted = !self.in_footer && self.gap.is_some() && self.points.is_empty();
        wanted && !std::mem::replace(&mut self.hints_tried, true)
    }

    /// Takes all points up to some offset in the gap. The caller has checked each.
    pub fn load_saved_index(&mut self, points: Vec<IndexPoint>) {
        let (Some(gap), Some(last), true) = (&mut self.gap, points.last(), self.points.is_empty())
        else {
            return;
        };
        if last.offset < gap.end {
            gap.start = last.offset;
            self.points = points;
        }
    }

    /// A walk has met all frames of the gap.
    pub fn close_gap(&mut self) {
        self.gap = None;
    }

    /// All points.
    pub fn points(&self) -> &[IndexPoint] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_do_not_depend_on_the_order_in_which_frames_are_seen() {
        let frames: Vec<FileOffset> = (0..400)
            .map(|i| FileOffset(HEADER_AREA_LEN + i * 700))
            .collect();
        let note = |index: &mut SparseIndex, i: usize| {
            let previous = i.checked_sub(1).map(|p| frames[p]);
            index.note(previous, frames[i], EntryId(i as u64));
        };
        let mut forward = SparseIndex::empty();
        (0..400).for_each(|i| note(&mut forward, i));
        let mut halves = SparseIndex::empty();
        (200..400).chain(0..200).for_each(|i| note(&mut halves, i));
        assert_eq!(forward.points(), halves.points());
        assert_eq!(
            forward.points().len(),
            (HEADER_AREA_LEN + 399 * 700) as usize / (16 << 10)
        );
        let point = forward
            .at_or_before(EntryId(100))
            .expect("frame 100 lies behind a stripe");
        assert!(point.id <= EntryId(100) && point.id > EntryId(70));
        assert!(forward.at_or_before(EntryId(3)).is_none());
        let next = forward.behind(point.offset).expect("not the last");
        assert!(next.offset > point.offset && next.id > EntryId(100));
    }
}
