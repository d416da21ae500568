//! What the system is really asked for, seen by strace: one durable operation per Strict append
//! of a lone writer (and one hint for the next), none on a thread that appends under Async, directories before the first
//! durable acknowledgement, far fewer syncs than appends when many share them, and no system call
//! at all for small appends that are stored into a mapped segment, and eight reading ones for each
//! small stream of a log that is opened.

use std::path::Path;
use std::process::Command;

use ironwal::*;

use crate::support;
use crate::support::options;

/// What this program does as a child for the tests of this file.
pub const ROLES: &[support::Role] = &[
    ("append strictly", append_strictly),
    ("vote strictly", vote_strictly),
    ("append asynchronously", append_asynchronously),
    ("append from many threads", append_from_many_threads),
    ("append small entries", append_small_entries),
    ("open many streams", open_many_streams),
];

/// Shows in the trace what happens: a call that fails and means nothing, under a name that says it.
fn mark(what: &str) {
    let refused = std::fs::remove_dir(format!("/a-mark-in-the-trace/{what}"));
    assert!(refused.is_err());
}

/// One system call of the child.
#[derive(Debug)]
struct Call {
    thread: u64,
    /// With its arguments; descriptors are shown with their paths.
    text: String,
}

impl Call {
    fn is(&self, name: &str) -> bool {
        self.text
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('('))
    }

    fn is_sync(&self) -> bool {
        [
            "fdatasync",
            "fsync",
            "sync_file_range",
            "msync",
            "syncfs",
            "sync",
        ]
        .iter()
        .any(|name| self.is(name))
    }

    fn is_on(&self, end: &str) -> bool {
        self.text.contains(&format!("{end}>"))
    }
}

/// What lies between two marks, and the thread that set the first.
fn between<'a>(calls: &'a [Call], from: &str, to: &str) -> (u64, &'a [Call]) {
    let place = |what: &str| {
        let mark = format!("/a-mark-in-the-trace/{what}\"");
        let found = calls.iter().position(|call| call.text.contains(&mark));
        found.unwrap_or_else(|| panic!("no mark {what}"))
    };
    let (from, to) = (place(from), place(to));
    (calls[from].thread, &calls[from + 1..to])
}

/// What is traced. A name that a machine's kernel does not know is passed over (`?`).
const TRACED: [&str; 15] = [
    "?fsync",
    "?fdatasync",
    "?sync_file_range",
    "?msync",
    "?syncfs",
    "?sync",
    "?rename",
    "?renameat",
    "?renameat2",
    "?rmdir",
    "?unlinkat",
    "?mkdir",
    "?mkdirat",
    "?pwrite64",
    "?pwritev",
];

/// The calls named above of a child that plays `role`; `None`, with a message, where nothing can be
/// traced.
fn traced(role: &str) -> Option<Vec<Call>> {
    traced_calls(role, &TRACED.join(","))
}

fn traced_calls(role: &str, names: &str) -> Option<Vec<Call>> {
    let can_trace = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !can_trace {
        println!("SKIPPED: strace is not installed, or may not trace here");
        return None;
    }
    let place = support::temp_dir();
    let trace = place.path().join("trace");
    let child = support::child(role, place.path());
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-s", "200", "-o"])
        .arg(&trace)
        .args(["-e", &format!("trace={names}")])
        .arg(child.get_program())
        .args(child.get_args());
    for (name, value) in child.get_envs() {
        command.env(name, value.expect("a value"));
    }
    let output = command.output().expect("strace runs");
    assert!(output.status.success(), "{output:?}");
    let trace = std::fs::read_to_string(&trace).expect("a trace");
    Some(parse(&trace))
}

/// Calls in the order in which they were begun.
fn parse(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, text)) = line.split_once(' ') else {
            continue;
        };
        let text = text.trim_start();
        if text.starts_with("<...") || text.starts_with("+++") || text.starts_with("---") {
            continue;
        }
        calls.push(Call {
            thread: thread.parse().expect("a thread's number"),
            text: text.to_owned(),
        });
    }
    calls
}

const APPENDS: u64 = 30;

fn append_strictly(place: &Path) {
    let wal = Wal::new(options(place, SyncMode::Strict)).expect("opens");
    mark("first");
    wal.append("s", b"first").expect("appends");
    mark("more");
    for id in 1..=APPENDS {
        wal.append("s", &id.to_le_bytes()).expect("appends");
    }
    mark("end");
    for id in APPENDS + 1..=2 * APPENDS {
        wal.append_at("s", id, &id.to_le_bytes()).expect("appends");
    }
    mark("end at expected ids");
    for id in 0..APPENDS {
        let refused = wal.append_at("s", id, &id.to_le_bytes());
        assert!(matches!(refused, Err(Error::SequenceMismatch { .. })));
    }
    mark("end of refusals");
}

#[test]
fn an_append_at_an_expected_id_makes_the_calls_of_an_append_and_a_refused_one_none() {
    let Some(calls) = traced("append strictly") else {
        return;
    };
    let names = |from: &str, to: &str| {
        let (thread, calls) = between(&calls, from, to);
        let own = calls.iter().filter(|call| call.thread == thread);
        let name = |call: &Call| call.text.split('(').next().map(str::to_owned);
        own.filter_map(name).collect::<Vec<_>>()
    };
    let appends = names("more", "end");
    assert!(appends.len() as u64 >= 4 * APPENDS, "{appends:?}");
    assert_eq!(names("end", "end at expected ids"), appends);
    let refused = names("end at expected ids", "end of refusals");
    assert_eq!(refused, Vec::<String>::new());
}

fn vote_strictly(place: &Path) {
    let wal = Wal::new(options(place, SyncMode::Strict)).expect("opens");
    wal.append("s", b"first").expect("appends");
    mark("more");
    for term in 1..=APPENDS {
        let changes: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(&term.to_le_bytes()))];
        wal.set_properties("s", &changes, Durability::Durable)
            .expect("sets");
    }
    mark("end");
}

#[test]
fn a_lone_strict_append_costs_one_fdatasync_on_its_own_thread() {
    each_costs_one_fdatasync("append strictly");
}

#[test]
fn a_durable_change_of_properties_costs_what_a_lone_strict_append_costs() {
    each_costs_one_fdatasync("vote strictly");
}

fn each_costs_one_fdatasync(role: &str) {
    let Some(calls) = traced(role) else {
        return;
    };
    let (thread, calls) = between(&calls, "more", "end");
    let is_hand_over = |call: &&Call| call.is("sync_file_range");
    let (hints, syncs): (Vec<&Call>, Vec<&Call>) = calls
        .iter()
        .filter(|call| call.is_sync())
        .partition(is_hand_over);
    assert_eq!(syncs.len() as u64, APPENDS, "{syncs:#?}");
    for sync in &syncs {
        assert!(sync.is("fdatasync"), "{sync:?}");
        assert_eq!(sync.thread, thread, "{sync:?}");
        assert!(sync.is_on("/log/s/00000000000000000000.wal"), "{sync:?}");
    }
    // Each behind the frame it is for: write, sync, slot; and nothing else.
    let writes = calls
        .iter()
        .filter(|call| call.is("pwrite64") || call.is("pwritev"));
    assert_eq!(writes.count() as u64, 2 * APPENDS);
    // The slot is handed over once it is stored, and no caller waits for it.
    assert_eq!(hints.len() as u64, APPENDS, "{hints:#?}");
    for hint in &hints {
        assert!(
            hint.text.contains(", 0, 1536, SYNC_FILE_RANGE_WRITE)"),
            "{hint:?}"
        );
        assert_eq!(hint.thread, thread, "{hint:?}");
    }
    let order = calls.iter().filter(|call| call.is_on(".wal"));
    let names: Vec<_> = order
        .filter_map(|call| call.text.split('(').next())
        .collect();
    let round = ["pwrite64", "fdatasync", "pwrite64", "sync_file_range"];
    assert!(
        names.chunks(round.len()).all(|calls| calls == round),
        "{names:?}"
    );
}

#[test]
fn directories_are_synced_before_the_first_durable_acknowledgement() {
    let Some(calls) = traced("append strictly") else {
        return;
    };
    let (thread, calls) = between(&calls, "first", "more");
    let place_of = |is: &dyn Fn(&Call) -> bool, what: &str| {
        let found = calls.iter().rposition(is);
        found.unwrap_or_else(|| panic!("no {what}: {calls:#?}"))
    };
    let named = place_of(&|call| call.text.starts_with("rename"), "renaming");
    let made = place_of(&|call| call.text.starts_with("mkdir"), "directory");
    let stream = place_of(&|call| call.is("fsync") && call.is_on("/log/s"), "sync");
    let root = place_of(&|call| call.is("fsync") && call.is_on("/log"), "sync");
    assert!(stream > named && root > made);
    let frames = place_of(&|call| call.is("fdatasync") && call.is_on(".wal"), "sync");
    assert!(frames > named);
    assert!(calls.iter().all(|call| call.thread == thread));
}

fn append_asynchronously(place: &Path) {
    let mut options = options(place, SyncMode::Async);
    options.max_segment_size = 100 << 10;
    options.background_sync = Some(BackgroundSync {
        interval: std::time::Duration::from_millis(1),
        bytes: 1000,
    });
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    mark("begin");
    for _ in 0..2000 {
        stream.append(&[7; 300]).expect("appends");
    }
    mark("end");
    let last = stream.next_id().expect("is known") - 1;
    let forever = std::time::Duration::from_secs(60);
    stream.wait_durable(last, forever).expect("durable");
    mark("durable");
}

#[test]
fn no_sync_is_made_on_a_thread_that_appends_under_async() {
    let Some(calls) = traced("append asynchronously") else {
        return;
    };
    let (thread, appending) = between(&calls, "begin", "end");
    let own: Vec<_> = appending
        .iter()
        .filter(|call| call.thread == thread && call.is_sync())
        .collect();
    assert!(own.is_empty(), "{own:#?}");
    // Nor while it waits: a helper syncs.
    let (_, all) = between(&calls, "begin", "durable");
    let mut syncs = all.iter().filter(|call| call.is_sync());
    assert!(syncs.clone().count() > 0, "a helper syncs");
    assert!(syncs.all(|call| call.thread != thread));
}

const THREADS: u64 = 16;
const APPENDS_EACH: u64 = 50;

fn append_from_many_threads(place: &Path) {
    let wal = Wal::new(options(place, SyncMode::Strict)).expect("opens");
    wal.append("s", b"first").expect("appends");
    mark("begin");
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..APPENDS_EACH {
                    wal.append("s", b"an entry").expect("appends");
                }
            });
        }
    });
    mark("end");
}

#[test]
fn sixteen_strict_writers_share_their_syncs() {
    let Some(calls) = traced("append from many threads") else {
        return;
    };
    let (_, calls) = between(&calls, "begin", "end");
    let syncs = calls.iter().filter(|call| call.is("fdatasync")).count() as u64;
    let appends = THREADS * APPENDS_EACH;
    assert!(
        syncs > 0 && syncs < appends / 3,
        "{syncs} syncs for {appends} appends"
    );
}

const SMALL_APPENDS: u64 = 20_000;

fn append_small_entries(place: &Path) {
    for len in [64, 256] {
        let place = place.join(len.to_string());
        std::fs::create_dir(&place).expect("a directory");
        // As a user has it: `Auto`, synced in the background.
        let mut options = WalOptions::new(place.join("log"));
        options.sync_mode = SyncMode::Async;
        let wal = Wal::new(options).expect("opens");
        let stream = wal.stream("s").expect("a handle");
        let entry = vec![7; len];
        let append = |count: u64| {
            for _ in 0..count {
                stream.append(&entry).expect("appends");
                // The helper is stopped at each of its calls, this thread at none: let it keep up,
                // without a call.
                let begun = std::time::Instant::now();
                while begun.elapsed() < std::time::Duration::from_micros(50) {
                    std::hint::spin_loop();
                }
            }
        };
        append(SMALL_APPENDS);
        let maps = std::fs::read_to_string("/proc/self/maps").expect("reads");
        let path = place.to_str().expect("a readable path");
        let is_mapped = maps.lines().any(|line| line.contains(path));
        mark(&format!("begin {len} mapped {is_mapped}"));
        append(SMALL_APPENDS);
        mark(&format!("end {len}"));
        let first = stream.next_id().expect("an id");
        mark(&format!("begin at ids {len}"));
        for id in first..first + SMALL_APPENDS {
            stream.append_at(id, &entry).expect("appends");
            let begun = std::time::Instant::now();
            while begun.elapsed() < std::time::Duration::from_micros(50) {
                std::hint::spin_loop();
            }
        }
        mark(&format!("end at ids {len}"));
    }
}

#[test]
fn a_small_append_under_async_makes_no_system_call() {
    let Some(calls) = traced_calls("append small entries", "all") else {
        return;
    };
    for len in [64, 256] {
        let unmapped = format!("begin {len} mapped false");
        if calls.iter().any(|call| call.text.contains(&unmapped)) {
            println!("SKIPPED: Auto does not map on the file system of temporary files");
            return;
        }
        let plain = (format!("begin {len} mapped true"), format!("end {len}"));
        let at_ids = (format!("begin at ids {len}"), format!("end at ids {len}"));
        for (begin, end) in [plain, at_ids] {
            let (thread, calls) = between(&calls, &begin, &end);
            let own: Vec<_> = calls.iter().filter(|call| call.thread == thread).collect();
            assert!(
                (own.len() as u64) < SMALL_APPENDS / 100,
                "{begin}: {} calls for {SMALL_APPENDS} appends of {len} bytes: {:#?}",
                own.len(),
                &own[..20]
            );
            println!("{begin}: {} calls for {SMALL_APPENDS} appends", own.len());
        }
    }
}

const STREAMS: usize = 200;

fn open_many_streams(place: &Path) {
    let wal = Wal::new(options(place, SyncMode::Async)).expect("opens");
    for number in 0..STREAMS {
        for _ in 0..10 {
            let appended = wal.append(&format!("stream-{number}"), &[7; 100]);
            appended.expect("appends");
        }
    }
    wal.close().expect("closes");
    mark("closed");
    let wal = Wal::new(options(place, SyncMode::Async)).expect("opens");
    mark("opened");
    assert_eq!(wal.streams().expect("lists").len(), STREAMS);
}

#[test]
fn opening_a_small_stream_that_was_closed_takes_twelve_calls_and_changes_nothing() {
    let Some(calls) = traced_calls("open many streams", "all") else {
        return;
    };
    let (_, calls) = between(&calls, "closed", "opened");
    // One after the other: the directory is opened, listed, found to end, and closed; then
    // `segments.idx`, which may list entries that are lost, and the segment are each opened, read
    // (the segment with all its frames), asked for their length, and closed.
    let most = [
        (&["openat"][..], 3),
        (&["getdents64"], 2),
        (&["pread64"], 2),
        (&["fstat", "newfstatat", "statx", "stat", "lstat"], 2),
        (&["close"], 3),
    ];
    for (names, each) in most {
        let is_one = |call: &&Call| names.iter().any(|name| call.is(name));
        let count = calls.iter().filter(is_one).count();
        // Some belong to the log as a whole.
        let few = STREAMS / 4;
        assert!(count <= each * STREAMS + few, "{count} calls of {names:?}");
    }
    let changes = |call: &&Call| {
        let names = ["pwrite64", "pwritev", "ftruncate", "fallocate", "unlink"];
        let more = ["rename", "renameat2", "unlinkat", "mkdir", "mkdirat"];
        call.is_sync() || names.iter().chain(&more).any(|name| call.is(name))
    };
    let changes: Vec<_> = calls.iter().filter(changes).collect();
    assert!(changes.is_empty(), "{changes:#?}");
}
