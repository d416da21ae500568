//! Which files does a stream of the 0.6 crate have, and do the files beside its segments agree?
//!
//! `segments.idx` lists the first id of each segment, eight bytes each; `head.state` names the newest one
//! (`docs/FORMAT_06.md`). Both are derived from the segments. They prove one thing only, where they agree:
//! that a newest segment is missing. What stands under one of these names and is no regular file is passed over.

use std::path::Path;
use std::path::PathBuf;

use crate::error::IoAt;
use crate::error::Result;
use crate::format::INDEX_FILE;
use crate::format::parse_segment_file_name;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::tools::Severity;
use crate::tools::VerifyFinding;
use crate::tools::import::frame_06::MAX_ID;
use crate::tools::import::frame_06::u64_at;
use crate::tools::import::window::FileWindow;

/// Beside the segments: the name of the newest one.
pub const HEAD_STATE_FILE: &str = "head.state";
/// The version of `head.state`, in its first byte.
const HEAD_STATE_VERSION: u8 = 1;
/// The length of an id in `segments.idx`.
const ID_LEN: usize = 8;
/// What the crate leaves beside its files if it dies while it replaces one.
const UNFINISHED_SUFFIX: &str = ".tmp";

/// The segments of a stream.
#[derive(Debug)]
pub struct StreamFiles06 {
    /// The name of its directory: all that is left of its key.
    pub directory: String,
    /// The directory.
    pub path: PathBuf,
    /// The first id of each segment and its file, in order.
    pub segments: Vec<(u64, PathBuf)>,
    /// The id with which a newest segment began that is missing.
    pub missing_from: Option<u64>,
}

/// Lists the stream in `dir`; `None` where there is no segment. Remarks are added to `findings`.
pub fn list_stream(
    storage: &dyn Storage,
    dir: &Path,
    directory: &str,
    findings: &mut Vec<VerifyFinding>,
) -> Result<Option<StreamFiles06>> {
    let mut segments = Vec::new();
    let mut note = |severity, path: PathBuf, what: &str| {
        findings.push(VerifyFinding::new(severity, path, what).of(directory));
    };
    for entry in storage.list_dir(dir).at(dir)? {
        let path = dir.join(&entry.name);
        let first_id = parse_segment_file_name(&entry.name).map(|id| id.0);
        match first_id {
            Some(id) if id <= MAX_ID && entry.kind == EntryKind::File => segments.push((id, path)),
            Some(_) => note(
                Severity::Damage,
                path,
                "no segment by its kind or id: not imported",
            ),
            None if [INDEX_FILE, HEAD_STATE_FILE].contains(&entry.name.as_str()) => {
                if entry.kind != EntryKind::File {
                    let what = "no regular file; it is derived from the segments, and passed over";
                    note(Severity::Note, path, what);
                }
            }
            None if entry.name.ends_with(UNFINISHED_SUFFIX) => {}
            None => note(Severity::Note, path, "no file of the 0.6 crate: left out"),
        }
    }
    // The digits of a name are as many for each id, so names sort as ids do.
    let ids: Vec<u64> = segments.iter().map(|(id, _)| *id).collect();
    let index_path = dir.join(INDEX_FILE);
    let (agrees, listed_last) = read_index(storage, &index_path, &ids)?;
    if !agrees {
        let what = "the list of segments does not agree with the files: segments that it names were \
                    removed or lost, or it is damaged";
        note(Severity::Note, index_path, what);
    }
    let head_path = dir.join(HEAD_STATE_FILE);
    let newest = ids.last().copied();
    let head = read_head_state(storage, &head_path)?;
    // The crate writes it with the second segment.
    let is_fine = match head {
        HeadState::Absent => ids.len() < 2,
        // Noted already.
        HeadState::NoFile => true,
        HeadState::Names(id) => Some(id) == newest,
        HeadState::Damaged => false,
    };
    if !is_fine {
        let what = "does not name the newest segment";
        note(Severity::Note, head_path, what);
    }
    let missing_from = match head {
        HeadState::Names(id) if Some(id) > newest && listed_last == Some(id) => Some(id),
        _ => None,
    };
    let stream = StreamFiles06 {
        directory: directory.to_owned(),
        path: dir.to_path_buf(),
        segments,
        missing_from,
    };
    let is_there = newest.is_some() || missing_from.is_some();
    Ok(is_there.then_some(stream))
}

/// Whether `segments.idx` lists these ids, and the last one that it lists.
fn read_index(storage: &dyn Storage, path: &Path, ids: &[u64]) -> Result<(bool, Option<u64>)> {
    let mut window = match open(storage, path)? {
        Opened::File(window) => window,
        Opened::Absent => return Ok((ids.is_empty(), None)),
        // Noted already.
        Opened::NoFile => return Ok((true, None)),
    };
    let len = window.len();
    if len % ID_LEN as u64 != 0 {
        return Ok((false, None));
    }
    let mut id_at = |number: u64| -> Result<Option<u64>> {
        let bytes = window.get(number * ID_LEN as u64, ID_LEN).at(path)?;
        Ok(bytes.and_then(|bytes| u64_at(bytes, 0)))
    };
    let count = len / ID_LEN as u64;
    let mut agrees = count == ids.len() as u64;
    if agrees {
        for (number, id) in ids.iter().enumerate() {
            agrees &= id_at(number as u64)? == Some(*id);
        }
    }
    let last = match count.checked_sub(1) {
        Some(number) => id_at(number)?,
        None => None,
    };
    Ok((agrees, last))
}

enum HeadState {
    Absent,
    NoFile,
    Names(u64),
    Damaged,
}

fn read_head_state(storage: &dyn Storage, path: &Path) -> Result<HeadState> {
    let mut window = match open(storage, path)? {
        Opened::File(window) => window,
        Opened::Absent => return Ok(HeadState::Absent),
        Opened::NoFile => return Ok(HeadState::NoFile),
    };
    let len = window.len().min(2 + 255) as usize;
    let bytes = window.get(0, len).at(path)?.unwrap_or_default();
    let name = match bytes {
        [HEAD_STATE_VERSION, len, name @ ..] if usize::from(*len) == name.len() => name,
        _ => return Ok(HeadState::Damaged),
    };
    let name = std::str::from_utf8(name).ok();
    let id = name.and_then(parse_segment_file_name);
    let is_possible = id.filter(|id| id.0 <= MAX_ID);
    Ok(is_possible.map_or(HeadState::Damaged, |id| HeadState::Names(id.0)))
}

/// What stands under the name of a file.
pub enum Opened {
    /// Nothing.
    Absent,
    /// A directory, a link, a pipe, a device: it is not opened.
    NoFile,
    /// A regular file, open for reading.
    File(FileWindow),
}

/// Opens a regular file for reading.
pub fn open(storage: &dyn Storage, path: &Path) -> Result<Opened> {
    match storage.kind(path).at(path)? {
        None => Ok(Opened::Absent),
        Some(EntryKind::File) => {
            let file = storage.open_file(path, Access::Read).at(path)?;
            FileWindow::new(file).at(path).map(Opened::File)
        }
        Some(EntryKind::Directory | EntryKind::Link | EntryKind::Other) => Ok(Opened::NoFile),
    }
}
