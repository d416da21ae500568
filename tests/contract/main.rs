//! The promises of the log, D1 to D16, one by one. `docs/CRASH_SAFETY.md` says which test shows
//! which; crashes at every moment are explored elsewhere.

#[path = "../support/mod.rs"]
mod support;

mod archive;
#[cfg(feature = "simulation")]
mod crash;
mod cuts;
mod damage;
mod detached;
mod determinism;
#[cfg(feature = "simulation")]
mod durability;
#[cfg(feature = "simulation")]
mod failure;
mod fork;
mod identity;
mod ids;
mod linked_streams;
mod links;
mod locking;
#[cfg(feature = "simulation")]
mod mapped;
mod names;
mod space;

/// Not a test by itself: this program, started by one of its tests, plays a part here.
#[test]
fn as_a_child() {
    support::play(&[
        ("hold the lock", locking::hold_the_lock),
        ("find it locked", locking::find_it_locked),
        ("fork and drop", fork::fork_and_drop),
        ("fork on a simulated disk", fork::fork_on_a_simulated_disk),
        (
            "fork while holding the lock",
            fork::fork_while_holding_the_lock,
        ),
        ("meet the size limit", space::meet_the_size_limit),
    ]);
}
