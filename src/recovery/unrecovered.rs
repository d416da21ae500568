//! What does the commit journal add to a log that no writer has recovered yet, and how does a reader know?
//!
//! Readers take no lock and change nothing. Beside a live writer the streams' files hold all that the journal
//! does, in the page cache, and the journal must not be laid over them: the writer cuts, deletes and begins streams
//! anew, and a record may be one that was not acknowledged. After a power failure, entries may be in the
//! journal only. Two things tell the cases apart:
//!
//! 1. A writer announces itself ([`Storage::is_announced`]) after it has made the journal that it found hold
//!    nothing, and before it makes a journal of its own. It is announced until its lock ends, also when it dies.
//! 2. The header of a journal's file holds a random number. Opening for writing writes all that the journal
//!    holds into the files first; then it overwrites the headers; only then it changes anything else.
//!
//! So the headers are read, no writer is announced, the journal is read, and the headers are the same: then no writer
//! that uses this journal lives, it is complete, and as long as the headers stay the files lack nothing but what
//! it holds. That is the overlay's condition, judged after each read. Once it is gone, the files hold everything.

use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::IDENTITY_FILE;
use crate::format::Identity;
use crate::format::JOURNAL_DIR;
use crate::format::LOCK_FILE;
use crate::format::LogId;
use crate::journal::JournalFacts;
use crate::journal::JournalFinding;
use crate::journal::read_headers;
use crate::journal::scan_journal;
use crate::recovery::Replay;
use crate::recovery::identity::read_identity;
use crate::recovery::plan_replay;
use crate::storage::EntryKind;
use crate::storage::Overlay;
use crate::storage::OverlayCondition;
use crate::storage::Storage;

/// How often a journal that changes while it is read is read again.
const ATTEMPTS: u32 = 100;

/// The journal of a log that is not open for writing here.
#[derive(Debug)]
pub enum JournalSeen {
    /// There is none.
    Nothing,
    /// A live writer's.
    InUse,
    /// No writer has written what it holds into the streams' files, or synced these.
    Unrecovered(Unrecovered),
}

/// A journal that no writer has recovered.
#[derive(Debug)]
pub struct Unrecovered {
    /// What it holds.
    pub facts: JournalFacts,
    /// What that adds to the streams.
    pub replay: Replay,
}

/// Whether the caller holds the writer lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterLock {
    /// So there is no other writer.
    #[cfg(feature = "inspection")]
    Held,
    /// Another process may hold it, or come to.
    NotHeld,
}

/// Looks at the journal of the log at `root`. Changes nothing.
///
/// Errors: where opening for writing would refuse: the journal is of another log or of a later version, or
/// something that is not ours stands in the way.
pub fn look_at_journal(
    storage: &dyn Storage,
    root: &Path,
    read_ahead: usize,
    lock: WriterLock,
) -> Result<JournalSeen> {
    let dir = root.join(JOURNAL_DIR);
    if storage.kind(&dir).at(&dir)? != Some(EntryKind::Directory) {
        return Ok(JournalSeen::Nothing);
    }
    let lock_path = root.join(LOCK_FILE);
    for _ in 0..ATTEMPTS {
        let before = read_headers(storage, &dir).at(&dir)?;
        if lock == WriterLock::NotHeld && storage.is_announced(&lock_path).at(&lock_path)? {
            return Ok(JournalSeen::InUse);
        }
        let log = log_id(storage, root)?;
        let scanned = scan_journal(storage, &dir, log).at(&dir)?;
        let planned = scanned.map_err(Error::from).and_then(|facts| {
            let replay = plan_replay(storage, root, &facts, read_ahead)?;
            Ok((facts, replay))
        });
        let after = read_headers(storage, &dir).at(&dir)?;
        if !after.are(&before) {
            continue;
        }
        let (facts, replay) = planned?;
        if !facts.is_there {
            return Ok(JournalSeen::Nothing);
        }
        if facts.headers.are(&before) {
            return Ok(JournalSeen::Unrecovered(Unrecovered { facts, replay }));
        }
    }
    // Only a writer changes it.
    Ok(JournalSeen::InUse)
}

/// What the journal of a live writer holds at the moment. Damage counts only when it is found twice: the
/// writer may reuse files in between.
pub fn read_journal_in_use(storage: &dyn Storage, root: &Path) -> Result<JournalFacts> {
    let dir = root.join(JOURNAL_DIR);
    let log = log_id(storage, root)?;
    let mut before: Option<Vec<JournalFinding>> = None;
    loop {
        let mut facts = scan_journal(storage, &dir, log).at(&dir)??;
        if facts.findings.is_empty() {
            return Ok(facts);
        }
        if let Some(before) = before {
            facts.findings.retain(|finding| before.contains(finding));
            return Ok(facts);
        }
        before = Some(facts.findings);
    }
}

/// The log's name for itself, where it is known.
fn log_id(storage: &dyn Storage, root: &Path) -> Result<Option<LogId>> {
    let path = root.join(IDENTITY_FILE);
    Ok(match read_identity(storage, &path).at(&path)? {
        Some(Ok(Identity::Log { id, .. })) => Some(id),
        _ => None,
    })
}

impl Unrecovered {
    /// The disk as it is once the log is recovered; once it is, the disk as it is.
    pub fn over(&self, storage: Arc<dyn Storage>) -> Overlay {
        let headers: Arc<dyn OverlayCondition> = Arc::new(self.facts.headers.clone());
        self.replay.over(storage).while_it_holds(headers)
    }

    /// What is damaged in the journal, as sentences.
    pub fn damage(&self) -> Vec<String> {
        self.replay.damage(&self.facts)
    }
}
