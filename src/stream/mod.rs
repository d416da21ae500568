//! One ordered log: ids, appending, making durable, reading, truncating.
//!
//! | file | the question it answers |
//! |---|---|
//! | `context` | what do all streams of a log share? |
//! | `attachment` | is the log's root still the directory that it locked? |
//! | `segments` | which segments make up the stream right now? |
//! | `shared_list` | how does a long list change at its ends without being copied? |
//! | `core` | what is a stream, and how does it come out of recovery? |
//! | `append` | how does a frame get its ids and reach the kernel? |
//! | `seldom` | how does what few streams have take no slot in the others? |
//! | `store` | how does a small entry get into a mapped segment with little around it? |
//! | `tail` | what does the appending side know, under its lock? |
//! | `frames` | where do frames lie that are in no file yet? |
//! | `erase` | what happens where a failed write left bytes that could not be zeroed? |
//! | `grow` | where does slot come from: blocks, segments? |
//! | `ahead` | what is made ahead of need: zeros, the next segment's file? |
//! | `leftovers` | what becomes of a file that cannot be removed? |
//! | `emptied` | how does a stream without an entry give its last segment's slot back? |
//! | `idle` | what does a stream give back that nobody appends to? |
//! | `mapped` | when is the active segment mapped, so that appends are stored, not written? |
//! | `cut` | where do several streams stand at one moment? |
//! | `round` | what does one round of group commit do? |
//! | `frontier` | when is the durable point stored? |
//! | `read` | how is one entry found and checked? |
//! | `read_many` | how are several entries read in one call? |
//! | `unpacked` | what is a compressed frame once it is unpacked? |
//! | `open` | how is a segment file opened for reading, and how much of it is mapped? |
//! | `reader_slots` | what does a thread keep between its look-ups? |
//! | `hints` | where are frames of a segment that was not scanned at open? |
//! | `cursor` | how are entries read one after the other? |
//! | `found` | what does a cursor find at the next id? |
//! | `truncate` | how are old segments taken out, and brought back? |
//! | `wait` | how does a caller learn that an entry is durable? |
//! | `archive` | whose is an archive, and how does a segment get there without overwriting another? |
//! | `identity` | which log is this, and which number does a new stream get? |
//! | `linked` | what does it mean that a stream's directory is a link? |
//! | `look` | what do the first sectors of a segment say that another process writes? |
//! | `watch` | how does a stream that somebody else writes show here? |
//! | `view` | where are the bytes of one entry borrowed from? |
//! | `finish` | how does a stream end: closed or deleted? |

mod attachment;
mod context;
mod core;
mod durability;
mod follower;
mod identity;
mod lifecycle;
mod reader;
mod segment_list;
mod seldom;
mod shared_list;
#[cfg(test)]
mod tests;
mod writer;

pub use self::core::StreamInner;
pub use context::Attended;
pub use context::BackgroundTasks;
#[cfg(feature = "sharded")]
pub use context::CheckpointOwner;
pub use context::LogContext;
pub use identity::LogIdentity;
pub use lifecycle::archive::resolve_archive;
pub use lifecycle::finish::remove_remains;
pub use lifecycle::finish::remove_tombstone;
pub use reader::cursor::Cursor;
pub use reader::view::EntryView;
#[cfg(feature = "capi")]
pub use writer::staging::free_buffers_at_thread_end;
pub use writer::tail::StreamState;
