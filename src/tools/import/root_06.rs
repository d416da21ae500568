//! What lies in a root of the 0.6 crate, and does it stay as it is while it is read?
//!
//! The crate takes no lock, so nothing on the disk says whether a program still writes. It only makes files
//! longer, makes new ones and removes some: so the names and lengths of all files are compared before and
//! after.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::HEAD_FILE;
use crate::format::IDENTITY_FILE;
use crate::format::LOCK_FILE;
use crate::format::SHARDS_FILE;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::tools::Severity;
use crate::tools::VerifyFinding;
use crate::tools::import::stream_06::StreamFiles06;
use crate::tools::import::stream_06::list_stream;

/// What the crate adds to the name of a directory that it is about to remove.
const DELETED_SUFFIX: &str = "#deleted";
/// What it leaves in the root if it dies while it replaces a file.
const UNFINISHED_FILES: [&str; 2] = ["HEAD.tmp", "checkpoints.log.tmp"];

/// How the name of a shard's stream begins.
pub const SHARD_PREFIX: &str = "shard_";

/// Names and lengths of all files of a root.
pub type Lengths = BTreeMap<PathBuf, u64>;

/// A root of the 0.6 crate.
#[derive(Debug)]
pub struct Root06 {
    /// The directory, without links.
    pub path: PathBuf,
    /// Its streams, by the names of their directories.
    pub streams: Vec<StreamFiles06>,
    /// There is a checkpoint log, or something else in its place beside shards: the root is that of a sharded log.
    pub has_checkpoints: bool,
    /// Its files when it was listed.
    pub lengths: Lengths,
}

impl Root06 {
    /// Lists a root. Remarks are added to `findings`. `Config` where it is none.
    pub fn list(
        storage: &Arc<dyn Storage>,
        root: &Path,
        findings: &mut Vec<VerifyFinding>,
    ) -> Result<Root06> {
        let asked = std::path::absolute(root).at(root)?;
        let path = storage.canonical(&asked).at(&asked)?;
        let mut streams = Vec::new();
        let mut has_checkpoints = false;
        let mut no_file_for_checkpoints = false;
        let lengths = lengths(&**storage, &path)?;
        for entry in storage.list_dir(&path).at(&path)? {
            let name = entry.name.as_str();
            let place = path.join(name);
            let mut note = |what: &str| {
                findings.push(VerifyFinding::new(Severity::Note, place.clone(), what));
            };
            match entry.kind {
                kind if name == CHECKPOINTS_FILE
                    && (entry.is_link || matches!(kind, EntryKind::Link | EntryKind::Other)) =>
                {
                    no_file_for_checkpoints = true;
                }
                _ if entry.is_link => note("a link, which the 0.6 crate does not list: left out"),
                EntryKind::Directory if name.ends_with(DELETED_SUFFIX) => {
                    note("a stream whose deletion was not finished: left out");
                }
                EntryKind::Directory if is_stream_name(name) => {
                    match list_stream(&**storage, &place, name, findings)? {
                        Some(stream) => streams.push(stream),
                        None if name == CHECKPOINTS_FILE => no_file_for_checkpoints = true,
                        None => findings.push(VerifyFinding::new(
                            Severity::Note,
                            place.clone(),
                            "a directory without a segment: left out",
                        )),
                    }
                }
                EntryKind::File if [LOCK_FILE, IDENTITY_FILE, SHARDS_FILE].contains(&name) => {
                    let what = format!(
                        "{} holds a log of this version: it needs no import",
                        path.display()
                    );
                    return Err(Error::Config(what));
                }
                EntryKind::File if name == CHECKPOINTS_FILE => has_checkpoints = true,
                EntryKind::File if name == HEAD_FILE || UNFINISHED_FILES.contains(&name) => {}
                _ => note("no part of a root of the 0.6 crate: left out"),
            }
        }
        if no_file_for_checkpoints {
            let has_shards = streams.iter().any(|s| shard_number(&s.directory).is_some());
            has_checkpoints = has_shards;
            let severity = match has_shards {
                true => Severity::Damage,
                false => Severity::Note,
            };
            let what = "no regular file, where a sharded log has its checkpoints: none is imported";
            let place = path.join(CHECKPOINTS_FILE);
            findings.push(VerifyFinding::new(severity, place, what));
        }
        if streams.is_empty() && !has_checkpoints {
            let what = format!("{} holds no log of the 0.6 crate", path.display());
            return Err(Error::Config(what));
        }
        Ok(Root06 {
            path,
            streams,
            has_checkpoints,
            lengths,
        })
    }

    /// The bytes of all segments.
    pub fn segment_bytes(&self) -> u64 {
        let paths = self.streams.iter().flat_map(|stream| &stream.segments);
        paths.filter_map(|(_, path)| self.lengths.get(path)).sum()
    }

    /// Refuses a root that has changed since it was listed.
    pub fn check_unchanged(&self, storage: &dyn Storage) -> Result<()> {
        let now = lengths(storage, &self.path)?;
        if now == self.lengths {
            return Ok(());
        }
        let changed = now
            .iter()
            .find(|(path, len)| self.lengths.get(*path) != Some(*len))
            .or_else(|| {
                self.lengths
                    .iter()
                    .find(|(path, _)| !now.contains_key(*path))
            });
        let changed = changed.map_or(&self.path, |(path, _)| path);
        let what = format!(
            "{} changed while it was read: a program still uses this log, which has no lock; stop \
             it, and import again",
            changed.display()
        );
        Err(Error::Config(what))
    }
}

/// The number of a shard, from the name of its stream.
pub fn shard_number(name: &str) -> Option<u32> {
    let number: u32 = name.strip_prefix(SHARD_PREFIX)?.parse().ok()?;
    (format!("{SHARD_PREFIX}{number:02}") == name).then_some(number)
}

/// Whether the crate gives a stream's directory this name.
fn is_stream_name(name: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().all(is_kept)
}

/// The files in the root and in the directories in it.
fn lengths(storage: &dyn Storage, root: &Path) -> Result<Lengths> {
    let mut lengths = Lengths::new();
    for entry in storage.list_dir(root).at(root)? {
        let path = root.join(&entry.name);
        if entry.is_link {
            continue;
        }
        match entry.kind {
            EntryKind::Directory => {
                for file in storage.list_dir(&path).at(&path)? {
                    if file.kind == EntryKind::File {
                        add(storage, path.join(&file.name), &mut lengths)?;
                    }
                }
            }
            EntryKind::File => add(storage, path, &mut lengths)?,
            EntryKind::Link | EntryKind::Other => {}
        }
    }
    Ok(lengths)
}

fn add(storage: &dyn Storage, path: PathBuf, lengths: &mut Lengths) -> Result<()> {
    let file = storage.open_file(&path, Access::Read).at(&path)?;
    let len = file.len().at(&path)?;
    lengths.insert(path, len);
    Ok(())
}
