//! How far is an inspection, and did its caller cancel it?

use std::ops::ControlFlow;

use crate::error::Error;
use crate::error::Result;
use crate::stream::Progress;

/// From one report to the next, in bytes: the callback may write to a terminal.
const REPORT_EVERY: u64 = 1 << 20;

/// Counts bytes and reports them: once at the beginning, about every mebibyte, and once at the end.
pub struct Meter<'a> {
    progress: Progress,
    unreported: u64,
    is_cancelled: bool,
    report: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl<'a> Meter<'a> {
    /// Begins with nothing done.
    pub fn begin(
        bytes_total: u64,
        report: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self> {
        let mut meter = Meter {
            progress: Progress {
                bytes_done: 0,
                bytes_total,
            },
            unreported: 0,
            is_cancelled: false,
            report,
        };
        meter.report()?;
        Ok(meter)
    }

    /// So many more bytes are done.
    pub fn add(&mut self, bytes: u64) -> Result<()> {
        self.unreported += bytes;
        match self.unreported >= REPORT_EVERY {
            true => self.report(),
            false => self.check(),
        }
    }

    /// All is done, also what had to be skipped.
    pub fn end(&mut self) -> Result<()> {
        self.unreported = self.progress.bytes_total - self.progress.bytes_done;
        self.report()
    }

    /// `Cancelled` once the callback said so.
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    fn report(&mut self) -> Result<()> {
        self.check()?;
        let progress = &mut self.progress;
        // A writer may have appended to a file since its length was read.
        let done = progress.bytes_done.saturating_add(self.unreported);
        progress.bytes_done = progress.bytes_total.min(done);
        self.unreported = 0;
        self.is_cancelled = (self.report)(self.progress).is_break();
        self.check()
    }
}
