//! How do benchmarks reach what the library shows to nobody?
//!
//! By compiling its sources again. Floors 0 to 2 (docs/ARCHITECTURE.md) stand here as they are:
//! a module uses only floors below its own, which `tests/surface/tidy.rs` sees to, so the three lowest
//! need nothing else. The library has no door for this, and its builds do not know of it. No
//! feature is set: frames are never compressed here.

/// Loaded from the library's directory, so that each module finds its own files. What only the
/// floors above use, nobody uses here; lints of these files are a matter of the library's own build.
#[allow(dead_code, clippy::all)]
#[path = "../../../src"]
mod engine {
    pub mod append;
    pub mod checksum;
    pub mod commit;
    pub mod error;
    pub mod format;
    pub mod ids;
    pub mod notification;
    pub mod options;
    pub mod platform;
    pub mod primitives;
    pub mod retention;
    pub mod segment;
    pub mod stats;
    pub mod storage;
}

// They name each other as `crate::format` and so on.
pub use engine::*;

mod measure;

pub use measure::Random;
pub use measure::payload;
pub use measure::short_runs;
