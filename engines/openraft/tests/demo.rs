//! Does the driver of the demonstration find the faults that are planted in its nodes?

use std::process::Command;

/// Runs the demonstration shortly; returns whether it passed, and what it printed.
fn demo(options: &[&str]) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_kv"))
        .args(["demo", "--seconds", "6"])
        .args(options)
        .output()
        .expect("runs");
    let printed = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(printed).unwrap())
}

#[test]
fn reads_from_a_stale_cache_are_found_not_linearizable() {
    let (passed, printed) = demo(&["--plant", "stale-reads"]);
    assert!(!passed && printed.contains("not linearizable"), "{printed}");
}

#[test]
fn writes_that_are_acknowledged_and_forgotten_are_found_lost() {
    let (passed, printed) = demo(&["--plant", "lost-writes"]);
    assert!(!passed && printed.contains("has lost"), "{printed}");
}
