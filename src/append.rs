//! What does a caller ask of an append, and what does it learn?
//!
//! Plain data, below `stream` and `wal`, which both use it. `stream/writer/append` does the work.

use std::ops::Range;

use crate::ids::Place;

/// When an append is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// As the log's [`SyncMode`](crate::SyncMode) says: one entry without properties as
    /// `append`, all else as `append_batch`.
    #[default]
    ByMode,
    /// In the kernel on return, in every mode: it survives the death of the process, not a power
    /// failure. The call does not wait for the disk. Under `Strict` readers see the entries once
    /// they are durable; a background sync makes them so
    /// ([`BackgroundSync`](crate::BackgroundSync)), or any later sync of the stream.
    Written,
    /// Durable on return, in every mode.
    Durable,
}

/// What an append is asked for. Plain data: set the fields, or use the methods.
///
/// All entries and properties of one append are one frame: after any crash all are there or none.
/// Empty of both, the append succeeds and writes nothing.
///
/// ```
/// use ironwal::Append;
/// use ironwal::Durability;
///
/// let entries: [&[u8]; 2] = [b"opened", b"paid"];
/// let append = Append::new(&entries).expecting(7).written();
/// assert_eq!(append.expected_id, Some(7));
/// assert_eq!(append.durability, Durability::Written);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Append<'a> {
    /// The entries, in order; each may be empty.
    pub entries: &'a [&'a [u8]],
    /// The id that the first entry must get: otherwise nothing is appended, and the call returns
    /// [`SequenceMismatch`](crate::Error::SequenceMismatch). `None`: any.
    pub expected_id: Option<u64>,
    /// Changes of the stream's properties, by key; `None` removes one.
    pub properties: &'a [(&'a [u8], Option<&'a [u8]>)],
    /// When it is durable.
    pub durability: Durability,
}

impl<'a> Append<'a> {
    /// Asks for these entries, at any id, as durable as the log's mode says.
    pub fn new(entries: &'a [&'a [u8]]) -> Self {
        Append {
            entries,
            ..Append::default()
        }
    }

    /// The first entry must get this id.
    #[must_use]
    pub fn expecting(mut self, id: u64) -> Self {
        self.expected_id = Some(id);
        self
    }

    /// Changes properties of the stream in the same frame.
    #[must_use]
    pub fn with_properties(mut self, properties: &'a [(&'a [u8], Option<&'a [u8]>)]) -> Self {
        self.properties = properties;
        self
    }

    /// In the kernel on return, in every mode ([`Durability::Written`]).
    #[must_use]
    pub fn written(mut self) -> Self {
        self.durability = Durability::Written;
        self
    }

    /// Durable on return, in every mode ([`Durability::Durable`]).
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durability = Durability::Durable;
        self
    }
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The ids of its entries; without an entry, the next id twice.
    pub ids: Range<u64>,
    /// The place behind it: once that is durable, so is the append.
    pub mark: Mark,
}

/// A place in one stream, since this opening of the log: behind everything that was appended
/// before it. Ids do not do for that: an append of properties alone has none.
///
/// Marks of one stream are ordered as their appends are. A mark says nothing about another stream,
/// nor after the log was closed: calls refuse it with `Config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The number of the stream's opening in this process.
    pub(crate) opening: u64,
    pub(crate) place: Place,
}
