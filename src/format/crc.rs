//! How is a CRC-32 computed with as little as possible around it?

use std::sync::LazyLock;

use crc32fast::Hasher;

/// Knows what the processor can do: asking again for each checksum takes as long as a short one.
static START: LazyLock<Hasher> = LazyLock::new(Hasher::new);

/// The CRC-32 of `bytes`.
#[inline]
pub(super) fn crc_of(bytes: &[u8]) -> u32 {
    let mut hasher = START.clone();
    hasher.update(bytes);
    hasher.finalize()
}

/// The CRC-32 that goes on from `initial` with `number`, little-endian, and then `bytes`.
///
/// The first four bytes meet the initial value by exclusive or, so it can be put into them.
#[inline]
pub(super) fn crc_from(initial: u32, number: u64, bytes: &[u8]) -> u32 {
    let mut hasher = START.clone();
    hasher.update(&(number ^ u64::from(initial)).to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_cuts_lead_to_the_checksum_of_the_library() {
        let bytes: Vec<u8> = (0..600_u32).map(|n| ((n * n) >> 3) as u8).collect();
        for len in [0, 1, 7, 8, 31, 32, 33, 255, 256, 600] {
            let bytes = &bytes[..len];
            assert_eq!(crc_of(bytes), crc32fast::hash(bytes));
            for (initial, number) in [(0, 0_u64), (1, 1), (0xDEAD_BEEF, 0x0123_4567_89AB_CDEF)] {
                let mut hasher = Hasher::new_with_initial(initial);
                hasher.update(&number.to_le_bytes());
                hasher.update(bytes);
                assert_eq!(crc_from(initial, number, bytes), hasher.finalize());
            }
        }
    }
}
