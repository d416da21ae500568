//! What do sharded logs and their checkpoints cost? (W11)

use std::time::Instant;

use crate::log::Failure;
use crate::ours;
use crate::ours::sharded::Sharded;
use crate::payload::Payload;
use crate::payload::Random;
use crate::works::Sample;
use crate::works::Task;
use crate::works::sample;

const SHARDS: u16 = 16;
const BATCH: usize = 100;
const CHECKPOINTS: u64 = 1_000;

fn open(task: &Task) -> Result<Box<dyn Sharded>, Failure> {
    match task.contender.name {
        "ironwal" => ours::sharded::open(task.dir, SHARDS),
        "ironwal C" => ours::c_sharded::open(task.dir, SHARDS),
        #[cfg(feature = "crate-06")]
        "crate 0.6.9" => crate::peers::crate_06::open_sharded(task.dir, SHARDS),
        name => Err(format!("{name} has no shards").into()),
    }
}

/// Single appends, batches, checkpoints of shards at rest, and loading one among a thousand.
pub fn run(task: &Task) -> Result<Sample, Failure> {
    let log = open(task)?;
    let len = task.case.numbers.entry_len;
    let mut payload = Payload::new(len, 0);
    let mut random = Random::new(7);
    for _ in 0..1_000 {
        log.append(&random.next().to_le_bytes(), payload.next())?;
    }
    let single = rate(task, 64, |_| {
        log.append(&random.next().to_le_bytes(), payload.next())
    })?;
    let mut random = Random::new(8);
    let entry = |bytes: &&[u8]| (random.next().to_le_bytes().to_vec(), bytes.to_vec());
    let batch: Vec<_> = payload.batch(BATCH).iter().map(entry).collect();
    let batches = rate(task, 1, |_| log.append_batch(&batch))?;
    let checkpoints = task.scaled(CHECKPOINTS);
    // Makes all durable, so that the checkpoints measured find shards at rest.
    log.create_checkpoint(b"first")?;
    let started = Instant::now();
    for n in 0..checkpoints {
        log.create_checkpoint(&id(n))?;
    }
    let creating = checkpoints as f64 / started.elapsed().as_secs_f64();
    let mut random = Random::new(9);
    let loading = rate(task, 16, |_| {
        log.load_checkpoint(&id(random.below(checkpoints)))
    })?;
    Ok(sample([
        ("ops", single),
        ("batch_entries", batches * BATCH as f64),
        ("checkpoints", creating),
        ("loads", loading),
    ]))
}

fn id(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

fn rate(
    task: &Task,
    calls_a_look: u64,
    mut call: impl FnMut(u64) -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let (mut done, started) = (0, Instant::now());
    while started.elapsed() < task.time() {
        for n in 0..calls_a_look {
            call(done + n)?;
        }
        done += calls_a_look;
    }
    Ok(done as f64 / started.elapsed().as_secs_f64())
}
