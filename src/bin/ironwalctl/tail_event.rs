//! What does a follow print?

use std::ops::Range;

use ironwal::Error;

/// What happened to a stream.
#[derive(Debug)]
pub enum TailEvent<'a> {
    /// An entry.
    Entry(u64, &'a [u8]),
    /// Ids that cannot be read. `None`: it is not known which.
    Unreadable(Option<Range<u64>>, &'a Error),
    /// The ids from this one on were cut, and are given again.
    Cut(u64),
    /// The stream was deleted.
    Deleted,
}
