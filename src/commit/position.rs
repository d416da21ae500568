//! What can be committed up to?

/// A place in an ordered sequence that fits into 64 bits, so that the committed point can be read
/// without a lock. Ours is the id after the last entry that is meant (an exclusive end).
///
/// The two functions are inverse to each other, keep the order, and do not panic: they run while
/// the group's lock is held.
pub trait Position: Copy + Ord {
    /// The position with this number.
    fn from_u64(number: u64) -> Self;
    /// The number of this position.
    fn to_u64(self) -> u64;
}

impl Position for u64 {
    fn from_u64(number: u64) -> Self {
        number
    }
    fn to_u64(self) -> u64 {
        self
    }
}
