//! What do readers see while suffixes are cut, and what becomes of appends meanwhile? An iterator shows
//! one history, whichever, and ends with an error if it has shown what is cut. A look-up shows an entry
//! that the id had at some time of its call. Appends land behind the cut or are cut.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::thread;

use crate::explore::Time;
use crate::explore::any_of;
use crate::explore::explore;
use crate::fixture::allow;
use crate::fixture::entry;
use crate::fixture::open;
use crate::fixture::options;

/// A stream as it was at some time: the first id, and the entries from there on.
type History = (u64, Vec<Vec<u8>>);

/// Histories, in the order in which they became the stream's. Known before they can be seen.
struct Histories {
    all: Mutex<Vec<History>>,
    /// The last one whose cut had returned.
    settled: AtomicUsize,
}

impl Histories {
    fn all(&self) -> Vec<History> {
        self.all.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    fn announce(&self, history: History) {
        let mut all = self.all.lock().unwrap_or_else(|e| e.into_inner());
        all.push(history);
    }

    fn settle(&self) {
        self.settled.store(self.all().len() - 1, SeqCst);
    }
}

fn named(history: u32, id: u64) -> Vec<u8> {
    entry("s", history, id as u32, 30)
}

/// Cuts, appends and resets, one call after the other.
fn write(wal: &Wal, histories: &Histories, cuts: &[(u64, u64)]) {
    for (number, &(from, count)) in (1..).zip(cuts) {
        let (first, mut entries) = histories.all().pop().expect("there is one");
        let new: Vec<Vec<u8>> = (from..from + count).map(|id| named(number, id)).collect();
        entries.truncate((from - first) as usize);
        entries.extend(new.iter().cloned());
        histories.announce((first, entries));
        let slices: Vec<&[u8]> = new.iter().map(Vec::as_slice).collect();
        let append = Append::new(&slices);
        let ids = wal.replace_suffix("s", from, &append).expect("cuts").ids;
        assert_eq!(ids, from..from + count);
        histories.settle();
    }
}

/// Scans once: what it shows is the beginning of one history that was the stream's meanwhile.
fn scan(wal: &Wal, histories: &Histories) {
    let from = histories.settled.load(SeqCst);
    let mut shown = BTreeMap::new();
    for found in wal.iter_with_ids("s", 0).expect("iterates") {
        match found {
            Ok((id, bytes)) => {
                assert_eq!(id, shown.len() as u64, "a jump");
                shown.insert(id, bytes);
            }
            Err(Error::SuffixCut { from_id }) => {
                assert!(
                    from_id < shown.len() as u64,
                    "an error for what it has not shown"
                );
            }
            Err(error) => panic!("{error}"),
        }
    }
    let shown: Vec<_> = shown.into_values().collect();
    let all = histories.all();
    let is_one = |(_, entries): &History| entries.starts_with(&shown);
    assert!(
        all[from..].iter().any(is_one),
        "a mix: {shown:?} of {all:?}"
    );
}

fn look_up(wal: &Wal, histories: &Histories) {
    let stream = wal.stream("s").expect("a handle");
    for id in [1, 4, 2, 3, 5, 4] {
        let from = histories.settled.load(SeqCst);
        let found = match id % 2 {
            0 => stream.get(id).expect("reads"),
            _ => stream.view(id).expect("reads").map(|view| view.to_vec()),
        };
        let all = histories.all();
        let holds = |(_, entries): &History| entries.get(id as usize).cloned() == found;
        assert!(all[from..].iter().any(holds), "{id}: {found:?} of {all:?}");
    }
}

#[test]
fn readers_beside_cuts_see_one_history_and_never_a_mix() {
    explore("readers_beside_cuts", Time::Stands, 1200, || {
        let disk = SimulatedDisk::new();
        let mut options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), 2);
        options.max_open_read_segments = any_of(&[1, 8]);
        options.read_buffer_size = 4096;
        let wal = open(&disk, &options);
        let entries: Vec<Vec<u8>> = (0..5).map(|id| named(0, id)).collect();
        for entry in &entries {
            wal.append("s", entry).expect("appends");
        }
        let histories = Arc::new(Histories {
            all: Mutex::new(vec![(0, entries)]),
            settled: AtomicUsize::new(0),
        });
        let cuts = any_of(&[[(4, 2), (3, 0)], [(3, 2), (2, 3)], [(2, 2), (4, 1)]]);
        thread::scope(|scope| {
            scope.spawn(|| scan(&wal, &histories));
            scope.spawn(|| look_up(&wal, &histories));
            scope.spawn(|| write(&wal, &histories, &cuts));
        });
        scan(&wal, &histories);
        wal.close().expect("closes");
        let wal = open(&disk, &options);
        scan(&wal, &histories);
    });
}

#[test]
fn appends_beside_a_cut_land_behind_it_or_are_cut_whatever_closes_the_log() {
    explore("appends_beside_a_cut", Time::Stands, 800, || {
        let disk = SimulatedDisk::new();
        let options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), 2);
        let wal = open(&disk, &options);
        for id in 0..4 {
            wal.append("s", &named(0, id)).expect("appends");
        }
        let acknowledged: Mutex<Vec<(u64, Vec<u8>)>> = Mutex::default();
        let closes = any_of(&[false, true]);
        thread::scope(|scope| {
            for author in [1, 2] {
                let (wal, acknowledged) = (&wal, &acknowledged);
                scope.spawn(move || {
                    for number in 0..2 {
                        let bytes = entry("s", author, number, 30);
                        let id = allow(wal.append("s", &bytes), &["closed"], "an append");
                        let mut all = acknowledged.lock().unwrap_or_else(|e| e.into_inner());
                        all.extend(id.map(|id| (id, bytes)));
                    }
                });
            }
            scope.spawn(|| {
                let slices: [&[u8]; 1] = [b"instead"];
                let cut = wal.replace_suffix("s", 3, &Append::new(&slices));
                if let Some(cut) = allow(cut, &["closed"], "a cut") {
                    assert_eq!(cut.ids, 3..4);
                }
            });
            let other = wal.clone();
            scope.spawn(move || {
                if closes {
                    other.close().expect("closes");
                }
            });
        });
        drop(wal);
        let wal = open(&disk, &options);
        let shown: Vec<(u64, Vec<u8>)> = wal
            .iter_with_ids("s", 0)
            .expect("iterates")
            .map(|entry| entry.expect("a good entry"))
            .collect();
        assert!((0..).zip(&shown).all(|(due, (id, _))| due == *id), "a gap");
        let acknowledged = acknowledged.into_inner().unwrap_or_else(|e| e.into_inner());
        for (id, bytes) in &shown[3..] {
            let is_cut = bytes == b"instead" || *bytes == named(0, *id);
            let is_known = acknowledged
                .iter()
                .any(|(at, known)| at == id && known == bytes);
            assert!(is_cut || is_known, "{id}: {bytes:?} of {acknowledged:?}");
        }
        if shown[3].1 == b"instead" {
            let behind = shown.len() as u64;
            assert!(acknowledged.iter().all(|(id, _)| *id < behind || *id >= 3));
        }
    });
}

/// What a reader of another process does: a look at the end, a scan, and one that goes on.
fn read_elsewhere(reader: &Wal, histories: &Histories) {
    let ended = &["no stream", "no segment"];
    for _ in 0..3 {
        if let Some(stream) = allow(reader.stream("s"), ended, "stream") {
            allow(stream.next_id(), ended, "next_id");
        }
        scan(reader, histories);
    }
}

#[test]
fn a_reader_in_another_process_sees_one_history_and_the_last_one_in_the_end() {
    explore("a_reader_in_another", Time::Stands, 3000, || {
        let disk = SimulatedDisk::new();
        let mut options = options(any_of(&[SyncMode::Strict, SyncMode::Async]), 2);
        options.max_open_read_segments = any_of(&[1, 8]);
        options.read_buffer_size = 4096;
        let wal = open(&disk, &options);
        let entries: Vec<Vec<u8>> = (0..3).map(|id| named(0, id)).collect();
        for entry in &entries {
            wal.append("s", entry).expect("appends");
        }
        let histories = Arc::new(Histories {
            all: Mutex::new(vec![(0, entries)]),
            settled: AtomicUsize::new(0),
        });
        let mut cuts = Vec::new();
        let mut len: u64 = 3;
        for _ in 0..any_of(&[2, 4, 6]) {
            let from = any_of(&[0, len / 2, len.saturating_sub(1), len]);
            let count = any_of(&[0, 1, 2, 3]);
            cuts.push((from, count));
            len = from + count;
        }
        let reader = Wal::open_read_only_simulated(&disk, options.clone()).expect("opens");
        thread::scope(|scope| {
            scope.spawn(|| read_elsewhere(&reader, &histories));
            scope.spawn(|| {
                write(&wal, &histories, &cuts);
                wal.clone().close().expect("closes");
            });
        });
        reader
            .stream("s")
            .expect("a handle")
            .next_id()
            .expect("answers");
        let shown = reader.iter_with_ids("s", 0).expect("iterates");
        let shown: Vec<Vec<u8>> = shown.map(|found| found.expect("good").1).collect();
        let (_, last) = histories.all().pop().expect("there is one");
        assert_eq!(shown, last, "what is there in the end");
    });
}
