//! D12: the same calls leave the same bytes: no clock, no random number, no timing gets in.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ironwal::*;

use crate::support;
use crate::support::entry;
use crate::support::files_in;
use crate::support::options;

/// How a session appends.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// `append` and `append_batch`.
    Append,
    /// The calls that take an expected id.
    ExpectedId,
}

fn append(wal: &Wal, by: By, key: &str, bytes: &[u8]) {
    let next = wal.stream(key).and_then(|stream| stream.next_id());
    let next = next.expect("an id");
    let id = match by {
        By::Append => wal.append(key, bytes),
        By::ExpectedId if next % 2 == 0 => wal.append_at(key, next, bytes),
        By::ExpectedId => {
            let entries = [bytes];
            let append = Append::new(&entries).expecting(next).written();
            let appended = wal.append_with(key, &append);
            appended.map(|appended| appended.ids.start)
        }
    };
    assert_eq!(id.expect("appends"), next);
}

fn append_batch(wal: &Wal, by: By, key: &str, batch: &[&[u8]]) {
    let next = wal.stream(key).and_then(|stream| stream.next_id());
    let next = next.expect("an id");
    let ids = match by {
        By::Append => wal.append_batch(key, batch),
        By::ExpectedId if next % 8 == 0 => wal.append_batch_at(key, next, batch),
        By::ExpectedId => {
            let append = Append::new(batch).expecting(next).durable();
            let appended = wal.append_with(key, &append);
            appended.map(|appended| appended.ids)
        }
    };
    assert_eq!(ids.expect("appends").start, next);
}

/// A session with everything in it: single entries, batches, large and empty ones, rotation,
/// truncation, deletion, and a reopening in the middle.
fn session(
    place: &Path,
    options: &WalOptions,
    wait: Option<Duration>,
    by: By,
) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut options = options.clone();
    options.root_path = place.join("log");
    options.archive_path = Some(place.join("archive"));
    let pause = || wait.into_iter().for_each(std::thread::sleep);
    for part in 0..3u64 {
        let wal = Wal::new(options.clone()).expect("opens");
        for id in 0..60 {
            append(&wal, by, "a", &entry(part * 100 + id));
            if id % 7 == 0 {
                let batch = [
                    &entry(id)[..],
                    b"",
                    &[id as u8; 3000],
                    b"same same same same",
                ];
                append_batch(&wal, by, "b", &batch);
                pause();
            }
            if id % 11 == 4 {
                let value = vec![id as u8; (id * part * 9) as usize];
                let changes: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(&value))];
                wal.set_properties("a", &changes, Durability::ByMode)
                    .expect("sets");
            }
            if id % 30 == 29 {
                append(&wal, by, "a", &vec![part as u8; 20_000]);
                wal.append("gone", b"x").expect("appends");
            }
        }
        pause();
        wal.truncate("a", 50 * part).expect("truncates");
        wal.delete_stream("gone").expect("deletes");
        for id in 0..5 {
            append(&wal, by, "a", &entry(id));
        }
        if part == 1 {
            wal.restore_archived("a").expect("restores");
        }
        wal.close().expect("closes");
    }
    let mut files = files_in(place);
    for (path, bytes) in &mut files {
        // What names a log is random, in no other file; it is followed by a checksum over all.
        if path.ends_with("IDENTITY") {
            bytes[16..32].fill(0);
            bytes[508..].fill(0);
        }
    }
    files
}

fn variants() -> Vec<(&'static str, WalOptions, Option<Duration>, By)> {
    let plain = options(Path::new("/nowhere"), SyncMode::Async);
    let mut eager = plain.clone();
    eager.background_sync = Some(BackgroundSync {
        interval: Duration::from_millis(1),
        bytes: 1,
    });
    let mut few_files = eager.clone();
    few_files.max_open_segments = 1;
    few_files.max_open_read_segments = 1;
    few_files.write_buffer_size = 0;
    few_files.read_buffer_size = 1;
    let mut strict = plain.clone();
    strict.sync_mode = SyncMode::Strict;
    let pause = Duration::from_millis(3);
    vec![
        ("again", plain.clone(), None, By::Append),
        ("synced in the background", eager, Some(pause), By::Append),
        (
            "with one descriptor and no buffers",
            few_files,
            Some(pause),
            By::Append,
        ),
        ("strict", strict.clone(), None, By::Append),
        ("at expected ids", plain, None, By::ExpectedId),
        ("at expected ids, strict", strict, None, By::ExpectedId),
    ]
}

fn same_bytes_with(compression: CompressionType) {
    let run = |mut options: WalOptions, wait, by| {
        options.compression = compression;
        options.min_compression_size = 64;
        options.max_segment_size = 4096;
        let place = support::temp_dir();
        session(place.path(), &options, wait, by)
    };
    let (_, plain, _, by) = variants().swap_remove(0);
    let expected = run(plain, None, by);
    let segments = expected
        .keys()
        .filter(|p| p.extension().is_some_and(|e| e == "wal"));
    assert!(segments.count() > 10, "there is something to compare");
    for (name, options, wait, by) in variants() {
        let found = run(options, wait, by);
        let names: Vec<_> = found.keys().collect();
        assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{name}");
        for (path, bytes) in &found {
            assert!(
                *bytes == expected[path],
                "{name}: {} differs",
                path.display()
            );
        }
    }
}

#[test]
fn the_same_calls_leave_the_same_bytes() {
    same_bytes_with(CompressionType::None);
}

#[test]
#[cfg(feature = "compression")]
fn the_same_calls_leave_the_same_bytes_compressed() {
    same_bytes_with(CompressionType::Lz4);
}

#[test]
fn rotation_depends_on_bytes_and_entries_only() {
    let rotations = |mode, write_buffer_size| {
        let place = support::temp_dir();
        let mut options = options(place.path(), mode);
        options.write_buffer_size = write_buffer_size;
        options.max_segment_size = 1000;
        options.max_entries_per_segment = 7;
        let wal = Wal::new(options).expect("opens");
        let mut starts = Vec::new();
        for id in 0..100 {
            wal.append("s", &entry(id)).expect("appends");
            starts.push(wal.current_segment_start_id("s"));
        }
        starts
    };
    let expected = rotations(SyncMode::Async, 64 << 10);
    assert_eq!(rotations(SyncMode::Strict, 64 << 10), expected);
    assert_eq!(rotations(SyncMode::Async, 0), expected);
}
