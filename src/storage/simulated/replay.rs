//! Every moment at which power may be lost, one after the other.

use crate::storage::simulated::SimulatedDisk;
use crate::storage::simulated::crash::DirectoryModel;
use crate::storage::simulated::crash::survivors;
use crate::storage::simulated::op_log::Op;
use crate::storage::simulated::state::State;
use std::sync::Arc;

/// A cursor over the calls that a disk has answered. It starts before the first call; each
/// [`step`](Self::step) rebuilds the disk as it was right after the next. Going through n calls
/// costs n steps, not n².
#[derive(Clone, Debug)]
pub struct Replay {
    pub(super) state: State,
    pub(super) ops: Vec<Arc<Op>>,
    pub(super) done: usize,
    pub(super) capacity_bytes: Option<u64>,
}

impl Replay {
    /// Goes to the state right after the next call; false (and no change) when there is none.
    pub fn step(&mut self) -> bool {
        let Some(op) = self.ops.get(self.done) else {
            return false;
        };
        self.state.apply(&op.effect);
        self.done += 1;
        true
    }

    /// Steps on until a call changed something; false when none is left that did. Crashing in
    /// between tests nothing new.
    pub fn step_to_change(&mut self) -> bool {
        while self.step() {
            if self.op().is_some_and(Op::changed) {
                return true;
            }
        }
        false
    }

    /// The number of the last call done; 0 before the first.
    pub fn op_index(&self) -> u64 {
        self.op().map_or(0, |op| op.index)
    }

    /// The last call done; `None` before the first.
    pub fn op(&self) -> Option<&Op> {
        self.done.checked_sub(1).map(|last| &*self.ops[last])
    }

    /// The disk after losing power at this moment; see [`SimulatedDisk::crash`].
    pub fn crash(&self, seed: u64, model: DirectoryModel) -> SimulatedDisk {
        SimulatedDisk::from_state(survivors(&self.state, seed, model), self.capacity_bytes)
    }

    /// The disk after the process died at this moment, and the machine did not; see
    /// [`SimulatedDisk::kill`].
    pub fn kill(&self) -> SimulatedDisk {
        SimulatedDisk::from_state(self.state.clone(), self.capacity_bytes)
    }
}
