//! What does the log ask of the process it runs in: memory, threads, system calls, forks?
//!
//! These tests watch or limit what belongs to the whole process. Those that need it to themselves run
//! in a child, or hold [`alone`].

#![allow(unsafe_code)]

#[path = "../damage/format_twin.rs"]
#[allow(dead_code)]
mod format_twin;
#[path = "../support/mod.rs"]
mod support;

mod allocation_bound;
mod allocation_free;
mod allocator;
#[cfg(all(feature = "sharded", unix))]
mod fork;
#[cfg(feature = "compression")]
mod memory;
#[cfg(all(feature = "simulation", feature = "sharded", target_os = "linux"))]
mod no_leaked_threads;
#[cfg(all(feature = "simulation", feature = "sharded", target_os = "linux"))]
mod no_threads;
#[cfg(target_os = "linux")]
mod syscalls;

use std::sync::Mutex;
use std::sync::MutexGuard;

/// While it is held, no other test of this program runs a log in this process: threads are counted
/// by name, and the switch that refuses them belongs to the process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|error| error.into_inner())
}

/// Not a test by itself: this program, started by one of its tests, plays a part here.
#[test]
fn as_a_child() {
    support::play(
        &[
            allocation_bound::ROLES,
            #[cfg(feature = "compression")]
            memory::ROLES,
            #[cfg(target_os = "linux")]
            syscalls::ROLES,
        ]
        .concat(),
    );
}
