//! What is measured? The works W1 to W12, each in cases, each case in phases that run in fresh
//! processes of their own.

mod append;
mod c_cost;
mod growth;
mod hot;
mod many_streams;
mod memory;
mod random_get;
mod reopen;
mod scan;
mod sharded;
mod table;
mod threads;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::log::Contender;
use crate::log::Failure;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Setup;

pub use table::cases;

/// What one run of a case came to, by metric.
pub type Sample = BTreeMap<String, f64>;

/// How a metric reads, and which way is better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    BytesPerSecond,
    Nanoseconds,
    Bytes,
    Count,
    Percent,
}

/// A column of a case's table. The first one is what ratios are made of.
#[derive(Clone, Copy)]
pub struct Column {
    pub metric: &'static str,
    pub title: &'static str,
    pub unit: Unit,
}

impl Column {
    const fn new(metric: &'static str, title: &'static str, unit: Unit) -> Self {
        Column {
            metric,
            title,
            unit,
        }
    }

    pub fn more_is_better(self) -> bool {
        matches!(self.unit, Unit::PerSecond | Unit::BytesPerSecond)
    }
}

/// The numbers a case is made of; each work reads those it knows.
#[derive(Clone, Copy)]
pub struct Numbers {
    pub entry_len: usize,
    /// Entries of a batch, or loaded before the measurement, or in each stream.
    pub entries: u64,
    pub threads: usize,
    pub streams: usize,
    pub segment_bytes: Option<u64>,
}

/// A part of a case that runs in a process of its own.
pub struct Phase {
    pub run: fn(&Task) -> Result<Sample, Failure>,
    /// Whether the process is killed, with SIGKILL, when it has done its part.
    pub killed: bool,
}

/// One table.
pub struct Case {
    pub work: &'static str,
    pub name: &'static str,
    pub title: &'static str,
    pub mode: Mode,
    pub numbers: Numbers,
    pub phases: Vec<Phase>,
    pub columns: &'static [Column],
    /// Long cases run fewer rounds than asked for.
    pub most_rounds: usize,
}

impl Case {
    /// Whether it is a line of a table on how ours grows, rather than a table of many logs.
    pub fn is_growth(&self) -> bool {
        self.work.starts_with('G')
    }
}

/// One run of a phase: a case, who does it, and where.
pub struct Task<'a> {
    pub case: &'a Case,
    pub contender: &'static Contender,
    pub dir: &'a Path,
    pub quick: bool,
}

impl Task<'_> {
    /// How long a part of a measurement takes.
    fn time(&self) -> Duration {
        let millis = match (self.case.mode, self.case.numbers.threads) {
            _ if self.quick => 100,
            (Mode::Async, _) => 300,
            // Percentiles of calls that wait for the disk want many of them.
            (Mode::Strict, 1) => 800,
            (Mode::Strict, _) => 500,
        };
        Duration::from_millis(millis)
    }

    /// A number of the case, or a small part of it where only the run itself is tried.
    fn scaled(&self, number: u64) -> u64 {
        if self.quick {
            number.div_ceil(20)
        } else {
            number
        }
    }

    /// The most bytes that are appended in a part of a measurement that ends by time.
    fn most_bytes(&self) -> u64 {
        self.scaled(256 << 20)
    }

    fn open(&self, streams: usize, volume_bytes: u64) -> Result<Box<dyn Log>, Failure> {
        (self.contender.open)(&Setup {
            dir: self.dir,
            mode: self.case.mode,
            streams,
            segment_bytes: self.case.numbers.segment_bytes,
            volume_bytes,
            entry_len: self.case.numbers.entry_len,
        })
    }
}

fn sample<const N: usize>(metrics: [(&str, f64); N]) -> Sample {
    let metrics = metrics.into_iter();
    metrics
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
