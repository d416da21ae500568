//! How does what ours costs grow with the size of entries, and with the count of entries, of
//! segments and of streams? (GSIZE, GCOUNT, GSEG, GSTREAM)

use std::hint::black_box;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::log::Failure;
use crate::log::Log;
use crate::payload::Payload;
use crate::payload::Random;
use crate::works::Sample;
use crate::works::Task;
use crate::works::memory::resident;
use crate::works::sample;

const GETS: u64 = 20_000;

/// Appends to all streams in turn, syncs, reads at random places and all, closes and opens again.
pub fn run(task: &Task) -> Result<Sample, Failure> {
    let numbers = &task.case.numbers;
    let streams = numbers.streams;
    let count = task.scaled(numbers.entries).max(streams as u64);
    let volume = count * numbers.entry_len as u64;
    let before = resident();
    let log = task.open(streams, volume)?;
    let appending = append(&*log, task, count)?;
    let started = Instant::now();
    (0..streams).try_for_each(|stream| log.appender(stream)?.sync())?;
    let syncing = started.elapsed();
    let getting = get(&*log, count / streams as u64)?;
    let scanning = scan(&*log, streams)?;
    let started = Instant::now();
    log.close()?;
    let closing = started.elapsed();
    let started = Instant::now();
    let log = task.open(0, volume)?;
    let opening = started.elapsed();
    let grown = resident().anonymous.saturating_sub(before.anonymous);
    drop(log);
    let each = |time: Duration, count: u64| time.as_nanos() as f64 / count as f64;
    Ok(sample([
        ("append_ns", each(appending, count)),
        ("sync_ns", each(syncing, streams as u64)),
        ("get_ns", each(getting, GETS)),
        ("scan_ns", each(scanning, count)),
        ("close_ns", each(closing, 1)),
        ("open_ns", each(opening, 1)),
        ("memory_bytes", grown as f64),
    ]))
}

fn append(log: &dyn Log, task: &Task, count: u64) -> Result<Duration, Failure> {
    let numbers = &task.case.numbers;
    let appenders: Result<Vec<_>, _> = (0..numbers.streams).map(|n| log.appender(n)).collect();
    let mut appenders = appenders?;
    let mut payload = Payload::new(numbers.entry_len, 0);
    let started = Instant::now();
    for n in 0..count as usize {
        appenders[n % numbers.streams].append(payload.next())?;
    }
    let appending = started.elapsed();
    // Helpers finish what they do, so that it is not counted to the next part.
    thread::sleep(Duration::from_millis(20));
    Ok(appending)
}

/// From the first stream, after it was read for warming.
fn get(log: &dyn Log, count: u64) -> Result<Duration, Failure> {
    let (mut reader, mut random) = (log.reader(0)?, Random::new(5));
    for _ in 0..GETS / 10 {
        black_box(reader.get(random.below(count))?);
    }
    let started = Instant::now();
    for _ in 0..GETS {
        black_box(reader.get(random.below(count))?);
    }
    Ok(started.elapsed())
}

fn scan(log: &dyn Log, streams: usize) -> Result<Duration, Failure> {
    let started = Instant::now();
    for stream in 0..streams {
        log.reader(stream)?.scan(&mut |entry| {
            black_box(entry);
        })?;
    }
    Ok(started.elapsed())
}
