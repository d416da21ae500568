//! What does the crate 0.6.9 itself read from a root?

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use ironwal_06::Wal;
use ironwal_06::WalOptions;
use ironwal_06::sharded::ShardedWal;

use super::Failure;

/// All that a root holds, as its own crate reads it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Of each directory of a stream: its entries by id.
    pub streams: BTreeMap<String, BTreeMap<u64, Vec<u8>>>,
    /// The checkpoints: id, time, offsets.
    pub checkpoints: BTreeMap<Vec<u8>, (u64, Vec<u64>)>,
    /// The id of the newest checkpoint.
    pub latest: Option<Vec<u8>>,
}

/// Reads a root with the crate, which repairs what a kill left of an append.
pub fn read(root: &Path, shards: Option<u16>) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    if let Some(count) = shards {
        let log = ShardedWal::new(WalOptions::new(root), count)?;
        for (id, _) in log.list_checkpoints() {
            let data = log.load_checkpoint(&id)?;
            facts.checkpoints.insert(id, (data.timestamp, data.offsets));
        }
        facts.latest = log.load_latest_checkpoint().ok().map(|(id, _)| id);
    }
    let wal = Wal::new(WalOptions::new(root))?;
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let name = entry.file_name().into_string().map_err(|_| "a name")?;
        let mut entries = BTreeMap::new();
        for read in wal.iter_with_ids(&name, 0)? {
            let (id, bytes) = read?;
            entries.insert(id, bytes);
        }
        facts.streams.insert(name, entries);
    }
    Ok(facts)
}

impl Facts {
    /// One line per entry and checkpoint, for the tests of the library.
    pub fn to_text(&self) -> String {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        let mut text = String::new();
        for (stream, entries) in &self.streams {
            for (id, bytes) in entries {
                let _ = writeln!(text, "entry {stream} {id} {}", hex(bytes));
            }
        }
        for (id, (time, offsets)) in &self.checkpoints {
            let offsets: Vec<String> = offsets.iter().map(u64::to_string).collect();
            let _ = writeln!(text, "checkpoint {} {time} {}", hex(id), offsets.join(","));
        }
        if let Some(id) = &self.latest {
            let _ = writeln!(text, "latest {}", hex(id));
        }
        text
    }
}
