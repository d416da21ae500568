//! Entry ids, places and file offsets as different types, so that they cannot be mixed.
//!
//! The public API uses plain `u64`.

use std::fmt;
use std::ops::Add;
use std::ops::AddAssign;
use std::ops::Sub;

/// The id of an entry within its stream, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

/// A place in a stream since its opening, counted in entries and in frames without entries. It
/// never moves back, whatever becomes of ids: group commit counts places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

/// A position in a segment file, in bytes from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileOffset(pub u64);

impl Add<u64> for EntryId {
    type Output = EntryId;
    fn add(self, count: u64) -> EntryId {
        EntryId(self.0 + count)
    }
}

impl AddAssign<u64> for EntryId {
    fn add_assign(&mut self, count: u64) {
        self.0 += count;
    }
}

impl Sub for EntryId {
    type Output = u64;
    fn sub(self, earlier: EntryId) -> u64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add<u64> for FileOffset {
    type Output = FileOffset;
    fn add(self, bytes: u64) -> FileOffset {
        FileOffset(self.0 + bytes)
    }
}

impl AddAssign<u64> for FileOffset {
    fn add_assign(&mut self, bytes: u64) {
        self.0 += bytes;
    }
}

impl Sub for FileOffset {
    type Output = u64;
    fn sub(self, earlier: FileOffset) -> u64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for FileOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
