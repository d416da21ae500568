//! How is a long run of bytes reduced to 16 bytes that two machines can compare?
//!
//! SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the
//! longer output is the authors' later variant), fed piece by piece, with the key 0. It finds accidental
//! differences; it does not stop a forger, because the key is public.

/// The hash of the bytes fed so far.
#[derive(Clone, Debug)]
pub struct SipHash128 {
    v: [u64; 4],
    /// Bytes that do not fill a word yet, in the low bytes.
    partial: u64,
    /// How many bytes were fed.
    fed_len: u64,
}

impl SipHash128 {
    /// The hash of nothing yet, under the key 0.
    pub fn new() -> Self {
        Self::with_key(0, 0)
    }

    fn with_key(k0: u64, k1: u64) -> Self {
        SipHash128 {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                // The last byte distinguishes the 128-bit variant from the 64-bit one.
                k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
            partial: 0,
            fed_len: 0,
        }
    }

    /// Feeds a number, little-endian.
    pub fn feed_u64(&mut self, number: u64) {
        self.feed(&number.to_le_bytes());
    }

    /// Feeds bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let pending = (self.fed_len % 8) as usize;
        self.fed_len = self.fed_len.wrapping_add(bytes.len() as u64);
        let (head, rest) = bytes.split_at(bytes.len().min((8 - pending) % 8));
        for (place, &byte) in head.iter().enumerate() {
            self.partial |= u64::from(byte) << (8 * (pending + place));
        }
        if pending + head.len() == 8 {
            self.absorb(self.partial);
            self.partial = 0;
        }
        let words = rest.chunks_exact(8);
        let tail = words.remainder();
        for word in words {
            // Eight bytes each: nothing is left out.
            self.absorb(
                word.first_chunk()
                    .map_or(0, |word| u64::from_le_bytes(*word)),
            );
        }
        for (place, &byte) in tail.iter().enumerate() {
            self.partial |= u64::from(byte) << (8 * place);
        }
    }

    /// The hash.
    pub fn finish(mut self) -> [u8; 16] {
        self.absorb(self.fed_len << 56 | self.partial);
        self.v[2] ^= 0xee;
        let low = self.squeeze();
        self.v[1] ^= 0xdd;
        let high = self.squeeze();
        let mut digest = [0; 16];
        digest[..8].copy_from_slice(&low.to_le_bytes());
        digest[8..].copy_from_slice(&high.to_le_bytes());
        digest
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.v[3] ^= word;
        self.rounds(2);
        self.v[0] ^= word;
    }

    fn squeeze(&mut self) -> u64 {
        self.rounds(4);
        self.v[0] ^ self.v[1] ^ self.v[2] ^ self.v[3]
    }

    #[inline]
    fn rounds(&mut self, count: usize) {
        let [mut a, mut b, mut c, mut d] = self.v;
        for _ in 0..count {
            a = a.wrapping_add(b);
            b = b.rotate_left(13) ^ a;
            a = a.rotate_left(32);
            c = c.wrapping_add(d);
            d = d.rotate_left(16) ^ c;
            a = a.wrapping_add(d);
            d = d.rotate_left(21) ^ a;
            c = c.wrapping_add(b);
            b = b.rotate_left(17) ^ c;
            c = c.rotate_left(32);
        }
        self.v = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the inputs of the authors' test vectors: 00 01 02 …
    fn of_first_bytes(len: u8) -> String {
        let word = |from: u8| u64::from_le_bytes(std::array::from_fn(|i| from + i as u8));
        let mut hash = SipHash128::with_key(word(0), word(8));
        let bytes: Vec<u8> = (0..len).collect();
        hash.feed(&bytes);
        let digest = hash.finish();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_published_vectors_come_out() {
        assert_eq!(of_first_bytes(0), "a3817f04ba25a8e66df67214c7550293");
        assert_eq!(of_first_bytes(1), "da87c1d86b99af44347659119b22fc45");
        assert_eq!(of_first_bytes(2), "8177228da4a45dc7fca38bdef60affe4");
    }

    #[test]
    fn the_pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..200).collect();
        let mut whole = SipHash128::new();
        whole.feed(&bytes);
        let whole = whole.finish();
        for step in 1..40 {
            let mut hash = SipHash128::new();
            bytes.chunks(step).for_each(|piece| hash.feed(piece));
            assert_eq!(hash.finish(), whole, "in pieces of {step}");
        }
        let mut other = SipHash128::new();
        other.feed(&bytes[..199]);
        assert_ne!(other.finish(), whole);
    }
}
