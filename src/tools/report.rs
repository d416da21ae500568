//! What did a verification find?

use std::ops::Range;
use std::path::PathBuf;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// No damage: remains of a crash that the next open cleans up, quarantined bytes, a recorded
    /// loss, a derived file that is made anew.
    Note,
    /// Something that was durable is damaged or gone.
    Damage,
    /// Something could not be checked: a read error, a newer format, an unrecognised file.
    Unreadable,
}

/// One thing that a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyFinding {
    /// How bad it is.
    pub severity: Severity,
    /// The stream's key, where it concerns one.
    pub stream: Option<String>,
    /// The file or directory.
    pub path: PathBuf,
    /// The place in the file, in bytes, where it has one.
    pub offset: Option<u64>,
    /// The ids concerned, where they are known.
    pub ids: Option<Range<u64>>,
    /// What was found.
    pub what: String,
}

impl VerifyFinding {
    pub(super) fn new(severity: Severity, path: PathBuf, what: impl Into<String>) -> Self {
        VerifyFinding {
            severity,
            stream: None,
            path,
            offset: None,
            ids: None,
            what: what.into(),
        }
    }

    pub(super) fn of(mut self, stream: &str) -> Self {
        self.stream = Some(stream.to_owned());
        self
    }

    pub(super) fn at(mut self, offset: impl Into<Option<u64>>) -> Self {
        self.offset = offset.into();
        self
    }

    pub(super) fn ids(mut self, ids: impl Into<Option<Range<u64>>>) -> Self {
        self.ids = ids.into();
        self
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Streams checked.
    pub streams: u64,
    /// Their segments.
    pub segments: u64,
    /// Good frames in them.
    pub frames: u64,
    /// Those of them that hold the properties of their stream, with entries or without.
    pub property_frames: u64,
    /// Frames behind a cut, not counted in `frames`: they are no part of the stream any more, so their
    /// payloads were not checked.
    pub void_frames: u64,
    /// Good entries that the streams keep.
    pub entries: u64,
    /// Bytes of segments read.
    pub bytes: u64,
    /// Records of a sharded log's checkpoints, good ones.
    pub checkpoints: u64,
    /// Records of the commit journal, good ones: of a log that is open for writing those whose files are in use, of
    /// one that no writer has recovered those that opening it writes into the streams' files.
    pub journal_records: u64,
    /// Bytes of the commit journal's files.
    pub journal_bytes: u64,
    /// The findings, stream by stream.
    pub findings: Vec<VerifyFinding>,
}

impl VerifyReport {
    /// Whether all that was stored is there and whole: no finding is worse than a note.
    pub fn is_clean(&self) -> bool {
        self.worst() <= Severity::Note
    }

    /// The worst that was found; `Note` where nothing was.
    pub fn worst(&self) -> Severity {
        let severities = self.findings.iter().map(|finding| finding.severity);
        severities.max().unwrap_or(Severity::Note)
    }
}
