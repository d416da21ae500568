//! Which checkpoints may a sharded log hold after a crash, and does it hold them?

#[cfg(feature = "sharded")]
use ironwal::Error;
#[cfg(feature = "sharded")]
use ironwal::ShardedWal;

use crate::model::Moment;
use crate::model::Span;

/// What a checkpoint holds: the offsets and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub id: Vec<u8>,
    pub offsets: Vec<u64>,
    pub timestamp: u64,
}

/// What was asked of the log.
#[derive(Clone, Debug)]
pub enum Deed {
    Create(Made),
    Prune(Vec<u8>),
    Compact(usize),
    /// What a recovered log was seen to hold.
    Found(World),
}

/// Everything that was done to the checkpoints.
#[derive(Clone, Debug, Default)]
pub struct CheckpointModel {
    pub deeds: Vec<(Deed, Span)>,
}

/// One state that the checkpoints may be in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Oldest first.
    pub live: Vec<Made>,
    pub pruned: Vec<Vec<u8>>,
}

impl World {
    fn after(&self, deed: &Deed) -> World {
        let mut next = self.clone();
        match deed {
            Deed::Create(made) => {
                next.live.retain(|other| other.id != made.id);
                next.pruned.retain(|other| *other != made.id);
                next.live.push(made.clone());
            }
            Deed::Prune(id) => {
                if let Some(place) = next.live.iter().position(|made| made.id == *id) {
                    let before = next.live.drain(..place).map(|made| made.id);
                    next.pruned.extend(before.collect::<Vec<_>>());
                }
            }
            Deed::Compact(keep) => {
                let gone = next.live.len().saturating_sub(*keep);
                next.live.drain(..gone);
                next.pruned.clear();
            }
            Deed::Found(world) => next = world.clone(),
        }
        next
    }
}

impl CheckpointModel {
    /// As it is after everything that was done.
    pub fn now(&self) -> World {
        let deeds = self.deeds.iter();
        deeds.fold(World::default(), |world, (deed, _)| world.after(deed))
    }

    /// All states that the checkpoints may be in after a crash at the moment.
    pub fn worlds(&self, moment: Moment) -> Vec<World> {
        let mut worlds = vec![World::default()];
        for (deed, span) in &self.deeds {
            if !moment.has_begun(*span) {
                break;
            }
            let mut next: Vec<World> = worlds.iter().map(|world| world.after(deed)).collect();
            if !moment.is_past(*span) {
                next.extend(worlds);
            }
            worlds = next;
        }
        worlds
    }
}

/// Which of the worlds the log is in.
#[cfg(feature = "sharded")]
pub fn check_checkpoints(wal: &ShardedWal, worlds: &[World]) -> Result<World, String> {
    let mut live = Vec::new();
    for (id, timestamp) in wal.list_checkpoints() {
        let data = wal
            .load_checkpoint(&id)
            .map_err(|error| format!("checkpoint {id:?} is not loaded: {error}"))?;
        if data.timestamp != timestamp {
            return Err(format!("checkpoint {id:?} is listed with another time"));
        }
        live.push(Made {
            id,
            offsets: data.offsets,
            timestamp,
        });
    }
    let is_pruned =
        |id: &Vec<u8>| matches!(wal.load_checkpoint(id), Err(Error::CheckpointPruned { .. }));
    let fits = |world: &&World| world.live == live && world.pruned.iter().all(is_pruned);
    let Some(world) = worlds.iter().find(fits) else {
        return Err(format!("checkpoints {live:?} are none of {worlds:?}"));
    };
    if wal.checkpoint_count() != live.len() {
        return Err(format!("{} checkpoints counted", wal.checkpoint_count()));
    }
    match (wal.load_latest_checkpoint(), world.live.last()) {
        (Ok((id, data)), Some(newest)) if id == newest.id && data.offsets == newest.offsets => {}
        (Err(Error::NoCheckpoints), None) => {}
        (latest, _) => return Err(format!("the latest checkpoint is {latest:?} in {world:?}")),
    }
    // No checkpoint points past what is there.
    for made in &live {
        for (shard, offset) in (0..).zip(&made.offsets) {
            let stream = wal
                .inner()
                .stream(&ironwal::sharded::shard_stream_name(shard));
            let end = stream.and_then(|stream| stream.durable_end());
            if !end.as_ref().is_ok_and(|end| end >= offset) {
                return Err(format!("shard {shard} ends at {end:?}, not at {offset}"));
            }
        }
    }
    Ok(world.clone())
}
