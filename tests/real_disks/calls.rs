//! D7 where the system really answers: a preloaded library makes one sync fail, whichever.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use ironwal::*;

use crate::is_mapped;
use crate::settings;
use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

fn opened(place: &Path, mode: SyncMode, strategy: WriteStrategy) -> Wal {
    let mut options = options(place, mode);
    options.write_strategy = strategy;
    options.max_segment_size = 20_000;
    options.on_corruption = CorruptionPolicy::Error;
    Wal::new(options).expect("opens")
}

/// Appends and syncs until a sync fails; prints what was durable before and what followed.
pub fn meet_a_failing_call(place: &Path) {
    let (mode, strategy) = settings();
    let wal = opened(place, mode, strategy);
    let stream = wal.stream("s").expect("a handle");
    let mut out = std::io::stdout();
    for id in 0..400 {
        let appended = stream.append(&entry(id));
        let done = appended.and_then(|_| match mode {
            SyncMode::Strict => Ok(()),
            _ => stream.sync(),
        });
        let Err(error) = done else {
            writeln!(out, "durable {}", id + 1).expect("writes");
            continue;
        };
        // Which call it was is in the error, and the stream takes nothing more.
        assert_eq!(error.os_error(), Some(libc::EIO), "{error}");
        let next = stream.append(b"x");
        assert!(matches!(next, Err(Error::Poisoned { .. })), "{next:?}");
        assert!(matches!(stream.sync(), Err(Error::Poisoned { .. })));
        assert!(!is_mapped(place), "storing has ended");
        for (id, bytes) in all_entries(&wal, "s") {
            assert_eq!(bytes, entry(id));
        }
        assert!(wal.append("other", b"o").is_ok(), "other streams go on");
        writeln!(out, "latched").expect("writes");
        return;
    }
}

/// The library, compiled; `None`, with a message, where there is no compiler.
pub fn library(place: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_disks/failing_calls.c");
    let library = place.join("failing_calls.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status();
    match compiled {
        Ok(status) => assert!(status.success(), "the library compiles"),
        Err(error) => {
            println!("SKIPPED: no compiler for the preloaded library: {error}");
            return None;
        }
    }
    Some(library)
}

#[test]
fn whichever_sync_the_system_fails_the_stream_latches_and_keeps_what_was_durable() {
    use SyncMode::Async;
    use SyncMode::Strict;
    use WriteStrategy::Mmap;
    use WriteStrategy::StandardIo;
    let tools = support::temp_dir();
    let Some(library) = library(tools.path()) else {
        return;
    };
    let mut latched = 0;
    for (call, mode, strategy) in [
        ("fdatasync", Strict, StandardIo),
        ("fdatasync", Async, StandardIo),
        ("fdatasync", Async, Mmap),
        ("fsync", Strict, StandardIo),
        ("fsync", Async, Mmap),
        ("msync", Async, Mmap),
        ("msync", Strict, Mmap),
        ("sync_file_range", Async, Mmap),
        // A hint there: that it fails does no harm.
        ("sync_file_range", Strict, StandardIo),
    ] {
        for at in [1, 2, 3, 5, 8, 40] {
            let case = format!("{call} {at}, {mode:?}, {strategy:?}");
            let place = support::temp_dir();
            let output = crate::child("meet a failing call", place.path(), mode, strategy)
                .env("LD_PRELOAD", &library)
                .env("FAIL_CALL", call)
                .env("FAIL_AT", at.to_string())
                .stderr(Stdio::piped())
                .output()
                .expect("runs");
            let printed = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            if complaint.contains("opens: Io(") {
                // The root's own name could not be made durable.
                continue;
            }
            assert!(
                output.status.success(),
                "{case}: {}\n{printed}{complaint}",
                output.status
            );
            let durable = printed.lines().rev().find_map(|line| {
                let end = line.strip_prefix("durable ")?;
                end.parse::<u64>().ok()
            });
            latched += u64::from(printed.contains("latched"));
            let is_hint = (call, strategy) == ("sync_file_range", StandardIo);
            assert!(!is_hint || durable == Some(400), "{case}: {printed}");
            let wal = opened(place.path(), mode, strategy);
            let found = all_entries(&wal, "s");
            assert!(found.len() as u64 >= durable.unwrap_or(0), "{case}");
            for (place, (id, bytes)) in found.into_iter().enumerate() {
                assert_eq!((id, bytes), (place as u64, entry(id)), "{case}");
            }
            let goes_on = wal.append("s", b"goes on").and_then(|_| wal.sync("s"));
            goes_on.expect("opening anew cures it");
        }
    }
    println!("{latched} of 54 runs latched");
    // Some numbers are beyond what a run makes; none of the kinds is.
    assert!(latched > 30, "{latched} runs met their failing call");
}
