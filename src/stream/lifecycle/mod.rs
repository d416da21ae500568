//! How a stream comes into being, loses segments and ends.

pub mod archive;
pub mod archive_owner;
pub mod build;
pub mod close;
pub mod copy_progress;
pub mod cut;
pub mod cut_plan;
pub mod cut_steps;
pub mod delete;
pub mod empty_stream;
#[cfg(feature = "sharded")]
pub mod held_stream;
pub mod linked_dir;
pub mod live_snapshot;
pub mod retention;
pub mod snapshot;
pub mod truncate;
pub mod unremoved_files;
pub mod write_index;
