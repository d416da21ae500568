//! What do several test programs need? A log in a temporary directory, its files, and the program
//! itself as a child.

// Compiled into each of them, and each uses a part.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::time::SystemTime;

use ironwal::*;

/// Which part the program plays when it was started by itself.
const ROLE: &str = "IRONWAL_TEST_ROLE";

/// The directory the child works in.
const PLACE: &str = "IRONWAL_TEST_PLACE";

/// A directory of its own for one test, removed with it.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

/// Options for a log in `place` that syncs only when a call asks for it.
pub fn options(place: &Path, sync_mode: SyncMode) -> WalOptions {
    let mut options = WalOptions::new(place.join("log"));
    options.sync_mode = sync_mode;
    options.background_sync = None;
    options
}

/// The log of one test, opened as often as the test likes, in a directory that is removed with this.
pub struct LogBuilder {
    dir: tempfile::TempDir,
    options: WalOptions,
}

impl LogBuilder {
    /// A log with the [`options`] of `sync_mode` in a directory of its own.
    pub fn new(sync_mode: SyncMode) -> Self {
        let dir = temp_dir();
        let options = options(dir.path(), sync_mode);
        Self { dir, options }
    }

    /// With other options.
    pub fn with(mut self, change: impl FnOnce(&mut WalOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// The directory in which the log's lies.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn options(&self) -> WalOptions {
        self.options.clone()
    }

    /// Opens the log, for the first time or again.
    pub fn open(&self) -> Wal {
        Wal::new(self.options()).expect("opens")
    }

    pub fn open_read_only(&self) -> Wal {
        Wal::open_read_only(self.options()).expect("opens")
    }
}

/// This program once more, to play `role` in `place`. Every program that uses this has a test
/// `as_a_child` that hands over to [`play`].
pub fn child(role: &str, place: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "as_a_child", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(PLACE, place);
    command
}

/// Runs the child to its end, which must be a good one.
pub fn run_child(role: &str, place: &Path) -> Output {
    let output = child(role, place).output().expect("the child runs");
    assert!(
        output.status.success(),
        "{role}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A part that this program can play: its name, and what is done in the place given.
pub type Role = (&'static str, fn(&Path));

/// Plays the role that this program was started for, if it was started by itself.
pub fn play(roles: &[Role]) {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let place = PathBuf::from(std::env::var_os(PLACE).expect("a place"));
    let (_, part) = roles
        .iter()
        .find(|(name, _)| *name == role)
        .expect("a role that this program has");
    part(&place);
}

/// All files below `dir`, by their path in it.
pub fn files_in(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(&next).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("below").to_path_buf();
                files.insert(name, std::fs::read(&path).expect("reads"));
            }
        }
    }
    files
}

/// The paths of a stream's segments, oldest first.
pub fn segments_in(stream_dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(stream_dir)
        .expect("lists")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "wal"))
        .collect();
    found.sort();
    found
}

/// Entry `id` of a stream: different for every id, of every length up to 300 bytes.
pub fn entry(id: u64) -> Vec<u8> {
    let mut state = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let len = (state >> 40) % 300;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

/// Everything a stream shows, from its first id on; every entry must be good.
pub fn all_entries(wal: &Wal, stream: &str) -> Vec<(u64, Vec<u8>)> {
    let entries = wal.iter_with_ids(stream, 0).expect("iterates");
    entries.map(|entry| entry.expect("a good entry")).collect()
}

/// Names, times of change, lengths, contents.
pub type Seen = BTreeMap<PathBuf, (SystemTime, u64, Option<Vec<u8>>)>;

/// Everything below a directory, to be compared with what is there later.
pub fn everything(dir: &Path) -> Seen {
    let mut seen = Seen::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        let facts = std::fs::metadata(&next).expect("is there");
        seen.insert(next.clone(), (facts.modified().expect("a time"), 0, None));
        for listed in std::fs::read_dir(&next).expect("lists") {
            let path = listed.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let facts = std::fs::metadata(&path).expect("is there");
            let content = std::fs::read(&path).expect("reads");
            let modified = facts.modified().expect("a time");
            seen.insert(path, (modified, facts.len(), Some(content)));
        }
    }
    seen
}

/// Copies all files below a directory.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for (name, content) in files_in(from) {
        let target = to.join(name);
        std::fs::create_dir_all(target.parent().expect("below")).expect("a directory");
        std::fs::write(target, content).expect("writes");
    }
}
