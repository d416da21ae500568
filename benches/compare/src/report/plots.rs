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

/// Draws what was measured into a directory. Gives what each plot shows and where it is, seen from
/// the directory above.
pub fn draw(tables: &[Table], dir: &Path) -> io::Result<Vec<(String, String)>> {
    fs::create_dir_all(dir)?;
    let mut drawn = Vec::new();
    let mut keep = |title: String, file: &str, text: String| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        drawn.push((title, format!("{name}/{file}")));
        fs::write(dir.join(file), text)
    };
    for (work, case, file) in LATENCIES {
        let named = |table: &&Table| (table.case.work, table.case.name) == (work, case);
        if let Some(text) = tables.iter().find(named).and_then(latencies) {
            keep(format!("{work}, {case}: percentiles of a call"), file, text)?;
        }
    }
    for (work, title, file) in SCALING {
        let of_work = tables.iter().filter(|table| is_of(table, work));
        let of_work: Vec<&Table> = of_work.collect();
        if let Some(text) = scaling(&of_work, work, title) {
            keep(format!("{work}: {title}"), file, text)?;
        }
    }
    Ok(drawn)
}

/// The cases of a work; of W4, many threads, also W3, one.
fn is_of(table: &Table, work: &str) -> bool {
    let (of, case) = (table.case.work, table.case.name);
    of == work || (work == "W4" && (of, case) == ("W3", "256 B"))
}

fn place(table: &Table, work: &str) -> String {
    let name = if table.case.work == work {
        table.case.name
    } else {
        "1 thread"
    };
    name.to_owned()
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
    let case = &table.case;
    let plot = Plot {
        title: format!(
            "{}, {}, {}: time of a call",
            case.work, case.name, case.title
        ),
        places: names.iter().map(|name| (*name).to_owned()).collect(),
        lines: lines.collect(),
        tick: &|value| shown(value, Unit::Nanoseconds).replace(".0", ""),
    };
    plot.drawn()
}

fn scaling(tables: &[&Table], work: &str, title: &str) -> Option<String> {
    let first = tables.last()?;
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
        title: format!("{work}: {title}"),
        places: tables.iter().map(|table| place(table, work)).collect(),
        lines: lines.collect(),
        tick: &|value| shown(value, Unit::PerSecond).replace(".0", ""),
    };
    plot.drawn()
}
