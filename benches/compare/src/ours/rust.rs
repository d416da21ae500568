//! How is ironwal called from Rust?

use std::hint::black_box;

use ironwal::CommitPath;
use ironwal::ReadStrategy;
use ironwal::Stream;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::WriteStrategy;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[
    row("ironwal", APPENDS, |setup| {
        open(setup, WriteStrategy::Auto, Reading::GetInto)
    }),
    row("ironwal, StandardIo", SOME, |setup| {
        open(setup, WriteStrategy::StandardIo, Reading::GetInto)
    }),
    row("ironwal, journal", DURABLE, |setup| {
        open_by(setup, CommitPath::Journal)
    }),
    row("ironwal, path by choice", DURABLE, |setup| {
        open_by(setup, CommitPath::Auto)
    }),
    row("ironwal, Mmap", SOME, |setup| {
        open(setup, WriteStrategy::Mmap, Reading::GetInto)
    }),
    row("ironwal get_into", READS, |setup| {
        open_reading(setup, ReadStrategy::StandardIo, Reading::GetInto)
    }),
    row("ironwal get_into, mapped", READS, |setup| {
        open_reading(setup, ReadStrategy::Mmap, Reading::GetInto)
    }),
    row("ironwal view, mapped", READS, |setup| {
        open_reading(setup, ReadStrategy::Mmap, Reading::View)
    }),
    row("ironwal owning iterator", &["W8"], |setup| {
        open_reading(setup, ReadStrategy::StandardIo, Reading::Owned)
    }),
    row("ironwal owning iterator, mapped", &["W8"], |setup| {
        open_reading(setup, ReadStrategy::Mmap, Reading::Owned)
    }),
];

const APPENDS: &[&str] = &[
    "W1", "W2", "W3", "W4", "W5", "W6", "W9", "W10", "W11", "W12", "GSIZE", "GCOUNT", "GSEG",
    "GSTREAM", "GTHREAD",
];
/// By the path that commits take.
const DURABLE: &[&str] = &["W3", "W4", "W5"];
const SOME: &[&str] = &["W1", "W2", "W6", "W12"];
const READS: &[&str] = &["W7", "W8"];

const fn row(
    name: &'static str,
    works: &'static [&'static str],
    open: fn(&Setup) -> Result<Box<dyn Log>, Failure>,
) -> Contender {
    Contender {
        name,
        kind: Kind::Ours,
        works,
        async_means: "page cache",
        strict_means: "disk",
        open,
    }
}

/// Which of the ways to read is measured.
#[derive(Clone, Copy)]
enum Reading {
    GetInto,
    View,
    Owned,
}

struct Ours {
    wal: Wal,
    streams: Vec<Stream>,
    reading: Reading,
}

fn open(
    setup: &Setup,
    write_strategy: WriteStrategy,
    reading: Reading,
) -> Result<Box<dyn Log>, Failure> {
    let mut options = options(setup);
    options.write_strategy = write_strategy;
    open_with(options, setup.streams, reading)
}

fn open_by(setup: &Setup, commit_path: CommitPath) -> Result<Box<dyn Log>, Failure> {
    let mut options = options(setup);
    options.commit_path = commit_path;
    open_with(options, setup.streams, Reading::GetInto)
}

fn open_reading(
    setup: &Setup,
    read_strategy: ReadStrategy,
    reading: Reading,
) -> Result<Box<dyn Log>, Failure> {
    let mut options = options(setup);
    options.read_strategy = read_strategy;
    open_with(options, setup.streams, reading)
}

pub fn options(setup: &Setup) -> WalOptions {
    let mut options = WalOptions::new(setup.dir.join("log"));
    options.sync_mode = match setup.mode {
        Mode::Async => SyncMode::Async,
        Mode::Strict => SyncMode::Strict,
    };
    if let Some(bytes) = setup.segment_bytes {
        options.max_segment_size = bytes;
    }
    options
}

fn open_with(
    options: WalOptions,
    streams: usize,
    reading: Reading,
) -> Result<Box<dyn Log>, Failure> {
    let wal = Wal::new(options)?;
    let streams: Result<_, _> = (0..streams).map(|n| wal.stream(&name(n))).collect();
    Ok(Box::new(Ours {
        streams: streams?,
        wal,
        reading,
    }))
}

pub fn name(stream: usize) -> String {
    format!("s{stream}")
}

impl Log for Ours {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(StreamAppender(&self.streams[stream])))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(StreamReader {
            stream: &self.streams[stream],
            reading: self.reading,
            buffer: vec![0; 64 << 10],
        }))
    }

    fn unsynced_entries(&self, stream: usize) -> Option<u64> {
        let stream = &self.streams[stream];
        Some(stream.next_id().ok()? - stream.durable_end().ok()?)
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        drop(self.streams);
        Ok(self.wal.close()?)
    }
}

struct StreamAppender<'a>(&'a Stream);

impl Appender for StreamAppender<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        black_box(self.0.append(entry)?);
        Ok(())
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        black_box(self.0.append_batch(entries)?);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.0.sync()?)
    }
}

struct StreamReader<'a> {
    stream: &'a Stream,
    reading: Reading,
    buffer: Vec<u8>,
}

impl Reader for StreamReader<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let found = match self.reading {
            Reading::GetInto => self.stream.get_into(n, &mut self.buffer)?,
            Reading::View => self.stream.view(n)?.map(|view| black_box(&*view).len()),
            Reading::Owned => self.stream.get(n)?.map(|entry| black_box(entry).len()),
        };
        found.ok_or_else(|| format!("no entry {n}").into())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let mut count = 0;
        if let Reading::Owned = self.reading {
            for entry in self.stream.iter(0)? {
                visit(&entry?);
                count += 1;
            }
            return Ok(count);
        }
        let mut entries = self.stream.iter_with_ids(0)?;
        while let Some(entry) = entries.next_entry() {
            visit(entry?.1);
            count += 1;
        }
        Ok(count)
    }
}
