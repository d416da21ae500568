//! What of a record log is served after open, and how does it become durable?
//!
//! Facts ([`RecordLogFacts`]) → a pure decision ([`decide`]) → action. Damage below the frontier
//! stays in the file until a rewrite. A whole record above the frontier is retained, a torn one is
//! trimmed. The page cache may show bytes that the disk lacks, so before the tail is served:
//!
//! 1. bytes behind the last whole record are quarantined if a slot is damaged, because they may have
//!    been durable: a crash leaves a copy, or a temporary file that the next attempt replaces;
//! 2. they are trimmed: a crash leaves the file with or without them;
//! 3. the tail is written again from the checked bytes, an embedded record included, and synced;
//! 4. a slot with the new end is written and synced: the next open finds nothing to do.
//!
//! A crash after any step leaves a file to which the same decision applies. Failure: the records
//! below the frontier are served, and the log latches.

use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::CUT_SUFFIX;
use crate::format::FrontierSlot;
use crate::format::NEW_SUFFIX;
use crate::format::RecordFormat;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::record_log::RecordLog;
use crate::record_log::RecordLogFacts;
use crate::record_log::RecordLogItem;
use crate::record_log::RecordLogState;
use crate::record_log::scanner::scan;
use crate::recovery::copy_aside;
use crate::segment::store_slot;
use crate::storage::Access;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::replace::numbered_name;
use crate::storage::replace::with_suffix;

/// An open file and what it is.
pub type Found<F> = (Arc<dyn StorageFile>, RecordLogState<F>);

/// What recovery did.
pub struct Recovery<F: RecordFormat> {
    /// The records that are served, and the damage between them.
    pub items: Vec<RecordLogItem<F>>,
    /// Records behind the last item that may have been durable and are not served.
    pub lost: Option<LostTail>,
    /// Whole records behind the last item that could not be made durable: the next open may serve them.
    pub unserved: Vec<RecordLogItem<F>>,
    /// The file that received the trimmed bytes.
    pub quarantine: Option<PathBuf>,
    /// Why the log latched.
    pub failure: Option<Error>,
}

/// Records that may have been durable and are not served.
pub struct LostTail {
    /// The first id that they may have had.
    pub first_id: EntryId,
    /// Where they started.
    pub offset: FileOffset,
    /// Why they are not served.
    pub reason: &'static str,
}

impl LostTail {
    fn behind(end: &FrontierSlot, reason: &'static str) -> Self {
        LostTail {
            first_id: end.next_id,
            offset: end.end,
            reason,
        }
    }
}

/// What recovery changes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    /// Bytes behind the last whole record are trimmed.
    pub(super) trims: bool,
    /// They are copied into a quarantine file first.
    pub(super) quarantines: bool,
    /// A slot with the end of the tail is written.
    pub(super) writes_slot: bool,
}

/// Opens and scans the file. `None`: there is none. Changes nothing.
pub fn find<F: RecordFormat>(
    storage: &dyn Storage,
    path: &Path,
    format: &F,
    read_ahead: usize,
) -> Result<Option<Found<F>>> {
    let io = |error| Error::io(error, ErrorContext::at(path));
    if storage.kind(path).map_err(io)?.is_none() {
        return Ok(None);
    }
    let file = storage.open_file(path, Access::ReadWrite).map_err(io)?;
    let state = scan(format, &file, read_ahead).map_err(io)?;
    Ok(Some((file, state)))
}

/// Makes the log of these facts usable: it is an [`RecordLog::absent`] one before.
pub fn recover<F: RecordFormat>(
    log: &mut RecordLog<F>,
    file: Arc<dyn StorageFile>,
    facts: RecordLogFacts<F>,
) -> Recovery<F> {
    log.file = Some(Arc::clone(&file));
    log.end = facts.frontier.clone();
    log.next_slot = facts.slot.map_or(0, |slot| slot ^ 1);
    let mut recovery = Recovery {
        items: Vec::new(),
        lost: None,
        unserved: Vec::new(),
        quarantine: None,
        failure: None,
    };
    if let Some(repair) = decide(&facts) {
        let end = facts.tail_end.clone();
        match apply(log, &*file, &facts, repair, &mut recovery.quarantine) {
            Ok(()) if repair.quarantines => {
                let reason = "the bytes behind the last whole record were trimmed and quarantined";
                recovery.lost = Some(LostTail::behind(&end, reason));
            }
            Ok(()) => {}
            Err(error) => {
                log.latched = Some(Arc::new(error.duplicate()));
                recovery.failure = Some(error);
            }
        }
    }
    recovery.items = facts.items;
    if recovery.failure.is_none() {
        recovery.items.extend(facts.tail);
        return recovery;
    }
    recovery.unserved = facts.tail;
    if facts.slot_embeds_record {
        // It may have been acknowledged, so no older record may pass for the newest.
        let reason = "the record that followed could not be made durable";
        recovery.lost = Some(LostTail::behind(&facts.frontier, reason));
    }
    recovery
}

/// What [`recover`] serves of these facts where none of its steps fails. Changes nothing.
pub fn preview<F: RecordFormat>(facts: RecordLogFacts<F>) -> Recovery<F> {
    let repair = decide(&facts);
    let trimmed = repair.filter(|repair| repair.quarantines).map(|_| {
        let reason = "the bytes behind the last whole record are damaged";
        LostTail::behind(&facts.tail_end, reason)
    });
    let mut items = facts.items;
    items.extend(facts.tail);
    Recovery {
        items,
        lost: trimmed,
        unserved: Vec::new(),
        quarantine: None,
        failure: None,
    }
}

/// `None`: the file is as a clean close leaves it.
pub(super) fn decide<F: RecordFormat>(facts: &RecordLogFacts<F>) -> Option<Repair> {
    let trims = facts.has_rest();
    if !trims && facts.tail.is_empty() && facts.slot.is_some() {
        return None;
    }
    Some(Repair {
        trims,
        // With two good slots the rest is a record that was never acknowledged.
        quarantines: trims && facts.slot_damaged,
        writes_slot: facts.tail_end != facts.frontier || facts.slot.is_none(),
    })
}

fn apply<F: RecordFormat>(
    log: &mut RecordLog<F>,
    file: &dyn StorageFile,
    facts: &RecordLogFacts<F>,
    repair: Repair,
    quarantine: &mut Option<PathBuf>,
) -> Result<()> {
    let end = &facts.tail_end;
    // 1. The copy.
    if repair.quarantines {
        *quarantine = Some(copy_to_quarantine(log, end.end.0..facts.file_len)?);
    }
    let io = |error| Error::io(error, ErrorContext::at(&log.path));
    // 2. The trim.
    if repair.trims {
        file.set_len(end.end.0).map_err(io)?;
    }
    // 3. The tail.
    file.write_at(facts.frontier.end.0, &[IoSlice::new(&facts.tail_bytes)])
        .map_err(io)?;
    file.sync_data().map_err(io)?;
    // 4. The slot.
    if repair.writes_slot {
        store_slot(file, log.seed, log.next_slot, end).map_err(io)?;
        file.sync_data().map_err(io)?;
        log.next_slot ^= 1;
        log.end = end.clone();
    }
    Ok(())
}

/// Copies bytes of the log into a file beside it, durably.
fn copy_to_quarantine<F: RecordFormat>(
    log: &RecordLog<F>,
    bytes: std::ops::Range<u64>,
) -> Result<PathBuf> {
    let io = |error| Error::io(error, ErrorContext::at(&log.path));
    let unfinished = with_suffix(&log.path, NEW_SUFFIX);
    let name = |number| numbered_name(&log.path, CUT_SUFFIX, number);
    let copy = copy_aside(&*log.storage, &log.path, bytes, &unfinished, name).map_err(io)?;
    log.sync_directory()?;
    Ok(copy)
}
