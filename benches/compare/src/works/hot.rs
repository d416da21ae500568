//! How long do the appends of a hot thread take while another thread syncs? (W12)
//!
//! The hot thread appends at a fixed pace and spins in between. A second thread syncs every
//! millisecond. A third one, the control, only reads the clock and notes when time jumped: what it
//! sees too is the machine's, not the log's.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::clock;
use crate::histogram::Histogram;
use crate::log::Appender;
use crate::log::Failure;
use crate::log::Log;
use crate::payload::Payload;
use crate::works::Sample;
use crate::works::Task;
use crate::works::sample;

const PACE_NS: f64 = 10_000.0;
const SYNC_EVERY: Duration = Duration::from_millis(1);
/// A call this long is a stall.
const STALL_NS: f64 = 1e6;
/// The control notes jumps of this length, so that stalls can be held against them.
const GAP_NS: f64 = 2e5;

/// From and to, in ticks.
type Span = (u64, u64);

pub fn run(task: &Task) -> Result<Sample, Failure> {
    let len = task.case.numbers.entry_len;
    let count = task.scaled(task.case.numbers.entries);
    let log = task.open(1, (count + 2_000) * len as u64)?;
    let mut payload = Payload::new(len, 0);
    let mut appender = log.appender(0)?;
    (0..1_000).try_for_each(|_| appender.append(payload.next()))?;
    let scale = clock::ns_per_tick();
    let ended = AtomicBool::new(false);
    let (hot, syncs, control) = thread::scope(|scope| {
        let control = scope.spawn(|| watching(&ended, scale));
        let syncing = scope.spawn(|| syncing(&*log, &ended));
        let hot = appending(&mut *appender, &mut payload, count, scale);
        ended.store(true, Ordering::Relaxed);
        (hot, syncing.join(), control.join())
    });
    let (hot, control) = (hot?, control.map_err(|_| "the control panicked")?);
    let syncs = syncs.map_err(|_| "the syncing thread panicked")?;
    let of_length = |spans: &[Span]| {
        let long = spans
            .iter()
            .filter(|(from, to)| (to - from) as f64 * scale >= STALL_NS);
        long.count() as f64
    };
    let alone = hot.stalls.iter().filter(|stall| {
        let seen = |gap: &Span| gap.0 < stall.1 && stall.0 < gap.1;
        !control.gaps.iter().any(seen)
    });
    let mut found = sample([
        ("syncs", syncs / hot.seconds),
        ("stalls", of_length(&hot.stalls)),
        ("stalls_alone", alone.count() as f64),
        ("waited_ns", hot.waited_ns),
        ("control_stalls", of_length(&control.gaps)),
        ("control_p99.9", control.steps.at(0.999) as f64 * scale),
        ("control_max", control.steps.at(1.0) as f64 * scale),
        ("late_p99.9", hot.since_due.at(0.999) as f64 * scale),
        ("pace", count as f64 / hot.seconds),
    ]);
    hot.times.tell(scale, &mut found);
    Ok(found)
}

struct Hot {
    times: Histogram,
    /// The time from when an append was due: what is queued behind a long one counts here.
    since_due: Histogram,
    stalls: Vec<Span>,
    /// How long the thread was ready to run and had no processor, as the kernel counts it.
    waited_ns: f64,
    seconds: f64,
}

fn appending(
    appender: &mut dyn Appender,
    payload: &mut Payload,
    count: u64,
    scale: f64,
) -> Result<Hot, Failure> {
    let (mut times, mut since_due) = (Histogram::new(), Histogram::new());
    let mut stalls = Vec::new();
    let (pace, stall) = ((PACE_NS / scale) as u64, (STALL_NS / scale) as u64);
    let (waited, started) = (waited_ns(), Instant::now());
    let mut due = clock::ticks();
    for _ in 0..count {
        while clock::ticks() < due {
            std::hint::spin_loop();
        }
        let from = clock::ticks();
        appender.append(payload.next())?;
        let to = clock::ticks();
        times.add(to - from);
        since_due.add(to - due);
        if to - from >= stall {
            stalls.push((from, to));
        }
        due += pace;
    }
    Ok(Hot {
        times,
        since_due,
        stalls,
        waited_ns: waited_ns() - waited,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// How often it synced. A log that cannot is left alone.
fn syncing(log: &dyn Log, ended: &AtomicBool) -> f64 {
    let Ok(mut appender) = log.appender(0) else {
        return 0.0;
    };
    let mut count = 0.0;
    while !ended.load(Ordering::Relaxed) {
        let started = Instant::now();
        if appender.sync().is_err() {
            break;
        }
        count += 1.0;
        thread::sleep(SYNC_EVERY.saturating_sub(started.elapsed()));
    }
    count
}

struct Control {
    steps: Histogram,
    gaps: Vec<Span>,
}

fn watching(ended: &AtomicBool, scale: f64) -> Control {
    let mut control = Control {
        steps: Histogram::new(),
        gaps: Vec::new(),
    };
    let gap = (GAP_NS / scale) as u64;
    // Steps are counted at the pace of the appends, so that their percentiles compare.
    let pace = (PACE_NS / scale) as u64;
    let (mut last, mut due) = (clock::ticks(), clock::ticks() + pace);
    let mut longest = 0;
    while !ended.load(Ordering::Relaxed) {
        let now = clock::ticks();
        longest = longest.max(now - last);
        if now - last >= gap {
            control.gaps.push((last, now));
        }
        if now >= due {
            control.steps.add(longest);
            longest = 0;
            due = now + pace;
        }
        last = now;
    }
    control
}

/// The time this thread waited for a processor (`/proc/thread-self/schedstat`, second field).
fn waited_ns() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let field = text.split_whitespace().nth(1);
    field.and_then(|field| field.parse().ok()).unwrap_or(0.0)
}
