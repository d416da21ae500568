//! How fast are all entries read in order? (W8)
//!
//! Whoever reads, looks at every byte: the entries' 64-bit words are summed.

use std::hint::black_box;
use std::time::Instant;

use crate::log::Failure;
use crate::works::Sample;
use crate::works::Task;
use crate::works::random_get::load;
use crate::works::sample;

/// Loads, with single appends, reads once to warm up, then over and over. A log that can be read
/// only once is read once.
pub fn run(task: &Task) -> Result<Sample, Failure> {
    let numbers = &task.case.numbers;
    let count = task.scaled(numbers.entries);
    let log = task.open(1, count * numbers.entry_len as u64)?;
    load(&*log, count, numbers.entry_len)?;
    let mut reader = log.reader(0)?;
    let mut words = 0_u64;
    let mut bytes = 0;
    let mut visit = |entry: &[u8]| {
        let sum = entry.chunks_exact(8).fold(0_u64, |sum, word| {
            sum.wrapping_add(u64::from_le_bytes(word.try_into().unwrap_or_default()))
        });
        words = words.wrapping_add(sum);
        bytes += entry.len() as u64;
    };
    let started = Instant::now();
    let found = reader.scan(&mut visit)?;
    if found != count {
        return Err(format!("{found} of {count} entries were read").into());
    }
    let mut seconds = started.elapsed().as_secs_f64();
    let (mut scans, started) = (0, Instant::now());
    while started.elapsed() < task.time() {
        match reader.scan(&mut visit)? {
            again if again == count => scans += 1,
            _ => break,
        }
    }
    if scans > 0 {
        seconds = started.elapsed().as_secs_f64() / f64::from(scans);
    }
    black_box(words);
    Ok(sample([
        ("ops", count as f64 / seconds),
        (
            "bytes_per_second",
            (count * numbers.entry_len as u64) as f64 / seconds,
        ),
    ]))
}
