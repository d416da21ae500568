//! How are the facts of a stream collected while another process writes it?
//!
//! A survey reads one file after the other, and the writer may rotate, truncate, cut, close or recover
//! in between. The order of the reads hides most of that (`collect`). The rest looks like a missing
//! file or like damage. So damage counts only when two surveys in a row find exactly the same, and neither
//! relied on the cache: a file in it may have been replaced since by a cut, while segments behind it that are
//! void by now are still there. These fit what replaced it no better the next time.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::SlotState;
use crate::options::CorruptionPolicy;
use crate::platform::sleep;
use crate::primitives::now;
use crate::recovery::collect::survey_live;
use crate::recovery::decide::table::decide;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::StreamFacts;
use crate::recovery::read_headers::SealedCache;
use crate::recovery::verdict::Decision;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::Refusal;
use crate::storage::EntryKind;
use crate::storage::Storage;

/// How long surveys of a directory that keeps changing are repeated.
const RETRY_FOR: Duration = Duration::from_secs(10);

/// The pause before the survey that has to confirm damage.
const RETRY_PAUSE: Duration = Duration::from_millis(1);

/// Surveys one stream's directory repeatedly and changes nothing.
pub struct LiveCollector {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    read_ahead: usize,
    policy: CorruptionPolicy,
    known: SealedCache,
    /// The greatest generation when these were cached.
    generation: Option<u64>,
    /// The damage that counted at the last survey: found again, it needs no proof.
    confirmed: Option<SuspectedDamage>,
}

/// Damage, to be compared with the findings of the next survey.
#[derive(PartialEq)]
enum SuspectedDamage {
    Refused(Refusal),
    Found(Vec<Finding>),
}

impl LiveCollector {
    /// A collector with an empty cache.
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
            generation: None,
            confirmed: None,
        }
    }

    /// Clears the cache of sealed segments: another stream has taken the directory's name, or a
    /// segment that of another.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Consistent facts, and the decision of recovery on them. `None`: the directory does not
    /// exist.
    pub fn look(&mut self) -> Result<Option<(StreamFacts, Decision)>> {
        let deadline = now() + RETRY_FOR;
        let mut before = None;
        loop {
            let looked = survey_live(&*self.storage, &self.dir, self.read_ahead, &self.known);
            let late = now() > deadline;
            match looked {
                Ok(facts) => {
                    let generation = greatest_generation(&facts);
                    if generation != self.generation {
                        // A cut may have replaced a file under its name, and has ended others.
                        self.generation = generation;
                        if !self.known.is_empty() {
                            self.forget();
                            continue;
                        }
                    }
                    let decision = decide(&facts, self.policy);
                    let wrong = wrong(&decision);
                    let relied_on_cache = !self.known.is_empty();
                    let is_settled = match &wrong {
                        None => true,
                        Some(_) if wrong == self.confirmed => true,
                        Some(_) => !relied_on_cache && wrong == before,
                    };
                    if is_settled {
                        self.confirmed = wrong;
                        self.remember(&facts);
                        return Ok(Some((facts, decision)));
                    }
                    if late {
                        return Err(unsettled(&self.dir));
                    }
                    if relied_on_cache {
                        self.forget();
                        continue;
                    }
                    before = wrong;
                }
                Err(error) if is_not_found(&error) => {
                    let kind = self.storage.kind(&self.dir).at(&self.dir)?;
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

    /// Caches the sealed segments, as no byte of them changes.
    fn remember(&mut self, facts: &StreamFacts) {
        let first = facts.segments.first().map(|segment| segment.name_id);
        self.known
            .retain(|name_id, _| first.is_some_and(|first| *name_id >= first));
        for segment in &facts.segments[..facts.frontier.segment.min(facts.segments.len())] {
            let is_whole = segment.trailer.is_some()
                && !segment.is_void()
                && segment.head.header().is_some()
                && !segment.slots.contains(&SlotState::Damaged);
            if is_whole && !self.known.contains_key(&segment.name_id) {
                self.known.insert(segment.name_id, segment.clone());
            }
        }
    }
}

/// The writer changed the directory during each survey.
fn unsettled(dir: &Path) -> Error {
    let what = "the writer has changed the files of the stream during each look at them for 10 s";
    Error::io(
        io::Error::new(io::ErrorKind::TimedOut, what),
        ErrorContext::at(dir),
    )
}

/// It grows with each cut.
fn greatest_generation(facts: &StreamFacts) -> Option<u64> {
    let headers = facts.segments.iter().filter_map(|s| match &s.head {
        HeaderState::Valid(header) => Some(header.generation),
        _ => None,
    });
    headers.max()
}

/// The part of a decision that an active writer may have caused.
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
