//! Real disks and real death: small file systems on loop devices that are filled, freed and cut
//! off; processes that are killed; calls of the system that fail. What a machine or its privileges
//! do not allow is skipped with a message.
//!
//! `IRONWAL_ROUNDS` sets how often the rounds of killing and cutting off are run.

#![cfg(target_os = "linux")]

use ironwal::SyncMode;
use ironwal::WriteStrategy;

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod host;
mod kill;
mod mount;
mod power;
mod space;
mod system;

/// Not a test by itself: this program, started by one of its tests, plays a part here.
#[test]
fn as_a_child() {
    support::play(&[
        ("append until killed", kill::append_from_eight_threads),
        ("race for the lock", kill::race_for_the_lock),
        ("acknowledge what is durable", power::acknowledge),
        ("store on a full disk", host::store_on_a_full_disk),
        ("store on a shut-down disk", host::store_on_a_shut_down_disk),
        (
            "store into a shortened file",
            host::store_into_a_shortened_file,
        ),
        ("fill and free", space::fill_and_free),
        ("append on a full disk", space::append_on_a_full_disk),
        ("meet a failing call", calls::meet_a_failing_call),
        ("work all round", system::work_all_round),
        ("work in a storm", system::work_in_a_storm),
        ("work under a limit", system::work_under_a_limit),
        ("fail to open", system::fail_to_open),
    ]);
}

/// How many rounds to run: as asked for by the environment, or few.
pub fn rounds(few: u64) -> u64 {
    std::env::var("IRONWAL_ROUNDS")
        .map_or(few, |rounds| rounds.parse().expect("a number of rounds"))
}

/// How appends are to reach the file, for a child.
pub const STRATEGY: &str = "IRONWAL_TEST_STRATEGY";

/// When a call is acknowledged, for a child.
pub const MODE: &str = "IRONWAL_TEST_MODE";

/// Every mode.
pub const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

/// Every strategy.
pub const STRATEGIES: [WriteStrategy; 3] = [
    WriteStrategy::Auto,
    WriteStrategy::StandardIo,
    WriteStrategy::Mmap,
];

/// The settings of this child.
pub fn settings() -> (SyncMode, WriteStrategy) {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (mode, strategy) = (variable(MODE), variable(STRATEGY));
    let mode = MODES.into_iter().find(|m| format!("{m:?}") == mode);
    let strategy = STRATEGIES
        .into_iter()
        .find(|s| format!("{s:?}") == strategy);
    (mode.expect("a mode"), strategy.expect("a strategy"))
}

/// A child with the settings for its appends.
pub fn child(
    role: &str,
    place: &std::path::Path,
    mode: SyncMode,
    strategy: WriteStrategy,
) -> std::process::Command {
    let mut child = support::child(role, place);
    child
        .env(MODE, format!("{mode:?}"))
        .env(STRATEGY, format!("{strategy:?}"));
    child
}

/// Whether this process has a file in `place` mapped for storing.
pub fn is_mapped(place: &std::path::Path) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("reads");
    let place = place.to_str().expect("a readable path");
    maps.lines()
        .any(|line| line.contains(" rw-s ") && line.contains(place))
}
