//! Which log an archive belongs to, and where it may lie.
//!
//! An archive belongs to one log: the file `IDENTITY` in its root names it, from the first truncation
//! on. It lies in no log. Both are checked each time it is used.

use std::io;
use std::io::IoSlice;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::IDENTITY_FILE;
use crate::format::Identity;
use crate::format::IdentityFault;
use crate::format::LogId;
use crate::recovery::log_around;
use crate::recovery::read_identity;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::stream::LogContext;

/// Where an archive lies, whatever the process's directory is later: without links and `..`.
///
/// Errors: `Config` where that is in a log.
pub fn resolve_archive(storage: &dyn Storage, archive: &Path, root: &Path) -> Result<PathBuf> {
    let io = |error| Error::io(error, ErrorContext::at(archive));
    let absolute = std::path::absolute(archive).map_err(io)?;
    let resolved = resolve(storage, &absolute).map_err(io)?;
    refuse_in_log(storage, &resolved, root)?;
    Ok(resolved)
}

/// Follows links as far as something is there; what is missing can be no link yet.
fn resolve(storage: &dyn Storage, path: &Path) -> io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            // A drive of Windows; by itself it names no directory, or the process's on that drive.
            Component::Prefix(_) => {
                resolved.push(component);
                continue;
            }
            component => resolved.push(component),
        }
        if storage.kind(&resolved)? == Some(EntryKind::Directory) {
            resolved = storage.canonical(&resolved)?;
        }
    }
    Ok(resolved)
}

/// Refuses a directory in this log or in another one. `dir` is absolute and without links.
fn refuse_in_log(storage: &dyn Storage, dir: &Path, root: &Path) -> Result<()> {
    if dir.starts_with(root) {
        return Err(Error::Config(format!(
            "archive_path lies inside root_path: {} in {}",
            dir.display(),
            root.display()
        )));
    }
    let around = log_around(storage, dir);
    match around.map_err(|error| Error::io(error, ErrorContext::at(dir)))? {
        Some((other, _)) => Err(Error::Config(format!(
            "archive_path lies in the log {}: {}; give the archive a directory outside of all logs",
            other.display(),
            dir.display()
        ))),
        None => Ok(()),
    }
}

/// Whether the archive says that it is this log's; false where it says nothing. Refused where it
/// says that it is another's.
fn refuse_owned_by_another(
    storage: &dyn Storage,
    archive: &Path,
    own: Option<LogId>,
) -> Result<bool> {
    let path = archive.join(IDENTITY_FILE);
    let found = read_identity(storage, &path);
    match found.map_err(|error| Error::io(error, ErrorContext::at(&path)))? {
        None | Some(Err(IdentityFault::Never)) => Ok(false),
        Some(Ok(Identity::Archive { id })) if Some(id) == own => Ok(true),
        Some(Ok(found)) => Err(owned_by(archive, &found.log().to_string(), own)),
        Some(Err(IdentityFault::Newer(version))) => Err(Error::UnsupportedVersion(format!(
            "{} has format version {version}, newer than this library reads",
            path.display()
        ))),
        Some(Err(IdentityFault::Damaged)) => Err(Error::Config(format!(
            "{} is damaged, so nothing says whose archive it is; remove that file if the archive is \
             this log's",
            path.display()
        ))),
    }
}

fn owned_by(archive: &Path, owner: &str, own: Option<LogId>) -> Error {
    let own = own.map_or("one without a name".to_owned(), |own| own.to_string());
    Error::Config(format!(
        "the archive {} belongs to another log: to {owner}, and this is {own}; give each log an \
         archive directory of its own (if this log lost its IDENTITY, remove that of the archive)",
        archive.display()
    ))
}

impl LogContext {
    /// Refuses the archive that the log was opened with where it belongs to another log.
    pub fn refuse_others_archive(&self) -> Result<()> {
        match &self.options.archive_path {
            Some(archive) => {
                let own = self.identity.known_id();
                refuse_owned_by_another(&*self.storage, archive, own).map(|_| ())
            }
            None => Ok(()),
        }
    }

    /// Refuses an archive that another log uses, or a directory in it that is a log.
    pub(in crate::stream) fn check_archive(&self, archive: &Path, dir: &Path) -> Result<()> {
        let storage = &*self.storage;
        refuse_owned_by_another(storage, archive, self.identity.known_id())?;
        let io = |error| Error::io(error, ErrorContext::at(dir));
        refuse_in_log(storage, &resolve(storage, dir).map_err(io)?, &self.root)
    }

    /// Makes sure of the archive and of a stream's directory in it, durably, and that the archive is
    /// this log's.
    pub(in crate::stream) fn take_archive(&self, archive: &Path, dir: &Path) -> Result<()> {
        let storage = &*self.storage;
        self.check_archive(archive, dir)?;
        make_dir(storage, archive)?;
        self.claim_archive(archive)?;
        make_dir(storage, dir)
    }

    fn claim_archive(&self, archive: &Path) -> Result<()> {
        let storage = &*self.storage;
        let id = self.identity.id(self)?;
        // Two streams of this log may come at once.
        let _claiming = self.identity.claiming.lock();
        if refuse_owned_by_another(storage, archive, Some(id))? {
            return Ok(());
        }
        let path = archive.join(IDENTITY_FILE);
        let io = |error| Error::io(error, ErrorContext::at(&path));
        let _lock = storage.lock(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => owned_by(archive, "one that takes it just now", Some(id)),
            _ => io(error),
        })?;
        // Another log may have been faster.
        if refuse_owned_by_another(storage, archive, Some(id))? {
            return Ok(());
        }
        let file = storage.open_file(&path, Access::ReadWrite).map_err(io)?;
        let sector = Identity::Archive { id }.encode();
        file.write_at(0, &[IoSlice::new(&sector)]).map_err(io)?;
        file.sync_all().map_err(io)?;
        storage.sync_dir(archive).map_err(io)
    }
}

/// Makes a directory, if it is missing, and its name durable.
fn make_dir(storage: &dyn Storage, dir: &Path) -> Result<()> {
    let io = |error| Error::io(error, ErrorContext::at(dir));
    if storage.kind(dir).map_err(io)?.is_none() {
        match storage.create_dir(dir) {
            // Another thread was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(io)?,
        }
    }
    // Each time: the process that made it may have died before its name was durable.
    match dir.parent() {
        Some(parent) => storage.sync_dir(parent).map_err(io),
        None => Ok(()),
    }
}
