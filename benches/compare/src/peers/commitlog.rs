//! How does commitlog 0.2 take part?
//!
//! One `write(2)` an append, and an index entry in a mapped file. Its `flush` flushes the Rust
//! `File`, which does nothing: it never calls `fsync`, so it takes no part in the Strict works,
//! and in W12 its "sync" does not reach the disk. A log is behind a lock, as it needs `&mut`.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use commitlog::CommitLog;
use commitlog::LogOptions;
use commitlog::ReadLimit;
use commitlog::message::MessageBuf;
use commitlog::message::MessageSet;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[Contender {
    name: "commitlog",
    kind: Kind::Peer,
    works: &["W1", "W2", "W6", "W7", "W8", "W12"],
    async_means: "page cache",
    strict_means: "page cache",
    open,
}];

struct Logs {
    logs: Vec<Mutex<CommitLog>>,
    entry_len: usize,
}

fn open(setup: &Setup) -> Result<Box<dyn Log>, Failure> {
    if setup.mode == Mode::Strict {
        return Err("never calls fsync".into());
    }
    let logs = (0..setup.streams).map(|n| {
        let mut options = LogOptions::new(setup.dir.join(format!("log{n}")));
        // As many entries as our segments have by default, or so: 64 MiB of them.
        let segment_bytes = setup.segment_bytes.unwrap_or(64 << 20);
        options.segment_max_bytes(usize::try_from(segment_bytes).unwrap_or(usize::MAX));
        CommitLog::new(options).map(Mutex::new)
    });
    Ok(Box::new(Logs {
        logs: logs.collect::<Result<_, _>>()?,
        entry_len: setup.entry_len,
    }))
}

impl Log for Logs {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Locked {
            log: &self.logs[stream],
            entry_len: self.entry_len,
            buffer: MessageBuf::default(),
        }))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Locked {
            log: &self.logs[stream],
            entry_len: self.entry_len,
            buffer: MessageBuf::default(),
        }))
    }
}

struct Locked<'a> {
    log: &'a Mutex<CommitLog>,
    entry_len: usize,
    buffer: MessageBuf,
}

impl Locked<'_> {
    fn log(&self) -> MutexGuard<'_, CommitLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Appender for Locked<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.append_batch(&[entry])
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        self.buffer.clear();
        for entry in entries {
            let pushed = self.buffer.push(entry);
            pushed.map_err(|error| format!("{error:?}"))?;
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.append(&mut self.buffer)?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.log().flush()?)
    }
}

impl Reader for Locked<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        // Room for one entry and its header, not for two.
        let limit = ReadLimit::max_bytes(self.entry_len + 64);
        let messages = self.log().read(n, limit)?;
        let message = messages.iter().next();
        Ok(message
            .ok_or_else(|| format!("no entry {n}"))?
            .payload()
            .len())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let (log, mut next) = (self.log(), 0);
        while next < log.next_offset() {
            let messages = log.read(next, ReadLimit::max_bytes(128 << 10))?;
            for message in messages.iter() {
                visit(message.payload());
                next += 1;
            }
        }
        Ok(next)
    }
}
