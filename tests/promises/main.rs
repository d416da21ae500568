//! Does the log keep what it promises, call by call (D1 to D16)?
//!
//! `docs/CRASH_SAFETY.md` names the test of each promise. Crashes at every moment are explored in
//! `tests/crash`, failing calls in `tests/faults`.

#[path = "../support/mod.rs"]
mod support;

mod archive;
#[cfg(feature = "simulation")]
mod atomic;
#[cfg(feature = "compression")]
mod backwards;
mod calls;
#[cfg(feature = "simulation")]
mod crash;
mod cuts;
mod damage;
mod deletion;
#[cfg(unix)]
mod detached;
mod determinism;
#[cfg(feature = "compression")]
mod digest;
#[cfg(feature = "simulation")]
mod durability;
#[cfg(unix)]
mod events;
#[cfg(all(feature = "simulation", unix))]
mod expected_ids;
#[cfg(unix)]
mod extremes;
#[cfg(all(feature = "simulation", unix))]
mod failure;
#[cfg(feature = "simulation")]
mod follow;
#[cfg(unix)]
mod fork;
mod identity;
mod ids;
#[cfg(feature = "simulation")]
mod journal;
#[cfg(feature = "simulation")]
mod kept;
#[cfg(unix)]
mod linked_streams;
#[cfg(unix)]
mod links;
mod locking;
#[cfg(all(feature = "simulation", unix))]
mod mapped;
#[cfg(target_os = "linux")]
mod mapped_files;
mod names;
#[cfg(feature = "simulation")]
mod notification;
mod overtaken;
mod properties;
#[cfg(feature = "simulation")]
mod raft_logs;
#[cfg(target_os = "linux")]
mod reads;
mod recovery_report;
#[cfg(all(feature = "simulation", unix))]
mod regressions;
#[cfg(feature = "compression")]
mod replica;
#[cfg(feature = "simulation")]
mod replica_crash;
mod replica_hostile;
#[cfg(feature = "simulation")]
mod retention;
#[cfg(unix)]
mod snapshot;
#[cfg(unix)]
mod space;
#[cfg(feature = "simulation")]
mod stats;
#[cfg(feature = "simulation")]
mod stream_options;

const ROLES: &[support::Role] = &[
    ("hold the lock", locking::hold_the_lock),
    ("find it locked", locking::find_it_locked),
];

#[cfg(unix)]
const UNIX_ROLES: &[support::Role] = &[
    ("fork and drop", fork::fork_and_drop),
    ("fork while listening", fork::fork_while_listening),
    ("fork on a simulated disk", fork::fork_on_a_simulated_disk),
    (
        "fork while holding the lock",
        fork::fork_while_holding_the_lock,
    ),
    ("meet the size limit", space::meet_the_size_limit),
];

/// Not a test by itself: this program, started by one of its tests, plays a part here.
#[test]
fn as_a_child() {
    support::play(
        &[
            ROLES,
            #[cfg(unix)]
            UNIX_ROLES,
            #[cfg(unix)]
            extremes::ROLES,
            #[cfg(target_os = "linux")]
            mapped_files::ROLES,
            #[cfg(all(feature = "simulation", unix))]
            regressions::ROLES,
        ]
        .concat(),
    );
}
