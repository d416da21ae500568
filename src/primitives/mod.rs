//! Which locks, atomics, threads and clock does the engine use, and how do threads share work?
//!
//! Everything by which one thread waits for another or sees its writes comes from here. Normal
//! builds use `system`: re-exports of `parking_lot` and `std`. Debug builds count the locks that a
//! thread holds (`counted`). Under `--cfg ironwal_model`, which no feature sets and only
//! `tests/engine_model` uses, `model` replaces them by the primitives of a model checker, which
//! runs one thread at a time and chooses at each step which one.
//!
//! `worker_pool` runs one function over many items; `due_queue` works on keys when they are due.
//! These are the only thread loops of the engine.
//!
//! Not here: `Arc`, on which no thread waits, and what belongs to the process rather than to a log
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
