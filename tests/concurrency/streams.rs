//! Everything at the same time, from many threads: ids are unique and dense, no read is ever wrong,
//! no caller waits for ever, and what was acknowledged is there afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ironwal::*;

use crate::support;
use crate::support::LogBuilder;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

/// Far beyond what any test here needs: a call that meets it waits for ever.
const FOR_EVER: Duration = Duration::from_secs(60);

/// Runs `work`, which must come to its end.
fn watched(work: impl FnOnce() + Send + 'static) {
    let (ended, end) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        // No receiver is left only if the watch has given up.
        let _ = ended.send(());
    });
    if end.recv_timeout(FOR_EVER) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("a call waits for ever");
    }
    if let Err(panic) = worker.join() {
        std::panic::resume_unwind(panic);
    }
}

/// An entry that says which thread wrote it, and as which of its entries.
fn signed(writer: u64, number: u64) -> Vec<u8> {
    let mut bytes = [writer.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend(entry(writer << 32 | number));
    bytes
}

/// The thread that wrote the entry, and the number there; it must be whole.
fn signature(bytes: &[u8]) -> (u64, u64) {
    let number = |at: usize| {
        let bytes = bytes[at..at + 8].try_into().expect("eight bytes");
        u64::from_le_bytes(bytes)
    };
    let (writer, number) = (number(0), number(8));
    assert!(bytes == signed(writer, number), "a wrong entry");
    (writer, number)
}

type Written = BTreeMap<u64, (u64, u64)>;

/// Appends one way or another until the log is closed; returns what got which id.
fn append_until_closed(wal: Wal, writer: u64) -> Written {
    let stream = wal.stream("s").expect("a handle");
    let mut written = Written::new();
    let mut number = 0;
    loop {
        let entries: Vec<_> = (0..4).map(|i| signed(writer, number + i)).collect();
        let slices: Vec<_> = entries.iter().map(Vec::as_slice).collect();
        let done = match number % 7 {
            0 => stream.append_batch(&slices[..3]),
            1 => stream
                .append_vectored(&[&entries[0][..10], b"", &entries[0][10..]])
                .map(|id| id..id + 1),
            2 => {
                let mut transaction = wal.writer("s");
                entries.iter().for_each(|e| transaction.add(e.as_slice()));
                transaction.commit()
            }
            _ => wal.append("s", slices[0]).map(|id| id..id + 1),
        };
        match done {
            Ok(ids) => {
                for id in ids {
                    assert_eq!(written.insert(id, (writer, number)), None);
                    number += 1;
                }
            }
            Err(Error::Closed) => return written,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads here and there until the log is closed; returns what it saw under which id.
fn read_until_closed(wal: Wal, mut state: u64) -> Written {
    let stream = wal.stream("s").expect("a handle");
    let mut seen = Written::new();
    let mut buffer = vec![0; 1000];
    loop {
        let end = match stream.next_id() {
            Ok(end) => end.max(1),
            Err(Error::Closed) => return seen,
            Err(error) => panic!("{error}"),
        };
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        let id = (state >> 33) % end;
        let read = match state % 3 {
            0 => wal.get("s", id),
            1 => stream.view(id).map(|view| view.map(|view| view.to_vec())),
            _ => stream
                .get_into(id, &mut buffer)
                .map(|len| len.map(|len| buffer[..len].to_vec())),
        };
        match read {
            Ok(Some(bytes)) => {
                let signature = signature(&bytes);
                assert_eq!(*seen.entry(id).or_insert(signature), signature);
            }
            Ok(None) => {}
            Err(Error::Closed) => return seen,
            Err(error) => panic!("{id}: {error}"),
        }
    }
}

/// Iterates again and again until the log is closed.
fn iterate_until_closed(wal: Wal) -> Written {
    let mut seen = Written::new();
    loop {
        let mut entries = match wal.iter_with_ids("s", 0) {
            Ok(entries) => entries,
            Err(Error::Closed) => return seen,
            Err(error) => panic!("{error}"),
        };
        let mut next = None;
        loop {
            match entries.next_entry() {
                Some(Ok((id, bytes))) => {
                    assert!(next.is_none_or(|next| id == next), "never a jump");
                    next = Some(id + 1);
                    let signature = signature(bytes);
                    assert_eq!(*seen.entry(id).or_insert(signature), signature);
                }
                // Overtaken by a truncation: one error at the id it stands at, and it goes on behind
                // those that are gone.
                Some(Err(error @ Error::SegmentNotFound(id))) => {
                    assert!(next.is_none_or(|next| id == next));
                    next = error.context().ids.map(|ids| ids.end);
                    assert!(next > Some(id));
                }
                Some(Err(error)) => panic!("{error}"),
                None => break,
            }
        }
    }
}

fn everything_at_once(mode: SyncMode, change: fn(&mut WalOptions)) {
    let place = support::temp_dir();
    let mut options = options(place.path(), mode);
    options.max_segment_size = 8 << 10;
    options.background_sync = Some(BackgroundSync {
        interval: Duration::from_millis(5),
        bytes: 4 << 10,
    });
    change(&mut options);
    let wal = Wal::new(options.clone()).expect("opens");
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let wal = wal.clone();
            thread::spawn(move || append_until_closed(wal, writer))
        })
        .collect();
    let mut readers: Vec<_> = (0..2)
        .map(|seed| {
            let wal = wal.clone();
            thread::spawn(move || read_until_closed(wal, seed))
        })
        .collect();
    readers.push({
        let wal = wal.clone();
        thread::spawn(move || iterate_until_closed(wal))
    });
    let stream = wal.stream("s").expect("a handle");
    let start = Instant::now();
    let mut truncated = 0;
    // On a busy machine it takes longer until there is something to truncate.
    while start.elapsed() < Duration::from_millis(1500)
        || (truncated == 0 && start.elapsed() < FOR_EVER)
    {
        thread::sleep(Duration::from_millis(3));
        let next = stream.next_id().expect("is known");
        if next == 0 {
            continue;
        }
        truncated += stream_truncate(&wal, next.saturating_sub(300));
        wal.sync("s").expect("syncs");
        wal.sync_all().expect("syncs");
        assert!(stream.durable_end().expect("is known") >= next);
        stream.wait_durable(next - 1, FOR_EVER).expect("durable");
    }
    assert!(truncated > 0, "truncation took part");
    drop(stream);
    wal.close().expect("closes");

    let mut written = Written::new();
    for writer in writers {
        let mut last = None;
        for (id, signature) in writer.join().expect("a good end") {
            assert!(
                last < Some(signature),
                "a writer's entries keep their order"
            );
            last = Some(signature);
            assert_eq!(written.insert(id, signature), None, "id {id} given twice");
        }
    }
    let ids: Vec<u64> = written.keys().copied().collect();
    assert_eq!(ids, (0..ids.len() as u64).collect::<Vec<_>>(), "no gap");
    for reader in readers {
        for (id, signature) in reader.join().expect("a good end") {
            assert_eq!(written.get(&id), Some(&signature), "entry {id}");
        }
    }
    let wal = Wal::new(options).expect("opens at once");
    let kept = all_entries(&wal, "s");
    assert_eq!(kept.last().map(|(id, _)| *id), ids.last().copied());
    for (id, bytes) in kept {
        assert_eq!(written.get(&id), Some(&signature(&bytes)));
    }
}

fn stream_truncate(wal: &Wal, safe_id: u64) -> usize {
    wal.truncate("s", safe_id).expect("truncates")
}

#[test]
fn everything_at_once_under_strict() {
    watched(|| everything_at_once(SyncMode::Strict, |_| ()));
}

#[test]
fn everything_at_once_under_batch_only_with_mapped_reads() {
    watched(|| {
        everything_at_once(SyncMode::BatchOnly, |options| {
            options.read_strategy = ReadStrategy::Mmap;
        });
    });
}

#[test]
fn everything_at_once_under_async_with_one_file_and_small_buffers() {
    watched(|| {
        everything_at_once(SyncMode::Async, |options| {
            options.max_open_segments = 1;
            options.max_open_read_segments = 1;
            options.write_buffer_size = 512;
            options.read_buffer_size = 100;
        });
    });
}

#[test]
#[cfg(feature = "compression")]
fn everything_at_once_compressed_and_cached() {
    watched(|| {
        everything_at_once(SyncMode::Async, |options| {
            options.compression = CompressionType::Lz4;
            options.min_compression_size = 0;
            options.block_cache_size = Some(10_000);
        });
    });
}

#[test]
fn a_stream_is_deleted_while_it_is_used_by_name_and_no_caller_sees_an_error() {
    watched(|| {
        let place = support::temp_dir();
        let mut options = options(place.path(), SyncMode::Async);
        options.max_segment_size = 2000;
        options.max_open_read_segments = 2;
        let wal = Wal::new(options).expect("opens");
        let stop = Arc::new(AtomicBool::new(false));
        let appended = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        for writer in 0..2 {
            let (wal, stop) = (wal.clone(), Arc::clone(&stop));
            let appended = Arc::clone(&appended);
            threads.push(thread::spawn(move || {
                for number in 0.. {
                    let entry = signed(writer, number);
                    wal.append("s", &entry).expect("before or after a deletion");
                    wal.append_batch("s", &[&entry, &entry]).expect("likewise");
                    appended.fetch_add(1, Ordering::Relaxed);
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }));
        }
        for seed in 0..2u64 {
            let (wal, stop) = (wal.clone(), Arc::clone(&stop));
            threads.push(thread::spawn(move || {
                let mut state = seed;
                while !stop.load(Ordering::Relaxed) {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                    let id = (state >> 33) % 60;
                    if let Some(bytes) = wal.get("s", id).expect("an entry or none") {
                        signature(&bytes);
                    }
                    for bytes in wal.get_batch("s", &[id, id + 1, 0]).expect("likewise") {
                        bytes.iter().for_each(|bytes| _ = signature(bytes));
                    }
                    for read in wal.iter("s", id).expect("iterates") {
                        match read {
                            Ok(bytes) => _ = signature(&bytes),
                            Err(Error::StreamNotFound(_)) => break,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            }));
        }
        for _ in 0..20 {
            let before = appended.load(Ordering::Relaxed);
            while appended.load(Ordering::Relaxed) < before + 20 {
                thread::yield_now();
            }
            wal.delete_stream("s").expect("deletes");
        }
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().expect("a good end");
        }
        let left = all_entries(&wal, "s");
        assert_eq!(left[0].0, 0, "a new stream starts at id 0");
    });
}

#[test]
fn handles_answer_stream_not_found_after_a_deletion_and_a_name_starts_anew() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    let old = wal.stream("s").expect("a handle");
    for id in 0..5 {
        old.append(&entry(id)).expect("appends");
    }
    wal.delete_stream("s").expect("deletes");
    wal.delete_stream("s").expect("deletes once more");
    let is_gone = |answer: Option<Error>| matches!(answer, Some(Error::StreamNotFound(_)));
    for _ in 0..2 {
        assert!(is_gone(old.append(b"x").err()));
        assert!(is_gone(old.append_batch(&[b"x"]).err()));
        assert!(is_gone(old.append_vectored(&[b"x"]).err()));
        assert!(is_gone(old.get(0).err()));
        assert!(is_gone(old.get_into(0, &mut []).err()));
        assert!(is_gone(old.view(0).err()));
        assert!(is_gone(old.iter(0).err()));
        assert!(is_gone(old.iter_with_ids(0).err()));
        assert!(is_gone(old.first_id().err()));
        assert!(is_gone(old.next_id().err()));
        assert!(is_gone(old.durable_end().err()));
        assert!(is_gone(old.current_segment_start_id().err()));
        assert!(is_gone(old.truncate(1).err()));
        assert!(is_gone(old.restore_archived().err()));
        assert!(is_gone(old.delete().err()));
        assert!(is_gone(old.sync().err()));
        assert!(is_gone(old.wait_durable(0, FOR_EVER).err()));
        // And so they do once there is a new stream of that name.
        wal.append("s", b"new").expect("appends");
    }
    assert_eq!(
        wal.get("s", 0).expect("reads").as_deref(),
        Some(&b"new"[..])
    );
    assert_eq!(wal.get("s", 2).expect("reads"), None);
    let new = wal.stream("s").expect("a handle");
    assert_eq!(new.next_id().expect("is known"), 2);
}

#[test]
fn wait_durable_asks_waits_and_gives_up() {
    watched(|| {
        let log = LogBuilder::new(SyncMode::Async);
        let wal = log.open();
        let stream = wal.stream("s").expect("a handle");
        let asked = |id| stream.wait_durable(id, Duration::ZERO);
        assert!(matches!(asked(0), Err(Error::Timeout)), "nothing is there");
        stream.append(b"a").expect("appends");
        assert!(matches!(asked(0), Err(Error::Timeout)), "asking syncs not");
        assert_eq!(stream.durable_end().expect("is known"), 0);
        stream.sync().expect("syncs");
        asked(0).expect("durable");
        // An id that never comes.
        let started = Instant::now();
        let waited = stream.wait_durable(1, Duration::from_millis(50));
        assert!(matches!(waited, Err(Error::Timeout)));
        assert!(started.elapsed() >= Duration::from_millis(50));
        // Ids that come later; the last one never.
        let wait_for = |id| {
            let stream = stream.clone();
            thread::spawn(move || stream.wait_durable(id, FOR_EVER))
        };
        let waiters: Vec<_> = [1, 2, 7].map(wait_for).into();
        let never = wait_for(1000);
        let at_the_end_of_time = {
            let stream = stream.clone();
            thread::spawn(move || stream.wait_durable(8, Duration::MAX))
        };
        for _ in 0..8 {
            stream.append(b"b").expect("appends");
        }
        for waiter in waiters {
            waiter.join().expect("a good end").expect("durable");
        }
        at_the_end_of_time
            .join()
            .expect("a good end")
            .expect("durable");
        wal.close().expect("closes");
        let reported = never.join().expect("a good end");
        assert!(matches!(reported, Err(Error::Closed)), "{reported:?}");
    });
}

#[test]
fn of_many_deletions_by_handle_one_succeeds_and_a_new_stream_of_that_name_stays() {
    watched(|| {
        let place = support::temp_dir();
        let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("opens");
        for _ in 0..20 {
            let stream = wal.stream("s").expect("a handle");
            stream.append(b"old").expect("appends");
            let delete = || {
                let (wal, stream) = (wal.clone(), stream.clone());
                thread::spawn(move || {
                    let deleted = stream.delete();
                    // Between two deletions of the old stream, or after both.
                    wal.append("s", b"new").expect("appends");
                    deleted
                })
            };
            let deletions = [delete(), delete(), delete()];
            let deletions = deletions.map(|thread| thread.join().expect("a good end"));
            let done = deletions.iter().filter(|deleted| deleted.is_ok()).count();
            assert_eq!(done, 1, "{deletions:?}");
            for failure in deletions.into_iter().filter_map(Result::err) {
                assert!(matches!(failure, Error::StreamNotFound(_)), "{failure:?}");
            }
            let new: Vec<_> = all_entries(&wal, "s").into_iter().collect();
            assert_eq!(new, [0, 1, 2].map(|id| (id, b"new".to_vec())));
            wal.stream("s")
                .expect("a handle")
                .delete()
                .expect("deletes");
        }
        assert!(wal.streams().expect("lists").is_empty());
    });
}

#[test]
fn a_waiter_on_a_deleted_stream_gets_stream_not_found() {
    watched(|| {
        let log = LogBuilder::new(SyncMode::Async);
        let wal = log.open();
        let stream = wal.stream("s").expect("a handle");
        stream.append(b"a").expect("appends");
        let waiter = {
            let stream = stream.clone();
            thread::spawn(move || stream.wait_durable(5, FOR_EVER))
        };
        wal.delete_stream("s").expect("deletes");
        let reported = waiter.join().expect("a good end");
        assert!(
            matches!(reported, Err(Error::StreamNotFound(_))),
            "{reported:?}"
        );
    });
}

fn views_stay(change: fn(&mut WalOptions)) {
    let place = support::temp_dir();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 10;
    options.max_open_read_segments = 1;
    change(&mut options);
    let wal = Wal::new(options).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    for id in 0..45 {
        stream.append(&entry(id)).expect("appends");
    }
    stream.sync().expect("syncs, and seals");
    let views: Vec<_> = (0..45)
        .map(|id| stream.view(id).expect("reads").expect("an entry"))
        .collect();
    let all_right = |when: &str| {
        for (id, view) in views.iter().enumerate() {
            assert!(view[..] == entry(id as u64), "{when}: entry {id}");
        }
    };
    all_right("at once");
    let mut entries = wal.iter_with_ids("s", 3).expect("iterates");
    let mut read = || entries.next().map(|entry| entry.map(|(id, _)| id));
    assert!(matches!(read(), Some(Ok(3))));
    assert_eq!(wal.truncate("s", 30).expect("truncates"), 3);
    all_right("after a truncation");
    for id in 4..10 {
        assert!(matches!(read(), Some(Ok(found)) if found == id), "{id}");
    }
    assert!(matches!(read(), Some(Err(Error::SegmentNotFound(10)))));
    assert!(matches!(read(), Some(Ok(30))));
    assert_eq!(wal.get("s", 29).expect("reads"), None);
    let mut entries = wal.iter("s", 0).expect("iterates");
    assert_eq!(entries.next().expect("some").expect("good"), entry(30));
    wal.delete_stream("s").expect("deletes");
    all_right("after a deletion");
    for id in 31..40 {
        let read = entries.next().expect("the rest of its file");
        assert_eq!(read.expect("good"), entry(id));
    }
    let reported = entries.next();
    assert!(
        matches!(reported, Some(Err(Error::StreamNotFound(_)))),
        "{reported:?}"
    );
    assert!(entries.next().is_none());
    drop(stream);
    wal.close().expect("closes");
    drop(entries);
    all_right("after closing");
}

#[test]
fn views_and_iterators_outlive_truncation_deletion_and_close() {
    views_stay(|_| ());
}

#[test]
fn mapped_views_and_iterators_outlive_truncation_deletion_and_close() {
    views_stay(|options| options.read_strategy = ReadStrategy::Mmap);
}

#[test]
#[cfg(feature = "compression")]
fn cached_views_and_iterators_outlive_truncation_deletion_and_close() {
    views_stay(|options| {
        options.compression = CompressionType::Lz4;
        options.min_compression_size = 0;
        options.block_cache_size = Some(500);
    });
}

#[test]
fn the_lock_is_free_as_soon_as_the_last_clone_is_dropped() {
    watched(|| {
        let place = support::temp_dir();
        for round in 0..30u64 {
            let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("free at once");
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let wal = wal.clone();
                    thread::spawn(move || wal.append("s", b"x").map(drop).expect("appends"))
                })
                .collect();
            drop(wal);
            for thread in threads {
                thread.join().expect("a good end");
            }
            let wal = Wal::new(options(place.path(), SyncMode::Async)).expect("free at once");
            let stream = wal.stream("s").expect("a handle");
            assert_eq!(stream.durable_end().expect("is known"), round * 4 + 4);
        }
    });
}
