//! Which calls does a handle of a stream have?

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::append::Append;
use crate::append::Appended;
use crate::append::Mark;
use crate::error::Error;
use crate::error::Result;
#[cfg(unix)]
use crate::notification::Event;
use crate::notification::Ticket;
use crate::notification::View;
use crate::options::SyncMode;
use crate::stream::EntryView;
use crate::stream::StreamInner;
use crate::wal::Durable;
#[cfg(unix)]
use crate::wal::Events;
use crate::wal::WalIdIterator;
use crate::wal::WalIterator;
use crate::wal::registry::WalInner;

/// A handle of one stream, without the look-up by key: for hot paths.
///
/// Cheap to clone, usable from any number of threads at once. Counts as a clone of the `Wal`: the
/// log stays open while it lives. Once the stream is deleted, every call returns
/// [`Error::StreamNotFound`]; a stream created later under the same key needs a new handle.
#[derive(Clone)]
pub struct Stream {
    log: Arc<WalInner>,
    core: Arc<StreamInner>,
}

impl Stream {
    pub(super) fn new(log: Arc<WalInner>, core: Arc<StreamInner>) -> Self {
        Stream { log, core }
    }

    #[inline]
    fn enter(&self) -> Result<&StreamInner> {
        self.log.enter()?;
        Ok(&self.core)
    }

    #[inline(always)]
    pub(super) fn enter_existing(&self) -> Result<&StreamInner> {
        let core = self.enter()?;
        match core.is_deleted() {
            true => Err(self.not_found()),
            false => Ok(core),
        }
    }

    #[cold]
    fn not_found(&self) -> Error {
        Error::StreamNotFound(self.core.key.to_string())
    }

    fn enter_to_change(&self) -> Result<&StreamInner> {
        self.log.enter_to_write()?;
        self.enter_existing()
    }

    /// As `enter_existing`; a read-only stream is refreshed first.
    fn enter_current(&self) -> Result<&StreamInner> {
        let core = self.enter_existing()?;
        self.log.delivering(|| core.refresh())?;
        self.enter_existing()
    }

    /// Appends, then does the work that the append has scheduled without a thread to do it.
    #[inline]
    pub(super) fn appending<R>(&self, append: impl FnOnce(&StreamInner) -> Result<R>) -> Result<R> {
        // By arms: as a whole the result would be moved through memory, which costs a fifth of an
        // append.
        match append(self.enter()?) {
            Ok(done) => {
                self.log.context.attend();
                Ok(done)
            }
            Err(error) => {
                self.log.context.attend();
                Err(error)
            }
        }
    }

    /// Reads. If the stream is deleted meanwhile, a failure becomes `StreamNotFound`.
    #[inline]
    pub(super) fn reading<R>(&self, read: impl FnOnce(&StreamInner) -> Result<R>) -> Result<R> {
        // By arms, as in `appending`.
        match read(self.enter_existing()?) {
            Ok(done) => {
                self.log.context.deliver();
                Ok(done)
            }
            Err(error) => {
                self.log.context.deliver();
                Err(self.failure_of(error))
            }
        }
    }

    #[cold]
    fn failure_of(&self, error: Error) -> Error {
        self.enter_existing().err().unwrap_or(error)
    }

    /// The stream behind the handle, to begin reading: a read-only one is refreshed first.
    pub(super) fn current_core(&self) -> Result<Arc<StreamInner>> {
        self.enter_current()?;
        Ok(Arc::clone(&self.core))
    }

    /// The log that the handle belongs to.
    pub(super) fn log(&self) -> &WalInner {
        &self.log
    }

    /// The stream behind the handle.
    pub(crate) fn core(&self) -> &Arc<StreamInner> {
        &self.core
    }

    /// The stream's key.
    pub fn key(&self) -> &str {
        &self.core.key
    }

    /// Which appends to the stream are durable when they return: what the options say for its key
    /// ([`WalOptions::for_streams`](crate::WalOptions::for_streams)). The same as long as the log is open.
    pub fn sync_mode(&self) -> SyncMode {
        self.core.settings.sync_mode
    }

    /// Appends one entry (possibly empty) and returns its id. Durable on return under `Strict`.
    pub fn append(&self, entry: &[u8]) -> Result<u64> {
        self.append_vectored(&[entry])
    }

    /// Appends one entry gathered from several parts. Durable on return under `Strict`.
    pub fn append_vectored(&self, parts: &[&[u8]]) -> Result<u64> {
        self.appending(|core| core.append(parts, core.settings.waits_for_single()))
    }

    /// Appends entries as one frame and returns their ids: after any crash all are there or none.
    /// Durable on return under `Strict` and `BatchOnly`. Empty: the next id twice.
    pub fn append_batch(&self, entries: &[&[u8]]) -> Result<Range<u64>> {
        self.appending(|core| core.append_batch(entries, core.settings.waits_for_batches()))
    }

    /// As `append`, if the entry gets the id `expected_id`; otherwise nothing is appended, and the
    /// result is [`Error::SequenceMismatch`] with the id that it would have got. Several threads may
    /// try the same id: exactly one of them succeeds. Costs what `append` costs.
    ///
    /// The error may be out of date when the caller reads it: another append follows, or one in front
    /// fails and its ids are free again.
    pub fn append_at(&self, expected_id: u64, entry: &[u8]) -> Result<u64> {
        self.appending(|core| {
            core.append_at(
                Some(expected_id),
                &[entry],
                core.settings.waits_for_single(),
            )
        })
    }

    /// As `append_batch`, if the first entry gets the id `expected_id`; see [`Stream::append_at`].
    /// Empty: the next id twice, if that is the expected one.
    pub fn append_batch_at(&self, expected_id: u64, entries: &[&[u8]]) -> Result<Range<u64>> {
        self.appending(|core| {
            core.append_batch_at(
                Some(expected_id),
                entries,
                core.settings.waits_for_batches(),
            )
        })
    }

    /// Appends as asked: at an expected id, as durable as this call needs, and with the mark of the
    /// place behind it. All of it is one frame: after any crash all is there or nothing.
    ///
    /// Without entries and properties nothing is written. Without entries the ids are the next one
    /// twice; an expected id is compared all the same. With nothing to write, asked to be [`Durable`](crate::Durability::Durable), the call then
    /// makes durable what was appended before.
    ///
    /// Errors: those of `append`; `SequenceMismatch`; for properties those of
    /// [`Stream::set_properties`].
    pub fn append_with(&self, append: &Append<'_>) -> Result<Appended> {
        self.appending(|core| core.append_with(append))
    }

    /// Replaces the ids from `from_id` on: after any crash the stream is the old one or the new one,
    /// each whole. The entries get the ids from `from_id` on. Durable on return in every mode,
    /// whatever `append.durability` says, and so is all that was appended before. Returns their ids.
    ///
    /// What was appended before the call is subject to it; appends meanwhile wait, and get ids behind
    /// the entries. `from_id` may lie inside a batch, and may be the next id: then it is an append.
    /// Properties are no part of a suffix: all stay, and `append.properties` changes them in this step.
    /// From the first kept id on, all entries are replaced ([`Stream::reset`]). Views keep their
    /// bytes. An iterator that has returned an id that is cut ends with [`Error::SuffixCut`]; any
    /// other goes on.
    ///
    /// Errors: [`Error::SequenceMismatch`] where `from_id` lies behind the next id or below the first
    /// kept one, or `append.expected_id` is another id; what reading the entry before `from_id`
    /// returns, if that is damaged or lost; `Config` below the offset of a live checkpoint of a
    /// sharded log; for `append.properties` those of [`Stream::set_properties`]; `TooLarge`;
    /// `Poisoned`, `Closed`, `StreamNotFound`, `ReadOnly`. After these nothing has changed. After `Io` the stream is the old one, and goes on, unless it
    /// is poisoned: then either stream may be there once the log is opened again.
    pub fn replace_suffix(&self, from_id: u64, append: &Append<'_>) -> Result<Appended> {
        self.appending(|core| core.replace_suffix(from_id, append))
    }

    /// Removes the ids from `from_id` on, and returns how many there were. The next append gets
    /// `from_id`. Otherwise as [`Stream::replace_suffix`] without entries.
    pub fn truncate_suffix(&self, from_id: u64) -> Result<u64> {
        self.appending(|core| core.truncate_suffix(from_id))
    }

    /// Removes all entries, and appends these from `next_id` on, which is the first kept id then and
    /// may be any. One step, durable on return, as [`Stream::replace_suffix`]. Works on a stream that
    /// does not exist, which it begins, and on one whose entries are damaged or lost. Nothing that it
    /// removes is archived.
    ///
    /// Errors: as of [`Stream::replace_suffix`]; `Config` while a sharded log has a live checkpoint.
    pub fn reset(&self, next_id: u64, append: &Append<'_>) -> Result<Appended> {
        self.appending(|core| core.reset(next_id, append))
    }

    /// Removes all entries; the next append gets `next_id`. See [`Stream::reset`].
    pub fn reset_to(&self, next_id: u64) -> Result<()> {
        self.reset(next_id, &Append::default()).map(drop)
    }

    /// Hides the ids below `first_id`, exactly, and removes the segments that hold no other id, as
    /// [`Wal::truncate`](crate::Wal::truncate) does: `first_id` is the first kept id from now on.
    /// Durable on return. Returns the number of segments. All entries may be hidden; ids continue.
    /// A segment that is hidden whole while it is the newest one goes later, at the latest when the log
    /// is opened, and to no archive: where the archive must be whole, truncate by segments.
    ///
    /// Errors: as of [`Wal::truncate`](crate::Wal::truncate); [`Error::SequenceMismatch`] if
    /// `first_id` lies behind the next id. At or below the first kept id nothing is done.
    pub fn truncate_prefix(&self, first_id: u64) -> Result<usize> {
        let core = self.enter_existing()?;
        self.log.delivering(|| core.truncate_prefix(first_id))
    }

    /// The mark behind everything appended so far: once it is durable ([`Stream::is_durable`]), all
    /// of that is. Appends that have not returned are not part of it.
    ///
    /// Errors: `ReadOnly` in a log that is open read-only; `Closed`; `StreamNotFound`.
    pub fn mark(&self) -> Result<Mark> {
        self.enter_existing()?.mark()
    }

    /// Whether everything in front of the mark is durable: the append that returned it, and all
    /// before. Neither waits nor syncs. Once true it stays true.
    ///
    /// Errors: `Config` for a mark of another stream, or of an earlier opening of the log. If the
    /// mark is not durable and cannot become so: `Poisoned` or `Detached`. `Closed`;
    /// `StreamNotFound`.
    pub fn is_durable(&self, mark: Mark) -> Result<bool> {
        self.enter_existing()?.is_durable(mark)
    }

    /// Has `callback` run once, when everything in front of the mark is durable, with `Ok`; or when
    /// it cannot become so, with the error: `Poisoned`, `Detached`, `Closed`, `StreamNotFound`.
    /// Returns at once, also where the mark is durable already. Asks for a sync, so that nothing else
    /// has to; only if the system cannot start the thread that syncs, this call does.
    ///
    /// `Ok` promises what a durable append promises: everything in front of the mark survives a power
    /// failure.
    ///
    /// Callbacks of one stream run one after the other, in the order of their marks as far as these
    /// are not durable when they are registered, on a thread of the library that holds no lock:
    /// `ironwal-sync` or `ironwal-notify`. A callback may append, read, register and cancel. It should
    /// return soon: the syncs of other streams may wait for it. It cannot close the log (`Config`).
    /// A panic is caught and logged. [`Wal::close`](crate::Wal::close) completes all callbacks after
    /// its last sync and before it returns. In a forked child none runs.
    ///
    /// Errors: nothing is registered, and the callback is dropped. `Config` for a mark of another
    /// stream or of an earlier opening; `Io` if the system cannot start the thread; `Closed`;
    /// `StreamNotFound`; `Forked`.
    pub fn on_durable(
        &self,
        mark: Mark,
        callback: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<Ticket> {
        let core = self.enter_existing()?;
        self.log
            .delivering(|| core.on_durable(mark, Box::new(callback)))
    }

    /// Cancels a callback. True: it has not run and will not. False: it has run and returned, except
    /// if this is called from within that very callback; or the ticket is of another stream. Waits for
    /// a callback that runs, so what it uses can be freed afterwards.
    pub fn cancel(&self, ticket: Ticket) -> bool {
        // None runs in a child, and a lock may be held by a thread that does not exist there.
        self.log.is_forked() || self.core.cancel(ticket)
    }

    /// A future that is ready once everything in front of the mark is durable, or cannot become so;
    /// the answers are those of [`Stream::on_durable`]. Its first poll asks for a sync. Dropping it
    /// cancels. It needs no particular executor: a thread of the library wakes the task.
    pub fn durable(&self, mark: Mark) -> Durable {
        Durable::new(self.clone(), mark)
    }

    /// A descriptor for `poll`, `epoll`, `kqueue` or an event loop: readable when the stream has grown
    /// since the last [`Events::drain`], or has ended. One descriptor serves any number of entries.
    /// It is not readable at first: drain it once to learn where the stream is.
    ///
    /// With [`Event::Durable`], what is appended while it lives is synced as soon as a helper is free,
    /// and appends that come during a sync share the next one: no thread has to wait.
    ///
    /// Errors: `Io`, if the process or the system has no descriptor left; `ReadOnly` in a log that
    /// is open read-only; `Closed`; `StreamNotFound`.
    #[cfg(unix)]
    pub fn events(&self, event: Event) -> Result<Events> {
        let core = self.enter_existing()?;
        if core.follower_is_polled() {
            return Err(Error::ReadOnly);
        }
        self.log.delivering(|| Events::open(self, event))
    }

    /// A copy of the entry. `None`: the id is below the first kept id, or not visible (yet). Damage
    /// is an error, never `None`.
    pub fn get(&self, id: u64) -> Result<Option<Vec<u8>>> {
        self.reading(|core| core.get(id))
    }

    /// Copies the entry to the start of `target` and returns its length. An entry longer than
    /// `target` is not copied, but its length is returned. `None` as for [`Stream::get`].
    pub fn get_into(&self, id: u64, target: &mut [u8]) -> Result<Option<usize>> {
        self.reading(|core| core.get_into(id, target))
    }

    /// The entry without a copy where that is possible: from the mapping under `ReadStrategy::Mmap`
    /// (sealed segments and the durable part of the newest one), and from cached decompressed
    /// frames. The view pins what it borrows while it lives.
    pub fn view(&self, id: u64) -> Result<Option<EntryView>> {
        self.reading(|core| core.view(id))
    }

    /// Entries in order, from `start` or the first kept id, whichever is later.
    pub fn iter(&self, start: u64) -> Result<WalIterator> {
        self.enter_current()?;
        Ok(WalIterator::new(Arc::clone(&self.core), start))
    }

    /// Entries in order, with their ids.
    pub fn iter_with_ids(&self, start: u64) -> Result<WalIdIterator> {
        self.enter_current()?;
        let core = Arc::clone(&self.core);
        Ok(WalIdIterator::new(core, start, View::ByMode))
    }

    /// Entries in order, with their ids, from `start` or the first kept id, whichever is later, as
    /// far as the view shows them. The iterator can wait for more: [`WalIdIterator::wait`].
    pub fn follow(&self, start: u64, view: View) -> Result<WalIdIterator> {
        self.enter_current()?;
        Ok(WalIdIterator::new(Arc::clone(&self.core), start, view))
    }

    /// The last visible entry and its id. `None`: nothing is kept, or nothing is visible yet. Damage to it
    /// is an error. Ids that were lost to damage behind it are passed over.
    pub fn last(&self) -> Result<Option<(u64, Vec<u8>)>> {
        self.reading(|core| core.last())
    }

    /// 16 bytes that two streams share if they have the same entries under `ids` (exclusive at the end),
    /// however these are framed, compressed and split into segments: SipHash-2-4-128 with the key 0, over
    /// the id and the length of each entry (`u64`, little-endian) and its bytes. For comparing
    /// replicas; not a defence against forgery.
    ///
    /// Reads and checks every entry. Only visible entries count. Errors: `SegmentNotFound` if an id is
    /// truncated, lost or not visible, with the ids in its context; damage as reading it; `Config` if
    /// the range runs backwards.
    pub fn digest(&self, ids: Range<u64>) -> Result<[u8; 16]> {
        self.enter_current()?;
        let core = Arc::clone(&self.core);
        self.reading(|_| core.digest(ids))
    }

    /// The first kept id.
    pub fn first_id(&self) -> Result<u64> {
        Ok(self.enter_current()?.first_id())
    }

    /// The id of the next append, unless another thread appends first.
    pub fn next_id(&self) -> Result<u64> {
        Ok(self.enter_current()?.next_id())
    }

    /// One past the last durable id: everything below it survives a power failure.
    pub fn durable_end(&self) -> Result<u64> {
        Ok(self.enter_current()?.durable_end())
    }

    /// The first id of the active segment; `None` before the first append.
    pub fn current_segment_start_id(&self) -> Result<Option<u64>> {
        Ok(self.enter_current()?.current_segment_start_id())
    }

    /// Removes the segments that lie entirely below `safe_id`, under the conditions of
    /// [`Wal::truncate`](crate::Wal::truncate). Durable on return, and so are all entries appended
    /// before. Returns the number of segments. Before the first append: `StreamNotFound`.
    pub fn truncate(&self, safe_id: u64) -> Result<usize> {
        let core = self.enter_to_change()?;
        match core.exists() {
            true => self.log.delivering(|| core.truncate(safe_id)),
            false => Err(self.not_found()),
        }
    }

    /// Restores the archived segments that directly precede the first kept id, under the conditions
    /// of [`Wal::restore_archived`](crate::Wal::restore_archived). Durable on return. Returns the
    /// number of segments.
    pub fn restore_archived(&self) -> Result<usize> {
        let core = self.enter_to_change()?;
        self.log.delivering(|| core.restore_archived())
    }

    /// Deletes the stream of this handle, never a later one of the same name. Durable on return, all
    /// or nothing after a crash. All handles of the stream then return [`Error::StreamNotFound`],
    /// also from this call. A later append by name starts a new stream at id 0. If a file cannot be
    /// removed, the stream is deleted, the first failure is returned, and
    /// [`Wal::delete_stream`](crate::Wal::delete_stream) tries again. `Poisoned` as there.
    pub fn delete(&self) -> Result<()> {
        self.log.enter_to_write()?;
        self.log.delete_stream(&self.core)
    }

    /// Makes everything appended so far durable.
    pub fn sync(&self) -> Result<()> {
        let core = self.enter_existing()?;
        self.log.syncing(|| core.sync())
    }

    /// Waits until entry `id`, which need not be appended yet, is durable; at most `timeout`, then
    /// [`Error::Timeout`]. A timeout of zero only checks. A helper does the sync. Only if the
    /// system cannot start a thread, the calling thread syncs, for as long as that takes.
    pub fn wait_durable(&self, id: u64, timeout: Duration) -> Result<()> {
        let core = self.enter_existing()?;
        self.log.delivering(|| core.wait_durable(id, timeout))
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}
