//! Which checkpoints may a log hold after a crash, given what was asked for and what was answered?

use ironwal::CheckpointData;
use ironwal::Error;
use ironwal::ShardedWal;

/// What was asked of the log.
#[derive(Clone, Debug)]
pub enum Deed {
    Create(Vec<u8>),
    Prune(Vec<u8>),
    Compact(usize),
}

/// A deed, and when it was begun and acknowledged, in calls to the disk.
#[derive(Clone, Debug)]
pub struct Event {
    pub deed: Deed,
    pub begun: u64,
    /// `None`: it failed, so it may have happened or not.
    pub acknowledged: Option<u64>,
}

/// One state that the checkpoints may be in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// The number of the event that made each, and its id, oldest first.
    pub live: Vec<(usize, Vec<u8>)>,
    pub pruned: Vec<Vec<u8>>,
}

impl World {
    fn after(&self, number: usize, deed: &Deed) -> World {
        let mut next = self.clone();
        match deed {
            Deed::Create(id) => {
                next.live.retain(|(_, other)| other != id);
                next.pruned.retain(|other| other != id);
                next.live.push((number, id.clone()));
            }
            Deed::Prune(id) => {
                if let Some(place) = next.live.iter().position(|(_, other)| other == id) {
                    let before = next.live.drain(..place).map(|(_, id)| id);
                    next.pruned.extend(before.collect::<Vec<_>>());
                }
            }
            Deed::Compact(keep) => {
                let gone = next.live.len().saturating_sub(*keep);
                next.live.drain(..gone);
                next.pruned.clear();
            }
        }
        next
    }
}

/// All states that the checkpoints may be in when power is lost after the call `now`.
pub fn worlds(events: &[Event], now: u64) -> Vec<World> {
    let mut worlds = vec![World::default()];
    for (number, event) in events.iter().enumerate() {
        if event.begun >= now {
            break;
        }
        let mut next: Vec<World> = worlds
            .iter()
            .map(|world| world.after(number, &event.deed))
            .collect();
        if event
            .acknowledged
            .is_none_or(|acknowledged| acknowledged > now)
        {
            next.extend(worlds);
        }
        next.dedup();
        worlds = next;
    }
    worlds
}

/// Asserts that the log is in one of the worlds, and that every checkpoint can be relied on. What
/// each event made is in `made`, where it is known.
pub fn check(wal: &ShardedWal, worlds: &[World], made: &[Option<CheckpointData>], case: &str) {
    let listed: Vec<Vec<u8>> = wal
        .list_checkpoints()
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(listed.len(), wal.checkpoint_count(), "{case}");
    let fits = |world: &&World| {
        let ids = world.live.iter().map(|(_, id)| id);
        ids.eq(&listed)
            && data_fits(wal, world, made)
            && world.pruned.iter().all(|id| is_pruned(wal, id))
    };
    let world = worlds.iter().find(fits);
    let world = world.unwrap_or_else(|| panic!("{case}: {listed:?} is none of {worlds:?}"));
    match (wal.load_latest_checkpoint(), world.live.last()) {
        (Ok((found, _)), Some((_, newest))) => assert_eq!(found, *newest, "{case}"),
        (Err(Error::NoCheckpoints), None) => {}
        (latest, _) => panic!("{case}: {latest:?} in {world:?}"),
    }
    for id in &listed {
        check_reach(wal, &wal.load_checkpoint(id).expect("loads"), case);
    }
}

fn data_fits(wal: &ShardedWal, world: &World, made: &[Option<CheckpointData>]) -> bool {
    world.live.iter().all(
        |(number, id)| match (wal.load_checkpoint(id), &made[*number]) {
            (Ok(found), Some(data)) => found == *data,
            (Ok(_), None) => true,
            (Err(_), _) => false,
        },
    )
}

fn is_pruned(wal: &ShardedWal, id: &[u8]) -> bool {
    matches!(wal.load_checkpoint(id), Err(Error::CheckpointPruned { .. }))
}

/// No checkpoint points past what is there, and all below it is what was appended.
fn check_reach(wal: &ShardedWal, data: &CheckpointData, case: &str) {
    for (shard, offset) in (0..).zip(&data.offsets) {
        let mut expected = None;
        for entry in wal.iter_shard_with_ids(shard, 0).expect("iterates") {
            let (id, bytes) = entry.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert!(
                expected.is_none_or(|expected| expected == id),
                "{case}: a hole"
            );
            assert_eq!(bytes, super::entry(shard, id), "{case}");
            expected = Some(id + 1);
        }
        let end = expected.unwrap_or(0);
        assert!(
            end >= *offset,
            "{case}: shard {shard} ends at {end}, not at {offset}"
        );
    }
}
