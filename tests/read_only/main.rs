//! A second process reads the log while the first one writes it (D10): what it shows is right, and
//! nothing on disk changes by it.

#[path = "../support/mod.rs"]
mod support;

mod cuts;
mod deleted;
mod follow;
#[cfg(feature = "simulation")]
mod journal;
#[cfg(feature = "simulation")]
mod reborn;
#[cfg(feature = "sharded")]
mod sharded;
mod snapshot;
mod unchanged;

/// Hands over to the part that this program was started for.
#[test]
fn as_a_child() {
    support::play(follow::ROLES);
}
