//! What do programs read of `stat`?
//!
//! The structs here have the schemas in `docs/schemas`: fields are written in this order, never renamed or removed;
//! new ones may be added.

use std::borrow::Cow;
use std::io;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use ironwal::tools::JournalStat;
use ironwal::tools::LogStat;
use ironwal::tools::PropertyMap;
use ironwal::tools::SegmentStat;
use ironwal::tools::SegmentState;
use ironwal::tools::StreamStat;
use serde::Serialize;

use super::arguments::Args;
use super::base64;
use super::json_line::to_line;
use super::watch::Rates;

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

/// A property of a stream.
#[derive(Serialize)]
pub struct Property<'a> {
    key: Cow<'a, str>,
    key_base64: String,
    value_base64: String,
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

/// The properties of a stream.
pub fn properties(map: &PropertyMap) -> Vec<Property<'_>> {
    let pairs = map.iter();
    pairs
        .map(|(key, value)| Property {
            key: String::from_utf8_lossy(key),
            key_base64: base64::encode(key),
            value_base64: base64::encode(value),
        })
        .collect()
}
