//! What do programs read of `verify`, of `checkpoints` and of a command that failed?
//!
//! The structs here have the schemas in `docs/schemas`: fields are written in this order, never renamed or removed;
//! new ones may be added.

use std::borrow::Cow;
use std::io;

use ironwal::VerifyFinding;
use ironwal::VerifyReport;
use serde::Serialize;

use super::arguments::Args;
use super::base64;
use super::checkpoint_listing::Listed;
use super::commands;
use super::failure::Described;
use super::json_line::to_line;
use super::words::severity;

#[derive(Serialize)]
struct Verified<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    clean: bool,
    streams: u64,
    segments: u64,
    frames: u64,
    entries: u64,
    bytes: u64,
    checkpoints: u64,
    property_frames: u64,
    void_frames: u64,
    findings: Vec<Finding<'a>>,
    journal_records: u64,
    journal_bytes: u64,
}

/// A finding.
#[derive(Serialize)]
pub struct Finding<'a> {
    severity: &'a str,
    stream: Option<&'a str>,
    path: Cow<'a, str>,
    offset: Option<u64>,
    first_id: Option<u64>,
    end_id: Option<u64>,
    what: &'a str,
}

#[derive(Serialize)]
struct Checkpoints<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    shards: u16,
    checkpoints: Vec<Checkpoint<'a>>,
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    id: Cow<'a, str>,
    id_base64: String,
    timestamp_ns: Option<u64>,
    next_ids: Option<&'a [u64]>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Failed<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    error: ErrorOfCommand<'a>,
}

#[derive(Serialize)]
struct ErrorOfCommand<'a> {
    message: &'a str,
    stream: Option<&'a str>,
    path: Option<Cow<'a, str>>,
    offset: Option<u64>,
    first_id: Option<u64>,
    end_id: Option<u64>,
    advice: &'a str,
}

/// The result of `verify`.
pub fn verified(args: &Args, report: &VerifyReport) -> io::Result<String> {
    to_line(&Verified {
        command: "verify",
        directory: args.directory.to_string_lossy(),
        clean: report.is_clean(),
        streams: report.streams,
        segments: report.segments,
        frames: report.frames,
        entries: report.entries,
        bytes: report.bytes,
        checkpoints: report.checkpoints,
        property_frames: report.property_frames,
        void_frames: report.void_frames,
        findings: report.findings.iter().map(finding).collect(),
        journal_records: report.journal_records,
        journal_bytes: report.journal_bytes,
    })
}

/// A finding, of whatever command.
pub fn finding(finding: &VerifyFinding) -> Finding<'_> {
    Finding {
        severity: severity(finding.severity),
        stream: finding.stream.as_deref(),
        path: finding.path.to_string_lossy(),
        offset: finding.offset,
        first_id: finding.ids.as_ref().map(|ids| ids.start),
        end_id: finding.ids.as_ref().map(|ids| ids.end),
        what: &finding.what,
    }
}

/// The result of `checkpoints`.
pub fn checkpoints(args: &Args, listed: &Listed) -> io::Result<String> {
    let checkpoints = listed.checkpoints.iter().map(|(id, checkpoint)| {
        let data = checkpoint.as_ref().ok();
        Checkpoint {
            id: String::from_utf8_lossy(id),
            id_base64: base64::encode(id),
            timestamp_ns: data.map(|data| data.timestamp),
            next_ids: data.map(|data| &*data.offsets),
            error: checkpoint.as_ref().err().map(String::as_str),
        }
    });
    to_line(&Checkpoints {
        command: "checkpoints",
        directory: args.directory.to_string_lossy(),
        shards: listed.shards,
        checkpoints: checkpoints.collect(),
    })
}

/// The result of a command that failed.
pub fn failed(args: &Args, error: &Described) -> io::Result<String> {
    to_line(&Failed {
        command: commands::name_of(args.command),
        directory: args.directory.to_string_lossy(),
        error: ErrorOfCommand {
            message: &error.message,
            stream: error.stream.as_deref(),
            path: error.path.as_ref().map(|path| path.to_string_lossy()),
            offset: error.offset,
            first_id: error.ids.as_ref().map(|ids| ids.start),
            end_id: error.ids.as_ref().map(|ids| ids.end),
            advice: &error.advice,
        },
    })
}
