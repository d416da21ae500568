//! What do programs read of the commands that print entries, properties and records of the commit journal?
//!
//! The structs here have the schemas in `docs/schemas`: fields are written in this order, never renamed or removed;
//! new ones may be added.

use std::borrow::Cow;
use std::io;

use ironwal::tools::DumpedEntry;
use ironwal::tools::DumpedProperties;
use ironwal::tools::JournalPiece;
use ironwal::tools::JournalPieceItem;
use serde::Serialize;

use super::base64;
use super::json_line::to_line;
use super::json_stat::Property;
use super::json_stat::properties;
use super::tail_event::TailEvent;

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
