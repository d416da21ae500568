//! What is written for people? A table a case, to be pasted into `docs/RESULTS.md`.

use std::fmt::Write;

use crate::log::Failure;
use crate::log::Kind;
use crate::peers;
use crate::report::goals::Verdict;
use crate::report::numbers::shown;
use crate::rounds::Row;
use crate::rounds::Table;

/// What is told beside the tables.
pub struct About<'a> {
    pub command: &'a str,
    pub facts: &'a [(&'static str, String)],
    /// Whether the machine did other work.
    pub busy: bool,
    /// The table of what an acknowledged append means, if it was made.
    pub meanings: &'a str,
}

pub fn document(
    about: &About,
    tables: &[Table],
    verdicts: &[Verdict],
    plots: &[(String, String)],
) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "Command: `{}`\n", about.command);
    for (name, fact) in about.facts {
        let _ = writeln!(text, "- {name}: {fact}");
    }
    if about.busy {
        text.push_str(BUSY);
    }
    let not_built = peers::not_built();
    if !not_built.is_empty() {
        let _ = writeln!(text, "- not built: {}", not_built.join(", "));
    }
    if !verdicts.is_empty() {
        text.push_str(&goals(verdicts));
    }
    if !about.meanings.is_empty() {
        let _ = write!(
            text,
            "\n### What an acknowledged append means\n\n{}",
            about.meanings
        );
    }
    for found in tables {
        if found.case.is_growth() {
            continue;
        }
        text.push_str(&table(found));
    }
    text.push_str(&growth(tables));
    for (title, place) in plots {
        let _ = writeln!(text, "\n![{title}]({place})");
    }
    text
}

/// A table a work, a line a case, of ours alone.
fn growth(tables: &[Table]) -> String {
    let mut text = String::new();
    let mut last = "";
    for table in tables.iter().filter(|table| table.case.is_growth()) {
        let case = &table.case;
        if last != case.work {
            last = case.work;
            let _ = write!(
                text,
                "\n### {last}\n\nHow the cost grows {}.\n\n| |",
                case.title
            );
            for column in case.columns {
                let _ = write!(text, " {} |", column.title);
            }
            let _ = writeln!(text, "\n|---|{}", "---|".repeat(case.columns.len()));
        }
        let _ = write!(text, "| {} |", case.name);
        for column in case.columns {
            let mut medians = table
                .rows
                .iter()
                .filter_map(|row| row.median(column.metric));
            let median = medians.next_back().unwrap_or(f64::NAN);
            let _ = write!(text, " {} |", shown(median, column.unit));
        }
        text.push('\n');
    }
    text
}

/// Puts a document between two marks in a file that has them.
pub fn put_between_marks(file: &str, document: &str) -> Result<String, Failure> {
    let (from, to) = (file.find(BEGIN), file.find(END));
    let (Some(from), Some(to)) = (from, to) else {
        return Err(format!("the file has no lines {BEGIN} and {END}").into());
    };
    let (before, after) = (&file[..from + BEGIN.len()], &file[to..]);
    Ok(format!("{before}\n{document}\n{after}"))
}

const BUSY: &str = "\n**The machine did other work at the same time: these figures show that as \
                    much as the logs.**\n";
const BEGIN: &str = "<!-- comparison: begin -->";
const END: &str = "<!-- comparison: end -->";

fn goals(verdicts: &[Verdict]) -> String {
    let mut text =
        String::from("\n### Goals\n\n| work | goal | found | against | |\n|---|---|---|---|---|\n");
    for verdict in verdicts {
        let met = if verdict.met { "met" } else { "**missed**" };
        let Verdict {
            work,
            goal,
            found,
            against,
            ..
        } = verdict;
        let _ = writeln!(text, "| {work} | {goal} | {found} | {against} | {met} |");
    }
    text
}

fn table(table: &Table) -> String {
    let case = &table.case;
    let rounds = table.rows.iter().map(|row| row.samples.len()).max();
    let rounds = match rounds.unwrap_or(0) {
        1 => "One round".to_owned(),
        count => format!("Medians of {count} rounds"),
    };
    let mut text = format!(
        "\n### {}, {}\n\n{}. {rounds}; the ratio is\nthe best row of ironwal's to this one.\n\n",
        case.work, case.name, case.title,
    );
    let first = case.columns[0];
    let _ = write!(
        text,
        "| | acknowledged in | {} | min – max | ratio |",
        first.title
    );
    for column in &case.columns[1..] {
        let _ = write!(text, " {} |", column.title);
    }
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(case.columns.len() + 2));
    let ours = best(table, Kind::Ours);
    for row in &table.rows {
        text.push_str(&line(table, row, ours));
    }
    text
}

/// The best median of the first column, of rows of one kind.
pub fn best(table: &Table, kind: Kind) -> Option<f64> {
    let first = table.case.columns[0];
    let rows = table.rows.iter().filter(|row| row.contender.kind == kind);
    let medians = rows.filter_map(|row| row.median(first.metric));
    match first.more_is_better() {
        true => medians.max_by(f64::total_cmp),
        false => medians.min_by(f64::total_cmp),
    }
}

fn line(table: &Table, row: &Row, ours: Option<f64>) -> String {
    let (case, name) = (&table.case, row.contender.name);
    let means = row.contender.means(case.mode);
    let first = case.columns[0];
    let Some(summary) = row.summary(first.metric) else {
        let why = row.failure.as_deref().unwrap_or("told nothing");
        let columns = "|".repeat(case.columns.len() + 1);
        return format!(
            "| {name} | {means} | not run: {} {columns}\n",
            why.replace('|', "/")
        );
    };
    let ratio = match (ours, first.more_is_better()) {
        (None, _) => f64::NAN,
        (Some(ours), true) => ours / summary.median,
        (Some(ours), false) => summary.median / ours,
    };
    let ratio = if ratio.is_nan() {
        "–".to_owned()
    } else {
        format!("{ratio:.2}")
    };
    let mut text = format!(
        "| {name} | {means} | {} | {} – {} | {ratio} |",
        shown(summary.median, first.unit),
        shown(summary.least, first.unit),
        shown(summary.most, first.unit),
    );
    for column in &case.columns[1..] {
        let median = row.median(column.metric).unwrap_or(f64::NAN);
        let _ = write!(text, " {} |", shown(median, column.unit));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_replaces_what_stands_between_the_marks() {
        let file = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let put = put_between_marks(&file, "new").expect("marks");
        assert_eq!(put, format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert!(put_between_marks("a", "new").is_err());
    }
}
