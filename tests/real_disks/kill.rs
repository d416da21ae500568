//! D2 and D10: a process killed while eight of its threads append loses nothing it acknowledged, in
//! any mode, stored or written; and of many processes that want the lock one has it.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Stdio;
use std::time::Duration;

use ironwal::*;

use crate::MODES;
use crate::STRATEGIES;
use crate::rounds;
use crate::settings;
use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

const THREADS: u64 = 8;
const STREAMS: u64 = 3;

fn opened(place: &Path, mode: SyncMode, strategy: WriteStrategy) -> Wal {
    let mut options = options(place, mode);
    options.write_strategy = strategy;
    options.on_corruption = CorruptionPolicy::Error;
    options.max_segment_size = 100_000;
    options.background_sync = Some(BackgroundSync {
        interval: Duration::from_millis(5),
        bytes: 1 << 20,
    });
    Wal::new(options).expect("opens, however the process died")
}

/// An entry that says whose it is: the thread, and how many it appended before.
fn signed(thread: u64, count: u64) -> Vec<u8> {
    let mut bytes = entry(thread * 1_000_003 + count);
    bytes.extend(thread.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes
}

fn signature(bytes: &[u8]) -> (u64, u64) {
    let number = |at: usize| {
        let eight = bytes[bytes.len() - at..][..8].try_into();
        u64::from_le_bytes(eight.expect("eight bytes"))
    };
    (number(16), number(8))
}

/// Appends from eight threads for ever; says on a pipe what returned.
pub fn append_from_eight_threads(place: &Path) {
    let (mode, strategy) = settings();
    let wal = opened(place, mode, strategy);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let wal = &wal;
            scope.spawn(move || {
                let key = format!("stream {}", thread % STREAMS);
                let mut lines = String::new();
                for count in 0.. {
                    let bytes = signed(thread, count);
                    let id = wal.append(&key, &bytes).expect("appends");
                    lines += &format!("got {thread} {count} {id}\n");
                    // Many small writes to the pipe would be all that happens.
                    if mode == SyncMode::Strict || count % 16 == 15 {
                        let printed = std::io::stdout().write_all(lines.as_bytes());
                        printed.expect("a receiver listens");
                        lines.clear();
                    }
                }
            });
        }
    });
}

/// Kills its child however the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the child acknowledged before it was killed: by stream, the ids and whose they are.
type Acknowledged = BTreeMap<String, BTreeMap<u64, (u64, u64)>>;

fn run_and_kill(place: &Path, mode: SyncMode, strategy: WriteStrategy, after: u64) -> Acknowledged {
    let role = "append until killed";
    let mut child = Killed(
        crate::child(role, place, mode, strategy)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child runs"),
    );
    let pipe = BufReader::new(child.0.stdout.take().expect("a pipe"));
    let mut acknowledged = Acknowledged::new();
    let mut seen = 0;
    // What is in the pipe when it dies was said, too. A write of so few bytes is never cut short
    // (pipe(7), PIPE_BUF).
    for line in pipe.lines() {
        let line = line.expect("reads");
        let Some(numbers) = line.strip_prefix("got ") else {
            continue;
        };
        let numbers = numbers
            .split(' ')
            .map(|word| word.parse().expect("a number"));
        let numbers: Vec<u64> = numbers.collect();
        let &[thread, count, id] = &numbers[..] else {
            panic!("{line}");
        };
        seen += 1;
        if seen == after {
            child.0.kill().expect("kills");
        }
        let key = format!("stream {}", thread % STREAMS);
        acknowledged
            .entry(key)
            .or_default()
            .insert(id, (thread, count));
    }
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_when_a_process_is_killed_under_eight_threads() {
    let (mut place, mut total) = (support::temp_dir(), 0);
    let asked = rounds(18);
    for round in 0..asked {
        let mode = MODES[round as usize % 3];
        let strategy = STRATEGIES[round as usize / 3 % 3];
        if round % 50 == 49 {
            place = support::temp_dir();
        }
        let case = format!("round {round}, {mode:?}, {strategy:?}");
        let after = 1 + round * 7919 % if mode == SyncMode::Strict { 150 } else { 2500 };
        let acknowledged = run_and_kill(place.path(), mode, strategy, after);
        let wal = opened(place.path(), mode, strategy);
        for (key, ids) in acknowledged {
            let found: BTreeMap<_, _> = all_entries(&wal, &key).into_iter().collect();
            total += ids.len();
            for (id, (thread, count)) in ids {
                let Some(bytes) = found.get(&id) else {
                    panic!("{case}: entry {id} of {key} is lost");
                };
                assert_eq!(signature(bytes), (thread, count), "{case}: {key} {id}");
                assert_eq!(*bytes, signed(thread, count), "{case}: {key} {id}");
            }
            // Without holes, and no writer's entries out of order.
            let first = *found.keys().next().expect("entries");
            let last = *found.keys().last().expect("entries");
            assert_eq!(last - first + 1, found.len() as u64, "{case}: {key}");
            wal.truncate(&key, last).expect("truncates");
        }
        if round % 2 == 0 {
            wal.close().expect("closes");
        } else {
            drop(wal);
        }
    }
    println!("{asked} processes killed, {total} acknowledged entries, none lost");
}

const RACERS: usize = 6;
const TURNS: u64 = 25;

/// Opens the log as often as it can; a process that has it alone counts one up.
pub fn race_for_the_lock(place: &Path) {
    for _ in 0..TURNS {
        let wal = loop {
            match Wal::new(options(place, SyncMode::Async)) {
                Ok(wal) => break wal,
                Err(Error::Locked(_)) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        let alone = std::fs::File::create_new(place.join("alone"));
        drop(alone.expect("no other process has the log"));
        let next = wal.append("s", b"").expect("appends");
        assert_eq!(all_entries(&wal, "s").len() as u64, next + 1);
        std::fs::remove_file(place.join("alone")).expect("removes");
        drop(wal);
    }
}

#[test]
fn of_processes_that_race_for_the_lock_one_has_it_at_a_time() {
    let place = support::temp_dir();
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let mut racer = support::child("race for the lock", place.path());
            racer.stdout(Stdio::null());
            Killed(racer.spawn().expect("runs"))
        })
        .collect();
    for mut racer in racers {
        let status = racer.0.wait().expect("ended");
        assert!(status.success(), "{status}");
    }
    let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
    assert_eq!(all_entries(&wal, "s").len() as u64, TURNS * RACERS as u64);
}
