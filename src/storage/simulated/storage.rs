//! Names, directories and locks of the simulated disk: its [`Storage`].

use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::StorageLock;
use crate::storage::simulated::SimulatedDisk;
use crate::storage::simulated::codes;
use crate::storage::simulated::directories::InodeNumber;
use crate::storage::simulated::directories::NameEdit;
use crate::storage::simulated::dispatch::DiskState;
use crate::storage::simulated::dispatch::Failure;
use crate::storage::simulated::dispatch::OpRequest;
use crate::storage::simulated::file::SimulatedFile;
use crate::storage::simulated::op_log::OpKind;
use crate::storage::simulated::state::StateChange;
use crate::storage::simulated::state::exists;
use crate::storage::simulated::state::raw;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

impl SimulatedDisk {
    /// Renames a file or a directory by hand; a call like any other.
    pub fn rename_by_hand(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        self.rename(from.as_ref(), to.as_ref())
    }

    fn call<T>(
        &self,
        kind: OpKind,
        path: &Path,
        work: impl FnOnce(&DiskState) -> Result<(StateChange, T), Failure>,
    ) -> io::Result<T> {
        self.live
            .lock()
            .call(OpRequest::on_path(kind, path), work, |_| {
                StateChange::Nothing
            })
    }

    fn file(&self, inode: InodeNumber, access: Access) -> Arc<dyn StorageFile> {
        Arc::new(SimulatedFile::new(self.live.clone(), inode, access))
    }
}

impl Storage for SimulatedDisk {
    fn open_file(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let inode = self.call(OpKind::Open, path, |live| {
            let inode = live.state.resolve(path)?;
            if live.state.directories.contains_key(&inode) {
                return Err(raw(codes::EISDIR).into());
            }
            Ok((StateChange::Nothing, inode))
        })?;
        Ok(self.file(inode, access))
    }

    fn create_file(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let inode = self.call(OpKind::Create, path, |live| Ok(create_file(live, path)?))?;
        Ok(self.file(inode, Access::ReadWrite))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(OpKind::Rename, from, |live| {
            Ok((rename(live, from, to)?, ()))
        })
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(OpKind::Link, from, |live| {
            let inode = live.state.resolve(from)?;
            if live.state.directories.contains_key(&inode) {
                return Err(raw(codes::EPERM).into());
            }
            Ok((
                edit_names([free_name(live, to)?.stands_for(inode)], None),
                (),
            ))
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call(OpKind::Remove, path, |live| {
            let inode = live.state.resolve(path)?;
            if live.state.directories.contains_key(&inode) {
                return Err(raw(codes::EISDIR).into());
            }
            Ok((edit_names([name(live, path)?.stands_for(None)], None), ()))
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call(OpKind::CreateDir, path, |live| {
            let inode = live.state.next_inode;
            let edits = [free_name(live, path)?.stands_for(inode)].into();
            Ok((StateChange::CreateDir { inode, edits }, ()))
        })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.call(OpKind::RemoveDir, path, |live| {
            let inode = live.state.resolve(path)?;
            if !live.state.names(inode)?.is_empty() {
                return Err(raw(codes::ENOTEMPTY).into());
            }
            Ok((edit_names([name(live, path)?.stands_for(None)], None), ()))
        })
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.call(OpKind::List, dir, |live| {
            let names = live.state.names(live.state.resolve(dir)?)?;
            let entry = |(name, &inode): (&Arc<str>, &InodeNumber)| DirEntry {
                name: name.to_string(),
                kind: kind_of(live, inode),
                is_link: false,
            };
            Ok((StateChange::Nothing, names.iter().map(entry).collect()))
        })
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.call(OpKind::Kind, path, |live| match live.state.resolve(path) {
            Ok(inode) => Ok((StateChange::Nothing, Some(kind_of(live, inode)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok((StateChange::Nothing, None))
            }
            Err(error) => Err(error.into()),
        })
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        self.call(OpKind::Kind, path, |live| {
            let inode = live.state.resolve(path)?;
            let file = live.state.files.get(&inode);
            let file = file.ok_or_else(|| raw(codes::EISDIR))?;
            Ok((StateChange::Nothing, since_the_beginning(file.modified)))
        })
    }

    fn wall_clock(&self) -> SystemTime {
        since_the_beginning(self.live.lock().state.time)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(OpKind::SyncDir, dir, |live| {
            let directory = live.state.resolve(dir)?;
            live.state.names(directory)?;
            Ok((StateChange::SyncDir { directory }, ()))
        })
    }

    fn available_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.call(OpKind::Available, dir, |live| {
            live.state.resolve(dir)?;
            Ok((StateChange::Nothing, live.free_bytes()))
        })
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.call(OpKind::Canonical, path, |live| {
            live.state.names(live.state.resolve(path)?)?;
            Ok((
                StateChange::Nothing,
                Path::new("/").join(path.components().collect::<PathBuf>()),
            ))
        })
    }

    fn map_stores_cannot_fault(&self, _dir: &Path) -> io::Result<bool> {
        Ok(true)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn StorageLock>> {
        let mut live = self.live.lock();
        let work = |live: &DiskState| {
            let (directory, _) = live.state.resolve_parent(path)?;
            let found = live.state.resolve(path);
            if live.locked_dirs.contains(&directory)
                || matches!(&found, Ok(inode) if live.locked.contains(inode))
            {
                return Err(raw(codes::EWOULDBLOCK).into());
            }
            let (effect, inode) = match found {
                Ok(inode) if live.state.directories.contains_key(&inode) => {
                    return Err(raw(codes::EISDIR).into());
                }
                Ok(inode) => (StateChange::Nothing, inode),
                Err(error) if error.kind() == io::ErrorKind::NotFound => create_file(live, path)?,
                Err(error) => return Err(error.into()),
            };
            Ok((effect, (directory, inode)))
        };
        let (directory, inode) = live.call(OpRequest::on_path(OpKind::Lock, path), work, |_| {
            StateChange::Nothing
        })?;
        live.locked.insert(inode);
        live.locked_dirs.insert(directory);
        Ok(Box::new(SimulatedLock {
            disk: self.clone(),
            path: path.to_path_buf(),
            directory,
            inode,
        }))
    }

    /// Not a call: the disk has no part in it.
    fn is_announced(&self, path: &Path) -> io::Result<bool> {
        let live = self.live.lock();
        let found = live.state.resolve(path);
        Ok(found.is_ok_and(|inode| live.announced.contains(&inode)))
    }
}

/// The time of day, this long after the disk was made.
fn since_the_beginning(time: Duration) -> SystemTime {
    const MADE: Duration = Duration::from_secs(1_000_000_000);
    SystemTime::UNIX_EPOCH + MADE + time
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    path: PathBuf,
    directory: InodeNumber,
    inode: InodeNumber,
}

impl StorageLock for SimulatedLock {
    /// Not a call: nothing of the disk is read or changed by it.
    fn is_attached(&self) -> io::Result<bool> {
        let live = self.disk.live.lock();
        let directory = live.state.resolve_parent(&self.path);
        let is_there = directory.is_ok_and(|(directory, _)| directory == self.directory);
        Ok(is_there
            && live
                .state
                .resolve(&self.path)
                .is_ok_and(|inode| inode == self.inode))
    }

    fn announce(&self) -> io::Result<()> {
        self.disk.live.lock().announced.insert(self.inode);
        Ok(())
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut live = self.disk.live.lock();
        live.locked.remove(&self.inode);
        live.announced.remove(&self.inode);
        live.locked_dirs.remove(&self.directory);
    }
}

/// A name in a directory that exists.
struct Name {
    directory: InodeNumber,
    name: Arc<str>,
}

impl Name {
    fn stands_for(self, target: impl Into<Option<InodeNumber>>) -> NameEdit {
        NameEdit {
            directory: self.directory,
            name: self.name,
            target: target.into(),
        }
    }
}

fn name(live: &DiskState, path: &Path) -> io::Result<Name> {
    let (directory, name) = live.state.resolve_parent(path)?;
    Ok(Name { directory, name })
}

/// A name that stands for nothing yet.
fn free_name(live: &DiskState, path: &Path) -> io::Result<Name> {
    let name = name(live, path)?;
    if live.state.names(name.directory)?.contains_key(&name.name) {
        return Err(exists());
    }
    Ok(name)
}

fn create_file(live: &DiskState, path: &Path) -> io::Result<(StateChange, InodeNumber)> {
    let inode = live.state.next_inode;
    let edits = [free_name(live, path)?.stands_for(inode)].into();
    Ok((
        StateChange::CreateFile {
            inode,
            path: path.into(),
            edits,
        },
        inode,
    ))
}

fn rename(live: &DiskState, from: &Path, to: &Path) -> io::Result<StateChange> {
    let inode = live.state.resolve(from)?;
    let (old_name, new_name) = (name(live, from)?, name(live, to)?);
    let is_directory = live.state.directories.contains_key(&inode);
    if is_directory && to != from && to.starts_with(from) {
        return Err(raw(codes::EINVAL));
    }
    let replaced = live
        .state
        .names(new_name.directory)?
        .get(&new_name.name)
        .copied();
    match replaced {
        // Two names of one file: POSIX says that nothing happens.
        Some(replaced) if replaced == inode => return Ok(StateChange::Nothing),
        Some(replaced) if live.state.directories.contains_key(&replaced) => {
            if !is_directory {
                return Err(raw(codes::EISDIR));
            }
            if !live.state.names(replaced)?.is_empty() {
                return Err(raw(codes::ENOTEMPTY));
            }
        }
        Some(_) if is_directory => return Err(raw(codes::ENOTDIR)),
        Some(_) | None => {}
    }
    let edits = [old_name.stands_for(None), new_name.stands_for(inode)];
    Ok(edit_names(edits, Some((from.into(), to.into()))))
}

fn edit_names<const N: usize>(
    edits: [NameEdit; N],
    renamed: Option<(Arc<Path>, Arc<Path>)>,
) -> StateChange {
    StateChange::EditNames {
        edits: edits.into(),
        renamed,
    }
}

fn kind_of(live: &DiskState, inode: InodeNumber) -> EntryKind {
    match live.state.directories.contains_key(&inode) {
        true => EntryKind::Directory,
        false => EntryKind::File,
    }
}
