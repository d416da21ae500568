//! How is what `export` wrote read back, record by record?
//!
//! Nothing is believed: a length is read as far as there are bytes, a line has an end, and an export in JSON says
//! itself how many streams and entries it has. Whatever is wrong is an error that names the line or the byte.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;

use ironwal::CompressionType;
use ironwal::tools;
use ironwal::tools::LoadRecord;
use ironwal::tools::LoadReport;
use ironwal::tools::Progress;
use serde::Deserialize;

use super::arguments::Args;
use super::arguments::ExportFormat;
use super::base64;
use super::export::FORMAT;
use super::failure::Failure;
use super::progress::ProgressReporter;

/// An entry, and a line that holds it in base64, are not longer than that: a frame is limited to 1 GiB.
const LONGEST_ENTRY: u64 = 1 << 30;
const LONGEST_LINE: u64 = 2 << 30;

/// From one report of the progress to the next, in bytes.
const REPORT_EVERY: u64 = 1 << 20;

/// Makes the new log. Returns what was made, and whether that is all which the exported log held.
pub fn load(args: &Args, compression: CompressionType) -> Result<(LoadReport, bool), Failure> {
    let (input, bytes_total): (Box<dyn Read>, u64) = match &args.source {
        Some(path) => {
            let named = || path.display().to_string();
            let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (len, file) = opened.map_err(|error| Failure::of_io(&named(), &error))?;
            (Box::new(file), len)
        }
        None => (Box::new(io::stdin()), 0),
    };
    let progress = match bytes_total {
        0 => ProgressReporter::without_total(args.progress),
        _ => ProgressReporter::new(args.progress),
    };
    let mut source = Source {
        input: BufReader::with_capacity(1 << 16, input),
        format: args.export_format,
        stream: args.stream.clone().unwrap_or_default(),
        line: 0,
        position: 0,
        is_begun: false,
        is_ended: false,
        is_complete: true,
        next_line_id: 0,
        waiting: None,
        streams: 0,
        entries: 0,
        progress,
        bytes_total,
        reported: 0,
    };
    let report = tools::load(&args.directory, compression, &mut || source.next());
    source.progress.finish();
    let report = report?;
    let is_complete = source.is_complete && report.is_complete();
    Ok((report, is_complete))
}

/// A line of an export in JSON. Fields that later versions add are passed over.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    record: Cow<'a, str>,
    format: Option<u64>,
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    first_id: Option<u64>,
    next_id: Option<u64>,
    #[serde(default = "no_properties")]
    properties: Option<Vec<PropertyLine>>,
    id: Option<u64>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data_base64: Option<Cow<'a, str>>,
    streams: Option<u64>,
    entries: Option<u64>,
    complete: Option<bool>,
}

#[derive(Deserialize)]
struct PropertyLine {
    key_base64: String,
    value_base64: String,
}

/// A stream without the field has none; `null` says that they are lost.
fn no_properties() -> Option<Vec<PropertyLine>> {
    Some(Vec::new())
}

/// The input.
struct Source {
    input: BufReader<Box<dyn Read>>,
    format: ExportFormat,
    /// The stream that is being read.
    stream: String,
    /// Lines read, and bytes.
    line: u64,
    position: u64,
    is_begun: bool,
    is_ended: bool,
    is_complete: bool,
    next_line_id: u64,
    /// The entry behind the beginning of a stream that it gave the first id.
    waiting: Option<LoadRecord>,
    streams: u64,
    entries: u64,
    progress: ProgressReporter,
    bytes_total: u64,
    reported: u64,
}

impl Source {
    fn next(&mut self) -> Result<Option<LoadRecord>, Failure> {
        if let Some(record) = self.waiting.take() {
            return Ok(Some(record));
        }
        let record = match self.format {
            ExportFormat::Json => self.next_json(),
            ExportFormat::Raw => self.next_raw(),
            ExportFormat::Lines => self.next_line_entry(),
        }?;
        if self.position - self.reported >= REPORT_EVERY || record.is_none() {
            self.reported = self.position;
            self.progress.report(Progress {
                bytes_done: self.position,
                bytes_total: self.bytes_total,
            });
        }
        Ok(record)
    }

    /// What is wrong with the input, and where.
    fn wrong(&self, what: impl std::fmt::Display) -> Failure {
        let place = match self.format {
            ExportFormat::Json | ExportFormat::Lines => format!("line {}", self.line),
            ExportFormat::Raw => format!("byte {}", self.position),
        };
        Failure::said(
            format!("the export is not valid at {place}: {what}"),
            "export the log again, with the same --format",
        )
    }

    /// The next line with its newline, if it has one; `None`: the end.
    fn read_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        let longest = match self.format {
            ExportFormat::Json => LONGEST_LINE,
            _ => LONGEST_ENTRY + 1,
        };
        let read = (&mut self.input)
            .take(longest + 1)
            .read_until(b'\n', &mut line);
        let len = read.map_err(|error| self.unreadable(&error))? as u64;
        if len == 0 {
            return Ok(None);
        }
        self.line += 1;
        self.position += len;
        match len > longest {
            true => Err(self.wrong("the line is too long")),
            false => Ok(Some(line)),
        }
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::of_io("the export cannot be read", error)
    }

    fn next_json(&mut self) -> Result<Option<LoadRecord>, Failure> {
        loop {
            let Some(line) = self.read_line()? else {
                return match self.is_ended {
                    true => Ok(None),
                    false => Err(self.wrong("it has no end: a part is missing")),
                };
            };
            if self.is_ended {
                return Err(self.wrong("there is more behind the end"));
            }
            let line: Line<'_> =
                serde_json::from_slice(&line).map_err(|error| self.wrong(error))?;
            if let Some(record) = self.record_of(line)? {
                return Ok(Some(record));
            }
        }
    }

    /// What a line says; `None`: nothing to load.
    fn record_of(&mut self, line: Line<'_>) -> Result<Option<LoadRecord>, Failure> {
        if (&*line.record == "log") == self.is_begun {
            return Err(self.wrong("the record \"log\" stands at the beginning, and only there"));
        }
        match &*line.record {
            "log" => {
                self.is_begun = true;
                match line.format {
                    Some(FORMAT) => Ok(None),
                    Some(other) => Err(self.wrong(format!("format {other} is not known"))),
                    None => Err(self.wrong("the format is missing")),
                }
            }
            "stream" => {
                let Some(stream) = line.stream else {
                    return Err(self.wrong("the stream is missing"));
                };
                self.stream = stream.into_owned();
                self.streams += 1;
                Ok(Some(LoadRecord::Stream {
                    key: self.stream.clone(),
                    first_id: line.first_id.unwrap_or(0),
                    next_id: line.next_id,
                    properties: self.properties(line.properties)?,
                }))
            }
            "entry" => {
                if line.stream.is_some_and(|stream| stream != self.stream) {
                    return Err(self.wrong("the entry belongs to another stream"));
                }
                let data = match (line.text, line.data_base64) {
                    (Some(text), None) => text.into_owned().into_bytes(),
                    (None, Some(text)) => {
                        let data = base64::decode(&text);
                        data.ok_or_else(|| self.wrong("data_base64 is not base64"))?
                    }
                    _ => return Err(self.wrong("an entry has either text or data_base64")),
                };
                let id = line.id.ok_or_else(|| self.wrong("the id is missing"))?;
                self.entries += 1;
                Ok(Some(LoadRecord::Entry { id, data }))
            }
            "unreadable" => {
                self.is_complete = false;
                Ok(None)
            }
            "end" => {
                self.is_ended = true;
                self.is_complete &= line.complete.unwrap_or(true);
                let counted = (line.streams, line.entries);
                if counted != (Some(self.streams), Some(self.entries)) {
                    return Err(
                        self.wrong("it does not have as many streams and entries as it says")
                    );
                }
                Ok(None)
            }
            other => Err(self.wrong(format!("the record {other:?} is not known"))),
        }
    }

    fn properties(
        &self,
        lines: Option<Vec<PropertyLine>>,
    ) -> Result<Option<tools::PropertyMap>, Failure> {
        let Some(lines) = lines else {
            return Ok(None);
        };
        let decoded = lines.iter().map(|line| {
            let key = base64::decode(&line.key_base64)?;
            Some((key, base64::decode(&line.value_base64)?))
        });
        let map: Option<tools::PropertyMap> = decoded.collect();
        let map = map.ok_or_else(|| self.wrong("a property is not base64"))?;
        Ok(Some(map))
    }

    fn next_raw(&mut self) -> Result<Option<LoadRecord>, Failure> {
        let head = self.read_up_to(12)?;
        if head.is_empty() {
            return self.end_of_stream();
        }
        let (id, len) = match head.split_first_chunk::<8>() {
            Some((id, len)) => (u64::from_le_bytes(*id), <[u8; 4]>::try_from(len)),
            None => return Err(self.wrong("it ends within an entry")),
        };
        let Ok(len) = len.map(u32::from_le_bytes) else {
            return Err(self.wrong("it ends within an entry"));
        };
        if u64::from(len) > LONGEST_ENTRY {
            return Err(self.wrong(format!("an entry of {len} bytes is not possible")));
        }
        let data = self.read_up_to(u64::from(len))?;
        if data.len() as u64 != u64::from(len) {
            return Err(self.wrong("it ends within an entry"));
        }
        Ok(Some(self.entry_of_stream(id, data)))
    }

    /// So many bytes, or what is left.
    fn read_up_to(&mut self, len: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(len).read_to_end(&mut bytes);
        self.position += read.map_err(|error| self.unreadable(&error))? as u64;
        Ok(bytes)
    }

    fn next_line_entry(&mut self) -> Result<Option<LoadRecord>, Failure> {
        let Some(mut line) = self.read_line()? else {
            return self.end_of_stream();
        };
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let id = self.next_line_id;
        self.next_line_id += 1;
        Ok(Some(self.entry_of_stream(id, line)))
    }

    /// An entry of the one stream of the input, which its first entry begins.
    fn entry_of_stream(&mut self, id: u64, data: Vec<u8>) -> LoadRecord {
        let entry = LoadRecord::Entry { id, data };
        if self.is_begun {
            return entry;
        }
        self.is_begun = true;
        self.waiting = Some(entry);
        LoadRecord::Stream {
            key: self.stream.clone(),
            first_id: id,
            next_id: None,
            properties: Some(tools::PropertyMap::new()),
        }
    }

    /// The end of an input that holds one stream.
    fn end_of_stream(&mut self) -> Result<Option<LoadRecord>, Failure> {
        match self.is_begun {
            true => Ok(None),
            false => Err(self.wrong("it is empty")),
        }
    }
}
