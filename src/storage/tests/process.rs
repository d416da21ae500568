//! How a test gets a process of its own, to change its limits and user ids, to fork and to die.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// Set in a process that runs one test alone; the value is its directory.
const CHILD_DIR: &str = "IRONWAL_STORAGE_CHILD_DIR";

/// The directory given by the parent, if this process was started by [`rerun`].
pub(in crate::storage) fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD_DIR).map(PathBuf::from)
}

/// This executable, with arguments for the one test and with a directory.
pub(in crate::storage) fn rerun(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_DIR, dir);
    command
}

/// Runs `body` in a process of its own, where it may change limits and user ids, and fork.
pub(in crate::storage) fn in_a_process_of_its_own(test: &str, body: fn(&Path)) {
    if let Some(dir) = child_dir() {
        return body(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let output = rerun(test, dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("1 passed"), "the child ran no test: {text}");
}
