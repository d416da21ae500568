//! How does a stream of the 0.6 crate get into the new log?
//!
//! Frame by frame, under its ids. Ids that are lost stay lost, as after a repair: the new stream records them,
//! and gives none of them again. Where they are the last ones, nothing behind them can record it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::ids::EntryId;
use crate::storage::Storage;
use crate::stream::LogContext;
use crate::tools::LostIds;
use crate::tools::Severity;
use crate::tools::StreamCopy;
use crate::tools::VerifyFinding;
use crate::tools::import::frame_06;
use crate::tools::import::import_report::ImportedStream;
use crate::tools::import::segment_06::Found;
use crate::tools::import::segment_06::Frame06;
use crate::tools::import::segment_06::SegmentWalk06;
use crate::tools::import::stream_06::Opened;
use crate::tools::import::stream_06::StreamFiles06;
use crate::tools::import::stream_06::open;

/// Imports a stream under `key`. Remarks are added to `findings`.
pub fn import_stream(
    storage: &Arc<dyn Storage>,
    old: &StreamFiles06,
    context: &Arc<LogContext>,
    key: &str,
    findings: &mut Vec<VerifyFinding>,
    mut read_bytes: impl FnMut(u64),
) -> Result<ImportedStream> {
    let first_id = old.segments.first().map_or(0, |(id, _)| *id);
    let mut imported = ImportedStream {
        directory: old.directory.clone(),
        key: key.to_owned(),
        first_id,
        ..ImportedStream::default()
    };
    let mut copy = StreamCopy::new(context, key, (EntryId(first_id), 0));
    let mut reached = first_id;
    let mut segments = old.segments.iter().peekable();
    while let Some((id, path)) = segments.next() {
        let end_id = segments.peek().map(|(id, _)| *id).or(old.missing_from);
        let Opened::File(window) = open(&**storage, path)? else {
            return Err(std::io::Error::from(std::io::ErrorKind::NotFound)).at(path);
        };
        let mut walk = SegmentWalk06::new(window, reached.max(*id), end_id);
        let mut from = 0;
        loop {
            match walk.advance().at(path)? {
                Found::Frame(frame) => {
                    import_frame(&frame, path, &mut copy, &mut imported, findings)?;
                }
                Found::Lost { ids, offset, why } => {
                    lose(&mut imported, findings, ids, path, offset, why);
                }
                Found::Remark {
                    severity,
                    ids,
                    offset,
                    what,
                } => {
                    let finding = VerifyFinding::new(severity, path.clone(), what);
                    add(findings, finding.of(key).at(offset).ids(ids));
                }
                Found::End => break,
            }
            read_bytes(walk.position() - from);
            from = walk.position();
        }
        reached = walk.expected();
    }
    if let Some(missing) = old.missing_from.filter(|id| *id > reached) {
        // Of a stream whose segments are all missing.
        let why = "all segments are missing".to_owned();
        lose(&mut imported, findings, reached..missing, &old.path, 0, why);
        reached = missing;
    }
    imported.old_next_id = reached;
    if copy.next_id().is_none() && imported.lost.is_empty() && reached > 0 {
        // All was truncated, and nothing appended since.
        copy.begin_empty(reached)?;
    }
    imported.next_id = copy.next_id().unwrap_or(first_id);
    copy.finish()?;
    Ok(imported)
}

fn import_frame(
    frame: &Frame06,
    path: &Path,
    copy: &mut StreamCopy<'_>,
    imported: &mut ImportedStream,
    findings: &mut Vec<VerifyFinding>,
) -> Result<()> {
    let ids = frame.ids.start + frame.repeated..frame.ids.end;
    let count = (frame.ids.end - frame.ids.start) as u32;
    let Some(entries) = frame_06::entries(&frame.payload, count).at(path)? else {
        let why = "the checksum of the frame holds, but its payload has not this many entries";
        lose(imported, findings, ids, path, frame.offset, why.to_owned());
        return Ok(());
    };
    let entries = entries.get(frame.repeated as usize..).unwrap_or_default();
    match copy.append(ids.start, entries) {
        Ok(()) => imported.entries += entries.len() as u64,
        Err(Error::TooLarge { .. }) => {
            let why = "the frame is too large for this version".to_owned();
            lose(imported, findings, ids, path, frame.offset, why);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Adds a remark. Adjacent ids of one file with the same remark are one finding, with the first offset.
fn add(findings: &mut Vec<VerifyFinding>, finding: VerifyFinding) {
    if let (Some(last), Some(ids)) = (findings.last_mut(), &finding.ids) {
        let is_same = last.what == finding.what && last.path == finding.path;
        match &mut last.ids {
            Some(before) if is_same && before.end == ids.start => {
                before.end = ids.end;
                return;
            }
            _ => {}
        }
    }
    findings.push(finding);
}

fn lose(
    imported: &mut ImportedStream,
    findings: &mut Vec<VerifyFinding>,
    ids: Range<u64>,
    path: &Path,
    offset: u64,
    why: String,
) {
    let finding = VerifyFinding::new(Severity::Damage, path.to_path_buf(), why.clone());
    findings.push(finding.of(&imported.key).at(offset).ids(ids.clone()));
    imported.lost.push(LostIds { ids, why });
}
