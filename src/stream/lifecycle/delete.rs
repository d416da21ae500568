//! How a stream is deleted, and how what a crash leaves of a deletion is removed.
//!
//! 1. The stream is durable in place, and the commit journal, if it holds ranges of the stream, records durably
//!    that they do not count: the same stream. Where the journal alone holds something of it, the deletion is
//!    refused: the record would take that away, and the deletion may fail behind it. Then the log's number of
//!    incarnations grows, durably: nothing else changed;
//! 2. the directory is renamed and the root is synced: **the commit point**;
//! 3. the files are removed; open, and the next deletion of that key, remove what a crash leaves.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::DELETED_SUFFIX;
use crate::format::JournalItem;
use crate::format::JournalItemKind;
use crate::format::is_own_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::platform::sleep;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::remove_file_if_there;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::lifecycle::linked_dir::remove_deleted_link;
use crate::stream::segment_list::SegmentList;
use crate::stream::state::StreamState;
use crate::stream::writer::rotate::NextSegmentFile;

/// How often a renaming is tried where files in the directory are in use, and the time in between.
const MAX_RENAME_ATTEMPTS: u32 = 50;
const PAUSE_OF_RENAMING: Duration = Duration::from_millis(2);

impl StreamInner {
    /// Deletes the stream. Durable on return. Handles of it answer `StreamNotFound` from now on.
    pub fn delete(&self) -> Result<()> {
        let _removals = self.context.removals.read();
        // Waits for streams, so it is done before this one is led.
        let journal = self.context.journal();
        if let Some(error) = journal.and_then(|journal| journal.make_room_for_void(self.opening)) {
            self.context.note_retired_journal(&error);
        }
        if !self.stop_appends(StreamState::Deleted) {
            return Err(Error::Closed);
        }
        let mut alloc = self.alloc.lock();
        let mut not_removed = None;
        let deleted = self.group_commit.exclusive(|| {
            if !self.is_poisoned() {
                // Best effort: the round itself reports a failure to its waiters.
                let _ = self.make_written_durable();
            }
            let void = self
                .check_all_in_files()
                .and_then(|()| self.make_void_in_journal(alloc.incarnation));
            self.context.begin_rename();
            let renamed = void.and_then(|()| self.rename_to_tombstone(&mut not_removed));
            renamed.map_err(|error| self.resume_if_still_present(error))
        });
        let target = match deleted {
            Err((error, true)) => {
                self.context.end_rename();
                return Err(error);
            }
            deleted => deleted.map_err(|(error, _)| error),
        };
        self.unmap();
        self.group_commit.close();
        alloc.spare = NextSegmentFile::Absent;
        alloc.leftovers = None;
        let before = std::mem::replace(
            &mut *self.segments.write(),
            Arc::new(SegmentList::default()),
        );
        self.close_files_of(&before);
        self.forget_blocks();
        self.tail_changed.notify_all();
        // Where this fails the stream is gone here, and may be back after a crash: whole, because
        // its files are still there. It must not go on under the name of what open removes.
        let target = target?;
        sync_root(&*self.context.storage, &self.context.root)?;
        self.context.end_rename();
        let removed = remove_tombstone(&self.context, &target);
        not_removed.map_or(removed, Err)
    }

    /// Refuses where the commit journal alone holds something of the stream, which is poisoned then.
    fn check_all_in_files(&self) -> Result<()> {
        if !self.is_in_journal() {
            return Ok(());
        }
        self.check_poisoned()?;
        let what = "the stream could not be made durable in its own files; try again";
        let error = std::io::Error::other(what);
        Err(Error::io(error, ErrorContext::at(&self.dir)))
    }

    /// No record of the commit journal brings the stream back from now on. If the stream goes on all the
    /// same, it is not in the journal any more. All of it is durable in its own files.
    fn make_void_in_journal(&self, incarnation: Option<u64>) -> Result<()> {
        let Some((journal, incarnation)) = self.context.journal().zip(incarnation) else {
            return Ok(());
        };
        self.keep_out_of_journal();
        let void = JournalItem {
            kind: JournalItemKind::Void,
            key: &self.key,
            incarnation,
            first_id: EntryId(0),
            generation: 0,
            offset: FileOffset(0),
            bytes: &[],
        };
        let done = journal.make_void(&void, self.opening);
        self.keep_journal_up(journal);
        done.map_err(|error| error.duplicate())
    }

    /// Closes the files of these segments; what is reading one goes on with it.
    fn close_files_of(&self, list: &SegmentList) {
        for part in list.parts.iter() {
            self.context.write_files.forget(&part.write_slot);
            self.context.read_files.forget(&part.read_slot);
        }
    }

    /// Renames the directory so that it is no stream any more; not durable yet. See [`make_way`] for `not_removed`.
    fn rename_to_tombstone(&self, not_removed: &mut Option<Error>) -> Result<PathBuf> {
        let context = &*self.context;
        let storage = &*context.storage;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir));
        let target = make_way(context, &self.dir, not_removed)?;
        if storage.kind(&self.dir).map_err(io)?.is_none() {
            return Ok(target);
        }
        // A stream that begins later under the key is distinguished from the deleted one.
        context.identity.begin_next(context)?;
        let mut attempts = MAX_RENAME_ATTEMPTS;
        loop {
            if !storage.renames_directories_in_use() {
                // They are opened again where the stream goes on.
                self.unmap();
                self.close_files_of(&self.segments());
            }
            match storage.rename(&self.dir, &target) {
                // A reader may have opened a file since, and is soon done with it, or has it open for longer.
                Err(error) if is_in_use(storage, &error) && attempts > 1 => attempts -= 1,
                renamed => return renamed.map(|()| target).map_err(io),
            }
            sleep(PAUSE_OF_RENAMING);
        }
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
            self.resume_appends();
        }
        (error, goes_on)
    }
}

/// Where a stream's directory goes when it is deleted. The first name but those taken by what
/// foreign files in streams deleted before.
fn deleted_name(dir: &Path, taken: u32) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(DELETED_SUFFIX);
    if taken > 0 {
        name.push(format!(".{taken}"));
    }
    dir.with_file_name(name)
}

/// Whether a directory could not be renamed because files in it are open.
fn is_in_use(storage: &dyn Storage, error: &std::io::Error) -> bool {
    let refused = error.kind() == std::io::ErrorKind::PermissionDenied;
    refused && !storage.renames_directories_in_use()
}

/// A name for the directory of the deleted stream, which is free. Why remains of an
/// earlier deletion could not be removed is stored in `not_removed`: they keep no other stream.
fn make_way(context: &LogContext, dir: &Path, not_removed: &mut Option<Error>) -> Result<PathBuf> {
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
/// Foreign files stay, and the directory with them: that is no failure, nor is a file that
/// is gone already. All files are tried; reports the first failure. Open, and the next deletion of that
/// name, try again. Of a link, see `linked_dir`.
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
