//! How a stream loses segments and how it ends: truncate, archive, close, delete.

pub mod archive;
pub mod empty_stream;
pub mod finish;
pub mod linked_dir;
pub mod truncate;
pub mod unremoved_files;
