//! How far has it come? Told on standard error, where somebody is likely to look.

use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use ironwal::tools::Progress;

const EVERY: Duration = Duration::from_millis(200);

/// Tells progress a few times a second.
pub struct ProgressReporter {
    shown: bool,
    is_terminal: bool,
    begun: Instant,
    told: Option<Instant>,
}

impl ProgressReporter {
    /// Shows progress on a terminal, and elsewhere where that is `asked` for.
    pub fn new(asked: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        ProgressReporter {
            shown: asked || is_terminal,
            is_terminal,
            begun: Instant::now(),
            told: None,
        }
    }

    /// How far it has come now.
    pub fn report(&mut self, progress: Progress) {
        let is_due = self.told.is_none_or(|told| told.elapsed() >= EVERY);
        let is_over = progress.bytes_done >= progress.bytes_total;
        if !self.shown || !(is_due || is_over) {
            return;
        }
        self.told = Some(Instant::now());
        let percent = (progress.bytes_done.min(progress.bytes_total) * 100)
            .checked_div(progress.bytes_total)
            .unwrap_or(100);
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let rate = progress.bytes_done as f64 / seconds / 1e6;
        let text = format!(
            "{percent:3} % of {} bytes, {rate:.0} MB/s",
            progress.bytes_total
        );
        let (start, end) = match self.is_terminal {
            true => ("\r", ""),
            false => ("", "\n"),
        };
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(std::io::stderr(), "{start}{text}{end}");
    }

    /// Leaves the terminal's line as it was found.
    pub fn end(&mut self) {
        if self.is_terminal && self.told.is_some() {
            let _ = writeln!(std::io::stderr());
        }
    }
}
