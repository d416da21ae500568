//! What do people read of `verify`, `report` and `checkpoints`?

use std::path::Path;

use ironwal::Severity;
use ironwal::VerifyFinding;
use ironwal::VerifyReport;

use super::checkpoint_listing::Listed;
use super::escape;
use super::output::Output;
use super::utc;
use super::words::counted;
use super::words::severity;
use super::words::size;
use super::words::time_of;

impl Output {
    /// The result of `verify`.
    /// `is_quiet`: damage and what is unreadable only.
    pub fn verified(&mut self, report: &VerifyReport, is_quiet: bool) {
        let is_shown = |finding: &&VerifyFinding| !is_quiet || finding.severity != Severity::Note;
        self.findings(report.findings.iter().filter(is_shown));
        if is_quiet {
            return;
        }
        let summary = match report.is_clean() {
            true => self.palette.good("clean"),
            false => self.palette.bad("NOT CLEAN"),
        };
        let mut line = format!(
            "{summary}: {}, {}, {}, {}, {}, {}",
            counted(report.streams, "stream", "streams"),
            counted(report.segments, "segment", "segments"),
            counted(report.frames, "frame", "frames"),
            counted(report.entries, "entry", "entries"),
            size(report.bytes),
            counted(report.checkpoints, "checkpoint", "checkpoints"),
        );
        if report.property_frames > 0 {
            let frames = counted(report.property_frames, "frame", "frames");
            line += &format!(", {frames} with properties");
        }
        if report.void_frames > 0 {
            let frames = counted(report.void_frames, "void frame", "void frames");
            line += &format!(", {frames} behind cuts");
        }
        if report.journal_bytes > 0 {
            let records = counted(report.journal_records, "record", "records");
            line += &format!(", {records} of the commit journal");
        }
        self.line(&line);
    }

    /// The result of `report`.
    pub fn reported(&mut self, file: &Path, report: &VerifyReport) {
        let bad = report
            .findings
            .iter()
            .filter(|f| f.severity != Severity::Note);
        let summary = match bad.count() as u64 {
            0 => self.palette.good("clean"),
            count => self.palette.bad(&counted(count, "finding", "findings")),
        };
        let streams = counted(report.streams, "stream", "streams");
        self.line(&format!("{}: {summary}, {streams}", escape::path(file)));
    }

    /// A line for each finding.
    pub fn findings<'a>(&mut self, findings: impl Iterator<Item = &'a VerifyFinding>) {
        for finding in findings {
            let word = severity(finding.severity);
            let mut line = match finding.severity {
                Severity::Note => self.palette.note(word),
                _ => self.palette.bad(word),
            };
            if let Some(stream) = &finding.stream {
                line += &format!(" stream {stream:?}");
            }
            line += &format!(" {}", escape::path(&finding.path));
            if let Some(offset) = finding.offset {
                line += &format!(" offset {offset}");
            }
            if let Some(ids) = &finding.ids {
                line += &format!(" ids {}..{}", ids.start, ids.end);
            }
            self.line(&format!("{line}: {}", escape::text(&finding.what)));
        }
    }

    /// The result of `checkpoints`.
    pub fn checkpoints(&mut self, listed: &Listed) {
        for (id, checkpoint) in &listed.checkpoints {
            let id = id.escape_ascii();
            let line = match checkpoint {
                Ok(data) => {
                    let ids: u64 = data
                        .offsets
                        .iter()
                        .fold(0, |sum, id| sum.saturating_add(*id));
                    let at = utc::second(time_of(data));
                    format!("{id} {at}, {} below it", counted(ids, "id", "ids"))
                }
                Err(error) => self.unusable(&id.to_string(), error),
            };
            self.line(&line);
        }
        let checkpoints = counted(listed.checkpoints.len() as u64, "checkpoint", "checkpoints");
        let shards = counted(u64::from(listed.shards), "shard", "shards");
        self.line(&format!("{checkpoints}, {shards}"));
    }

    /// The result of `checkpoints --show`.
    pub fn checkpoint(&mut self, listed: &Listed) {
        for (id, checkpoint) in &listed.checkpoints {
            let id = id.escape_ascii();
            match checkpoint {
                Ok(data) => {
                    self.line(&format!("{id} {}", utc::second(time_of(data))));
                    for (next_id, shard) in data.offsets.iter().zip(0..) {
                        let shard = ironwal::sharded::shard_stream_name(shard);
                        self.line(&format!("  {shard}: next id {next_id}"));
                    }
                }
                Err(error) => {
                    let line = self.unusable(&id.to_string(), error);
                    self.line(&line);
                }
            }
        }
    }

    fn unusable(&self, id: &str, error: &str) -> String {
        let unusable = self.palette.bad("unusable");
        format!("{id} {unusable}: {}", escape::text(error))
    }
}
