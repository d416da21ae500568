//! What does a cursor find at the next id?

use std::ops::Range;

use crate::error::Error;

/// What stands at the next id.
pub(in crate::stream) enum Found {
    Entry,
    Nothing,
    Damaged(Error, Range<u64>),
    /// A truncation has overtaken the cursor: these ids are gone.
    Overtaken(Range<u64>),
    /// The cursor cannot go on.
    End(Error),
}

/// What an entry is that cannot be read for this reason.
pub(in crate::stream) fn unreadable(error: Error, ids: Range<u64>) -> Found {
    match error {
        Error::Io(_) | Error::UnsupportedVersion(_) => Found::End(error),
        _ => Found::Damaged(error, ids),
    }
}
