//! How does a stream end: closed, or deleted?
//!
//! **Close.** Appends that have ids finish; later ones are refused. One last round makes everything
//! durable. Then both slots get the final frontier, one after the other with a sync between, and
//! the file is cut to its exact length, so that the same calls leave the same bytes. A crash
//! anywhere in this leaves what a crash after the last round leaves: nothing to cut but zeros.
//!
//! **Delete.** The log's number of incarnations grows, durably. The directory is renamed and the root
//! synced: that is the commit point. Then the files go; what a crash leaves of them is removed at open.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::DELETED_SUFFIX;
use crate::format::INDEX_FILE;
use crate::format::IndexFile;
use crate::format::IndexPoint;
use crate::format::IndexedSegment;
use crate::format::is_own_file_name;
use crate::primitives::atomic::Ordering;
use crate::segment::SegmentEnd;
use crate::segment::store_slot;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::remove_file_if_there;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::lifecycle::linked_dir::remove_deleted_link;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::StreamState;

impl StreamInner {
    /// Ends the stream's use: durable, cut to its exact length, files closed. Idempotent. A stream
    /// that is poisoned, or whose root is detached, is left as it is, for recovery, and tells so.
    pub fn close(&self) -> Result<()> {
        if !self.stop_appends(StreamState::Closed) {
            return Ok(());
        }
        let mut alloc = self.alloc.lock();
        self.unmap();
        let closed = self.group_commit.exclusive(|| {
            self.context.refuse_detached()?;
            self.check_poisoned()?;
            let unsealed = self.tail.lock().has_unsealed();
            if unsealed || self.written_end() > self.group_commit.committed() {
                let reached = self.round().map_err(|error| error.duplicate())?;
                self.group_commit.advance(reached);
            }
            self.truncate_to_exact_len()
        });
        self.group_commit.close();
        let has_spare = std::mem::take(&mut alloc.spare) != NextSegmentFile::Absent;
        if has_spare && self.context.refuse_detached().is_ok() {
            self.remove_next_file();
        }
        self.close_files();
        closed
    }

    /// Refuses appends from now on and waits for those that have ids, and for the next segment's
    /// file if that is being made. False: they were refused
    /// already.
    fn stop_appends(&self, life: StreamState) -> bool {
        let mut tail = self.tail.lock();
        if tail.life != StreamState::Open {
            return false;
        }
        tail.life = life;
        self.deleted
            .store(life == StreamState::Deleted, Ordering::Release);
        self.tail_changed.notify_all();
        loop {
            if tail.writing || tail.rotating || tail.next_file_in_progress {
                self.tail_changed.wait(&mut tail);
            } else if tail.staged_len() > 0 && !self.is_poisoned() {
                self.write_staged(&mut tail);
            } else {
                return true;
            }
        }
    }

    fn truncate_to_exact_len(&self) -> Result<()> {
        // Otherwise left as after a crash: the next open seals.
        self.round_state.lock().check_sealed()?;
        let (newest, end, allocated_end) = {
            let tail = self.tail.lock();
            let active = tail.active.clone().map(|active| (active, tail.written));
            match (active, tail.last_unsealed().cloned()) {
                (Some((active, end)), full) if end.last_frame.is_none() && !active.stays_empty => {
                    drop(tail);
                    return self.remove_empty(&active, full);
                }
                (Some((active, end)), _) => (active, end, tail.allocated_end),
                (None, _) => return Ok(()),
            }
        };
        let stored = self.round_state.lock().stored;
        if !stored && allocated_end == end.offset {
            return Ok(());
        }
        self.finalize_file(&newest, &end)?;
        let index = newest.segment.index();
        let index = index.read();
        // Only when none is missing: a footer made from them later must not depend on what was
        // read meanwhile.
        let points = if index.gap().is_none() {
            index.points().to_vec()
        } else {
            Vec::new()
        };
        drop(index);
        self.write_index_file(&points);
        Ok(())
    }

    /// A segment that was made for an append that then failed holds nothing: the one before it,
    /// if there is one, is the newest again.
    fn remove_empty(
        &self,
        empty: &Arc<StreamSegment>,
        full: Option<(Arc<StreamSegment>, SegmentEnd)>,
    ) -> Result<()> {
        self.context.write_files.forget(&empty.write_slot);
        self.context.read_files.forget(&empty.read_slot);
        let storage = &self.context.storage;
        let io = |error| Error::io(error, empty.segment.context());
        storage.remove_file(&empty.segment.path()).map_err(io)?;
        storage.sync_dir(&self.dir).map_err(io)?;
        match full {
            Some((full, end)) => self.finalize_file(&full, &end),
            None => Ok(()),
        }
    }

    fn finalize_file(&self, part: &Arc<StreamSegment>, end: &SegmentEnd) -> Result<()> {
        let mut state = self.round_state.lock();
        let io = |error| Error::io(error, part.segment.context());
        let (file, _) = self.write_file(part)?;
        let slot = self.slot_for(end);
        // The slot stored last is made durable by this sync, before the other one is touched.
        file.set_len(end.offset.0).map_err(io)?;
        file.sync_all().map_err(io)?;
        store_slot(&*file, part.segment.seed, state.next_slot, &slot).map_err(io)?;
        file.sync_data().map_err(io)?;
        // The last round stored it already, and the first of these syncs made it durable, mostly.
        if !state.stored || state.frontier.as_deref() != Some(&slot) {
            store_slot(&*file, part.segment.seed, state.next_slot ^ 1, &slot).map_err(io)?;
            file.sync_data().map_err(io)?;
            state.note_frontier(slot);
        }
        Ok(())
    }

    fn close_files(&self) {
        let segments = self.segments();
        let used = segments.parts.iter();
        for part in used.filter(|part| !part.write_slot.is_untouched()) {
            self.context.write_files.forget(&part.write_slot);
        }
    }

    /// Writes down which segments there are. Derived: nothing depends on it, so a failure is only
    /// told, and the file is not synced.
    pub fn write_index_file(&self, active_points: &[IndexPoint]) {
        let segments = self.segments();
        let segments = segments.parts.iter().map(|part| {
            let (end, end_id) = part.segment.limit();
            IndexedSegment {
                first_id: part.segment.first_id(),
                end_id,
                frames_end: end.0,
                sealed: part.segment.is_sealed(),
            }
        });
        let index = IndexFile {
            key: self.key.to_string(),
            segments: segments.collect(),
            active_points: active_points.to_vec(),
        };
        let bytes = index.encode();
        let path = self.dir.join(INDEX_FILE);
        if let Err(error) = replace_content(&*self.context.storage, &path, &bytes) {
            let message = format!("{} not written: {error}", path.display());
            self.context.note(log::Level::Debug, message);
        }
    }

    /// Deletes the stream. Durable on return. Handles of it answer `StreamNotFound` from now on.
    pub fn delete(&self) -> Result<()> {
        if !self.stop_appends(StreamState::Deleted) {
            return Err(Error::Closed);
        }
        let mut alloc = self.alloc.lock();
        let mut not_removed = None;
        let deleted = self.group_commit.exclusive(|| {
            if !self.is_poisoned() {
                // Those who wait for this are told so; whether it succeeds is theirs to know.
                if let Ok(reached) = self.round() {
                    self.group_commit.advance(reached);
                }
            }
            let renamed = rename_to_tombstone(&self.context, &self.dir, &mut not_removed);
            renamed.map_err(|error| self.resume_if_still_present(error))
        });
        let target = match deleted {
            Err((error, true)) => return Err(error),
            deleted => deleted.map_err(|(error, _)| error),
        };
        self.unmap();
        self.group_commit.close();
        alloc.spare = NextSegmentFile::Absent;
        alloc.leftovers.take();
        let before = std::mem::replace(
            &mut *self.segments.write(),
            Arc::new(SegmentList::default()),
        );
        for part in before.parts.iter() {
            self.context.write_files.forget(&part.write_slot);
            self.context.read_files.forget(&part.read_slot);
        }
        self.forget_blocks();
        self.tail_changed.notify_all();
        // Where this fails the stream is gone here, and may be back after a crash: whole, because
        // its files are still there. It must not go on under the name of what open removes.
        let target = target?;
        sync_root(&*self.context.storage, &self.context.root)?;
        let removed = remove_tombstone(&self.context, &target);
        not_removed.map_or(removed, Err)
    }

    /// After a renaming that failed: whether the stream goes on. It may have happened all the same;
    /// what is appended then would be removed with the rest by the next open.
    fn resume_if_still_present(&self, error: Error) -> (Error, bool) {
        let goes_on = match self.context.storage.kind(&self.dir) {
            Ok(kind) => kind.is_some(),
            Err(_) => {
                // Not known: nothing may be appended until the log is opened anew.
                self.poison(Arc::new(error.duplicate()));
                true
            }
        };
        if goes_on {
            let mut tail = self.tail.lock();
            tail.life = StreamState::Open;
            self.deleted.store(false, Ordering::Release);
        }
        (error, goes_on)
    }
}

fn replace_content(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let exists = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AlreadyExists;
    let mut created = storage.create_file(path);
    // Never written through: what a link leads to is not ours.
    if created.as_ref().is_err_and(exists) && storage.is_link(path)? {
        storage.remove_file(path)?;
        created = storage.create_file(path);
    }
    let file = match created {
        Err(error) if exists(&error) => storage.open_file(path, Access::ReadWrite)?,
        created => return created?.write_at(0, &[std::io::IoSlice::new(bytes)]),
    };
    file.write_at(0, &[std::io::IoSlice::new(bytes)])?;
    file.set_len(bytes.len() as u64)
}

/// Where a stream's directory goes when it is deleted. The first name but those taken by what
/// strangers put into streams deleted before.
fn deleted_name(dir: &Path, taken: u32) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(DELETED_SUFFIX);
    if taken > 0 {
        name.push(format!(".{taken}"));
    }
    dir.with_file_name(name)
}

/// Renames a stream's directory so that it is no stream any more; not durable yet. Why remains of an
/// earlier deletion could not be removed is told in `not_removed`: they keep no other stream.
fn rename_to_tombstone(
    context: &LogContext,
    dir: &Path,
    not_removed: &mut Option<Error>,
) -> Result<PathBuf> {
    let (storage, root) = (&*context.storage, &context.root);
    let io = |error| Error::io(error, ErrorContext::at(dir));
    let mut taken = 0;
    let mut target = deleted_name(dir, taken);
    while storage.kind(&target).map_err(io)?.is_some() {
        // Left by a deletion that failed half-way, perhaps before it was durable.
        sync_root(storage, root)?;
        if let Err(error) = remove_what_is_ours(context, &target) {
            not_removed.get_or_insert(error);
        }
        if storage.kind(&target).map_err(io)?.is_some() {
            taken += 1;
            target = deleted_name(dir, taken);
        }
    }
    if storage.kind(dir).map_err(io)?.is_some() {
        // What is begun later under the key is told from what is deleted.
        context.identity.begin_next(context)?;
        storage.rename(dir, &target).map_err(io)?;
    }
    Ok(target)
}

/// Removes what deletions of the stream that had this directory could not remove.
pub fn remove_remains(context: &LogContext, dir: &Path) -> Result<()> {
    let mut first_failure = None;
    for taken in 0.. {
        let target = deleted_name(dir, taken);
        let kind = context.storage.kind(&target);
        let kind = kind.map_err(|error| Error::io(error, ErrorContext::at(&target)))?;
        if kind.is_some() {
            first_failure = first_failure.or(remove_what_is_ours(context, &target).err());
        } else if taken > 0 {
            break;
        }
    }
    first_failure.map_or(Ok(()), Err)
}

/// The same as [`remove_tombstone`], but that a link to what is not provably ours is no failure: it
/// stays, and the next name will do.
fn remove_what_is_ours(context: &LogContext, target: &Path) -> Result<()> {
    match remove_tombstone(context, target) {
        Err(error @ (Error::InvalidFilename(_) | Error::Locked(_))) => {
            let message = format!("remains of a deleted stream not removed: {error}");
            context.note(log::Level::Warn, message);
            Ok(())
        }
        removed => removed,
    }
}

fn sync_root(storage: &dyn Storage, root: &Path) -> Result<()> {
    let synced = storage.sync_dir(root);
    synced.map_err(|error| Error::io(error, ErrorContext::at(root)))
}

/// Removes what a deletion left: the directory under its new name, with everything of ours in it.
/// What a stranger put there stays, and the directory with it: that is no failure, nor is what is
/// gone already. All files are tried; reports the first failure. Open, and the next deletion of that
/// name, try again. Of a link, what `linked` says.
pub fn remove_tombstone(context: &LogContext, target: &Path) -> Result<()> {
    let storage = &*context.storage;
    let io = |error| Error::io(error, ErrorContext::at(target));
    if storage.is_link(target).map_err(io)? {
        return remove_deleted_link(context, target);
    }
    if storage.kind(target).map_err(io)? != Some(EntryKind::Directory) {
        return Ok(());
    }
    let mut only_ours = true;
    let mut first_failure = None;
    for entry in storage.list_dir(target).map_err(io)? {
        if entry.kind != EntryKind::Directory && is_own_file_name(&entry.name) {
            let path = target.join(&entry.name);
            if let Err(error) = remove_file_if_there(storage, &path) {
                first_failure.get_or_insert(Error::io(error, ErrorContext::at(&path)));
            }
        } else {
            only_ours = false;
        }
    }
    match (first_failure, only_ours) {
        (Some(error), _) => Err(error),
        (None, true) => match storage.remove_dir(target) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(io),
        },
        (None, false) => Ok(()),
    }
}
