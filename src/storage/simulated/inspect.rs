//! How do tests read and change the disk directly? None of this is a call: nothing is logged.

use crate::storage::simulated::SimulatedDisk;
use crate::storage::simulated::directories::Directory;
use crate::storage::simulated::directories::InodeNumber;
use crate::storage::simulated::directories::Names;
use crate::storage::simulated::directories::ROOT;
use crate::storage::simulated::file_content::Blocks;
use crate::storage::simulated::file_content::Content;
use crate::storage::simulated::files::Inode;
use crate::storage::simulated::state::State;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

impl SimulatedDisk {
    /// All files and their content, by path; empty directories are left out.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let live = self.live.lock();
        let mut files = BTreeMap::new();
        let mut ways = vec![(ROOT, PathBuf::from("/"))];
        while let Some((directory, path)) = ways.pop() {
            for (name, inode) in live.state.directories[&directory].now.iter() {
                let path = path.join(&**name);
                match live.state.files.get(inode) {
                    Some(file) => {
                        let mut bytes = vec![0; file.volatile_len as usize];
                        file.read(0, &mut bytes);
                        files.insert(path, bytes);
                    }
                    None => ways.push((*inode, path)),
                }
            }
        }
        files
    }

    /// Creates or replaces a file, durably, with its directories. Open handles of the file see the
    /// new content, unless the name has another file by then.
    pub fn put(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        let mut live = self.live.lock();
        let path = path.as_ref();
        let mut at = ROOT;
        for name in path.parent().into_iter().flatten().skip(1) {
            at = durable_name(
                &mut live.state,
                at,
                &name.to_string_lossy(),
                |state, inode| {
                    state.directories.insert(inode, Arc::default());
                },
            );
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = durable_name(&mut live.state, at, &name, |state, inode| {
            let mut file = Inode::empty(path.into());
            file.links = 1;
            state.files.insert(inode, Arc::new(file));
        });
        let (mut content, mut blocks) = (Content::default(), Blocks::default());
        content.write(0, bytes);
        blocks.add(0, bytes.len() as u64);
        let before = live.state.file(file);
        let links = before.links;
        let path = before.path.clone();
        let mut after = Inode::durable_file(content, bytes.len() as u64, blocks, path);
        after.links = links;
        live.state.files.insert(file, Arc::new(after));
    }

    /// Removes a file, durably. False: there is none.
    pub fn lose(&self, path: impl AsRef<Path>) -> bool {
        let mut live = self.live.lock();
        let path = path.as_ref();
        let Ok((directory, name)) = live.state.resolve_parent(path) else {
            return false;
        };
        let Ok(inode) = live.state.resolve(path) else {
            return false;
        };
        if let Some(file) = live.state.files.get_mut(&inode) {
            Arc::make_mut(file).links -= 1;
        }
        edit_everywhere(&mut live.state, directory, |names| {
            names.remove(&name);
        });
        true
    }

    /// How many files are open, each as often as it is, and how many locks are held: 0 once all
    /// logs on the disk are closed.
    pub fn held(&self) -> usize {
        let live = self.live.lock();
        live.open.values().sum::<usize>() + live.locked.len()
    }
}

/// The target of `name` in the directory; `make` creates it where there is none.
fn durable_name(
    state: &mut State,
    directory: InodeNumber,
    name: &str,
    make: impl FnOnce(&mut State, InodeNumber),
) -> InodeNumber {
    if let Some(inode) = state.directories[&directory].now.get(name) {
        return *inode;
    }
    let inode = state.next_inode;
    state.next_inode += 1;
    make(state, inode);
    edit_everywhere(state, directory, |names| {
        names.insert(name.into(), inode);
    });
    inode
}

/// Changes the names of the directory, now and after any crash.
fn edit_everywhere(state: &mut State, directory: InodeNumber, edit: impl Fn(&mut Names)) {
    let Some(directory) = state.directories.get_mut(&directory) else {
        return;
    };
    let directory: &mut Directory = Arc::make_mut(directory);
    for names in [
        &mut directory.now,
        &mut directory.strict,
        &mut directory.ordered,
    ] {
        edit(Arc::make_mut(names));
    }
}
