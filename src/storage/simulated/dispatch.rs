//! The path of one call: it gets a number, fails by a plan or succeeds, is logged and applied.

use crate::storage::Access;
use crate::storage::simulated::codes;
use crate::storage::simulated::directories::InodeNumber;
use crate::storage::simulated::fault::FaultPlan;
use crate::storage::simulated::file_content::PAGE_BYTES;
use crate::storage::simulated::op_log::Op;
use crate::storage::simulated::op_log::OpKind;
use crate::storage::simulated::state::State;
use crate::storage::simulated::state::StateChange;
use crate::storage::simulated::state::raw;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Without a capacity, so much is always free.
const UNLIMITED_BYTES: u64 = 1 << 40;

/// A disk while a process uses it.
#[derive(Debug)]
pub(super) struct DiskState {
    pub(super) state: State,
    /// As it was before the first call.
    pub(super) initial: State,
    pub(super) journal: Vec<Arc<Op>>,
    pub(super) marks: Vec<(u64, u64)>,
    pub(super) plans: Vec<FaultPlan>,
    pub(super) faults_fired: u64,
    pub(super) capacity_bytes: Option<u64>,
    pub(super) locked: BTreeSet<InodeNumber>,
    /// Those of them whose holders have announced themselves.
    pub(super) announced: BTreeSet<InodeNumber>,
    /// The directories of what is locked.
    pub(super) locked_dirs: BTreeSet<InodeNumber>,
    /// How many times each file is open.
    pub(super) open: BTreeMap<InodeNumber, usize>,
    /// How many of these can write. A map reports no error, so it does not count.
    pub(super) writers: BTreeMap<InodeNumber, usize>,
    pub(super) loses_what_is_closed: bool,
    pub(super) is_dead: bool,
}

/// The arguments of a call.
pub(super) struct OpRequest<'a> {
    pub(super) kind: OpKind,
    pub(super) path: &'a Path,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl<'a> OpRequest<'a> {
    pub(super) fn on_path(kind: OpKind, path: &'a Path) -> Self {
        Self {
            kind,
            path,
            offset: 0,
            len: 0,
        }
    }
}

/// An error, and the effect of the call before it.
pub(super) struct Failure {
    pub(super) effect: StateChange,
    pub(super) error: io::Error,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            effect: StateChange::Nothing,
            error,
        }
    }
}

impl From<io::ErrorKind> for Failure {
    fn from(kind: io::ErrorKind) -> Self {
        io::Error::from(kind).into()
    }
}

impl DiskState {
    pub(super) fn new(state: State, capacity_bytes: Option<u64>) -> Self {
        Self {
            initial: state.clone(),
            state,
            journal: Vec::new(),
            marks: Vec::new(),
            plans: Vec::new(),
            faults_fired: 0,
            capacity_bytes,
            locked: BTreeSet::new(),
            announced: BTreeSet::new(),
            locked_dirs: BTreeSet::new(),
            open: BTreeMap::new(),
            writers: BTreeMap::new(),
            loses_what_is_closed: false,
            is_dead: false,
        }
    }

    /// Runs one call. `work` reads the disk and returns the effect of the call and its result; it
    /// changes nothing itself. `in_part` returns the effect of a planned failure.
    pub(super) fn call<T>(
        &mut self,
        asked: OpRequest<'_>,
        work: impl FnOnce(&Self) -> Result<(StateChange, T), Failure>,
        in_part: impl FnOnce(&FaultPlan) -> StateChange,
    ) -> io::Result<T> {
        if self.is_dead {
            return Err(io::Error::other("the simulated process has died"));
        }
        let index = self.journal.len() as u64 + 1;
        let mut plans = self.plans.iter_mut();
        let fired = plans.find_map(|plan| {
            plan.fires(index, asked.kind, asked.path)
                .then(|| plan.clone())
        });
        let outcome = match fired {
            Some(plan) => {
                self.faults_fired += 1;
                let effect = match plan.happens {
                    true => work(self).map_or_else(|failure| failure.effect, |done| done.0),
                    false => in_part(&plan),
                };
                Err(Failure {
                    effect,
                    error: plan.error(),
                })
            }
            None => work(self),
        };
        let range = (asked.offset, asked.len);
        match outcome {
            Ok((effect, value)) => {
                self.push(asked.kind, asked.path, range, false, effect);
                Ok(value)
            }
            Err(failure) => {
                self.push(asked.kind, asked.path, range, true, failure.effect);
                Err(failure.error)
            }
        }
    }

    pub(super) fn push(
        &mut self,
        kind: OpKind,
        path: &Path,
        (offset, len): (u64, u64),
        failed: bool,
        effect: StateChange,
    ) {
        self.state.apply(&effect);
        let index = self.journal.len() as u64 + 1;
        let op = Op {
            index,
            kind,
            path: path.into(),
            offset,
            len,
            failed,
            effect,
        };
        self.journal.push(Arc::new(op));
    }

    pub(super) fn used_bytes(&self) -> u64 {
        let in_use = self
            .state
            .files
            .iter()
            .filter(|(inode, file)| file.links > 0 || self.open.contains_key(inode));
        in_use
            .map(|(_, file)| file.blocks.count() * PAGE_BYTES as u64)
            .sum()
    }

    pub(super) fn free_bytes(&self) -> u64 {
        match self.capacity_bytes {
            Some(capacity) => capacity.saturating_sub(self.used_bytes()),
            None => UNLIMITED_BYTES,
        }
    }

    /// How many of the `len` bytes at `offset` have a block or can get one, up to the first that
    /// cannot.
    pub(super) fn room(&self, inode: InodeNumber, offset: u64, len: u64) -> u64 {
        let Some(_) = self.capacity_bytes else {
            return len;
        };
        let blocks = &self.state.file(inode).blocks;
        let mut free_blocks = self.free_bytes() / PAGE_BYTES as u64;
        let (first, end) = (
            offset / PAGE_BYTES as u64,
            (offset + len).div_ceil(PAGE_BYTES as u64),
        );
        for page in first..end {
            if blocks.owns(page) {
                continue;
            }
            if free_blocks == 0 {
                return (page * PAGE_BYTES as u64).saturating_sub(offset);
            }
            free_blocks -= 1;
        }
        len
    }

    pub(super) fn opened(&mut self, inode: InodeNumber, access: Access) {
        *self.open.entry(inode).or_default() += 1;
        if access == Access::ReadWrite {
            *self.writers.entry(inode).or_default() += 1;
        }
    }

    pub(super) fn closed(&mut self, inode: InodeNumber, access: Access) {
        leave(&mut self.open, inode);
        let is_last = access == Access::ReadWrite && leave(&mut self.writers, inode);
        if is_last && self.loses_what_is_closed && !self.is_dead {
            let path = self.state.file(inode).path.clone();
            let effect = StateChange::LoseSync { inode };
            self.push(OpKind::Close, &path, (0, 0), false, effect);
        }
    }
}

/// One handle less; whether it was the last.
fn leave(handles: &mut BTreeMap<InodeNumber, usize>, inode: InodeNumber) -> bool {
    let Some(count) = handles.get_mut(&inode) else {
        return false;
    };
    *count -= 1;
    let is_last = *count == 0;
    if is_last {
        handles.remove(&inode);
    }
    is_last
}

/// `EFBIG` for ranges that no file offset can name.
pub(super) fn check_range(offset: u64, len: u64) -> io::Result<()> {
    let end = offset
        .checked_add(len)
        .filter(|&end| i64::try_from(end).is_ok());
    end.map(|_| ()).ok_or_else(|| raw(codes::EFBIG))
}
