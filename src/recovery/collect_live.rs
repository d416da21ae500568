//! How are the facts of a stream collected while somebody else writes it?
//!
//! A survey reads one file after the other, and a writer may rotate, truncate, close or recover in
//! between. The order in which it reads keeps most of that from showing (`survey`). What is left
//! shows as a file that is gone, or as damage that is none; so damage is believed only when the
//! next look finds the very same.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;
use crate::format::SlotState;
use crate::options::CorruptionPolicy;
use crate::platform::sleep;
use crate::primitives::now;
use crate::recovery::collect::survey_live;
use crate::recovery::decide::table::decide;
use crate::recovery::facts::StreamFacts;
use crate::recovery::read_headers::SealedCache;
use crate::recovery::verdict::Decision;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::Refusal;
use crate::storage::EntryKind;
use crate::storage::Storage;

/// How long a directory that changes under every look is looked at again.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// How long a look waits before the one that has to confirm damage.
const RETRY_PAUSE: Duration = Duration::from_millis(1);

/// Looks at one stream's directory, again and again, and changes nothing.
pub struct LiveCollector {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    read_ahead: usize,
    policy: CorruptionPolicy,
    known: SealedCache,
}

/// What is wrong, to be compared with what the next look finds.
#[derive(PartialEq)]
enum SuspectedDamage {
    Refused(Refusal),
    Found(Vec<Finding>),
}

impl LiveCollector {
    /// One that knows nothing yet.
    pub fn new(
        storage: Arc<dyn Storage>,
        dir: PathBuf,
        read_ahead: usize,
        policy: CorruptionPolicy,
    ) -> Self {
        LiveCollector {
            storage,
            dir,
            read_ahead,
            policy,
            known: SealedCache::new(),
        }
    }

    /// Forgets the sealed segments it knows: another stream has taken the directory's name.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Facts that fit together, and what recovery would make of them. `None`: there is no such
    /// directory.
    pub fn look(&mut self) -> Result<Option<(StreamFacts, Decision)>> {
        let deadline = now() + RETRY_FOR;
        let mut before = None;
        loop {
            let looked = survey_live(&*self.storage, &self.dir, self.read_ahead, &self.known);
            let late = now() > deadline;
            match looked {
                Ok(facts) => {
                    self.remember(&facts);
                    let decision = decide(&facts, self.policy);
                    let wrong = wrong(&decision);
                    if wrong.is_none() || wrong == before || late {
                        return Ok(Some((facts, decision)));
                    }
                    before = wrong;
                }
                Err(error) if is_not_found(&error) => {
                    let kind = self.storage.kind(&self.dir);
                    let kind = kind.map_err(|error| {
                        Error::io(error, crate::error::ErrorContext::at(&self.dir))
                    })?;
                    if kind != Some(EntryKind::Directory) {
                        return Ok(None);
                    }
                    if late {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            sleep(RETRY_PAUSE);
        }
    }

    /// Notes the sealed segments: no byte of them changes any more.
    fn remember(&mut self, facts: &StreamFacts) {
        let first = facts.segments.first().map(|segment| segment.name_id);
        self.known
            .retain(|name_id, _| first.is_some_and(|first| *name_id >= first));
        for segment in &facts.segments[..facts.frontier.segment.min(facts.segments.len())] {
            let is_whole = segment.trailer.is_some()
                && segment.head.header().is_some()
                && !segment.slots.contains(&SlotState::Damaged);
            if is_whole && !self.known.contains_key(&segment.name_id) {
                self.known.insert(segment.name_id, segment.clone());
            }
        }
    }
}

/// What a decision holds that a writer at work may have caused.
fn wrong(decision: &Decision) -> Option<SuspectedDamage> {
    match decision {
        Decision::Refuse(refusal) => Some(SuspectedDamage::Refused(refusal.clone())),
        Decision::Serve(verdict) if !verdict.findings.is_empty() => {
            Some(SuspectedDamage::Found(verdict.findings.clone()))
        }
        Decision::Serve(_) => None,
    }
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::NotFound)
}
