//! Where several streams stand at one moment.
//!
//! A thread that holds the tails of all streams sees a state that all of them had at once: no entry is
//! published meanwhile. The locks are held for reading numbers only, never for I/O.

use std::sync::Arc;

use crate::error::Result;
use crate::primitives::MutexGuard;
use crate::segment::SegmentEnd;
use crate::stream::StreamInner;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::tail::Tail;

/// A stream's tail, held still.
pub struct TailGuard<'a> {
    stream: &'a StreamInner,
    tail: MutexGuard<'a, Tail>,
}

impl StreamInner {
    /// Holds the stream's tail still. Callers that hold several take them in one fixed order; all
    /// else in the library holds at most one.
    pub fn lock_tail_for_cut(&self) -> TailGuard<'_> {
        TailGuard {
            stream: self,
            tail: self.tail.lock(),
        }
    }
}

impl TailGuard<'_> {
    /// One past the last entry in the kernel. Every append that has returned lies below it, every
    /// append that has not begun lies above. Refused when the stream is poisoned, closed or
    /// deleted.
    pub fn next_id(&self) -> Result<u64> {
        self.stream.check_writable(&self.tail)?;
        Ok(self.tail.written.next_id.0)
    }

    /// The active segment, and where its frames in the kernel end.
    pub fn active_end(&self) -> Option<(Arc<StreamSegment>, SegmentEnd)> {
        let active = self.tail.active.as_ref()?;
        Some((Arc::clone(active), self.tail.written))
    }

    /// The newest segment that is full and has no footer yet, and where its frames end.
    pub fn last_unsealed(&self) -> Option<(Arc<StreamSegment>, SegmentEnd)> {
        self.tail.last_unsealed().cloned()
    }
}
