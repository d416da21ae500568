//! Does a sharded log keep its promises, with its checkpoints, their retention and its procedures?
//!
//! Power cuts are explored in `tests/crash`, races in `tests/concurrency`, a forked child in
//! `tests/process`. `IRONWAL_LONG=1` makes 10,000 checkpoints in `cut`.

#![cfg(feature = "sharded")]

#[path = "../support/mod.rs"]
mod support;

mod automatic;
mod basics;
#[cfg(all(feature = "simulation", unix))]
mod calls;
mod checkpoints;
mod cut;
mod damage;
#[cfg(all(feature = "simulation", unix))]
mod failures;
mod floor;
#[cfg(all(feature = "simulation", unix))]
mod kept;
#[cfg(unix)]
mod procedures;
mod read_only;
mod rollback;
