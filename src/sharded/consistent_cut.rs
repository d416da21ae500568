//! How is a consistent cut through all shards taken and made durable?
//!
//! All tails are locked at once, in the order of shards, while the ids are read. So if one append
//! returned before another was called, no cut holds the second without the first. Reading the ids
//! one by one does not suffice: both appends may happen between two reads, the first in the shard
//! that was read already, the second in the shard that is read next. Nothing is synced under the
//! locks.

use std::sync::Arc;

use crate::append::Mark;
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
        let places = cut(&cores)?;
        let behind = cores
            .iter()
            .zip(&places)
            .filter(|(core, (offset, _))| core.durable_end() < *offset)
            .map(|(core, (_, mark))| (Arc::clone(core), *mark));
        let behind: Vec<_> = behind.collect();
        // One record makes them durable, where the log has its commits there; it leaves those that it did not.
        let streams: Vec<_> = behind.iter().map(|(core, _)| Arc::clone(core)).collect();
        StreamInner::sync_together(&streams);
        let durable = self.for_each_shard(behind, |(core, mark): (Arc<StreamInner>, Mark)| {
            core.make_durable(mark)
        });
        durable.into_iter().collect::<Result<()>>()?;
        Ok(places.into_iter().map(|(offset, _)| offset).collect())
    }
}

/// The next id of every shard, and the mark in front of it.
fn cut(cores: &[&Arc<StreamInner>]) -> Result<Vec<(u64, Mark)>> {
    let mut tails = Vec::with_capacity(cores.len());
    for core in cores {
        tails.push(core.lock_tail_for_cut());
    }
    let mut places = Vec::with_capacity(tails.len());
    for tail in &tails {
        tail.keep_from_cuts()?;
        places.push((tail.next_id()?, tail.mark()));
    }
    Ok(places)
}
