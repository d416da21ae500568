//! A disk in memory that can lose power, the process, or single calls.
//!
//! Deterministic: the same calls give the same disk, and the same seed the same crash. A call is
//! atomic. A crash in the middle of a call needs no state of its own: a crash after the call may
//! leave the same, because survivors are chosen per 512-byte sector, per length and per name.
//!
//! Not simulated: links by name, `..`, permissions, two calls at the same time. A mapping for
//! reading is a snapshot; stores into a mapping for writing are calls like any other.

mod codes;
mod crash;
mod directories;
mod dispatch;
mod fault;
mod file;
mod file_content;
mod files;
mod inspect;
mod op_log;
mod random;
mod replay;
mod state;
mod storage;
mod write_map;

pub use crash::DirectoryModel;
pub use fault::FaultPlan;
pub use op_log::Op;
pub use op_log::OpKind;
pub use replay::Replay;

use crash::survivors;
use dispatch::DiskState;
use state::State;
use state::StateChange;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::primitives::Mutex;

/// The simulated disk. Clones are the same disk. A new one has an empty, durable `/`.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    live: Arc<Mutex<DiskState>>,
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedDisk {
    /// An empty disk without limits.
    pub fn new() -> Self {
        Self::from_state(State::new(), None)
    }

    fn from_state(state: State, capacity_bytes: Option<u64>) -> Self {
        Self {
            live: Arc::new(Mutex::new(DiskState::new(state, capacity_bytes))),
        }
    }

    /// A fresh disk as it may be after losing power now. This one goes on. Seed 0 keeps nothing
    /// that was not synced, seed 1 everything; eight seeds in a row see eight ways of choosing,
    /// 3 modulo 8 the most chaotic. The fresh disk is unlocked, without faults, and of the same
    /// capacity.
    pub fn crash(&self, seed: u64, model: DirectoryModel) -> Self {
        let live = self.live.lock();
        Self::from_state(survivors(&live.state, seed, model), live.capacity_bytes)
    }

    /// The same, but right after the call with the number `op_index` (0: before the first). For
    /// many moments use [`replay`](Self::replay).
    pub fn crash_at(&self, op_index: u64, seed: u64, model: DirectoryModel) -> Self {
        let mut replay = self.replay();
        while replay.op_index() < op_index && replay.step() {}
        replay.crash(seed, model)
    }

    /// A cursor over the calls so far.
    pub fn replay(&self) -> Replay {
        let live = self.live.lock();
        Replay {
            state: live.initial.clone(),
            ops: live.journal.clone(),
            done: 0,
            capacity_bytes: live.capacity_bytes,
        }
    }

    /// The process dies: every further call on this disk and on its files fails, and changes
    /// nothing. The result is the disk for the next process: it has all written bytes, unsynced ones
    /// are still unsynced, and pages that a failed sync dropped stay dropped. Nothing is locked.
    pub fn kill(&self) -> Self {
        let mut live = self.live.lock();
        live.is_dead = true;
        Self::from_state(live.state.clone(), live.capacity_bytes)
    }

    /// The number of the last call; the first is 1. `SimulatedDisk`'s own methods do not count.
    pub fn op_count(&self) -> u64 {
        self.live.lock().journal.len() as u64
    }

    /// All calls so far.
    pub fn ops(&self) -> Vec<Arc<Op>> {
        self.live.lock().journal.clone()
    }

    /// How many calls of this kind there were, failed ones included.
    pub fn count(&self, kind: OpKind) -> u64 {
        self.count_on(kind, "")
    }

    /// How many calls of this kind there were on paths that contain `part`.
    pub fn count_on(&self, kind: OpKind, part: &str) -> u64 {
        let live = self.live.lock();
        live.journal
            .iter()
            .filter(|op| op.kind == kind && op.is_on(part))
            .count() as u64
    }

    /// Notes that something happened, by a number of the caller's ("entry 7 was acknowledged"),
    /// after the calls so far.
    pub fn mark(&self, mark: u64) {
        let mut live = self.live.lock();
        let op_index = live.journal.len() as u64;
        live.marks.push((op_index, mark));
    }

    /// All marks in order: the number of the last call before it, and the mark.
    pub fn marks(&self) -> Vec<(u64, u64)> {
        self.live.lock().marks.clone()
    }

    /// Makes calls fail. Several plans work side by side; the oldest that fires decides.
    pub fn inject(&self, plan: FaultPlan) {
        self.live.lock().plans.push(plan);
    }

    /// Ends all plans.
    pub fn clear_faults(&self) {
        self.live.lock().plans.clear();
    }

    /// The time of day moves on; it stands still otherwise. Not a call, and no part of a replay.
    pub fn pass_time(&self, time: Duration) {
        self.live.lock().state.time += time;
    }

    /// How many calls failed because of a plan.
    pub fn faults_fired(&self) -> u64 {
        self.live.lock().faults_fired
    }

    /// Limits the space for files to so many bytes, in blocks of 4 KiB; `None`: no limit. Files keep
    /// the blocks they have, and writes into these always succeed.
    pub fn set_capacity(&self, bytes: impl Into<Option<u64>>) {
        self.live.lock().capacity_bytes = bytes.into();
    }

    /// Bytes in use, in blocks: files with a name, and removed ones that are still open.
    pub fn used_bytes(&self) -> u64 {
        self.live.lock().used_bytes()
    }

    /// From now on, bytes that are unsynced when the last handle for writing is closed are lost: they
    /// stay visible and count as clean, and a later sync makes them durable only if they are written
    /// again. A real disk may do so: an error of a write-back is then reported to no handle.
    pub fn lose_what_is_closed(&self) {
        self.live.lock().loses_what_is_closed = true;
    }

    /// Memory gets short: pages that count as clean are dropped and read from the disk again. After a
    /// failed sync that dropped them, reads show the loss (per sector, by seed). Numbered like a
    /// call.
    pub fn evict_cache(&self, seed: u64) {
        self.live.lock().push(
            OpKind::Evict,
            "/".as_ref(),
            (0, 0),
            false,
            StateChange::Evict { seed },
        );
    }

    /// The content of the file; not a call.
    pub fn contents(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let live = self.live.lock();
        let inode = live.state.resolve(path.as_ref())?;
        let file = live
            .state
            .files
            .get(&inode)
            .ok_or(io::ErrorKind::IsADirectory)?;
        let mut bytes = vec![0; file.volatile_len as usize];
        file.read(0, &mut bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
