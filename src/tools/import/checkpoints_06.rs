//! Which checkpoints does a sharded root of the 0.6 crate hold?
//!
//! ```text
//!   0       4     8        12        13            15                                    (all little-endian)
//!   ┌───────┬─────┬────────┬─────────┬─────────────┬─────────┬───────────┬─────────────┬──────────┬───┐
//!   │ magic │ CRC │ length │ version │ id's length │ id …    │ timestamp │ shard count │ offset 0 │ … │
//!   └───────┴─────┴────────┴─────────┴─────────────┴─────────┴───────────┴─────────────┴──────────┴───┘
//! ```
//!
//! Records stand one behind the other in `checkpoints.log`. The CRC covers what follows the length. A later
//! record of the same id supersedes an earlier one. `HEAD` names the newest checkpoint: the length of its id
//! in two bytes, and the id.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::checksum::crc32;
use crate::error::IoAt;
use crate::error::Result;
use crate::error::memory;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointRecord;
use crate::format::HEAD_FILE;
use crate::format::RecordKind;
use crate::storage::Storage;
use crate::tools::Severity;
use crate::tools::VerifyFinding;
use crate::tools::import::frame_06::u16_at;
use crate::tools::import::frame_06::u32_at;
use crate::tools::import::frame_06::u64_at;
use crate::tools::import::stream_06::Opened;
use crate::tools::import::stream_06::open;
use crate::tools::import::window::FileWindow;

const MAGIC: [u8; 4] = *b"CKPT";
const CRC_AT: usize = 4;
const LEN_AT: usize = CRC_AT + 4;
const HEADER_LEN: usize = LEN_AT + 4;

const VERSION: u8 = 1;
const ID_LEN_AT: usize = 1;
const ID_AT: usize = ID_LEN_AT + 2;
const OFFSET_LEN: usize = 8;
/// The longest payload: the longest id, and the most shards.
const MAX_PAYLOAD_LEN: usize = ID_AT + u16::MAX as usize + 8 + 2 + u16::MAX as usize * OFFSET_LEN;
/// At how many places a damaged record may end: what looks like the next record may be a part of an id.
const MAX_TRIES: usize = 16;

/// The checkpoints of a root, oldest first; the last one is the newest. None where no regular file has their name.
pub fn read_checkpoints(
    storage: &dyn Storage,
    root: &Path,
    findings: &mut Vec<VerifyFinding>,
) -> Result<Option<Vec<CheckpointRecord>>> {
    let path = root.join(CHECKPOINTS_FILE);
    let mut window = match open(storage, &path)? {
        Opened::File(window) => window,
        Opened::Absent => return Ok(None),
        Opened::NoFile => return Ok(Some(Vec::new())),
    };
    let mut found: Vec<Option<CheckpointRecord>> = Vec::new();
    let mut by_id: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    // Records before this place may be superseded by one that is lost.
    let mut lost_before = 0;
    let mut at = 0;
    while at < window.len() {
        let (record, next_at, remark) = next(&mut window, at).at(&path)?;
        if let Some((severity, what)) = remark {
            if severity == Severity::Damage {
                lost_before = found.len();
            }
            findings.push(VerifyFinding::new(severity, path.clone(), what).at(at));
        }
        if let Some(record) = record {
            if let Some(older) = by_id.insert(record.user_id.clone(), found.len()) {
                found[older] = None;
            }
            memory::push(&mut found, Some(record)).at(&path)?;
        }
        at = next_at;
    }
    if let Some(newest) = read_head(storage, root)? {
        match by_id.get(&newest) {
            Some(place) if *place >= lost_before => {
                // What the crate loads as the latest one stays the latest.
                let record = found[*place].take();
                found.push(record);
            }
            _ => {
                let what = "names a checkpoint whose newest record is not there";
                findings.push(VerifyFinding::new(
                    Severity::Note,
                    root.join(HEAD_FILE),
                    what,
                ));
            }
        }
    }
    Ok(Some(found.into_iter().flatten().collect()))
}

/// The id in `HEAD`; `None` where it is missing, no regular file or without an id.
fn read_head(storage: &dyn Storage, root: &Path) -> Result<Option<Vec<u8>>> {
    let path = root.join(HEAD_FILE);
    let Opened::File(mut window) = open(storage, &path)? else {
        return Ok(None);
    };
    let len = window.get(0, 2).at(&path)?;
    let len = len.and_then(|bytes| u16_at(bytes, 0)).unwrap_or(0);
    let id = window.get(2, usize::from(len)).at(&path)?;
    Ok(id.map(<[u8]>::to_vec))
}

type Remark = Option<(Severity, String)>;

/// The record at `at`, where the next one stands, and what is to be said.
fn next(window: &mut FileWindow, at: u64) -> io::Result<(Option<CheckpointRecord>, u64, Remark)> {
    let end = window.len();
    let payload_at = at + HEADER_LEN as u64;
    let header = window.get(at, HEADER_LEN)?.and_then(|bytes| {
        let has_magic = bytes.starts_with(&MAGIC);
        Some((has_magic, u32_at(bytes, CRC_AT)?, u32_at(bytes, LEN_AT)?))
    });
    let Some((has_magic, crc, len)) = header else {
        return Ok((None, end, Some(unfinished(end - at))));
    };
    let stated_end = payload_at + u64::from(len);
    if let Some(record) = record(window, payload_at, len, crc)? {
        let remark = (!has_magic).then(proved);
        return Ok((Some(record), stated_end, remark));
    }
    if has_magic && stated_end > end {
        // Behind it may be others, if only the length is damaged.
        let reached = by_search(window, payload_at, crc)?;
        return Ok(match reached {
            Some((record, next_at)) => (Some(record), next_at, Some(proved())),
            None => (None, end, Some(unfinished(end - at))),
        });
    }
    if stated_end == end || (stated_end < end && starts_record(window, stated_end)?) {
        return Ok((None, stated_end, Some(lost(stated_end - at))));
    }
    match by_search(window, payload_at, crc)? {
        Some((record, next_at)) => Ok((Some(record), next_at, Some(proved()))),
        None => Ok((None, end, Some(lost(end - at)))),
    }
}

fn unfinished(bytes: u64) -> (Severity, String) {
    let what = format!("{bytes} bytes of a checkpoint that was not finished");
    (Severity::Note, what)
}

fn lost(bytes: u64) -> (Severity, String) {
    let what = format!("{bytes} bytes do not match their checksum: a checkpoint is lost");
    (Severity::Damage, what)
}

fn proved() -> (Severity, String) {
    let what = "the header of a checkpoint is damaged; its checksum proves the rest".to_owned();
    (Severity::Note, what)
}

/// Whether a good record stands here.
fn starts_record(window: &mut FileWindow, at: u64) -> io::Result<bool> {
    let Some(bytes) = window.get(at, HEADER_LEN)? else {
        return Ok(false);
    };
    let (Some(crc), Some(len)) = (u32_at(bytes, CRC_AT), u32_at(bytes, LEN_AT)) else {
        return Ok(false);
    };
    Ok(record(window, at + HEADER_LEN as u64, len, crc)?.is_some())
}

/// The record whose stated length is damaged: with the length up to a later record, or to the end of the
/// file, its checksum holds.
fn by_search(
    window: &mut FileWindow,
    payload_at: u64,
    crc: u32,
) -> io::Result<Option<(CheckpointRecord, u64)>> {
    let mut from = payload_at;
    for _ in 0..MAX_TRIES {
        let found = window.find(from, MAGIC)?;
        let next_at = found.unwrap_or(window.len());
        let len = next_at - payload_at;
        if len > MAX_PAYLOAD_LEN as u64 {
            return Ok(None);
        }
        if let Some(record) = record(window, payload_at, len as u32, crc)? {
            return Ok(Some((record, next_at)));
        }
        if found.is_none() {
            return Ok(None);
        }
        from = next_at + 1;
    }
    Ok(None)
}

/// A record whose payload stands here and has this checksum.
fn record(
    window: &mut FileWindow,
    at: u64,
    len: u32,
    crc: u32,
) -> io::Result<Option<CheckpointRecord>> {
    let len = len as usize;
    if len > MAX_PAYLOAD_LEN {
        return Ok(None);
    }
    let payload = window.get(at, len)?;
    Ok(payload
        .filter(|payload| crc32(payload) == crc)
        .and_then(decode))
}

fn decode(payload: &[u8]) -> Option<CheckpointRecord> {
    if *payload.first()? != VERSION {
        return None;
    }
    let id_len = usize::from(u16_at(payload, ID_LEN_AT)?);
    let timestamp_at = ID_AT + id_len;
    let count_at = timestamp_at + 8;
    let offsets = payload.get(count_at + 2..)?;
    let count = usize::from(u16_at(payload, count_at)?);
    if id_len == 0 || count == 0 || offsets.len() != count * OFFSET_LEN {
        return None;
    }
    Some(CheckpointRecord {
        kind: RecordKind::Created,
        user_id: payload.get(ID_AT..timestamp_at)?.to_vec(),
        timestamp_ns: u64_at(payload, timestamp_at)?,
        offsets: offsets
            .chunks_exact(OFFSET_LEN)
            .filter_map(|offset| u64_at(offset, 0))
            .collect(),
    })
}
