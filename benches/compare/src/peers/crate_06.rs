//! How does the crate ironwal 0.6.9 take part?
//!
//! Its mode `Async` hands each append to the kernel with one `write(2)`; it keeps no byte back. A
//! plain log has no call that syncs, so it runs W12 without one.

use std::hint::black_box;
use std::path::Path;

use ironwal_06::ReadStrategy;
use ironwal_06::SyncMode;
use ironwal_06::Wal;
use ironwal_06::WalOptions;
use ironwal_06::sharded::ShardedWal;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;
use crate::ours::sharded::Sharded;

pub const CONTENDERS: &[Contender] = &[
    row("crate 0.6.9", APPENDS, |setup| {
        open(setup, ReadStrategy::StandardIo)
    }),
    row("crate 0.6.9, mapped", &["W7", "W8"], |setup| {
        open(setup, ReadStrategy::Mmap)
    }),
];

const APPENDS: &[&str] = &[
    "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W11", "W12",
];

const fn row(
    name: &'static str,
    works: &'static [&'static str],
    open: fn(&Setup) -> Result<Box<dyn Log>, Failure>,
) -> Contender {
    Contender {
        name,
        kind: Kind::Peer,
        works,
        async_means: "page cache",
        strict_means: "disk",
        open,
    }
}

struct Crate06 {
    wal: Wal,
    names: Vec<String>,
}

fn open(setup: &Setup, read_strategy: ReadStrategy) -> Result<Box<dyn Log>, Failure> {
    let mut options = WalOptions::new(setup.dir.join("log"));
    options.read_strategy = read_strategy;
    options.sync_mode = match setup.mode {
        Mode::Async => SyncMode::Async,
        Mode::Strict => SyncMode::Strict,
    };
    if let Some(bytes) = setup.segment_bytes {
        options.max_segment_size = bytes;
    }
    Ok(Box::new(Crate06 {
        wal: Wal::new(options)?,
        names: (0..setup.streams).map(|n| format!("s{n}")).collect(),
    }))
}

impl Log for Crate06 {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Named {
            wal: &self.wal,
            name: &self.names[stream],
        }))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Named {
            wal: &self.wal,
            name: &self.names[stream],
        }))
    }
}

struct Named<'a> {
    wal: &'a Wal,
    name: &'a str,
}

impl Appender for Named<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        black_box(self.wal.append(self.name, entry)?);
        Ok(())
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        black_box(self.wal.append_batch(self.name, entries)?);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Err("has no call that syncs a stream".into())
    }
}

impl Reader for Named<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let entry = self.wal.get(self.name, n)?;
        entry
            .map(|entry| black_box(entry).len())
            .ok_or_else(|| format!("no entry {n}").into())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let mut count = 0;
        for entry in self.wal.iter(self.name, 0)? {
            visit(&entry?);
            count += 1;
        }
        Ok(count)
    }
}

pub fn open_sharded(dir: &Path, shards: u16) -> Result<Box<dyn Sharded>, Failure> {
    let mut options = WalOptions::new(dir.join("log"));
    options.sync_mode = SyncMode::Async;
    Ok(Box::new(ShardedWal::new(options, shards)?))
}

impl Sharded for ShardedWal {
    fn append(&self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        ShardedWal::append(self, key, value)?;
        Ok(())
    }

    fn append_batch(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Failure> {
        ShardedWal::append_batch(self, entries)?;
        Ok(())
    }

    fn create_checkpoint(&self, id: &[u8]) -> Result<(), Failure> {
        Ok(ShardedWal::create_checkpoint(self, id)?)
    }

    fn load_checkpoint(&self, id: &[u8]) -> Result<(), Failure> {
        drop(black_box(ShardedWal::load_checkpoint(self, id)?));
        Ok(())
    }
}
