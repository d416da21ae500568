//! How much space is made ahead of need: facts about the tail in, a plan out.
//!
//! Pure, and the only place with the sizes. `rotate` asks it for appenders, `write_map` for what is
//! mapped, `prepare_ahead` for the helper's pass; each of these does the I/O.

use crate::format::HEADER_AREA_LEN;
use crate::ids::FileOffset;
use crate::segment::footer_reserve;

/// At least this much is allocated at once, beyond what a frame needs.
pub const MIN_STEP: u64 = 16 << 10;

/// At most this much is allocated at once where zeros are written.
pub const MAX_STEP: u64 = 4 << 20;

/// The same where no zeros are written: an append that needs blocks waits for a sync under way.
const MAX_STEP_OF_BLOCKS: u64 = 16 << 20;

/// At most this share of the free space is taken ahead of need.
const FREE_SHARE: u64 = 16;

/// Segments at least this large get their successor's file prepared.
const MIN_SEGMENT_FOR_NEXT_FILE: u64 = 1 << 20;

/// Segments that hold this much get blocks from a helper where no zeros are written: allocating may
/// wait for a sync that is under way, and an appender should not.
const MIN_USED_FOR_BLOCKS: u64 = 1 << 20;

/// Less space than this is not released.
const MIN_RELEASE_BYTES: u64 = 2 * MIN_STEP;

/// How far ahead of the tail pages are populated at most, and in one step.
pub const MAX_MAP_AHEAD: u64 = 2 << 20;
const MAP_STEP: u64 = 256 << 10;

/// How much of a new segment is populated by the thread that makes it.
pub const FIRST_MAP_STEP: u64 = 64 << 10;

/// How much an appender populates beyond its frame where the helper has fallen behind: some
/// microseconds of work, which is what dozens of small frames would cost to write.
pub const APPENDER_POPULATE_BYTES: u64 = 16 << 10;

/// Pages are populated whole.
pub const PAGE: u64 = 4096;

/// What the options of the log say.
#[derive(Clone, Copy, Debug)]
pub struct SpaceLimits {
    /// Zeros are written and synced before they are needed: `Strict`.
    pub writes_zeros: bool,
    /// The options ask for mapped appends.
    pub maps: bool,
    /// The greatest length of a segment's frames.
    pub max_segment_size: u64,
}

/// What the tail says about the space of the active segment.
#[derive(Clone, Copy, Debug)]
pub struct SpaceFacts {
    /// The end of the frames in the kernel.
    pub written: FileOffset,
    /// Up to here the file has blocks.
    pub allocated_end: FileOffset,
    /// Bytes appended since space was last released: space is made in proportion to it.
    pub used: u64,
    /// Up to here pages are populated; `None`: the segment is not mapped.
    pub populated_end: Option<u64>,
    /// The last frame was small enough for a mapped append.
    pub last_frame_fits_map: bool,
    /// Maps wait to be dropped.
    pub has_detached_maps: bool,
    /// A next segment's file was tried already.
    pub next_file_tried: bool,
    /// Blocks could not be allocated behind this `allocated_end`.
    pub blocks_failed: bool,
    /// The segment could not be mapped with this `allocated_end`.
    pub map_failed: bool,
}

/// What a helper should do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpacePlan {
    /// Allocate blocks behind the tail.
    pub blocks: bool,
    /// Prepare the next segment's file.
    pub next_file: bool,
    /// Map the segment, populate more of it, or drop detached maps.
    pub map: bool,
}

impl SpacePlan {
    /// Whether there is anything to do.
    #[inline]
    pub fn is_needed(self) -> bool {
        self.blocks || self.next_file || self.map
    }
}

/// One step of populating: from the tail's page, up to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapStep {
    /// The page of the tail.
    pub tail_page: u64,
    /// Where populating starts.
    pub from: u64,
    /// Where it should end.
    pub to: FileOffset,
}

impl SpaceLimits {
    /// What a helper should do now. Asked after every append: no I/O.
    #[inline]
    pub fn plan(&self, facts: &SpaceFacts) -> SpacePlan {
        let left = facts.left();
        let to_come = self.max_segment_size.saturating_sub(facts.held());
        let may_allocate = self.writes_zeros || facts.populated_end.is_none();
        SpacePlan {
            blocks: may_allocate
                && self.lacks_blocks(facts)
                && left < to_come
                && !facts.blocks_failed,
            next_file: !facts.next_file_tried && self.wants_next_file(facts.held()),
            map: facts.has_detached_maps || self.lacks_pages(facts),
        }
    }

    /// Whether so few blocks are left that a helper allocates more.
    #[inline]
    pub fn lacks_blocks(&self, facts: &SpaceFacts) -> bool {
        let is_due = self.writes_zeros || facts.held() >= MIN_USED_FOR_BLOCKS;
        is_due && facts.left() < self.growth_step(facts.used) / 2
    }

    /// Whether a segment that holds this much is full enough to prepare its successor's file.
    #[inline]
    pub fn wants_next_file(&self, held: u64) -> bool {
        let most = self.max_segment_size;
        (MIN_SEGMENT_FOR_NEXT_FILE..u64::MAX / 2).contains(&most) && held > most / 4 * 3
    }

    #[inline]
    fn lacks_pages(&self, facts: &SpaceFacts) -> bool {
        let populated_end = facts.populated_end.unwrap_or(0);
        populated_end < facts.written.0 + map_ahead(facts.used) / 2
            && populated_end < self.last_offset().0
            && facts.used >= MIN_STEP
            && facts.last_frame_fits_map
            && self.maps
            && !facts.map_failed
    }

    /// The next step of populating; `None`: enough is populated.
    pub fn map_step(&self, written: FileOffset, used: u64, populated_end: u64) -> Option<MapStep> {
        let goal = (written + map_ahead(used)).min(self.last_offset());
        if populated_end >= goal.0 || used < MIN_STEP {
            return None;
        }
        let tail_page = written.0 / PAGE * PAGE;
        let from = populated_end.max(tail_page);
        Some(MapStep {
            tail_page,
            from,
            to: goal.min(FileOffset(from + MAP_STEP)),
        })
    }

    /// How much is allocated at once in a segment that got this many bytes.
    #[inline]
    pub fn growth_step(&self, used: u64) -> u64 {
        let most = match self.writes_zeros {
            true => MAX_STEP,
            false => MAX_STEP_OF_BLOCKS,
        };
        used.clamp(MIN_STEP, most)
    }

    /// How far to allocate ahead of need: a share of what was appended, of what the segment may
    /// hold, and of what is free.
    pub fn target(&self, used: u64, allocated_end: FileOffset, free: u64) -> FileOffset {
        let step = self.growth_step(used).min(free / FREE_SHARE);
        let full = self.last_offset();
        let footer = footer_reserve(full.min(FileOffset(1 << 40)));
        let most = FileOffset(full.0.saturating_add(footer));
        (allocated_end + step).min(most).max(allocated_end)
    }

    /// How many bytes a new segment gets behind its header, if its first frame and a footer need
    /// this many; and how many the file has that was prepared for it.
    pub fn first_len(&self, needed: u64, prepared: Option<u64>) -> u64 {
        let wanted = needed.max(MIN_STEP.min(self.max_segment_size));
        prepared.unwrap_or(wanted).max(needed)
    }

    /// Where the frames of a segment end at the latest, unless one is larger.
    #[inline]
    fn last_offset(&self) -> FileOffset {
        FileOffset(HEADER_AREA_LEN.saturating_add(self.max_segment_size))
    }
}

impl SpaceFacts {
    /// How many bytes of frames the segment holds.
    #[inline]
    pub fn held(&self) -> u64 {
        self.written.0 - HEADER_AREA_LEN
    }

    #[inline]
    fn left(&self) -> u64 {
        self.allocated_end.0.saturating_sub(self.written.0)
    }
}

/// Whether an idle stream gives back what is allocated behind `end`.
pub fn is_worth_releasing(allocated_end: FileOffset, end: FileOffset) -> bool {
    allocated_end.0.saturating_sub(end.0) >= MIN_RELEASE_BYTES
}

/// How far ahead of the tail pages are populated in a segment that got this many bytes.
#[inline]
fn map_ahead(used: u64) -> u64 {
    used.clamp(MIN_STEP, MAX_MAP_AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    const STRICT: SpaceLimits = SpaceLimits {
        writes_zeros: true,
        maps: false,
        max_segment_size: 64 * MIB,
    };
    const MAPPED: SpaceLimits = SpaceLimits {
        writes_zeros: false,
        maps: true,
        max_segment_size: 64 * MIB,
    };

    /// A segment of this many bytes, with so many allocated behind them.
    fn facts(held: u64, left: u64) -> SpaceFacts {
        SpaceFacts {
            written: FileOffset(HEADER_AREA_LEN + held),
            allocated_end: FileOffset(HEADER_AREA_LEN + held + left),
            used: held,
            populated_end: None,
            last_frame_fits_map: true,
            has_detached_maps: false,
            next_file_tried: false,
            blocks_failed: false,
            map_failed: false,
        }
    }

    #[test]
    fn each_row_of_facts_has_its_plan() {
        let nothing = SpacePlan::default();
        let blocks = SpacePlan {
            blocks: true,
            ..nothing
        };
        let next_file = SpacePlan {
            next_file: true,
            ..nothing
        };
        let map = SpacePlan {
            map: true,
            ..nothing
        };
        let both = SpacePlan {
            blocks: true,
            ..map
        };
        let plain = SpaceLimits {
            maps: false,
            ..MAPPED
        };
        let small = SpaceLimits {
            max_segment_size: MIB / 2,
            ..STRICT
        };
        let populated = |held: u64, ahead: u64| SpaceFacts {
            populated_end: Some(HEADER_AREA_LEN + held + ahead),
            ..facts(held, ahead)
        };
        let rows = [
            ("strict, no space left", STRICT, facts(100, 0), blocks),
            (
                "strict, half a step left",
                STRICT,
                facts(100, MIN_STEP / 2),
                nothing,
            ),
            (
                "strict, less than half a step",
                STRICT,
                facts(MIB, MIB / 2 - 1),
                blocks,
            ),
            (
                "strict, mapped all the same",
                STRICT,
                populated(MIB, 0),
                blocks,
            ),
            (
                "strict, failed at this end",
                STRICT,
                SpaceFacts {
                    blocks_failed: true,
                    ..facts(100, 0)
                },
                nothing,
            ),
            (
                "all of the segment is allocated",
                small,
                facts(MIB / 2 - 9, 9),
                nothing,
            ),
            (
                "small, never a next file",
                small,
                facts(MIB / 2 - 10, 9),
                blocks,
            ),
            ("async, little held", plain, facts(MIB - 1, 0), nothing),
            ("async, much held", plain, facts(MIB, 0), blocks),
            (
                "async, mapped: pages instead of blocks",
                MAPPED,
                populated(MIB, 0),
                map,
            ),
            ("async, to be mapped", MAPPED, facts(MIB, 0), both),
            (
                "async, too little to map",
                MAPPED,
                facts(MIN_STEP - 1, 0),
                nothing,
            ),
            ("async, enough to map", MAPPED, facts(MIN_STEP, 0), map),
            (
                "async, frames too large to map",
                MAPPED,
                SpaceFacts {
                    last_frame_fits_map: false,
                    ..facts(MIN_STEP, 0)
                },
                nothing,
            ),
            (
                "async, could not be mapped at this end",
                MAPPED,
                SpaceFacts {
                    map_failed: true,
                    ..facts(MIN_STEP, 0)
                },
                nothing,
            ),
            (
                "async, half of the pages ahead left",
                MAPPED,
                populated(MIB, MIB / 2),
                nothing,
            ),
            (
                "maps to drop, whatever else",
                plain,
                SpaceFacts {
                    has_detached_maps: true,
                    ..facts(100, 0)
                },
                map,
            ),
            ("three quarters", plain, facts(48 * MIB, 16 * MIB), nothing),
            (
                "more than three quarters",
                plain,
                facts(48 * MIB + 1, 16 * MIB),
                next_file,
            ),
            (
                "the next file was tried",
                plain,
                SpaceFacts {
                    next_file_tried: true,
                    ..facts(60 * MIB, 16 * MIB)
                },
                nothing,
            ),
        ];
        for (name, limits, facts, expected) in rows {
            assert_eq!(limits.plan(&facts), expected, "{name}");
            assert_eq!(
                limits.plan(&facts).is_needed(),
                expected != nothing,
                "{name}"
            );
        }
    }

    #[test]
    fn a_target_is_a_share_of_what_was_used_of_what_is_free_and_of_the_segment() {
        let start = FileOffset(HEADER_AREA_LEN);
        let plenty = u64::MAX;
        let rows = [
            ("the least", STRICT, 0, start, plenty, MIN_STEP),
            ("as much as was used", STRICT, MIB, start, plenty, MIB),
            (
                "the most, with zeros",
                STRICT,
                60 * MIB,
                start,
                plenty,
                MAX_STEP,
            ),
            (
                "the most, without",
                MAPPED,
                60 * MIB,
                start,
                plenty,
                MAX_STEP_OF_BLOCKS,
            ),
            (
                "a share of what is free",
                STRICT,
                MIB,
                start,
                16 * 1000,
                1000,
            ),
            ("nothing is free", STRICT, MIB, start, 0, 0),
        ];
        for (name, limits, used, from, free, expected) in rows {
            assert_eq!(limits.target(used, from, free) - from, expected, "{name}");
        }
        let full = FileOffset(HEADER_AREA_LEN + 64 * MIB);
        let end = STRICT.target(60 * MIB, full, plenty);
        assert_eq!(
            end,
            full + footer_reserve(full),
            "the footer at the end, and no more"
        );
        assert_eq!(STRICT.target(60 * MIB, end, plenty), end);
    }

    #[test]
    fn pages_are_populated_from_the_tail_on_in_steps() {
        let at = |held: u64| FileOffset(HEADER_AREA_LEN + held);
        let tail_page = |held: u64| at(held).0 / PAGE * PAGE;
        let first = MAPPED.map_step(at(MIB + 5), MIB, 0).expect("a step");
        let page = tail_page(MIB + 5);
        assert_eq!((first.tail_page, first.from), (page, page));
        assert_eq!(first.to, FileOffset(page + MAP_STEP));
        let next = MAPPED
            .map_step(at(MIB + 5), MIB, first.to.0)
            .expect("a step");
        assert_eq!(next.from, first.to.0);
        assert_eq!(MAPPED.map_step(at(MIB), MIB, at(2 * MIB).0), None);
        assert_eq!(
            MAPPED.map_step(at(MIB), MIN_STEP - 1, 0),
            None,
            "too little used"
        );
        assert_eq!(
            MAPPED.map_step(at(64 * MIB), MIB, at(64 * MIB).0),
            None,
            "full"
        );
    }

    #[test]
    fn a_new_segment_has_space_for_its_first_frame() {
        assert_eq!(STRICT.first_len(100, None), MIN_STEP);
        assert_eq!(STRICT.first_len(MIB, None), MIB);
        assert_eq!(STRICT.first_len(100, Some(MAX_STEP)), MAX_STEP);
        assert_eq!(STRICT.first_len(5 * MIB, Some(MAX_STEP)), 5 * MIB);
        let tiny = SpaceLimits {
            max_segment_size: 100,
            ..STRICT
        };
        assert_eq!(tiny.first_len(50, None), 100);
    }
}
