//! The engine holds its promises however its threads interleave.
//!
//! The library itself, built with `--cfg ironwal_model` so that its locks, threads and clock are a
//! model checker's (`src/primitives`), runs on the simulated disk. The checker (shuttle) runs one thread
//! at a time and decides at each step, that is before each use of a lock or an atomic and each call
//! of the disk, which goes on: half of the schedules at random, half by probabilistic concurrency
//! testing (Burckhardt et al., ASPLOS 2010). Where no thread can go on it is a deadlock, so every lost
//! wake-up is found. Only sequentially consistent atomics are known to it.
//!
//! `make test-model` runs all of it for about half a minute. The schedules are the same in every
//! run; to search longer, and elsewhere: `ENGINE_MODEL_SCHEDULES=20000 ENGINE_MODEL_SEED=$RANDOM make
//! test-model`. A failure prints where it wrote its schedule, and how to run that alone.
#![cfg(ironwal_model)]

mod background;
mod close;
mod close_helpers;
mod cuts;
mod delete;
mod eviction;
mod expected_ids;
mod explore;
mod fixture;
mod journal;
mod kept;
mod listening;
mod mapped;
mod poison;
mod recorder;
mod rotation;
#[cfg(feature = "sharded")]
mod sharded_cut;
mod truncation;
