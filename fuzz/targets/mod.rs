//! What is tried with hostile input, one function for each kind of it. They take any bytes, and
//! panic where the engine shows a wrong byte; that it neither panics, aborts, hangs nor allocates
//! without bound is for the caller to watch.

#![allow(unsafe_code)]

#[path = "../../tests/damage/format_twin.rs"]
#[allow(dead_code)]
mod format_twin;

mod c;
mod fields;
mod fix_checksums;
mod input;
mod journals;
mod log;
mod packets;

pub use c::c_calls;
pub use fields::fields;
pub use journals::journals;
pub use log::checkpoints;
pub use log::directory;
pub use log::frames;
pub use log::operations;
pub use log::segments;
pub use packets::packets;

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by name; the corpus of each lies in `fuzz/corpus/{name}`.
pub const TARGETS: [(&str, Target); 9] = [
    ("frames", frames),
    ("directory", directory),
    ("segments", segments),
    ("fields", fields),
    ("checkpoints", checkpoints),
    ("operations", operations),
    ("c_calls", c_calls),
    ("packets", packets),
    ("journals", journals),
];
