//! How does walrus-rust 0.2 take part?
//!
//! A topic per stream. Mode Async is its schedule `NoFsync`, the fastest it has; Strict is
//! `SyncEach`. Its batches go through io_uring and are synced in every mode. It writes with `pwrite` by default; a second row uses its mapped files. It has no
//! call that syncs and no way to read at a position: it is read once, from the start.

use std::path::Path;

use walrus_rust::FsyncSchedule;
use walrus_rust::ReadConsistency;
use walrus_rust::Walrus;
use walrus_rust::disable_fd_backend;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[
    row("walrus", &["W1", "W2", "W3", "W4", "W6", "W8", "W12"], open),
    row("walrus, mapped", &["W1", "W6"], |setup| {
        disable_fd_backend();
        open(setup)
    }),
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

/// So many entries are read at once, its limit. Asked for less, it stops early where an entry does
/// not fit into what it planned to read.
const MOST_A_READ: usize = 2_000;

struct Topics {
    walrus: Walrus,
    read_bytes: usize,
    names: Vec<String>,
}

/// The environment in which walrus keeps its files where it is told, and keeps silent.
pub fn environment(dir: &Path) {
    // SAFETY: called before the process starts a second thread.
    unsafe {
        std::env::set_var("WALRUS_DATA_DIR", dir);
        std::env::set_var("WALRUS_QUIET", "1");
    }
}

fn open(setup: &Setup) -> Result<Box<dyn Log>, Failure> {
    environment(&setup.dir.join("log"));
    let schedule = match setup.mode {
        Mode::Async => FsyncSchedule::NoFsync,
        Mode::Strict => FsyncSchedule::SyncEach,
    };
    let reads = ReadConsistency::AtLeastOnce {
        persist_every: u32::MAX,
    };
    Ok(Box::new(Topics {
        read_bytes: (setup.entry_len + 64) * MOST_A_READ,
        walrus: Walrus::with_consistency_and_schedule(reads, schedule)?,
        names: (0..setup.streams).map(|n| format!("s{n}")).collect(),
    }))
}

impl Log for Topics {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Topic {
            walrus: &self.walrus,
            read_bytes: self.read_bytes,
            name: &self.names[stream],
        }))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Topic {
            walrus: &self.walrus,
            read_bytes: self.read_bytes,
            name: &self.names[stream],
        }))
    }
}

struct Topic<'a> {
    walrus: &'a Walrus,
    read_bytes: usize,
    name: &'a str,
}

impl Appender for Topic<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        Ok(self.walrus.append_for_topic(self.name, entry)?)
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        Ok(self.walrus.batch_append_for_topic(self.name, entries)?)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Err("has no call that syncs".into())
    }
}

impl Reader for Topic<'_> {
    fn get(&mut self, _n: u64) -> Result<usize, Failure> {
        Err("does not read by position".into())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let mut count = 0;
        loop {
            let (topic, most) = (self.name, self.read_bytes);
            let entries = self.walrus.batch_read_for_topic(topic, most, true)?;
            if entries.is_empty() {
                return Ok(count);
            }
            for entry in &entries {
                visit(&entry.data);
            }
            count += entries.len() as u64;
        }
    }
}
