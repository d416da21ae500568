//! How are results told to programs? The fields are described in `docs/IRONWALCTL.md`; they are
//! never renamed or removed, others may be added.

use std::fmt::Write;
use std::path::Path;

use ironwal::Severity;
use ironwal::VerifyFinding;
use ironwal::VerifyReport;
use ironwal::inspect::DumpedEntry;
use ironwal::inspect::LogStat;
use ironwal::inspect::StreamStat;
use ironwal::repair::LostIds;
use ironwal::repair::RepairReport;
use ironwal::repair::RepairedStream;

use super::args::Args;
use super::shown;

/// A JSON object that is being written.
struct Object {
    text: String,
}

impl Object {
    fn new() -> Self {
        Object {
            text: "{".to_owned(),
        }
    }

    fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn key(&mut self, key: &str) -> &mut String {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        quote(&mut self.text, key);
        self.text.push(':');
        &mut self.text
    }

    fn text(&mut self, key: &str, value: &str) {
        quote(self.key(key), value);
    }

    fn path(&mut self, key: &str, value: &Path) {
        self.text(key, &value.to_string_lossy());
    }

    fn maybe_text(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.key(key).push_str("null"),
        }
    }

    fn number(&mut self, key: &str, value: u64) {
        // Writing to a string does not fail.
        let _ = write!(self.key(key), "{value}");
    }

    fn maybe_number(&mut self, key: &str, value: Option<u64>) {
        match value {
            Some(value) => self.number(key, value),
            None => self.key(key).push_str("null"),
        }
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.key(key).push_str(if value { "true" } else { "false" });
    }

    fn list(&mut self, key: &str, items: impl Iterator<Item = String>) {
        let items: Vec<String> = items.collect();
        let text = self.key(key);
        text.push('[');
        text.push_str(&items.join(","));
        text.push(']');
    }
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            letter if shown::steers(letter) => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string does not fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = (group >> (18 - 6 * place)) as usize & 63;
            match place <= chunk.len() {
                true => text.push(char::from(DIGITS[digit])),
                false => text.push('='),
            }
        }
    }
    text
}

/// The result of `verify`.
pub fn verified(args: &Args, report: &VerifyReport) -> String {
    let mut object = Object::new();
    object.text("command", "verify");
    object.path("directory", &args.directory);
    object.flag("clean", report.is_clean());
    object.number("streams", report.streams);
    object.number("segments", report.segments);
    object.number("frames", report.frames);
    object.number("entries", report.entries);
    object.number("bytes", report.bytes);
    object.number("checkpoints", report.checkpoints);
    object.list("findings", report.findings.iter().map(finding));
    object.end()
}

fn finding(finding: &VerifyFinding) -> String {
    let mut object = Object::new();
    object.text("severity", severity(finding.severity));
    object.maybe_text("stream", finding.stream.as_deref());
    object.path("path", &finding.path);
    object.maybe_number("offset", finding.offset);
    object.maybe_number("first_id", finding.ids.as_ref().map(|ids| ids.start));
    object.maybe_number("end_id", finding.ids.as_ref().map(|ids| ids.end));
    object.text("what", &finding.what);
    object.end()
}

/// The word for a severity, in text as in JSON.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Damage => "damage",
        Severity::Unreadable => "unreadable",
    }
}

/// The result of `stat`.
pub fn counted(args: &Args, log: &LogStat) -> String {
    let mut object = Object::new();
    object.text("command", "stat");
    object.path("directory", &args.directory);
    object.list("streams", log.streams.iter().map(stream));
    object.end()
}

fn stream(stream: &StreamStat) -> String {
    let mut object = Object::new();
    object.text("key", &stream.key);
    object.path("directory", &stream.directory);
    object.number("segments", stream.segments);
    object.number("sealed_segments", stream.sealed_segments);
    object.number("bytes", stream.bytes);
    object.number("first_id", stream.first_id);
    object.number("next_id", stream.next_id);
    object.number("durable_end", stream.durable_end);
    object.number("lost_ids", stream.lost_ids);
    object.number("damage", stream.damage);
    object.maybe_text("error", stream.error.as_deref());
    object.end()
}

/// One line of `dump`.
pub fn dumped(entry: &DumpedEntry<'_>) -> String {
    let mut object = Object::new();
    object.text("stream", entry.stream);
    object.number("id", entry.ids.start);
    object.number("end_id", entry.ids.end);
    object.path("path", entry.path);
    object.number("offset", entry.offset);
    object.number("frame_first_id", entry.frame_ids.start);
    object.number("frame_end_id", entry.frame_ids.end);
    object.flag("compressed", entry.compressed);
    match entry.data {
        Ok(bytes) => {
            object.number("length", bytes.len() as u64);
            object.text("data_base64", &base64(bytes));
            object.maybe_text("error", None);
        }
        Err(error) => {
            object.maybe_number("length", None);
            object.maybe_text("data_base64", None);
            object.text("error", &error.to_string());
        }
    }
    object.end()
}

/// The result of `repair`.
pub fn repaired(args: &Args, copy: &Path, report: &RepairReport) -> String {
    let mut object = Object::new();
    object.text("command", "repair");
    object.path("directory", &args.directory);
    object.path("copy", copy);
    object.flag("complete", report.is_complete());
    object.list("streams", report.streams.iter().map(repaired_stream));
    let files = report.copied_files.iter().map(|path| {
        let mut text = String::new();
        quote(&mut text, &path.to_string_lossy());
        text
    });
    object.list("copied_files", files);
    object.end()
}

fn repaired_stream(stream: &RepairedStream) -> String {
    let mut object = Object::new();
    object.text("key", &stream.key);
    object.number("entries", stream.entries);
    object.number("first_id", stream.first_id);
    object.number("next_id", stream.next_id);
    object.number("old_next_id", stream.old_next_id);
    object.list("lost", stream.lost.iter().map(lost));
    object.maybe_text("error", stream.error.as_deref());
    object.end()
}

fn lost(lost: &LostIds) -> String {
    let mut object = Object::new();
    object.number("first_id", lost.ids.start);
    object.number("end_id", lost.ids.end);
    object.text("why", &lost.why);
    object.end()
}
