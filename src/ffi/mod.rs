//! The C door: what `include/ironwal.h` declares is defined here, and nothing else is exported.
//!
//! Floor 7. Every export has the same shape: [`boundary`] checks the pointers, stops panics and
//! turns an outcome into a status and an error object; the engine does the work. The header is
//! generated from these files by `tests/surface/header.rs`; doc comments are written for its readers.

#![allow(non_camel_case_types)]

mod atomic;
mod boundary;
mod by_name;
mod by_name_changes;
mod bytes;
mod conditional;
mod cut;
mod directory;
mod directory_repair;
mod directory_stat;
mod durability;
mod error;
mod follow;
mod iterator;
mod log_callback;
mod notify;
mod option_choices;
mod option_limits;
mod options;
mod properties;
mod recovery;
mod replica;
mod retention;
mod sharded;
mod snapshot;
mod stats;
mod status;
mod stream;
mod stream_options;
mod stream_reads;
mod stream_removal;
mod transaction;
mod truncate;
mod verify;
mod version;
mod wal;

#[cfg(test)]
mod tests;
