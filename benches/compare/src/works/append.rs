//! How many appends does one thread do in a second, and how long does one take? (W1, W2, W3)

use std::time::Instant;

use crate::clock;
use crate::histogram::Histogram;
use crate::log::Appender;
use crate::log::Failure;
use crate::log::Mode;
use crate::payload::Payload;
use crate::works::Sample;
use crate::works::Task;
use crate::works::sample;

/// So many calls are made between looks at the clock where calls are short.
const CALLS_A_LOOK: u64 = 64;

/// Single entries: first as many as go into the time, then the time of each. Calls that wait for
/// the disk are so long that both are done at once.
pub fn single(task: &Task) -> Result<Sample, Failure> {
    let len = task.case.numbers.entry_len;
    let most = task.most_bytes();
    let log = task.open(1, most + (8 << 20))?;
    let mut appender = log.appender(0)?;
    let mut payload = Payload::new(len, 0);
    let mut one = |appender: &mut dyn Appender| appender.append(payload.next());
    let (warm, calls) = match task.case.mode {
        Mode::Async => (1_000, CALLS_A_LOOK),
        Mode::Strict => (20, 1),
    };
    for _ in 0..warm {
        one(&mut *appender)?;
    }
    if task.case.mode == Mode::Strict {
        return timed(task, &mut *appender, u64::MAX, one);
    }
    let most_calls = most / 2 / len as u64;
    let (mut done, started) = (0, Instant::now());
    while started.elapsed() < task.time() && done < most_calls {
        for _ in 0..calls {
            one(&mut *appender)?;
        }
        done += calls;
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut found = timed(task, &mut *appender, most_calls, one)?;
    found.extend(sample([
        ("ops", done as f64 / seconds),
        ("ns", seconds * 1e9 / done as f64),
    ]));
    Ok(found)
}

/// Takes the time of each call.
fn timed(
    task: &Task,
    appender: &mut dyn Appender,
    most_calls: u64,
    mut one: impl FnMut(&mut dyn Appender) -> Result<(), Failure>,
) -> Result<Sample, Failure> {
    let scale = clock::ns_per_tick();
    let (mut histogram, mut done) = (Histogram::new(), 0);
    let started = Instant::now();
    let long = task.case.mode == Mode::Strict;
    while done < most_calls
        && ((done % CALLS_A_LOOK != 0 && !long) || started.elapsed() < task.time())
    {
        let from = clock::ticks();
        one(appender)?;
        histogram.add(clock::ticks() - from);
        done += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut found = sample([
        ("ops", done as f64 / seconds),
        ("ns", seconds * 1e9 / done as f64),
    ]);
    histogram.tell(scale, &mut found);
    Ok(found)
}

/// Batches; counted in entries.
pub fn batches(task: &Task) -> Result<Sample, Failure> {
    let numbers = &task.case.numbers;
    let most = task.most_bytes();
    let log = task.open(1, most + (8 << 20))?;
    let mut appender = log.appender(0)?;
    let payload = Payload::new(numbers.entry_len, 0);
    let batch = payload.batch(numbers.entries as usize);
    let batch_bytes = numbers.entries * numbers.entry_len as u64;
    for _ in 0..10 {
        appender.append_batch(&batch)?;
    }
    let scale = clock::ns_per_tick();
    let mut histogram = Histogram::new();
    let (mut done, started) = (0, Instant::now());
    while started.elapsed() < task.time() && done * batch_bytes < most {
        let from = clock::ticks();
        appender.append_batch(&batch)?;
        histogram.add(clock::ticks() - from);
        done += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    let entries = (done * numbers.entries) as f64;
    let mut found = sample([
        ("ops", entries / seconds),
        ("ns", seconds * 1e9 / entries),
        ("bytes_per_second", (done * batch_bytes) as f64 / seconds),
    ]);
    histogram.tell(scale, &mut found);
    Ok(found)
}
