//! Appends at an expected id, with a chosen durability, and the marks they return: in every mode,
//! with every refusal, and with many callers at once.

use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];
const WRITES: [WriteStrategy; 2] = [WriteStrategy::StandardIo, WriteStrategy::Mmap];

fn open(disk: &SimulatedDisk, sync_mode: SyncMode, change: impl Fn(&mut WalOptions)) -> Wal {
    let mut options = options(Path::new("/"), sync_mode);
    change(&mut options);
    Wal::open_simulated(disk, options).expect("opens")
}

fn is_sync(kind: OpKind) -> bool {
    let of_names = matches!(kind, OpKind::SyncDir);
    of_names || matches!(kind, OpKind::SyncData | OpKind::SyncAll | OpKind::SyncRange)
}

/// How many calls since `since` change something on the disk, or sync it.
fn changes(disk: &SimulatedDisk, since: u64) -> usize {
    let ops = disk.ops();
    ops.iter()
        .filter(|op| op.index > since && (op.changed() || is_sync(op.kind)))
        .count()
}

/// How many calls since `since` sync.
fn syncs(disk: &SimulatedDisk, since: u64) -> usize {
    let ops = disk.ops();
    ops.iter()
        .filter(|op| op.index > since && is_sync(op.kind))
        .count()
}

/// An append at an expected id.
type AppendAt = fn(&Wal, &str, u64) -> Result<u64>;

/// Every call that takes an expected id, with what it appends: one entry.
const CALLS: [(&str, AppendAt); 8] = [
    ("append_at", |wal, key, id| {
        wal.stream(key)?.append_at(id, &entry(id))
    }),
    ("append_at by key", |wal, key, id| {
        wal.append_at(key, id, &entry(id))
    }),
    ("append_batch_at", |wal, key, id| {
        let ids = wal.stream(key)?.append_batch_at(id, &[&entry(id)])?;
        Ok(ids.start)
    }),
    ("append_batch_at by key", |wal, key, id| {
        Ok(wal.append_batch_at(key, id, &[&entry(id)])?.start)
    }),
    ("append_with", |wal, key, id| {
        let bytes = entry(id);
        let entries = [&bytes[..]];
        let append = Append::new(&entries).expecting(id);
        Ok(wal.stream(key)?.append_with(&append)?.ids.start)
    }),
    ("append_with by key", |wal, key, id| {
        let bytes = entry(id);
        let entries = [&bytes[..]];
        let append = Append::new(&entries).expecting(id);
        Ok(wal.append_with(key, &append)?.ids.start)
    }),
    ("append_with, written", |wal, key, id| {
        let bytes = entry(id);
        let entries = [&bytes[..]];
        let append = Append::new(&entries).expecting(id).written();
        Ok(wal.append_with(key, &append)?.ids.start)
    }),
    ("append_with, durable", |wal, key, id| {
        let bytes = entry(id);
        let entries = [&bytes[..]];
        let append = Append::new(&entries).expecting(id).durable();
        Ok(wal.append_with(key, &append)?.ids.start)
    }),
];

fn is_mismatch(result: Result<u64>, wanted: u64, at: u64) -> bool {
    match result {
        Err(Error::SequenceMismatch { expected, found }) => (expected, found) == (wanted, at),
        _ => false,
    }
}

#[test]
fn an_append_happens_at_the_expected_id_and_nowhere_else_in_every_mode() {
    for mode in MODES {
        for write in WRITES {
            let disk = SimulatedDisk::new();
            let wal = open(&disk, mode, |o| {
                o.write_strategy = write;
                o.max_entries_per_segment = 3;
            });
            let mut next = 0u64;
            for (name, append) in CALLS.iter().cycle().take(3 * CALLS.len()) {
                let what = format!("{name}, {mode:?}, {write:?}, at {next}");
                let before = disk.op_count();
                for wrong in [next.wrapping_sub(1), next + 1, next + 9, u64::MAX] {
                    let refused = append(&wal, "s", wrong);
                    assert!(is_mismatch(refused, wrong, next), "{what}: {wrong}");
                }
                assert_eq!(
                    changes(&disk, before),
                    0,
                    "{what}: a refusal changed something"
                );
                assert_eq!(append(&wal, "s", next).expect("appends"), next, "{what}");
                next += 1;
            }
            // Written entries show under `Strict` once they are durable.
            wal.sync("s").expect("syncs");
            let expected: Vec<_> = (0..next).map(|id| (id, entry(id))).collect();
            assert_eq!(all_entries(&wal, "s"), expected, "{mode:?}, {write:?}");
            wal.close().expect("closes");
            let wal = open(&disk, mode, |_| ());
            assert_eq!(all_entries(&wal, "s"), expected, "{mode:?}, reopened");
        }
    }
}

#[test]
fn a_mismatch_in_a_stream_that_does_not_exist_creates_nothing() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode, |_| ());
        let before = disk.op_count();
        for (name, append) in CALLS {
            assert!(is_mismatch(append(&wal, "s", 1), 1, 0), "{name}, {mode:?}");
        }
        assert_eq!(changes(&disk, before), 0, "{mode:?}");
        assert_eq!(wal.streams().expect("lists"), Vec::<String>::new());
    }
}

#[test]
fn an_append_of_nothing_writes_nothing_and_still_compares_the_id() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |_| ());
    let nothing = Append::new(&[]);
    let before = disk.op_count();
    assert_eq!(wal.append_with("s", &nothing).expect("appends").ids, 0..0);
    assert_eq!(wal.append_batch_at("s", 0, &[]).expect("appends"), 0..0);
    assert_eq!(changes(&disk, before), 0);
    wal.append("s", b"x").expect("appends");
    let stream = wal.stream("s").expect("a handle");
    let before = disk.op_count();
    let appended = stream.append_with(&nothing.expecting(1).written());
    let appended = appended.expect("appends");
    assert_eq!(appended.ids, 1..1);
    assert_eq!(appended.mark, stream.mark().expect("a mark"));
    let refused = stream.append_batch_at(0, &[]).map(|ids| ids.start);
    assert!(is_mismatch(refused, 0, 1));
    let refused = stream
        .append_with(&nothing.expecting(2))
        .map(|done| done.ids.start);
    assert!(is_mismatch(refused, 2, 1));
    assert_eq!(changes(&disk, before), 0);
    // Asked to be durable, what was there before becomes so.
    assert!(!stream.is_durable(appended.mark).expect("asks"));
    let appended = stream.append_with(&nothing.durable()).expect("appends");
    assert!(stream.is_durable(appended.mark).expect("asks"));
}

#[test]
fn each_append_is_as_durable_as_it_asks_whatever_the_mode() {
    use Durability::*;
    let one: &[&[u8]] = &[b"entry"];
    let two: &[&[u8]] = &[b"entry", b"other"];
    // Mode, what is asked, entries, and whether a sync comes before the return.
    let rows = [
        (SyncMode::Strict, ByMode, one, true),
        (SyncMode::Strict, Written, one, false),
        (SyncMode::Strict, Durable, one, true),
        (SyncMode::BatchOnly, ByMode, one, false),
        (SyncMode::BatchOnly, Written, one, false),
        (SyncMode::BatchOnly, Durable, one, true),
        (SyncMode::Async, ByMode, one, false),
        (SyncMode::Async, Written, one, false),
        (SyncMode::Async, Durable, one, true),
        (SyncMode::Strict, ByMode, two, true),
        (SyncMode::Strict, Written, two, false),
        (SyncMode::Strict, Durable, two, true),
        (SyncMode::BatchOnly, ByMode, two, true),
        (SyncMode::BatchOnly, Written, two, false),
        (SyncMode::BatchOnly, Durable, two, true),
        (SyncMode::Async, ByMode, two, false),
        (SyncMode::Async, Written, two, false),
        (SyncMode::Async, Durable, two, true),
    ];
    for (mode, durability, entries, is_durable) in rows {
        for write in WRITES {
            let name = format!(
                "{mode:?}, {durability:?}, {} entries, {write:?}",
                entries.len()
            );
            let disk = SimulatedDisk::new();
            let wal = open(&disk, mode, |o| o.write_strategy = write);
            wal.append("s", b"first").expect("appends");
            wal.sync("s").expect("syncs");
            let stream = wal.stream("s").expect("a handle");
            let before = disk.op_count();
            let append = Append {
                entries,
                durability,
                ..Append::default()
            };
            let appended = stream.append_with(&append).expect("appends");
            let end = 1 + entries.len() as u64;
            assert_eq!(appended.ids, 1..end, "{name}");
            let syncs = syncs(&disk, before);
            assert_eq!(syncs, usize::from(is_durable), "{name}");
            let marked = stream.is_durable(appended.mark).expect("asks");
            assert_eq!(marked, is_durable, "{name}");
            let durable_end = stream.durable_end().expect("an end");
            assert_eq!(durable_end, if is_durable { end } else { 1 }, "{name}");
            // Readers see it at once, but for what is not durable under `Strict`.
            let is_visible = is_durable || mode != SyncMode::Strict;
            let read = stream.get(1).expect("reads");
            assert_eq!(read.is_some(), is_visible, "{name}");
            // In the kernel in any case; on the disk if it was asked to be.
            let count = |disk: &SimulatedDisk| {
                let wal = open(disk, SyncMode::Async, |_| ());
                all_entries(&wal, "s").len() as u64
            };
            assert_eq!(count(&disk.kill()), end, "{name}: after a kill");
            let after_power_cut = count(&disk.crash(0, DirectoryModel::Strict));
            assert!(after_power_cut == end || !is_durable, "{name}");
        }
    }
}

#[test]
fn what_is_written_under_strict_shows_once_a_later_sync_covers_it() {
    type Sync = fn(&Stream);
    let ways: [(&str, Sync); 4] = [
        ("a sync", |stream| stream.sync().expect("syncs")),
        ("an append", |stream| {
            stream.append(b"durable").map(drop).expect("appends");
        }),
        ("waiting", |stream| {
            let patience = Duration::from_secs(60);
            stream.wait_durable(0, patience).expect("durable");
        }),
        ("an append of nothing", |stream| {
            let done = stream.append_with(&Append::new(&[]).durable());
            done.map(drop).expect("appends");
        }),
    ];
    for (name, make_durable) in ways {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Strict, |_| ());
        let stream = wal.stream("s").expect("a handle");
        let entries: [&[u8]; 1] = [b"written"];
        let appended = stream.append_with(&Append::new(&entries).written());
        let mark = appended.expect("appends").mark;
        assert_eq!(stream.get(0).expect("reads"), None, "{name}");
        assert_eq!(stream.next_id().expect("an id"), 1, "{name}");
        make_durable(&stream);
        assert!(stream.is_durable(mark).expect("asks"), "{name}");
        let read = stream.get(0).expect("reads");
        assert_eq!(read.as_deref(), Some(&b"written"[..]), "{name}");
        let after = disk.crash(0, DirectoryModel::Strict);
        let wal = open(&after, SyncMode::Strict, |_| ());
        assert!(wal.get("s", 0).expect("reads").is_some(), "{name}");
    }
}

#[test]
fn a_background_sync_covers_what_no_caller_waits_for_in_every_mode() {
    // Under `Strict` none was ever due: entries appended without a wait stayed hidden for ever.
    let entries: [&[u8]; 2] = [b"entry", b"other"];
    for mode in MODES {
        for write in WRITES {
            let disk = SimulatedDisk::new();
            let mut options = options(Path::new("/"), mode);
            options.write_strategy = write;
            options.background_sync = Some(BackgroundSync::default());
            let sink = std::sync::Arc::new(|_, _: &str| ());
            let wal = Wal::open_simulated_stepped(&disk, options, sink).expect("opens");
            let stream = wal.stream("s").expect("a handle");
            for round in 0..4 {
                let append = Append::new(&entries).expecting(2 * round).written();
                let mark = stream.append_with(&append).expect("appends").mark;
                assert!(
                    !stream.is_durable(mark).expect("asks"),
                    "{mode:?}, {write:?}"
                );
                wal.step_helpers();
                assert!(
                    stream.is_durable(mark).expect("asks"),
                    "{mode:?}, {write:?}"
                );
                assert!(stream.get(2 * round + 1).expect("reads").is_some());
            }
        }
    }
}

#[test]
fn appends_that_wait_under_strict_leave_nothing_to_a_background_sync() {
    let disk = SimulatedDisk::new();
    let mut options = options(Path::new("/"), SyncMode::Strict);
    options.background_sync = Some(BackgroundSync::default());
    let sink = std::sync::Arc::new(|_, _: &str| ());
    let wal = Wal::open_simulated_stepped(&disk, options, sink).expect("opens");
    let entries: [&[u8]; 1] = [b"entry"];
    let stream = wal.stream("s").expect("a handle");
    stream
        .append_with(&Append::new(&entries).written())
        .expect("appends");
    // Covers the one before it too.
    stream.append(b"durable").expect("appends");
    wal.step_helpers();
    let before = disk.op_count();
    for _ in 0..5 {
        stream.append(b"durable").expect("appends");
        let syncs_before = disk.op_count();
        wal.step_helpers();
        assert_eq!(syncs(&disk, syncs_before), 0);
    }
    assert!(changes(&disk, before) > 0);
}

#[test]
fn a_mark_is_of_one_opening_of_one_stream_and_in_the_order_of_appends() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |_| ());
    let (s, t) = (wal.stream("s").expect("s"), wal.stream("t").expect("t"));
    let nothing = s.mark().expect("a mark");
    assert!(s.is_durable(nothing).expect("asks"), "there is nothing yet");
    let entries: [&[u8]; 2] = [b"a", b"b"];
    let mut marks = vec![nothing];
    for _ in 0..3 {
        let appended = s.append_with(&Append::new(&entries)).expect("appends");
        assert_eq!(appended.mark, s.mark().expect("a mark"));
        assert!(appended.mark > *marks.last().expect("one"));
        marks.push(appended.mark);
    }
    s.sync().expect("syncs");
    let after = s.append_with(&Append::new(&entries)).expect("appends").mark;
    for mark in marks {
        assert!(s.is_durable(mark).expect("asks"));
    }
    assert!(!s.is_durable(after).expect("asks"));
    let is_refused = |result| matches!(result, Err(Error::Config(_)));
    assert!(is_refused(t.is_durable(after)), "another stream");
    wal.delete_stream("s").expect("deletes");
    assert!(matches!(s.is_durable(after), Err(Error::StreamNotFound(_))));
    assert!(matches!(s.mark(), Err(Error::StreamNotFound(_))));
    let anew = wal.stream("s").expect("a handle");
    anew.append(b"x").expect("appends");
    assert!(is_refused(anew.is_durable(after)), "a deleted stream");
    let mark = anew.mark().expect("a mark");
    assert!(matches!(wal.clone().close(), Ok(())));
    assert!(matches!(anew.is_durable(mark), Err(Error::Closed)));
    assert!(matches!(anew.mark(), Err(Error::Closed)));
    let wal = open(&disk, SyncMode::Async, |_| ());
    let anew = wal.stream("s").expect("a handle");
    assert!(is_refused(anew.is_durable(mark)), "an earlier opening");
    assert!(anew.is_durable(anew.mark().expect("a mark")).expect("asks"));
}

#[test]
fn a_poisoned_stream_refuses_appends_and_says_which_marks_are_durable() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode, |_| ());
        let stream = wal.stream("s").expect("a handle");
        let entries: [&[u8]; 1] = [b"entry"];
        let good = stream.append_with(&Append::new(&entries).durable());
        let good = good.expect("appends").mark;
        disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
        let written = stream.append_with(&Append::new(&entries).written());
        let lost = written.expect("it is in the kernel").mark;
        let failed = stream.append_with(&Append::new(&entries).durable());
        let failed = failed.expect_err("the sync fails");
        assert_eq!(failed.os_error(), Some(libc::EIO), "{mode:?}");
        disk.clear_faults();
        assert!(stream.is_durable(good).expect("it is"), "{mode:?}");
        let answer = stream.is_durable(lost);
        assert!(matches!(answer, Err(Error::Poisoned { .. })), "{mode:?}");
        for (name, append) in CALLS {
            for id in [0, 3, u64::MAX] {
                let refused = append(&wal, "s", id);
                let is_reported = matches!(refused, Err(Error::Poisoned { .. }));
                assert!(is_reported, "{name}, {mode:?}: {refused:?}");
            }
        }
    }
}

#[test]
fn closed_deleted_and_read_only_logs_refuse_with_their_own_errors() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |_| ());
    wal.append("s", b"x").expect("appends");
    let stream = wal.stream("s").expect("a handle");
    wal.delete_stream("s").expect("deletes");
    let gone = [
        stream.append_at(0, b"y").map(drop),
        stream.append_batch_at(0, &[b"y"]).map(drop),
        stream.append_batch_at(0, &[]).map(drop),
        stream.append_with(&Append::new(&[b"y"])).map(drop),
        stream.append_with(&Append::new(&[])).map(drop),
    ];
    for answer in gone {
        assert!(
            matches!(answer, Err(Error::StreamNotFound(_))),
            "{answer:?}"
        );
    }
    // By key it is a new stream.
    assert!(is_mismatch(wal.append_at("s", 1, b"y"), 1, 0));
    assert_eq!(wal.append_at("s", 0, b"y").expect("appends"), 0);
    wal.clone().close().expect("closes");
    for (name, append) in CALLS {
        let refused = append(&wal, "s", 0);
        assert!(matches!(refused, Err(Error::Closed)), "{name}: {refused:?}");
    }
    drop((wal, stream));
    let place = support::temp_dir();
    let real = options(place.path(), SyncMode::Async);
    let writer = Wal::new(real.clone()).expect("opens");
    writer.append("s", b"x").expect("appends");
    let wal = Wal::open_read_only(real).expect("opens");
    for (name, append) in CALLS {
        for id in [0, 1] {
            let refused = append(&wal, "s", id);
            assert!(
                matches!(refused, Err(Error::ReadOnly)),
                "{name}: {refused:?}"
            );
        }
    }
    let stream = wal.stream("s").expect("a handle");
    assert!(matches!(stream.mark(), Err(Error::ReadOnly)));
}

#[test]
fn properties_of_an_append_at_another_id_are_refused_with_it() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |_| ());
    let properties: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(b"7"))];
    for entries in [&[][..], &[&b"x"[..]][..]] {
        let append = Append::new(entries).with_properties(&properties);
        let refused = wal.append_with("s", &append.expecting(1));
        assert!(
            matches!(refused, Err(Error::SequenceMismatch { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(wal.streams().expect("lists"), Vec::<String>::new());
    assert_eq!(wal.property("s", b"vote").expect("reads"), None);
    let append = Append::new(&[]).with_properties(&properties).expecting(0);
    let done = wal.append_with("s", &append).expect("sets");
    assert_eq!(done.ids, 0..0);
    let found = wal.property("s", b"vote").expect("reads");
    assert_eq!(found.as_deref(), Some(&b"7"[..]));
}

#[test]
fn of_many_threads_that_append_at_one_id_exactly_one_succeeds() {
    const THREADS: u64 = 8;
    const IDS: u64 = 40;
    for mode in MODES {
        for write in WRITES {
            let disk = SimulatedDisk::new();
            let wal = open(&disk, mode, |o| {
                o.write_strategy = write;
                o.max_entries_per_segment = 7;
            });
            let barrier = Barrier::new(THREADS as usize);
            let winners = std::thread::scope(|scope| {
                let attempt = |thread: u64| {
                    let (wal, barrier) = (&wal, &barrier);
                    scope.spawn(move || {
                        let stream = wal.stream("s").expect("a handle");
                        let mut won = Vec::new();
                        for id in 0..IDS {
                            barrier.wait();
                            let bytes = [thread as u8, id as u8];
                            match stream.append_at(id, &bytes) {
                                Ok(got) => {
                                    assert_eq!(got, id);
                                    won.push((id, bytes.to_vec()));
                                }
                                Err(Error::SequenceMismatch { expected, found }) => {
                                    assert_eq!((expected, found), (id, id + 1));
                                }
                                Err(error) => panic!("{error}"),
                            }
                        }
                        won
                    })
                };
                let threads: Vec<_> = (0..THREADS).map(attempt).collect();
                let won = threads
                    .into_iter()
                    .flat_map(|one| one.join().expect("ends"));
                let mut won: Vec<_> = won.collect();
                won.sort();
                won
            });
            assert_eq!(winners.len() as u64, IDS, "{mode:?}, {write:?}");
            assert_eq!(all_entries(&wal, "s"), winners, "{mode:?}, {write:?}");
        }
    }
}

#[test]
fn writers_that_retry_after_a_mismatch_all_get_their_entries_in() {
    const THREADS: u64 = 4;
    const EACH: u64 = 50;
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode, |_| ());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let stream = wal.stream("s").expect("a handle");
                scope.spawn(move || {
                    let mut next = 0u64;
                    for number in 0..EACH {
                        let bytes = [thread as u8, number as u8];
                        loop {
                            match stream.append_at(next, &bytes) {
                                Ok(id) => break next = id + 1,
                                Err(Error::SequenceMismatch { found, .. }) => {
                                    assert!(found > next, "ids only grow here");
                                    next = found;
                                }
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                });
            }
        });
        let entries = all_entries(&wal, "s");
        assert_eq!(entries.len() as u64, THREADS * EACH, "{mode:?}");
        for thread in 0..THREADS {
            let own = entries.iter().filter(|(_, bytes)| bytes[0] == thread as u8);
            let numbers: Vec<_> = own.map(|(_, bytes)| u64::from(bytes[1])).collect();
            assert_eq!(numbers, (0..EACH).collect::<Vec<_>>(), "{mode:?}");
        }
    }
}

#[test]
fn a_write_that_fails_leaves_its_expected_id_free() {
    for mode in MODES {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, mode, |_| ());
        let stream = wal.stream("s").expect("a handle");
        stream.append_at(0, &entry(0)).expect("appends");
        disk.inject(FaultPlan::nth(OpKind::Write, 1).short_write(10));
        let failed = stream.append_at(1, &[7; 100]).expect_err("the write fails");
        assert_eq!(failed.os_error(), Some(libc::EIO), "{mode:?}");
        let refused = stream.append_at(2, b"behind it");
        assert!(is_mismatch(refused, 2, 1), "{mode:?}");
        assert_eq!(stream.append_at(1, &entry(1)).expect("appends"), 1);
        let mark = stream.mark().expect("a mark");
        stream.sync().expect("syncs");
        assert!(stream.is_durable(mark).expect("asks"), "{mode:?}");
        let expected = vec![(0, entry(0)), (1, entry(1))];
        assert_eq!(all_entries(&wal, "s"), expected, "{mode:?}");
    }
}

#[test]
fn a_mismatch_names_the_stream_and_both_ids() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Async, |_| ());
    wal.append("orders", b"x").expect("appends");
    let error = wal.append_at("orders", 9, b"y").expect_err("a mismatch");
    assert_eq!(error.context().stream.as_deref(), Some("orders"));
    let text = error.to_string();
    assert!(text.contains('9') && text.contains('1'), "{text}");
}
