//! Which plots are drawn? The percentiles of latencies, and how throughput scales with size and
//! with threads.

use std::fs;
use std::io;
use std::path::Path;

use crate::histogram::PERCENTILES;
use crate::log::Kind;
use crate::report::numbers::shown;
use crate::report::svg::Line;
use crate::report::svg::Plot;
use crate::rounds::Row;
use crate::rounds::Table;
use crate::works::Unit;

/// Cases whose latencies are drawn.
const LATENCIES: [(&str, &str, &str); 6] = [
    ("W1", "64 B", "w1-64-latency.svg"),
    ("W1", "256 B", "w1-256-latency.svg"),
    ("W3", "256 B", "w3-latency.svg"),
    ("W3", "256 B, rotating", "w3-rotating-latency.svg"),
    ("W4", "16 threads", "w4-16-latency.svg"),
    ("W12", "256 B", "w12-latency.svg"),
];

/// Works whose throughput is drawn over their cases.
const SCALING: [(&str, &str, &str); 4] = [
    (
        "W1",
        "appends/s by size of the entry, Async, 1 thread",
        "w1-scaling.svg",
    ),
    (
        "W4",
        "appends/s by threads on one stream, Strict",
        "w4-scaling.svg",
    ),
    (
        "W5",
        "appends/s of 16 threads by streams, Strict",
        "w5-scaling.svg",
    ),
    (
        "W6",
        "appends/s of 2 threads by streams, Async",
        "w6-scaling.svg",
    ),
];

/// Draws what was measured into a directory.
pub fn draw(tables: &[Table], dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (work, case, file) in LATENCIES {
        let found = tables
            .iter()
            .find(|table| (table.case.work, table.case.name) == (work, case));
        if let Some(text) = found.and_then(latencies) {
            fs::write(dir.join(file), text)?;
        }
    }
    for (work, title, file) in SCALING {
        let of_work: Vec<&Table> = tables
            .iter()
            .filter(|table| table.case.work == work)
            .collect();
        if let Some(text) = scaling(&of_work, title) {
            fs::write(dir.join(file), text)?;
        }
    }
    Ok(())
}

fn latencies(table: &Table) -> Option<String> {
    let mut names: Vec<&str> = PERCENTILES.iter().map(|(name, _)| *name).collect();
    names.push("max");
    let lines = table
        .rows
        .iter()
        .filter(|row| !row.samples.is_empty())
        .map(|row| Line {
            name: row.contender.name.to_owned(),
            values: names.iter().map(|name| row.median(name)).collect(),
            bold: row.contender.kind == Kind::Ours,
        });
    let plot = Plot {
        title: format!("{}, {}: time of a call", table.case.work, table.case.title),
        places: names.iter().map(|name| (*name).to_owned()).collect(),
        lines: lines.collect(),
        tick: &|value| shown(value, Unit::Nanoseconds),
    };
    plot.drawn()
}

fn scaling(tables: &[&Table], title: &str) -> Option<String> {
    let first = tables.first()?;
    let value = |table: &Table, name: &str| {
        let mut rows = table.rows.iter();
        let row: &Row = rows.find(|row| row.contender.name == name)?;
        row.median("ops")
    };
    let lines = first.rows.iter().map(|row| {
        let name = row.contender.name;
        Line {
            name: name.to_owned(),
            values: tables.iter().map(|table| value(table, name)).collect(),
            bold: row.contender.kind == Kind::Ours,
        }
    });
    let lines = lines.filter(|line| line.values.iter().any(Option::is_some));
    let plot = Plot {
        title: format!("{}: {title}", first.case.work),
        places: tables
            .iter()
            .map(|table| table.case.name.to_owned())
            .collect(),
        lines: lines.collect(),
        tick: &|value| shown(value, Unit::PerSecond),
    };
    plot.drawn()
}
