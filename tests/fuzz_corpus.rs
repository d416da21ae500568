//! What must hold: no file and no argument, whatever its bytes, makes the engine panic, abort, hang,
//! allocate without bound or show a wrong byte. The targets are those of cargo-fuzz; here a seeded
//! mutator drives them, from the corpus, with any toolchain.
//!
//! `IRONWAL_HOSTILE_RUNS` sets how many runs each target gets, `IRONWAL_SEED` repeats a series.

#![cfg(all(target_os = "linux", feature = "capi", feature = "simulation"))]
#![allow(unsafe_code)]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use std::time::SystemTime;

#[path = "../fuzz/targets/mod.rs"]
mod targets;

/// The largest single allocation.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

struct Watching;

// SAFETY: every call goes to the system's allocator unchanged; only a number is noted beside it.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        LARGEST.fetch_max(new_size, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Inputs are some KiB; buffers of the engine, and of this program's output, are below this.
const BOUND: usize = 4 << 20;

/// No run takes nearly so long.
const HANGS: Duration = Duration::from_secs(60);

/// A seeded generator (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut paths: Vec<_> = std::fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.expect("lists").path())
        .collect();
    paths.sort();
    let read = |path| std::fs::read(path).expect("reads");
    paths.into_iter().map(read).collect()
}

/// An input made from others.
fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = match random.below(8) {
        0 => (0..random.below(400))
            .map(|_| random.next() as u8)
            .collect(),
        _ => corpus[random.below(corpus.len())].clone(),
    };
    for _ in 0..1 + random.below(8) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(12)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 1, 127, 248, 251, 254, 255][random.below(7)],
            2 => bytes.insert(at, random.next() as u8),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copied = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copied);
            }
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => bytes.extend((0..random.below(20)).map(|_| random.next() as u8)),
        }
    }
    bytes.truncate(4096);
    bytes
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}

fn drive(name: &'static str, few: u64) {
    let (_, target) = targets::TARGETS
        .into_iter()
        .find(|(found, _)| *found == name)
        .expect("a target");
    drive_from(name, few, &corpus(name), target);
}

fn drive_from(name: &'static str, few: u64, corpus: &[Vec<u8>], target: fn(&[u8])) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let fresh = now.expect("after 1970").as_nanos() as u64;
    let seed = number("IRONWAL_SEED").unwrap_or(fresh);
    let runs = number("IRONWAL_HOSTILE_RUNS").unwrap_or(few);
    println!("{name}: {runs} runs, IRONWAL_SEED={seed}");
    // A hang must not be waited for: the process says which run it was, and ends.
    let (ran, runs_done) = mpsc::channel::<String>();
    let watchdog = std::thread::spawn(move || {
        let mut last = None;
        loop {
            match runs_done.recv_timeout(HANGS) {
                Ok(run) => last = Some(run),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    eprintln!("{name} hangs after {last:?}, IRONWAL_SEED={seed}");
                    std::process::abort();
                }
            }
        }
    });
    let try_one = |run: String, input: &[u8]| {
        if let Err(panic) = std::panic::catch_unwind(|| target(input)) {
            eprintln!("{name}: {run}, IRONWAL_SEED={seed}, input {input:?}");
            std::panic::resume_unwind(panic);
        }
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!(
            largest <= BOUND,
            "{name}: {largest} bytes at once, {run}, IRONWAL_SEED={seed}, {input:?}"
        );
        ran.send(run).expect("watched");
    };
    assert!(!corpus.is_empty());
    // What was found once is tried every time, as it is.
    for (number, input) in corpus.iter().enumerate() {
        try_one(format!("input {number} of the corpus"), input);
    }
    for run in 0..runs {
        // Each run by itself, so that one can be repeated alone.
        let input = mutated(
            corpus,
            &mut Random(seed ^ run.wrapping_mul(0xA24B_AED4_963E_E407)),
        );
        try_one(format!("run {run}"), &input);
    }
    drop(ran);
    watchdog.join().expect("nothing hung");
}

#[test]
fn forged_frames_do_no_harm() {
    drive("frames", 1500);
}

#[test]
fn an_arbitrary_directory_does_no_harm() {
    drive("directory", 400);
}

#[test]
fn changed_segments_show_no_wrong_byte() {
    drive("segments", 600);
}

#[test]
fn any_fields_under_good_checksums_do_no_harm_and_read_the_same_by_all_ways() {
    drive("fields", 400);
}

#[test]
fn changed_checkpoint_files_show_no_wrong_checkpoint() {
    drive("checkpoints", 300);
}

#[test]
fn calls_chosen_by_bytes_do_what_the_model_says() {
    drive("operations", 300);
}

#[test]
fn changed_files_of_the_commit_journal_show_no_wrong_byte() {
    drive("journals", 150);
}

#[test]
fn packets_that_are_not_the_right_one_change_nothing() {
    drive("packets", 400);
}

#[test]
fn c_calls_with_arbitrary_arguments_do_no_harm() {
    drive("c_calls", 400);
}

/// A segment of the 0.6 crate; its root has two others beside it.
#[cfg(feature = "cli")]
mod import_06 {
    use std::path::Path;
    use std::path::PathBuf;

    use ironwal::Wal;
    use ironwal::WalOptions;
    use ironwal::import::ImportOptions;

    const CHANGED: &str = "00000000000000000004.wal";

    fn stream() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/from_06/small/s")
    }

    /// The stream in a root of its own, with this segment in place of the second one.
    fn entries_of(segment: &[u8]) -> Vec<(u64, Vec<u8>)> {
        // In memory where that is possible: nothing here depends on the disk.
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let place = place.expect("a directory");
        let (root, to) = (place.path().join("old"), place.path().join("new"));
        std::fs::create_dir_all(root.join("s")).expect("makes");
        for entry in std::fs::read_dir(stream()).expect("lists") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            std::fs::copy(&path, root.join("s").join(name)).expect("copies");
        }
        std::fs::write(root.join("s").join(CHANGED), segment).expect("writes");
        let options = ImportOptions::default();
        let imported = ironwal::import::import_06(&root, &to, &options, &mut |_| ());
        imported.expect("damage is reported, and no failure");
        let wal = Wal::new(WalOptions::new(&to)).expect("opens");
        let read = wal.iter_with_ids("s", 0).expect("iterates");
        read.filter_map(Result::ok).collect()
    }

    fn target(segment: &[u8]) {
        use std::sync::LazyLock;

        static WHOLE: LazyLock<Vec<(u64, Vec<u8>)>> =
            LazyLock::new(|| entries_of(&std::fs::read(stream().join(CHANGED)).expect("reads")));
        assert_eq!(WHOLE.len(), 10);
        let found = entries_of(segment);
        // The other segments are whole, and what there is of this one is as it was.
        assert!(found.iter().all(|entry| WHOLE.contains(entry)), "{found:?}");
        let of_others = |entry: &&(u64, Vec<u8>)| !(4..8).contains(&entry.0);
        assert_eq!(found.iter().filter(of_others).count(), 6, "{found:?}");
    }

    #[test]
    fn a_changed_segment_of_the_0_6_crate_gives_no_wrong_entry() {
        let files = std::fs::read_dir(stream()).expect("lists");
        let paths = files.map(|entry| entry.expect("an entry").path());
        let segments = paths.filter(|path| path.extension().is_some_and(|end| end == "wal"));
        let mut corpus: Vec<Vec<u8>> = segments
            .map(|path| std::fs::read(path).expect("reads"))
            .collect();
        corpus.sort();
        super::drive_from("import_06", 300, &corpus, target);
    }
}
