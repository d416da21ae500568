//! Which old entries of a stream may go by themselves?
//!
//! Plain data, below `stream` and `wal`, which both use it.

use std::time::Duration;

/// What a stream keeps. Retention removes whole segments, oldest first, as long as one of the limits is
/// exceeded; never the newest segment, which appends go to, and never an entry that the log still needs for a
/// checkpoint, or, where asked, for a cursor. Without a limit it removes nothing.
///
/// ```
/// use ironwal::Retention;
/// use std::time::Duration;
///
/// let week = Duration::from_secs(7 * 24 * 3600);
/// let retention = Retention::new().with_max_bytes(10 << 30).with_max_age(week).keeping_cursors();
/// assert!(retention.keep_cursors);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// So many bytes of segments may stay, over the whole stream; the space of footers and space ahead of the
    /// tail do not count. `None`: any number.
    pub max_bytes: Option<u64>,
    /// A segment goes once its file was last changed longer ago than this: then all its entries are older. A
    /// segment last changes when it is sealed, by the first sync with an entry in the next one. The time is that of the file system, so setting the clock of the system moves it. `None`: never.
    pub max_age: Option<Duration>,
    /// No segment goes that holds an id at or behind a cursor of the stream. A cursor is a property with a
    /// key that begins with `cursor/`; its value is the next id to read, as 8 bytes, the lowest first. A cut leaves
    /// cursors as they are: set back those beyond it, which protect nothing of what is appended there.
    pub keep_cursors: bool,
}

impl Retention {
    /// Without a limit: keeps everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a limit in bytes.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// With a greatest age.
    #[must_use]
    pub fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Keeps what a cursor has not read.
    #[must_use]
    pub fn keeping_cursors(mut self) -> Self {
        self.keep_cursors = true;
        self
    }

    /// Whether anything can ever go.
    pub(crate) fn has_limit(&self) -> bool {
        self.max_bytes.is_some() || self.max_age.is_some()
    }
}
