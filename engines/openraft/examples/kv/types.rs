//! Which types does the replicated store give openraft?

use openraft_0_10 as openraft;
use openraft_0_10::alias::EntryOf;
use openraft_0_10::alias::LogIdOf;
use openraft_0_10::alias::SnapshotMetaOf;
use openraft_0_10::alias::SnapshotOf;
use openraft_0_10::alias::StoredMembershipOf;
use openraft_0_10::alias::VoteOf;
use serde::Deserialize;
use serde::Serialize;

use crate::machine::Machine;

/// A write, unique over all writers of a run: its writer and its number among the writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WriteId {
    pub writer: u32,
    pub number: u64,
}

/// Sets `key` to `value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    pub key: u32,
    pub value: WriteId,
    /// Makes the entry as long as real ones.
    pub filler: Vec<u8>,
}

impl std::fmt::Display for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} := {:?}", self.key, self.value)
    }
}

openraft::declare_raft_types!(
    pub Types:
        D = Set,
        R = (),
);

pub type Raft = openraft::Raft<Types, Machine>;
pub type NodeId = u64;
pub type Entry = EntryOf<Types>;
pub type LogId = LogIdOf<Types>;
pub type Vote = VoteOf<Types>;
pub type Membership = StoredMembershipOf<Types>;
pub type SnapshotMeta = SnapshotMetaOf<Types>;
/// A snapshot is sent and stored as one piece.
pub type Snapshot = SnapshotOf<Types, Vec<u8>>;
