//! Which goals are met? Ratios within one run: single times say little on a shared machine.
//!
//! "The best peer" is the best that promises at least as much: an append that stays in the memory
//! of the process is no match for one in the page cache.

use crate::log::Kind;
use crate::log::Mode;
use crate::report::numbers::shown;
use crate::rounds::Row;
use crate::rounds::Table;
use crate::works::Unit;

/// A goal, and what was found.
pub struct Verdict {
    pub work: String,
    pub goal: String,
    pub found: String,
    pub against: String,
    pub met: bool,
}

/// What ours is held against.
#[derive(Clone, Copy)]
enum Against {
    BestPeer,
    Row(&'static str),
    /// A number of its own.
    Number(f64),
}

struct Goal {
    work: &'static str,
    case: &'static str,
    ours: &'static str,
    metric: &'static str,
    unit: Unit,
    against: Against,
    /// How many times as good as the other; with a number of its own, always 1.
    factor: f64,
}

use Against::BestPeer;
use Against::Number;
use Against::Row as Other;
use Unit::Bytes;
use Unit::Count;
use Unit::Nanoseconds as Ns;
use Unit::PerSecond;

const RWF_DSYNC: &str = "limit: pwritev2(RWF_DSYNC)";
const MAPPED_READ: &str = "limit: mapped read + CRC";
const CRATE: &str = "crate 0.6.9";
const MS: f64 = 1e6;

#[rustfmt::skip]
const GOALS: &[Goal] = &[
    goal("W1", "64 B", "ironwal", "ops", PerSecond, BestPeer, 3.0),
    goal("W1", "256 B", "ironwal", "ops", PerSecond, BestPeer, 1.5),
    goal("W1", "1 KiB", "ironwal", "ops", PerSecond, BestPeer, 1.1),
    goal("W1", "64 B", "ironwal C", "p50", Ns, Number(100.0), 1.0),
    goal("W2", "100 × 256 B", "ironwal", "ops", PerSecond, Other(CRATE), 1.5),
    goal("W3", "256 B", "ironwal", "ops", PerSecond, Other(RWF_DSYNC), 0.95),
    goal("W3", "256 B, rotating", "ironwal", "p99.9", Ns, BestPeer, 1.0),
    goal("W4", "4 threads", "ironwal", "ops", PerSecond, BestPeer, 1.1),
    goal("W4", "16 threads", "ironwal", "ops", PerSecond, BestPeer, 1.1),
    goal("W4", "64 threads", "ironwal", "ops", PerSecond, BestPeer, 1.3),
    goal("W5", "16 streams", "ironwal", "ops", PerSecond, Other("okaywal, a log per stream"), 1.0),
    goal("W5", "64 streams", "ironwal", "ops", PerSecond, Other("okaywal, a log per stream"), 1.0),
    goal("W5", "16 streams", "ironwal", "ops", PerSecond, Other(CRATE), 1.0),
    goal("W5", "64 streams", "ironwal", "ops", PerSecond, Other(CRATE), 1.0),
    goal("W6", "2 streams", "ironwal", "ops", PerSecond, BestPeer, 2.0),
    goal("W6", "1 stream", "ironwal", "ops", PerSecond, BestPeer, 1.5),
    goal("W7", "1 M × 256 B", "ironwal get_into, mapped", "ops", PerSecond, BestPeer, 2.0),
    goal("W7", "1 M × 256 B", "ironwal get_into, mapped", "ops_2", PerSecond, BestPeer, 2.0),
    goal("W7", "1 M × 256 B", "ironwal view, mapped", "ops", PerSecond, BestPeer, 4.0),
    goal("W7", "1 M × 256 B", "ironwal view, mapped", "ops_2", PerSecond, BestPeer, 4.0),
    goal("W8", "256 B", "ironwal view, mapped", "ops", PerSecond, Other("LMDB"), 1.0),
    goal("W8", "16 KiB", "ironwal view, mapped", "ops", PerSecond, Other(MAPPED_READ), 0.8),
    goal("W8", "256 B", "ironwal owning iterator", "ops", PerSecond, Other(CRATE), 3.0),
    goal("W8", "16 KiB", "ironwal owning iterator", "ops", PerSecond, Other(CRATE), 3.0),
    goal("W9", "100 MB", "ironwal", "open_less_rewrite_ns", Ns, Number(30.0 * MS), 1.0),
    goal("W9", "1 GB", "ironwal", "open_less_rewrite_ns", Ns, Number(30.0 * MS), 1.0),
    goal("W9", "4 GB", "ironwal", "open_less_rewrite_ns", Ns, Number(30.0 * MS), 1.0),
    goal("W9", "100 MB", "ironwal", "clean_open_ns", Ns, Number(2.0 * MS), 1.0),
    goal("W9", "1 GB", "ironwal", "clean_open_ns", Ns, Number(2.0 * MS), 1.0),
    goal("W9", "4 GB", "ironwal", "clean_open_ns", Ns, Number(2.0 * MS), 1.0),
    goal("W9", "1 GB", "ironwal", "memory_bytes", Bytes, Number(1e6), 1.0),
    goal("W10", "1,000 streams", "ironwal", "open_ns", Ns, Other("raft-engine"), 1.0),
    goal("W10", "10,000 streams", "ironwal", "open_ns", Ns, Other("raft-engine"), 1.0),
    goal("W10", "10,000 streams", "ironwal", "create_ns", Ns, Number(1000.0 * MS), 1.0),
    goal("W10", "10,000 streams", "ironwal", "resident_bytes", Bytes, Number(25.0 * 1048576.0), 1.0),
    goal("W10", "10,000 streams", "ironwal", "bytes_per_stream", Bytes, Number(1024.0), 1.0),
    goal("W11", "16 shards", "ironwal", "ops", PerSecond, Other(CRATE), 3.0),
    goal("W11", "16 shards", "ironwal", "batch_entries", PerSecond, Other(CRATE), 3.0),
    goal("W11", "16 shards", "ironwal", "checkpoints", PerSecond, Other(CRATE), 3.0),
    goal("W11", "16 shards", "ironwal", "loads", PerSecond, Other(CRATE), 3.0),
    goal("W12", "256 B", "ironwal", "p99", Ns, Number(3_000.0), 1.0),
    goal("W12", "256 B", "ironwal", "p99.9", Ns, Number(125_000.0), 1.0),
    goal("W12", "256 B", "ironwal", "stalls_alone", Count, Number(0.0), 1.0),
    goal("C", "64 B", "ironwal C", "difference", Ns, Number(10.0), 1.0),
    goal("C", "256 B", "ironwal C", "difference", Ns, Number(10.0), 1.0),
];

const fn goal(
    work: &'static str,
    case: &'static str,
    ours: &'static str,
    metric: &'static str,
    unit: Unit,
    against: Against,
    factor: f64,
) -> Goal {
    Goal {
        work,
        case,
        ours,
        metric,
        unit,
        against,
        factor,
    }
}

/// The verdicts on all goals whose rows were measured.
pub fn verdicts(tables: &[Table]) -> Vec<Verdict> {
    GOALS
        .iter()
        .filter_map(|goal| verdict(goal, tables))
        .collect()
}

fn verdict(goal: &Goal, tables: &[Table]) -> Option<Verdict> {
    let mut of_case = tables.iter().filter(|table| table.case.work == goal.work);
    let table = of_case.find(|table| table.case.name == goal.case)?;
    let named = |name: &str| table.rows.iter().find(|row| row.contender.name == name);
    let ours = named(goal.ours)?.median(goal.metric)?;
    let more = matches!(goal.unit, PerSecond);
    let work = format!("{}, {}", goal.work, goal.case);
    let told = goal.ours.to_owned() + " " + title(table, goal.metric);
    if let Number(most) = goal.against {
        return Some(Verdict {
            work,
            goal: format!("{told} ≤ {}", shown(most, goal.unit)),
            found: shown(ours, goal.unit),
            against: "–".to_owned(),
            met: ours <= most,
        });
    }
    let other = match goal.against {
        Other(name) => named(name)?,
        _ => best_peer(table, goal.metric, more)?,
    };
    let theirs = other.median(goal.metric)?;
    let ratio = if more { ours / theirs } else { theirs / ours };
    let against = match goal.against {
        BestPeer => "the best peer",
        _ => other.contender.name,
    };
    Some(Verdict {
        work,
        goal: format!("{told} ≥ {} × {against}", goal.factor),
        found: format!("{ratio:.2} × ({})", shown(ours, goal.unit)),
        against: format!("{} ({})", other.contender.name, shown(theirs, goal.unit)),
        met: ratio >= goal.factor,
    })
}

fn title<'a>(table: &'a Table, metric: &'a str) -> &'a str {
    let column = table
        .case
        .columns
        .iter()
        .find(|column| column.metric == metric);
    column.map_or(metric, |column| column.title)
}

/// The best of the peers whose acknowledgement means as much as ours.
fn best_peer<'a>(table: &'a Table, metric: &str, more: bool) -> Option<&'a Row> {
    let mode = table.case.mode;
    let enough = |row: &&Row| {
        let means = row.contender.means(mode);
        means == "disk" || (mode == Mode::Async && means == "page cache")
    };
    let reads = matches!(table.case.work, "W7" | "W8");
    let peers = table
        .rows
        .iter()
        .filter(|row| row.contender.kind == Kind::Peer);
    let peers = peers.filter(|row| reads || enough(row));
    let told = peers.filter_map(|row| Some((row, row.median(metric)?)));
    let better = |one: &(&Row, f64), other: &(&Row, f64)| one.1.total_cmp(&other.1);
    let best = if more {
        told.max_by(better)
    } else {
        told.min_by(better)
    };
    best.map(|(row, _)| row)
}
