//! How is progress shown? As a bar where standard error is a terminal, and elsewhere on request as
//! lines.

use std::io::IsTerminal;
use std::io::Write;
use std::time::Duration;
use std::time::Instant;

use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;
use ironwal::tools::Progress;

const UPDATES_PER_SECOND: u8 = 5;
const COUNT: &str = "{decimal_bytes}, {decimal_bytes_per_sec}";
const BAR: &str = "{percent:>3} % [{bar:30}] of {decimal_total_bytes}, {decimal_bytes_per_sec}";

/// Shows progress a few times a second.
pub struct ProgressReporter {
    /// Hidden where standard error is no terminal; removed when dropped.
    bar: ProgressBar,
    prints_lines: bool,
    started: Instant,
    last_line: Option<Instant>,
    /// What was reported behind the last line.
    unprinted: Option<Progress>,
}

impl ProgressReporter {
    /// `asked`: lines are printed where there is no terminal.
    pub fn new(asked: bool) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(UPDATES_PER_SECOND);
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        ProgressReporter {
            prints_lines: asked && bar.is_hidden(),
            bar,
            started: Instant::now(),
            last_line: None,
            unprinted: None,
        }
    }

    /// The same, for a command that prints results meanwhile: no bar where both would go to one terminal.
    pub fn beside_output(asked: bool) -> Self {
        let reporter = ProgressReporter::new(asked);
        if std::io::stdout().is_terminal() {
            reporter.bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        reporter
    }

    /// The same, for input whose length is not known.
    pub fn without_total(asked: bool) -> Self {
        let reporter = ProgressReporter::new(asked);
        if let Ok(style) = ProgressStyle::with_template(COUNT) {
            reporter.bar.set_style(style);
        }
        reporter
    }

    /// A total of 0: it is not known.
    pub fn report(&mut self, progress: Progress) {
        self.bar.set_length(progress.bytes_total);
        self.bar.set_position(progress.bytes_done);
        if self.prints_lines {
            self.print_line(progress);
        }
    }

    fn print_line(&mut self, progress: Progress) {
        let interval = Duration::from_secs(1) / u32::from(UPDATES_PER_SECOND);
        let is_due = self.last_line.is_none_or(|last| last.elapsed() >= interval);
        let has_total = progress.bytes_total > 0 || progress.bytes_done == 0;
        let is_complete = has_total && progress.bytes_done >= progress.bytes_total;
        if !is_due && !is_complete {
            self.unprinted = Some(progress);
            return;
        }
        self.print(progress, has_total);
    }

    fn print(&mut self, progress: Progress, has_total: bool) {
        self.unprinted = None;
        self.last_line = Some(Instant::now());
        let percent = (progress.bytes_done.min(progress.bytes_total) * 100)
            .checked_div(progress.bytes_total)
            .unwrap_or(100);
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let rate = progress.bytes_done as f64 / seconds / 1e6;
        let line = match has_total {
            true => format!("{percent:3} % of {} bytes", progress.bytes_total),
            false => format!("{} bytes", progress.bytes_done),
        };
        // A line that cannot be written is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{line}, {rate:.0} MB/s");
    }

    /// Removes the bar, so that the results stand alone. Of an unknown total the last line is where it ended.
    pub fn finish(mut self) {
        if let Some(last) = self.unprinted.filter(|last| last.bytes_total == 0) {
            self.print(last, false);
        }
        self.bar.finish_and_clear();
    }
}
