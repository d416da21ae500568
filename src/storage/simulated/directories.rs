//! Directories: the names they list now, and the names that survive a crash.
//!
//! There are two models of a crash, tracked side by side. Strict: each name by itself has the target
//! of the last sync of its directory or any later one. Ordered: as on a journaling file system, all
//! later changes are one sequence, of which a prefix survives.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of a file or directory.
pub(super) type InodeNumber = u64;

/// The names of one directory.
pub(super) type Names = BTreeMap<Arc<str>, InodeNumber>;

/// The directory that is always there: `/`.
pub(super) const ROOT: InodeNumber = 0;

/// The new target of a name; `None`: the name is removed.
#[derive(Clone, Debug)]
pub(super) struct NameEdit {
    pub(super) directory: InodeNumber,
    pub(super) name: Arc<str>,
    pub(super) target: Option<InodeNumber>,
}

/// One creation, renaming, linking or removal.
#[derive(Clone, Debug)]
pub(super) struct NameChange {
    pub(super) change: u64,
    pub(super) edits: Arc<[NameEdit]>,
}

/// A directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) now: Arc<Names>,
    /// Durable under the strict model.
    pub(super) strict: Arc<Names>,
    /// The later targets of each name, oldest first.
    pub(super) strict_pending: BTreeMap<Arc<str>, Vec<(u64, Option<InodeNumber>)>>,
    /// Durable under the ordered model; pending changes are stored for all directories together.
    pub(super) ordered: Arc<Names>,
}

impl Directory {
    /// A directory as it is after power came back.
    pub(super) fn durable_directory(names: Names) -> Self {
        let now = Arc::new(names);
        Self {
            strict: now.clone(),
            ordered: now.clone(),
            now,
            strict_pending: BTreeMap::new(),
        }
    }

    pub(super) fn edit(&mut self, change: u64, edit: &NameEdit) {
        apply_edit(Arc::make_mut(&mut self.now), edit);
        let pending = self.strict_pending.entry(edit.name.clone()).or_default();
        pending.push((change, edit.target));
    }

    pub(super) fn sync_strict(&mut self) {
        self.strict = self.now.clone();
        self.strict_pending.clear();
    }
}

pub(super) fn apply_edit(names: &mut Names, edit: &NameEdit) {
    match edit.target {
        Some(inode) => names.insert(edit.name.clone(), inode),
        None => names.remove(&edit.name),
    };
}
