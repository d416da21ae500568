//! How many appends do many threads do in a second, on one stream or on many? (W4, W5, W6)

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::clock;
use crate::histogram::Histogram;
use crate::limits;
use crate::log::Appender;
use crate::log::Failure;
use crate::log::Log;
use crate::log::Mode;
use crate::payload::Payload;
use crate::works::Sample;
use crate::works::Task;
use crate::works::sample;

/// Thread t appends to the streams t, t + threads, t + 2 × threads, …, in turn.
pub fn run(task: &Task) -> Result<Sample, Failure> {
    let numbers = &task.case.numbers;
    let log = task.open(numbers.streams, task.most_bytes() + (8 << 20))?;
    if task.contender.name == limits::ONE_FOR_ALL {
        return one_for_all(task, &*log);
    }
    let start = Barrier::new(numbers.threads);
    let done = thread::scope(|scope| {
        let threads = (0..numbers.threads).map(|index| {
            let (log, start) = (&*log, &start);
            scope.spawn(move || appending(task, log, index, start))
        });
        let threads: Vec<_> = threads.collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => Err("a thread panicked".into()),
        });
        joined.collect::<Result<Vec<Done>, Failure>>()
    })?;
    let mut all = Histogram::new();
    done.iter().for_each(|thread| all.add_all(&thread.times));
    let calls: u64 = done.iter().map(|thread| thread.calls).sum();
    let fewest = done.iter().map(|thread| thread.calls).min().unwrap_or(0);
    let began = done.iter().map(|thread| thread.began).min();
    let ended = done.iter().map(|thread| thread.ended).max();
    let (Some(began), Some(ended)) = (began, ended) else {
        return Err("no thread".into());
    };
    let mut found = sample([
        ("ops", calls as f64 / (ended - began).as_secs_f64()),
        // How even the threads got their turns: the least of one, as a part of the mean.
        (
            "fairness",
            100.0 * fewest as f64 * numbers.threads as f64 / calls as f64,
        ),
    ]);
    all.tell(clock::ns_per_tick(), &mut found);
    Ok(found)
}

/// What one thread did.
struct Done {
    calls: u64,
    times: Histogram,
    began: Instant,
    ended: Instant,
}

fn appending(task: &Task, log: &dyn Log, index: usize, start: &Barrier) -> Result<Done, Failure> {
    let numbers = &task.case.numbers;
    let mut payload = Payload::new(numbers.entry_len, index as u64);
    let own = (index % numbers.streams..numbers.streams).step_by(numbers.threads);
    let appenders: Result<Vec<_>, _> = own.map(|stream| log.appender(stream)).collect();
    let ready = appenders.and_then(|mut appenders| {
        for appender in &mut appenders {
            appender.append(payload.next())?;
        }
        Ok(appenders)
    });
    // All threads come here, or those that can would wait for ever.
    start.wait();
    let mut appenders = ready?;
    let (calls_a_look, long) = match task.case.mode {
        Mode::Async => (64, false),
        Mode::Strict => (1, true),
    };
    let most_calls = task.most_bytes() / (numbers.entry_len * numbers.threads) as u64;
    let (mut calls, mut times) = (0, Histogram::new());
    let began = Instant::now();
    let mut next = 0;
    while began.elapsed() < task.time() && calls < most_calls {
        for _ in 0..calls_a_look {
            let appender: &mut Box<dyn Appender> = &mut appenders[next];
            if long {
                let from = clock::ticks();
                appender.append(payload.next())?;
                times.add(clock::ticks() - from);
            } else {
                appender.append(payload.next())?;
            }
            next = (next + 1) % appenders.len();
        }
        calls += calls_a_look;
    }
    Ok(Done {
        calls,
        times,
        began,
        ended: Instant::now(),
    })
}

/// The entries of all threads in one write and one sync, over and over.
fn one_for_all(task: &Task, log: &dyn Log) -> Result<Sample, Failure> {
    let numbers = &task.case.numbers;
    let payload = Payload::new(numbers.entry_len, 0);
    let batch = payload.batch(numbers.threads);
    let mut appender = log.appender(0)?;
    let mut times = Histogram::new();
    let (mut rounds, began) = (0, Instant::now());
    while began.elapsed() < task.time() {
        let from = clock::ticks();
        appender.append_batch(&batch)?;
        times.add(clock::ticks() - from);
        rounds += 1;
    }
    let calls = (rounds * numbers.threads) as f64;
    let mut found = sample([("ops", calls / began.elapsed().as_secs_f64())]);
    times.tell(clock::ns_per_tick(), &mut found);
    Ok(found)
}
