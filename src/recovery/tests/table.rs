//! How is a row checked: facts in, one line of words out, under both policies?

use crate::ids::EntryId;
use crate::options::CorruptionPolicy;
use crate::recovery::decide::table::decide;
use crate::recovery::facts::StreamFacts;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::Decision;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::KeptState;
use crate::recovery::verdict::NextAppend;
use crate::recovery::verdict::Refusal;
use crate::recovery::verdict::Verdict;

/// One row of the table.
pub struct Row {
    /// Its name; `docs/FORMAT.md` holds it too.
    pub name: &'static str,
    pub facts: StreamFacts,
    /// The verdict under `Truncate`, as [`decision_text`] writes it.
    pub truncate: &'static str,
    /// What `Error` says instead; empty: the same.
    pub error: &'static str,
}

/// Checks rows under both policies, and that the documentation has each by name.
pub fn check(rows: Vec<Row>) {
    const FORMAT: &str = include_str!("../../../docs/FORMAT.md");
    let mut wrong = Vec::new();
    for row in rows {
        let cases = [
            (CorruptionPolicy::Truncate, row.truncate),
            (CorruptionPolicy::Error, row.error),
        ];
        for (policy, expected) in cases {
            let expected = if expected.is_empty() {
                row.truncate
            } else {
                expected
            };
            let text = decision_text(&decide(&row.facts, policy));
            if text != expected {
                wrong.push(format!(
                    "{} under {policy:?}\n  expected {expected}\n  decided  {text}",
                    row.name
                ));
            }
        }
        if !FORMAT.contains(&format!("| {} |", row.name)) {
            wrong.push(format!("docs/FORMAT.md lacks the row {:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A decision in one line.
pub fn decision_text(decision: &Decision) -> String {
    match decision {
        Decision::Refuse(Refusal::Foreign(i, foreign)) => {
            format!("refuse: file {i} is {foreign:?}")
        }
        Decision::Refuse(Refusal::NoKey) => "refuse: no key".to_owned(),
        Decision::Refuse(Refusal::Damaged(findings)) => {
            format!("refuse: {}", list(findings.iter().map(found)))
        }
        Decision::Serve(verdict) => verdict_text(verdict),
    }
}

fn verdict_text(verdict: &Verdict) -> String {
    let kept = verdict.kept.iter().map(|kept| {
        let ids = format!("{}..{}", kept.header.first_id, kept.end.next_id);
        match kept.state {
            KeptState::Sealed => format!("{ids} sealed"),
            KeptState::ReadOnlyPrefix => format!("{ids} closed"),
            KeptState::Tail { from, new_name } => {
                let name = if new_name { " and name" } else { "" };
                format!("{ids} rewrite from {}{name}", from.1)
            }
        }
    });
    let mut text = vec![format!("keep {}", list(kept))];
    if !verdict.actions.is_empty() {
        text.push(list(verdict.actions.iter().map(done)));
    }
    text.push(match &verdict.next {
        NextAppend::Empty => "next first".to_owned(),
        NextAppend::Continue => "next on".to_owned(),
        NextAppend::AfterLoss {
            first_id,
            lost_from,
            ..
        } if first_id == lost_from => {
            format!("next new at {first_id}")
        }
        NextAppend::AfterLoss {
            first_id,
            lost_from,
            ..
        } => {
            format!("next new at {first_id}, lost from {lost_from}")
        }
    });
    if verdict.first_kept.0 > EntryId(0) {
        text.push(format!("first kept {}", verdict.first_kept.0));
    }
    if !verdict.findings.is_empty() {
        text.push(format!(
            "damage: {}",
            list(verdict.findings.iter().map(found))
        ));
    }
    text.join("; ")
}

fn done(action: &Action) -> String {
    match action {
        Action::SyncNames => "sync names".to_owned(),
        Action::RewriteSlot(i, slot) => format!("store slot {slot} of {i} again"),
        Action::BackupRange(i, from) => format!("save {i} from {from}"),
        Action::BackupFile(i) => format!("save {i}"),
        Action::Remove(i) => format!("remove {i}"),
        Action::RemoveTemporary => "remove temporary".to_owned(),
        Action::Trim(i, at) => format!("cut {i} at {at}"),
    }
}

fn found(finding: &Finding) -> String {
    let mut text = finding.what.to_owned();
    if let Some(ids) = &finding.ids {
        text.push_str(&format!(" {}..{}", ids.start, ids.end));
    }
    text
}

fn list(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}
