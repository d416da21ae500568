//! The whole disk as a value, and how each effect changes it. No locks, faults or randomness: the
//! same effects in the same order give the same disk, which a replay needs.

use crate::storage::simulated::codes;
use crate::storage::simulated::directories::Directory;
use crate::storage::simulated::directories::InodeNumber;
use crate::storage::simulated::directories::NameChange;
use crate::storage::simulated::directories::NameEdit;
use crate::storage::simulated::directories::Names;
use crate::storage::simulated::directories::ROOT;
use crate::storage::simulated::directories::apply_edit;
use crate::storage::simulated::files::Inode;
use crate::storage::simulated::random::Random;
use std::collections::BTreeMap;
use std::io;
use std::path::Component;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The effect of a call on the disk.
#[derive(Clone, Debug)]
pub(super) enum StateChange {
    Nothing,
    CreateFile {
        inode: InodeNumber,
        path: Arc<Path>,
        edits: Arc<[NameEdit]>,
    },
    CreateDir {
        inode: InodeNumber,
        edits: Arc<[NameEdit]>,
    },
    /// Renames, links and removals. `renamed`: from and to.
    EditNames {
        edits: Arc<[NameEdit]>,
        renamed: Option<(Arc<Path>, Arc<Path>)>,
    },
    SyncDir {
        directory: InodeNumber,
    },
    Write {
        inode: InodeNumber,
        offset: u64,
        bytes: Arc<[u8]>,
    },
    WriteZeros {
        inode: InodeNumber,
        offset: u64,
        len: u64,
    },
    Allocate {
        inode: InodeNumber,
        offset: u64,
        len: u64,
    },
    SetLen {
        inode: InodeNumber,
        len: u64,
    },
    Sync {
        inode: InodeNumber,
    },
    LoseSync {
        inode: InodeNumber,
    },
    /// The disk took the ranges; not durable before the next sync of the file or a range of it.
    WriteBack {
        inode: InodeNumber,
        ranges: Arc<[(u64, u64)]>,
    },
    SyncRange {
        inode: InodeNumber,
        offset: u64,
        len: u64,
    },
    Evict {
        seed: u64,
    },
}

/// Everything that is on the disk or on its way there.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) files: BTreeMap<InodeNumber, Arc<Inode>>,
    pub(super) directories: BTreeMap<InodeNumber, Arc<Directory>>,
    /// Changes of names since, for the ordered model.
    pub(super) ordered_pending: Vec<NameChange>,
    pub(super) next_inode: InodeNumber,
    /// Effects applied so far; goes on when the process dies.
    pub(super) change: u64,
    /// How long the disk has existed.
    pub(super) time: Duration,
}

impl State {
    /// An empty root directory.
    pub(super) fn new() -> Self {
        Self {
            files: BTreeMap::new(),
            directories: BTreeMap::from([(ROOT, Arc::default())]),
            ordered_pending: Vec::new(),
            next_inode: ROOT + 1,
            change: 0,
            time: Duration::ZERO,
        }
    }

    pub(super) fn apply(&mut self, effect: &StateChange) {
        self.change += 1;
        let change = self.change;
        match effect {
            StateChange::Nothing => {}
            StateChange::CreateFile { inode, path, edits } => {
                self.next_inode = self.next_inode.max(inode + 1);
                let mut file = Inode::empty(path.clone());
                file.modified = self.time;
                self.files.insert(*inode, Arc::new(file));
                self.edit_names(edits);
            }
            StateChange::CreateDir { inode, edits } => {
                self.next_inode = self.next_inode.max(inode + 1);
                self.directories.insert(*inode, Arc::default());
                self.edit_names(edits);
            }
            StateChange::EditNames { edits, renamed } => {
                self.edit_names(edits);
                if let Some((from, to)) = renamed {
                    self.rename_paths(from, to);
                }
            }
            StateChange::SyncDir { directory } => self.sync_dir(*directory),
            StateChange::Write {
                inode,
                offset,
                bytes,
            } => {
                self.changed_file(*inode).write(change, *offset, bytes);
            }
            StateChange::WriteZeros { inode, offset, len } => {
                self.changed_file(*inode).write_zeros(change, *offset, *len);
            }
            StateChange::Allocate { inode, offset, len } => {
                self.file_mut(*inode).allocate(change, *offset, *len);
            }
            StateChange::SetLen { inode, len } => self.changed_file(*inode).set_len(change, *len),
            StateChange::Sync { inode } => self.file_mut(*inode).sync(),
            StateChange::LoseSync { inode } => self.file_mut(*inode).lose_sync(),
            StateChange::WriteBack { inode, ranges } => {
                for &(offset, len) in &**ranges {
                    self.file_mut(*inode).writeback_and_wait(offset, len);
                }
            }
            StateChange::SyncRange { inode, offset, len } => {
                self.file_mut(*inode).sync_range(*offset, *len);
            }
            StateChange::Evict { seed } => self.evict(*seed),
        }
    }

    pub(super) fn file(&self, inode: InodeNumber) -> &Inode {
        &self.files[&inode]
    }

    fn file_mut(&mut self, inode: InodeNumber) -> &mut Inode {
        Arc::make_mut(
            self.files
                .get_mut(&inode)
                .expect("effects name files that exist"),
        )
    }

    /// The same for a change of its content, which the file notes the time of.
    fn changed_file(&mut self, inode: InodeNumber) -> &mut Inode {
        let time = self.time;
        let file = self.file_mut(inode);
        file.modified = time;
        file
    }

    fn directory_mut(&mut self, inode: InodeNumber) -> &mut Directory {
        let directory = self.directories.get_mut(&inode);
        Arc::make_mut(directory.expect("effects name directories that exist"))
    }

    fn edit_names(&mut self, edits: &Arc<[NameEdit]>) {
        let change = self.change;
        for edit in edits.iter() {
            let before = self.directories[&edit.directory]
                .now
                .get(&edit.name)
                .copied();
            self.directory_mut(edit.directory).edit(change, edit);
            if let Some(file) = before.and_then(|inode| self.files.get_mut(&inode)) {
                Arc::make_mut(file).links -= 1;
            }
            if let Some(file) = edit.target.and_then(|inode| self.files.get_mut(&inode)) {
                Arc::make_mut(file).links += 1;
            }
        }
        self.ordered_pending.push(NameChange {
            change,
            edits: edits.clone(),
        });
    }

    fn rename_paths(&mut self, from: &Path, to: &Path) {
        for file in self.files.values_mut().filter(|file| file.links > 0) {
            if let Ok(rest) = file.path.strip_prefix(from) {
                // Joining nothing would add a slash.
                let path = if rest.as_os_str().is_empty() {
                    to.into()
                } else {
                    to.join(rest)
                };
                Arc::make_mut(file).path = path.into();
            }
        }
    }

    /// Strict: this directory only. Ordered: the journal up to its last change is committed.
    fn sync_dir(&mut self, directory: InodeNumber) {
        self.directory_mut(directory).sync_strict();
        let touches =
            |change: &NameChange| change.edits.iter().any(|edit| edit.directory == directory);
        let Some(last) = self.ordered_pending.iter().rposition(touches) else {
            return;
        };
        let committed: Vec<NameChange> = self.ordered_pending.drain(..=last).collect();
        for edit in committed.iter().flat_map(|change| change.edits.iter()) {
            let names = &mut self.directory_mut(edit.directory).ordered;
            apply_edit(Arc::make_mut(names), edit);
        }
    }

    fn evict(&mut self, seed: u64) {
        let mut random = Random::new(seed);
        for file in self
            .files
            .values_mut()
            .filter(|file| !file.is_all_durable())
        {
            Arc::make_mut(file).evict(|history| {
                let pick = random.below(history.versions.len() as u64 + 1) as usize;
                pick.checked_sub(1)
            });
        }
    }

    /// The file or directory at `path`.
    pub(super) fn resolve(&self, path: &Path) -> io::Result<InodeNumber> {
        let mut at = ROOT;
        for component in path.components() {
            match component {
                // On Windows an absolute path has a drive.
                Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => {
                    let name = name.to_str().ok_or(io::ErrorKind::InvalidInput)?;
                    at = *self.names(at)?.get(name).ok_or_else(not_found)?;
                }
                Component::ParentDir => {
                    return Err(io::ErrorKind::InvalidInput.into());
                }
            }
        }
        Ok(at)
    }

    /// The directory of `path`, which must exist, and the last name, which need not.
    pub(super) fn resolve_parent(&self, path: &Path) -> io::Result<(InodeNumber, Arc<str>)> {
        let (parent, name) = path.parent().zip(path.file_name()).ok_or_else(exists)?;
        let directory = self.resolve(parent)?;
        self.names(directory)?;
        Ok((
            directory,
            name.to_str().ok_or(io::ErrorKind::InvalidInput)?.into(),
        ))
    }

    /// The names of the directory; `NotADirectory` for a file.
    pub(super) fn names(&self, inode: InodeNumber) -> io::Result<&Names> {
        let directory = self.directories.get(&inode);
        Ok(&directory.ok_or_else(|| raw(codes::ENOTDIR))?.now)
    }
}

/// The error the system would give.
pub(super) fn raw(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

pub(super) fn not_found() -> io::Error {
    raw(codes::ENOENT)
}

pub(super) fn exists() -> io::Error {
    raw(codes::EEXIST)
}
