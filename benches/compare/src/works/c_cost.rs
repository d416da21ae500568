//! What does a call through the C ABI cost over the call in Rust? (the goal for the C ABI)
//!
//! Both run in one process, on logs of their own, in short blocks that alternate; the medians of
//! the blocks are compared. Separate processes differ by more than what is looked for.

use std::time::Instant;

use crate::contenders;
use crate::log::Appender;
use crate::log::Failure;
use crate::log::Setup;
use crate::payload::Payload;
use crate::works::Sample;
use crate::works::Task;
use crate::works::sample;

const BLOCK: u32 = 2_000;

pub fn run(task: &Task) -> Result<Sample, Failure> {
    let len = task.case.numbers.entry_len;
    let blocks = task.scaled(400);
    let rust = contenders::find("ironwal").ok_or("no Rust row")?;
    let mut logs = Vec::new();
    for (name, contender) in [("rust", rust), ("c", task.contender)] {
        let dir = task.dir.join(name);
        std::fs::create_dir(&dir)?;
        logs.push((contender.open)(&Setup {
            dir: &dir,
            mode: task.case.mode,
            streams: 1,
            segment_bytes: None,
            volume_bytes: blocks * u64::from(BLOCK) * len as u64,
            entry_len: len,
        })?);
    }
    let (mut rust, mut c) = (logs[0].appender(0)?, logs[1].appender(0)?);
    let mut payload = Payload::new(len, 0);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..blocks {
        times[0].push(block(&mut *rust, &mut payload)?);
        times[1].push(block(&mut *c, &mut payload)?);
    }
    let [rust, c] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    Ok(sample([("difference", c - rust), ("rust", rust), ("c", c)]))
}

/// The nanoseconds of an append, over a block of them.
fn block(appender: &mut dyn Appender, payload: &mut Payload) -> Result<f64, Failure> {
    let started = Instant::now();
    for _ in 0..BLOCK {
        appender.append(payload.next())?;
    }
    Ok(started.elapsed().as_nanos() as f64 / f64::from(BLOCK))
}
