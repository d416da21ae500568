//! Where did an error happen, and how does an I/O error get its place?

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::Result;

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

/// Gives the error of an I/O call its place.
pub(crate) trait IoAt<T> {
    /// The error concerns a file or directory.
    fn at(self, path: &Path) -> Result<T>;

    /// The error has a context, which is made only if there is an error.
    fn in_context(self, context: impl FnOnce() -> ErrorContext) -> Result<T>;
}

impl<T> IoAt<T> for io::Result<T> {
    #[inline]
    fn at(self, path: &Path) -> Result<T> {
        self.in_context(|| ErrorContext::at(path))
    }

    #[inline]
    fn in_context(self, context: impl FnOnce() -> ErrorContext) -> Result<T> {
        self.map_err(|cause| Error::io(cause, context()))
    }
}
