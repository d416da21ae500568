//! How is a new log made from data that lies elsewhere, so that it is whole or not there?
//!
//! | step | a crash right after leaves |
//! |---|---|
//! | 1. `{name}#new` is made, and the log is written there | an unfinished directory, which the next attempt names and does not touch |
//! | 2. the log is closed: every stream and every name in it is durable | the same |
//! | 3. it is renamed to `{name}`, and the parent is synced | **commit point**: the log, whole; before the sync either of both names |
//!
//! Failure: what was made is removed, best effort. An existing directory is refused, and never written to.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::NEW_SUFFIX;
use crate::options::CompressionType;
use crate::options::SyncMode;
use crate::options::WalOptions;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::stream::LogContext;
use crate::wal::Wal;

/// Where a new log will be.
pub struct NewPlace {
    /// Its name when it is whole.
    path: PathBuf,
    /// Its name until then.
    unfinished: PathBuf,
}

/// A log that is being made.
pub struct NewLog {
    storage: Arc<dyn Storage>,
    place: NewPlace,
    context: Arc<LogContext>,
    /// `None`: closed.
    wal: Option<Wal>,
    is_published: bool,
}

impl NewPlace {
    /// The place `to` for a log made of what lies in `from`, a directory without links; `None`: in no directory.
    /// Changes nothing.
    ///
    /// Errors: `Config` where `to` exists, lies in `from`, or cannot be a directory, and where an interrupted
    /// copy is in the way; `Io`.
    pub fn find(storage: &dyn Storage, from: Option<&Path>, to: &Path) -> Result<NewPlace> {
        let asked = std::path::absolute(to).at(to)?;
        let (Some(parent), Some(name)) = (asked.parent(), asked.file_name()) else {
            let what = format!("{} cannot be a new directory", to.display());
            return Err(Error::Config(what));
        };
        if storage.kind(&asked).at(to)?.is_some() || storage.is_link(&asked).at(to)? {
            let what = format!("{} exists; a copy is made in a new directory", to.display());
            return Err(Error::Config(what));
        }
        let parent = storage.canonical(parent).at(parent)?;
        if from.is_some_and(|from| parent.starts_with(from)) {
            return Err(Error::Config("the copy would lie in the log".to_owned()));
        }
        let mut unfinished = name.to_os_string();
        unfinished.push(NEW_SUFFIX);
        let unfinished = parent.join(unfinished);
        if storage.kind(&unfinished).at(&unfinished)?.is_some() {
            let what = format!(
                "{} is in the way, left by a copy that was interrupted: remove it",
                unfinished.display()
            );
            return Err(Error::Config(what));
        }
        Ok(NewPlace {
            path: parent.join(name),
            unfinished,
        })
    }

    /// Step 1: begins the log.
    pub fn create(
        self,
        storage: &Arc<dyn Storage>,
        compression: CompressionType,
    ) -> Result<NewLog> {
        let mut options = WalOptions::new(&self.unfinished);
        options.sync_mode = SyncMode::Async;
        options.compression = compression;
        let sink = Arc::new(|level, message: &str| log::log!(level, "{message}"));
        let wal = Wal::open_on(Arc::clone(storage), options, sink)?;
        Ok(NewLog {
            storage: Arc::clone(storage),
            place: self,
            context: Arc::clone(&wal.log.context),
            wal: Some(wal),
            is_published: false,
        })
    }
}

impl NewLog {
    /// What its streams share.
    pub fn context(&self) -> &Arc<LogContext> {
        &self.context
    }

    /// Where it is written.
    pub fn root(&self) -> &Path {
        &self.place.unfinished
    }

    /// Its name when it is whole.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// Steps 2 and 3: makes all of it durable and gives it its name.
    pub fn publish(mut self) -> Result<()> {
        if let Some(wal) = self.wal.take() {
            wal.close()?;
        }
        // Files that were put beside the streams.
        let (from, to) = (&self.place.unfinished, &self.place.path);
        self.storage.sync_dir(from).at(from)?;
        if self.storage.kind(to).at(to)?.is_some() {
            let what = format!("{} was made meanwhile", to.display());
            return Err(Error::Config(what));
        }
        self.storage.rename(from, to).at(to)?;
        self.is_published = true;
        let parent = to.parent().unwrap_or(to);
        self.storage.sync_dir(parent).at(parent)
    }

    fn remove(&self) -> io::Result<()> {
        let storage = &*self.storage;
        for entry in storage.list_dir(&self.place.unfinished)? {
            let path = self.place.unfinished.join(&entry.name);
            if entry.kind != EntryKind::Directory {
                storage.remove_file(&path)?;
                continue;
            }
            for file in storage.list_dir(&path)? {
                storage.remove_file(&path.join(&file.name))?;
            }
            storage.remove_dir(&path)?;
        }
        storage.remove_dir(&self.place.unfinished)
    }
}

impl Drop for NewLog {
    fn drop(&mut self) {
        // The log closes before its files go.
        drop(self.wal.take());
        if !self.is_published {
            // What is left, the next attempt names.
            let _ = self.remove();
        }
    }
}
