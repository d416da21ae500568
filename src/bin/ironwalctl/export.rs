//! How are the entries of a log written to standard output, so that `load` can make a log of them?
//!
//! | format | what is written |
//! |---|---|
//! | json | a line for the log, for each stream, entry and unreadable range, and for the end |
//! | raw | of one stream: id (8 bytes), length (4 bytes), both little-endian, then the bytes |
//! | lines | of one stream: the bytes and a newline |

use std::ops::ControlFlow;

use ironwal::tools;
use ironwal::tools::DumpedEntry;
use ironwal::tools::EntryVisitor;
use ironwal::tools::LogDir;
use ironwal::tools::Progress;
use ironwal::tools::Selection;
use ironwal::tools::StreamStat;
use serde::Serialize;

use super::arguments::Args;
use super::arguments::ExportFormat;
use super::base64;
use super::escape;
use super::failure::Failure;
use super::json_line::to_line;
use super::output::Output;
use super::progress::ProgressReporter;

/// The version of the JSON format.
pub const FORMAT: u64 = 1;

#[derive(Serialize)]
struct LogRecord {
    record: &'static str,
    format: u64,
}

#[derive(Serialize)]
struct StreamRecord<'a> {
    record: &'static str,
    stream: &'a str,
    first_id: u64,
    next_id: u64,
    properties: Option<Vec<PropertyRecord>>,
}

#[derive(Serialize)]
struct PropertyRecord {
    key_base64: String,
    value_base64: String,
}

#[derive(Serialize)]
struct EntryRecord<'a> {
    record: &'static str,
    stream: &'a str,
    id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
}

#[derive(Serialize)]
struct UnreadableRecord<'a> {
    record: &'static str,
    stream: &'a str,
    id: u64,
    end_id: u64,
    why: String,
}

#[derive(Serialize)]
struct EndRecord {
    record: &'static str,
    streams: u64,
    entries: u64,
    complete: bool,
}

/// Writes the entries of the selection. Returns whether all were readable.
pub fn export(
    log_dir: &LogDir,
    selection: &Selection,
    args: &Args,
    output: &mut Output,
) -> Result<bool, Failure> {
    let mut export = Export {
        selection,
        args,
        output,
        progress: ProgressReporter::beside_output(args.progress),
        streams: 0,
        entries: 0,
        is_complete: true,
        failure: None,
    };
    if args.export_format == ExportFormat::Json {
        export.output.json(to_line(&LogRecord {
            record: "log",
            format: FORMAT,
        }));
    }
    let result = tools::visit_entries(log_dir, selection, &mut export);
    export.progress.finish();
    let failure = export.failure.or(result.err().map(Failure::from));
    let is_complete = export.is_complete && failure.is_none();
    if args.export_format == ExportFormat::Json {
        export.output.json(to_line(&EndRecord {
            record: "end",
            streams: export.streams,
            entries: export.entries,
            complete: is_complete,
        }));
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(is_complete),
    }
}

struct Export<'a> {
    selection: &'a Selection,
    args: &'a Args,
    output: &'a mut Output,
    progress: ProgressReporter,
    streams: u64,
    entries: u64,
    is_complete: bool,
    /// An entry that the format cannot hold.
    failure: Option<Failure>,
}

impl Export<'_> {
    fn write_entry(&mut self, key: &str, id: u64, bytes: &[u8]) {
        self.entries += 1;
        match self.args.export_format {
            ExportFormat::Json => {
                let text = std::str::from_utf8(bytes);
                let text = text.ok().filter(|_| self.args.as_text);
                self.output.json(to_line(&EntryRecord {
                    record: "entry",
                    stream: key,
                    id,
                    text,
                    data_base64: text.is_none().then(|| base64::encode(bytes)),
                }));
            }
            ExportFormat::Raw => {
                // A frame is limited to 1 GiB.
                let len = bytes.len() as u32;
                self.output.bytes(&id.to_le_bytes());
                self.output.bytes(&len.to_le_bytes());
                self.output.bytes(bytes);
            }
            ExportFormat::Lines if bytes.contains(&b'\n') => {
                self.failure = Some(Failure::said(
                    format!(
                        "entry {id} of stream {key:?} holds a newline, which ends an entry in this format"
                    ),
                    "export it with --format json or raw",
                ));
            }
            ExportFormat::Lines => {
                self.output.bytes(bytes);
                self.output.bytes(b"\n");
            }
        }
    }

    fn write_unreadable(&mut self, entry: &DumpedEntry<'_>, why: String) {
        self.is_complete = false;
        let (id, end_id) = (entry.ids.start, entry.ids.end);
        if self.args.export_format == ExportFormat::Json {
            self.output.json(to_line(&UnreadableRecord {
                record: "unreadable",
                stream: entry.stream,
                id,
                end_id,
                why,
            }));
            return;
        }
        let (key, why) = (entry.stream, escape::text(&why));
        eprintln!("ironwalctl: ids {id}..{end_id} of stream {key:?} are not exported: {why}");
    }
}

impl EntryVisitor for Export<'_> {
    fn stream(&mut self, stream: &StreamStat) -> ControlFlow<()> {
        if stream.error.is_some() {
            // The error of the whole export says why.
            self.is_complete = false;
            return self.output.go_on();
        }
        self.streams += 1;
        if self.args.export_format == ExportFormat::Json {
            let is_lost = stream.properties_lost;
            let pairs = stream
                .property_map
                .iter()
                .map(|(key, value)| PropertyRecord {
                    key_base64: base64::encode(key),
                    value_base64: base64::encode(value),
                });
            let next_id = stream
                .next_id
                .min(self.selection.end_id.unwrap_or(u64::MAX));
            let first_id = stream.first_id.max(self.selection.from_id);
            self.output.json(to_line(&StreamRecord {
                record: "stream",
                stream: &stream.key,
                first_id,
                next_id: next_id.max(first_id),
                properties: (!is_lost).then(|| pairs.collect()),
            }));
            self.is_complete &= !is_lost;
        }
        self.output.go_on()
    }

    fn entry(&mut self, entry: DumpedEntry<'_>) -> ControlFlow<()> {
        match entry.data {
            Ok(bytes) => self.write_entry(entry.stream, entry.ids.start, bytes),
            Err(error) => self.write_unreadable(&entry, error.to_string()),
        }
        match &self.failure {
            Some(_) => ControlFlow::Break(()),
            None => self.output.go_on(),
        }
    }

    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.progress.report(progress);
        ControlFlow::Continue(())
    }
}
