//! The log of [openraft] on ironwal: entries, vote, committed index and purged index in one stream,
//! durable in the order of the calls.
//!
//! - [`v0_10::LogStore`] for openraft 0.10 (feature `v0_10`, the default),
//! - [`v0_9::LogStore`] for openraft 0.9 (feature `v0_9`).
//!
//! Open an ironwal log with [`options`] and create a store on it; one log holds the stores of any
//! number of groups, under different names:
//!
//! ```
//! # #[cfg(feature = "v0_10")]
//! # fn open(dir: &std::path::Path) -> std::io::Result<()> {
//! # type TypeConfig = openraft_memstore::TypeConfig;
//! use ironwal::Wal;
//! use ironwal_openraft::v0_10::LogStore;
//!
//! let wal = Wal::new(ironwal_openraft::options(dir)).map_err(std::io::Error::other)?;
//! let log = LogStore::<TypeConfig>::open(&wal, "group-0")?;
//! // Raft::new(id, config, network, log, state_machine).await
//! # Ok(())
//! # }
//! # #[cfg(feature = "v0_10")]
//! # open(&tempfile::tempdir().unwrap().path().join("raft")).unwrap();
//! ```
//!
//! [openraft]: https://docs.rs/openraft

#![deny(unsafe_code, missing_docs)]

#[cfg(not(any(feature = "v0_10", feature = "v0_9")))]
compile_error!("choose a version of openraft: feature v0_10 or v0_9");

mod codec;
mod flushed;
mod store;
#[cfg(feature = "v0_10")]
pub mod v0_10;
#[cfg(feature = "v0_9")]
pub mod v0_9;

pub use store::options;

/// How many bytes of entries one step of a stream, or a limited read, takes into memory.
const READ_BYTES: usize = 1 << 20;

/// Makes a range of any form half-open.
fn half_open(range: &impl std::ops::RangeBounds<u64>) -> std::ops::Range<u64> {
    use std::ops::Bound;
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    // No entry has the index `u64::MAX`, so including it is the same as ending there.
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}
