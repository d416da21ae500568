//! Carries a verdict out: saves aside, removes, cuts, and writes the recovered tail again.
//!
//! Every step may be cut short by a crash and is then done again by the next open: until the cut,
//! the same frames lead to the same decision; after it, there is nothing left to cut. What is
//! saved is durable, name included, before what it was copied from is touched.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CUT_SUFFIX;
use crate::format::SECTOR_LEN;
use crate::format::segment_file_name;
use crate::format::slot_offset;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::facts::Head;
use crate::recovery::facts::StreamFacts;
use crate::recovery::verdict::Action;
use crate::recovery::verdict::Kept;
use crate::recovery::verdict::KeptState;
use crate::recovery::verdict::Next;
use crate::recovery::verdict::Verdict;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::TEMPORARY_NAME;
use crate::segment::rewrite_checked;
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
    pub next: Next,
    /// The generation of new segments.
    pub generation: u64,
    /// What its segments tell it from earlier streams of its key by; `None`: none tells.
    pub incarnation: Option<u64>,
    /// The first id kept, and the number of the cut that said so.
    pub first_kept: (EntryId, u64),
    /// One past the last id that was known durable before.
    pub durable_end: EntryId,
    /// The tail was written again, or cut: it must be synced before it is served.
    pub needs_sync: bool,
    /// Truncated segments whose files could not be removed: nothing depends on it.
    pub unremoved: Vec<PathBuf>,
    /// A step failed: only what is below the frontier is here, and nothing may be appended.
    pub failure: Option<Error>,
}

impl Recovered {
    /// A stream of which nothing is on disk.
    pub fn nothing() -> Self {
        Recovered {
            segments: Vec::new(),
            next: Next::First,
            generation: 0,
            incarnation: None,
            first_kept: (EntryId(0), 0),
            durable_end: EntryId(0),
            needs_sync: false,
            unremoved: Vec::new(),
            failure: None,
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
}

/// The stream as a verdict has it, with nothing done to its files: for those who only read it.
pub fn leave_alone(facts: &StreamFacts, verdict: Verdict) -> Recovered {
    as_judged(facts, &verdict)
}

fn as_judged(facts: &StreamFacts, verdict: &Verdict) -> Recovered {
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
        needs_sync: false,
        unremoved: Vec::new(),
        failure: None,
    }
}

/// Acts. Failures are part of the result: what is below the frontier can be served all the same.
pub fn act(
    storage: &dyn Storage,
    facts: &StreamFacts,
    verdict: &Verdict,
    chunk_len: usize,
) -> Recovered {
    let mut recovered = as_judged(facts, verdict);
    let mut unremoved = Vec::new();
    let segments = &recovered.segments;
    match prepare_tail(storage, facts, verdict, segments, &mut unremoved, chunk_len) {
        Ok(needs_sync) => recovered.needs_sync = needs_sync,
        Err(error) => {
            recovered.failure = Some(error);
            keep_below_frontier(&mut recovered, &facts.dir);
        }
    }
    recovered.unremoved = unremoved;
    recovered
}

fn recovered(kept: &Kept, dir: &Arc<Path>) -> RecoveredSegment {
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
    }
}

/// Everything up to the sync. True: there is something to sync.
fn prepare_tail(
    storage: &dyn Storage,
    facts: &StreamFacts,
    verdict: &Verdict,
    segments: &[RecoveredSegment],
    unremoved: &mut Vec<PathBuf>,
    chunk_len: usize,
) -> Result<bool> {
    let mut changed_names = false;
    let mut needs_sync = !verdict.notes.is_empty();
    for action in &verdict.actions {
        let (path, result) = run(storage, facts, action);
        match result {
            Err(_) if is_truncated(facts, verdict, action) => unremoved.push(path),
            result => result.map_err(|error| Error::io(error, ErrorContext::at(&path)))?,
        }
        // Names change before the first cut; the cut relies on what was saved.
        if matches!(action, Action::Cut(..)) && changed_names {
            sync_names(storage, &facts.dir)?;
            changed_names = false;
        }
        changed_names |= !matches!(
            action,
            Action::Cut(..) | Action::RemoveTemporary | Action::StoreAgain(..)
        );
    }
    if changed_names {
        sync_names(storage, &facts.dir)?;
    }
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

/// Whether an action removes what lies below the first id kept. Each open decides so again; the
/// stream does without it.
fn is_truncated(facts: &StreamFacts, verdict: &Verdict, action: &Action) -> bool {
    let Action::Remove(i) = *action else {
        return false;
    };
    let next = facts.segments.get(i + 1).and_then(|s| s.head.header());
    next.is_some_and(|next| next.first_id <= verdict.first_kept.0)
}

fn run(storage: &dyn Storage, facts: &StreamFacts, action: &Action) -> (PathBuf, io::Result<()>) {
    let path_of = |i: usize| facts.dir.join(segment_file_name(facts.segments[i].name_id));
    match *action {
        Action::StoreAgain(i, slot) => {
            let path = path_of(i);
            let stored = store_again(storage, &path, slot);
            (path, stored)
        }
        Action::SaveRange(i, from) => {
            let path = path_of(i);
            let saved = save_range(storage, &path, from, facts.segments[i].file_len);
            (path, saved)
        }
        Action::SaveWhole(i) => {
            let path = path_of(i);
            let saved = aside(storage, &path, FileOffset(0))
                .and_then(|target| storage.rename(&path, &target));
            (path, saved)
        }
        Action::Remove(i) => {
            let path = path_of(i);
            let removed = remove_file_if_there(storage, &path);
            (path, removed)
        }
        Action::RemoveTemporary => {
            let path = facts.dir.join(TEMPORARY_NAME);
            let removed = remove_file_if_there(storage, &path);
            (path, removed)
        }
        Action::Cut(i, at) => {
            let path = path_of(i);
            let cut = storage
                .open_file(&path, Access::ReadWrite)
                .and_then(|f| f.set_len(at.0));
            (path, cut)
        }
    }
}

fn store_again(storage: &dyn Storage, path: &Path, slot: usize) -> io::Result<()> {
    let file = storage.open_file(path, Access::ReadWrite)?;
    let mut sector = [0; SECTOR_LEN];
    read_exact_at(&*file, slot_offset(slot).0, &mut sector)?;
    file.write_at(slot_offset(slot).0, &[IoSlice::new(&sector)])?;
    file.sync_data()
}

/// A free name beside a segment for what was cut off at `from`.
fn aside(storage: &dyn Storage, segment: &Path, from: FileOffset) -> io::Result<PathBuf> {
    let name = segment
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut number = 1;
    loop {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let path = segment.with_file_name(format!("{name}{CUT_SUFFIX}-{from}{suffix}"));
        if storage.kind(&path)?.is_none() {
            return Ok(path);
        }
        number += 1;
    }
}

fn save_range(storage: &dyn Storage, path: &Path, from: FileOffset, len: u64) -> io::Result<()> {
    let source = storage.open_file(path, Access::Read)?;
    let target = storage.create_file(&aside(storage, path, from)?)?;
    let mut chunk = vec![0; 128 << 10];
    let mut at = from.0;
    while at < len {
        let wanted = chunk
            .len()
            .min(usize::try_from(len - at).unwrap_or(usize::MAX));
        // Anything less than all would be cut without a copy.
        read_exact_at(&*source, at, &mut chunk[..wanted])?;
        target.write_at(at - from.0, &[IoSlice::new(&chunk[..wanted])])?;
        at += wanted as u64;
    }
    target.sync_all()
}

fn sync_names(storage: &dyn Storage, dir: &Path) -> Result<()> {
    storage
        .sync_dir(dir)
        .map_err(|error| Error::io(error, ErrorContext::at(dir)))
}

fn rewrite(
    storage: &dyn Storage,
    facts: &StreamFacts,
    recovered: &RecoveredSegment,
    kept: &Kept,
    chunk_len: usize,
) -> Result<()> {
    let KeptState::Tail { from, new_name } = kept.state else {
        return Ok(());
    };
    let segment = &recovered.segment;
    let io = |error| Error::io(error, segment.context());
    let file = storage
        .open_file(&segment.path(), Access::ReadWrite)
        .map_err(io)?;
    if new_name && matches!(facts.segments[kept.facts].head, Head::Good(_)) {
        file.write_at(0, &[IoSlice::new(&segment.header.encode())])
            .map_err(io)?;
    }
    rewrite_checked(segment, &*file, from, &kept.end, chunk_len)
}

/// After a failed step: what is above the frontier was not made durable and is not served.
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
    let (state, next_slot) = (KeptState::Closed, 0);
    recovered.segments.push(RecoveredSegment {
        segment,
        end,
        state,
        next_slot,
    });
}
