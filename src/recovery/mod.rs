//! From what is on disk to what the log holds: plain facts, a pure decision, then action.

mod act;
mod decide;
mod facts;
mod frontier;
mod scan;
mod survey;
#[cfg(test)]
mod tests;

pub use act::Recovered;
pub use act::act;
pub use decide::Decision;
pub use decide::Finding;
pub use decide::KeptState;
pub use decide::Next;
pub use decide::Refusal;
pub use decide::decide;
pub use facts::Foreign;
pub use facts::StreamFacts;
pub use survey::survey;
