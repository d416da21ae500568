//! What does an append cost that reaches nothing but memory?

use std::hint::black_box;

use crate::limits::HEADER_LEN;
use crate::limits::row;
use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Log;

pub const CONTENDERS: &[Contender] = &[
    row("limit: empty call", &["W1", "W12"], "nowhere", |_| {
        Ok(Box::new(Nowhere))
    }),
    row(
        "limit: frame + CRC into memory",
        &["W1", "W2"],
        "process memory",
        |_| Ok(Box::new(Memory)),
    ),
];

/// Shows what the measuring itself costs.
struct Nowhere;

impl Log for Nowhere {
    fn appender(&self, _stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Nowhere))
    }
}

impl Appender for Nowhere {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        black_box(entry);
        Ok(())
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        black_box(entries);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

struct Memory;

/// Twice the size of our write buffer: it stays in the processor's caches, as a log's would.
const RING_LEN: usize = 128 << 10;

struct Framer {
    ring: Vec<u8>,
    at: usize,
}

impl Log for Memory {
    fn appender(&self, _stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Framer {
            ring: vec![1; RING_LEN],
            at: 0,
        }))
    }
}

impl Appender for Framer {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.append_batch(&[entry])
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        let len: usize = entries.iter().map(|entry| entry.len()).sum();
        if self.at + HEADER_LEN + len > self.ring.len() {
            self.at = 0;
        }
        let frame = &mut self.ring[self.at..][..HEADER_LEN + len];
        let mut crc = crc32fast::Hasher::new();
        let mut at = HEADER_LEN;
        for entry in entries {
            crc.update(entry);
            frame[at..][..entry.len()].copy_from_slice(entry);
            at += entry.len();
        }
        frame[..8].copy_from_slice(&(len as u64).to_le_bytes());
        frame[8..12].copy_from_slice(&crc.finalize().to_le_bytes());
        let header_crc = crc32fast::hash(&frame[..HEADER_LEN - 4]);
        frame[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&header_crc.to_le_bytes());
        black_box(&frame);
        self.at += HEADER_LEN + len;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
