//! What does a log hold, in numbers?

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::error::Result;
use crate::format::JOURNAL_DIR;
use crate::recovery::Decision;
use crate::recovery::JournalSeen;
use crate::recovery::KeptState;
use crate::recovery::NextAppend;
use crate::recovery::StreamFacts;
use crate::recovery::WriterLock;
use crate::recovery::look_at_journal;
use crate::recovery::read_journal_in_use;
use crate::recovery::refusal_error;
use crate::recovery::view_only;
use crate::tools::dump_properties::PropertyMap;
use crate::tools::dump_properties::pairs_of;
use crate::tools::survey::LogDir;
use crate::tools::survey::Selection;
use crate::tools::survey::Surveyed;
use crate::tools::survey::survey_until;

/// A log in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStat {
    /// Its streams, by directory name.
    pub streams: Vec<StreamStat>,
    /// Its commit journal, where it has one. Not where only one stream was selected.
    pub journal: Option<JournalStat>,
}

/// A commit journal in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalStat {
    /// Its directory.
    pub directory: PathBuf,
    /// Its files.
    pub files: u64,
    /// Those of them that hold what poisoned streams need until the log is opened again.
    pub files_aside: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Good records: what they hold is not, or need not be, durable in the streams' own files yet.
    pub records: u64,
    /// Items in these: ranges of streams, their slots, headers of segments, deletions.
    pub items: u64,
    /// How many streams they name.
    pub streams: u64,
    /// A writer has the log open and uses it. Otherwise no writer has recovered the log: the next open for writing
    /// does, and the numbers of the streams count what the journal holds.
    pub in_use: bool,
    /// Pieces of damage.
    pub damage: u64,
}

/// A stream in numbers, from headers, slots, trailers and the tail; payloads are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamStat {
    /// Its key, or the name of its directory where the key is unknown.
    pub key: String,
    /// Its directory.
    pub directory: PathBuf,
    /// Segment files.
    pub segments: u64,
    /// Those that are sealed.
    pub sealed_segments: u64,
    /// Bytes of segment files, zeros ahead of the tail included.
    pub bytes: u64,
    /// The first id kept.
    pub first_id: u64,
    /// The id that the next append gets.
    pub next_id: u64,
    /// One past the last id known to be durable.
    pub durable_end: u64,
    /// Ids between the first and the next that no segment holds.
    pub lost_ids: u64,
    /// Properties of the stream.
    pub properties: u64,
    /// Their keys and values, by key.
    pub property_map: PropertyMap,
    /// Damage took the properties, and they were not replaced since.
    pub properties_lost: bool,
    /// Pieces of damage that opening the log would report.
    pub damage: u64,
    /// Why the stream cannot be opened, where that is so.
    pub error: Option<String>,
    /// The segments that the stream keeps, in order, where they were asked for ([`Selection::segments`]).
    pub segment_list: Vec<SegmentStat>,
}

/// A segment in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentStat {
    /// Its file.
    pub path: PathBuf,
    /// The first id that the stream keeps in it.
    pub first_id: u64,
    /// One past its last id.
    pub end_id: u64,
    /// Ids directly before it that no segment holds.
    pub lost_before: u64,
    /// Bytes of the file, zeros ahead of the tail included.
    pub bytes: u64,
    /// Where its frames end, in bytes.
    pub frames_end: u64,
    /// How far it is complete.
    pub state: SegmentState,
    /// When its file was last changed, where the system says so.
    pub modified: Option<SystemTime>,
}

/// How far a segment is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// It has its footer and never changes again.
    Sealed,
    /// Appends go there, or it is about to be sealed.
    Open,
    /// Durable, and its end is damaged: it is read as far as it goes.
    EndLost,
}

/// Collects the numbers of the selected streams.
pub fn stat(place: &LogDir, selection: &Selection) -> Result<LogStat> {
    stat_until(place, selection, &mut |_, _| ControlFlow::Continue(()))
}

/// As [`stat`]; `progress` gets how many streams' directories are done, and of how many. It is called on this
/// thread, before the first and after each, and cancels by `Break`.
///
/// Errors: those of `stat`; `Cancelled`.
pub fn stat_until(
    place: &LogDir,
    selection: &Selection,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<LogStat> {
    place.check_journal()?;
    let surveyed = survey_until(place, selection, progress)?;
    let mut log = stat_all(place, &surveyed, selection);
    log.journal = match selection.stream {
        Some(_) => None,
        None => journal_stat(place)?,
    };
    Ok(log)
}

fn journal_stat(place: &LogDir) -> Result<Option<JournalStat>> {
    let (storage, root) = (&*place.storage, &place.root);
    let seen = look_at_journal(storage, root, place.read_ahead, WriterLock::NotHeld)?;
    let (facts, in_use) = match seen {
        JournalSeen::Nothing => return Ok(None),
        JournalSeen::InUse => (read_journal_in_use(storage, root)?, true),
        JournalSeen::Unrecovered(journal) => (journal.facts, false),
    };
    let keys: BTreeSet<&str> = facts.items.iter().map(|item| &*item.key).collect();
    Ok(Some(JournalStat {
        directory: root.join(JOURNAL_DIR),
        files: facts.files,
        files_aside: facts.files_aside,
        bytes: facts.bytes,
        records: facts.records,
        items: facts.items.len() as u64,
        streams: keys.len() as u64,
        in_use,
        damage: facts.findings.len() as u64,
    }))
}

/// The numbers of surveyed streams.
pub(super) fn stat_all(place: &LogDir, surveyed: &[Surveyed], selection: &Selection) -> LogStat {
    let mut streams: Vec<StreamStat> = surveyed.iter().map(stat_of).collect();
    if selection.segments {
        let segments = streams
            .iter_mut()
            .flat_map(|stream| &mut stream.segment_list);
        for segment in segments {
            segment.modified = place.storage.modified(&segment.path).ok();
        }
    } else {
        for stream in &mut streams {
            stream.segment_list.clear();
        }
    }
    LogStat {
        streams,
        journal: None,
    }
}

/// The numbers of a surveyed stream, without the times of its files.
pub(super) fn stat_of(stream: &Surveyed) -> StreamStat {
    let mut stat = StreamStat {
        key: stream.key.clone(),
        directory: stream.dir.clone(),
        ..StreamStat::default()
    };
    match &stream.found {
        Ok((facts, decision)) => fill(&mut stat, facts, decision.clone()),
        Err(error) => stat.error = Some(error.to_string()),
    }
    stat
}

fn fill(stat: &mut StreamStat, facts: &StreamFacts, decision: Decision) {
    stat.segments = facts.segments.len() as u64;
    stat.bytes = facts.segments.iter().map(|segment| segment.file_len).sum();
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => {
            stat.error = Some(refusal_error(&stat.key, facts, &refusal).to_string());
            return;
        }
    };
    stat.damage = verdict.findings.len() as u64;
    let properties = verdict.properties.map();
    stat.properties_lost = properties.is_none();
    stat.property_map = properties.map_or_else(PropertyMap::new, |map| pairs_of(&map));
    stat.properties = stat.property_map.len() as u64;
    let stream = view_only(facts, verdict);
    let sealed = |state: &KeptState| *state == KeptState::Sealed;
    let segments = &stream.segments;
    stat.sealed_segments = segments.iter().filter(|s| sealed(&s.state)).count() as u64;
    let end = segments.last().map_or(0, |last| last.end.next_id.0);
    let first = segments.first().map(|first| first.segment.first_id());
    stat.first_id = first.unwrap_or_default().max(stream.first_kept.0).0;
    stat.next_id = match stream.next {
        NextAppend::AfterLoss { first_id, .. } => first_id.0,
        NextAppend::Empty | NextAppend::Continue => end,
    };
    stat.durable_end = match stream.next {
        NextAppend::AfterLoss { first_id, .. } => first_id.0,
        NextAppend::Empty | NextAppend::Continue => stream.durable_end.0.min(end),
    };
    let mut held = stat.first_id;
    for found in segments {
        let first_id = found.segment.first_id();
        let lost_before = first_id.0.saturating_sub(held);
        stat.lost_ids += lost_before;
        let files = &facts.segments;
        let file = files.binary_search_by_key(&first_id, |file| file.name_id);
        stat.segment_list.push(SegmentStat {
            path: found.segment.path(),
            first_id: first_id.0.max(stat.first_id),
            end_id: found.end.next_id.0,
            lost_before,
            bytes: file.map_or(0, |at| files[at].file_len),
            frames_end: found.end.offset.0,
            state: match found.state {
                KeptState::Sealed => SegmentState::Sealed,
                KeptState::ReadOnlyPrefix => SegmentState::EndLost,
                KeptState::Tail { .. } => SegmentState::Open,
            },
            modified: None,
        });
        held = held.max(found.end.next_id.0);
    }
    stat.lost_ids += stat.next_id.saturating_sub(held);
}
