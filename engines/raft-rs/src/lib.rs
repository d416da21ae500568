//! The storage of [raft-rs](https://docs.rs/raft) on ironwal: entries, hard state, configuration and the
//! place of the last compaction of a group in one stream.
//!
//! ```
//! # fn open(dir: &std::path::Path) -> raft::Result<()> {
//! use ironwal::Wal;
//! use ironwal_raft_rs::Group;
//! use raft::StorageError;
//!
//! let wal = Wal::new(ironwal_raft_rs::options(dir)).map_err(ironwal_raft_rs::to_raft)?;
//! let group = Group::open(&wal, "group-7", |_index, _to| {
//!     Err(StorageError::SnapshotTemporarilyUnavailable.into()) // the state machine's part
//! })?;
//! if group.is_new()? {
//!     group.bootstrap(&raft::eraftpb::ConfState::from((vec![1, 2, 3], vec![])))?;
//! }
//! // RawNode::new(&config, group.clone(), &logger), then for each Ready: group.write(&ready)
//! # Ok(())
//! # }
//! # open(&tempfile::tempdir().unwrap().path().join("raft")).unwrap();
//! ```

#![deny(unsafe_code, missing_docs)]

mod codec;
mod ready;
mod storage;
mod terms;

pub use ready::Update;
pub use storage::Group;
pub use storage::options;
pub use storage::to_raft;
