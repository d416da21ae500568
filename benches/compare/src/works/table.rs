//! Which works and cases are there, and what do their tables show?

use crate::log::Mode;
use crate::works::Case;
use crate::works::Column;
use crate::works::Numbers;
use crate::works::Phase;
use crate::works::Unit;
use crate::works::append;
use crate::works::c_cost;
use crate::works::growth;
use crate::works::hot;
use crate::works::many_streams;
use crate::works::random_get;
use crate::works::reopen;
use crate::works::scan;
use crate::works::sharded;
use crate::works::threads;

const OPS: Column = Column::new("ops", "appends/s", Unit::PerSecond);
const NS: Column = Column::new("ns", "mean", Unit::Nanoseconds);
const P50: Column = Column::new("p50", "p50", Unit::Nanoseconds);
const P99: Column = Column::new("p99", "p99", Unit::Nanoseconds);
const P999: Column = Column::new("p99.9", "p99.9", Unit::Nanoseconds);
const MAX: Column = Column::new("max", "max", Unit::Nanoseconds);

const APPENDS: &[Column] = &[OPS, NS, P50, P99, P999, MAX];
const ENTRIES: &[Column] = &[
    Column::new("ops", "entries/s", Unit::PerSecond),
    Column::new("bytes_per_second", "bytes/s", Unit::BytesPerSecond),
    Column::new("p50", "a batch, p50", Unit::Nanoseconds),
    Column::new("p99.9", "p99.9", Unit::Nanoseconds),
];
const THREADS: &[Column] = &[
    OPS,
    P50,
    P99,
    P999,
    Column::new("fairness", "least of a thread / mean", Unit::Percent),
];
const ASYNC_THREADS: &[Column] = &[OPS];
const GETS: &[Column] = &[
    Column::new("ops", "gets/s, 1 thread", Unit::PerSecond),
    Column::new("ops_2", "2 threads", Unit::PerSecond),
    Column::new("ns", "mean", Unit::Nanoseconds),
];
const SCANS: &[Column] = &[
    Column::new("ops", "entries/s", Unit::PerSecond),
    Column::new("bytes_per_second", "bytes/s", Unit::BytesPerSecond),
];
const REOPENS: &[Column] = &[
    Column::new("open_ns", "Open after SIGKILL", Unit::Nanoseconds),
    Column::new("unsynced_bytes", "unsynced then", Unit::Bytes),
    Column::new(
        "rewrite_ns",
        "writing and syncing as much",
        Unit::Nanoseconds,
    ),
    Column::new(
        "open_less_rewrite_ns",
        "open beyond that",
        Unit::Nanoseconds,
    ),
    Column::new("kept", "last entry there", Unit::Count),
    Column::new("close_ns", "close", Unit::Nanoseconds),
    Column::new("clean_open_ns", "open after that", Unit::Nanoseconds),
    Column::new("memory_bytes", "heap after loading", Unit::Bytes),
];
const STREAMS: &[Column] = &[
    Column::new("open_ns", "open", Unit::Nanoseconds),
    Column::new("create_ns", "create", Unit::Nanoseconds),
    Column::new("append_ns", "append the others", Unit::Nanoseconds),
    Column::new("close_ns", "close", Unit::Nanoseconds),
    Column::new("resident_bytes", "resident when open", Unit::Bytes),
    Column::new("bytes_per_stream", "heap a stream", Unit::Bytes),
];
const SHARDED: &[Column] = &[
    OPS,
    Column::new("batch_entries", "batch of 100, entries/s", Unit::PerSecond),
    Column::new("checkpoints", "checkpoints/s", Unit::PerSecond),
    Column::new("loads", "loads/s among 1,000", Unit::PerSecond),
];
const HOT: &[Column] = &[
    P99,
    P50,
    P999,
    MAX,
    Column::new("late_p99.9", "p99.9 since due", Unit::Nanoseconds),
    Column::new("stalls", "calls > 1 ms", Unit::Count),
    Column::new("stalls_alone", "not seen by the control", Unit::Count),
    Column::new("control_p99.9", "control p99.9", Unit::Nanoseconds),
    Column::new("control_max", "control max", Unit::Nanoseconds),
    Column::new("waited_ns", "waited for a processor", Unit::Nanoseconds),
    Column::new("syncs", "syncs/s", Unit::PerSecond),
];
const GROWTH: &[Column] = &[
    Column::new("append_ns", "append", Unit::Nanoseconds),
    Column::new("sync_ns", "first sync of a stream", Unit::Nanoseconds),
    Column::new("get_ns", "random get", Unit::Nanoseconds),
    Column::new("scan_ns", "scan, an entry", Unit::Nanoseconds),
    Column::new("close_ns", "close", Unit::Nanoseconds),
    Column::new("open_ns", "open", Unit::Nanoseconds),
    Column::new("memory_bytes", "heap then", Unit::Bytes),
];
const C_COST: &[Column] = &[
    Column::new("difference", "over Rust", Unit::Nanoseconds),
    Column::new("rust", "Rust", Unit::Nanoseconds),
    Column::new("c", "C", Unit::Nanoseconds),
];

const BASE: Numbers = Numbers {
    entry_len: 256,
    entries: 1,
    threads: 1,
    streams: 1,
    segment_bytes: None,
};

/// Rounds of cases that take long.
const FEW: usize = 3;

/// All cases, in the order in which they run.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    appends(&mut cases);
    many_threads(&mut cases);
    reads(&mut cases);
    openings(&mut cases);
    cases.push(case(
        "W11",
        "16 shards",
        SHARDS_TITLE,
        sharded::run,
        SHARDED,
    ));
    let mut pace = case("W12", "256 B", HOT_TITLE, hot::run, HOT);
    pace.numbers.entries = 200_000;
    // Three rotations or so while it runs.
    pace.numbers.segment_bytes = Some(16 << 20);
    cases.push(pace);
    for (name, entry_len) in [("64 B", 64), ("256 B", 256)] {
        let mut cost = case(
            "C",
            name,
            "One append, through the C ABI and in Rust",
            c_cost::run,
            C_COST,
        );
        cost.numbers.entry_len = entry_len;
        cases.push(cost);
    }
    growing(&mut cases);
    cases
}

const SHARDS_TITLE: &str = "16 shards, Async, 256 B: single appends, batches of 100, checkpoints of \
                            shards at rest, loading one among 1,000";
const HOT_TITLE: &str = "A hot thread appends 100,000/s of 256 B while another syncs every 1 ms";

fn case(
    work: &'static str,
    name: &'static str,
    title: &'static str,
    run: fn(&super::Task) -> Result<super::Sample, crate::log::Failure>,
    columns: &'static [Column],
) -> Case {
    Case {
        work,
        name,
        title,
        mode: Mode::Async,
        numbers: BASE,
        phases: Vec::from([Phase { run, killed: false }]),
        columns,
        most_rounds: usize::MAX,
    }
}

fn strict(mut case: Case) -> Case {
    case.mode = Mode::Strict;
    case
}

fn appends(cases: &mut Vec<Case>) {
    for (name, entry_len) in [("64 B", 64), ("256 B", 256), ("1 KiB", 1024)] {
        let mut one = case(
            "W1",
            name,
            "Async append, 1 thread",
            append::single,
            APPENDS,
        );
        one.numbers.entry_len = entry_len;
        cases.push(one);
    }
    let mut batch = case(
        "W2",
        "100 × 256 B",
        "Async batches of 100",
        append::batches,
        ENTRIES,
    );
    batch.numbers.entries = 100;
    cases.push(batch);
    let title = "Strict append, 1 thread";
    cases.push(strict(case("W3", "256 B", title, append::single, APPENDS)));
    let title = "Strict append, 1 thread, segments of 1 MiB: rotation included";
    let mut rotating = strict(case(
        "W3",
        "256 B, rotating",
        title,
        append::single,
        APPENDS,
    ));
    rotating.numbers.segment_bytes = Some(1 << 20);
    cases.push(rotating);
}

fn many_threads(cases: &mut Vec<Case>) {
    let title = "Strict append, many threads on one stream";
    for (name, threads) in [("4 threads", 4), ("16 threads", 16), ("64 threads", 64)] {
        let mut group = strict(case("W4", name, title, threads::run, THREADS));
        group.numbers.threads = threads;
        cases.push(group);
    }
    let title = "Strict append, 16 or 64 threads on many streams";
    let loads = [
        ("16 streams", 16, 16),
        ("64 streams", 16, 64),
        ("1,000 streams", 64, 1_000),
        ("10,000 streams", 64, 10_000),
    ];
    for (name, threads, streams) in loads {
        let mut many = strict(case("W5", name, title, threads::run, THREADS));
        many.numbers.threads = threads;
        many.numbers.streams = streams;
        cases.push(many);
    }
    let title = "Async append, 2 threads";
    for (name, streams) in [("2 streams", 2), ("1 stream", 1)] {
        let mut two = case("W6", name, title, threads::run, ASYNC_THREADS);
        two.numbers.threads = 2;
        two.numbers.streams = streams;
        cases.push(two);
    }
}

fn reads(cases: &mut Vec<Case>) {
    let title = "Random get over 1,000,000 × 256 B, warm";
    let mut gets = case("W7", "1 M × 256 B", title, random_get::run, GETS);
    gets.numbers.entries = 1_000_000;
    gets.most_rounds = FEW;
    cases.push(gets);
    for (name, entry_len, entries) in [("256 B", 256, 1_000_000), ("16 KiB", 16 << 10, 16_384)] {
        let mut all = case("W8", name, "Full scan, warm", scan::run, SCANS);
        all.numbers.entry_len = entry_len;
        all.numbers.entries = entries;
        all.most_rounds = FEW;
        cases.push(all);
    }
}

fn openings(cases: &mut Vec<Case>) {
    let title = "Open after SIGKILL, then after a clean close; entries of 1 KiB";
    let sizes = [
        ("100 MB", 97_600, FEW),
        ("1 GB", 976_500, 2),
        ("4 GB", 3_906_200, 1),
    ];
    for (name, entries, most_rounds) in sizes {
        let mut opening = case("W9", name, title, reopen::load, REOPENS);
        opening.numbers.entry_len = 1024;
        opening.numbers.entries = entries;
        opening.most_rounds = most_rounds;
        opening.phases[0].killed = true;
        for run in [reopen::after_kill, reopen::after_close] {
            opening.phases.push(Phase { run, killed: false });
        }
        cases.push(opening);
    }
    let title = "Many streams of 10 entries of 100 B, Async";
    for (name, streams) in [("1,000 streams", 1_000), ("10,000 streams", 10_000)] {
        let mut many = case("W10", name, title, many_streams::create, STREAMS);
        many.numbers.entry_len = 100;
        many.numbers.entries = 10;
        many.numbers.streams = streams;
        many.most_rounds = 2;
        let run = many_streams::open;
        many.phases.push(Phase { run, killed: false });
        cases.push(many);
    }
}

/// Ours alone, one number at a time; each work becomes one table.
fn growing(cases: &mut Vec<Case>) {
    let mut add = |work, title, name, change: &dyn Fn(&mut Numbers)| {
        let mut grown = case(work, name, title, growth::run, GROWTH);
        grown.numbers.entries = 100_000;
        grown.most_rounds = 2;
        change(&mut grown.numbers);
        cases.push(grown);
    };
    let sizes = [
        ("16 B", 16),
        ("256 B", 256),
        ("4 KiB", 4 << 10),
        ("60 KiB", 60 << 10),
    ];
    for (name, entry_len) in sizes {
        add(
            "GSIZE",
            "by the size of an entry; up to 100,000 entries, 512 MiB",
            name,
            &|numbers| {
                numbers.entry_len = entry_len;
                numbers.entries = (512 << 20) / (entry_len as u64).max(5 << 10);
            },
        );
    }
    let counts = [
        ("10 k", 10_000),
        ("100 k", 100_000),
        ("1 M", 1_000_000),
        ("10 M", 10_000_000),
    ];
    for (name, entries) in counts {
        add(
            "GCOUNT",
            "by the count of entries of 100 B",
            name,
            &|numbers| {
                numbers.entry_len = 100;
                numbers.entries = entries;
            },
        );
    }
    let segments = [
        ("1", 256 << 20),
        ("10", 2_900_000),
        ("100", 290_000),
        ("1,000", 29_000),
    ];
    for (name, bytes) in segments {
        add(
            "GSEG",
            "by the count of segments, of 100,000 entries of 256 B",
            name,
            &|numbers| {
                numbers.segment_bytes = Some(bytes);
            },
        );
    }
    for (name, streams) in [("1", 1), ("10", 10), ("100", 100), ("1,000", 1_000)] {
        add(
            "GSTREAM",
            "by the count of streams, over 100,000 entries of 256 B",
            name,
            &|numbers| {
                numbers.streams = streams;
            },
        );
    }
    let title = "by the count of threads that append to one stream, Strict, 256 B";
    for (name, threads) in [("1", 1), ("2", 2), ("8", 8), ("32", 32), ("128", 128)] {
        let mut grown = strict(case("GTHREAD", name, title, threads::run, THREADS));
        grown.numbers.threads = threads;
        grown.most_rounds = 2;
        cases.push(grown);
    }
}
