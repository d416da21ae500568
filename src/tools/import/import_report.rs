//! What was imported, and what could not be?

use std::collections::BTreeMap;

use crate::options::CompressionType;
use crate::tools::LostIds;
use crate::tools::Severity;
use crate::tools::VerifyFinding;

/// How a root of the 0.6 crate is imported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportOptions {
    /// The keys of streams, by the names of their directories. A stream that is not named here gets the
    /// name of its directory as its key.
    pub keys: BTreeMap<String, String>,
    /// The number of shards; `None`: that of the newest checkpoint. A number makes a root without checkpoints
    /// a sharded one.
    pub shards: Option<u16>,
    /// How the entries are stored in the new log.
    pub compression: CompressionType,
}

impl Default for ImportOptions {
    fn default() -> Self {
        ImportOptions {
            keys: BTreeMap::new(),
            shards: None,
            compression: CompressionType::None,
        }
    }
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The streams of the old root.
    pub streams: Vec<ImportedStream>,
    /// The number of shards; `None`: the root is not sharded.
    pub shards: Option<u16>,
    /// Checkpoints imported.
    pub checkpoints: u64,
    /// What is damaged, and what is left out.
    pub findings: Vec<VerifyFinding>,
}

/// The result for one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedStream {
    /// The name of its directory in the old root.
    pub directory: String,
    /// Its key in the new log.
    pub key: String,
    /// Entries imported.
    pub entries: u64,
    /// Its first id.
    pub first_id: u64,
    /// The id that the next append to the new log gets.
    pub next_id: u64,
    /// The id behind the last one that the old files prove. If that is greater, entries were lost at the end,
    /// and their ids are free again in the new log.
    pub old_next_id: u64,
    /// What could not be read.
    pub lost: Vec<LostIds>,
}

impl ImportReport {
    /// Whether the new log holds all that the old one held.
    pub fn is_complete(&self) -> bool {
        let is_whole = self.streams.iter().all(|stream| stream.lost.is_empty());
        let mut severities = self.findings.iter().map(|finding| finding.severity);
        is_whole && severities.all(|severity| severity == Severity::Note)
    }
}
