//! How is a batch over several shards appended and made durable?
//!
//! Each shard's part is one frame, so it is appended whole or not at all; parts of different shards
//! are independent. The caller writes all parts first; then all shards are synced at once. A failed
//! write stops the writing of further parts. After any failure the written parts still become
//! durable, and the error names them.

use std::ops::Range;
use std::sync::Arc;

use crate::append::Append;
use crate::append::Appended;
use crate::error::Error;
use crate::error::Result;
use crate::error::memory;
use crate::sharded::sharded_wal::ShardedInner;
use crate::sharded::sharded_wal::ShardedWal;
use crate::stream::AtomicPart;
use crate::stream::StreamInner;
use crate::stream::append_atomic;

/// A shard's part of a batch.
struct ShardBatch {
    shard: u16,
    /// The range of the input indices, sorted by shard, that belong to it.
    places: Range<usize>,
}

/// A part that has been written to the kernel.
struct Written {
    shard: u16,
    core: Arc<StreamInner>,
    appended: Appended,
}

impl Written {
    /// Whether the shard's sync mode has a batch wait until it is durable.
    fn waits(&self) -> bool {
        self.core.settings.waits_for_batches()
    }
}

impl ShardedWal {
    /// Appends entries, given as key and value, to the shards of their keys. The results are in the
    /// order of the entries. Within a shard the batch is one frame and atomic; over several shards
    /// it is not. Durable on return under `Strict` and `BatchOnly`. Empty: nothing happens.
    ///
    /// Errors: those of an append, if no shard holds its part; otherwise `BatchIncomplete`, which
    /// names the shards that do.
    pub fn append_batch(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<(u16, u64)>> {
        let borrowed = entries.iter().map(|(key, value)| (&key[..], &value[..]));
        self.append_borrowed(&memory::collected(borrowed)?)
    }

    /// As [`ShardedWal::append_batch`], but all or nothing over all shards, after any crash; and durable on return
    /// in every mode. One sync, of the commit journal: see [`Wal::append_atomic`](crate::Wal::append_atomic), whose
    /// limits and errors these are.
    pub fn append_batch_atomic(&self, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<(u16, u64)>> {
        let borrowed = entries.iter().map(|(key, value)| (&key[..], &value[..]));
        self.append_borrowed_atomic(&memory::collected(borrowed)?)
    }

    /// The same with borrowed entries.
    pub(crate) fn append_borrowed_atomic(
        &self,
        entries: &[(&[u8], &[u8])],
    ) -> Result<Vec<(u16, u64)>> {
        self.log().wal.enter_to_write()?;
        let (places, parts) = self.by_shard(entries)?;
        let mut results = memory::collected(places.iter().map(|_| (0, 0)))?;
        let mut values = Vec::new();
        memory::reserve(&mut values, places.len())?;
        values.extend(places.iter().map(|place| entries[*place].1));
        let mut streams = Vec::with_capacity(parts.len());
        for part in &parts {
            streams.push(self.log().stream(part.shard)?);
        }
        let parted = parts.iter().zip(&streams).map(|(part, stream)| AtomicPart {
            stream: stream.core(),
            append: Append::new(&values[part.places.clone()]),
        });
        let parted: Vec<_> = parted.collect();
        let appended = append_atomic(&parted);
        self.log().wal.context().attend();
        let shards = parts.iter().map(|part| part.shard);
        let committed: Vec<_> = shards
            .zip(appended.map_err(|refusal| refusal.error)?)
            .collect();
        self.note_appended(entries.len() as u64);
        put_in_input_order(&mut results, &parts, &places, &committed);
        Ok(results)
    }

    /// The places of the entries, sorted by shard, and which of them belong to which shard. Entries of one shard
    /// keep their order.
    fn by_shard(&self, entries: &[(&[u8], &[u8])]) -> Result<(Vec<usize>, Vec<ShardBatch>)> {
        let shards = memory::collected(entries.iter().map(|(key, _)| self.shard_of(key)))?;
        let mut places = memory::collected(0..entries.len())?;
        places.sort_unstable_by_key(|&place| (shards[place], place));
        let parts = parts_of(&places, &shards);
        Ok((places, parts))
    }

    /// [`ShardedWal::append_batch`] with borrowed entries.
    pub(crate) fn append_borrowed(&self, entries: &[(&[u8], &[u8])]) -> Result<Vec<(u16, u64)>> {
        self.log().wal.enter_to_write()?;
        let (places, parts) = self.by_shard(entries)?;
        // All memory is allocated before the first write: a batch that is appended must not fail
        // afterwards.
        let mut results = memory::collected(places.iter().map(|_| (0, 0)))?;
        let mut values = Vec::new();
        let largest = parts.iter().map(|part| part.places.len()).max();
        memory::reserve(&mut values, largest.unwrap_or(0))?;
        let mut written = Vec::with_capacity(parts.len());
        let mut failure = None;
        for part in &parts {
            values.clear();
            let places = places[part.places.clone()].iter();
            values.extend(places.map(|&place| entries[place].1));
            match self.log().write_part(part.shard, &values) {
                Ok(part) => written.push(part),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let (committed, failure) = self.log().make_parts_durable(written, failure);
        self.log().wal.context().attend();
        let count: u64 = committed.iter().map(|(_, ids)| ids.end - ids.start).sum();
        if count > 0 {
            self.note_appended(count);
        }
        match failure {
            Some(cause) => Err(incomplete(&parts, committed, cause)),
            None => {
                put_in_input_order(&mut results, &parts, &places, &committed);
                Ok(results)
            }
        }
    }
}

impl ShardedInner {
    fn write_part(&self, shard: u16, values: &[&[u8]]) -> Result<Written> {
        let core = self.stream(shard)?.core();
        let appended = core.write_batch(values)?;
        let core = Arc::clone(core);
        Ok(Written {
            shard,
            core,
            appended,
        })
    }

    /// Returns the parts that are as durable as their shards' sync modes promise, and the first failure.
    fn make_parts_durable(
        &self,
        written: Vec<Written>,
        mut failure: Option<Error>,
    ) -> (Vec<(u16, Range<u64>)>, Option<Error>) {
        let all: Vec<(u16, Range<u64>)> = written
            .iter()
            .map(|part| (part.shard, part.appended.ids.clone()))
            .collect();
        // The shards whose appends wait: the others are synced in the background.
        let waited = written.iter().filter(|part| part.waits());
        let cores: Vec<_> = waited.map(|part| Arc::clone(&part.core)).collect();
        if cores.is_empty() {
            return (all, failure);
        }
        // One record makes them durable, where the log has its commits there; it leaves those that it did not.
        StreamInner::sync_together(&cores);
        let durable = self.for_each_shard(written, |part: Written| match part.waits() {
            true => part.core.acknowledge_batch(&part.appended),
            false => Ok(()),
        });
        let mut committed = Vec::with_capacity(all.len());
        for (part, durable) in all.into_iter().zip(durable) {
            match durable {
                Ok(()) => committed.push(part),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        (committed, failure)
    }
}

fn parts_of(places: &[usize], shards: &[u16]) -> Vec<ShardBatch> {
    let mut parts: Vec<ShardBatch> = Vec::new();
    for (at, place) in places.iter().enumerate() {
        match parts.last_mut() {
            Some(part) if part.shard == shards[*place] => part.places.end = at + 1,
            _ => parts.push(ShardBatch {
                shard: shards[*place],
                places: at..at + 1,
            }),
        }
    }
    parts
}

fn put_in_input_order(
    results: &mut [(u16, u64)],
    parts: &[ShardBatch],
    places: &[usize],
    committed: &[(u16, Range<u64>)],
) {
    for (part, (shard, ids)) in parts.iter().zip(committed) {
        for (place, id) in places[part.places.clone()].iter().zip(ids.clone()) {
            results[*place] = (*shard, id);
        }
    }
}

fn incomplete(parts: &[ShardBatch], committed: Vec<(u16, Range<u64>)>, cause: Error) -> Error {
    if committed.is_empty() {
        return cause;
    }
    let is_committed = |shard: u16| committed.iter().any(|(other, _)| *other == shard);
    let failed = parts.iter().map(|part| part.shard);
    Error::BatchIncomplete {
        failed: failed.filter(|shard| !is_committed(*shard)).collect(),
        committed,
        cause: Arc::new(cause),
    }
}
