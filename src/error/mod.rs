//! What can go wrong, and where it went wrong.
//!
//! The variants that the 0.6 crate had keep their exact shape, which leaves some of them no room
//! for the place of the damage. The place is therefore told by [`Error::context`]: the variants
//! of our own and `Io` carry it themselves; for the others the thread that received the error
//! remembers it (the last few of them), so ask on that thread.

mod advice;
mod clone;
pub mod memory;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::primitives::thread_local;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything a call can fail with. Later versions may add variants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused. [`Error::os_error`] tells its code.
    #[error("I/O error: {0}")]
    Io(#[source] io::Error),

    /// The structure on disk is broken: a refused open, a frame header that cannot be trusted.
    #[error("corruption: {0}")]
    Corruption(String),

    /// A stored payload does not match its checksum. `offset` is the frame's place in its file.
    #[error(
        "checksum mismatch at offset {offset}: stored {expected:#010x}, computed {actual:#010x}"
    )]
    CrcMismatch {
        /// The checksum on disk.
        expected: u32,
        /// The checksum of what was read.
        actual: u32,
        /// Where the frame starts, in bytes from the start of its file.
        offset: u64,
    },

    /// An option, a stream key or an argument is out of bounds.
    #[error("configuration: {0}")]
    Config(String),

    /// The entry was here once and its segment is gone: lost to damage, or truncated under a
    /// running iterator. The value is the id.
    #[error("no segment holds id {0} any more")]
    SegmentNotFound(u64),

    /// There is no such stream.
    #[error("stream not found: {0}")]
    StreamNotFound(String),

    /// A file or directory stands where one of ours belongs and is not ours.
    #[error("not a file of this log: {0}")]
    InvalidFilename(String),

    /// A value cannot be stored in the format.
    #[error("cannot be stored: {0}")]
    Serialization(String),

    /// Another writer, in this process or another, has the log open.
    #[error("{} is locked by another writer", .0.display())]
    Locked(PathBuf),

    /// The directory that this log locked is not at this path any more, or its `LOCK` is not: it was
    /// moved, removed or replaced, by hand perhaps. Nothing at the path was changed, and nothing
    /// more can be appended. What was acknowledged as durable is where the directory is now.
    #[error("{} is no longer the directory that this log locked", .0.display())]
    Detached(PathBuf),

    /// An earlier failure latched: nothing can be appended to this stream until the log is closed
    /// and opened again. Reading what was visible goes on.
    #[error("stream {stream:?} is poisoned until the log is reopened: {cause}")]
    Poisoned {
        /// The stream's key.
        stream: String,
        /// The first failure.
        cause: Arc<Error>,
    },

    /// The frame would exceed the limit of 1 GiB; or, with a limit of 0, the stream has not as
    /// many ids left as the frame has entries.
    #[error("{size_bytes} bytes are too large, the limit is {limit_bytes}")]
    TooLarge {
        /// What was asked for, in bytes.
        size_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },

    /// The stream's next id is not the expected one.
    #[error("expected id {expected}, the stream is at {found}")]
    SequenceMismatch {
        /// What the caller expected.
        expected: u64,
        /// The stream's next id.
        found: u64,
    },

    /// The log was closed.
    #[error("the log is closed")]
    Closed,

    /// The time given ran out first.
    #[error("timed out")]
    Timeout,

    /// This process is a fork of the one that opened the log; open it anew here.
    #[error("the log was opened before fork; it cannot be used in the child")]
    Forked,

    /// The log was opened read-only; see `Wal::open_read_only`.
    #[error("the log was opened read-only")]
    ReadOnly,

    /// The file is of a format this version does not read: a newer one, or the 0.6 crate's.
    #[error("unsupported format: {0}")]
    UnsupportedVersion(String),

    /// There is no checkpoint of this id.
    #[cfg(feature = "sharded")]
    #[error("checkpoint not found: {0}")]
    CheckpointNotFound(String),

    /// A record of the checkpoint log is damaged. `offset` is its place in `checkpoints.log`.
    #[cfg(feature = "sharded")]
    #[error("checkpoint damaged at offset {offset}: {reason}")]
    CheckpointCorrupted {
        /// Where the damage starts, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        reason: String,
    },

    /// The log has another number of shards than was asked for.
    #[cfg(feature = "sharded")]
    #[error("the log has {found} shards, not {expected}")]
    ShardCountMismatch {
        /// What was asked for.
        expected: u16,
        /// What is recorded.
        found: u16,
    },

    /// A checkpoint id must have 1 to 65,535 bytes.
    #[cfg(feature = "sharded")]
    #[error("invalid checkpoint id: {0}")]
    InvalidCheckpointId(String),

    /// There is no checkpoint at all.
    #[cfg(feature = "sharded")]
    #[error("there is no checkpoint")]
    NoCheckpoints,

    /// The checkpoint is older than what the shards were pruned to: entries that a replay from it
    /// needs may be gone.
    #[cfg(feature = "sharded")]
    #[error("checkpoint {id} is older than {pruned_before}, before which the shards were pruned")]
    CheckpointPruned {
        /// The checkpoint asked for.
        id: String,
        /// The checkpoint, or the first id kept, below which entries were removed.
        pruned_before: String,
    },

    /// A batch over several shards is whole in some of them and absent from others.
    #[cfg(feature = "sharded")]
    #[error("the batch is in {} shards and failed in {}: {cause}", committed.len(), failed.len())]
    BatchIncomplete {
        /// The shards that hold their part, and its ids there. As durable as the sync mode says.
        committed: Vec<(u16, Range<u64>)>,
        /// The shards whose part failed, or was not tried after a failure.
        failed: Vec<u16>,
        /// The first failure.
        cause: Arc<Error>,
    },
}

/// Where an error happened and what to do about it. Unknown parts are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorContext {
    /// The stream's key.
    pub stream: Option<String>,
    /// The file or directory.
    pub path: Option<PathBuf>,
    /// The place in the file, in bytes.
    pub offset: Option<u64>,
    /// The ids concerned.
    pub ids: Option<Range<u64>>,
    /// What the caller can do.
    pub advice: &'static str,
}

impl ErrorContext {
    /// A context that names a file or directory.
    pub(crate) fn at(path: &Path) -> Self {
        ErrorContext {
            path: Some(path.to_path_buf()),
            ..Default::default()
        }
    }

    /// Adds the place in the file.
    pub(crate) fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Adds the ids concerned.
    pub(crate) fn ids(mut self, ids: Range<u64>) -> Self {
        self.ids = Some(ids);
        self
    }

    /// Adds the stream.
    pub(crate) fn stream(mut self, key: &str) -> Self {
        self.stream = Some(key.to_owned());
        self
    }
}

impl fmt::Display for ErrorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(stream) = &self.stream {
            write!(f, "stream {stream:?}")?;
            separator = ", ";
        }
        if let Some(path) = &self.path {
            write!(f, "{separator}{}", path.display())?;
            separator = ", ";
        }
        if let Some(offset) = self.offset {
            write!(f, "{separator}offset {offset}")?;
            separator = ", ";
        }
        if let Some(ids) = &self.ids {
            write!(f, "{separator}ids {}..{}", ids.start, ids.end)?;
        }
        Ok(())
    }
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

/// How many contexts a thread remembers for the variants that cannot carry one.
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
    /// An I/O error at a place. The error's kind stays; its code is told by [`Error::os_error`].
    pub(crate) fn io(cause: io::Error, context: ErrorContext) -> Error {
        Error::Io(io::Error::new(cause.kind(), IoFailure { cause, context }))
    }

    /// Broken structure at a place: the message names it.
    pub(crate) fn corruption(what: impl fmt::Display, context: ErrorContext) -> Error {
        Error::Corruption(format!("{what} ({context})")).remembering(context)
    }

    /// Attaches a context to a variant that has no room for one: this thread remembers it.
    pub(crate) fn remembering(self, context: ErrorContext) -> Error {
        let key = self.to_string();
        // An error made while the thread's locals are being torn down goes without a context.
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

    /// The operating system's error code, where one is behind this error.
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

    /// Where the error happened, as far as it is known, and what to do about it.
    ///
    /// `Corruption`, `CrcMismatch` and `SegmentNotFound` have the shape of the 0.6 crate and no
    /// room for a place: for these, ask on the thread that received the error, before it has
    /// received eight others.
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
