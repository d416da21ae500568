//! The buffers of frames that have ids and are in no file yet.
//!
//! A thread keeps its buffers from one append to the next; an idle stream has none.

use std::cell::Cell;

use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::primitives::thread_local;

/// A frame noted for the index once it is published.
pub struct IndexCandidate {
    /// The frame before it.
    pub previous: Option<FileOffset>,
    /// Where it starts.
    pub offset: FileOffset,
    /// Its first id.
    pub id: EntryId,
}

/// Frames, one after the other, and which of them the sparse index gets.
#[derive(Default)]
pub struct StagingBuffer {
    /// The frames.
    pub bytes: Vec<u8>,
    /// Those that the index is to know.
    pub noted: Vec<IndexCandidate>,
}

/// A buffer, or none: a buffer to use again is empty.
pub type StagingSlot = Option<Box<StagingBuffer>>;

thread_local! {
    /// The buffers of the stream that this thread wrote to last. They are kept here and not with
    /// the stream, so that ten thousand idle streams keep none, and a busy thread still finds its
    /// own at each append.
    static THREAD_BUFFER: Cell<StagingSlot> = const { Cell::new(None) };
}

/// Sees to it that what this thread keeps is freed when it ends. Where a thread appends for the
/// first time from a destructor that runs after those of Rust (`pthread_key_create`), it is too late
/// for that; where it was here before, it is known to be ending and keeps nothing.
#[cfg(feature = "capi")]
#[inline]
pub fn free_buffers_at_thread_end() {
    let _ = THREAD_BUFFER.try_with(|_| ());
}

/// A thread keeps no larger buffers than this, in bytes.
const MAX_KEPT: usize = 1 << 20;

/// Takes what this thread keeps. A thread that is ending keeps nothing.
pub fn kept_buffers() -> Box<StagingBuffer> {
    let kept = THREAD_BUFFER.try_with(Cell::take).unwrap_or_default();
    kept.unwrap_or_default()
}

/// Keeps buffers, which must be empty, for this thread's next append.
pub fn keep_buffers(frames: Box<StagingBuffer>) {
    if frames.bytes.capacity() <= MAX_KEPT {
        // Fails while the thread ends: then they are freed.
        let _ = THREAD_BUFFER.try_with(|idle| idle.set(Some(frames)));
    }
}
