//! What bytes are appended? The first half of every entry is random, from a fixed seed, the
//! second half is text that compresses.

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// xorshift64* (Vigna, 2016): enough for payloads and for places to read.
pub struct Random(u64);

impl Random {
    pub fn new(stream: u64) -> Self {
        Random(SEED ^ (stream + 1).wrapping_mul(0xD134_2543_DE82_EF95))
    }

    #[inline]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, near enough to even.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

/// Different entries of one length, given out in turn.
pub struct Payload {
    entries: Vec<Vec<u8>>,
    next: usize,
}

impl Payload {
    /// Enough entries that no cache of the log can hold the last one, few enough for the
    /// processor's.
    pub fn new(len: usize, stream: u64) -> Self {
        let mut random = Random::new(stream);
        let count = (256 << 10) / len.max(1);
        let entries = (0..count.clamp(16, 1024)).map(|_| entry(len, &mut random));
        Payload {
            entries: entries.collect(),
            next: 0,
        }
    }

    #[inline]
    pub fn next(&mut self) -> &[u8] {
        let index = self.next;
        self.next = if index + 1 == self.entries.len() {
            0
        } else {
            index + 1
        };
        &self.entries[index]
    }

    /// The first `count` entries, over and over where there are fewer.
    pub fn batch(&self, count: usize) -> Vec<&[u8]> {
        let entries = self.entries.iter().cycle().take(count);
        entries.map(Vec::as_slice).collect()
    }
}

fn entry(len: usize, random: &mut Random) -> Vec<u8> {
    const TEXT: &[u8] = b"order accepted; ";
    let mut entry = Vec::with_capacity(len);
    while entry.len() < len / 2 {
        let left = len / 2 - entry.len();
        let bytes = random.next().to_le_bytes();
        entry.extend_from_slice(&bytes[..left.min(8)]);
    }
    entry.extend(TEXT.iter().cycle().take(len - entry.len()));
    entry
}
