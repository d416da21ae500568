//! An embedded, durable, segmented write-ahead log.

#![deny(unsafe_code)]
#![allow(dead_code, unused_imports, missing_docs)]

mod cache;
mod commit;
mod error;
mod format;
mod ids;
mod options;
mod recovery;
mod segment;
mod storage;
mod stream;
mod wal;

pub use error::Error;
pub use error::ErrorContext;
pub use error::Result;
pub use options::BackgroundSync;
pub use options::CompressionType;
pub use options::CorruptionPolicy;
pub use options::LogSink;
pub use options::ReadStrategy;
pub use options::SyncMode;
pub use options::WalOptions;
pub use options::WriteStrategy;
pub use stream::EntryView;
pub use wal::Stream;
pub use wal::TxnWriter;
pub use wal::Wal;
pub use wal::WalIdIterator;
pub use wal::WalIterator;
