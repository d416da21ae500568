//! How is a verdict carried out? Quarantine, remove, trim, and rewrite the recovered tail.
//!
//! A crash may interrupt every step; the next open repeats it. Until the trim, the same frames lead
//! to the same decision; after it, there is nothing left to trim. A quarantined copy is durable,
//! name included, before its source is touched.
//!
//! Failure: if a quarantine fails (the disk may be full), nothing is removed or trimmed. The checked
//! frames are rewritten in place, which needs no space, and served once they are synced. Appends
//! are refused, as they would overwrite the bytes that could not be quarantined. If another step
//! fails, only what is below the frontier is served.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FrontierSlot;
use crate::format::NEXT_SEGMENT_FILE;
use crate::format::SECTOR_LEN;
use crate::format::SlotProperties;
use crate::format::SlotState;
use crate::format::UNFINISHED_COPY_FILE;
use crate::format::segment_file_name;
use crate::format::slot_offset;
use crate::ids::EntryId;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::StreamFacts;
use crate::recovery::frontier::successor;
use crate::recovery::quarantine::backup_file;
use crate::recovery::quarantine::backup_range;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::KeptSegment;
use crate::recovery::verdict::KeptState;
use crate::recovery::verdict::NextAppend;
use crate::recovery::verdict::Verdict;
use crate::segment::PropertyPoint;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::rewrite_verified;
use crate::segment::store_slot;
use crate::storage::Access;
use crate::storage::Storage;
use crate::storage::read_exact_at;
use crate::storage::remove_file_if_there;

/// A stream as it is after recovery, before its tail is synced.
#[derive(Debug)]
pub struct Recovered {
    /// Its segments, in order.
    pub segments: Vec<RecoveredSegment>,
    /// Where the next entry goes.
    pub next: NextAppend,
    /// The generation of new segments.
    pub generation: u64,
    /// Its incarnation; `None`: no segment has a good header.
    pub incarnation: Option<u64>,
    /// The first id kept, and the epoch of the truncation that set it.
    pub first_kept: (EntryId, u64),
    /// One past the last id that was known to be durable before.
    pub durable_end: EntryId,
    /// The properties at the end of the segments.
    pub properties: PropertyPoint,
    /// The properties that were known to be durable before.
    pub properties_at_frontier: PropertyPoint,
    /// The tail was rewritten or trimmed: it must be synced before it is served.
    pub needs_sync: bool,
    /// Truncated segments whose files could not be removed: nothing depends on them.
    pub unremoved: Vec<PathBuf>,
    /// A step failed: only segments below the frontier are here, and appends are refused.
    pub failure: Option<Error>,
    /// A quarantine failed, so nothing was removed or trimmed: all checked frames are here, and
    /// appends are refused.
    pub blocked: Option<Error>,
    /// The notes whose actions were carried out.
    pub done: Vec<Finding>,
    /// The files that hold what was quarantined.
    pub quarantined: Vec<PathBuf>,
}

impl Recovered {
    /// A stream without files.
    pub fn nothing() -> Self {
        Recovered {
            segments: Vec::new(),
            next: NextAppend::Empty,
            generation: 0,
            incarnation: None,
            first_kept: (EntryId(0), 0),
            durable_end: EntryId(0),
            properties: PropertyPoint::NONE,
            properties_at_frontier: PropertyPoint::NONE,
            needs_sync: false,
            unremoved: Vec::new(),
            failure: None,
            blocked: None,
            done: Vec::new(),
            quarantined: Vec::new(),
        }
    }
}

/// One segment of a recovered stream.
#[derive(Debug)]
pub struct RecoveredSegment {
    /// The segment.
    pub segment: Segment,
    /// Where its frames end.
    pub end: SegmentEnd,
    /// How far it is complete.
    pub state: KeptState,
    /// Which frontier slot is the older one.
    pub next_slot: usize,
    /// What a slot of it has to say of the properties at its end.
    pub properties: SlotProperties,
}

/// The stream as the verdict has it, with its files unchanged: for read-only use.
pub fn view_only(facts: &StreamFacts, verdict: Verdict) -> Recovered {
    from_verdict(facts, &verdict)
}

fn from_verdict(facts: &StreamFacts, verdict: &Verdict) -> Recovered {
    let dir = &facts.dir;
    let generation = verdict.kept.iter().map(|kept| kept.header.generation).max();
    Recovered {
        segments: verdict
            .kept
            .iter()
            .map(|kept| recovered(kept, dir))
            .collect(),
        next: verdict.next.clone(),
        generation: generation.unwrap_or(0),
        incarnation: facts.incarnation(),
        first_kept: verdict.first_kept,
        durable_end: verdict.durable_end,
        properties: verdict.properties.clone(),
        properties_at_frontier: verdict.properties_at_frontier.clone(),
        needs_sync: false,
        unremoved: Vec::new(),
        failure: None,
        blocked: None,
        done: Vec::new(),
        quarantined: Vec::new(),
    }
}

/// Carries the verdict out. Failures are part of the result: what is below the frontier can be
/// served all the same.
pub fn apply(
    storage: &dyn Storage,
    facts: &StreamFacts,
    verdict: &Verdict,
    chunk_len: usize,
) -> Recovered {
    let mut recovered = from_verdict(facts, verdict);
    let mut changes = FileChanges::default();
    let changed = change_files(storage, facts, verdict, &mut changes);
    let FileChanges {
        carried_out,
        mut unremoved,
        quarantined,
    } = changes;
    recovered.quarantined = quarantined;
    let rest = &verdict.actions[carried_out..];
    let is_done = |note: &&Finding| !rest.iter().any(|action| action.segment() == note.segment);
    recovered.done = verdict.notes.iter().filter(is_done).cloned().collect();
    let is_saving =
        |action: &Action| matches!(action, Action::BackupRange(..) | Action::BackupFile(_));
    let rewritten = match changed {
        Err(error) if rest.first().is_some_and(is_saving) => {
            recovered.blocked = Some(error);
            let truncated = rest
                .iter()
                .filter(|a| is_removable_later(facts, verdict, a));
            unremoved.extend(truncated.map(|action| path_of(facts, action)));
            Ok(())
        }
        changed => changed,
    }
    .and_then(|()| rewrite_tails(storage, facts, verdict, &recovered.segments, chunk_len));
    match rewritten {
        Ok(rewritten) => {
            show_ends_at_cuts(storage, facts, verdict);
            let unfinished = recovered.blocked.is_some();
            recovered.needs_sync = rewritten || unfinished || !verdict.notes.is_empty();
        }
        Err(error) => {
            recovered.failure = Some(error);
            recovered.properties = recovered.properties_at_frontier.clone();
            match rest.first() {
                Some(Action::SyncNames) => keep_below_cut(&mut recovered, facts),
                _ => keep_below_frontier(&mut recovered, &facts.dir),
            }
        }
    }
    recovered.unremoved = unremoved;
    recovered
}

fn recovered(kept: &KeptSegment, dir: &Arc<Path>) -> RecoveredSegment {
    let sealed = kept.state == KeptState::Sealed;
    let index = match sealed {
        true => SparseIndex::in_footer(),
        false => SparseIndex::unread(kept.end.offset),
    };
    let segment = Segment::new(
        kept.header.clone(),
        Arc::clone(dir),
        &kept.end,
        sealed,
        index,
    );
    RecoveredSegment {
        segment,
        end: kept.end,
        state: kept.state,
        next_slot: kept.next_slot,
        properties: kept.properties.clone(),
    }
}

/// What became of a stream's files.
#[derive(Default)]
struct FileChanges {
    /// How many actions were carried out.
    carried_out: usize,
    /// Truncated segments whose files could not be removed.
    unremoved: Vec<PathBuf>,
    /// The files that hold what was quarantined.
    quarantined: Vec<PathBuf>,
}

/// Carries out the actions and counts them. A segment below the first id kept that cannot be
/// removed is no failure: it goes to `unremoved`.
fn change_files(
    storage: &dyn Storage,
    facts: &StreamFacts,
    verdict: &Verdict,
    changes: &mut FileChanges,
) -> Result<()> {
    let mut changed_names = false;
    for action in &verdict.actions {
        // Names change before the first trim; the trim relies on the quarantine.
        if matches!(action, Action::Trim(..)) && changed_names {
            sync_names(storage, &facts.dir)?;
            changed_names = false;
        }
        let (path, result) = run(storage, facts, action);
        match result {
            Err(_) if is_removable_later(facts, verdict, action) => changes.unremoved.push(path),
            result => changes.quarantined.extend(result.at(&path)?),
        }
        changes.carried_out += 1;
        changed_names |= !matches!(
            action,
            Action::SyncNames
                | Action::Trim(..)
                | Action::RemoveTemporary
                | Action::RewriteSlot(..)
        );
    }
    match changed_names {
        true => sync_names(storage, &facts.dir),
        false => Ok(()),
    }
}

/// Rewrites the frames above the frontier. True: there is something to sync.
fn rewrite_tails(
    storage: &dyn Storage,
    facts: &StreamFacts,
    verdict: &Verdict,
    segments: &[RecoveredSegment],
    chunk_len: usize,
) -> Result<bool> {
    let mut needs_sync = false;
    let tails = segments.iter().zip(&verdict.kept);
    for (place, (recovered, kept)) in tails.enumerate() {
        let KeptState::Tail { from, new_name } = recovered.state else {
            continue;
        };
        let unsealed = place + 1 < segments.len();
        if from.0 == recovered.end.offset && !unsealed && !new_name {
            continue;
        }
        needs_sync = true;
        rewrite(storage, facts, recovered, kept, chunk_len)?;
    }
    Ok(needs_sync)
}

/// Whether an action removes a segment below the first id kept, or a void one. Each open decides so
/// again; the stream does not need the segment.
fn is_removable_later(facts: &StreamFacts, verdict: &Verdict, action: &Action) -> bool {
    let Action::Remove(i) = *action else {
        return false;
    };
    let next = successor(&facts.segments, i).and_then(|s| s.head.header());
    facts.segments[i].is_void() || next.is_some_and(|next| next.first_id <= verdict.first_kept.0)
}

/// The file that an action concerns.
fn path_of(facts: &StreamFacts, action: &Action) -> PathBuf {
    match action.segment() {
        Some(i) => facts.dir.join(segment_file_name(facts.segments[i].name_id)),
        None if *action == Action::SyncNames => facts.dir.to_path_buf(),
        None => facts.dir.join(NEXT_SEGMENT_FILE),
    }
}

/// Carries one action out. Returns the file that it concerns, and the file that holds what was
/// quarantined, if that was the action.
fn run(
    storage: &dyn Storage,
    facts: &StreamFacts,
    action: &Action,
) -> (PathBuf, io::Result<Option<PathBuf>>) {
    let path = path_of(facts, action);
    let changed = match *action {
        Action::BackupRange(i, from) => {
            let copied = backup_range(storage, &path, from, facts.segments[i].file_len);
            return (path, copied.map(Some));
        }
        Action::BackupFile(_) => {
            let renamed = backup_file(storage, &path);
            return (path, renamed.map(Some));
        }
        // A reset may have begun the stream.
        Action::SyncNames => [Some(&*facts.dir), facts.dir.parent()]
            .into_iter()
            .flatten()
            .try_for_each(|dir| storage.sync_dir(dir)),
        Action::RewriteSlot(_, slot) => rewrite_slot(storage, &path, slot),
        Action::Remove(_) => remove_file_if_there(storage, &path),
        Action::RemoveTemporary => [NEXT_SEGMENT_FILE, UNFINISHED_COPY_FILE]
            .iter()
            .try_for_each(|name| remove_file_if_there(storage, &facts.dir.join(name))),
        Action::Trim(_, at) => storage
            .open_file(&path, Access::ReadWrite)
            .and_then(|file| file.set_len(at.0)),
    };
    (path, changed.map(|()| None))
}

fn rewrite_slot(storage: &dyn Storage, path: &Path, slot: usize) -> io::Result<()> {
    let file = storage.open_file(path, Access::ReadWrite)?;
    let mut sector = [0; SECTOR_LEN];
    read_exact_at(&*file, slot_offset(slot).0, &mut sector)?;
    file.write_at(slot_offset(slot).0, &[IoSlice::new(&sector)])?;
    file.sync_data()
}

fn sync_names(storage: &dyn Storage, dir: &Path) -> Result<()> {
    storage.sync_dir(dir).at(dir)
}

fn rewrite(
    storage: &dyn Storage,
    facts: &StreamFacts,
    recovered: &RecoveredSegment,
    kept: &KeptSegment,
    chunk_len: usize,
) -> Result<()> {
    let KeptState::Tail { from, new_name } = kept.state else {
        return Ok(());
    };
    let segment = &recovered.segment;
    let context = || segment.context();
    let path = segment.path();
    let file = storage
        .open_file(&path, Access::ReadWrite)
        .in_context(context)?;
    if new_name && matches!(facts.segments[kept.facts].head, HeaderState::Valid(_)) {
        file.write_at(0, &[IoSlice::new(&segment.header.encode())])
            .in_context(context)?;
    }
    rewrite_verified(segment, &*file, from, &kept.end, chunk_len)
}

/// A segment without a footer of which a suffix was cut is never written again, but for this: readers in
/// other processes that follow it learn by the epoch of a slot that it ends. Nothing depends on it,
/// so a failure is none, and it is not synced.
fn show_ends_at_cuts(storage: &dyn Storage, facts: &StreamFacts, verdict: &Verdict) {
    let pairs = verdict.kept.windows(2);
    for kept in pairs.filter(|pair| facts.segments[pair[1].facts].is_cut()) {
        let kept = &kept[0];
        let segment = &facts.segments[kept.facts];
        let mut slots = segment.slots.iter().filter_map(SlotState::valid);
        let (first_kept_id, truncation_epoch) = verdict.first_kept;
        let is_stated = slots.any(|slot| slot.truncation_epoch >= truncation_epoch);
        let has_frame = kept.end.last_frame.is_some();
        if segment.trailer.is_some() || is_stated || !has_frame {
            continue;
        }
        let slot = FrontierSlot {
            end: kept.end.offset,
            next_id: kept.end.next_id,
            last_frame: kept.end.last_frame,
            first_kept_id,
            truncation_epoch,
            properties: kept.properties.clone().below(kept.end.offset),
        };
        let path = facts.dir.join(segment_file_name(segment.name_id));
        if let Ok(file) = storage.open_file(&path, Access::ReadWrite) {
            let _ = store_slot(&*file, kept.header.seed(), kept.next_slot, &slot);
        }
    }
}

/// The name of the last cut may not be durable: what lies before that cut is there whether a power
/// failure takes the name or not.
fn keep_below_cut(recovered: &mut Recovered, facts: &StreamFacts) {
    let cut = facts.segments.iter().rev().find(|segment| segment.is_cut());
    let Some(cut) = cut.map(|cut| cut.name_id) else {
        return;
    };
    let segments = recovered.segments.iter();
    let before = segments.take_while(|s| s.segment.first_id() < cut).count();
    recovered.segments.truncate(before);
    recovered.durable_end = cut;
}

/// After a failed step: what is above the frontier is not durable and is not served.
fn keep_below_frontier(recovered: &mut Recovered, dir: &Arc<Path>) {
    let tail = recovered
        .segments
        .iter()
        .position(|s| matches!(s.state, KeptState::Tail { .. }));
    let Some(place) = tail else { return };
    recovered.segments.truncate(place + 1);
    let Some(last) = recovered.segments.pop() else {
        return;
    };
    let KeptState::Tail { from, .. } = last.state else {
        return;
    };
    if from.1 <= last.segment.first_id() {
        return;
    }
    let end = SegmentEnd {
        offset: from.0,
        next_id: from.1,
        ..last.end
    };
    let index = SparseIndex::unread(end.offset);
    let header = last.segment.header.clone();
    let segment = Segment::new(header, Arc::clone(dir), &end, false, index);
    let (state, next_slot) = (KeptState::ReadOnlyPrefix, 0);
    recovered.segments.push(RecoveredSegment {
        segment,
        end,
        state,
        next_slot,
        properties: last.properties,
    });
}
