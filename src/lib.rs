//! An embedded, durable, segmented write-ahead log.

#![deny(unsafe_code)]

mod append;
mod cache;
mod checksum;
mod commit;
mod error;
#[cfg(feature = "capi")]
mod ffi;
mod format;
mod ids;
mod journal;
mod notification;
mod options;
mod platform;
mod primitives;
#[cfg(feature = "sharded")]
mod record_log;
mod recovery;
mod retention;
mod segment;
#[cfg(feature = "sharded")]
pub mod sharded;
mod stats;
mod storage;
mod stream;
#[cfg(feature = "inspection")]
pub mod tools;
#[cfg(not(feature = "inspection"))]
mod tools;
mod wal;

pub use append::Append;
pub use append::Appended;
pub use append::Durability;
pub use append::Mark;
pub use error::Error;
pub use error::ErrorContext;
pub use error::Result;
pub use format::FramePosition;
pub use notification::Event;
pub use notification::Ticket;
pub use notification::View;
pub use options::BackgroundSync;
pub use options::CommitPath;
pub use options::CompressionType;
pub use options::CorruptionPolicy;
pub use options::LogSink;
pub use options::ReadStrategy;
pub use options::StreamOptions;
pub use options::StreamPattern;
pub use options::SyncMode;
pub use options::WalOptions;
pub use options::WriteStrategy;
pub use retention::Retention;
#[cfg(feature = "sharded")]
pub use sharded::CheckpointData;
#[cfg(feature = "sharded")]
pub use sharded::CompactionStats;
#[cfg(feature = "sharded")]
pub use sharded::PruneStats;
#[cfg(feature = "sharded")]
pub use sharded::ShardedOptions;
#[cfg(feature = "sharded")]
pub use sharded::ShardedWal;
pub use stats::Histogram;
pub use stats::JournalRetired;
pub use stats::JournalStats;
pub use stats::StreamCounts;
pub use stats::StreamStats;
pub use stats::WalStats;
pub use stream::EntryView;
pub use tools::Severity;
pub use tools::VerifyFinding;
pub use tools::VerifyReport;
/// A healthy copy of a damaged log: what `ironwalctl repair` does.
#[cfg(feature = "inspection")]
pub mod repair {
    pub use crate::tools::LostIds;
    pub use crate::tools::RepairReport;
    pub use crate::tools::RepairedStream;
    pub use crate::tools::repair;
    pub use crate::tools::repair_until;
}
/// Roots of the 0.6 crate made into logs of this version: what `ironwalctl import` does.
#[cfg(feature = "inspection")]
pub mod import {
    pub use crate::tools::ImportOptions;
    pub use crate::tools::ImportReport;
    pub use crate::tools::ImportedStream;
    pub use crate::tools::LostIds;
    pub use crate::tools::import_06;
}
pub use wal::AtomicBatch;
pub use wal::Canceller;
pub use wal::Durable;
#[cfg(unix)]
pub use wal::Events;
pub use wal::RecoveryFinding;
pub use wal::RecoveryReport;
pub use wal::SnapshotMode;
pub use wal::SnapshotReport;
pub use wal::Stream;
pub use wal::StreamRecovery;
pub use wal::TxnWriter;
pub use wal::Wal;
pub use wal::WalIdIterator;
pub use wal::WalIterator;
pub use wal::WalRevIterator;

/// The simulated disk, for crash and fault tests. Not part of the stable API.
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation {
    pub use crate::platform::refuse_threads;
    pub use crate::platform::threads_refused;
    #[cfg(ironwal_model)]
    pub use crate::primitives::begin as begin_execution;
    pub use crate::storage::simulated::*;
}

/// The Rust programs of the guide are compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/GUIDE.md")]
struct Guide;

#[cfg(doctest)]
#[doc = include_str!("../docs/EVENT_STORES.md")]
struct EventStores;

#[cfg(doctest)]
#[doc = include_str!("../docs/NOTIFICATION.md")]
struct Notification;

#[cfg(doctest)]
#[doc = include_str!("../docs/RAFT.md")]
struct Raft;

#[cfg(doctest)]
#[doc = include_str!("../docs/SIZING.md")]
struct Sizing;

#[cfg(doctest)]
#[doc = include_str!("../docs/start/RUST.md")]
struct StartRust;

#[cfg(all(doctest, unix))]
#[doc = include_str!("../docs/BACKUP.md")]
struct Backup;
