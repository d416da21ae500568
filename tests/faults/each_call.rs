//! Each storage call fails once.

use ironwal::Error;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

/// How the call fails.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Eio,
    Enospc,
    /// A sync that fails marks dirty pages clean.
    DropsDirty,
    /// A write that fails has written a few bytes.
    Short,
    /// The call fails after doing its work.
    Late,
}

const FAILURES: [Failure; 5] = [
    Failure::Eio,
    Failure::Enospc,
    Failure::DropsDirty,
    Failure::Short,
    Failure::Late,
];

impl Failure {
    /// Whether it is another than `Eio` for a call of this kind.
    fn suits(self, kind: OpKind) -> bool {
        use OpKind::*;
        match self {
            Failure::Eio => true,
            Failure::DropsDirty => matches!(kind, SyncData | SyncAll),
            Failure::Short => kind == Write,
            Failure::Enospc => matches!(
                kind,
                Create | Write | Allocate | WriteZeros | SetLen | CreateDir | Rename | Link
            ),
            Failure::Late => !matches!(kind, Read | Len | Open | List | Kind | Available),
        }
    }

    fn of_call(self, n: u64) -> FaultPlan {
        let plan = FaultPlan::nth_call(n);
        match self {
            Failure::Eio => plan,
            Failure::Enospc => plan.code(libc::ENOSPC),
            Failure::DropsDirty => plan.dropping_dirty(),
            Failure::Short => plan.short_write(40),
            Failure::Late => plan.after_the_effect(),
        }
    }
}

/// What the caller knows.
#[derive(Clone, Default)]
struct Known {
    /// Acknowledged entries, from id 0.
    entries: Vec<Vec<u8>>,
    /// So many of them were acknowledged as durable.
    durable: usize,
    /// The frame of an append that returned an error, and may be there all the same.
    doubtful: Vec<Vec<u8>>,
    /// The first id kept, or one of two when a truncation failed.
    first_ids: Vec<u64>,
}

struct Run {
    disk: SimulatedDisk,
    options: WalOptions,
    wal: Option<Wal>,
    known: Known,
}

impl Run {
    fn new(sync_mode: SyncMode, max_segment_size: u64, plan: Option<FaultPlan>) -> Self {
        let mut options = WalOptions::new("/log");
        options.sync_mode = sync_mode;
        options.max_segment_size = max_segment_size;
        options.archive_path = Some("/archive".into());
        options.background_sync = None;
        options.max_open_segments = 1;
        let disk = SimulatedDisk::new();
        if let Some(plan) = plan {
            disk.inject(plan);
        }
        let first_ids = vec![0];
        Run {
            disk,
            options,
            wal: None,
            known: Known {
                first_ids,
                ..Known::default()
            },
        }
    }

    /// The same calls every time, as far as failures let them.
    fn go(&mut self) {
        for round in 0..3u8 {
            self.append(&[&[round; 100]]);
            self.append(&[&[round; 10], b"", &[round; 200]]);
            self.append(&[&[round; 300]]);
            self.sync();
            self.append(&[&[round; 3]]);
            if round == 1 {
                self.truncate(4);
                self.restore();
            }
            self.append(&[&[round; 3000]]);
            if round == 1 {
                self.close();
            }
        }
    }

    /// The log, opened if need be. The one failure may hit the opening.
    fn wal(&mut self) -> Wal {
        if self.wal.is_none() {
            let open = || Wal::open_simulated(&self.disk, self.options.clone());
            let usable = |wal: &Wal| wal.stream("s").is_ok_and(|s| s.append_batch(&[]).is_ok());
            let wal = match open() {
                Ok(wal) if usable(&wal) => wal,
                // The stream answers with the error, or serves what is below the frontier.
                failed => {
                    drop(failed);
                    open().expect("opens at the second try")
                }
            };
            assert!(usable(&wal), "the stream is usable at the second try");
            self.known.compare(&wal, Strictness::Acknowledged);
            self.wal = Some(wal);
        }
        self.wal.clone().expect("open")
    }

    fn append(&mut self, entries: &[&[u8]]) {
        for _ in 0..3 {
            let wal = self.wal();
            let appended = match entries {
                [entry] => wal.append("s", entry).map(|id| id..id + 1),
                _ => wal.append_batch("s", entries),
            };
            let owned: Vec<Vec<u8>> = entries.iter().map(|entry| entry.to_vec()).collect();
            match appended {
                Ok(ids) => {
                    let end = self.known.entries.len();
                    assert_eq!(ids.start, end as u64, "ids are given in order");
                    self.known.entries.extend(owned);
                    self.known.doubtful.clear();
                    let durable = match self.options.sync_mode {
                        SyncMode::Strict => true,
                        SyncMode::BatchOnly => entries.len() > 1,
                        SyncMode::Async => false,
                    };
                    if durable {
                        self.known.durable = self.known.entries.len();
                    }
                    return;
                }
                Err(error) => {
                    self.known.doubtful = owned;
                    self.after(&error);
                }
            }
        }
        panic!("one failure, but three appends failed");
    }

    /// Nothing that was visible is lost to readers. A poisoned stream is opened again.
    fn after(&mut self, error: &Error) {
        let wal = self.wal.clone().expect("open");
        for (id, entry) in self.known.entries.iter().enumerate() {
            let id = id as u64;
            if id >= *self.known.first_ids.iter().max().expect("some") {
                let found = wal.get("s", id).expect("reads");
                assert_eq!(found.as_ref(), Some(entry), "entry {id} after {error}");
            }
        }
        let end = self.known.entries.len() as u64;
        assert_eq!(wal.get("s", end).expect("reads"), None, "after {error}");
        let latched = wal.stream("s").and_then(|stream| stream.append_batch(&[]));
        if matches!(latched, Err(Error::Poisoned { .. })) {
            assert!(
                matches!(wal.append("s", b"no"), Err(Error::Poisoned { .. })),
                "a poisoned stream takes an append"
            );
            drop(wal);
            self.wal = None;
        }
    }

    fn sync(&mut self) {
        let wal = self.wal();
        match wal.sync("s") {
            Ok(()) => self.known.durable = self.known.entries.len(),
            Err(error) => self.after(&error),
        }
    }

    fn truncate(&mut self, safe_id: u64) {
        let wal = self.wal();
        let cut = wal.truncate("s", safe_id);
        let first_id = wal.stream("s").and_then(|s| s.first_id()).expect("tells");
        match cut {
            Ok(_) => self.known.first_ids = vec![first_id],
            Err(error) => {
                // Everything from there on is kept in any case.
                self.known.first_ids.extend(1..=safe_id);
                self.after(&error);
            }
        }
    }

    fn restore(&mut self) {
        let wal = self.wal();
        match wal.restore_archived("s") {
            Ok(_) => {
                let first_id = wal.stream("s").and_then(|s| s.first_id()).expect("tells");
                self.known.first_ids = vec![first_id];
            }
            Err(error) => {
                self.known.first_ids.extend(0..4);
                self.after(&error);
            }
        }
    }

    fn close(&mut self) {
        let wal = self.wal();
        self.wal = None;
        if wal.close().is_ok() {
            self.known.durable = self.known.entries.len();
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Strictness {
    /// Everything acknowledged is there.
    Acknowledged,
    /// Everything acknowledged as durable is there.
    Durable,
}

impl Known {
    /// Compares what the log shows; what is shown is known from then on.
    fn compare(&mut self, wal: &Wal, strictness: Strictness) {
        let least = match strictness {
            Strictness::Acknowledged => self.entries.len(),
            Strictness::Durable => self.durable,
        };
        let (whole, doubtful) = (self.entries.len(), self.doubtful.len());
        let all: Vec<&Vec<u8>> = self.entries.iter().chain(&self.doubtful).collect();
        let read_all =
            || -> ironwal::Result<Vec<(u64, Vec<u8>)>> { wal.iter_with_ids("s", 0)?.collect() };
        // The one failure may hit the reading.
        let shown = read_all().or_else(|_| read_all()).expect("is read");
        let Some(&(first, _)) = shown.first() else {
            assert_eq!(least, 0, "everything is gone");
            (self.entries, self.doubtful) = Default::default();
            return;
        };
        assert!(self.first_ids.contains(&first), "starts at {first}");
        for (place, (id, bytes)) in shown.iter().enumerate() {
            assert_eq!(*id, first + place as u64, "ids are contiguous");
            assert!(
                all.get(*id as usize) == Some(&bytes),
                "entry {id} is another"
            );
        }
        let end = first as usize + shown.len();
        assert!(end >= least, "{end} of {least}");
        assert!(end <= whole || end == whole + doubtful, "half a batch");
        let entries = all[..end].iter().map(|bytes| bytes.to_vec()).collect();
        self.entries = entries;
        self.durable = end;
        self.doubtful.clear();
        self.first_ids = vec![first];
    }
}

fn fail_each_call(sync_mode: SyncMode) {
    for max_segment_size in [200, u64::MAX] {
        let mut run = Run::new(sync_mode, max_segment_size, None);
        run.go();
        let kinds: Vec<OpKind> = run.disk.ops().iter().map(|op| op.kind).collect();
        let calls = kinds.len() as u64;
        assert!(calls > 50);
        for n in 1..=calls {
            for failure in FAILURES {
                if !failure.suits(kinds[n as usize - 1]) {
                    continue;
                }
                let plan = Some(failure.of_call(n));
                let mut run = Run::new(sync_mode, max_segment_size, plan);
                let told = Told {
                    n,
                    failure,
                    max_segment_size,
                    sync_mode,
                };
                run.go();
                end_in_all_ways(run);
                std::mem::forget(told);
            }
        }
    }
}

/// Says which failure it was when a check fails.
#[derive(Debug)]
#[allow(dead_code, reason = "read by Debug")]
struct Told {
    n: u64,
    failure: Failure,
    max_segment_size: u64,
    sync_mode: SyncMode,
}

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("{self:?}");
    }
}

fn end_in_all_ways(run: Run) {
    let Run {
        disk,
        options,
        wal,
        known,
    } = run;
    let reopen = |disk: &SimulatedDisk, known: &mut Known, strictness| {
        let wal = Wal::open_simulated(disk, options.clone()).expect("opens");
        known.compare(&wal, strictness);
        wal
    };
    for (seed, model) in [
        (0, DirectoryModel::Strict),
        (3, DirectoryModel::Strict),
        (1, DirectoryModel::Ordered),
        (4, DirectoryModel::Ordered),
    ] {
        let crashed = disk.crash(seed, model);
        reopen(&crashed, &mut known.clone(), Strictness::Durable);
    }
    let killed = disk.kill();
    drop(wal);
    let mut known = known;
    let wal = reopen(&killed, &mut known, Strictness::Acknowledged);
    // What was shown stays, and there is more to come.
    for seed in [0, 3] {
        let crashed = killed.crash(seed, DirectoryModel::Strict);
        reopen(&crashed, &mut known.clone(), Strictness::Durable);
    }
    let id = wal.append("s", b"more").expect("appends");
    assert_eq!(id, known.entries.len() as u64);
}

#[test]
fn strict_keeps_what_it_acknowledged_whichever_call_fails() {
    fail_each_call(SyncMode::Strict);
}

#[test]
fn batch_only_keeps_what_it_acknowledged_whichever_call_fails() {
    fail_each_call(SyncMode::BatchOnly);
}

#[test]
fn async_keeps_what_it_acknowledged_whichever_call_fails() {
    fail_each_call(SyncMode::Async);
}
