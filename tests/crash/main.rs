//! Was anything acknowledged lost, or anything unacknowledged half seen (D1 to D4, D6, D13, D15)?
//!
//! A workload chosen by a seed runs on the simulated disk with a model beside it: one log of
//! several streams, or a sharded one with checkpoints. Then, for every storage call, power is lost
//! right after it, in several ways under both directory models, or the process dies; the log is
//! opened again and compared with the model; and power is lost again while it recovers, and once
//! more while it recovers from that.
//!
//! The short run takes fresh seeds every time and prints them. The long one:
//!
//! ```text
//! cargo test --release --all-features --test crash ten_million -- --ignored --nocapture
//! ```
//!
//! `IRONWAL_CRASH_STATES=n` how many states, `IRONWAL_CRASH_THREADS=n` on how many threads,
//! `IRONWAL_CRASH_SEED=n` from which seed on. A failure prints the command that repeats it, and
//! saves the disk as it was then.

#![cfg(feature = "simulation")]
// Without sharded logs no test makes or looks at checkpoints.
#![cfg_attr(not(feature = "sharded"), allow(dead_code))]

#[path = "../support/mod.rs"]
mod support;

mod archive;
mod check;
mod checkpoints;
mod explore;
mod live_snapshot;
mod model;
mod open_log;
mod random;
mod read_only;
#[cfg(all(feature = "sharded", unix))]
mod rollback;
mod runner;
mod setups;
#[cfg(all(feature = "sharded", unix))]
mod sharded;
mod workload;

use std::time::Duration;

use ironwal::SyncMode;
use runner::Hunt;
use runner::number;

/// States of each short run.
const STATES: u64 = 12_000;

fn short(name: &'static str, sync_modes: &'static [SyncMode]) {
    let states = number("IRONWAL_CRASH_STATES").map_or(STATES, |all| all / 3);
    Hunt {
        name,
        sync_modes,
        states,
        threads: number("IRONWAL_CRASH_THREADS").unwrap_or(1) as usize,
        progress_every: None,
    }
    .run();
}

#[test]
fn strict_loses_nothing_acknowledged_in_any_crash() {
    short("strict_loses", &[SyncMode::Strict]);
}

#[test]
fn batch_only_loses_no_acknowledged_batch_in_any_crash() {
    short("batch_only_loses", &[SyncMode::BatchOnly]);
}

#[test]
fn async_loses_nothing_synced_in_any_crash() {
    short("async_loses", &[SyncMode::Async]);
}

#[test]
#[ignore = "takes minutes"]
fn ten_million_crashes_lose_nothing() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Hunt {
        name: "ten_million",
        sync_modes: &[SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async],
        states: number("IRONWAL_CRASH_STATES").unwrap_or(10_000_000),
        threads: number("IRONWAL_CRASH_THREADS").map_or(cores, |threads| threads as usize),
        progress_every: Some(Duration::from_secs(10)),
    }
    .run();
}
