//! Each storage call fails, in every way.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::WriteStrategy;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

use crate::client::Client;
use crate::client::Outcome;
use crate::client::open;
use crate::failure::Failure;
use crate::known::Known;
use crate::known::Strictness;
use crate::workload::SYNC_MODES;
use crate::workload::WORKLOADS;
use crate::workload::WRITE_STRATEGIES;
use crate::workload::Workload;
use crate::workload::options;

/// The short run tries one failure in so many, another choice every time.
const SHARE: u64 = 48;

/// No run takes so long unless it hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// More failures than these say nothing new.
const MOST_VIOLATIONS: usize = 8;

/// A run up to its steps: the calls before nothing fails, those after may.
fn prepared(workload: &Workload, sync_mode: SyncMode, strategy: WriteStrategy) -> Client {
    let mut client = Client::new(options(workload, sync_mode, strategy));
    for step in workload.before {
        let done = client.step(*step);
        done.unwrap_or_else(|what| panic!("{}: {step:?}: {what}", workload.name));
    }
    client
}

/// The kinds of the calls that may fail.
fn calls(workload: &Workload, sync_mode: SyncMode, strategy: WriteStrategy) -> Vec<OpKind> {
    let mut client = prepared(workload, sync_mode, strategy);
    let answered = client.disk.op_count() as usize;
    for step in workload.steps {
        let done = client.step(*step);
        done.unwrap_or_else(|what| panic!("{}: {step:?}: {what}", workload.name));
    }
    let ops = client.disk.ops();
    ops[answered..].iter().map(|op| op.kind).collect()
}

fn run(workload: &Workload, mut client: Client, failure: Failure) -> Outcome {
    client.fail(failure);
    for step in workload.steps {
        client
            .step(*step)
            .map_err(|what| format!("{step:?}: {what}"))?;
    }
    client.disk.clear_faults();
    if client.disk.faults_fired() == 0 {
        return Err("the call was not made".to_owned());
    }
    end_in_all_ways(client)
}

fn reopened(disk: &SimulatedDisk, options: &WalOptions) -> Result<Wal, String> {
    open(disk, options).map_err(|error| format!("not opened: {error}"))
}

fn end_in_all_ways(client: Client) -> Outcome {
    let Client {
        disk,
        options,
        wal,
        known,
        is_trusted,
        ..
    } = client;
    for (seed, model) in [
        (0, DirectoryModel::Strict),
        (3, DirectoryModel::Strict),
        (4, DirectoryModel::Ordered),
    ] {
        let crashed = disk.crash(seed, model);
        let wal = reopened(&crashed, &options)?;
        for (key, known) in &known {
            known
                .compare(&wal, key, Strictness::Durable)
                .map_err(|what| format!("power lost, {seed} {model:?}: {what}"))?;
        }
        crashed.kill();
    }
    let mut replay = disk.replay();
    while replay.step() {}
    end_by_death(replay.kill(), &options, &known)?;
    if let Some(wal) = wal {
        if is_trusted {
            for (key, known) in &known {
                known.check_visible(&wal, key)?;
            }
        }
        drop(wal);
    }
    if disk.held() > 0 {
        return Err(format!("{} files or locks are held", disk.held()));
    }
    let wal = reopened(&disk, &options)?;
    for (key, known) in &known {
        known
            .compare(&wal, key, Strictness::Acknowledged)
            .map_err(|what| format!("opened again: {what}"))?;
    }
    Ok(())
}

/// The process dies; the next one finds everything acknowledged, what it shows stays, and there is
/// more to come.
fn end_by_death(
    disk: SimulatedDisk,
    options: &WalOptions,
    known: &std::collections::BTreeMap<&'static str, Known>,
) -> Outcome {
    let wal = reopened(&disk, options)?;
    let mut shown = Vec::new();
    for (key, known) in known {
        let found = known.compare(&wal, key, Strictness::Acknowledged);
        shown.push((*key, found.map_err(|what| format!("killed: {what}"))?));
    }
    for seed in [0, 3] {
        let crashed = disk.crash(seed, DirectoryModel::Strict);
        let wal = reopened(&crashed, options)?;
        for (key, known) in &shown {
            known
                .compare(&wal, key, Strictness::Durable)
                .map_err(|what| format!("killed, then power lost, {seed}: {what}"))?;
        }
        crashed.kill();
    }
    for (key, known) in &shown {
        let id = wal
            .append(key, b"more")
            .map_err(|error| error.to_string())?;
        if id != known.entries.len() as u64 {
            return Err(format!("after a kill id {id}, not {}", known.entries.len()));
        }
    }
    wal.close()
        .map_err(|error| format!("not closed: {error}"))?;
    match disk.held() {
        0 => Ok(()),
        held => Err(format!("{held} files or locks are held after closing")),
    }
}

/// How thorough to be: `IRONWAL_LONG=1` asks for all.
fn is_long() -> bool {
    std::env::var_os("IRONWAL_LONG").is_some()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Which failures the short run tries: seeded by the clock, unless `IRONWAL_FAULTS_SEED` names them.
fn seed() -> u64 {
    number("IRONWAL_FAULTS_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| now.subsec_nanos().into())
    })
}

fn is_chosen(seed: u64, number: u64) -> bool {
    let mixed = (seed ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33 & 0xff_ffff
        < (1 << 24) / SHARE
}

fn fail_each_call(sync_mode: SyncMode) {
    watch();
    RUNNING.fetch_add(1, Ordering::Relaxed);
    let (started, seed) = (Instant::now(), seed());
    let only: Option<u64> = number("IRONWAL_FAULTS_RUN");
    let (mut runs, mut all, mut calls_in_all) = (0u64, 0u64, 0usize);
    let mut violations = Vec::new();
    for workload in WORKLOADS {
        for &strategy in WRITE_STRATEGIES {
            let kinds = calls(workload, sync_mode, strategy);
            calls_in_all += kinds.len();
            let failures = (1..)
                .zip(kinds)
                .flat_map(|(call, kind)| Failure::all(call, kind));
            for failure in failures {
                all += 1;
                let is_wanted = match only {
                    Some(only) => all == only,
                    None => is_long() || is_chosen(seed, all),
                };
                if !is_wanted {
                    continue;
                }
                runs += 1;
                BEGUN.fetch_add(1, Ordering::Relaxed);
                let client = prepared(workload, sync_mode, strategy);
                let done = catch_unwind(AssertUnwindSafe(|| run(workload, client, failure)));
                let done = done.unwrap_or_else(|_| Err("panicked".to_owned()));
                if let Err(what) = done {
                    let name = workload.name;
                    violations.push(format!(
                        "{name}, {sync_mode:?}, {failure:?}: {what}\n  \
                         again with IRONWAL_FAULTS_RUN={all}"
                    ));
                }
                if violations.len() >= MOST_VIOLATIONS {
                    panic!("seed {seed}:\n{}", violations.join("\n"));
                }
            }
        }
    }
    RUNNING.fetch_sub(1, Ordering::Relaxed);
    eprintln!(
        "{sync_mode:?}: {runs} of {all} failures of {calls_in_all} calls, seed {seed}, in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert!(
        violations.is_empty(),
        "seed {seed}:\n{}",
        violations.join("\n")
    );
}

/// Runs begun, and tests that are running them.
static BEGUN: AtomicU64 = AtomicU64::new(0);
static RUNNING: AtomicU64 = AtomicU64::new(0);

/// Ends the process when no run begins for long: a thread that hangs cannot be ended otherwise.
fn watch() {
    static WATCHER: std::sync::Once = std::sync::Once::new();
    WATCHER.call_once(|| {
        std::thread::spawn(|| {
            let (mut seen, mut since) = (0, Instant::now());
            loop {
                std::thread::sleep(Duration::from_millis(500));
                let begun = BEGUN.load(Ordering::Relaxed);
                if begun != seen || RUNNING.load(Ordering::Relaxed) == 0 {
                    (seen, since) = (begun, Instant::now());
                } else if since.elapsed() > HANGS_AFTER {
                    eprintln!("a run hangs");
                    std::process::abort();
                }
            }
        });
    });
}

#[test]
fn strict_keeps_what_it_acknowledged_whichever_call_fails() {
    fail_each_call(SYNC_MODES[0]);
}

#[test]
fn batch_only_keeps_what_it_acknowledged_whichever_call_fails() {
    fail_each_call(SYNC_MODES[1]);
}

#[test]
fn async_keeps_what_it_acknowledged_whichever_call_fails() {
    fail_each_call(SYNC_MODES[2]);
}
