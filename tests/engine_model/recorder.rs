//! What did each thread see, and when? Compared at the end: with what was appended, and with what the
//! disk would have kept at that moment.
//!
//! The notes are under locks the checker knows nothing of: taking one is no step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;
use shuttle::rand::Rng;
use shuttle::rand::thread_rng;

use crate::fixture::open;

/// So many moments of each schedule are compared with what a power cut right then would leave.
const CUTS: usize = 2;

/// What the threads of one schedule saw.
#[derive(Clone)]
pub struct Recorder {
    disk: SimulatedDisk,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    /// By stream and id: the entry an append was acknowledged with.
    appended: BTreeMap<(String, u64), Vec<u8>>,
    read: Vec<(String, u64, Vec<u8>)>,
    /// After this many calls of the disk, this entry was reported durable.
    durable: Vec<(u64, String, u64)>,
}

impl Recorder {
    pub fn new(disk: &SimulatedDisk) -> Self {
        Recorder {
            disk: disk.clone(),
            notes: Arc::default(),
        }
    }

    fn with<R>(&self, look: impl FnOnce(&mut Notes) -> R) -> R {
        look(&mut self.notes.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// An append returned.
    pub fn appended(&self, stream: &str, id: u64, entry: &[u8]) {
        let key = (stream.to_owned(), id);
        let before = self.with(|notes| notes.appended.insert(key, entry.to_vec()));
        assert_eq!(before, None, "{stream}: id {id} was given twice");
    }

    /// A reader was shown an entry.
    pub fn read(&self, stream: &str, id: u64, entry: &[u8]) {
        let note = (stream.to_owned(), id, entry.to_vec());
        self.with(|notes| notes.read.push(note));
    }

    /// The entry counts as durable from now on.
    pub fn durable(&self, stream: &str, id: u64) {
        // Asked for first: what the disk is asked from here on is no proof.
        let calls = self.disk.op_count();
        self.with(|notes| notes.durable.push((calls, stream.to_owned(), id)));
    }

    /// The ids acknowledged so far.
    pub fn ids(&self, stream: &str) -> Vec<u64> {
        let of_stream = |(key, id): &(String, u64)| (key == stream).then_some(*id);
        self.with(|notes| notes.appended.keys().filter_map(of_stream).collect())
    }

    /// What was acknowledged under this id.
    pub fn entry(&self, stream: &str, id: u64) -> Option<Vec<u8>> {
        let key = (stream.to_owned(), id);
        self.with(|notes| notes.appended.get(&key).cloned())
    }

    /// What was read is what was appended, and what was reported durable was.
    pub fn check(&self, options: &WalOptions) {
        let read = self.with(|notes| std::mem::take(&mut notes.read));
        for (stream, id, entry) in read {
            if let Some(appended) = self.entry(&stream, id) {
                assert!(entry == appended, "{stream}: id {id} was read wrong");
            }
        }
        let durable = self.with(|notes| std::mem::take(&mut notes.durable));
        if durable.is_empty() {
            return;
        }
        for _ in 0..CUTS {
            let (calls, stream, id) = &durable[thread_rng().gen_range(0..durable.len())];
            let after = self.disk.crash_at(*calls, 0, DirectoryModel::Strict);
            let wal = open(&after, options);
            let kept = wal.get(stream, *id).expect("reads");
            assert!(
                kept.is_some(),
                "{stream}: id {id} was reported durable after call {calls}, and is lost"
            );
            if let Some(appended) = self.entry(stream, *id) {
                assert!(kept == Some(appended), "{stream}: id {id} survived wrong");
            }
        }
    }

    /// Everything acknowledged is in the log, in order and without a gap, and nothing else.
    pub fn check_whole(&self, wal: &Wal, stream: &str) {
        self.check_from(wal, stream, 0);
    }

    /// The same, from an id on: what lies below was truncated.
    pub fn check_from(&self, wal: &Wal, stream: &str, first: u64) {
        let found: Vec<(u64, Vec<u8>)> = wal
            .iter_with_ids(stream, 0)
            .expect("iterates")
            .map(|entry| entry.expect("a good entry"))
            .collect();
        let ids = self.ids(stream).into_iter().filter(|id| *id >= first);
        let wanted: Vec<(u64, Vec<u8>)> = ids
            .map(|id| (id, self.entry(stream, id).expect("noted")))
            .collect();
        assert!(found == wanted, "{stream}: {found:?} instead of {wanted:?}");
        let mut ids = (first..).zip(&found);
        assert!(ids.all(|(wanted, (id, _))| wanted == *id), "a gap");
    }
}
