//! What do people read of the commands that make a new log?

use std::path::Path;

use ironwal::SnapshotReport;
use ironwal::import::ImportReport;
use ironwal::repair::RepairReport;
use ironwal::tools::LoadReport;

use super::escape;
use super::output::Output;
use super::words::counted;
use super::words::size;

impl Output {
    /// The result of `snapshot`.
    pub fn snapshot(&mut self, new_dir: &Path, report: &SnapshotReport) {
        for (key, next_id) in &report.streams {
            self.line(&format!("{key:?}: ids up to {next_id}"));
        }
        let moment = match report.is_one_moment {
            true => "all streams as they were at one moment",
            false => "each stream as it was at a moment of its own",
        };
        self.line(&format!(
            "{}: {}, {} linked, {} copied, {} copied; {moment}",
            escape::path(new_dir),
            counted(report.streams.len() as u64, "stream", "streams"),
            counted(report.segments_linked as u64, "segment", "segments"),
            report.segments_copied,
            size(report.bytes_copied),
        ));
    }

    /// The result of `load`.
    pub fn loaded(&mut self, new: &Path, report: &LoadReport, is_complete: bool) {
        for stream in &report.streams {
            let mut line = format!(
                "{:?}: {} loaded, ids {}..{}",
                stream.key,
                counted(stream.entries, "entry", "entries"),
                stream.first_id,
                stream.next_id,
            );
            if stream.lost_ids > 0 {
                let ids = counted(stream.lost_ids, "id", "ids");
                line += &format!(", {ids} recorded as {}", self.palette.bad("lost"));
            }
            if stream.properties_lost {
                line += ", properties lost";
            }
            self.line(&line);
            if stream.old_next_id > stream.next_id {
                self.line(&format!(
                    "  the new log goes on at {}; in the exported one ids went on at {}",
                    stream.next_id, stream.old_next_id,
                ));
            }
        }
        let summary = match is_complete {
            true => self.palette.good("the new log holds all that was exported"),
            false => self.palette.bad("the new log holds what was readable"),
        };
        self.line(&format!("{}: {summary}", escape::path(new)));
    }

    /// The result of `repair`.
    pub fn repaired(&mut self, copy: &Path, report: &RepairReport) {
        for damage in &report.journal_damage {
            let word = self.palette.bad("damage");
            self.line(&format!("{word} {}", escape::text(damage)));
        }
        for stream in &report.streams {
            if let Some(error) = &stream.error {
                let error = escape::text(error);
                let not_copied = self.palette.bad("not copied");
                self.line(&format!("{:?}: {not_copied}: {error}", stream.key));
                continue;
            }
            self.line(&format!(
                "{:?}: {} copied, ids {}..{}",
                stream.key,
                counted(stream.entries, "entry", "entries"),
                stream.first_id,
                stream.next_id,
            ));
            for lost in &stream.lost {
                let ids = &lost.ids;
                let why = escape::text(&lost.why);
                let lost = self.palette.bad("lost");
                self.line(&format!("  {lost}: {}..{}: {why}", ids.start, ids.end));
            }
            if stream.properties_lost {
                self.line("  the properties are lost, in the copy too: replace all of them");
            }
            if stream.old_next_id > stream.next_id {
                self.line(&format!(
                    "  the copy goes on at {}; in the old log ids went on at {}",
                    stream.next_id, stream.old_next_id,
                ));
            }
        }
        for file in &report.copied_files {
            self.line(&format!("{}: copied as it was", escape::path(file)));
        }
        let summary = match report.is_complete() {
            true => self.palette.good("the copy is complete"),
            false => self.palette.bad("the copy holds what was readable"),
        };
        self.line(&format!("{}: {summary}", escape::path(copy)));
    }

    /// The result of `import`.
    pub fn imported(&mut self, new: &Path, report: &ImportReport) {
        self.findings(report.findings.iter());
        for stream in &report.streams {
            self.line(&format!(
                "{:?} from {}: {} imported, ids {}..{}",
                stream.key,
                stream.directory,
                counted(stream.entries, "entry", "entries"),
                stream.first_id,
                stream.next_id,
            ));
            for lost in &stream.lost {
                let word = self.palette.bad("lost");
                self.line(&format!("  {word}: {}..{}", lost.ids.start, lost.ids.end));
            }
            if stream.old_next_id > stream.next_id {
                self.line(&format!(
                    "  the new log goes on at {}; in the old one ids went on at {}",
                    stream.next_id, stream.old_next_id,
                ));
            }
        }
        if let Some(shards) = report.shards {
            let checkpoints = report.checkpoints;
            let shards = counted(u64::from(shards), "shard", "shards");
            let checkpoints = counted(checkpoints, "checkpoint", "checkpoints");
            self.line(&format!("{shards}, {checkpoints} imported"));
        }
        let summary = match report.is_complete() {
            true => self.palette.good("the import is complete"),
            false => self.palette.bad("the new log holds what was readable"),
        };
        self.line(&format!("{}: {summary}", escape::path(new)));
    }
}
