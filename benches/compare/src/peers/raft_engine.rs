//! How does raft-engine 0.4 (TiKV's log) take part?
//!
//! One shared log, a region per stream. Threads that append to one stream get a region each, as a
//! region takes its entries in the order of their index only: that is kinder to it than a lock.
//! Compression is off, as ours is by default. The entry type is a small protobuf message that
//! comes with the protobuf crate: an index and bytes, as raft's own.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::PoisonError;

use protobuf::descriptor::UninterpretedOption;
use raft_engine::Config;
use raft_engine::Engine;
use raft_engine::LogBatch;
use raft_engine::MessageExt;
use raft_engine::ReadableSize;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[Contender {
    name: "raft-engine",
    kind: Kind::Peer,
    works: &[
        "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W12",
    ],
    async_means: "page cache",
    strict_means: "disk",
    open,
}];

struct RaftLog {
    engine: Engine,
    durable: bool,
    /// How many appenders each stream has, so that each gets a region of its own.
    taken: Vec<Mutex<u64>>,
}

#[derive(Clone)]
struct Indexed;

impl MessageExt for Indexed {
    type Entry = UninterpretedOption;

    fn index(entry: &Self::Entry) -> u64 {
        entry.get_positive_int_value()
    }
}

fn open(setup: &Setup) -> Result<Box<dyn Log>, Failure> {
    let dir = setup.dir.join("log");
    let mut config = Config {
        dir: dir.to_str().ok_or("a path that is not UTF-8")?.to_owned(),
        batch_compression_threshold: ReadableSize(0),
        ..Config::default()
    };
    if let Some(bytes) = setup.segment_bytes {
        config.target_file_size = ReadableSize(bytes);
    }
    Ok(Box::new(RaftLog {
        engine: Engine::open(config)?,
        durable: setup.mode == Mode::Strict,
        taken: (0..setup.streams).map(|_| Mutex::new(0)).collect(),
    }))
}

fn region(stream: usize, thread: u64) -> u64 {
    thread * (1 << 20) + stream as u64 + 1
}

impl Log for RaftLog {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        let mut taken = self.taken[stream]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let region = region(stream, *taken);
        *taken += 1;
        Ok(Box::new(RegionAppender {
            log: self,
            region,
            next_index: self.engine.last_index(region).map_or(1, |last| last + 1),
            batch: LogBatch::with_capacity(1),
            entries: Vec::new(),
        }))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(RegionReader {
            engine: &self.engine,
            region: region(stream, 0),
        }))
    }
}

struct RegionAppender<'a> {
    log: &'a RaftLog,
    region: u64,
    next_index: u64,
    batch: LogBatch,
    entries: Vec<UninterpretedOption>,
}

impl Appender for RegionAppender<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.append_batch(&[entry])
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        self.entries.resize_with(entries.len(), Default::default);
        for (slot, bytes) in self.entries.iter_mut().zip(entries) {
            slot.set_positive_int_value(self.next_index);
            slot.mut_string_value().clear();
            slot.mut_string_value().extend_from_slice(bytes);
            self.next_index += 1;
        }
        self.batch
            .add_entries::<Indexed>(self.region, &self.entries)?;
        self.log.engine.write(&mut self.batch, self.log.durable)?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        // Engine::sync writes an empty batch and returns early, so something must be written.
        let mut batch = LogBatch::default();
        batch.put(u64::MAX >> 1, b"sync".to_vec(), Vec::new())?;
        self.log.engine.write(&mut batch, true)?;
        Ok(())
    }
}

struct RegionReader<'a> {
    engine: &'a Engine,
    region: u64,
}

impl Reader for RegionReader<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let entry = self.engine.get_entry::<Indexed>(self.region, n + 1)?;
        let entry = entry.ok_or_else(|| format!("no entry {n}"))?;
        Ok(black_box(entry.get_string_value()).len())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        const STEP: u64 = 1024;
        let end = self
            .engine
            .last_index(self.region)
            .map_or(1, |last| last + 1);
        let (mut next, mut entries) = (1, Vec::new());
        while next < end {
            let to = (next + STEP).min(end);
            entries.clear();
            self.engine
                .fetch_entries_to::<Indexed>(self.region, next, to, None, &mut entries)?;
            for entry in &entries {
                visit(entry.get_string_value());
            }
            next = to;
        }
        Ok(end - 1)
    }
}
