//! How frames of a primary are written as they are.
//!
//! As a large frame that an append writes from the caller's memory (`append`): the frames get the ids that
//! they hold, in one step under the lock; one write brings them into the kernel, without it; then all
//! of them are published.
//!
//! Failure: as of an append. What could not be written is rolled back, and the stream is where it was.

use std::io::IoSlice;

use crate::error::Result;
use crate::format::FrameHeader;
use crate::format::Properties;
use crate::ids::Place;
use crate::primitives::MutexGuard;
use crate::stream::StreamInner;
use crate::stream::writer::tail::Tail;

/// A frame that was checked.
#[derive(Debug)]
pub(in crate::stream) struct CheckedFrame {
    /// Its header.
    pub header: FrameHeader,
    /// The checksum of its header.
    pub link: u32,
    /// The properties that it holds, if it holds any.
    pub properties: Option<Properties>,
}

impl StreamInner {
    /// Writes frames, which are not none, behind the tail; `bytes` are all of them. `check` refuses where
    /// they do not go; it is asked under the lock under which they get their place. Returns the place
    /// behind them: they are in the kernel.
    pub(in crate::stream) fn write_verbatim(
        &self,
        frames: &[CheckedFrame],
        bytes: &[u8],
        check: impl Fn(&Tail) -> Result<()>,
    ) -> Result<Place> {
        let written = self.write_verbatim_once(frames, bytes, check);
        if written.is_err() {
            self.erase_after_failure();
        }
        written
    }

    fn write_verbatim_once(
        &self,
        frames: &[CheckedFrame],
        bytes: &[u8],
        check: impl Fn(&Tail) -> Result<()>,
    ) -> Result<Place> {
        let len = bytes.len() as u64;
        let (mut tail, active) = loop {
            let mut tail = self.tail_at_rest()?;
            check(&tail)?;
            if tail.dirty_to.is_some() {
                MutexGuard::unlocked(&mut tail, || self.erase_dirty())?;
            } else if tail.required_end(len) > tail.allocated_end {
                MutexGuard::unlocked(&mut tail, || self.ensure_allocated(len))?;
            } else if let Some(active) = tail.active.clone() {
                break (tail, active);
            }
        };
        let mut ticket = None;
        for (place, frame) in frames.iter().enumerate() {
            let (header, properties) = (&frame.header, frame.properties.as_ref());
            // One answer for all of them: only the last frame has an appender that asks for it.
            if place + 1 < frames.len() {
                tail.reserve_carried(header, frame.link, properties);
            } else {
                ticket = Some(tail.reserve(header, frame.link, properties).1);
            }
        }
        let place = tail.reserved_place();
        let batch = tail.take_staged();
        let at = batch.at;
        let written = self.with_tail_unlocked(&mut tail, || {
            self.write_at_tail(&active, at, &[IoSlice::new(bytes)])
        });
        match written {
            Ok(opening) => {
                tail.publish(&active, batch);
                self.after_publish(&mut tail, &active, opening);
            }
            Err(error) => self.after_failed_write(&mut tail, error),
        }
        match ticket.and_then(|ticket| tail.take_result(ticket)) {
            Some(Err(error)) => Err(error.duplicate()),
            _ => Ok(place),
        }
    }
}
