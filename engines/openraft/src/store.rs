//! How does a consensus log become a stream of ironwal? No type of an engine is used here.
//!
//! | consensus | ironwal |
//! |---|---|
//! | index of an entry | id of an entry |
//! | append, complete when on disk | `append_with` (expected id, `Written`), then `on_durable` |
//! | vote, committed, purged | properties `vote`, `committed`, `purged` |
//! | entries from an index on are replaced | `truncate_suffix`, then an append |
//! | entries up to an index are in a snapshot | below the end: property, then `truncate_prefix`; past it: `reset` with the property |
//!
//! All writes go to one stream, so they reach the disk in the order of the calls: no entry is
//! durable before the vote that was saved in front of it.
//!
//! Purging below the end takes two steps, and a crash may come between them:
//! 1. The property `purged` is written, not synced.
//! 2. `truncate_prefix` makes everything written so far durable, the property included, and only
//!    then hides entries. It is durable on return.
//!
//! A crash before 2 leaves the entries, and the old property or the new one. [`Store::finish_purge`],
//! called when the log is opened, repeats step 2 for the property found. No crash leaves entries
//! hidden without the property that explains it.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ironwal::Append;
use ironwal::BackgroundSync;
use ironwal::CorruptionPolicy;
use ironwal::Durability;
use ironwal::Error;
use ironwal::Mark;
use ironwal::Stream;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

use crate::codec::Run;
use crate::flushed::Flushed;

/// The latest vote, durable before it is acknowledged.
pub(crate) const VOTE: &[u8] = b"vote";
/// How far the log is committed, as far as this node has saved it.
pub(crate) const COMMITTED: &[u8] = b"committed";
/// The last entry that was purged.
pub(crate) const PURGED: &[u8] = b"purged";

/// The options of a log that consensus groups live in, at `path`.
///
/// Appends do not wait for the disk by themselves (`SyncMode::Async`): the store says for each write
/// what must be durable. A damaged log is not opened (`CorruptionPolicy::Error`): a node that lost
/// durable entries must not vote as if it had them. All other options may be changed.
pub fn options(path: impl Into<std::path::PathBuf>) -> WalOptions {
    WalOptions {
        sync_mode: SyncMode::Async,
        on_corruption: CorruptionPolicy::Error,
        background_sync: Some(BackgroundSync::default()),
        ..WalOptions::new(path)
    }
}

/// The log of one consensus group: a stream of a [`Wal`]. Clones are the same log.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    stream: Stream,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held during each write, so that writes of several steps are not mixed with others.
    writer: Mutex<()>,
    /// An append was seen to be readable when it returned.
    reads_written: AtomicBool,
}

impl Store {
    /// The log of the group `name`, which need not exist yet.
    pub(crate) fn open(wal: &Wal, name: &str) -> io::Result<Self> {
        let stream = wal.stream(name).map_err(to_io)?;
        Ok(Store {
            stream,
            shared: Arc::default(),
        })
    }

    /// The ids of the entries.
    pub(crate) fn ids(&self) -> io::Result<Range<u64>> {
        let first = self.stream.first_id().map_err(to_io)?;
        Ok(first..self.stream.next_id().map_err(to_io)?.max(first))
    }

    /// The value of a property, as it was written last.
    pub(crate) fn property(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.stream.property(key).map_err(to_io)
    }

    /// Writes a property; `None` removes it. In the kernel on return, durable with the mark.
    pub(crate) fn set_property(&self, key: &[u8], value: Option<&[u8]>) -> io::Result<Mark> {
        let _writer = self.lock();
        self.stream
            .set_properties(&[(key, value)], Durability::Written)
            .map_err(to_io)
    }

    /// Waits until everything up to the mark is durable, without blocking a thread.
    pub(crate) async fn durable(&self, mark: Mark) -> io::Result<()> {
        self.stream.durable(mark).await.map_err(to_io)
    }

    /// Appends entries, which must follow the last one; a log that is empty, and of which nothing was
    /// purged, may begin anywhere. Readable on return.
    ///
    /// `flushed` is completed once the entries are durable, by a thread of ironwal, or with the error
    /// that prevents it. An error that is returned has also been given to `flushed`.
    pub(crate) fn append<F>(&self, run: &Run, flushed: Flushed<F>) -> io::Result<()>
    where
        F: FnOnce(io::Result<()>) + Send + 'static,
    {
        match self.write(run.first, &run.entries()) {
            Ok(mark) => {
                let complete =
                    |result: ironwal::Result<()>| flushed.complete(result.map_err(to_io));
                let registered = self.stream.on_durable(mark, complete);
                registered.map(drop).map_err(to_io)
            }
            Err(error) => {
                flushed.complete(Err(io::Error::new(error.kind(), error.to_string())));
                Err(error)
            }
        }
    }

    /// Whether appending the run waits for the disk: it begins somewhere else than the log ends.
    pub(crate) fn append_blocks(&self, run: &Run) -> io::Result<bool> {
        Ok(self.ids()?.end != run.first)
    }

    /// The first two promises of [`Store::append`]. Durable with the mark.
    fn write(&self, first: u64, entries: &[&[u8]]) -> io::Result<Mark> {
        let _writer = self.lock();
        let append = Append {
            entries,
            expected_id: Some(first),
            durability: Durability::Written,
            ..Append::default()
        };
        let appended = match self.stream.append_with(&append) {
            Err(Error::SequenceMismatch { found, .. }) if self.may_begin_anywhere(found)? => {
                self.stream.reset(first, &append)
            }
            appended => appended,
        };
        let appended = appended.map_err(to_io)?;
        self.check_reads_written(appended.ids)?;
        Ok(appended.mark)
    }

    fn may_begin_anywhere(&self, next: u64) -> io::Result<bool> {
        let is_empty = self.stream.first_id().map_err(to_io)? == next;
        Ok(is_empty && self.property(PURGED)?.is_none())
    }

    /// Under another mode than `Async` an entry is not readable when its append returns, and the
    /// engine takes that for a hole. Checked with the first append.
    fn check_reads_written(&self, ids: Range<u64>) -> io::Result<()> {
        if ids.is_empty() || self.shared.reads_written.load(Ordering::Relaxed) {
            return Ok(());
        }
        let last = self.stream.get(ids.end - 1).map_err(to_io)?;
        if last.is_none() {
            let advice = "the log must be opened with SyncMode::Async; see options()";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, advice));
        }
        self.shared.reads_written.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Removes the entries from `from` on. Nothing if there are none. Durable on return.
    pub(crate) fn truncate_suffix(&self, from: u64) -> io::Result<()> {
        let _writer = self.lock();
        if from >= self.ids()?.end {
            return Ok(());
        }
        self.stream.truncate_suffix(from).map(drop).map_err(to_io)
    }

    /// Removes the entries up to `last`, which need not exist: the log then begins behind it.
    /// `purged` is what the property becomes, in front of or together with the removal. Durable on
    /// return.
    pub(crate) fn purge(&self, last: u64, purged: &[u8]) -> io::Result<()> {
        let _writer = self.lock();
        let first_kept = behind(last)?;
        let properties = [(PURGED, Some(purged))];
        let ids = self.ids()?;
        if first_kept > ids.end {
            let append = Append {
                properties: &properties,
                ..Append::default()
            };
            return self
                .stream
                .reset(first_kept, &append)
                .map(drop)
                .map_err(to_io);
        }
        let durability = match first_kept > ids.start {
            // Step 1: the truncation below makes it durable.
            true => Durability::Written,
            false => Durability::Durable,
        };
        self.stream
            .set_properties(&properties, durability)
            .map_err(to_io)?;
        self.truncate_prefix(first_kept, &ids)
    }

    /// Step 2 of a purge.
    fn truncate_prefix(&self, first_kept: u64, ids: &Range<u64>) -> io::Result<()> {
        if first_kept <= ids.start {
            return Ok(());
        }
        self.stream
            .truncate_prefix(first_kept)
            .map(drop)
            .map_err(to_io)
    }

    /// Repeats the second step of a purge that a crash interrupted. `last`: the index of the
    /// property found.
    pub(crate) fn finish_purge(&self, last: u64) -> io::Result<()> {
        let _writer = self.lock();
        let first_kept = behind(last)?;
        let ids = self.ids()?;
        if first_kept > ids.end {
            let what = format!("entries {ids:?} end before the purged entry {last}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        self.truncate_prefix(first_kept, &ids)
    }

    /// The entries of `range` that the log holds, decoded; they follow each other without a hole.
    /// Stops after `max_bytes`, but not before the first entry.
    ///
    /// If a purge or a cut comes in between, the range is read again: the entries returned were in
    /// the log together. Entries that a damaged file lost are an error.
    pub(crate) fn read<T>(
        &self,
        range: Range<u64>,
        max_bytes: usize,
        mut decode: impl FnMut(u64, &[u8]) -> io::Result<T>,
    ) -> io::Result<Vec<T>> {
        // Entries appended from now on are not part of the answer.
        let end = range.end.min(self.ids()?.end);
        loop {
            let first = range.start.max(self.ids()?.start);
            if first >= end {
                return Ok(Vec::new());
            }
            match self.read_once(first..end, max_bytes, &mut decode)? {
                Some(entries) => return Ok(entries),
                None => continue,
            }
        }
    }

    /// `None`: the log was cut or purged meanwhile.
    fn read_once<T>(
        &self,
        range: Range<u64>,
        max_bytes: usize,
        decode: &mut impl FnMut(u64, &[u8]) -> io::Result<T>,
    ) -> io::Result<Option<Vec<T>>> {
        let mut entries = Vec::new();
        let mut bytes_left = max_bytes;
        let mut iterator = self.stream.iter_with_ids(range.start).map_err(to_io)?;
        for expected in range {
            let (id, bytes) = match iterator.next_entry() {
                None => break,
                Some(Ok(entry)) => entry,
                Some(Err(Error::SuffixCut { .. })) => return Ok(None),
                Some(Err(_)) if self.is_purged(expected)? => return Ok(None),
                Some(Err(error)) => return Err(to_io(error)),
            };
            if id != expected {
                if self.is_purged(expected)? {
                    return Ok(None);
                }
                let what = format!("entry {expected} is missing in front of {id}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if bytes.len() > bytes_left && !entries.is_empty() {
                break;
            }
            bytes_left = bytes_left.saturating_sub(bytes.len());
            entries.push(decode(id, bytes)?);
        }
        Ok(Some(entries))
    }

    fn is_purged(&self, id: u64) -> io::Result<bool> {
        Ok(self.stream.first_id().map_err(to_io)? > id)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        // Guards no data: nothing is inconsistent after a panic.
        let writer = self.shared.writer.lock();
        writer.unwrap_or_else(PoisonError::into_inner)
    }
}

fn behind(last: u64) -> io::Result<u64> {
    let no_index = || io::Error::new(io::ErrorKind::InvalidInput, "no index is behind u64::MAX");
    last.checked_add(1).ok_or_else(no_index)
}

/// Keeps the kind of an I/O error, and the text with its advice of any.
pub(crate) fn to_io(error: Error) -> io::Error {
    let kind = match &error {
        Error::Io(cause) => cause.kind(),
        Error::Corruption(_) | Error::CrcMismatch { .. } => io::ErrorKind::InvalidData,
        Error::Config(_) | Error::SequenceMismatch { .. } | Error::TooLarge { .. } => {
            io::ErrorKind::InvalidInput
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
