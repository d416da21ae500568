//! What can recovery decide? Plain data: `apply` acts on it, and the tests compare it.

use std::ops::Range;

use crate::format::Predecessor;
use crate::format::SegmentHeader;
use crate::format::SlotProperties;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::facts::Foreign;
use crate::segment::PropertyPoint;
use crate::segment::SegmentEnd;

/// How many ids are skipped when the newest segment is lost, as its number of entries is unknown.
pub const LOST_SEGMENT_IDS: u64 = 1 << 40;

/// What becomes of the stream.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Calls return an error; nothing on disk is touched.
    Refuse(Refusal),
    /// It is served.
    Serve(Verdict),
}

/// Why a stream is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The segment file of this index belongs to another log or format.
    Foreign(usize, Foreign),
    /// No header names the stream of this directory.
    NoKey,
    /// Damage, under the policy `Error`.
    Damaged(Vec<Finding>),
}

/// A stream that is served: all that `apply` and the stream need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The segments that are kept, in order.
    pub kept: Vec<KeptSegment>,
    /// Changes to files, in this order.
    pub actions: Vec<Action>,
    /// Where the next entry goes.
    pub next: NextAppend,
    /// The first id that the stream keeps, and the epoch of the truncation that set it.
    pub first_kept: (EntryId, u64),
    /// One past the last id that was known durable before this recovery.
    pub durable_end: EntryId,
    /// The properties at the end of what is kept.
    pub properties: PropertyPoint,
    /// The properties that were known durable before this recovery.
    pub properties_at_frontier: PropertyPoint,
    /// Damage to what was durable.
    pub findings: Vec<Finding>,
    /// What a crash left behind: logged, and no damage.
    pub notes: Vec<Finding>,
}

/// A segment that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSegment {
    /// Its index in the facts.
    pub facts: usize,
    /// Its header, good or reconstructed.
    pub header: SegmentHeader,
    /// Where its frames end.
    pub end: SegmentEnd,
    /// How far it is complete.
    pub state: KeptState,
    /// Which frontier slot is the older one.
    pub next_slot: usize,
    /// What a slot of it has to say of the properties at its end.
    pub properties: SlotProperties,
}

/// How complete a kept segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptState {
    /// It has its footer.
    Sealed,
    /// Below the frontier, without a good end: read as far as it goes, never written again.
    ReadOnlyPrefix,
    /// At or above the frontier: rewritten from there on, then sealed if another follows.
    Tail {
        /// Where the rewriting starts.
        from: (FileOffset, EntryId),
        /// Its name and header may not be durable.
        new_name: bool,
    },
}

/// A change to the files of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes the names in the stream's directory durable: a cut or a reset depends on one of them.
    SyncNames,
    /// Writes a frontier slot again as it is, and syncs it.
    RewriteSlot(usize, usize),
    /// Quarantines the bytes from here to the end of the file, as a copy.
    BackupRange(usize, FileOffset),
    /// Quarantines the whole file by renaming it.
    BackupFile(usize),
    /// Removes a file that holds nothing the stream keeps.
    Remove(usize),
    /// Removes unfinished temporary files.
    RemoveTemporary,
    /// Trims the file.
    Trim(usize, FileOffset),
}

impl Action {
    /// The segment that it concerns, as an index into the facts.
    pub fn segment(&self) -> Option<usize> {
        match *self {
            Action::RewriteSlot(i, _)
            | Action::BackupRange(i, _)
            | Action::BackupFile(i)
            | Action::Remove(i)
            | Action::Trim(i, _) => Some(i),
            Action::RemoveTemporary | Action::SyncNames => None,
        }
    }
}

/// Where the next entry goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NextAppend {
    /// Nothing was ever appended: id 0, in a first segment.
    #[default]
    Empty,
    /// Behind the last kept segment's last frame.
    Continue,
    /// Into a new segment, which records what was lost before it.
    AfterLoss {
        /// Its first id.
        first_id: EntryId,
        /// The ids from here to the first id are lost.
        lost_from: EntryId,
        /// The segment before.
        predecessor: Option<Predecessor>,
    },
}

/// One piece of damage, or of what a crash left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which segment, as an index into the facts; `None`: the stream.
    pub segment: Option<usize>,
    /// Where in it.
    pub offset: Option<u64>,
    /// Which ids are concerned, if known.
    pub ids: Option<Range<u64>>,
    /// What.
    pub what: &'static str,
}
