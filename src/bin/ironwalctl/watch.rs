//! How does a log change from one look to the next?
//!
//! Each look is a whole `stat`, beside the writer. Ends when standard output is closed, after the number of looks
//! that was asked for, or on SIGINT or SIGTERM: then at once, or after the look that is under way. A look that fails
//! ends it with that error.

use std::time::Duration;
use std::time::Instant;

use ironwal::Error;
use ironwal::tools;
use ironwal::tools::Interrupt;
use ironwal::tools::LogDir;
use ironwal::tools::LogStat;
use ironwal::tools::Selection;
use ironwal::tools::StreamStat;

use super::arguments::Watch;

/// How late a signal is noticed.
pub const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// What has changed in a second, at the speed since the look before; negative after a cut or a truncation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub ids: f64,
    pub durable_ids: f64,
    pub bytes: f64,
}

/// Looks again and again. `show` gets each look, and the rates of its streams in their order: none at the first
/// look, nor of a stream that was not there or could not be read. It returns whether to go on. Returns the last look.
pub fn watch(
    log_dir: &LogDir,
    selection: &Selection,
    watch: &Watch,
    mut show: impl FnMut(&LogStat, &[Option<Rates>]) -> bool,
) -> Result<LogStat, Error> {
    let mut before: Option<(LogStat, Instant)> = None;
    let mut looks = 0;
    let interrupt = Interrupt::catch();
    loop {
        let at = Instant::now();
        let log = tools::stat(log_dir, selection)?;
        let rates = match &before {
            Some((before, then)) => rates(before, &log, at.saturating_duration_since(*then)),
            None => vec![None; log.streams.len()],
        };
        looks += 1;
        let goes_on = show(&log, &rates) && watch.count.is_none_or(|count| looks < count);
        let rest = || watch.interval.saturating_sub(at.elapsed());
        // In pieces: a signal does not end a sleep.
        while goes_on && !interrupt.is_raised() && !rest().is_zero() {
            std::thread::sleep(rest().min(LONGEST_SLEEP));
        }
        if !goes_on || interrupt.is_raised() {
            return Ok(log);
        }
        before = Some((log, at));
    }
}

fn rates(before: &LogStat, now: &LogStat, passed: Duration) -> Vec<Option<Rates>> {
    let seconds = passed.as_secs_f64().max(0.001);
    let rate = |before: u64, now: u64| (now as f64 - before as f64) / seconds;
    let is_readable = |stream: &&StreamStat| stream.error.is_none();
    let of = |now: &StreamStat| {
        let mut same = before
            .streams
            .iter()
            .filter(|s| s.directory == now.directory);
        let before = same.next().filter(is_readable)?;
        Some(now).filter(is_readable).map(|now| Rates {
            ids: rate(before.next_id, now.next_id),
            durable_ids: rate(before.durable_end, now.durable_end),
            bytes: rate(before.bytes, now.bytes),
        })
    };
    now.streams.iter().map(of).collect()
}
