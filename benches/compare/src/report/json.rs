//! What is written for machines? All samples, with their summaries and all that was said.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::report::goals::Verdict;
use crate::report::markdown::About;
use crate::rounds::Row;
use crate::rounds::Table;

pub fn document(about: &About, tables: &[Table], verdicts: &[Verdict]) -> Value {
    let facts: Map<String, Value> = about
        .facts
        .iter()
        .map(|(name, fact)| ((*name).to_owned(), json!(fact)))
        .collect();
    let goals = verdicts.iter().map(|verdict| {
        json!({
            "work": verdict.work, "goal": verdict.goal, "found": verdict.found,
            "against": verdict.against, "met": verdict.met,
        })
    });
    json!({
        "command": about.command,
        "machine": facts,
        "cases": tables.iter().map(table).collect::<Vec<_>>(),
        "goals": goals.collect::<Vec<_>>(),
    })
}

fn table(table: &Table) -> Value {
    let case = &table.case;
    json!({
        "work": case.work,
        "case": case.name,
        "title": case.title,
        "mode": format!("{:?}", case.mode),
        "rows": table.rows.iter().map(|found| row(table, found)).collect::<Vec<_>>(),
    })
}

fn row(table: &Table, row: &Row) -> Value {
    let mut summaries = Map::new();
    let told = row.samples.iter().flat_map(|sample| sample.keys());
    for metric in told.collect::<std::collections::BTreeSet<_>>() {
        if let Some(summary) = row.summary(metric) {
            let summary = json!({
                "median": summary.median, "min": summary.least, "max": summary.most,
            });
            summaries.insert(metric.clone(), summary);
        }
    }
    json!({
        "name": row.contender.name,
        "kind": format!("{:?}", row.contender.kind),
        "acknowledged_in": row.contender.means(table.case.mode),
        "failure": row.failure,
        "summary": summaries,
        "samples": row.samples,
    })
}
