//! Where do all shards stand at one moment, durably?
//!
//! All tails are held at once, in the order of shards, while the ids are read: so if one append
//! returned before another was called, no cut holds the second without the first. Reading the ids
//! one after the other would not do: both appends may fall between two readings, the first into the
//! shard read before, the second into the one read after. Nothing is synced under the locks.

use std::sync::Arc;

use crate::error::Result;
use crate::sharded::sharded_wal::ShardedInner;
use crate::stream::StreamInner;

impl ShardedInner {
    /// The next id of every shard, all at one moment, with everything below durable.
    pub fn durable_cut(&self) -> Result<Vec<u64>> {
        let mut cores = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            cores.push(shard.core()?);
        }
        let offsets = cut(&cores)?;
        let behind = cores
            .iter()
            .zip(&offsets)
            .filter(|(core, offset)| core.durable_end() < **offset)
            .map(|(core, offset)| (Arc::clone(core), *offset));
        let durable = self.for_each_shard(
            behind.collect(),
            |(core, offset): (Arc<StreamInner>, u64)| core.make_durable(offset),
        );
        durable.into_iter().collect::<Result<()>>()?;
        Ok(offsets)
    }
}

fn cut(cores: &[&Arc<StreamInner>]) -> Result<Vec<u64>> {
    let mut tails = Vec::with_capacity(cores.len());
    for core in cores {
        tails.push(core.lock_tail_for_cut());
    }
    let mut offsets = Vec::with_capacity(tails.len());
    for tail in &tails {
        offsets.push(tail.next_id()?);
    }
    Ok(offsets)
}
