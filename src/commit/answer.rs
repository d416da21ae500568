//! Why does a caller of group commit not get what it asked for?

/// Why a position is not known to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitError<E> {
    /// The group has failed; this is its first error.
    Poisoned(E),
    /// The group was closed before the position was committed.
    Closed,
    /// The deadline passed first.
    Timeout,
}
