//! Which streams does a log hold, and what would recovery decide on each?

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
#[cfg(feature = "inspection")]
use crate::format::LOCK_FILE;
use crate::format::is_stream_dir_name;
use crate::format::key_from_dir_name;
#[cfg(feature = "inspection")]
use crate::format::parse_segment_file_name;
use crate::ids::EntryId;
use crate::options::CorruptionPolicy;
use crate::recovery::Decision;
#[cfg(feature = "inspection")]
use crate::recovery::JournalSeen;
use crate::recovery::LiveCollector;
use crate::recovery::StreamFacts;
#[cfg(feature = "inspection")]
use crate::recovery::WriterLock;
#[cfg(feature = "inspection")]
use crate::recovery::look_at_journal;
use crate::storage::EntryKind;
#[cfg(feature = "inspection")]
use crate::storage::RealDisk;
use crate::storage::Storage;

/// The directory of a log, on a disk.
#[derive(Clone)]
pub struct LogDir {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) root: PathBuf,
    pub(crate) read_ahead: usize,
    /// Why the commit journal could not be laid over the files: opening for writing would be refused too.
    #[cfg_attr(not(feature = "inspection"), allow(dead_code))]
    pub(crate) journal_error: Option<Arc<Error>>,
}

/// Which part of a log is inspected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// This stream only; `None`: all, and the files beside them.
    pub stream: Option<String>,
    /// Of a dump: ids from here on.
    #[cfg(feature = "inspection")]
    pub from_id: u64,
    /// Of a dump: ids below this one; `None`: all.
    #[cfg(feature = "inspection")]
    pub end_id: Option<u64>,
    /// Of a stat: each segment too.
    #[cfg(feature = "inspection")]
    pub segments: bool,
}

/// A surveyed stream.
pub(crate) struct Surveyed {
    /// Its key, or the name of its directory where the key is unknown.
    pub key: String,
    /// Its directory.
    pub dir: PathBuf,
    /// The facts, and the decision of recovery on them.
    pub found: Result<(StreamFacts, Decision)>,
}

impl LogDir {
    /// The log in a directory of this machine, which must exist.
    #[cfg(feature = "inspection")]
    pub fn new(root: &Path) -> Result<Self> {
        let storage: Arc<dyn Storage> = Arc::new(RealDisk);
        let asked = std::path::absolute(root).at(root)?;
        let root = storage.canonical(&asked).at(root)?;
        let listing = storage.list_dir(&root).at(&root)?;
        let is_log = listing.iter().any(|entry| match entry.kind {
            EntryKind::File => entry.name == LOCK_FILE,
            EntryKind::Directory => is_stream(&*storage, &root.join(&entry.name)),
            EntryKind::Link | EntryKind::Other => false,
        });
        if !is_log {
            let what = match (is_stream(&*storage, &root), root.parent()) {
                (true, Some(log)) => {
                    let (root, log) = (root.display(), log.display());
                    format!("{root} is the directory of a stream; its log is {log}")
                }
                _ => format!("{} holds no log", root.display()),
            };
            return Err(Error::Config(what));
        }
        let mut place = Self::on(storage, root, 1 << 20);
        place.lay_journal_over(WriterLock::NotHeld);
        Ok(place)
    }

    /// Shows the log as it is with what its commit journal holds, if no writer has recovered it. What is damaged in
    /// that journal.
    #[cfg(feature = "inspection")]
    pub(crate) fn lay_journal_over(&mut self, lock: WriterLock) -> Vec<String> {
        let seen = look_at_journal(&*self.storage, &self.root, self.read_ahead, lock);
        match seen {
            Ok(JournalSeen::Unrecovered(journal)) => {
                self.storage = Arc::new(journal.over(Arc::clone(&self.storage)));
                return journal.damage();
            }
            Ok(JournalSeen::Nothing | JournalSeen::InUse) => {}
            Err(error) => self.journal_error = Some(Arc::new(error)),
        }
        Vec::new()
    }

    /// Refuses a log whose commit journal cannot be used: what is seen of the streams may not be all.
    #[cfg(feature = "inspection")]
    pub(crate) fn check_journal(&self) -> Result<()> {
        match &self.journal_error {
            Some(error) => Err(error.duplicate()),
            None => Ok(()),
        }
    }

    /// A log on any disk.
    pub(crate) fn on(storage: Arc<dyn Storage>, root: PathBuf, read_ahead: usize) -> Self {
        LogDir {
            storage,
            root,
            read_ahead,
            journal_error: None,
        }
    }

    /// Surveys one stream's directory. `None`: it no longer exists.
    pub(crate) fn survey(&self, dir: &Path) -> Option<Surveyed> {
        let name = dir.file_name()?.to_str()?;
        // Damage is reported, not refused.
        let policy = CorruptionPolicy::Truncate;
        let storage = Arc::clone(&self.storage);
        let looked = LiveCollector::new(storage, dir.to_path_buf(), self.read_ahead, policy).look();
        let found = looked.transpose()?;
        let recorded = found.as_ref().ok().and_then(|(facts, _)| facts.key.clone());
        let key = recorded
            .map(|key| key.to_string())
            .or_else(|| key_from_dir_name(name))
            .unwrap_or_else(|| name.to_owned());
        Some(Surveyed {
            key,
            dir: dir.to_path_buf(),
            found,
        })
    }
}

/// Which segments of a stream were truncated or deleted since it was surveyed.
pub(super) struct Gone<'a> {
    place: &'a LogDir,
    dir: &'a Path,
    /// Segments that begin below this are gone.
    below: EntryId,
}

impl<'a> Gone<'a> {
    /// No segment is known to be gone.
    pub(super) fn new(place: &'a LogDir, dir: &'a Path) -> Self {
        Gone {
            place,
            dir,
            below: EntryId(0),
        }
    }

    /// Whether the segment that begins with this id is known to be gone.
    pub(super) fn knows(&self, first_id: EntryId) -> bool {
        first_id < self.below
    }

    /// Whether it is gone, after reading it failed with this error.
    pub(super) fn explains(&mut self, error: &Error, first_id: EntryId) -> bool {
        let is_missing = matches!(error, Error::Io(e) if e.kind() == io::ErrorKind::NotFound);
        if is_missing && !self.knows(first_id) {
            self.below = match self.place.survey(self.dir).map(|now| now.found) {
                None => EntryId(u64::MAX),
                Some(Ok((_, Decision::Serve(verdict)))) if verdict.kept.is_empty() => {
                    EntryId(u64::MAX)
                }
                Some(Ok((_, Decision::Serve(verdict)))) => verdict.first_kept.0,
                Some(_) => self.below,
            };
        }
        is_missing && self.knows(first_id)
    }
}

/// Surveys all streams of the selection, in the order of their directories' names. An unknown
/// stream is `StreamNotFound`.
pub(crate) fn survey_all(place: &LogDir, selection: &Selection) -> Result<Vec<Surveyed>> {
    survey_until(place, selection, &mut |_, _| ControlFlow::Continue(()))
}

/// As [`survey_all`]; `progress` gets how many streams' directories are done, and of how many: before the first and
/// after each. It cancels by `Break`.
pub(crate) fn survey_until(
    place: &LogDir,
    selection: &Selection,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Vec<Surveyed>> {
    let mut listing = place.storage.list_dir(&place.root).at(&place.root)?;
    listing.retain(|entry| entry.kind == EntryKind::Directory && is_stream_dir_name(&entry.name));
    let total = listing.len() as u64;
    let mut report = |done| match progress(done, total) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Cancelled),
    };
    let mut surveyed = Vec::new();
    report(0)?;
    for (done, entry) in (1..).zip(&listing) {
        let stream = place.survey(&place.root.join(&entry.name));
        surveyed.extend(stream.filter(has_segments));
        report(done)?;
    }
    if let Some(wanted) = &selection.stream {
        surveyed.retain(|stream| stream.key == *wanted);
        if surveyed.is_empty() {
            return Err(Error::StreamNotFound(wanted.clone()));
        }
    }
    Ok(surveyed)
}

/// Whether a directory is a stream's by its name, and holds a segment by its name.
#[cfg(feature = "inspection")]
fn is_stream(storage: &dyn Storage, dir: &Path) -> bool {
    let name = dir.file_name().and_then(|name| name.to_str());
    let listing = storage.list_dir(dir).unwrap_or_default();
    name.is_some_and(is_stream_dir_name)
        && listing
            .iter()
            .any(|entry| parse_segment_file_name(&entry.name).is_some())
}

/// Whether the directory holds a stream: an empty directory proves nothing. Where all segments are
/// lost, `segments.idx` proves that there were some.
fn has_segments(stream: &Surveyed) -> bool {
    match &stream.found {
        Ok((facts, _)) => {
            !facts.segments.is_empty() || facts.claim.is_some_and(|claim| claim.end_id.0 > 0)
        }
        Err(_) => true,
    }
}
