//! A retention removes what it does not keep, whole segments and oldest first, and nothing that is still needed.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::SystemTime;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::LogBuilder;
use crate::support::all_entries;
use crate::support::options;
use crate::support::segments_in;

/// Of a frame of 64 bytes, and of what stands before the first one.
const FRAME_BYTES: u64 = 36 + 64;
const HEADER_AREA: u64 = 1536;
const PER_SEGMENT: u64 = 4;
const SEGMENT_BYTES: u64 = HEADER_AREA + PER_SEGMENT * FRAME_BYTES;
const HOUR: Duration = Duration::from_secs(3600);

fn small_segments(sync_mode: SyncMode) -> WalOptions {
    let mut options = options(Path::new("/"), sync_mode);
    options.max_entries_per_segment = PER_SEGMENT;
    options.on_corruption = CorruptionPolicy::Error;
    options
}

fn open(disk: &SimulatedDisk) -> Wal {
    Wal::open_simulated(disk, small_segments(SyncMode::Async)).expect("opens")
}

fn fill(wal: &Wal, key: &str, count: u64) -> Stream {
    let stream = wal.stream(key).expect("a handle");
    for _ in 0..count {
        stream.append(&[7; 64]).expect("appends");
    }
    stream
}

fn first_id(stream: &Stream) -> u64 {
    stream.stats().expect("reports").first_id
}

fn cursor(id: u64) -> [u8; 8] {
    id.to_le_bytes()
}

fn set(stream: &Stream, key: &[u8], value: &[u8]) {
    stream
        .set_properties(&[(key, Some(value))], Durability::Written)
        .expect("sets");
}

#[test]
fn the_oldest_segments_go_until_the_rest_is_within_the_limit() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    // Five full segments, and one with two entries.
    let stream = fill(&wal, "s", 22);
    let apply = |bytes| {
        let retention = Retention::new().with_max_bytes(bytes);
        stream.apply_retention(&retention).expect("applies")
    };
    let all = 6 * HEADER_AREA + 22 * FRAME_BYTES;
    assert_eq!(apply(all), 0);
    assert_eq!(apply(all - 1), 1);
    assert_eq!(first_id(&stream), 4);
    assert_eq!(apply(all - 1), 0, "within the limit by now");
    assert_eq!(apply(all - 2 * SEGMENT_BYTES), 1);
    assert_eq!(first_id(&stream), 8);
    // The newest stays, whatever the limit.
    assert_eq!(apply(0), 3);
    assert_eq!(
        (first_id(&stream), stream.next_id().expect("an id")),
        (20, 22)
    );
    assert_eq!(apply(0), 0);
    let paths = disk.files();
    let names = paths
        .keys()
        .filter(|path| path.extension().is_some_and(|end| end == "wal"));
    assert_eq!(names.count(), 1, "the files are gone");
    drop(stream);
    wal.close().expect("closes");
    let wal = open(&disk);
    assert_eq!(all_entries(&wal, "s").len(), 2);
}

#[test]
fn segments_go_once_they_were_last_changed_too_long_ago() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    let stream = wal.stream("s").expect("a handle");
    let retention = Retention::new().with_max_age(3 * HOUR);
    for _ in 0..5 {
        for _ in 0..PER_SEGMENT {
            stream.append(&[7; 64]).expect("appends");
        }
        // A round seals what is full: later than its last append, if there is one behind it.
        stream.sync().expect("syncs");
        disk.pass_time(HOUR);
    }
    // Sealed with the first round behind it: the oldest four hours ago, the next three.
    assert_eq!(stream.apply_retention(&retention).expect("applies"), 1);
    assert_eq!(first_id(&stream), 4);
    disk.pass_time(Duration::from_secs(1));
    assert_eq!(stream.apply_retention(&retention).expect("applies"), 1);
    assert_eq!(stream.apply_retention(&retention).expect("applies"), 0);
    // A power failure and a new opening make none younger.
    let disk = disk.crash(0, DirectoryModel::Strict);
    let wal = open(&disk);
    let stream = wal.stream("s").expect("a handle");
    disk.pass_time(2 * HOUR);
    assert_eq!(stream.apply_retention(&retention).expect("applies"), 2);
    assert_eq!(first_id(&stream), 16, "the newest stays, however old");
    disk.pass_time(100 * HOUR);
    assert_eq!(stream.apply_retention(&retention).expect("applies"), 0);
}

#[test]
fn either_limit_is_enough_and_without_one_nothing_goes() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    let stream = fill(&wal, "s", 22);
    wal.sync_all().expect("seals what is full");
    disk.pass_time(HOUR);
    let syncs = disk.count(OpKind::SyncData);
    let both = Retention::new()
        .with_max_bytes(u64::MAX)
        .with_max_age(2 * HOUR);
    assert_eq!(stream.apply_retention(&both).expect("applies"), 0);
    assert_eq!(
        stream.apply_retention(&Retention::new()).expect("applies"),
        0
    );
    assert_eq!(disk.count(OpKind::SyncData), syncs, "a look syncs nothing");
    let by_bytes = both.with_max_bytes(5 * SEGMENT_BYTES);
    assert_eq!(stream.apply_retention(&by_bytes).expect("applies"), 1);
    let by_age = both.with_max_age(HOUR / 2);
    assert_eq!(stream.apply_retention(&by_age).expect("applies"), 4);
}

#[test]
fn what_a_cursor_has_not_read_stays() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    let stream = fill(&wal, "s", 22);
    let all = Retention::new().with_max_bytes(0).keeping_cursors();
    set(&stream, b"cursor/slow", &cursor(7));
    set(&stream, b"cursor/fast", &cursor(21));
    set(&stream, b"cursors", b"no cursor");
    assert_eq!(stream.apply_retention(&all).expect("applies"), 1);
    assert_eq!(first_id(&stream), 4, "7 lies in the second segment");
    assert_eq!(stream.apply_retention(&all).expect("applies"), 0);
    set(&stream, b"cursor/slow", &cursor(12));
    assert_eq!(stream.apply_retention(&all).expect("applies"), 2);
    assert_eq!(first_id(&stream), 12);
    // One that is ahead of the stream keeps nothing.
    set(&stream, b"cursor/slow", &cursor(u64::MAX));
    stream
        .set_properties(&[(b"cursor/fast", None)], Durability::Written)
        .expect("removes");
    assert_eq!(stream.apply_retention(&all).expect("applies"), 2);
    assert_eq!(first_id(&stream), 20);
}

#[test]
fn a_cursor_of_another_form_is_named_and_nothing_goes() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    let stream = fill(&wal, "s", 22);
    let keeping = Retention::new().with_max_bytes(0).keeping_cursors();
    for value in [&b"7"[..], b"", &[0; 9]] {
        set(&stream, b"cursor/a", &cursor(21));
        set(&stream, b"cursor/odd", value);
        let error = stream.apply_retention(&keeping).expect_err("is refused");
        assert!(matches!(error, Error::Config(_)), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("cursor/odd") && text.contains("\"s\""),
            "{text}"
        );
        assert_eq!(first_id(&stream), 0);
    }
    // Not asked to keep cursors, none is looked at.
    let others = Retention::new().with_max_bytes(0);
    assert_eq!(stream.apply_retention(&others).expect("applies"), 5);
}

#[test]
fn after_a_power_failure_at_any_call_no_cursor_points_at_what_is_gone() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk);
    let stream = fill(&wal, "s", 22);
    set(&stream, b"cursor/a", &cursor(5));
    stream.sync().expect("syncs");
    let before = disk.op_count();
    // In the kernel only, until the retention makes it durable.
    set(&stream, b"cursor/a", &cursor(13));
    let all = Retention::new().with_max_bytes(0).keeping_cursors();
    assert_eq!(stream.apply_retention(&all).expect("applies"), 3);
    let end = disk.op_count();
    let mut replay = disk.replay();
    let mut firsts = std::collections::BTreeSet::new();
    while replay.op_index() < end && replay.step() {
        if replay.op_index() < before {
            continue;
        }
        for seed in 0..8 {
            for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
                let crashed = replay.crash(seed, model);
                let wal = Wal::open_simulated(&crashed, small_segments(SyncMode::Async));
                let wal = wal.expect("opens under Error");
                let stream = wal.stream("s").expect("a handle");
                let first = first_id(&stream);
                let ids: Vec<u64> = all_entries(&wal, "s").iter().map(|(id, _)| *id).collect();
                assert_eq!(
                    ids,
                    (first..22).collect::<Vec<_>>(),
                    "at {}",
                    replay.op_index()
                );
                let value = stream
                    .property(b"cursor/a")
                    .expect("reads")
                    .expect("is there");
                let value = u64::from_le_bytes(value[..].try_into().expect("8 bytes"));
                assert!(value == 5 || value == 13);
                assert!(
                    first <= value,
                    "{first} is the first id, {value} is to be read"
                );
                firsts.insert(first);
            }
        }
    }
    assert_eq!(
        firsts.into_iter().collect::<Vec<_>>(),
        [0, 12],
        "before and after"
    );
}

#[test]
fn a_snapshot_under_way_loses_nothing_to_a_retention() {
    let log = LogBuilder::new(SyncMode::Async)
        .with(|options| options.max_entries_per_segment = PER_SEGMENT);
    let wal = log.open();
    let stream = fill(&wal, "s", 40);
    std::thread::scope(|scope| {
        let retaining = scope.spawn(|| {
            let mut removed = 0;
            for _ in 0..200 {
                for _ in 0..PER_SEGMENT {
                    stream.append(&[7; 64]).expect("appends");
                }
                let few = Retention::new().with_max_bytes(2 * SEGMENT_BYTES);
                removed += stream.apply_retention(&few).expect("applies");
            }
            removed
        });
        for number in 0..20 {
            let dir = log.path().join(format!("copy-{number}"));
            let report = wal
                .snapshot_to(&dir, SnapshotMode::Link)
                .expect("a snapshot");
            let mut options = WalOptions::new(&dir);
            options.on_corruption = CorruptionPolicy::Error;
            let copy = Wal::new(options).expect("opens");
            let ids: Vec<u64> = all_entries(&copy, "s").iter().map(|(id, _)| *id).collect();
            let end = report.streams[0].1;
            assert_eq!(ids, (ids[0]..end).collect::<Vec<_>>());
        }
        assert!(retaining.join().expect("ends well") > 150);
    });
}

#[test]
fn one_stream_that_fails_stops_no_other_and_is_reported_once() {
    let disk = SimulatedDisk::new();
    let messages = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&messages);
    let sink: LogSink = Arc::new(move |_, text| kept.lock().unwrap().push(text.to_owned()));
    let mut options = small_segments(SyncMode::Strict);
    options.retention = Some(Retention::new().with_max_bytes(0));
    let wal = Wal::open_simulated_stepped(&disk, options, sink).expect("opens");
    let (good, bad) = (fill(&wal, "good", 9), fill(&wal, "bad", 9));
    let later = fill(&wal, "later", 9);
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).on_path("/log/bad/"));
    bad.append(b"fails").expect_err("the sync fails");
    let by_call = wal.apply_retention(&Retention::new().with_max_bytes(0));
    assert!(
        matches!(by_call, Err(Error::Poisoned { .. })),
        "{by_call:?}"
    );
    assert_eq!([&good, &bad, &later].map(first_id), [8, 0, 8]);
    // The helper does the same, and says once why it cannot.
    fill(&wal, "good", 8);
    wal.step_helpers();
    wal.step_helpers();
    assert_eq!([&good, &bad, &later].map(first_id), [16, 0, 8]);
    let warned = |text: &&String| text.starts_with("retention of stream \"bad\"");
    assert_eq!(messages.lock().unwrap().iter().filter(warned).count(), 1);
}

#[test]
fn a_retention_without_a_limit_is_refused_as_an_option() {
    let log = LogBuilder::new(SyncMode::Async)
        .with(|options| options.retention = Some(Retention::new().keeping_cursors()));
    let error = Wal::new(log.options()).expect_err("is refused");
    assert!(
        matches!(&error, Error::Config(what) if what.contains("retention")),
        "{error}"
    );
}

#[test]
fn on_a_real_disk_age_is_the_time_of_the_file_and_an_archive_gets_what_goes() {
    let log = LogBuilder::new(SyncMode::Async)
        .with(|options| options.max_entries_per_segment = PER_SEGMENT);
    let archive = log.path().join("archive");
    let log = log.with(|options| options.archive_path = Some(archive.clone()));
    let wal = log.open();
    let stream = fill(&wal, "s", 10);
    wal.sync_all().expect("syncs");
    let old = Retention::new().with_max_age(HOUR);
    assert_eq!(wal.apply_retention(&old).expect("applies"), 0);
    let segments = segments_in(&log.path().join("log/s"));
    let file = std::fs::File::options().append(true).open(&segments[0]);
    file.expect("opens")
        .set_modified(SystemTime::now() - 2 * HOUR)
        .expect("sets the time");
    assert_eq!(wal.apply_retention(&old).expect("applies"), 1);
    assert_eq!(first_id(&stream), 4);
    assert_eq!(segments_in(&archive.join("s")).len(), 1);
    assert_eq!(stream.restore_archived().expect("restores"), 1);
    // Of the future, after the clock was set back: young.
    let segments = segments_in(&log.path().join("log/s"));
    let file = std::fs::File::options().append(true).open(&segments[0]);
    file.expect("opens")
        .set_modified(SystemTime::now() + 2 * HOUR)
        .expect("sets the time");
    let none = Retention::new().with_max_age(Duration::ZERO);
    assert_eq!(wal.apply_retention(&none).expect("applies"), 0);
}

#[test]
fn a_segment_removed_by_hand_stops_no_retention() {
    let log = LogBuilder::new(SyncMode::Async)
        .with(|options| options.max_entries_per_segment = PER_SEGMENT);
    let wal = log.open();
    let stream = fill(&wal, "s", 10);
    wal.sync_all().expect("syncs");
    let segments = segments_in(&log.path().join("log/s"));
    std::fs::remove_file(&segments[0]).expect("removes");
    let old = Retention::new().with_max_age(HOUR);
    assert_eq!(wal.apply_retention(&old).expect("applies"), 1);
    assert_eq!(first_id(&stream), 4);
}

/// A disk was unmounted, or a directory moved: all files are missing, and none is too old. The retention
/// recorded in the newest segment, which was open, that all others may go.
#[test]
#[cfg(unix)]
fn a_directory_that_is_missing_is_no_reason_to_remove_what_is_in_it() {
    let log = LogBuilder::new(SyncMode::Strict)
        .with(|options| options.max_entries_per_segment = PER_SEGMENT);
    let elsewhere = log.path().join("another disk");
    let linked = log.path().join("log/s");
    let wal = log.open();
    drop(fill(&wal, "s", 22));
    wal.close().expect("closes");
    std::fs::rename(&linked, &elsewhere).expect("moves");
    std::os::unix::fs::symlink(&elsewhere, &linked).expect("links");
    let wal = log.open();
    let stream = fill(&wal, "s", 8);
    let away = log.path().join("not mounted");
    std::fs::rename(&elsewhere, &away).expect("unmounts");
    let years = Retention::new().with_max_age(HOUR * 24 * 365 * 10);
    let refused = stream.apply_retention(&years);
    assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
    std::fs::rename(&away, &elsewhere).expect("mounts");
    assert_eq!(stream.apply_retention(&years).expect("applies"), 0);
    drop(stream);
    wal.close().expect("closes");
    assert_eq!(all_entries(&log.open(), "s").len(), 30);
}

#[test]
fn a_reader_beside_the_writer_and_a_deleted_stream_are_refused() {
    let log = LogBuilder::new(SyncMode::Strict)
        .with(|options| options.max_entries_per_segment = PER_SEGMENT);
    let wal = log.open();
    let stream = fill(&wal, "s", 9);
    let all = Retention::new().with_max_bytes(0);
    let reader = log.open_read_only();
    assert!(matches!(reader.apply_retention(&all), Err(Error::ReadOnly)));
    let of_reader = reader.stream("s").expect("a handle");
    assert!(matches!(
        of_reader.apply_retention(&all),
        Err(Error::ReadOnly)
    ));
    wal.delete_stream("s").expect("deletes");
    assert!(matches!(
        stream.apply_retention(&all),
        Err(Error::StreamNotFound(_))
    ));
    assert_eq!(wal.apply_retention(&all).expect("applies"), 0);
}
