//! How many states are tried, on how many threads, and how is a failure reported so that it can be
//! repeated?

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use ironwal::SyncMode;
use parking_lot::Condvar;
use parking_lot::Mutex;

use crate::explore::Address;
use crate::explore::DEPTH;
use crate::explore::Explorer;
use crate::explore::Failure;
use crate::setups::Setup;

/// More failures than these say nothing new.
const MOST_FAILURES: usize = 8;

/// Nothing takes so long unless it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(120);

/// What is looked for, and how far.
pub struct Hunt {
    /// The test, as a failure names it.
    pub name: &'static str,
    pub sync_modes: &'static [SyncMode],
    pub states: u64,
    pub threads: usize,
    /// How often to report how far it is.
    pub progress_every: Option<Duration>,
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let parsed = text.parse();
    Some(parsed.unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")))
}

/// Where workloads begin: another place every time, unless `IRONWAL_CRASH_SEED` names one.
fn first_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = now.map_or(0, |now| now.as_millis() as u64);
    number("IRONWAL_CRASH_SEED").unwrap_or(millis * 1000)
}

#[derive(Default)]
struct Tally {
    next: AtomicU64,
    states: [AtomicU64; DEPTH],
    failed: Mutex<Vec<Failure>>,
    /// What each thread works on, and since when.
    busy: Mutex<BTreeMap<usize, (u64, Instant)>>,
    is_over: AtomicBool,
    over: Condvar,
}

impl Tally {
    fn states(&self) -> u64 {
        let counts = self.states.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Hunt {
    /// Tries crashes of one workload after the other; panics with all failures.
    pub fn run(&self) {
        if let Ok(only) = std::env::var("IRONWAL_CRASH_REPLAY") {
            let only = only
                .parse()
                .expect("seed/call.way/call.way, as it was printed");
            return self.replay(only);
        }
        let first_seed = first_seed();
        eprintln!(
            "{}: {} states from seed {first_seed} (IRONWAL_CRASH_SEED={first_seed})",
            self.name, self.states
        );
        let started = Instant::now();
        let tally = Tally::default();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads)
                .map(|number| {
                    let tally = &tally;
                    scope.spawn(move || self.work(number, first_seed, tally))
                })
                .collect();
            let watcher = scope.spawn(|| self.watch(&tally, started));
            for worker in workers {
                worker.join().expect("failures are caught");
            }
            let busy = tally.busy.lock();
            tally.is_over.store(true, Ordering::Release);
            tally.over.notify_all();
            drop(busy);
            watcher.join().expect("watches");
        });
        self.report(&tally, started);
        let failures = std::mem::take(&mut *tally.failed.lock());
        let reported: Vec<String> = failures
            .iter()
            .map(|failure| self.describe(failure))
            .collect();
        assert!(reported.is_empty(), "{}", reported.join("\n\n"));
    }

    fn work(&self, number: usize, first_seed: u64, tally: &Tally) {
        while tally.states() < self.states && tally.failed.lock().len() < MOST_FAILURES {
            let place = tally.next.fetch_add(1, Ordering::Relaxed);
            let seed = first_seed + place;
            tally.busy.lock().insert(number, (seed, Instant::now()));
            let mut explorer = Explorer::new(None);
            if let Err(failure) = self.explore(&mut explorer, seed) {
                tally.failed.lock().push(failure);
            }
            for (all, own) in tally.states.iter().zip(explorer.states) {
                all.fetch_add(own, Ordering::Relaxed);
            }
        }
        tally.busy.lock().remove(&number);
    }

    fn sync_mode(&self, seed: u64) -> SyncMode {
        self.sync_modes[(seed % self.sync_modes.len() as u64) as usize]
    }

    /// Tries the workload of one seed. A panic is a failure.
    fn explore(&self, explorer: &mut Explorer, seed: u64) -> Result<(), Failure> {
        let mode = self.sync_mode(seed);
        catch_unwind(AssertUnwindSafe(|| explorer.workload(seed, mode))).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or(panic.downcast_ref::<&str>().copied());
            Err(Failure {
                address: explorer.address.clone(),
                what: format!("panicked: {}", message.unwrap_or("?")),
                disk: None,
            })
        })
    }

    fn replay(&self, only: Address) {
        let seed = only.seed;
        let setup = Setup::new(seed, self.sync_mode(seed));
        eprintln!("{}: again {only}: {setup:?}", self.name);
        // Those with threads of their own go another way each time.
        let attempts = if setup.is_threaded { 200 } else { 1 };
        for _ in 0..attempts {
            let mut explorer = Explorer::new(Some(only.clone()));
            if let Err(failure) = self.explore(&mut explorer, seed) {
                panic!("{}", self.describe(&failure));
            }
        }
        eprintln!("{}: {only} does not fail", self.name);
    }

    fn watch(&self, tally: &Tally, started: Instant) {
        let mut reported = Instant::now();
        let mut busy = tally.busy.lock();
        while !tally.is_over.load(Ordering::Acquire) {
            tally.over.wait_for(&mut busy, Duration::from_secs(1));
            let hangs = busy
                .values()
                .find(|(_, since)| since.elapsed() > HANGS_AFTER);
            if let Some((seed, _)) = hangs {
                eprintln!("{}: seed {seed} hangs", self.name);
                std::process::abort();
            }
            if self
                .progress_every
                .is_some_and(|every| reported.elapsed() >= every)
            {
                reported = Instant::now();
                self.report(tally, started);
            }
        }
    }

    fn report(&self, tally: &Tally, started: Instant) {
        let seconds = started.elapsed().as_secs_f64();
        let [first, second, third] = [0, 1, 2].map(|depth| {
            let count: &AtomicU64 = &tally.states[depth];
            count.load(Ordering::Relaxed)
        });
        eprintln!(
            "{}: {} states ({first} crashes of workloads, {second} of their recoveries, {third} of \
             the recoveries of those) of {} workloads in {seconds:.1} s: {:.0} states/s; {} failures",
            self.name,
            tally.states(),
            tally.next.load(Ordering::Relaxed),
            tally.states() as f64 / seconds,
            tally.failed.lock().len(),
        );
    }

    fn describe(&self, failure: &Failure) -> String {
        let address = &failure.address;
        let image = match &failure.disk {
            Some(disk) => match save(&disk.files(), address) {
                Ok(path) => format!("\n  the disk then: {}", path.display()),
                Err(error) => format!("\n  the disk is not saved: {error}"),
            },
            None => String::new(),
        };
        format!(
            "{address}: {}{image}\n  again with: IRONWAL_CRASH_REPLAY={address} cargo test --release \
             --all-features --test crash {} -- --include-ignored --nocapture",
            failure.what, self.name
        )
    }
}

/// Writes a disk to a directory, to be looked at.
fn save(files: &BTreeMap<PathBuf, Vec<u8>>, address: &Address) -> std::io::Result<PathBuf> {
    let name = address.to_string().replace('/', "-");
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{name}"));
    for (path, bytes) in files {
        let path = root.join(path.strip_prefix("/").unwrap_or(path));
        std::fs::create_dir_all(path.parent().unwrap_or(&root))?;
        std::fs::write(path, bytes)?;
    }
    Ok(root)
}
