//! Which locks, threads and clock does the engine run on?
//!
//! Everything that lets one thread wait for another, or see what it did, is named here and nowhere
//! else. Normal builds get `system`: names of `parking_lot` and `std`, nothing around them; debug
//! builds the same locks with a count of those that a thread holds (`counted`). Under
//! `--cfg ironwal_model`, which no feature sets and only `tests/engine_model` asks for, `model`
//! stands in their stead: a checker's primitives, which run one thread at a time and let the
//! checker choose at each step which.
//!
//! Not here: `Arc`, which nobody waits for, and what belongs to the process and not to a log
//! (`platform/fork.rs`, `storage/posix/lock.rs`).

#[cfg(all(debug_assertions, not(ironwal_model)))]
mod counted;
mod due_queue;
#[cfg(ironwal_model)]
mod model;
#[cfg(not(ironwal_model))]
mod system;
mod worker_pool;

pub use due_queue::DueQueue;
pub use due_queue::Next;
#[cfg(ironwal_model)]
pub use model::*;
#[cfg(not(ironwal_model))]
pub use system::*;
pub use worker_pool::WorkerPool;
pub use worker_pool::resume_first_panic;
