//! What do programs read of the commands that make a new log?
//!
//! The structs here have the schemas in `docs/schemas`: fields are written in this order, never renamed or removed;
//! new ones may be added.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use ironwal::SnapshotReport;
use ironwal::import::ImportReport;
use ironwal::import::ImportedStream;
use ironwal::repair::LostIds;
use ironwal::repair::RepairReport;
use ironwal::repair::RepairedStream;
use ironwal::tools::LoadReport;
use serde::Serialize;

use super::arguments::Args;
use super::json_checks::Finding;
use super::json_checks::finding;
use super::json_line::to_line;

#[derive(Serialize)]
struct Snapshot<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    snapshot: Cow<'a, str>,
    one_moment: bool,
    streams: Vec<EndOfStream<'a>>,
    segments_linked: usize,
    segments_copied: usize,
    bytes_copied: u64,
}

#[derive(Serialize)]
struct EndOfStream<'a> {
    key: &'a str,
    next_id: u64,
}

#[derive(Serialize)]
struct Repaired<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    copy: Cow<'a, str>,
    complete: bool,
    streams: Vec<CopiedStream<'a>>,
    copied_files: Vec<Cow<'a, str>>,
    journal_damage: &'a [String],
}

#[derive(Serialize)]
struct CopiedStream<'a> {
    key: &'a str,
    entries: u64,
    first_id: u64,
    next_id: u64,
    old_next_id: u64,
    lost: Vec<Lost<'a>>,
    properties_lost: bool,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Lost<'a> {
    first_id: u64,
    end_id: u64,
    why: &'a str,
}

#[derive(Serialize)]
struct Imported<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    copy: Cow<'a, str>,
    complete: bool,
    shards: Option<u16>,
    checkpoints: u64,
    streams: Vec<StreamOf06<'a>>,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct StreamOf06<'a> {
    directory: &'a str,
    key: &'a str,
    entries: u64,
    first_id: u64,
    next_id: u64,
    old_next_id: u64,
    lost: Vec<Lost<'a>>,
}

#[derive(Serialize)]
struct Loaded<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    complete: bool,
    streams: Vec<LoadedStream<'a>>,
}

#[derive(Serialize)]
struct LoadedStream<'a> {
    key: &'a str,
    entries: u64,
    bytes: u64,
    first_id: u64,
    next_id: u64,
    old_next_id: u64,
    lost_ids: u64,
    properties_lost: bool,
}

/// The result of `snapshot`.
pub fn snapshot(args: &Args, new_dir: &Path, report: &SnapshotReport) -> io::Result<String> {
    let streams = report.streams.iter();
    to_line(&Snapshot {
        command: "snapshot",
        directory: args.directory.to_string_lossy(),
        snapshot: new_dir.to_string_lossy(),
        one_moment: report.is_one_moment,
        streams: streams
            .map(|(key, next_id)| EndOfStream {
                key,
                next_id: *next_id,
            })
            .collect(),
        segments_linked: report.segments_linked,
        segments_copied: report.segments_copied,
        bytes_copied: report.bytes_copied,
    })
}

/// The result of `repair`.
pub fn repaired(args: &Args, copy: &Path, report: &RepairReport) -> io::Result<String> {
    let copied_files = report.copied_files.iter();
    to_line(&Repaired {
        command: "repair",
        directory: args.directory.to_string_lossy(),
        copy: copy.to_string_lossy(),
        complete: report.is_complete(),
        streams: report.streams.iter().map(copied_stream).collect(),
        copied_files: copied_files.map(|path| path.to_string_lossy()).collect(),
        journal_damage: &report.journal_damage,
    })
}

fn copied_stream(stream: &RepairedStream) -> CopiedStream<'_> {
    CopiedStream {
        key: &stream.key,
        entries: stream.entries,
        first_id: stream.first_id,
        next_id: stream.next_id,
        old_next_id: stream.old_next_id,
        lost: stream.lost.iter().map(lost).collect(),
        properties_lost: stream.properties_lost,
        error: stream.error.as_deref(),
    }
}

/// The result of `import`.
pub fn imported(args: &Args, new: &Path, report: &ImportReport) -> io::Result<String> {
    to_line(&Imported {
        command: "import",
        directory: args.directory.to_string_lossy(),
        copy: new.to_string_lossy(),
        complete: report.is_complete(),
        shards: report.shards,
        checkpoints: report.checkpoints,
        streams: report.streams.iter().map(stream_of_06).collect(),
        findings: report.findings.iter().map(finding).collect(),
    })
}

fn stream_of_06(stream: &ImportedStream) -> StreamOf06<'_> {
    StreamOf06 {
        directory: &stream.directory,
        key: &stream.key,
        entries: stream.entries,
        first_id: stream.first_id,
        next_id: stream.next_id,
        old_next_id: stream.old_next_id,
        lost: stream.lost.iter().map(lost).collect(),
    }
}

fn lost(lost: &LostIds) -> Lost<'_> {
    Lost {
        first_id: lost.ids.start,
        end_id: lost.ids.end,
        why: &lost.why,
    }
}

/// The result of `load`.
pub fn loaded(args: &Args, report: &LoadReport, is_complete: bool) -> io::Result<String> {
    let streams = report.streams.iter();
    to_line(&Loaded {
        command: "load",
        directory: args.directory.to_string_lossy(),
        complete: is_complete,
        streams: streams
            .map(|stream| LoadedStream {
                key: &stream.key,
                entries: stream.entries,
                bytes: stream.bytes,
                first_id: stream.first_id,
                next_id: stream.next_id,
                old_next_id: stream.old_next_id,
                lost_ids: stream.lost_ids,
                properties_lost: stream.properties_lost,
            })
            .collect(),
    })
}
