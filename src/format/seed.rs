//! What binds every checksum to its place?
//!
//! A frame, a frontier slot and a trailer are checked with a CRC-32 over what is *not* stored in
//! them, then over what is:
//!
//! ```text
//! key │ first id u64 │ generation u64 ║ file offset u64 │ stored bytes
//! └──────── the seed ───────────────┘   └── the place ──┘
//! ```
//!
//! So bytes that are whole but stale, copied, nested in a payload, or of another stream, segment,
//! generation or offset never validate.

use crc32fast::Hasher;

use crate::checksum::crc32_seeded;
use crate::checksum::crc32_words;
use crate::ids::EntryId;
use crate::ids::FileOffset;

/// The part of every place-bound checksum that is the same in a whole segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSeed(u32);

impl SegmentSeed {
    /// The seed of the segment of stream `key` that starts at `first_id`.
    pub fn new(key: &str, first_id: EntryId, generation: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(key.as_bytes());
        hasher.update(&first_id.0.to_le_bytes());
        hasher.update(&generation.to_le_bytes());
        SegmentSeed(hasher.finalize())
    }

    /// The checksum of `bytes` that stand at `at` in this segment's file.
    #[inline]
    pub(super) fn checksum(self, at: FileOffset, bytes: &[u8]) -> u32 {
        crc32_seeded(self.0, at.0, bytes)
    }

    /// The same of four numbers, little-endian.
    #[inline]
    pub(super) fn checksum_of_words(self, at: FileOffset, words: [u64; 4]) -> u32 {
        crc32_words(self.0, at.0, words)
    }

    /// The masks of the entries of a frame, see `docs/FORMAT.md`, section "Masks".
    pub(super) fn masks(self, payload_crc: u32, first_id: EntryId) -> Masks {
        let start = u64::from(self.0) << 32 | u64::from(payload_crc);
        Masks {
            state: start.wrapping_add(first_id.0.wrapping_mul(GOLDEN)),
        }
    }
}

/// 2^64 divided by the golden ratio, made odd: the step of splitmix64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The masks of consecutive entries.
///
/// Algorithm: splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// OOPSLA 2014; constants of Vigna's public `splitmix64.c`), its low 32 bits. The mask of id `n`
/// is the output number `n` (from 0) of the generator that starts at (seed, payload CRC).
pub(super) struct Masks {
    state: u64,
}

impl Masks {
    /// The mask of the next entry.
    pub(super) fn next_mask(&mut self) -> u32 {
        self.state = self.state.wrapping_add(GOLDEN);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        mixed as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The masks are a published generator, so that another language can follow us.
    /// Expected values: `splitmix64.c` started at 0, low halves.
    #[test]
    fn masks_are_the_low_halves_of_splitmix64() {
        let mut masks = SegmentSeed(0).masks(0, EntryId(0));
        let first = [masks.next_mask(), masks.next_mask(), masks.next_mask()];
        assert_eq!(first, [0x7B1D_CDAF, 0xA1B9_65F4, 0x8009_454F]);
    }

    #[test]
    fn the_mask_of_an_id_does_not_depend_on_where_its_frame_began() {
        let seed = SegmentSeed(0x1D69_E970);
        let mut from_start = seed.masks(7, EntryId(u64::MAX - 5));
        for id in u64::MAX - 5..u64::MAX {
            assert_eq!(
                from_start.next_mask(),
                seed.masks(7, EntryId(id)).next_mask(),
                "id {id}"
            );
        }
    }
}
