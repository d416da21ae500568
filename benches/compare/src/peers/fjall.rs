//! How does fjall 3 take part?
//!
//! A keyspace per stream over one journal; keys are numbers in order, compression off. An insert
//! writes to the journal with one `write(2)` and into the memtable, which it cannot do without.
//! Strict adds `persist(SyncData)` to each.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use fjall::CompressionType;
use fjall::Database;
use fjall::Keyspace;
use fjall::KeyspaceCreateOptions;
use fjall::PersistMode;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[Contender {
    name: "fjall",
    kind: Kind::Peer,
    works: &["W1", "W2", "W3", "W4", "W6", "W7", "W8", "W12"],
    async_means: "page cache",
    strict_means: "disk",
    open,
}];

struct Fjall {
    db: Database,
    durable: bool,
    streams: Vec<(Keyspace, AtomicU64)>,
}

fn open(setup: &Setup) -> Result<Box<dyn Log>, Failure> {
    let db = Database::builder(setup.dir.join("log"))
        .journal_compression(CompressionType::None)
        .open()?;
    let mut streams = Vec::new();
    for n in 0..setup.streams {
        let keyspace = db.keyspace(&format!("s{n}"), KeyspaceCreateOptions::default)?;
        streams.push((keyspace, AtomicU64::new(0)));
    }
    Ok(Box::new(Fjall {
        db,
        durable: setup.mode == Mode::Strict,
        streams,
    }))
}

impl Log for Fjall {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Space {
            fjall: self,
            stream,
        }))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Space {
            fjall: self,
            stream,
        }))
    }
}

struct Space<'a> {
    fjall: &'a Fjall,
    stream: usize,
}

impl Space<'_> {
    fn next_key(&self) -> [u8; 8] {
        let next = &self.fjall.streams[self.stream].1;
        next.fetch_add(1, Ordering::Relaxed).to_be_bytes()
    }

    fn keyspace(&self) -> &Keyspace {
        &self.fjall.streams[self.stream].0
    }

    fn acknowledged(&mut self) -> Result<(), Failure> {
        match self.fjall.durable {
            true => self.sync(),
            false => Ok(()),
        }
    }
}

impl Appender for Space<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.keyspace().insert(self.next_key(), entry)?;
        self.acknowledged()
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        let mut batch = self.fjall.db.batch();
        for entry in entries {
            batch.insert(self.keyspace(), self.next_key(), *entry);
        }
        batch.commit()?;
        self.acknowledged()
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.fjall.db.persist(PersistMode::SyncData)?)
    }
}

impl Reader for Space<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let entry = self.keyspace().get(n.to_be_bytes())?;
        entry
            .map(|entry| black_box(entry).len())
            .ok_or_else(|| format!("no entry {n}").into())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let mut count = 0;
        for entry in self.keyspace().iter() {
            visit(&entry.into_inner()?.1);
            count += 1;
        }
        Ok(count)
    }
}
