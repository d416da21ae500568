//! What do programs read? The structs here have the schemas in `docs/schemas`: fields are written
//! in this order, never renamed or removed; new ones may be added.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use ironwal::Severity;
use ironwal::SnapshotReport;
use ironwal::VerifyFinding;
use ironwal::VerifyReport;
use ironwal::import::ImportReport;
use ironwal::import::ImportedStream;
use ironwal::repair::LostIds;
use ironwal::repair::RepairReport;
use ironwal::repair::RepairedStream;
use ironwal::tools::DumpedEntry;
use ironwal::tools::DumpedProperties;
use ironwal::tools::JournalPiece;
use ironwal::tools::JournalPieceItem;
use ironwal::tools::JournalStat;
use ironwal::tools::LoadReport;
use ironwal::tools::LogStat;
use ironwal::tools::PropertyMap;
use ironwal::tools::SegmentStat;
use ironwal::tools::SegmentState;
use ironwal::tools::StreamStat;
use serde::Serialize;

use super::base64;
use super::checkpoint_listing::Listed;
use super::cli::Args;
use super::commands;
use super::failure::Described;
use super::json_line::to_line;
use super::tail_event::TailEvent;
use super::watch::Rates;

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

#[derive(Serialize)]
struct Finding<'a> {
    severity: &'a str,
    stream: Option<&'a str>,
    path: Cow<'a, str>,
    offset: Option<u64>,
    first_id: Option<u64>,
    end_id: Option<u64>,
    what: &'a str,
}

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
struct Stat<'a> {
    command: &'a str,
    directory: Cow<'a, str>,
    streams: Vec<StatOfStream<'a>>,
    journal: Option<Journal<'a>>,
}

#[derive(Serialize)]
struct Journal<'a> {
    directory: Cow<'a, str>,
    files: u64,
    files_aside: u64,
    bytes: u64,
    records: u64,
    items: u64,
    streams: u64,
    in_use: bool,
    damage: u64,
}

#[derive(Serialize)]
struct StatOfStream<'a> {
    key: &'a str,
    directory: Cow<'a, str>,
    segments: u64,
    sealed_segments: u64,
    bytes: u64,
    first_id: u64,
    next_id: u64,
    durable_end: u64,
    lost_ids: u64,
    properties: u64,
    properties_lost: bool,
    property_map: Vec<Property<'a>>,
    damage: u64,
    error: Option<&'a str>,
    // Of `--watch`, from the second look on.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids_per_second: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    durable_ids_per_second: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<i64>,
    // Of `--segments`.
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_list: Option<Vec<Segment<'a>>>,
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
struct Segment<'a> {
    path: Cow<'a, str>,
    first_id: u64,
    end_id: u64,
    lost_before: u64,
    bytes: u64,
    frames_end: u64,
    state: &'a str,
    modified_ms: Option<u64>,
}

#[derive(Serialize)]
struct Property<'a> {
    key: Cow<'a, str>,
    key_base64: String,
    value_base64: String,
}

#[derive(Serialize)]
struct Changed<'a> {
    stream: &'a str,
    next_id: u64,
    path: Cow<'a, str>,
    offset: u64,
    properties: Option<Vec<Property<'a>>>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Dumped<'a> {
    stream: &'a str,
    id: u64,
    end_id: u64,
    path: Cow<'a, str>,
    offset: u64,
    frame_first_id: u64,
    frame_end_id: u64,
    compressed: bool,
    length: Option<u64>,
    data_base64: Option<String>,
    error: Option<String>,
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

#[derive(Serialize)]
struct Tailed<'a> {
    event: &'a str,
    stream: &'a str,
    id: Option<u64>,
    end_id: Option<u64>,
    length: Option<u64>,
    data_base64: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Matched<'a> {
    stream: &'a str,
    matches: u64,
    unreadable_ids: u64,
}

#[derive(Serialize)]
struct Journaled<'a> {
    event: &'a str,
    log: Option<&'a str>,
    turn: Option<u64>,
    number: Option<u64>,
    offset: Option<u64>,
    bytes: Option<u64>,
    items: Option<Vec<JournaledItem<'a>>>,
}

#[derive(Serialize)]
struct JournaledItem<'a> {
    kind: &'a str,
    stream: &'a str,
    incarnation: u64,
    first_id: u64,
    generation: u64,
    offset: u64,
    length: u64,
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

/// One line of `tail`.
pub fn tailed(key: &str, event: &TailEvent<'_>) -> io::Result<String> {
    let nothing = Tailed {
        event: "",
        stream: key,
        id: None,
        end_id: None,
        length: None,
        data_base64: None,
        error: None,
    };
    to_line(&match event {
        TailEvent::Entry(id, bytes) => Tailed {
            event: "entry",
            id: Some(*id),
            end_id: Some(id + 1),
            length: Some(bytes.len() as u64),
            data_base64: Some(base64::encode(bytes)),
            ..nothing
        },
        TailEvent::Unreadable(ids, error) => Tailed {
            event: "unreadable",
            id: ids.as_ref().map(|ids| ids.start),
            end_id: ids.as_ref().map(|ids| ids.end),
            error: Some(error.to_string()),
            ..nothing
        },
        TailEvent::Cut(from_id) => Tailed {
            event: "cut",
            id: Some(*from_id),
            ..nothing
        },
        TailEvent::Deleted => Tailed {
            event: "deleted",
            ..nothing
        },
    })
}

/// One line of `grep --count`.
pub fn matched(key: &str, matches: u64, unreadable_ids: u64) -> io::Result<String> {
    to_line(&Matched {
        stream: key,
        matches,
        unreadable_ids,
    })
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

fn finding(finding: &VerifyFinding) -> Finding<'_> {
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

/// The word for a severity, in text as in JSON.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Damage => "damage",
        Severity::Unreadable => "unreadable",
    }
}

/// The result of `stat`.
pub fn counted(args: &Args, log: &LogStat) -> io::Result<String> {
    let streams = log.streams.iter().map(|found| StatOfStream {
        segment_list: args.segments.then(|| segments(&found.segment_list)),
        ..stream(found)
    });
    to_line(&Stat {
        command: "stat",
        directory: args.directory.to_string_lossy(),
        streams: streams.collect(),
        journal: log.journal.as_ref().map(journal),
    })
}

/// A look of `stat --watch`.
pub fn watched(args: &Args, log: &LogStat, rates: &[Option<Rates>]) -> io::Result<String> {
    let streams = log.streams.iter().zip(rates);
    let of = |(found, rates): (_, &Option<Rates>)| StatOfStream {
        ids_per_second: rates.map(|rates| rates.ids.round() as i64),
        durable_ids_per_second: rates.map(|rates| rates.durable_ids.round() as i64),
        bytes_per_second: rates.map(|rates| rates.bytes.round() as i64),
        ..stream(found)
    };
    to_line(&Stat {
        command: "stat",
        directory: args.directory.to_string_lossy(),
        streams: streams.map(of).collect(),
        journal: log.journal.as_ref().map(journal),
    })
}

fn journal(journal: &JournalStat) -> Journal<'_> {
    Journal {
        directory: journal.directory.to_string_lossy(),
        files: journal.files,
        files_aside: journal.files_aside,
        bytes: journal.bytes,
        records: journal.records,
        items: journal.items,
        streams: journal.streams,
        in_use: journal.in_use,
        damage: journal.damage,
    }
}

fn stream(stream: &StreamStat) -> StatOfStream<'_> {
    StatOfStream {
        ids_per_second: None,
        durable_ids_per_second: None,
        bytes_per_second: None,
        segment_list: None,
        key: &stream.key,
        directory: stream.directory.to_string_lossy(),
        segments: stream.segments,
        sealed_segments: stream.sealed_segments,
        bytes: stream.bytes,
        first_id: stream.first_id,
        next_id: stream.next_id,
        durable_end: stream.durable_end,
        lost_ids: stream.lost_ids,
        properties: stream.properties,
        properties_lost: stream.properties_lost,
        property_map: properties(&stream.property_map),
        damage: stream.damage,
        error: stream.error.as_deref(),
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

fn segments(segments: &[SegmentStat]) -> Vec<Segment<'_>> {
    let milliseconds = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    };
    segments
        .iter()
        .map(|segment| Segment {
            path: segment.path.to_string_lossy(),
            first_id: segment.first_id,
            end_id: segment.end_id,
            lost_before: segment.lost_before,
            bytes: segment.bytes,
            frames_end: segment.frames_end,
            state: match segment.state {
                SegmentState::Sealed => "sealed",
                SegmentState::Open => "open",
                SegmentState::EndLost => "end_lost",
            },
            modified_ms: segment.modified.and_then(milliseconds),
        })
        .collect()
}

fn properties(map: &PropertyMap) -> Vec<Property<'_>> {
    let pairs = map.iter();
    pairs
        .map(|(key, value)| Property {
            key: String::from_utf8_lossy(key),
            key_base64: base64::encode(key),
            value_base64: base64::encode(value),
        })
        .collect()
}

/// One line of `dump --properties`.
pub fn changed(change: &DumpedProperties<'_>) -> io::Result<String> {
    let map = change.map.as_ref();
    to_line(&Changed {
        stream: change.stream,
        next_id: change.next_id,
        path: change.path.to_string_lossy(),
        offset: change.offset,
        properties: map.ok().map(properties),
        error: map.err().map(|error| error.to_string()),
    })
}

/// One line of `dump`.
pub fn dumped(entry: &DumpedEntry<'_>) -> io::Result<String> {
    let data = entry.data.as_ref();
    to_line(&Dumped {
        stream: entry.stream,
        id: entry.ids.start,
        end_id: entry.ids.end,
        path: entry.path.to_string_lossy(),
        offset: entry.offset,
        frame_first_id: entry.frame_ids.start,
        frame_end_id: entry.frame_ids.end,
        compressed: entry.compressed,
        length: data.ok().map(|bytes| bytes.len() as u64),
        data_base64: data.ok().map(|bytes| base64::encode(bytes)),
        error: data.err().map(|error| error.to_string()),
    })
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

/// One line of `dump` of a file of the commit journal.
pub fn journaled(piece: &JournalPiece<'_>) -> io::Result<String> {
    let nothing = Journaled {
        event: "",
        log: None,
        turn: None,
        number: None,
        offset: None,
        bytes: None,
        items: None,
    };
    to_line(&match piece {
        JournalPiece::Header { log, turn, bytes } => Journaled {
            event: "header",
            log: Some(log),
            turn: Some(*turn),
            bytes: Some(*bytes),
            ..nothing
        },
        JournalPiece::Record {
            number,
            offset,
            bytes,
            items,
        } => Journaled {
            event: "record",
            number: Some(*number),
            offset: Some(*offset),
            bytes: Some(*bytes),
            items: Some(items.iter().map(journaled_item).collect()),
            ..nothing
        },
        JournalPiece::Damaged { offset } => Journaled {
            event: "damaged",
            offset: Some(*offset),
            ..nothing
        },
        _ => Journaled {
            event: "empty",
            ..nothing
        },
    })
}

fn journaled_item<'a>(item: &JournalPieceItem<'a>) -> JournaledItem<'a> {
    JournaledItem {
        kind: item.kind,
        stream: item.stream,
        incarnation: item.incarnation,
        first_id: item.first_id,
        generation: item.generation,
        offset: item.offset,
        length: item.length,
    }
}
