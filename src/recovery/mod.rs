//! From what is on disk to what the log holds: plain facts, a pure decision, then action.

mod act;
mod decide;
mod ends;
mod facts;
mod frontier;
mod losses;
mod proof;
mod scan;
mod survey;
#[cfg(test)]
mod tests;
mod torn;
mod verdict;

pub use act::Recovered;
pub use act::act;
pub use decide::decide;
pub use facts::Foreign;
pub use facts::StreamFacts;
pub use survey::survey;
pub use verdict::Decision;
pub use verdict::Finding;
pub use verdict::KeptState;
pub use verdict::Next;
pub use verdict::Refusal;
