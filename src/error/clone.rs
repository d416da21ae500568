//! How does one error reach several callers?

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::failure_in;

impl Error {
    /// A copy of the error for another caller that waited for the same failed step.
    pub(crate) fn duplicate(&self) -> Error {
        match self {
            Error::Io(error) => match failure_in(error) {
                Some(failure) => Error::io(copy_io(&failure.cause), failure.context.clone()),
                None => Error::Io(copy_io(error)),
            },
            Error::Corruption(what) => Error::Corruption(what.clone()),
            Error::CrcMismatch {
                expected,
                actual,
                offset,
            } => Error::CrcMismatch {
                expected: *expected,
                actual: *actual,
                offset: *offset,
            },
            Error::Config(what) => Error::Config(what.clone()),
            Error::SegmentNotFound(id) => Error::SegmentNotFound(*id),
            Error::StreamNotFound(key) => Error::StreamNotFound(key.clone()),
            Error::InvalidFilename(name) => Error::InvalidFilename(name.clone()),
            Error::Serialization(what) => Error::Serialization(what.clone()),
            Error::Locked(path) => Error::Locked(path.clone()),
            Error::Detached(path) => Error::Detached(path.clone()),
            Error::Poisoned { stream, cause } => Error::Poisoned {
                stream: stream.clone(),
                cause: Arc::clone(cause),
            },
            Error::TooLarge {
                size_bytes,
                limit_bytes,
            } => Error::TooLarge {
                size_bytes: *size_bytes,
                limit_bytes: *limit_bytes,
            },
            Error::SequenceMismatch { expected, found } => Error::SequenceMismatch {
                expected: *expected,
                found: *found,
            },
            Error::Closed => Error::Closed,
            Error::SuffixCut { from_id } => Error::SuffixCut { from_id: *from_id },
            Error::Timeout => Error::Timeout,
            Error::Forked => Error::Forked,
            Error::ReadOnly => Error::ReadOnly,
            Error::UnsupportedVersion(what) => Error::UnsupportedVersion(what.clone()),
            #[cfg(feature = "sharded")]
            Error::CheckpointNotFound(id) => Error::CheckpointNotFound(id.clone()),
            #[cfg(feature = "sharded")]
            Error::CheckpointCorrupted { offset, reason } => Error::CheckpointCorrupted {
                offset: *offset,
                reason: reason.clone(),
            },
            #[cfg(feature = "sharded")]
            Error::ShardCountMismatch { expected, found } => Error::ShardCountMismatch {
                expected: *expected,
                found: *found,
            },
            #[cfg(feature = "sharded")]
            Error::InvalidCheckpointId(what) => Error::InvalidCheckpointId(what.clone()),
            #[cfg(feature = "sharded")]
            Error::NoCheckpoints => Error::NoCheckpoints,
            #[cfg(feature = "sharded")]
            Error::CheckpointPruned { id, pruned_before } => Error::CheckpointPruned {
                id: id.clone(),
                pruned_before: pruned_before.clone(),
            },
            #[cfg(feature = "sharded")]
            Error::BatchIncomplete {
                committed,
                failed,
                cause,
            } => Error::BatchIncomplete {
                committed: committed.clone(),
                failed: failed.clone(),
                cause: Arc::clone(cause),
            },
        }
    }
}

fn copy_io(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
