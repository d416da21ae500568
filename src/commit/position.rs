//! What do callers of a group commit wait for, and what does it mean that a round has reached it?

/// A position in an ordered sequence that fits into 64 bits, so that the committed point can be
/// read without a lock. Streams commit places, and know their durable end as an id.
///
/// The two functions are inverse to each other, preserve the order, and do not panic: they run
/// under the group's lock.
pub trait Position: Copy + Ord {
    /// The position with this number.
    fn from_u64(number: u64) -> Self;
    /// The number of this position.
    fn to_u64(self) -> u64;
}

/// How far everything is durable: the position that callers wait for, and the end of the durable
/// ids there (exclusive). Positions only grow; a cut gives ids again, at a greater position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached<P, I> {
    /// Everything below it is durable.
    pub point: P,
    /// One past the last durable id.
    pub end_id: I,
}

impl Position for u64 {
    fn from_u64(number: u64) -> Self {
        number
    }
    fn to_u64(self) -> u64 {
        self
    }
}
