//! What the system may answer to a call other than that it was done or failed: that a signal came,
//! that there is no such call, that the process may not write so far. Each call in turn answers so
//! by a preloaded library (`failing_calls.c`) or by a limit, while a log does all it can.

#![allow(unsafe_code)]

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ironwal::*;

use crate::calls::library;
use crate::settings;
use crate::support;
use crate::support::entry;

/// Where the archive is, for a child: on another file system than the log.
const ARCHIVE: &str = "IRONWAL_TEST_ARCHIVE";

const MODES: [(SyncMode, WriteStrategy); 3] = [
    (SyncMode::Strict, WriteStrategy::StandardIo),
    (SyncMode::Strict, WriteStrategy::Mmap),
    (SyncMode::Async, WriteStrategy::Mmap),
];

fn options(place: &Path) -> WalOptions {
    let (mode, strategy) = settings();
    let mut options = support::options(place, mode);
    options.write_strategy = strategy;
    options.read_strategy = ReadStrategy::Mmap;
    options.max_segment_size = 5000;
    options.write_buffer_size = 4096;
    options.on_corruption = CorruptionPolicy::Error;
    options.archive_path = Some(PathBuf::from(
        std::env::var_os(ARCHIVE).expect("an archive"),
    ));
    options
}

/// Everything a log does, twice; nothing of it may fail.
pub fn work_all_round(place: &Path) {
    for session in 0..2 {
        let wal = Wal::new(options(place)).expect("opens");
        let stream = wal.stream("s").expect("a handle");
        let first = stream.next_id().expect("known");
        assert_eq!(first, session * 103);
        for id in first..first + 100 {
            assert_eq!(stream.append(&entry(id)).expect("appends"), id);
        }
        // In parts, from the caller's memory.
        let large = [&[7; 9000][..], &[8; 9000], &[9; 9000]];
        stream.append_batch(&large).expect("appends a batch");
        stream.sync().expect("syncs");
        let next = first + 103;
        assert!(wal.truncate("s", next - 5).expect("truncates") > 0);
        assert!(wal.restore_archived("s").expect("restores") > 0);
        wal.append("gone", b"g").expect("appends");
        wal.delete_stream("gone").expect("deletes");
        for id in first..first + 100 {
            assert_eq!(stream.get(id).expect("reads"), Some(entry(id)));
        }
        drop(stream);
        wal.close().expect("closes");
    }
    let mut options = options(place);
    options.root_path = place.join("sharded");
    options.archive_path = None;
    for _ in 0..2 {
        let log = ShardedWal::new(options.clone(), 2).expect("opens");
        for id in 0..50 {
            log.append(id.to_string().as_bytes(), &entry(id))
                .expect("appends");
        }
        log.create_checkpoint(b"c").expect("a checkpoint");
        log.flush_all().expect("durable");
        log.close().expect("closes");
    }
    println!("all done");
}

/// A directory on another file system than `place`; `None`, with a message, where there is none.
fn elsewhere(place: &Path) -> Option<tempfile::TempDir> {
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    let memory = Path::new("/dev/shm");
    if device(memory).is_none() || device(memory) == device(place) {
        println!("SKIPPED: no second file system for the archive");
        return None;
    }
    tempfile::tempdir_in(memory).ok()
}

/// Runs the role with these calls failing.
fn run(
    role: &str,
    library: &Path,
    (mode, strategy): (SyncMode, WriteStrategy),
    (calls, at, code): (&str, &str, i32),
) -> Option<Output> {
    let place = support::temp_dir();
    let archive = elsewhere(place.path())?;
    let output = crate::child(role, place.path(), mode, strategy)
        .env(ARCHIVE, archive.path().join("archive"))
        .env("LD_PRELOAD", library)
        .env("FAIL_CALL", calls)
        .env("FAIL_AT", at)
        .env("FAIL_CODE", code.to_string())
        .output();
    Some(output.expect("runs"))
}

fn check_done(case: &str, output: &Output) {
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let done = output.status.success() && printed.contains("all done");
    assert!(done, "{case}: {}\n{printed}{complaint}", output.status);
}

#[test]
fn a_call_that_a_signal_interrupts_is_made_again() {
    let tools = support::temp_dir();
    let Some(library) = library(tools.path()) else {
        return;
    };
    let each = [
        "fdatasync",
        "fsync",
        "msync",
        "sync_file_range",
        "syncfs",
        "madvise",
        "flock",
        "fallocate",
        "ftruncate",
        "statfs",
        "statvfs",
        "open",
        "rename",
        "unlink",
        "rmdir",
        "mkdir",
        "link",
        "fstatat",
        "statx",
        "read",
        "write",
        "pwritev",
        "getdents64",
        "getrandom",
        "copy_file_range",
    ];
    for calls in [&each[..], &each[..5]] {
        for mode in MODES {
            let calls = calls.join(",");
            let Some(output) = run(
                "work all round",
                &library,
                mode,
                (&calls, "odd", libc::EINTR),
            ) else {
                return;
            };
            check_done(&format!("{calls} interrupted, {mode:?}"), &output);
        }
    }
}

#[test]
fn a_log_works_all_round_without_any_one_call_that_only_some_systems_have() {
    let tools = support::temp_dir();
    let Some(library) = library(tools.path()) else {
        return;
    };
    for call in [
        "fallocate",
        "statx",
        "madvise",
        "pwritev",
        "fdatasync",
        "msync",
        "sync_file_range",
        "syncfs",
        "statfs",
        "statvfs",
        "mmap",
        "link",
        "copy_file_range",
        "getrandom",
        "getrlimit",
    ] {
        for code in [libc::ENOSYS, libc::EPERM] {
            for mode in MODES {
                let Some(output) = run("work all round", &library, mode, (call, "all", code))
                else {
                    return;
                };
                check_done(&format!("{call} answers {code}, {mode:?}"), &output);
            }
        }
    }
}

/// Opens a log that cannot be opened for writing, and prints why.
pub fn fail_to_open(place: &Path) {
    let error = Wal::new(options(place)).expect_err("refused");
    assert_eq!(error.os_error(), Some(libc::ENOSYS), "{error}");
    println!("all done");
}

#[test]
fn without_locks_or_listings_a_log_is_not_opened_and_says_why() {
    let tools = support::temp_dir();
    let Some(library) = library(tools.path()) else {
        return;
    };
    for call in ["flock", "getdents64"] {
        let mode = MODES[0];
        let Some(output) = run("fail to open", &library, mode, (call, "all", libc::ENOSYS)) else {
            return;
        };
        check_done(call, &output);
    }
}

static INTERRUPTIONS: AtomicBool = AtomicBool::new(true);

/// The same work while signals come without end, to a handler without `SA_RESTART`.
pub fn work_in_a_storm(place: &Path) {
    extern "C" fn note(_: libc::c_int) {}
    // SAFETY: the handler does nothing; zeros are a valid sigaction without flags.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = note as extern "C" fn(libc::c_int) as libc::sighandler_t;
        assert_eq!(
            libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()),
            0
        );
    }
    // SAFETY: asks for a number.
    let worker = unsafe { libc::pthread_self() };
    let storm = std::thread::spawn(move || {
        while INTERRUPTIONS.load(Ordering::Acquire) {
            // SAFETY: the thread waits for this one before it ends.
            unsafe { libc::pthread_kill(worker, libc::SIGUSR1) };
            std::thread::yield_now();
        }
    });
    work_all_round(place);
    INTERRUPTIONS.store(false, Ordering::Release);
    storm.join().expect("ended");
}

#[test]
fn a_storm_of_signals_fails_nothing() {
    for (mode, strategy) in MODES {
        let place = support::temp_dir();
        let Some(archive) = elsewhere(place.path()) else {
            return;
        };
        let output = crate::child("work in a storm", place.path(), mode, strategy)
            .env(ARCHIVE, archive.path().join("archive"))
            .output();
        check_done(&format!("{mode:?}, {strategy:?}"), &output.expect("runs"));
    }
}

fn limit_file_size(bytes: u64) {
    // SAFETY: rlimit is plain data that both calls use.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit), 0);
        limit.rlim_cur = bytes;
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
    }
}

/// Does everything under limits that end each file somewhere else.
pub fn work_under_a_limit(place: &Path) {
    let wal = Wal::new(options(place)).expect("opens");
    for id in 0..300 {
        wal.append("s", &entry(id)).expect("appends");
    }
    // The copy into the archive.
    for limit in [0, 1, 4096] {
        limit_file_size(limit);
        let error = wal.truncate("s", 280).expect_err("no copy is allowed");
        assert_eq!(error.os_error(), Some(libc::EFBIG), "{error}");
    }
    limit_file_size(1 << 40);
    assert!(wal.truncate("s", 280).expect("truncates") > 0);
    limit_file_size(100);
    let restored = wal.restore_archived("s");
    assert!(restored.is_err(), "{restored:?}");
    limit_file_size(1 << 40);
    wal.close().expect("closes");
    // Opening, streams, side files, footers, checkpoints.
    let mut refused = 0;
    for limit in [
        0, 100, 512, 1000, 4096, 4608, 5000, 8192, 9000, 13_000, 20_000, 30_000, 60_000,
    ] {
        limit_file_size(limit);
        let mut options = options(&place.join(limit.to_string()));
        std::fs::create_dir_all(place.join(limit.to_string())).expect("a directory");
        match Wal::new(options.clone()) {
            Ok(wal) => {
                for id in 0..150 {
                    refused += u64::from(wal.append("s", &entry(id)).is_err());
                }
                let _ = wal.truncate("s", 100);
                let _ = wal.restore_archived("s");
                wal.close().expect("closing needs no room");
            }
            Err(_) => refused += 1,
        }
        options.root_path = place.join(limit.to_string()).join("sharded");
        if let Ok(log) = ShardedWal::new(options, 2) {
            for id in 0..50 {
                refused += u64::from(log.append(id.to_string().as_bytes(), &entry(id)).is_err());
                let _ = log.create_checkpoint(id.to_string().as_bytes());
            }
            let _ = log.flush_all();
            let _ = log.close();
        }
    }
    assert!(refused > 0);
    println!("all done");
}

#[test]
fn no_write_beyond_the_file_size_limit_raises_a_signal() {
    for (mode, strategy) in MODES {
        let place = support::temp_dir();
        let Some(archive) = elsewhere(place.path()) else {
            return;
        };
        let output = crate::child("work under a limit", place.path(), mode, strategy)
            .env(ARCHIVE, archive.path().join("archive"))
            .output()
            .expect("runs");
        let case = format!("{mode:?}, {strategy:?}");
        assert_ne!(output.status.signal(), Some(libc::SIGXFSZ), "{case}");
        check_done(&case, &output);
    }
}
