//! The appending side of a stream: ids, staging, the active segment, space for what comes.
//!
//! The tail's fields are visible in this folder only; other folders ask its methods.

pub mod append;
pub mod erase;
pub mod mapped_append;
pub mod preallocate;
pub mod prepare_ahead;
pub mod release_idle;
pub mod rotate;
pub mod schedule;
pub mod set_properties;
pub mod staging;
pub mod stop;
pub mod tail;
pub mod tail_guard;
#[cfg(test)]
mod tests;
pub mod verbatim;
pub mod watchers;
pub mod write_map;
