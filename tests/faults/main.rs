//! Does a call of the disk that fails, or a disk that is full, cost anything acknowledged (D7, D8)?
//!
//! Each storage call of a fixed run of calls fails once, in several ways, on the simulated disk.
//! What was acknowledged stays readable, and is there after reopening, after the death of the
//! process and after a power cut; what a reopened log showed is still there after another (D13).

#![cfg(feature = "simulation")]

mod aside;
mod client;
mod each_call;
mod failure;
mod found;
mod full;
mod known;
mod workload;
