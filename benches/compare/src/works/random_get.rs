//! How many entries at random places are read in a second? (W7)

use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::log::Failure;
use crate::log::Log;
use crate::payload::Payload;
use crate::payload::Random;
use crate::works::Sample;
use crate::works::Task;
use crate::works::sample;

/// Loads, with single appends, reads for a while to warm up, then reads with one and with two threads.
pub fn run(task: &Task) -> Result<Sample, Failure> {
    let numbers = &task.case.numbers;
    let count = task.scaled(numbers.entries);
    let log = task.open(1, count * numbers.entry_len as u64)?;
    load(&*log, count, numbers.entry_len)?;
    // Reads what it can in a while, so that caches hold what they will.
    let mut reader = log.reader(0)?;
    let (mut next, started) = (0, Instant::now());
    while next < count && started.elapsed() < Duration::from_secs(1) {
        reader.get(next)?;
        next += 1;
    }
    drop(reader);
    let one = 1.0 / getting(&*log, count, 1, task.time())?;
    let two = thread::scope(|scope| {
        let log = &*log;
        let threads =
            [2, 3].map(|seed| scope.spawn(move || getting(log, count, seed, task.time())));
        let mut sum = 0.0;
        for thread in threads {
            let seconds = thread.join().map_err(|_| "a thread panicked")??;
            sum += 1.0 / seconds;
        }
        Ok::<f64, Failure>(sum)
    })?;
    Ok(sample([("ops", one), ("ops_2", two), ("ns", 1e9 / one)]))
}

pub fn load(log: &dyn Log, count: u64, entry_len: usize) -> Result<(), Failure> {
    let mut appender = log.appender(0)?;
    let mut payload = Payload::new(entry_len, 0);
    (0..count).try_for_each(|_| appender.append(payload.next()))
}

/// The seconds that one get takes, over a time.
fn getting(log: &dyn Log, count: u64, seed: u64, time: Duration) -> Result<f64, Failure> {
    let mut reader = log.reader(0)?;
    let mut random = Random::new(seed);
    let (mut done, started) = (0, Instant::now());
    loop {
        reader.get(random.below(count))?;
        done += 1;
        // Looks at the clock after 1, 2, 3, 4 gets, then after every 16th.
        if (done < 4 || done % 16 == 0) && started.elapsed() >= time {
            return Ok(started.elapsed().as_secs_f64() / f64::from(done));
        }
    }
}
