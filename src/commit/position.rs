//! What do callers of a group commit wait for?

/// A position in an ordered sequence that fits into 64 bits, so that the committed point can be
/// read without a lock. Streams use the end of an id range (exclusive).
///
/// The two functions are inverse to each other, preserve the order, and do not panic: they run
/// under the group's lock.
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
