//! How is a consistent cut through all shards taken and made durable?
//!
//! All tails are locked at once, in the order of shards, while the ids are read. So if one append
//! returned before another was called, no cut holds the second without the first. Reading the ids
//! one by one does not suffice: both appends may happen between two reads, the first in the shard
//! that was read already, the second in the shard that is read next. Nothing is synced under the
//! locks.

use std::sync::Arc;

use crate::error::Result;
use crate::sharded::sharded_wal::ShardedInner;
use crate::stream::StreamInner;

impl ShardedInner {
    /// The next id of every shard, all at one moment. On return everything below them is durable.
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
