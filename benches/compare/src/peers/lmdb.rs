//! How does LMDB (heed 0.22) take part?
//!
//! A table per stream, keys are numbers in order, put with `MDB_APPEND`, one transaction an
//! append. Mode Async is `MDB_WRITEMAP | MDB_NOSYNC`: a commit stores into the mapped file and
//! makes no system call. Strict is LMDB's default: `pwrite`, `fdatasync`, then its root page.
//! It keeps no checksums.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::PoisonError;

use heed::Database;
use heed::Env;
use heed::EnvFlags;
use heed::EnvOpenOptions;
use heed::IntegerComparator;
use heed::PutFlags;
use heed::RoTxn;
use heed::WithoutTls;
use heed::byteorder::NativeEndian;
use heed::types::Bytes;
use heed::types::U64;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Reader;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[Contender {
    name: "LMDB",
    kind: Kind::Peer,
    works: &["W1", "W2", "W3", "W4", "W6", "W7", "W8", "W12"],
    async_means: "page cache",
    strict_means: "disk",
    open,
}];

type Table = Database<U64<NativeEndian>, Bytes, IntegerComparator>;

struct Lmdb {
    env: Env<WithoutTls>,
    /// Each with the next key, taken by the one writer that LMDB lets in.
    tables: Vec<(Table, Mutex<u64>)>,
}

fn open(setup: &Setup) -> Result<Box<dyn Log>, Failure> {
    let dir = setup.dir.join("log");
    std::fs::create_dir_all(&dir)?;
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(usize::try_from(setup.volume_bytes * 2 + (1 << 30))? & !4095);
    options.max_dbs(u32::try_from(setup.streams)?);
    // SAFETY: with these flags a crash of the machine may damage the file, as Async allows; the
    // file is ours alone.
    let env = unsafe {
        if setup.mode == Mode::Async {
            options.flags(EnvFlags::WRITE_MAP | EnvFlags::NO_SYNC);
        }
        options.open(dir)?
    };
    let mut txn = env.write_txn()?;
    let mut tables = Vec::new();
    for n in 0..setup.streams {
        let options = env.database_options().types::<U64<NativeEndian>, Bytes>();
        let mut options = options.key_comparator::<IntegerComparator>();
        let table: Table = options.name(&format!("s{n}")).create(&mut txn)?;
        let next = table.last(&txn)?.map_or(0, |(last, _)| last + 1);
        tables.push((table, Mutex::new(next)));
    }
    txn.commit()?;
    Ok(Box::new(Lmdb { env, tables }))
}

impl Log for Lmdb {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        let (table, next) = &self.tables[stream];
        Ok(Box::new(TableAppender {
            env: &self.env,
            table: *table,
            next,
        }))
    }

    fn reader(&self, stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(TableReader {
            txn: self.env.read_txn()?,
            table: self.tables[stream].0,
        }))
    }
}

struct TableAppender<'a> {
    env: &'a Env<WithoutTls>,
    table: Table,
    next: &'a Mutex<u64>,
}

impl Appender for TableAppender<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.append_batch(&[entry])
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        let mut txn = self.env.write_txn()?;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            self.table
                .put_with_flags(&mut txn, PutFlags::APPEND, &next, entry)?;
            *next += 1;
        }
        drop(next);
        Ok(txn.commit()?)
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.env.force_sync()?)
    }
}

struct TableReader<'a> {
    txn: RoTxn<'a, WithoutTls>,
    table: Table,
}

impl Reader for TableReader<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let entry = self.table.get(&self.txn, &n)?;
        entry
            .map(|entry| black_box(entry).len())
            .ok_or_else(|| format!("no entry {n}").into())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let mut count = 0;
        for entry in self.table.iter(&self.txn)? {
            visit(entry?.1);
            count += 1;
        }
        Ok(count)
    }
}
