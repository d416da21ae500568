//! Streams of one log with options of their own: each keeps the promise of its own sync mode.

use std::path::Path;
use std::time::Duration;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::all_entries;
use crate::support::options;

fn own(change: impl Fn(&mut StreamOptions)) -> StreamOptions {
    let mut own = StreamOptions::default();
    change(&mut own);
    own
}

fn of_mode(sync_mode: SyncMode) -> StreamOptions {
    own(|own| own.sync_mode = Some(sync_mode))
}

/// A `Strict` log whose keys with `chat/` are `Async`, and `audit` `BatchOnly`.
fn mixed() -> WalOptions {
    options(Path::new("/"), SyncMode::Strict)
        .for_streams(
            StreamPattern::Prefix("chat/".into()),
            of_mode(SyncMode::Async),
        )
        .for_streams(
            StreamPattern::Exact("audit".into()),
            of_mode(SyncMode::BatchOnly),
        )
}

fn syncs(disk: &SimulatedDisk) -> usize {
    let ops = disk.ops();
    let of_kind = |kind| matches!(kind, OpKind::SyncData | OpKind::SyncAll | OpKind::SyncDir);
    ops.iter().filter(|op| of_kind(op.kind)).count()
}

#[test]
fn a_power_cut_keeps_each_acknowledged_entry_of_a_strict_stream_beside_an_async_one() {
    for commit_path in [CommitPath::InPlace, CommitPath::Auto, CommitPath::Journal] {
        let mut how = mixed();
        how.commit_path = commit_path;
        how.background_sync = None;
        let disk = SimulatedDisk::new();
        let wal = Wal::open_simulated(&disk, how.clone()).expect("opens");
        for n in 0..20_u8 {
            wal.append("chat/1", &[n]).expect("appends");
            wal.append("ledger", &[n]).expect("appends");
            let before = disk.crash(0, DirectoryModel::Strict);
            let after = Wal::open_simulated(&before, how.clone()).expect("opens");
            let kept = all_entries(&after, "ledger").len();
            assert_eq!(kept, usize::from(n) + 1, "{commit_path:?}");
        }
    }
}

#[test]
fn appends_to_an_async_stream_of_a_strict_log_make_no_sync() {
    let disk = SimulatedDisk::new();
    let mut how = mixed();
    how.background_sync = None;
    // No helper of the strict stream syncs at another stream's append.
    let wal = Wal::open_simulated_stepped(&disk, how, std::sync::Arc::new(|_, _| ()));
    let wal = wal.expect("opens");
    let chat = wal.stream("chat/1").expect("a handle");
    let ledger = wal.stream("ledger").expect("a handle");
    let audit = wal.stream("audit").expect("a handle");
    assert_eq!(chat.sync_mode(), SyncMode::Async);
    assert_eq!(ledger.sync_mode(), SyncMode::Strict);
    assert_eq!(audit.sync_mode(), SyncMode::BatchOnly);
    for stream in [&chat, &ledger, &audit] {
        stream.append(b"first").expect("appends");
        stream.sync().expect("syncs");
    }
    type Way = fn(&Wal, &Stream);
    let single: [Way; 5] = [
        |_, stream| stream.append(b"x").map(drop).expect("appends"),
        |wal, stream| wal.append(stream.key(), b"x").map(drop).expect("appends"),
        |_, stream| {
            let next = stream.next_id().expect("open");
            stream.append_at(next, b"x").expect("appends");
        },
        |wal, stream| {
            let next = stream.next_id().expect("open");
            wal.append_at(stream.key(), next, b"x").expect("appends");
        },
        |_, stream| {
            stream
                .append_with(&Append::new(&[b"x"]))
                .map(drop)
                .expect("appends")
        },
    ];
    let batches: [Way; 4] = [
        |_, stream| {
            stream
                .append_batch(&[b"x", b"y"])
                .map(drop)
                .expect("appends")
        },
        |wal, stream| {
            wal.append_batch(stream.key(), &[b"x", b"y"])
                .expect("appends");
        },
        |wal, stream| {
            let mut writer = wal.writer(stream.key());
            writer.add(b"x");
            writer.commit().expect("commits");
        },
        |wal, stream| {
            let next = stream.next_id().expect("open");
            let key = stream.key();
            wal.append_batch_at(key, next, &[b"x", b"y"])
                .expect("appends");
        },
    ];
    for (ways, is_batch) in [(&single[..], false), (&batches[..], true)] {
        for (at, append) in ways.iter().enumerate() {
            for (stream, waits) in [(&chat, false), (&ledger, true), (&audit, is_batch)] {
                let before = syncs(&disk);
                append(&wal, stream);
                let key = stream.key();
                assert_eq!(
                    syncs(&disk) > before,
                    waits,
                    "{key}, way {at} of {is_batch}"
                );
                let next = stream.next_id().expect("open");
                let is_durable = stream.durable_end().expect("open") == next;
                assert_eq!(is_durable, waits, "{key}, way {at} of {is_batch}");
                stream.sync().expect("syncs");
            }
        }
    }
}

#[test]
fn background_syncs_take_only_the_streams_that_have_them() {
    let background = BackgroundSync {
        interval: Duration::from_secs(3600),
        bytes: 1 << 30,
    };
    let mut how = options(Path::new("/"), SyncMode::Async).for_streams(
        StreamPattern::Exact("b".into()),
        own(|own| own.background_sync = Some(Some(background))),
    );
    how.background_sync = None;
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated_stepped(&disk, how, std::sync::Arc::new(|_, _| ()));
    let wal = wal.expect("opens");
    wal.append("a", b"x").expect("appends");
    wal.append("b", b"x").expect("appends");
    wal.step_helpers();
    let durable = |key: &str| {
        wal.stream(key)
            .expect("a handle")
            .durable_end()
            .expect("open")
    };
    assert_eq!((durable("a"), durable("b")), (0, 1));
}

#[test]
fn a_batch_over_streams_of_different_modes_is_there_whole_after_a_power_cut() {
    let disk = SimulatedDisk::new();
    let mut how = mixed();
    how.commit_path = CommitPath::Journal;
    let wal = Wal::open_simulated(&disk, how.clone()).expect("opens");
    let chat = wal.stream("chat/1").expect("a handle");
    let ledger = wal.stream("ledger").expect("a handle");
    let (said, paid): ([&[u8]; 1], [&[u8]; 1]) = ([b"said"], [b"paid"]);
    for _ in 0..5 {
        let parts = [(&chat, Append::new(&said)), (&ledger, Append::new(&paid))];
        wal.append_atomic(&parts).expect("appends");
    }
    let cut = disk.crash(0, DirectoryModel::Strict);
    let wal = Wal::open_simulated(&cut, how).expect("opens");
    for key in ["chat/1", "ledger"] {
        assert_eq!(all_entries(&wal, key).len(), 5, "{key}");
    }
}

#[test]
fn a_reader_shows_each_stream_by_its_own_mode() {
    let disk = SimulatedDisk::new();
    let mut how = mixed();
    how.background_sync = None;
    let wal = Wal::open_simulated(&disk, how.clone()).expect("opens");
    for key in ["chat/1", "ledger"] {
        let stream = wal.stream(key).expect("a handle");
        stream.append(b"durable").expect("appends");
        stream.sync().expect("syncs");
        let entries: [&[u8]; 1] = [b"written"];
        let written = Append::new(&entries).written();
        stream.append_with(&written).expect("appends");
        let is_async = stream.sync_mode() == SyncMode::Async;
        assert_eq!(all_entries(&wal, key).len(), 1 + usize::from(is_async));
    }
    let reader = Wal::open_read_only_simulated(&disk, how).expect("opens");
    assert_eq!(all_entries(&reader, "chat/1").len(), 2);
    assert_eq!(all_entries(&reader, "ledger").len(), 1);
}

#[test]
fn each_open_may_give_a_stream_other_options() {
    let disk = SimulatedDisk::new();
    for (at, mode) in [SyncMode::Async, SyncMode::Strict, SyncMode::BatchOnly]
        .into_iter()
        .enumerate()
    {
        let segments = own(|own| {
            own.sync_mode = Some(mode);
            own.max_entries_per_segment = Some(1 + at as u64);
        });
        let how = options(Path::new("/"), SyncMode::Strict)
            .for_streams(StreamPattern::Exact("s".into()), segments);
        let wal = Wal::open_simulated(&disk, how).expect("opens");
        let stream = wal.stream("s").expect("a handle");
        assert_eq!(stream.sync_mode(), mode);
        for _ in 0..6 {
            stream.append(b"x").expect("appends");
        }
        assert_eq!(all_entries(&wal, "s").len(), 6 * (at + 1));
        drop(stream);
        wal.close().expect("closes");
    }
}

#[test]
fn an_option_out_of_bounds_is_refused_at_open_with_its_pattern() {
    let how = mixed().for_streams(
        StreamPattern::Prefix("tiny".into()),
        own(|own| own.max_segment_size = Some(0)),
    );
    let disk = SimulatedDisk::new();
    match Wal::open_simulated(&disk, how) {
        Err(Error::Config(message)) => {
            assert!(message.contains("Prefix(\"tiny\")"), "{message}");
        }
        other => panic!("{:?}", other.map(drop)),
    }
}
