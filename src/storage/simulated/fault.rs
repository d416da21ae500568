//! Which calls fail, and how.

use crate::storage::simulated::codes;
use crate::storage::simulated::op_log::OpKind;
use crate::storage::simulated::op_log::has_part;
use crate::storage::simulated::state::raw;
use std::io;
use std::path::Path;

/// A plan for a failure. Made by [`at_op`](Self::at_op), [`nth`](Self::nth) or
/// [`nth_call`](Self::nth_call), refined by the other methods, put to work by
/// `SimulatedDisk::inject`. By default the call fails once, with `EIO`, and does nothing.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    trigger: Trigger,
    kinds: Vec<OpKind>,
    path_part: Option<String>,
    is_forever: bool,
    code: i32,
    pub(super) short_write_bytes: Option<usize>,
    pub(super) drops_dirty: bool,
    pub(super) happens: bool,
    panics: bool,
}

#[derive(Clone, Debug)]
enum Trigger {
    /// The call with this number.
    Op(u64),
    /// So many matching calls are let through first.
    After(u64),
    /// Has fired and fires no more.
    Spent,
}

impl FaultPlan {
    /// Fails the call with the number `index` (see `SimulatedDisk::op_count`).
    pub fn at_op(index: u64) -> Self {
        Self {
            trigger: Trigger::Op(index),
            kinds: Vec::new(),
            path_part: None,
            is_forever: false,
            code: codes::EIO,
            short_write_bytes: None,
            drops_dirty: false,
            happens: false,
            panics: false,
        }
    }

    /// Fails the `n`-th call of this kind from now on; the next one is 1.
    pub fn nth(kind: OpKind, n: u64) -> Self {
        Self {
            kinds: vec![kind],
            ..Self::nth_call(n)
        }
    }

    /// Fails the `n`-th call of any kind from now on; the next one is 1.
    pub fn nth_call(n: u64) -> Self {
        Self {
            trigger: Trigger::After(n.saturating_sub(1)),
            ..Self::at_op(0)
        }
    }

    /// The same failure, of the call with the number `index`.
    pub fn moved_to_op(mut self, index: u64) -> Self {
        self.trigger = Trigger::Op(index);
        self
    }

    /// Counts calls of this kind as well.
    pub fn or(mut self, kind: OpKind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Counts only calls on paths that contain `part`.
    pub fn on_path(mut self, part: &str) -> Self {
        self.path_part = Some(part.to_owned());
        self
    }

    /// From then on, every matching call fails.
    pub fn forever(mut self) -> Self {
        self.is_forever = true;
        self
    }

    /// The error, as the system's code: `libc::ENOSPC`, …; on Windows a code of winerror.h
    pub fn code(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// A failing write writes this many bytes first (at most all).
    pub fn short_write(mut self, bytes: usize) -> Self {
        self.short_write_bytes = Some(bytes);
        self
    }

    /// A failing sync of a file marks all that was dirty as clean without making it durable, as
    /// Linux does: it stays visible, and no later sync makes it durable unless it is rewritten.
    pub fn dropping_dirty(mut self) -> Self {
        self.drops_dirty = true;
        self
    }

    /// The call does all its work and fails nevertheless.
    pub fn after_the_effect(mut self) -> Self {
        self.happens = true;
        self
    }

    /// The call does nothing, and its thread panics.
    pub fn panicking(mut self) -> Self {
        self.panics = true;
        self
    }

    pub(super) fn error(&self) -> io::Error {
        raw(self.code)
    }

    /// Whether this call fails; counts it.
    pub(super) fn fires(&mut self, index: u64, kind: OpKind, path: &Path) -> bool {
        if !self.kinds.is_empty() && !self.kinds.contains(&kind) {
            return false;
        }
        let part = self.path_part.as_deref();
        if part.is_some_and(|part| !has_part(path, part)) {
            return false;
        }
        match &mut self.trigger {
            Trigger::Op(at) if index == *at || (self.is_forever && index > *at) => {}
            Trigger::After(0) => {}
            Trigger::After(count) => {
                *count -= 1;
                return false;
            }
            Trigger::Op(_) | Trigger::Spent => return false,
        }
        if !self.is_forever {
            self.trigger = Trigger::Spent;
        }
        assert!(!self.panics, "a panic as planned");
        true
    }
}
