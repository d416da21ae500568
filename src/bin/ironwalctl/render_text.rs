//! What do people read, and what happens when standard output closes early?

use std::io;
use std::io::BufWriter;
use std::io::Stdout;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use ironwal::CheckpointData;
use ironwal::Severity;
use ironwal::SnapshotReport;
use ironwal::VerifyFinding;
use ironwal::VerifyReport;
use ironwal::import::ImportReport;
use ironwal::repair::RepairReport;
use ironwal::tools::DumpedEntry;
use ironwal::tools::DumpedProperties;
use ironwal::tools::JournalPiece;
use ironwal::tools::LoadReport;
use ironwal::tools::LogStat;
use ironwal::tools::PropertyMap;
use ironwal::tools::SegmentStat;
use ironwal::tools::SegmentState;

use super::checkpoint_listing::Listed;
use super::color::Palette;
use super::escape;
use super::render_json::severity;
use super::tail_event::TailEvent;
use super::utc;
use super::watch::Rates;

/// Standard output. The first failed write is reported at the end. A reader that closes its end of
/// the pipe is no failure.
pub struct Output {
    target: BufWriter<Stdout>,
    failure: Option<io::Error>,
    palette: Palette,
}

impl Output {
    pub fn new(palette: Palette) -> Self {
        Output {
            palette,
            target: BufWriter::with_capacity(64 << 10, io::stdout()),
            failure: None,
        }
    }

    /// False once a write has failed.
    pub fn is_open(&self) -> bool {
        self.failure.is_none()
    }

    /// A reader that closed the pipe wants no more.
    pub fn go_on(&self) -> ControlFlow<()> {
        match self.is_open() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.target.write_all(bytes).err();
        }
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

    /// A line for each finding.
    fn findings<'a>(&mut self, findings: impl Iterator<Item = &'a VerifyFinding>) {
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
                "{:?}: ids {}..{}, durable to {}, {} ({} sealed), {}",
                stream.key,
                stream.first_id,
                stream.next_id,
                stream.durable_end,
                counted(stream.segments, "segment", "segments"),
                stream.sealed_segments,
                size(stream.bytes),
            );
            if let Some(rates) = rates {
                line += &format!(
                    ", {:+.0} ids/s, {:+.0} durable/s, {:+.0} bytes/s",
                    rates.ids, rates.durable_ids, rates.bytes
                );
            }
            if stream.lost_ids > 0 {
                let lost = format!("{} lost", counted(stream.lost_ids, "id", "ids"));
                line += &format!(", {}", self.palette.bad(&lost));
            }
            if stream.properties > 0 {
                let properties = counted(stream.properties, "property", "properties");
                line += &format!(", {properties}");
            }
            if stream.properties_lost {
                line += &format!(", {}", self.palette.bad("properties lost"));
            }
            if stream.damage > 0 {
                let pieces = counted(stream.damage, "piece", "pieces");
                let damage = self.palette.bad(&format!("{pieces} of damage"));
                line += &format!(", {damage}: see verify");
            }
            if let Some(error) = &stream.error {
                let unreadable = self.palette.bad("unreadable");
                line = format!("{:?} {unreadable}: {}", stream.key, escape::text(error));
            }
            self.line(&line);
            self.properties(&stream.property_map);
            self.segments(&stream.segment_list);
        }
        if let Some(journal) = &log.journal {
            let mut line = format!(
                "commit journal: {}, {} of {}, {}",
                size(journal.bytes),
                counted(journal.records, "record", "records"),
                counted(journal.streams, "stream", "streams"),
                match journal.in_use {
                    true => "in use by a writer",
                    false => "not written back: the next open for writing does that",
                }
            );
            if journal.files_aside > 0 {
                let files = counted(journal.files_aside, "file", "files");
                let kept = self.palette.bad(&format!("{files} for poisoned streams"));
                line += &format!(", {kept}");
            }
            if journal.damage > 0 {
                let pieces = counted(journal.damage, "piece", "pieces");
                let damage = self.palette.bad(&format!("{pieces} of damage"));
                line += &format!(", {damage}: see verify");
            }
            self.line(&line);
        }
        let bytes: u64 = log.streams.iter().map(|stream| stream.bytes).sum();
        let streams = counted(log.streams.len() as u64, "stream", "streams");
        self.line(&format!(
            "{streams}, {}; headers only: verify reads the entries",
            size(bytes)
        ));
    }

    /// A line for each segment.
    fn segments(&mut self, segments: &[SegmentStat]) {
        for segment in segments {
            let name = Path::new(segment.path.file_name().unwrap_or_default());
            let mut line = format!(
                "  {}: ids {}..{}, {}, frames up to {}, {}",
                escape::path(name),
                segment.first_id,
                segment.end_id,
                size(segment.bytes),
                segment.frames_end,
                match segment.state {
                    SegmentState::EndLost => self.palette.bad(state_word(segment.state)),
                    state => state_word(state).to_owned(),
                },
            );
            if segment.lost_before > 0 {
                let ids = counted(segment.lost_before, "id", "ids");
                line += &format!(", {} before it", self.palette.bad(&format!("{ids} lost")));
            }
            if let Some(time) = segment.modified {
                line += &format!(", last changed {}", utc::second(time));
            }
            self.line(&line);
        }
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
                let unreadable = self.palette.bad("unreadable");
                format!("{key:?} {}..{} {unreadable}: {error}", ids.start, ids.end)
            }
        };
        self.line(&line);
    }

    /// The lines of `dump` for a piece of a file of the commit journal.
    pub fn journaled(&mut self, piece: &JournalPiece<'_>) {
        match piece {
            JournalPiece::Header { log, turn, bytes } => {
                let bytes = size(*bytes);
                self.line(&format!(
                    "commit journal of the log {log}, turn {turn}, {bytes}"
                ));
            }
            JournalPiece::Record {
                number,
                offset,
                bytes,
                items,
            } => {
                let bytes = size(*bytes);
                self.line(&format!("record {number} offset {offset}, {bytes}"));
                for item in *items {
                    self.line(&format!(
                        "  {} {:?} incarnation {} first id {} generation {} offset {}, {}",
                        item.kind,
                        item.stream,
                        item.incarnation,
                        item.first_id,
                        item.generation,
                        item.offset,
                        size(item.length),
                    ));
                }
            }
            JournalPiece::Damaged { offset } => {
                let damaged = self.palette.bad("damaged");
                self.line(&format!("{damaged} offset {offset}"));
            }
            _ => self.line("empty: no record of a commit journal"),
        }
    }

    /// One line of `tail`.
    pub fn tailed(&mut self, key: &str, event: &TailEvent<'_>) {
        let line = match event {
            TailEvent::Entry(id, bytes) => {
                let text = bytes.escape_ascii();
                format!("{key:?} {id} {} {text}", bytes.len())
            }
            TailEvent::Unreadable(ids, error) => {
                let ids = ids.as_ref();
                let ids = ids.map_or(String::new(), |ids| format!("{}..{} ", ids.start, ids.end));
                let error = escape::text(&error.to_string());
                let unreadable = self.palette.bad("unreadable");
                format!("{key:?} {ids}{unreadable}: {error}")
            }
            TailEvent::Cut(from_id) => {
                let cut = self.palette.note("cut");
                format!("{key:?} {from_id}.. {cut}: the ids from here on are given again")
            }
            TailEvent::Deleted => format!("{key:?} {}", self.palette.note("deleted")),
        };
        self.line(&line);
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

    /// One change of `dump --properties`.
    pub fn changed(&mut self, change: &DumpedProperties<'_>) {
        let (key, next_id) = (change.stream, change.next_id);
        match &change.map {
            Ok(map) => {
                let count = counted(map.len() as u64, "property", "properties");
                self.line(&format!("{key:?} before id {next_id}: {count}"));
                self.properties(map);
            }
            Err(error) => {
                let error = escape::text(&error.to_string());
                let unreadable = self.palette.bad("unreadable");
                self.line(&format!(
                    "{key:?} before id {next_id} {unreadable}: {error}"
                ));
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

/// A number, and what is counted.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// When a checkpoint was created.
fn time_of(checkpoint: &CheckpointData) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(checkpoint.timestamp)
}

/// The word for how far a segment is complete.
pub fn state_word(state: SegmentState) -> &'static str {
    match state {
        SegmentState::Sealed => "sealed",
        SegmentState::Open => "open",
        SegmentState::EndLost => "end damaged",
    }
}

/// A number of bytes; of many also in a larger unit.
fn size(bytes: u64) -> String {
    let exact = counted(bytes, "byte", "bytes");
    let (mut value, mut units) = (bytes as f64, ["kB", "MB", "GB", "TB", "PB", "EB"].iter());
    let mut unit = "";
    while value >= 1000.0 {
        value /= 1000.0;
        unit = units.next().unwrap_or(&"");
    }
    match bytes {
        0..10_000 => exact,
        _ => format!("{exact} ({value:.1} {unit})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_large_ones_are_rounded_beside() {
        let rows = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (9_999, "9999 bytes"),
            (10_000, "10000 bytes (10.0 kB)"),
            (100_003_636, "100003636 bytes (100.0 MB)"),
            (u64::MAX, "18446744073709551615 bytes (18.4 EB)"),
        ];
        for (bytes, shown) in rows {
            assert_eq!(size(bytes), shown);
        }
    }
}
