//! What a reader sees of a writer in another process that rotates, truncates, deletes, closes, dies
//! and recovers.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ironwal::*;

use crate::support::Role;
use crate::support::child;
use crate::support::entry;
use crate::support::options;
use crate::support::temp_dir;

pub const ROLES: &[Role] = &[
    ("strict", append_strictly),
    ("for ever", append_for_ever),
    ("reborn", delete_and_begin_again),
    ("cut loosely", crate::cuts::cut_loosely),
    ("cut strictly", crate::cuts::cut_strictly),
    ("in turn with pauses", crate::snapshot::append_with_pauses),
    ("on two threads", crate::snapshot::append_on_two_threads),
    (
        "in turn without pause",
        crate::snapshot::append_without_pause,
    ),
];

const PATIENCE: Duration = Duration::from_secs(60);

fn small(place: &Path, sync_mode: SyncMode) -> WalOptions {
    let mut options = options(place, sync_mode);
    options.max_segment_size = 4096;
    options
}

/// A writer in a process of its own, killed with this.
pub struct Writer {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Writer {
    pub fn start(role: &str, place: &Path) -> Writer {
        let mut process = child(role, place)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the writer starts");
        let lines = BufReader::new(process.stdout.take().expect("its output"));
        Writer { process, lines }
    }

    /// The next thing it said; `None`: it has ended.
    pub fn said(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("reads") == 0 {
                return None;
            }
            // The test harness talks, too.
            if let Some((_, said)) = line.trim_end().split_once("said ") {
                return Some(said.to_owned());
            }
        }
    }

    pub fn kill(mut self) {
        self.process.kill().expect("kills");
        self.process.wait().expect("ends");
    }

    /// Whether its process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("is known").is_some()
    }

    pub fn end(mut self) {
        while self.said().is_some() {}
        assert!(self.process.wait().expect("ends").success());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A test that fails leaves no writer behind. It has ended already in the others.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Under `Strict`: appends, rotating often, truncates, closes and opens again.
fn append_strictly(place: &Path) {
    let mut wal = Wal::new(small(place, SyncMode::Strict)).expect("opens");
    for id in 0..1500 {
        assert_eq!(wal.append("s", &entry(id)).expect("appends"), id);
        println!("said {id}");
        if id % 100 == 99 {
            wal.truncate("s", id.saturating_sub(150)).expect("cuts");
        }
        if id % 400 == 399 {
            wal.close().expect("closes");
            wal = Wal::new(small(place, SyncMode::Strict)).expect("opens");
        }
    }
    wal.close().expect("closes");
}

#[test]
fn a_reader_sees_at_once_what_a_strict_append_in_another_process_has_acknowledged() {
    // Through rotation, truncation, close and recovery.
    for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
        let place = temp_dir();
        std::fs::create_dir(place.path().join("log")).expect("a directory");
        let mut how = small(place.path(), SyncMode::Strict);
        how.read_strategy = strategy;
        let reader = Wal::open_read_only(how).expect("opens");
        let mut iterator = reader.iter_with_ids("s", 0).expect("iterates");
        let mut writer = Writer::start("strict", place.path());
        let (mut next, mut overtaken, mut seen) = (0, 0, 0);
        while let Some(said) = writer.said() {
            let id: u64 = said.parse().expect("an id");
            let found = reader.get("s", id).expect("reads");
            if found.is_none() {
                // The writer is ahead by now, and has truncated.
                let first = reader.stream("s").and_then(|s| s.first_id());
                assert!(first.expect("is known") > id, "entry {id} was acknowledged");
            } else {
                assert_eq!(found, Some(entry(id)));
                seen += 1;
            }
            // The iterator now and then, so that truncation overtakes it.
            if id % 300 == 299 {
                loop {
                    match iterator.next() {
                        None => break,
                        Some(Ok((id, bytes))) => {
                            // Where nothing was shown yet it begins at the first id kept.
                            assert!(id == next || next == 0, "{id} follows {next}");
                            assert_eq!(bytes, entry(id), "entry {id}");
                            next = id + 1;
                        }
                        Some(Err(error @ Error::SegmentNotFound(_))) => {
                            let gone = error.context().ids.expect("the ids that are gone");
                            assert!(gone.start == next && gone.end > next, "{gone:?}");
                            next = gone.end;
                            overtaken += 1;
                        }
                        Some(Err(error)) => panic!("{error}"),
                    }
                }
                assert!(next > id, "came to the end");
            }
        }
        writer.end();
        assert!(seen > 200, "only {seen} were seen");
        assert!(overtaken > 0, "no truncation overtook the iterator");
        assert_eq!(next, 1500);
        let stream = reader.stream("s").expect("a handle");
        assert_eq!(stream.next_id().expect("is known"), 1500);
        assert_eq!(stream.durable_end().expect("is known"), 1500);
        assert!(stream.first_id().expect("is known") > 1000);
        assert_eq!(reader.streams().expect("lists"), ["s"]);
    }
}

/// Without waiting for the disk: single entries and batches, until it is killed.
fn append_for_ever(place: &Path) {
    let mut how = small(place, SyncMode::Async);
    how.max_segment_size = 64 << 10;
    how.background_sync = Some(BackgroundSync {
        interval: Duration::from_millis(3),
        bytes: 32 << 10,
    });
    let wal = Wal::new(how).expect("opens");
    let mut id = wal.stream("s").and_then(|s| s.next_id()).expect("is known");
    println!("said {id}");
    loop {
        let batch: Vec<Vec<u8>> = (id..id + 1 + id % 7).map(entry).collect();
        let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        id = wal.append_batch("s", &batch).expect("appends").end;
        if id % 1000 < 7 {
            wal.truncate("s", id.saturating_sub(3000)).expect("cuts");
            println!("said {id}");
        }
    }
}

#[test]
fn a_reader_goes_on_through_the_death_and_the_recovery_of_the_writer() {
    for mode in [SyncMode::Async, SyncMode::Strict] {
        let place = temp_dir();
        std::fs::create_dir(place.path().join("log")).expect("a directory");
        let reader = Wal::open_read_only(small(place.path(), mode)).expect("opens");
        let stream = reader.stream("s").expect("a handle");
        let (mut next, mut read) = (0, 0_u64);
        let begun = Instant::now();
        for round in 0..12 {
            let mut writer = Writer::start("for ever", place.path());
            let recovered: u64 = writer.said().expect("has opened").parse().expect("an id");
            if mode == SyncMode::Async {
                assert!(recovered >= next, "{recovered} of {next} came back");
            }
            let until = Instant::now() + Duration::from_millis(40 + 13 * round);
            while Instant::now() < until {
                let mut iterator = stream.iter_with_ids(next).expect("iterates");
                for item in &mut iterator {
                    match item {
                        Ok((id, bytes)) => {
                            assert!(id >= next, "{id} after {next}");
                            assert_eq!(bytes, entry(id), "entry {id}");
                            next = id + 1;
                            read += 1;
                        }
                        Err(Error::SegmentNotFound(lost)) => {
                            assert_eq!(lost, next);
                            break;
                        }
                        Err(error) => panic!("{error}"),
                    }
                    if Instant::now() > until {
                        break;
                    }
                }
            }
            writer.kill();
            // No process has it open now: the torn tail stands there, and is the end for now.
            let end = stream.next_id().expect("is known");
            assert!(end >= next);
            let durable = stream.durable_end().expect("is known");
            assert!(durable <= end || mode == SyncMode::Strict);
            assert!(begun.elapsed() < PATIENCE);
        }
        assert!(read > 1000, "{read} entries were read");
    }
}

/// A stream that is deleted and begun again; every entry says which life it belongs to.
fn delete_and_begin_again(place: &Path) {
    let wal = Wal::new(small(place, SyncMode::Async)).expect("opens");
    for life in 0_u64..60 {
        for id in 0..20 + life * 7 % 90 {
            let bytes = [life.to_le_bytes(), id.to_le_bytes()].concat();
            assert_eq!(wal.append("s", &bytes).expect("appends"), id);
        }
        std::thread::sleep(Duration::from_millis(4));
        wal.delete_stream("s").expect("deletes");
        println!("said {life}");
    }
    wal.append("s", &[0xff; 16]).expect("appends");
    wal.close().expect("closes");
}

#[test]
fn an_iterator_never_goes_from_a_deleted_stream_into_its_successor() {
    let place = temp_dir();
    std::fs::create_dir(place.path().join("log")).expect("a directory");
    let reader = Wal::open_read_only(small(place.path(), SyncMode::Async)).expect("opens");
    let mut writer = Writer::start("reborn", place.path());
    let (mut lives, mut ended) = (std::collections::BTreeSet::new(), 0);
    let begun = Instant::now();
    'lives: loop {
        assert!(begun.elapsed() < PATIENCE);
        let mut iterator = reader.iter_with_ids("s", 0).expect("iterates");
        let (mut life, mut next) = (None, 0);
        loop {
            assert!(begun.elapsed() < PATIENCE);
            match iterator.next() {
                None => std::thread::yield_now(),
                Some(Ok((id, bytes))) => {
                    let life_number = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
                    if life_number == u64::MAX {
                        break 'lives;
                    }
                    assert_eq!(id, next, "in life {life_number}");
                    assert_eq!(bytes[8..], id.to_le_bytes());
                    assert_eq!(*life.get_or_insert(life_number), life_number, "at {id}");
                    lives.insert(life_number);
                    next += 1;
                }
                Some(Err(Error::StreamNotFound(_))) => {
                    ended += 1;
                    break;
                }
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
    while writer.said().is_some() {}
    writer.end();
    assert!(lives.len() > 5 && ended > 5, "{lives:?}, {ended}");
    let handle = reader.stream("s").expect("a handle");
    assert_eq!(handle.next_id().expect("is known"), 1);
}

#[test]
fn waiting_for_an_entry_of_another_process_ends_when_it_is_durable() {
    let place = temp_dir();
    std::fs::create_dir(place.path().join("log")).expect("a directory");
    let reader = Wal::open_read_only(small(place.path(), SyncMode::Strict)).expect("opens");
    let stream = reader.stream("s").expect("a handle");
    assert!(matches!(
        stream.wait_durable(0, Duration::from_millis(5)),
        Err(Error::Timeout)
    ));
    let writer = Writer::start("strict", place.path());
    stream
        .wait_durable(1499, PATIENCE)
        .expect("becomes durable");
    assert_eq!(stream.get(1499).expect("reads"), Some(entry(1499)));
    writer.end();
}

/// Stops a writer when it is dropped.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_writer_that_rotates_with_every_entry_is_never_taken_for_damaged() {
    // Thousands of segments, made and truncated while the directory is listed.
    let place = temp_dir();
    let mut how = small(place.path(), SyncMode::Async);
    how.max_entries_per_segment = 1;
    how.background_sync = Some(BackgroundSync {
        interval: Duration::from_millis(2),
        bytes: 4096,
    });
    let wal = Wal::new(how.clone()).expect("opens");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut id = 0;
            while !stop.load(Ordering::Relaxed) {
                wal.append("s", &entry(id)).expect("appends");
                id += 1;
                if id % 500 == 0 {
                    wal.truncate("s", id - 300).expect("cuts");
                }
            }
        });
        // Also when a check fails, or the test would never end.
        let _stopped = Stop(&stop);
        let messages: Arc<Mutex<Vec<String>>> = Arc::default();
        let begun = Instant::now();
        let mut opened = 0;
        while begun.elapsed() < Duration::from_secs(4) || opened < 3 {
            let sink: LogSink = {
                let messages = Arc::clone(&messages);
                Arc::new(move |_, message| messages.lock().unwrap().push(message.to_owned()))
            };
            let reader = Wal::open_read_only_logging(how.clone(), sink).expect("opens");
            let mut next = None;
            for item in reader.iter_with_ids("s", 0).expect("iterates").take(2000) {
                match item {
                    Ok((id, bytes)) => {
                        assert!(next.is_none_or(|next| next == id), "{id} after {next:?}");
                        assert_eq!(bytes, entry(id), "entry {id}");
                        next = Some(id + 1);
                    }
                    Err(error @ Error::SegmentNotFound(_)) => {
                        let gone = error.context().ids.expect("the ids that are gone");
                        assert_eq!(Some(gone.start), next, "overtaken by a truncation");
                        next = Some(gone.end);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            let report = reader.verify().expect("verifies");
            assert!(report.is_clean(), "{:#?}", report.findings);
            opened += 1;
            assert!(begun.elapsed() < PATIENCE);
        }
        let messages = messages.lock().unwrap();
        assert!(messages.is_empty(), "{messages:?}");
    });
}

#[test]
fn a_place_taken_back_and_written_anew_is_noticed() {
    // A write that fails half-way is taken back, and its ids are given again: what a reader of
    // all that is written has seen there is void.
    let place = temp_dir();
    // The two logs end alike; in between their frames lie at other places, those that the index
    // knows among them.
    let lens = [[1100_usize, 900], [900, 1100]];
    let mut logs = Vec::new();
    for (which, lens) in ["first", "other"].into_iter().zip(lens) {
        let mut how = WalOptions::new(place.path().join(which));
        how.sync_mode = SyncMode::Async;
        how.background_sync = None;
        let wal = Wal::new(how.clone()).expect("opens");
        for id in 0..20 {
            wal.append("s", &entry(id)).expect("appends");
        }
        for number in 0..400 {
            let bytes = which.repeat(lens[number % 2] / 5);
            wal.append("s", bytes.as_bytes()).expect("appends");
        }
        wal.append("s", which.as_bytes()).expect("appends");
        wal.close().expect("closes");
        logs.push(how);
    }
    let segment = "s/00000000000000000000.wal";
    let [first, second] = [&logs[0], &logs[1]].map(|how| how.root_path.join(segment));
    let anew = std::fs::read(&second).expect("reads");
    let reader = Wal::open_read_only(logs[0].clone()).expect("opens");
    let mut iterator = reader.iter_with_ids("s", 0).expect("iterates");
    assert_eq!(iterator.by_ref().count(), 421);
    assert!(
        reader
            .get("s", 40)
            .expect("reads")
            .expect("is there")
            .starts_with(b"first")
    );
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&first)
        .expect("opens");
    file.set_len(anew.len() as u64).expect("sets");
    std::os::unix::fs::FileExt::write_all_at(&file, &anew, 0).expect("writes");
    assert_eq!(reader.get("s", 421).expect("looks"), None);
    for id in 0..421 {
        let shown = reader.get("s", id).expect("no damage").expect("is there");
        match id {
            0..20 => assert_eq!(shown, entry(id)),
            _ => assert!(shown.starts_with(b"other"), "entry {id}"),
        }
    }
    assert!(iterator.next().is_none());
}

#[test]
fn a_stream_deleted_and_begun_again_while_no_reader_looked_is_another_stream() {
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Async);
    // With room for one open file, and for many: the file is opened again, or was held.
    for most in [1, 100] {
        how.max_open_read_segments = most;
        let wal = Wal::new(how.clone()).expect("opens");
        let reader = Wal::open_read_only(how.clone()).expect("opens");
        for id in 0..5_u8 {
            wal.append("s", &[1, id]).expect("appends");
            wal.append("other", b"x").expect("appends");
        }
        let handle = reader.stream("s").expect("a handle");
        let mut followed = handle.iter(0).expect("iterates");
        assert_eq!(followed.by_ref().count(), 5);
        let begun = handle.iter(2).expect("iterates");
        assert_eq!(reader.iter("other", 0).expect("iterates").count() % 5, 0);
        wal.delete_stream("s").expect("deletes");
        for id in 0..9_u8 {
            wal.append("s", &[2, id]).expect("appends");
        }
        for mut iterator in [followed, begun] {
            let next = iterator.next().expect("an item");
            assert!(matches!(next, Err(Error::StreamNotFound(_))), "{next:?}");
        }
        assert!(matches!(handle.get(7), Err(Error::StreamNotFound(_))));
        for id in 0..9_u8 {
            let found = reader.get("s", id.into()).expect("reads");
            assert_eq!(found, Some(vec![2, id]));
        }
        wal.delete_stream("s").expect("deletes");
        wal.close().expect("closes");
    }
}

#[test]
fn under_strict_a_reader_shows_what_is_durable_and_otherwise_what_is_written() {
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Async);
    let wal = Wal::new(how.clone()).expect("opens");
    let [durable, written] = [SyncMode::Strict, SyncMode::Async].map(|mode| {
        let mut how = how.clone();
        how.sync_mode = mode;
        Wal::open_read_only(how).expect("opens")
    });
    for round in 0..3 {
        for id in round * 10..round * 10 + 10 {
            wal.append("s", &entry(id)).expect("appends");
        }
        let count = |wal: &Wal| wal.iter("s", 0).expect("iterates").count() as u64;
        assert_eq!(count(&written), round * 10 + 10);
        assert_eq!(count(&durable), round * 10);
        let handle = written.stream("s").expect("a handle");
        assert_eq!(handle.durable_end().expect("is known"), round * 10);
        assert_eq!(durable.get("s", round * 10).expect("reads"), None);
        wal.sync("s").expect("syncs");
        assert_eq!(count(&durable), round * 10 + 10);
        assert_eq!(handle.durable_end().expect("is known"), round * 10 + 10);
    }
}
