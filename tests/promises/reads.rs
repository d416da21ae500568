//! What must hold: a look-up answers the same when it is asked again, by any thread, whatever it
//! and the threads before it have kept; what is kept is released when the files go; only what is
//! durable is mapped, and nothing at all unless it was asked for.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::support;
use crate::support::entry;
use crate::support::options;
use crate::support::segments_in;

fn open(place: &Path, mode: SyncMode, change: impl Fn(&mut WalOptions)) -> (Wal, Stream) {
    let mut options = options(place, mode);
    change(&mut options);
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    (wal, stream)
}

fn mapped(options: &mut WalOptions) {
    // Otherwise appends may map the file too, for writing.
    options.write_strategy = WriteStrategy::StandardIo;
    options.read_strategy = ReadStrategy::Mmap;
}

/// Segments of this log that the process has mapped.
fn mappings(place: &Path) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("reads");
    let log = place.join("log");
    let log = log.to_str().expect("a plain path");
    maps.lines()
        .filter(|line| line.contains(log) && line.contains(".wal"))
        .count()
}

/// Files of this log that the process has open, by what the system calls them.
fn open_files(place: &Path) -> Vec<PathBuf> {
    let log = place.join("log");
    std::fs::read_dir("/proc/self/fd")
        .expect("lists")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|path| path.starts_with(&log))
        .collect()
}

/// Appends entries alone, in batches and, where the log compresses, in frames that are packed.
/// Entry `id` is `entry(id)`, and now and then three hundred times that.
fn mixed_entry(id: u64) -> Vec<u8> {
    match id % 41 {
        40 => entry(id).repeat(300),
        _ => entry(id),
    }
}

fn append_mixed(stream: &Stream, count: u64) {
    let mut id = 0;
    while id < count {
        let many = if id % 5 == 4 { 1 + id % 130 } else { 0 };
        if many == 0 {
            assert_eq!(stream.append(&mixed_entry(id)).expect("appends"), id);
            id += 1;
            continue;
        }
        let entries: Vec<Vec<u8>> = (id..id + many).map(mixed_entry).collect();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        id = stream.append_batch(&entries).expect("appends").end;
    }
}

fn check_by_all_ways(stream: &Stream, id: u64) {
    let expected = mixed_entry(id);
    let mut target = vec![0; expected.len()];
    let len = stream.get_into(id, &mut target).expect("reads");
    assert_eq!((len, &target), (Some(expected.len()), &expected), "{id}");
    let got = stream.get(id).expect("reads");
    assert_eq!(got.as_ref(), Some(&expected), "{id}");
    let view = stream.view(id).expect("reads").expect("is there");
    assert_eq!(&view[..], expected, "{id}");
}

#[cfg(feature = "compression")]
const COMPRESSIONS: &[CompressionType] = &[CompressionType::None, CompressionType::Lz4];
#[cfg(not(feature = "compression"))]
const COMPRESSIONS: &[CompressionType] = &[CompressionType::None];

#[test]
fn entries_of_all_kinds_are_found_again_by_any_number_of_threads() {
    for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
        for &compression in COMPRESSIONS {
            let place = support::temp_dir();
            let (_wal, stream) = open(place.path(), SyncMode::Async, |options| {
                options.read_strategy = strategy;
                options.compression = compression;
                options.min_compression_size = 200;
                options.max_segment_size = 600_000;
                options.max_open_read_segments = 3;
            });
            append_mixed(&stream, 2000);
            stream.sync().expect("syncs");
            append_mixed_on(&stream);
            let end = stream.next_id().expect("is known");
            // More threads than there are places to keep what was found.
            std::thread::scope(|scope| {
                for thread in 0..20 {
                    let stream = &stream;
                    scope.spawn(move || {
                        let mut id = thread * 7919;
                        for _ in 0..150 {
                            id = (id * 2_862_933 + 3_037) % end;
                            check_by_all_ways(stream, id);
                        }
                    });
                }
            });
            for id in 0..end {
                check_by_all_ways(&stream, id);
            }
            let mut entries = stream.iter_with_ids(0).expect("iterates");
            for id in 0..end {
                let (found, bytes) = entries.next_entry().expect("more").expect("good");
                assert_eq!((found, bytes), (id, &mixed_entry(id)[..]));
            }
            assert!(entries.next_entry().is_none());
        }
    }
}

/// Some more, that no caller syncs.
fn append_mixed_on(stream: &Stream) {
    for _ in 0..100 {
        let id = stream.next_id().expect("is known");
        stream.append(&mixed_entry(id)).expect("appends");
    }
}

#[test]
fn bytes_changed_after_they_were_read_once_are_an_error_when_read_again() {
    for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
        let place = support::temp_dir();
        let (_wal, stream) = open(place.path(), SyncMode::Async, |options| {
            options.read_strategy = strategy;
            options.max_segment_size = 100_000;
        });
        for _ in 0..1000 {
            stream.append(&[b'x'; 264]).expect("appends");
        }
        stream.sync().expect("syncs");
        let good = |id: u64| assert_eq!(stream.get(id).expect("good"), Some(vec![b'x'; 264]));
        (0..1000).for_each(good);
        let first = &segments_in(&place.path().join("log").join("s"))[0];
        let file = OpenOptions::new().write(true).open(first).expect("opens");
        let frame = |nth: u64| 1536 + nth * 300;
        // A payload; a header; the header of the one after.
        file.write_all_at(b"y", frame(10) + 200).expect("writes");
        file.write_all_at(&[0xff; 4], frame(20) + 12)
            .expect("writes");
        file.write_all_at(&[0; 36], frame(21)).expect("writes");
        for id in (0..1000).rev() {
            match id {
                10 => assert!(matches!(
                    stream.get(id),
                    Err(Error::CrcMismatch { offset: 4536, .. })
                )),
                20 | 21 => {
                    let error = stream.get(id).expect_err("is damaged");
                    let ids = error.context().ids.expect("known");
                    assert!(ids.contains(&id), "{id}: {error} {ids:?}");
                }
                _ if stream.get(id).is_ok() => good(id),
                // Frames between the damage and the next anchor that no back link leads to.
                _ => panic!("entry {id}: {:?}", stream.get(id)),
            }
        }
    }
}

#[test]
fn files_are_released_when_they_are_truncated_or_their_stream_is_deleted() {
    for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
        let place = support::temp_dir();
        let (wal, stream) = open(place.path(), SyncMode::Async, |options| {
            options.read_strategy = strategy;
            options.max_segment_size = 10_000;
        });
        for id in 0..1000 {
            stream.append(&entry(id)).expect("appends");
        }
        stream.sync().expect("syncs");
        // Files that have no name any more, and are open or mapped all the same.
        let gone = || {
            let log = place.path().join("log");
            let open = open_files(place.path()).into_iter();
            let open = open.map(|path| path.to_string_lossy().into_owned());
            let maps = std::fs::read_to_string("/proc/self/maps").expect("reads");
            let maps = maps.lines().map(str::to_owned);
            let of_this = |line: &String| line.contains(log.to_str().expect("plain"));
            let unnamed = |line: &String| line.ends_with("(deleted)");
            let lines = open.chain(maps.filter(of_this));
            lines.filter(unnamed).collect::<Vec<String>>()
        };
        let read_all = |from: u64| {
            for id in from..1000 {
                assert_eq!(stream.get(id).expect("good"), Some(entry(id)));
            }
        };
        read_all(0);
        // A thread that lives on, and one that does not.
        let (wait, go) = std::sync::mpsc::channel::<()>();
        let (sender, done) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let read_all = &read_all;
            scope.spawn(|| read_all(0)).join().expect("reads");
            scope.spawn(move || {
                read_all(0);
                sender.send(()).expect("a receiver waits");
                let _ = go.recv();
            });
            done.recv().expect("has read");
            let removed = wal.truncate("s", 500).expect("truncates");
            assert!(removed > 5);
            assert_eq!(gone(), Vec::<String>::new());
            drop(wait);
        });
        assert_eq!(stream.get(0).expect("truncated"), None);
        let first = stream.first_id().expect("is known");
        read_all(first);
        wal.delete_stream("s").expect("deletes");
        assert_eq!(gone(), Vec::<String>::new());
    }
}

#[test]
fn no_more_files_stay_open_than_allowed_though_many_threads_read() {
    let place = support::temp_dir();
    let (_wal, stream) = open(place.path(), SyncMode::Async, |options| {
        options.max_segment_size = 10_000;
        options.max_open_read_segments = 4;
        options.max_open_segments = 1;
    });
    for id in 0..2000 {
        stream.append(&entry(id)).expect("appends");
    }
    stream.sync().expect("syncs");
    assert!(segments_in(&place.path().join("log").join("s")).len() > 20);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let stream = &stream;
            scope.spawn(move || {
                for id in (0..2000).map(|i| (i * 997 + thread * 501) % 2000) {
                    assert_eq!(stream.get(id).expect("good"), Some(entry(id)));
                }
            });
        }
    });
    let segments = |path: &PathBuf| path.extension().is_some_and(|end| end == "wal");
    let left: Vec<_> = open_files(place.path())
        .into_iter()
        .filter(segments)
        .collect();
    assert!(left.len() <= 5, "{left:?}");
}

#[test]
fn of_a_file_still_written_to_what_is_durable_is_mapped_and_nothing_else() {
    let place = support::temp_dir();
    let (wal, stream) = open(place.path(), SyncMode::Async, mapped);
    let append = |count: u64| {
        for _ in 0..count {
            let id = stream.next_id().expect("is known");
            stream.append(&entry(id)).expect("appends");
        }
    };
    append(5000);
    let read = |id: u64| {
        let view = stream.view(id).expect("good").expect("is there");
        assert_eq!(&view[..], entry(id));
        view
    };
    let before: Vec<EntryView> = (0..5000).map(read).collect();
    assert_eq!(mappings(place.path()), 0, "nothing is durable");
    stream.sync().expect("syncs");
    drop(before);
    let first = read(0);
    assert_eq!(mappings(place.path()), 1);
    let kept: Vec<EntryView> = (0..4000).map(read).collect();
    // The mapping grows with what is durable, and views keep what they show.
    append(50_000);
    stream.sync().expect("syncs");
    (0..55_000).step_by(7).for_each(|id| drop(read(id)));
    assert_eq!(mappings(place.path()), 2, "the one of before is pinned");
    drop(wal);
    drop(stream);
    assert_eq!(&first[..], entry(0));
    for (id, view) in (0..).zip(&kept) {
        assert_eq!(&view[..], entry(id));
    }
    drop((first, kept));
    assert_eq!(mappings(place.path()), 0);
}

#[test]
fn under_standard_io_nothing_is_mapped() {
    let place = support::temp_dir();
    let (_wal, stream) = open(place.path(), SyncMode::Strict, |options| {
        options.max_segment_size = 100_000;
        options.write_strategy = WriteStrategy::StandardIo;
    });
    let batch = vec![&[7u8; 250][..]; 100];
    for _ in 0..10 {
        stream.append_batch(&batch).expect("appends");
    }
    let views: Vec<EntryView> = (0..1000)
        .map(|id| stream.view(id).expect("good").expect("is there"))
        .collect();
    assert_eq!(stream.iter(0).expect("iterates").count(), 1000);
    assert_eq!(mappings(place.path()), 0);
    assert!(views.iter().all(|view| view[..] == [7; 250]));
}
