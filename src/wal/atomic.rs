//! Which calls append over several streams, all of it or nothing?

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use crate::append::Append;
use crate::error::Error;
use crate::error::Result;
use crate::stream::AtomicPart;
use crate::stream::NotAppended;
use crate::stream::append_atomic;
use crate::wal::Stream;
use crate::wal::Wal;

impl Wal {
    /// Appends a part to each of several streams: after any crash all parts are there or none. Durable on return,
    /// in every mode; the durability of the parts does not count. Returns the ids of each part, in the order given.
    ///
    /// Each part is one frame, with entries, changes of properties, or both, and may expect an id. The parts get
    /// their ids at one moment: an append that returned before the call stands in front, one that began behind it
    /// follows. One sync, of the commit journal, which the log gets for it whatever
    /// [`commit_path`](crate::WalOptions::commit_path) says: so threads that append batches at the same time share
    /// syncs, also where the batches concern the same streams. All of a batch lies in one record: at most 256 KiB,
    /// with up to 6.2 KiB for each part, or a quarter of [`journal_size`](crate::WalOptions::journal_size) where that
    /// is less.
    ///
    /// Errors, after which nothing is appended: `SequenceMismatch` where a part does not get the id that it expects;
    /// `TooLarge`, with the limit; `Config` where a stream comes twice, belongs to another log, or is a shard of a
    /// sharded log ([`ShardedWal::append_batch_atomic`](crate::ShardedWal::append_batch_atomic)), and where a part is
    /// empty; `StreamNotFound`, `Poisoned`, `Closed`, `ReadOnly`, `Detached`; `Io` where the journal cannot be
    /// written. If it is unknown what the disk did then, all the streams are poisoned, and once the log is opened
    /// again, all parts are there or none.
    pub fn append_atomic(&self, parts: &[(&Stream, Append<'_>)]) -> Result<Vec<Range<u64>>> {
        let appended = self.append_atomic_or_part(parts);
        appended.map_err(|refusal| refusal.error)
    }

    /// The same. An error comes with the part that it concerns.
    pub(crate) fn append_atomic_or_part(
        &self,
        parts: &[(&Stream, Append<'_>)],
    ) -> std::result::Result<Vec<Range<u64>>, NotAppended> {
        self.log.enter_to_write()?;
        let mut streams = HashSet::with_capacity(parts.len());
        let mut checked = Vec::with_capacity(parts.len());
        for (at, (stream, append)) in parts.iter().enumerate() {
            let (core, key) = (stream.core(), stream.key());
            if !std::ptr::eq(stream.log(), &*self.log) {
                return refuse(at, key, "belongs to another log");
            }
            if self.log.context.has_checkpoint_owner() && is_shard(key) {
                return refuse(
                    at,
                    key,
                    "is a shard: use append_batch_atomic of the sharded log",
                );
            }
            if !streams.insert(Arc::as_ptr(core)) {
                return refuse(at, key, "comes twice: put its entries into one part");
            }
            checked.push(AtomicPart {
                stream: core,
                append: *append,
            });
        }
        let appended = append_atomic(&checked);
        self.log.context.attend();
        appended
    }

    /// A batch over several streams, which is collected part by part: see [`Wal::append_atomic`].
    pub fn batch<'a>(&'a self) -> AtomicBatch<'a> {
        AtomicBatch {
            wal: self,
            parts: Vec::new(),
        }
    }
}

fn refuse<T>(part: usize, key: &str, what: &str) -> std::result::Result<T, NotAppended> {
    Err(NotAppended {
        error: Error::Config(format!(
            "nothing of the batch is appended: stream {key:?} {what}"
        )),
        part: Some(part),
    })
}

fn is_shard(key: &str) -> bool {
    let number = key.strip_prefix("shard_");
    number.is_some_and(|number| number.len() >= 2 && number.parse::<u16>().is_ok())
}

/// A batch over several streams. Nothing happens before [`AtomicBatch::commit`].
///
/// ```
/// use ironwal::{Append, Wal, WalOptions};
///
/// # let place = tempfile::tempdir()?;
/// let wal = Wal::new(WalOptions::new(place.path().join("log")))?;
/// let (from, to) = (wal.stream("alice")?, wal.stream("bob")?);
/// let ids = wal
///     .batch()
///     .add(&from, Append::new(&[b"-30"]))
///     .add(&to, Append::new(&[b"+30"]))
///     .commit()?;
/// assert_eq!(ids, [0..1, 0..1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is appended before it is committed"]
pub struct AtomicBatch<'a> {
    wal: &'a Wal,
    parts: Vec<(&'a Stream, Append<'a>)>,
}

impl<'a> AtomicBatch<'a> {
    /// Adds a part.
    pub fn add(mut self, stream: &'a Stream, append: Append<'a>) -> Self {
        self.parts.push((stream, append));
        self
    }

    /// Appends all parts or none: see [`Wal::append_atomic`].
    pub fn commit(self) -> Result<Vec<Range<u64>>> {
        self.wal.append_atomic(&self.parts)
    }
}

impl std::fmt::Debug for AtomicBatch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let streams = self.parts.iter().map(|(stream, _)| stream.key());
        f.debug_struct("AtomicBatch")
            .field("streams", &streams.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
