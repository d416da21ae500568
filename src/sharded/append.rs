//! How are entries appended to their shards?

use crate::error::Result;
use crate::error::memory;
use crate::sharded::router::route;
use crate::sharded::sharded_wal::ShardedWal;

impl ShardedWal {
    /// The shard of a key.
    pub fn shard_of(&self, key: &[u8]) -> u16 {
        route(key, self.shard_count())
    }

    /// Appends one entry to the shard of its key. Returns the shard and the entry's id in it. The
    /// key is not stored. Durable on return under `Strict`.
    pub fn append(&self, key: &[u8], value: &[u8]) -> Result<(u16, u64)> {
        let shard = self.shard_of(key);
        let id = self.log().stream(shard)?.append(value)?;
        self.note_appended(1);
        Ok((shard, id))
    }

    /// Appends entries to the shard of one key as one frame: after any crash all are there or none.
    /// Durable on return under `Strict` and `BatchOnly`. Empty: nothing happens.
    pub fn append_batch_for_key(&self, key: &[u8], values: &[&[u8]]) -> Result<Vec<(u16, u64)>> {
        self.log().wal.enter_to_write()?;
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let shard = self.shard_of(key);
        // Allocated before the append, which must not fail afterwards.
        let mut placed = Vec::new();
        memory::reserve(&mut placed, values.len())?;
        let ids = self.log().stream(shard)?.append_batch(values)?;
        self.note_appended(values.len() as u64);
        placed.extend(ids.map(|id| (shard, id)));
        Ok(placed)
    }

    /// The older name of [`ShardedWal::append_batch_for_key`].
    pub fn append_batch_single_key(&self, key: &[u8], values: &[&[u8]]) -> Result<Vec<(u16, u64)>> {
        self.append_batch_for_key(key, values)
    }
}
