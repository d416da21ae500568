//! What did opening a log find, lose and remove, stream by stream?
//!
//! Recovery logs all of this. The report holds it as data: a consensus engine asks it before it votes,
//! since a node that lost durable entries must not act as if its log were complete.
//!
//! A stream that was closed cleanly, or whose crash left nothing behind, costs the report nothing.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::recovery::Finding;
use crate::recovery::Recovered;
use crate::recovery::StreamFacts;
use crate::recovery::Verdict;
use crate::recovery::path_of_finding;

/// What opening a log found and did. Returned by [`Wal::recovery`](crate::Wal::recovery); it does not change
/// while the log is open.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// How many streams the log had on disk, damaged ones included.
    pub stream_count: usize,
    /// How long opening took, from the lock to the last stream.
    pub duration: Duration,
    /// The streams with damage, with remains of a crash, or that could not be opened, sorted by key. All
    /// others were recovered whole: nothing was cut and nothing is missing.
    pub streams: Vec<StreamRecovery>,
}

impl RecoveryReport {
    /// Whether nothing that was durable is missing or unreadable, as far as opening can know: it reads
    /// headers, indexes and the tails of streams, not every payload (`ironwalctl verify` does).
    pub fn is_complete(&self) -> bool {
        self.streams.iter().all(StreamRecovery::is_complete)
    }
}

/// What opening found and did in one stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamRecovery {
    /// The key; the name of the directory if the key is unknown.
    pub stream: String,
    /// One past the last id that was known to be durable before. Entries behind it may have been
    /// recovered too: they were written, and perhaps never acknowledged.
    pub durable_end_before: u64,
    /// The id of the next append now: all entries below, except those in `damage`, are there and durable.
    pub next_id: u64,
    /// Damage to what was durable.
    pub damage: Vec<RecoveryFinding>,
    /// What a crash left behind, and recovery removed. None of it was ever acknowledged as durable.
    pub remains: Vec<RecoveryFinding>,
    /// Files with the bytes that were quarantined by this opening (`#cut-` beside the segment).
    pub quarantined: Vec<PathBuf>,
    /// Why the stream is not served, or takes no appends.
    pub error: Option<Arc<Error>>,
}

impl StreamRecovery {
    /// Whether nothing that was durable is missing or unreadable, as far as opening can know.
    pub fn is_complete(&self) -> bool {
        self.damage.is_empty() && self.error.is_none()
    }
}

/// One piece of damage, or of what a crash left.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryFinding {
    /// The segment's file; the stream's directory where the stream as a whole is concerned.
    pub path: PathBuf,
    /// Where in the file, in bytes.
    pub offset: Option<u64>,
    /// The ids that are missing or unreadable, if known.
    pub ids: Option<Range<u64>>,
    /// What it is, in a few words of English.
    pub what: &'static str,
}

/// The part of the report on a stream that is served; `None`: there is nothing to report.
pub(super) fn of_served(
    key: &str,
    facts: &StreamFacts,
    verdict: &Verdict,
    recovered: &mut Recovered,
) -> Option<StreamRecovery> {
    let quarantined = std::mem::take(&mut recovered.quarantined);
    let stopped_by = recovered.failure.as_ref().or(recovered.blocked.as_ref());
    let is_uneventful = verdict.findings.is_empty()
        && recovered.done.is_empty()
        && quarantined.is_empty()
        && stopped_by.is_none();
    if is_uneventful {
        return None;
    }
    let finding = |finding: &Finding| RecoveryFinding {
        path: path_of_finding(facts, finding),
        offset: finding.offset,
        ids: finding.ids.clone(),
        what: finding.what,
    };
    Some(StreamRecovery {
        stream: key.to_owned(),
        durable_end_before: verdict.durable_end.0,
        next_id: verdict.durable_end.0,
        damage: verdict.findings.iter().map(finding).collect(),
        remains: recovered.done.iter().map(finding).collect(),
        quarantined,
        error: stopped_by.map(|error| Arc::new(error.duplicate())),
    })
}

/// The part of the report on a stream that could not be opened.
pub(super) fn of_failed(key: &str, error: &Arc<Error>) -> StreamRecovery {
    StreamRecovery {
        stream: key.to_owned(),
        durable_end_before: 0,
        next_id: 0,
        damage: Vec::new(),
        remains: Vec::new(),
        quarantined: Vec::new(),
        error: Some(Arc::clone(error)),
    }
}
