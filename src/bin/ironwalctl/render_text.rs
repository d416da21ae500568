//! What do people read, and what happens when standard output closes early?

use std::io;
use std::io::BufWriter;
use std::io::Stdout;
use std::io::Write;
use std::path::Path;

use ironwal::SnapshotReport;
use ironwal::VerifyFinding;
use ironwal::VerifyReport;
use ironwal::import::ImportReport;
use ironwal::repair::RepairReport;
use ironwal::tools::DumpedEntry;
use ironwal::tools::DumpedProperties;
use ironwal::tools::LogStat;
use ironwal::tools::PropertyMap;

use super::escape;
use super::render_json::severity;
use super::watch::Rates;

/// Standard output. The first failed write is reported at the end. A reader that closes its end of
/// the pipe is no failure.
pub struct Output {
    target: BufWriter<Stdout>,
    failure: Option<io::Error>,
}

impl Output {
    pub fn new() -> Self {
        Output {
            target: BufWriter::with_capacity(64 << 10, io::stdout()),
            failure: None,
        }
    }

    /// False once a write has failed.
    pub fn is_open(&self) -> bool {
        self.failure.is_none()
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) {
        if self.failure.is_none() {
            self.failure = writeln!(self.target, "{text}").err();
        }
    }

    /// Writes what is buffered. False once a write has failed.
    pub fn flush(&mut self) -> bool {
        if self.failure.is_none() {
            self.failure = self.target.flush().err();
        }
        self.is_open()
    }

    /// Writes a line of JSON.
    pub fn json(&mut self, line: io::Result<String>) {
        match line {
            Ok(line) => self.line(&line),
            Err(error) => self.failure = self.failure.take().or(Some(error)),
        }
    }

    /// Flushes, and returns the first failure.
    pub fn finish(mut self) -> io::Result<()> {
        let flushed = self.target.flush();
        let failure = self.failure.take().or(flushed.err());
        match failure {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// The result of `verify`.
    pub fn verified(&mut self, report: &VerifyReport) {
        self.findings(&report.findings);
        let summary = match report.is_clean() {
            true => "clean",
            false => "NOT CLEAN",
        };
        let mut line = format!(
            "{summary}: {} streams, {} segments, {} frames, {} entries, {} bytes, {} checkpoints",
            report.streams,
            report.segments,
            report.frames,
            report.entries,
            report.bytes,
            report.checkpoints,
        );
        if report.property_frames > 0 {
            line += &format!(", {} frames with properties", report.property_frames);
        }
        if report.void_frames > 0 {
            line += &format!(", {} void frames behind cuts", report.void_frames);
        }
        self.line(&line);
    }

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
            "{}: {} streams, {} segments linked, {} copied, {} bytes copied; {moment}",
            escape::path(new_dir),
            report.streams.len(),
            report.segments_linked,
            report.segments_copied,
            report.bytes_copied,
        ));
    }

    /// A line for each finding.
    fn findings(&mut self, findings: &[VerifyFinding]) {
        for finding in findings {
            let mut line = severity(finding.severity).to_owned();
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

    /// The result of `stat`.
    pub fn counted(&mut self, log: &LogStat) {
        let rates = vec![None; log.streams.len()];
        self.counted_with(log, &rates);
    }

    /// A look of `stat --watch`.
    pub fn watched(&mut self, log: &LogStat, rates: &[Option<Rates>]) {
        self.counted_with(log, rates);
        self.line("");
    }

    fn counted_with(&mut self, log: &LogStat, rates: &[Option<Rates>]) {
        for (stream, rates) in log.streams.iter().zip(rates) {
            let mut line = format!(
                "{:?}: ids {}..{}, durable to {}, {} segments ({} sealed), {} bytes",
                stream.key,
                stream.first_id,
                stream.next_id,
                stream.durable_end,
                stream.segments,
                stream.sealed_segments,
                stream.bytes,
            );
            if let Some(rates) = rates {
                line += &format!(
                    ", {:+.0} ids/s, {:+.0} durable/s, {:+.0} bytes/s",
                    rates.ids, rates.durable_ids, rates.bytes
                );
            }
            if stream.lost_ids > 0 {
                line += &format!(", {} ids lost", stream.lost_ids);
            }
            if stream.properties > 0 {
                line += &format!(", {} properties", stream.properties);
            }
            if stream.properties_lost {
                line += ", properties lost";
            }
            if stream.damage > 0 {
                line += &format!(", {} pieces of damage: see verify", stream.damage);
            }
            if let Some(error) = &stream.error {
                line = format!("{:?}: {}", stream.key, escape::text(error));
            }
            self.line(&line);
            self.properties(&stream.property_map);
        }
        let bytes: u64 = log.streams.iter().map(|stream| stream.bytes).sum();
        self.line(&format!("{} streams, {bytes} bytes", log.streams.len()));
    }

    /// One line of `dump`.
    pub fn dumped(&mut self, entry: &DumpedEntry<'_>) {
        let key = entry.stream;
        let line = match entry.data {
            Ok(bytes) => {
                let text = bytes.escape_ascii();
                format!("{key:?} {} {} {text}", entry.ids.start, bytes.len())
            }
            Err(error) => {
                let ids = &entry.ids;
                let error = escape::text(&error.to_string());
                format!("{key:?} {}..{} unreadable: {error}", ids.start, ids.end)
            }
        };
        self.line(&line);
    }

    /// One change of `dump --properties`.
    pub fn changed(&mut self, change: &DumpedProperties<'_>) {
        let (key, next_id) = (change.stream, change.next_id);
        match &change.map {
            Ok(map) => {
                let count = map.len();
                self.line(&format!("{key:?} before id {next_id}: {count} properties"));
                self.properties(map);
            }
            Err(error) => {
                let error = escape::text(&error.to_string());
                self.line(&format!("{key:?} before id {next_id} unreadable: {error}"));
            }
        }
    }

    /// A line for each property.
    fn properties(&mut self, map: &PropertyMap) {
        for (key, value) in map {
            let (key, value) = (key.escape_ascii(), value.escape_ascii());
            self.line(&format!("  {key} = {value}"));
        }
    }

    /// The result of `repair`.
    pub fn repaired(&mut self, copy: &Path, report: &RepairReport) {
        for stream in &report.streams {
            if let Some(error) = &stream.error {
                let error = escape::text(error);
                self.line(&format!("{:?}: not copied: {error}", stream.key));
                continue;
            }
            self.line(&format!(
                "{:?}: {} entries copied, ids {}..{}",
                stream.key, stream.entries, stream.first_id, stream.next_id,
            ));
            for lost in &stream.lost {
                let ids = &lost.ids;
                let why = escape::text(&lost.why);
                self.line(&format!("  lost: {}..{}: {why}", ids.start, ids.end));
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
            true => "the copy is complete",
            false => "the copy holds what was readable",
        };
        self.line(&format!("{}: {summary}", escape::path(copy)));
    }
    /// The result of `import`.
    pub fn imported(&mut self, new: &Path, report: &ImportReport) {
        self.findings(&report.findings);
        for stream in &report.streams {
            self.line(&format!(
                "{:?} from {}: {} entries imported, ids {}..{}",
                stream.key, stream.directory, stream.entries, stream.first_id, stream.next_id,
            ));
            for lost in &stream.lost {
                self.line(&format!("  lost: {}..{}", lost.ids.start, lost.ids.end));
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
            self.line(&format!(
                "{shards} shards, {checkpoints} checkpoints imported"
            ));
        }
        let summary = match report.is_complete() {
            true => "the import is complete",
            false => "the new log holds what was readable",
        };
        self.line(&format!("{}: {summary}", escape::path(new)));
    }
}
