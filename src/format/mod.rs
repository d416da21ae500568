//! The bytes on disk: values to bytes and back, without any I/O.
//!
//! | file | the question it answers |
//! |---|---|
//! | `segment_header` | which stream, which ids and which version is this file? |
//! | `frontier` | up to where was this file proven durable? |
//! | `frame` | what stands at this offset, and does it belong here? |
//! | `payload` | which bytes are the entries of a frame, and are they whole? |
//! | `footer` | where does a sealed segment end, and where are its frames? |
//! | `index_file` | which segments did the stream have when it was last closed? |
//! | `names` | under which names do keys, segments and our own files stand on disk? |
//! | `seed` | what binds every checksum to its place? |
//! | `fields` | how do numbers lie in bytes? |
//!
//! `docs/FORMAT.md` tells the same to those who read our files in other languages.

mod fields;
mod seed;

pub mod footer;
pub mod frame;
pub mod frontier;
pub mod index_file;
pub mod names;
pub mod payload;
pub mod segment_header;

#[cfg(test)]
mod tests;
