//! A range of a simulated file mapped for writing.
//!
//! A store never fails, and no planned fault applies to it. It is logged in two halves, because at
//! the moment of a power failure any part of it may be in the cache.

use crate::primitives::Mutex;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::storage::Access;
use crate::storage::WriteMapping;
use crate::storage::simulated::codes;
use crate::storage::simulated::directories::InodeNumber;
use crate::storage::simulated::dispatch::DiskState;
use crate::storage::simulated::dispatch::Failure;
use crate::storage::simulated::dispatch::OpRequest;
use crate::storage::simulated::fault::FaultPlan;
use crate::storage::simulated::file_content::PAGE_BYTES;
use crate::storage::simulated::op_log::OpKind;
use crate::storage::simulated::state::StateChange;
use crate::storage::simulated::state::raw;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// The map; keeps the file alive as an open one does.
#[derive(Debug)]
pub(super) struct SimulatedMap {
    live: Arc<Mutex<DiskState>>,
    inode: InodeNumber,
    from: u64,
    len: u64,
    ready_from: AtomicU64,
    populated_end: AtomicU64,
}

impl SimulatedMap {
    pub(super) fn new(
        live: Arc<Mutex<DiskState>>,
        inode: InodeNumber,
        from: u64,
        len: u64,
    ) -> Self {
        live.lock().opened(inode, Access::Read);
        Self {
            live,
            inode,
            from,
            len,
            ready_from: AtomicU64::new(from),
            populated_end: AtomicU64::new(from),
        }
    }

    fn call(
        &self,
        kind: OpKind,
        (offset, len): (u64, u64),
        work: impl FnOnce(&DiskState) -> Result<(StateChange, ()), Failure>,
        in_part: impl FnOnce(&FaultPlan) -> StateChange,
    ) -> io::Result<()> {
        let mut live = self.live.lock();
        let path = live.state.file(self.inode).path.clone();
        live.call(
            OpRequest {
                kind,
                path: &path,
                offset,
                len,
            },
            work,
            in_part,
        )
    }
}

impl Drop for SimulatedMap {
    fn drop(&mut self) {
        self.live.lock().closed(self.inode, Access::Read);
    }
}

impl WriteMapping for SimulatedMap {
    fn populate(&self, from: u64, to: u64) -> io::Result<()> {
        let ready = self.ready_from.load(Ordering::Acquire)..self.populated_end();
        if to <= ready.end && !ready.is_empty() {
            return Ok(());
        }
        let first = if ready.is_empty() { from } else { ready.end };
        let (inode, len) = (self.inode, to.saturating_sub(first));
        let continues = ready.is_empty() || (ready.start..=ready.end).contains(&from);
        let work = |live: &DiskState| {
            let pages_end = live.state.file(inode).volatile_len;
            let has_pages = to <= pages_end.next_multiple_of(PAGE_BYTES as u64);
            let map = self.range();
            if from < map.start || to > map.end || from >= to || !continues {
                return Err(raw(codes::EINVAL).into());
            }
            if !has_pages || live.room(inode, first, len) < len {
                return Err(raw(codes::EFAULT).into());
            }
            Ok((StateChange::Nothing, ()))
        };
        self.call(OpKind::MakeReady, (first, len), work, |_| {
            StateChange::Nothing
        })?;
        if ready.is_empty() {
            self.ready_from.store(from, Ordering::Release);
        }
        self.populated_end.fetch_max(to, Ordering::AcqRel);
        Ok(())
    }

    fn store(&self, offset: u64, bytes: &[u8]) -> bool {
        let end = offset.checked_add(bytes.len() as u64);
        let ready_from = self.ready_from.load(Ordering::Acquire);
        if offset < ready_from || end.is_none_or(|end| end > self.populated_end()) {
            return false;
        }
        let mut live = self.live.lock();
        if live.is_dead {
            return false;
        }
        let path = live.state.file(self.inode).path.clone();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        for (at, half) in [(offset, first), (offset + first.len() as u64, second)] {
            if half.is_empty() {
                continue;
            }
            let effect = StateChange::Write {
                inode: self.inode,
                offset: at,
                bytes: half.into(),
            };
            let range = (at, half.len() as u64);
            live.push(OpKind::Store, &path, range, false, effect);
        }
        true
    }

    fn populated_end(&self) -> u64 {
        self.populated_end.load(Ordering::Acquire)
    }

    fn range(&self) -> Range<u64> {
        self.from..self.from + self.len
    }

    fn syncs_ranges(&self) -> bool {
        true
    }

    fn sync_range(&self, from: u64, to: u64) -> io::Result<()> {
        let (inode, offset) = (self.inode, from);
        let Some(len) = to.checked_sub(from) else {
            return Err(raw(codes::EINVAL));
        };
        let effect = StateChange::SyncRange { inode, offset, len };
        let in_part = |plan: &FaultPlan| match plan.drops_dirty {
            true => StateChange::LoseSync { inode },
            false => StateChange::Nothing,
        };
        self.call(
            OpKind::SyncRange,
            (from, len),
            |_| Ok((effect, ())),
            in_part,
        )
    }
}
