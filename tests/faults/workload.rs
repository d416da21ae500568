//! What is done to a log while its storage calls fail.

use ironwal::CommitPath;
use ironwal::CompressionType;
use ironwal::ReadStrategy;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::WriteStrategy;

/// One call of the log, or what happens to it.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An entry of so many bytes.
    Append(&'static str, usize),
    /// A batch of entries of so many bytes each.
    Batch(&'static str, &'static [usize]),
    /// A property with a value of so many bytes.
    Vote(&'static str, usize),
    Sync(&'static str),
    SyncAll,
    Truncate(&'static str, u64),
    Restore(&'static str),
    /// Hides the ids below this one.
    Hide(&'static str, u64),
    /// Replaces the ids from here on by entries of so many bytes each.
    Replace(&'static str, u64, &'static [usize]),
    /// Replaces all ids; the next one is this.
    Reset(&'static str, u64, &'static [usize]),
    Delete(&'static str),
    /// Reads everything.
    Read,
    /// Lets the helpers work.
    Help,
    Close,
    /// Opens the log, closing it before if it is open.
    Open,
    /// The process dies. Only before anything fails.
    Die,
    /// Power is lost. Only before anything fails.
    LosePower(u64),
}

/// Steps on a log with some options: first some that succeed, then those whose calls fail.
pub struct Workload {
    pub name: &'static str,
    pub tune: fn(&mut WalOptions),
    pub before: &'static [Step],
    pub steps: &'static [Step],
}

use Step::*;

/// Ways to write; each workload runs with all of them.
pub const WRITE_STRATEGIES: &[WriteStrategy] = &[WriteStrategy::StandardIo, WriteStrategy::Mmap];

pub const SYNC_MODES: &[SyncMode] = &[SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

/// The options of a workload.
pub fn options(
    workload: &Workload,
    sync_mode: SyncMode,
    write_strategy: WriteStrategy,
) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.background_sync = None;
    options.sync_mode = sync_mode;
    options.write_strategy = write_strategy;
    (workload.tune)(&mut options);
    options
}

fn small_segments(options: &mut WalOptions) {
    options.max_segment_size = 200;
    options.max_open_segments = 1;
}

fn with_journal(options: &mut WalOptions) {
    options.commit_path = CommitPath::Journal;
    options.journal_size = 32 << 10;
}

fn with_archive(options: &mut WalOptions) {
    small_segments(options);
    options.archive_path = Some("/archive".into());
}

const FOUR_SEGMENTS: &[Step] = &[
    Open,
    Append("s", 150),
    Append("s", 160),
    Batch("s", &[60, 0, 80]),
    Append("s", 170),
    Append("s", 10),
    SyncAll,
];

pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "append",
        tune: |_| {},
        before: &[],
        steps: &[
            Open,
            Append("s", 100),
            Append("s", 0),
            Help,
            Append("s", 3000),
            Sync("s"),
            Append("t", 7),
            Read,
            Append("s", 20_000),
            SyncAll,
            Append("s", 9),
        ],
    },
    Workload {
        name: "batch",
        #[cfg(feature = "compression")]
        tune: |options| {
            options.compression = CompressionType::Lz4;
            options.min_compression_size = 0;
        },
        #[cfg(not(feature = "compression"))]
        tune: |options| options.compression = CompressionType::None,
        before: &[],
        steps: &[
            Open,
            Batch("s", &[10, 0, 200]),
            Append("s", 100),
            Batch("s", &[300]),
            Help,
            Batch("s", &[1, 2, 3, 4]),
            Sync("s"),
            Read,
            Batch("s", &[9000, 1]),
        ],
    },
    Workload {
        name: "rotate",
        tune: small_segments,
        before: &[Open, Append("s", 120)],
        steps: &[
            Append("s", 150),
            Append("s", 10),
            Batch("s", &[100, 100]),
            Append("s", 190),
            Sync("s"),
            Append("s", 150),
            Append("s", 500),
            Help,
            Append("s", 40),
            SyncAll,
        ],
    },
    Workload {
        name: "rotate into a segment made ahead",
        tune: |options| options.max_segment_size = 1 << 20,
        before: &[Open, Append("s", 820_000)],
        steps: &[
            Append("s", 10),
            Help,
            Append("s", 230_000),
            Append("s", 10),
            Help,
            Sync("s"),
        ],
    },
    Workload {
        name: "truncate",
        tune: small_segments,
        before: FOUR_SEGMENTS,
        steps: &[
            Truncate("s", 3),
            Append("s", 150),
            Truncate("s", 100),
            Append("s", 150),
            Sync("s"),
        ],
    },
    Workload {
        name: "archive and restore",
        tune: with_archive,
        before: FOUR_SEGMENTS,
        steps: &[
            Truncate("s", 3),
            Append("s", 10),
            Restore("s"),
            Append("s", 150),
            Truncate("s", 5),
            Restore("s"),
            Sync("s"),
        ],
    },
    Workload {
        name: "recover after a kill",
        tune: small_segments,
        before: &[
            Open,
            Append("s", 150),
            SyncAll,
            Append("s", 160),
            Batch("s", &[60, 0, 80]),
            Append("t", 70),
            Append("s", 10),
            Die,
        ],
        steps: &[Open, Read, Append("s", 20), Sync("s"), Open, Read],
    },
    Workload {
        name: "recover after a power cut",
        tune: |options| options.read_strategy = ReadStrategy::Mmap,
        before: &[
            Open,
            Append("s", 150),
            Batch("s", &[60, 0, 80]),
            Append("s", 1600),
            Append("s", 10),
            Append("s", 1600),
            LosePower(3),
        ],
        steps: &[Open, Read, Append("s", 20), Sync("s"), Open, Read],
    },
    Workload {
        name: "recover with a deletion and a truncation under way",
        tune: with_archive,
        before: &[
            Open,
            Append("s", 150),
            Append("s", 160),
            Append("s", 160),
            Append("t", 10),
            SyncAll,
            Truncate("s", 2),
            Delete("t"),
            Append("t", 20),
            LosePower(6),
        ],
        steps: &[Open, Read, Append("s", 20), Append("t", 30), SyncAll],
    },
    Workload {
        name: "properties",
        tune: small_segments,
        before: &[Open, Vote("s", 5), Append("s", 120)],
        steps: &[
            Vote("s", 8),
            Append("s", 150),
            Vote("s", 600),
            Help,
            Append("s", 10),
            Append("s", 300),
            Vote("s", 1),
            Open,
            Vote("s", 2),
            Append("s", 190),
            Close,
            Open,
            Vote("s", 3),
        ],
    },
    Workload {
        name: "empty a stream with properties",
        tune: |_| {},
        before: &[Open, Vote("s", 5), Append("s", 20_000)],
        steps: &[Truncate("s", 9), Append("s", 10), Vote("s", 6), Open, Read],
    },
    Workload {
        name: "journal",
        tune: with_journal,
        before: &[Open, Append("s", 20), Help],
        steps: &[
            Append("s", 100),
            Append("t", 7),
            Sync("s"),
            Append("t", 30),
            SyncAll,
            Batch("s", &[60, 0]),
            Replace("s", 2, &[40]),
            Append("s", 9),
            Delete("t"),
            Append("t", 11),
            Help,
            Close,
            Open,
            Read,
        ],
    },
    Workload {
        name: "write the journal back",
        tune: with_journal,
        before: &[
            Open,
            Append("s", 20),
            Help,
            Append("s", 3000),
            Append("t", 3000),
        ],
        steps: &[
            Append("s", 3000),
            Append("t", 3000),
            Help,
            Append("s", 3000),
            Append("t", 3000),
            Append("s", 3000),
            Help,
            SyncAll,
        ],
    },
    Workload {
        name: "recover a journal",
        tune: with_journal,
        before: &[
            Open,
            Append("s", 20),
            Help,
            Append("s", 100),
            Append("t", 30),
            SyncAll,
            LosePower(0),
        ],
        steps: &[Open, Read, Append("s", 20), Append("t", 5), SyncAll],
    },
    Workload {
        name: "close",
        tune: small_segments,
        before: &[Open, Append("s", 150), Append("s", 160), Append("t", 10)],
        steps: &[Append("s", 30), Close, Open, Read, Append("s", 20), Close],
    },
    Workload {
        name: "delete",
        tune: small_segments,
        before: FOUR_SEGMENTS,
        steps: &[
            Delete("s"),
            Append("s", 10),
            Append("s", 190),
            Sync("s"),
            Delete("s"),
            Batch("s", &[5, 6]),
            Open,
            Append("s", 7),
        ],
    },
    Workload {
        name: "cut",
        tune: small_segments,
        before: FOUR_SEGMENTS,
        steps: &[
            Replace("s", 6, &[40, 50]),
            Append("s", 20),
            Replace("s", 3, &[]),
            Append("s", 150),
            Replace("s", 2, &[170]),
            Append("s", 9),
            Open,
            Read,
            Append("s", 30),
            Sync("s"),
        ],
    },
    Workload {
        name: "cut of an archived stream",
        tune: with_archive,
        before: FOUR_SEGMENTS,
        steps: &[
            Truncate("s", 2),
            Replace("s", 4, &[70]),
            Append("s", 180),
            Append("s", 30),
            Truncate("s", 5),
            Restore("s"),
            Sync("s"),
        ],
    },
    Workload {
        name: "reset",
        tune: small_segments,
        before: FOUR_SEGMENTS,
        steps: &[
            Reset("s", 20, &[]),
            Append("s", 150),
            Reset("s", 3, &[30, 40]),
            Append("s", 160),
            Reset("t", 5, &[10]),
            Append("t", 10),
            Open,
            Read,
            Append("s", 20),
        ],
    },
    Workload {
        name: "hide entries",
        tune: with_archive,
        before: FOUR_SEGMENTS,
        steps: &[
            Hide("s", 4),
            Append("s", 10),
            Hide("s", 100),
            Append("s", 150),
            Restore("s"),
            Open,
            Read,
            Append("s", 20),
        ],
    },
    Workload {
        name: "recover with a cut under way",
        tune: small_segments,
        before: &[
            Open,
            Append("s", 150),
            Append("s", 160),
            Append("s", 160),
            Append("s", 10),
            SyncAll,
            Replace("s", 3, &[20]),
            Replace("s", 2, &[30]),
            Append("s", 10),
            Die,
        ],
        steps: &[
            Open,
            Read,
            Append("s", 20),
            Replace("s", 1, &[]),
            Open,
            Read,
        ],
    },
];
