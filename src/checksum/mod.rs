//! How is a CRC-32 computed, for bulk data and for frame headers? How is a digest (`siphash`)?
//!
//! The polynomial is that of zlib and Ethernet. `crc32fast` computes bulk data. A frame header with
//! its location has 40 bytes, too few for the instructions that `crc32fast` uses; `crc32_pclmul`
//! handles these on processors that support it.

#[cfg(target_arch = "x86_64")]
mod crc32_pclmul;
mod siphash;

use std::sync::LazyLock;

use crc32fast::Hasher;

pub use siphash::SipHash128;

/// Keeps the detected processor features: detecting them for each checksum takes as long as a short
/// checksum.
static HASHER: LazyLock<Hasher> = LazyLock::new(Hasher::new);

/// The CRC-32 of `bytes`.
#[inline]
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32_parts(&[bytes])
}

/// The CRC-32 of the concatenated parts.
#[inline]
pub fn crc32_parts(parts: &[&[u8]]) -> u32 {
    let mut hasher = HASHER.clone();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

/// The CRC-32 of `number`, little-endian, followed by `bytes`, starting from `initial`.
///
/// A CRC XORs its initial value with the first four bytes, so `initial` is applied to `number`.
pub fn crc32_seeded(initial: u32, number: u64, bytes: &[u8]) -> u32 {
    let mut hasher = HASHER.clone();
    hasher.update(&(number ^ u64::from(initial)).to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// [`crc32_seeded`] for four words, little-endian.
#[inline]
pub fn crc32_words(initial: u32, number: u64, words: [u64; 4]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if let Some(crc) = crc32_pclmul::crc32_words(initial, number, words) {
        return crc;
    }
    let mut bytes = [0; 32];
    for (word, place) in words.iter().zip(bytes.chunks_exact_mut(8)) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    crc32_seeded(initial, number, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_cuts_lead_to_the_checksum_of_the_library() {
        let bytes: Vec<u8> = (0..600_u32).map(|n| ((n * n) >> 3) as u8).collect();
        for len in [0, 1, 7, 8, 31, 32, 33, 255, 256, 600] {
            let bytes = &bytes[..len];
            assert_eq!(crc32(bytes), crc32fast::hash(bytes));
            let (head, tail) = bytes.split_at(len / 3);
            assert_eq!(crc32_parts(&[head, tail]), crc32fast::hash(bytes));
            for (initial, number) in [(0, 0_u64), (1, 1), (0xDEAD_BEEF, 0x0123_4567_89AB_CDEF)] {
                assert_eq!(
                    crc32_seeded(initial, number, bytes),
                    of_library(initial, number, bytes)
                );
            }
        }
    }

    #[test]
    fn every_bit_of_a_header_and_of_its_place_counts_as_in_the_library() {
        // A CRC is linear: equality for one value and for each flipped bit implies equality for
        // all.
        let plain = [0x5A5A_5A5A_5A5A_5A5A; 4];
        let agree = |initial, number, words: [u64; 4]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let expected = of_library(initial, number, &bytes);
            assert_eq!(crc32_words(initial, number, words), expected);
            assert_eq!(crc32_seeded(initial, number, &bytes), expected);
        };
        for bit in 0..4 * 64 {
            let mut words = plain;
            words[bit / 64] ^= 1 << (bit % 64);
            agree(7, 9, words);
        }
        (0..64).for_each(|bit| agree(7, 1 << bit, plain));
        (0..32).for_each(|bit| agree(1 << bit, 9, plain));
    }

    fn of_library(initial: u32, number: u64, bytes: &[u8]) -> u32 {
        let mut hasher = Hasher::new_with_initial(initial);
        hasher.update(&number.to_le_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}
