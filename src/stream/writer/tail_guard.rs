//! Where several streams stand at one moment.
//!
//! A thread that holds the tails of all streams sees a state that all of them had at once: no entry is
//! published meanwhile. The locks are held for reading numbers only, never for I/O.

use crate::append::Mark;
#[cfg(feature = "sharded")]
use crate::error::Error;
use crate::error::Result;
use crate::primitives::MutexGuard;
#[cfg(feature = "sharded")]
use crate::primitives::atomic::Ordering;
use crate::stream::StreamInner;
use crate::stream::writer::tail::Tail;
use crate::stream::writer::tail::UnsealedSegment;

/// A stream's tail, held still.
pub struct TailGuard<'a> {
    stream: &'a StreamInner,
    tail: MutexGuard<'a, Tail>,
}

impl StreamInner {
    /// Where the stream is among others whose tails, or rounds, one thread takes: all take them in this order.
    /// Of shards it is that of their numbers.
    pub fn place_in_order(&self) -> (usize, &str) {
        (self.key.len(), &self.key)
    }

    /// Holds the stream's tail still. Callers that hold several take them in the order of
    /// [`StreamInner::place_in_order`]; all else in the library holds at most one.
    pub fn lock_tail_for_cut(&self) -> TailGuard<'_> {
        TailGuard {
            stream: self,
            tail: self.tail.lock(),
        }
    }
}

#[cfg(feature = "sharded")]
impl StreamInner {
    /// No id below `offset` is cut from now on.
    pub fn keep_below_from_cuts(&self, offset: u64) {
        self.cut_floor.fetch_max(offset, Ordering::AcqRel);
    }
}

impl TailGuard<'_> {
    /// The mark behind the last entry in the kernel.
    pub fn mark(&self) -> Mark {
        self.stream.mark_of(self.tail.written_place())
    }

    /// No id below the next one is cut from now on: a checkpoint counts on them. Refused while the
    /// stream is cut.
    #[cfg(feature = "sharded")]
    pub fn keep_from_cuts(&self) -> Result<()> {
        if self.tail.is_being_cut {
            let what = "a suffix of a shard is being cut: create the checkpoint again";
            return Err(Error::Config(what.to_owned()));
        }
        let next_id = self.tail.written.next_id.0;
        // Under the tail's lock: a cut that comes later reads it under the same lock.
        self.stream.keep_below_from_cuts(next_id);
        // If this is the first checkpoint, no retention goes past it from now on.
        let floor = &self.stream.checkpoint_floor;
        floor.fetch_min(next_id, Ordering::AcqRel);
        Ok(())
    }

    /// One past the last entry in the kernel. Every append that has returned lies below it, every
    /// append that has not begun lies above. Refused when the stream is poisoned, closed or
    /// deleted.
    pub fn next_id(&self) -> Result<u64> {
        self.stream.check_writable(&self.tail)?;
        Ok(self.tail.written.next_id.0)
    }

    /// The active segment, and where its frames in the kernel end.
    pub fn active_end(&self) -> Option<UnsealedSegment> {
        self.tail.active_end()
    }

    /// The newest segment that is full and has no footer yet, and where its frames end.
    pub fn last_unsealed(&self) -> Option<UnsealedSegment> {
        self.tail.last_unsealed().cloned()
    }
}
