//! Was anything acknowledged lost, or anything unacknowledged half seen (D1 to D4, D6, D13, D15)?
//!
//! A workload chosen by a seed runs on the simulated disk with a model beside it. Then, for every
//! storage call, power is lost right after it, in several ways under both directory models, or the
//! process dies; the log is opened again and compared with the model; and power is lost again
//! while it recovers.
//!
//! `IRONWAL_CRASH_SEED=n` tries only the workload n; `IRONWAL_CRASH_STATES=n` goes on until about
//! n states were tried (default 30000). With a background sync the threads make runs differ: a
//! failure may need several attempts.

#![cfg(feature = "simulation")]

mod archive;
mod check;
mod explore;
mod model;
mod random;
mod workload;

use explore::Bounds;
use explore::explore;
use ironwal::SyncMode;

#[test]
fn strict_loses_nothing_acknowledged_in_any_crash() {
    explore("strict", SyncMode::Strict, &Bounds::new(1_000, 10_000));
}

#[test]
fn batch_only_loses_no_acknowledged_batch_in_any_crash() {
    explore(
        "batch_only",
        SyncMode::BatchOnly,
        &Bounds::new(2_000, 10_000),
    );
}

#[test]
fn async_loses_nothing_synced_in_any_crash() {
    explore("async", SyncMode::Async, &Bounds::new(3_000, 10_000));
}
