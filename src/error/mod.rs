//! Which errors does the crate return, and where did they happen?
//!
//! The variants of the 0.6 crate keep their exact shape, and some of those have no field for a
//! location. [`Error::context`] returns the location for all variants. `Io` and the newer variants
//! carry it. For the others the thread that received the error remembers it, for its last few
//! errors: call `context` on that thread.

mod advice;
mod clone;
mod context;
pub mod memory;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
#[cfg(feature = "sharded")]
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::primitives::thread_local;

pub use context::ErrorContext;
pub(crate) use context::IoAt;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything a call can fail with. Later versions may add variants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system returned an error; [`Error::os_error`] returns its code.
    #[error("I/O error: {0}")]
    Io(#[source] io::Error),

    /// The structure on disk is damaged: open refuses the log, or a frame header does not validate.
    #[error("corruption: {0}")]
    Corruption(String),

    /// A stored payload does not match its checksum.
    #[error(
        "checksum mismatch at offset {offset}: stored {expected:#010x}, computed {actual:#010x}"
    )]
    CrcMismatch {
        /// The checksum on disk.
        expected: u32,
        /// The checksum of the bytes read.
        actual: u32,
        /// Where the frame starts, in bytes from the start of its file.
        offset: u64,
    },

    /// An option, a stream key or an argument is out of bounds.
    #[error("configuration: {0}")]
    Config(String),

    /// The entry existed, but its segment is gone: lost to damage, or truncated during an
    /// iteration. The value is the id.
    #[error("no segment holds id {0} any more")]
    SegmentNotFound(u64),

    /// The stream does not exist.
    #[error("stream not found: {0}")]
    StreamNotFound(String),

    /// A file or directory of another origin has the name of one of the log's own.
    #[error("not a file of this log: {0}")]
    InvalidFilename(String),

    /// A value cannot be stored in the format.
    #[error("cannot be stored: {0}")]
    Serialization(String),

    /// Another writer, in this or another process, has the log open. The value is the root
    /// directory.
    #[error("{} is locked by another writer", .0.display())]
    Locked(PathBuf),

    /// The log's directory or its `LOCK` is no longer the one that the log locked: it was moved,
    /// removed or replaced, perhaps by hand. Nothing at the path was changed, and appends are
    /// refused. Entries acknowledged as durable are in the directory at its new place.
    #[error("{} is no longer the directory that this log locked", .0.display())]
    Detached(PathBuf),

    /// An earlier failure has latched: the stream refuses appends until the log is closed and
    /// opened again. Visible entries stay readable.
    #[error("stream {stream:?} is poisoned until the log is reopened: {cause}")]
    Poisoned {
        /// The stream's key.
        stream: String,
        /// The first failure.
        cause: Arc<Error>,
    },

    /// The frame would exceed the limit of 1 GiB. With a limit of 0: the stream has fewer ids left
    /// than the frame has entries.
    #[error("{size_bytes} bytes are too large, the limit is {limit_bytes}")]
    TooLarge {
        /// The requested size, in bytes.
        size_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },

    /// The stream's next id is not the expected one.
    #[error("expected id {expected}, the stream is at {found}")]
    SequenceMismatch {
        /// The id that the caller expected.
        expected: u64,
        /// The stream's next id.
        found: u64,
    },

    /// The ids from this one on were cut, and may be other entries by now; the iterator had returned
    /// some of them. A new iterator returns what is there.
    #[error("the ids from {from_id} on were cut, and may be other entries now")]
    SuffixCut {
        /// The first id that was cut.
        from_id: u64,
    },

    /// The log has been closed.
    #[error("the log is closed")]
    Closed,

    /// The timeout passed first.
    #[error("timed out")]
    Timeout,

    /// This process is a fork of the one that opened the log. It must open the log itself.
    #[error("the log was opened before fork; it cannot be used in the child")]
    Forked,

    /// The log was opened read-only; see `Wal::open_read_only`.
    #[error("the log was opened read-only")]
    ReadOnly,

    /// The file has a format that this version does not read: a newer one, or that of the 0.6
    /// crate.
    #[error("unsupported format: {0}")]
    UnsupportedVersion(String),

    /// No checkpoint has this id.
    #[cfg(feature = "sharded")]
    #[error("checkpoint not found: {0}")]
    CheckpointNotFound(String),

    /// A record of `checkpoints.log` is damaged.
    #[cfg(feature = "sharded")]
    #[error("checkpoint damaged at offset {offset}: {reason}")]
    CheckpointCorrupted {
        /// Where the damage starts, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        reason: String,
    },

    /// The log has another number of shards than the caller expects.
    #[cfg(feature = "sharded")]
    #[error("the log has {found} shards, not {expected}")]
    ShardCountMismatch {
        /// The count that the caller expects.
        expected: u16,
        /// The recorded count.
        found: u16,
    },

    /// A checkpoint id must have 1 to 65,535 bytes.
    #[cfg(feature = "sharded")]
    #[error("invalid checkpoint id: {0}")]
    InvalidCheckpointId(String),

    /// The log has no checkpoint.
    #[cfg(feature = "sharded")]
    #[error("there is no checkpoint")]
    NoCheckpoints,

    /// The shards were pruned to a later point than this checkpoint: entries that a replay from it
    /// needs may be gone.
    #[cfg(feature = "sharded")]
    #[error("checkpoint {id} is older than {pruned_before}, before which the shards were pruned")]
    CheckpointPruned {
        /// The requested checkpoint.
        id: String,
        /// The checkpoint, or the first kept id, below which entries were removed.
        pruned_before: String,
    },

    /// A batch over several shards is complete in some of them and absent from others.
    #[cfg(feature = "sharded")]
    #[error("the batch is in {} shards and failed in {}: {cause}", committed.len(), failed.len())]
    BatchIncomplete {
        /// The shards that hold their part, with its ids there; as durable as the sync mode
        /// promises.
        committed: Vec<(u16, Range<u64>)>,
        /// The shards whose part failed, or was not attempted after a failure.
        failed: Vec<u16>,
        /// The first failure.
        cause: Arc<Error>,
    },
}

/// What stands inside the `io::Error` of [`Error::Io`]: the system's error and its place.
#[derive(Debug)]
struct IoFailure {
    cause: io::Error,
    context: ErrorContext,
}

impl fmt::Display for IoFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cause, self.context)
    }
}

impl std::error::Error for IoFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Contexts that a thread remembers for variants that cannot carry one.
const REMEMBERED: usize = 8;

thread_local! {
    static CONTEXTS: RefCell<VecDeque<(String, ErrorContext)>> = const { RefCell::new(VecDeque::new()) };
}

impl From<io::Error> for Error {
    fn from(cause: io::Error) -> Self {
        Error::Io(cause)
    }
}

impl Error {
    /// An I/O error with a location. It keeps the kind, and [`Error::os_error`] returns the code.
    pub(crate) fn io(cause: io::Error, context: ErrorContext) -> Error {
        Error::Io(io::Error::new(cause.kind(), IoFailure { cause, context }))
    }

    /// Damaged structure with a location, which the message includes.
    pub(crate) fn corruption(what: impl fmt::Display, context: ErrorContext) -> Error {
        Error::Corruption(format!("{what} ({context})")).remembering(context)
    }

    /// Attaches a context to a variant without a field for it: the calling thread remembers it.
    pub(crate) fn remembering(self, context: ErrorContext) -> Error {
        let key = self.to_string();
        // While the thread's locals are being destroyed, errors get no context.
        let _ = CONTEXTS.try_with(|contexts| {
            let mut contexts = contexts.borrow_mut();
            contexts.retain(|(known, _)| *known != key);
            if contexts.len() == REMEMBERED {
                contexts.pop_front();
            }
            contexts.push_back((key, context));
        });
        self
    }

    /// The operating system's error code, if one caused this error.
    pub fn os_error(&self) -> Option<i32> {
        match self {
            Error::Io(error) => match failure_in(error) {
                Some(failure) => failure.cause.raw_os_error(),
                None => error.raw_os_error(),
            },
            Error::Poisoned { cause, .. } => cause.os_error(),
            #[cfg(feature = "sharded")]
            Error::BatchIncomplete { cause, .. } => cause.os_error(),
            _ => None,
        }
    }

    /// Where the error happened, as far as known, and what the caller can do about it.
    ///
    /// `Corruption`, `CrcMismatch` and `SegmentNotFound` have the shape of the 0.6 crate and no
    /// field for a location. For these, call it on the thread that received the error, before that
    /// thread receives eight others.
    pub fn context(&self) -> ErrorContext {
        let mut context = match self {
            Error::Io(error) => failure_in(error)
                .map(|f| f.context.clone())
                .unwrap_or_default(),
            Error::Poisoned { stream, cause } => {
                let mut context = cause.context();
                context.stream = Some(stream.clone());
                context
            }
            Error::StreamNotFound(stream) => ErrorContext::default().stream(stream),
            #[cfg(feature = "sharded")]
            Error::BatchIncomplete { cause, .. } => cause.context(),
            Error::Locked(path) | Error::Detached(path) => ErrorContext::at(path),
            _ => self.remembered().unwrap_or_default(),
        };
        if let Error::CrcMismatch { offset, .. } = self {
            context.offset = Some(*offset);
        }
        #[cfg(feature = "sharded")]
        if let Error::CheckpointCorrupted { offset, .. } = self {
            context.offset = Some(*offset);
        }
        if let (Error::SegmentNotFound(id), None) = (self, &context.ids) {
            context.ids = Some(*id..id.saturating_add(1));
        }
        context.advice = self.advice();
        context
    }

    fn remembered(&self) -> Option<ErrorContext> {
        let key = self.to_string();
        CONTEXTS
            .try_with(|contexts| {
                let contexts = contexts.borrow();
                contexts
                    .iter()
                    .rev()
                    .find(|(known, _)| *known == key)
                    .map(|(_, c)| c.clone())
            })
            .ok()
            .flatten()
    }
}

fn failure_in(error: &io::Error) -> Option<&IoFailure> {
    error.get_ref()?.downcast_ref::<IoFailure>()
}
