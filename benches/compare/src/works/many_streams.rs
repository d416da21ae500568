//! What do many streams cost: to make, to open, to hold? (W10)

use std::time::Instant;

use crate::log::Failure;
use crate::payload::Payload;
use crate::works::Sample;
use crate::works::Task;
use crate::works::memory::resident;
use crate::works::sample;

fn volume(task: &Task) -> u64 {
    let numbers = &task.case.numbers;
    numbers.streams as u64 * numbers.entries * numbers.entry_len as u64
}

/// Makes the streams with one entry each, then the others, stream by stream, and closes.
pub fn create(task: &Task) -> Result<Sample, Failure> {
    let numbers = &task.case.numbers;
    let streams = task.scaled(numbers.streams as u64) as usize;
    let mut payload = Payload::new(numbers.entry_len, 0);
    let started = Instant::now();
    let log = task.open(streams, volume(task))?;
    for stream in 0..streams {
        log.appender(stream)?.append(payload.next())?;
    }
    let created = started.elapsed();
    for stream in 0..streams {
        let mut appender = log.appender(stream)?;
        (1..numbers.entries).try_for_each(|_| appender.append(payload.next()))?;
    }
    let appended = started.elapsed();
    let rest = Instant::now();
    log.close()?;
    Ok(sample([
        ("create_ns", created.as_nanos() as f64),
        ("append_ns", (appended - created).as_nanos() as f64),
        ("close_ns", rest.elapsed().as_nanos() as f64),
    ]))
}

/// Opens the log and tells how much memory that takes.
pub fn open(task: &Task) -> Result<Sample, Failure> {
    let streams = task.scaled(task.case.numbers.streams as u64) as f64;
    let before = resident();
    let started = Instant::now();
    let log = task.open(0, volume(task))?;
    let opened = started.elapsed();
    let after = resident();
    std::mem::forget(log);
    let grown = after.anonymous.saturating_sub(before.anonymous) as f64;
    Ok(sample([
        ("open_ns", opened.as_nanos() as f64),
        ("resident_bytes", after.all as f64),
        ("bytes_per_stream", grown / streams),
    ]))
}
