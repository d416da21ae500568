//! What a symbolic link in the place of a stream's directory means.
//!
//! The files lie where the link leads, on another disk mostly. That directory has an owner: the file
//! `OWNER` in it names the log and the stream, and is locked as long as the log is open. So no other
//! log, and no second link of the same one, writes there.
//!
//! Deleting such a stream, and what a crash right after each step leaves:
//!
//! 1. the link is renamed to `{name}#deleted`, and the root synced: **the commit point**;
//! 2. the files of ours in the target are removed but for `OWNER`, and the target synced: opening
//!    goes on, for `OWNER` proves that they are ours;
//! 3. `OWNER` is removed, and the target synced: a link that leads to nothing of ours;
//! 4. the link is removed. The target stays, empty.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::DELETED_SUFFIX;
use crate::format::Identity;
use crate::format::IdentityFault;
use crate::format::LogId;
use crate::format::OWNER_FILE;
use crate::format::is_own_file_name;
use crate::format::stream_dir_name;
use crate::recovery::log_around;
use crate::recovery::read_identity;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageLock;
use crate::storage::remove_file_if_there;
use crate::stream::LogContext;

/// A directory outside of the root that a stream's link leads to, while it is this log's.
pub(in crate::stream) struct OwnedTarget {
    /// The directory, without links.
    target: PathBuf,
    lock: Box<dyn StorageLock>,
}

impl LogContext {
    /// Makes the directory that a stream's link leads to this log's, for as long as the log is open.
    ///
    /// Errors: `Locked` where another log, or another link of this one, uses it now;
    /// `InvalidFilename` where it belongs to another log or stream, or lies in a log.
    pub fn own_linked(&self, dir: &Path, key: &str) -> Result<()> {
        let mut owned = self.owned.lock();
        let target = self.storage.canonical(dir);
        let target = target.map_err(|error| Error::io(error, ErrorContext::at(dir).stream(key)))?;
        // The link may lead elsewhere by now: the lock is that of the directory, not of the name.
        if owned.get(dir).is_some_and(|owned| owned.target == target) {
            return Ok(());
        }
        let id = self.identity.id(self)?;
        let lock = self.lock_linked(dir, |found| match found {
            Some(found) if *found == linked(id, key) => Ok(false),
            Some(found) => Err(of_another(dir, found)),
            None => Ok(true),
        })?;
        let path = dir.join(OWNER_FILE);
        let io = |error| Error::io(error, ErrorContext::at(&path).stream(key));
        if lock.is_new {
            let storage = &*self.storage;
            let file = storage.open_file(&path, Access::ReadWrite).map_err(io)?;
            let sector = linked(id, key).encode();
            file.write_at(0, &[IoSlice::new(&sector)]).map_err(io)?;
            file.sync_all().map_err(io)?;
            storage.sync_dir(dir).map_err(io)?;
        }
        let lock = lock.held;
        owned.insert(dir.to_path_buf(), OwnedTarget { target, lock });
        Ok(())
    }

    /// Locks `OWNER` in a directory that a link leads to, if `judge` admits what it says.
    fn lock_linked(
        &self,
        dir: &Path,
        judge: impl Fn(Option<&Identity>) -> Result<bool>,
    ) -> Result<Owner> {
        let storage = &*self.storage;
        let path = dir.join(OWNER_FILE);
        let io = |error| Error::io(error, ErrorContext::at(&path));
        let target = storage.canonical(dir).map_err(io)?;
        if let Some((log, _)) = log_around(storage, &target).map_err(io)? {
            return Err(Error::InvalidFilename(format!(
                "{} leads into the log {}; a stream's link must lead out of all logs",
                dir.display(),
                log.display()
            )));
        }
        // Before the lock: it creates the file where there is none.
        judge(self.owner(&path)?.as_ref())?;
        let held = storage.lock(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Error::Locked(target.clone()),
            _ => io(error),
        })?;
        let is_new = judge(self.owner(&path)?.as_ref())?;
        Ok(Owner { held, is_new })
    }

    /// What `OWNER` says; `None`: nothing.
    fn owner(&self, path: &Path) -> Result<Option<Identity>> {
        let found = read_identity(&*self.storage, path);
        match found.map_err(|error| Error::io(error, ErrorContext::at(path)))? {
            None | Some(Err(IdentityFault::Never)) => Ok(None),
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(IdentityFault::Newer(version))) => Err(Error::UnsupportedVersion(format!(
                "{} has format version {version}, newer than this library reads",
                path.display()
            ))),
            Some(Err(IdentityFault::Damaged)) => Err(Error::InvalidFilename(format!(
                "{} is damaged, so nothing says whose directory it is; remove that file if no other \
                 log uses the directory",
                path.display()
            ))),
        }
    }
}

/// A lock on `OWNER`.
struct Owner {
    held: Box<dyn StorageLock>,
    /// The file says nothing yet.
    is_new: bool,
}

fn linked(id: LogId, key: &str) -> Identity {
    Identity::Linked {
        id,
        key: key.to_owned(),
    }
}

fn of_another(dir: &Path, found: &Identity) -> Error {
    let stream = match found {
        Identity::Linked { key, .. } => key,
        Identity::Log { .. } | Identity::Archive { .. } => "",
    };
    Error::InvalidFilename(format!(
        "{} leads to the directory of stream {stream:?} of another log or stream, {}; remove its \
         {OWNER_FILE} if that is gone for good",
        dir.display(),
        found.log()
    ))
}

/// Removes what the deletion of a stream left whose directory was a link: `link` is its new name.
/// Files are removed only where the target proves that it is this log's.
pub fn remove_deleted_link(context: &LogContext, link: &Path) -> Result<()> {
    let storage = &*context.storage;
    let io = |error| Error::io(error, ErrorContext::at(link));
    if storage.kind(link).map_err(io)? == Some(EntryKind::Directory) && has_own(storage, link)? {
        let name = link.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        let dir_name = name.split_once(DELETED_SUFFIX).map_or(name, |(dir, _)| dir);
        // In the process that deletes it, the lock is held already, if it is that of this target.
        let dir: PathBuf = link.with_file_name(dir_name);
        let target = storage.canonical(link).map_err(io)?;
        let held = {
            let mut owned = context.owned.lock();
            let is_this = owned.get(&dir).is_some_and(|owned| owned.target == target);
            if is_this { owned.remove(&dir) } else { None }
        };
        let own = context.identity.known_id();
        let proves = |found: Option<&Identity>| match found {
            Some(Identity::Linked { id, key })
                if Some(*id) == own && stream_dir_name(key) == dir_name =>
            {
                Ok(false)
            }
            Some(found) => Err(of_another(link, found)),
            None => Err(Error::InvalidFilename(format!(
                "nothing in the directory that {} leads to says that it is of this log",
                link.display()
            ))),
        };
        let _held = match held {
            Some(held) => {
                proves(context.owner(&link.join(OWNER_FILE))?.as_ref())?;
                held.lock
            }
            None => context.lock_linked(link, proves)?.held,
        };
        // All are tried; what is left keeps `OWNER` and the link, for the next attempt.
        let mut first_failure = None;
        for entry in storage.list_dir(link).map_err(io)? {
            if entry.kind != EntryKind::Directory && is_removed(&entry.name) {
                let path = link.join(&entry.name);
                if let Err(error) = remove_file_if_there(storage, &path) {
                    first_failure.get_or_insert(Error::io(error, ErrorContext::at(&path)));
                }
            }
        }
        if let Some(error) = first_failure {
            return Err(error);
        }
        storage.sync_dir(link).map_err(io)?;
        remove_file_if_there(storage, &link.join(OWNER_FILE)).map_err(io)?;
        storage.sync_dir(link).map_err(io)?;
    }
    remove_file_if_there(storage, link).map_err(io)
}

/// Whether a file of ours lies in the directory.
fn has_own(storage: &dyn Storage, dir: &Path) -> Result<bool> {
    let listing = storage.list_dir(dir);
    let listing = listing.map_err(|error| Error::io(error, ErrorContext::at(dir)))?;
    Ok(listing
        .iter()
        .any(|entry| entry.kind != EntryKind::Directory && is_own_file_name(&entry.name)))
}

fn is_removed(name: &str) -> bool {
    name != OWNER_FILE && is_own_file_name(name)
}
