//! The appending side of a stream: ids, staging, the active segment, slot for what comes.

pub mod append;
pub mod erase;
pub mod mapped_append;
pub mod prepare_ahead;
pub mod release_idle;
pub mod rotate;
pub mod staging;
pub mod tail;
#[cfg(feature = "sharded")]
pub mod tail_guard;
pub mod write_map;
