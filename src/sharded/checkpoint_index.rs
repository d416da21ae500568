//! Which checkpoints exist, and where does the file hold them?
//!
//! The index is in memory, so that the cost of listing and loading does not depend on the number of
//! records. It also caches the offsets of the checkpoints that were created or loaded last, up to a
//! limit: loading one of them reads no file.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::CheckpointFormat;
use crate::format::CheckpointName;
use crate::format::RecordKind;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::platform::HashMap;
use crate::record_log::ItemKind;
use crate::record_log::RecordLocation;
use crate::record_log::RecordLogItem;
use crate::record_log::Recovery;

/// The most offsets that are cached, over all checkpoints: 1 MiB.
const MAX_CACHED_OFFSETS: usize = (1 << 20) / size_of::<u64>();

/// The body of a checkpoint: read from a checked record, or as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointBody {
    /// The next id of each shard.
    pub offsets: Arc<[u64]>,
    /// When it was created.
    pub timestamp_ns: u64,
}

#[derive(Clone, Debug)]
struct IndexEntry {
    location: RecordLocation,
    state: State,
    /// Its offsets, if they are cached.
    offsets: Option<Arc<[u64]>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good { timestamp_ns: u64 },
    Damaged,
}

/// One position in the order of records.
#[derive(Clone, Debug)]
enum OrderedItem {
    Checkpoint(Arc<[u8]>),
    /// A damaged stretch: not even the ids of its checkpoints are known.
    Damaged(FileOffset, Arc<str>),
}

/// A rollback that was committed: the shards may not be cut yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRollback {
    /// The checkpoint to whose offsets they are to be cut.
    pub user_id: Arc<[u8]>,
    /// The record that says so. Its offsets are those of the checkpoint.
    pub location: RecordLocation,
}

/// All checkpoints of a log.
#[derive(Clone, Debug, Default)]
pub struct CheckpointIndex {
    by_id: HashMap<Arc<[u8]>, IndexEntry>,
    by_first_id: BTreeMap<EntryId, OrderedItem>,
    /// Checkpoints before this one are pruned.
    pruned_before: Option<(EntryId, Arc<[u8]>)>,
    /// Checkpoints that can be loaded.
    loadable: usize,
    /// The last record, if that says that the shards are being cut to a checkpoint.
    rolling_back: Option<PendingRollback>,
    /// How often it was rolled back, according to the records that are there.
    rollbacks: usize,
    /// Undamaged records in the log.
    records: usize,
    /// The records whose offsets are cached, in the order of caching; some may be superseded.
    cached: VecDeque<EntryId>,
    /// How many offsets are cached.
    cached_offsets: usize,
}

impl CheckpointIndex {
    /// The index of a recovered log.
    pub fn of(recovery: &Recovery<CheckpointFormat>) -> Self {
        let mut index = Self::default();
        for item in &recovery.items {
            index.add(item);
        }
        // In effect until the next record takes these ids.
        if let Some(lost) = &recovery.lost {
            index.add_damage(lost.first_id, lost.offset, lost.reason);
        }
        index
    }

    /// The index of a file in which nothing can be believed.
    pub fn of_unreadable(reason: &str) -> Self {
        let mut index = Self::default();
        let damage = OrderedItem::Damaged(FileOffset(0), reason.into());
        index.by_first_id.insert(EntryId(0), damage);
        index
    }

    /// The rollback that the next open would finish, though nothing of it is in this index: its record is
    /// there, but could not be made durable.
    pub fn unserved_rollback(recovery: &Recovery<CheckpointFormat>) -> Option<PendingRollback> {
        let mut index = Self::default();
        for item in recovery.items.iter().chain(&recovery.unserved) {
            index.add(item);
        }
        index.rolling_back
    }

    fn add(&mut self, item: &RecordLogItem<CheckpointFormat>) {
        let location = item.location;
        match &item.what {
            ItemKind::Record(record) => {
                let timestamp_ns = record.timestamp_ns;
                self.add_named(&record.name, location, State::Good { timestamp_ns });
            }
            ItemKind::Partial(name) => self.add_named(name, location, State::Damaged),
            ItemKind::Damaged(reason) => {
                self.add_damage(location.first_id, location.offset, reason);
            }
        }
    }

    fn add_damage(&mut self, first_id: EntryId, offset: FileOffset, reason: &str) {
        // Whatever was there: behind a rollback nothing is written before all shards are cut, and
        // entries may have been appended since.
        self.rolling_back = None;
        let damage = OrderedItem::Damaged(offset, reason.into());
        self.by_first_id.insert(first_id, damage);
    }

    fn add_named(&mut self, name: &CheckpointName, location: RecordLocation, state: State) {
        let before = self.rolling_back.take();
        match name.kind {
            RecordKind::Created => self.insert(&name.user_id, location, state),
            // The others need no more than the name.
            RecordKind::PrunedBefore => self.prune_before(&name.user_id),
            RecordKind::RollingBack => {
                self.roll_back_to(&name.user_id);
                self.rolling_back = Some(PendingRollback {
                    user_id: name.user_id.as_slice().into(),
                    location,
                });
            }
            RecordKind::RolledBack => {
                if before.is_none() {
                    // The record that came before is damaged.
                    self.roll_back_to(&name.user_id);
                }
                self.rolled_back();
            }
        }
    }

    /// Inserts a created checkpoint; an older one of the same id is superseded.
    pub fn created(&mut self, user_id: &[u8], location: RecordLocation, timestamp_ns: u64) {
        self.insert(user_id, location, State::Good { timestamp_ns });
    }

    fn insert(&mut self, user_id: &[u8], location: RecordLocation, state: State) {
        self.records += 1;
        let id: Arc<[u8]> = user_id.into();
        let entry = IndexEntry {
            location,
            state,
            offsets: None,
        };
        if self.is_loadable(&entry) {
            self.loadable += 1;
        }
        if let Some(superseded) = self.by_id.insert(Arc::clone(&id), entry) {
            self.by_first_id.remove(&superseded.location.first_id);
            self.cached_offsets -= superseded
                .offsets
                .as_ref()
                .map_or(0, |offsets| offsets.len());
            if self.is_loadable(&superseded) {
                self.loadable -= 1;
            }
        }
        self.by_first_id
            .insert(location.first_id, OrderedItem::Checkpoint(id));
    }

    /// Caches the offsets of the checkpoint at this location, if it is live. The ones cached first
    /// are evicted.
    pub fn cache(&mut self, user_id: &[u8], location: &RecordLocation, offsets: &Arc<[u64]>) {
        if offsets.len() > MAX_CACHED_OFFSETS {
            return;
        }
        match self.by_id.get_mut(user_id) {
            Some(entry) if entry.location == *location && entry.offsets.is_none() => {
                entry.offsets = Some(Arc::clone(offsets));
            }
            _ => return,
        }
        self.cached.push_back(location.first_id);
        self.cached_offsets += offsets.len();
        while self.cached_offsets > MAX_CACHED_OFFSETS || self.cached.len() > MAX_CACHED_OFFSETS {
            let Some(first) = self.cached.pop_front() else {
                return;
            };
            self.evict(first);
        }
    }

    fn evict(&mut self, first_id: EntryId) {
        let Some(OrderedItem::Checkpoint(id)) = self.by_first_id.get(&first_id) else {
            return;
        };
        let evicted = self
            .by_id
            .get_mut(id)
            .and_then(|entry| entry.offsets.take());
        self.cached_offsets -= evicted.map_or(0, |offsets| offsets.len());
    }

    /// The body of the checkpoint of this id, if its offsets are cached.
    pub fn cached(&self, user_id: &[u8]) -> Option<CheckpointBody> {
        let entry = self.by_id.get(user_id)?;
        match entry.state {
            State::Good { timestamp_ns } => Some(CheckpointBody {
                offsets: Arc::clone(entry.offsets.as_ref()?),
                timestamp_ns,
            }),
            State::Damaged => None,
        }
    }

    /// Records that the checkpoints before this one were pruned. An unknown id changes nothing.
    pub fn prune_before(&mut self, user_id: &[u8]) {
        self.records += 1;
        let Some((id, entry)) = self.by_id.get_key_value(user_id) else {
            return;
        };
        let (id, first_id) = (Arc::clone(id), entry.location.first_id);
        if first_id > self.floor() {
            self.pruned_before = Some((first_id, id));
        }
        let loadable = self.by_id.values().filter(|entry| self.is_loadable(entry));
        self.loadable = loadable.count();
    }

    /// Removes all checkpoints later than this one, and what is damaged there. An unknown id is that of a
    /// damaged record: removes what is later than the last damage.
    pub fn roll_back_to(&mut self, user_id: &[u8]) {
        self.records += 1;
        self.rollbacks += 1;
        let kept = match self.by_id.get(user_id) {
            Some(kept) => Some(kept.location.first_id),
            None => self.last_damage(),
        };
        let Some(kept) = kept else {
            return;
        };
        let later = EntryId(kept.0.saturating_add(1));
        for (first_id, ordered) in self.by_first_id.split_off(&later) {
            let OrderedItem::Checkpoint(id) = ordered else {
                continue;
            };
            let is_it = |entry: &IndexEntry| entry.location.first_id == first_id;
            if self.by_id.get(&id).is_some_and(is_it) {
                let removed = self.by_id.remove(&id);
                let offsets = removed.and_then(|entry| entry.offsets);
                self.cached_offsets -= offsets.map_or(0, |offsets| offsets.len());
            }
        }
        let loadable = self.by_id.values().filter(|entry| self.is_loadable(entry));
        self.loadable = loadable.count();
    }

    /// Records that the shards were cut.
    pub fn rolled_back(&mut self) {
        self.records += 1;
        self.rolling_back = None;
    }

    /// How many rollbacks the records name.
    pub fn rollbacks(&self) -> usize {
        self.rollbacks
    }

    /// The rollback to which shards are still to be cut.
    pub fn rolling_back(&self) -> Option<PendingRollback> {
        self.rolling_back.clone()
    }

    /// Where the last damaged stretch is.
    fn last_damage(&self) -> Option<EntryId> {
        let mut newest_first = self.by_first_id.iter().rev();
        newest_first.find_map(|(first_id, ordered)| match ordered {
            OrderedItem::Damaged(..) => Some(*first_id),
            OrderedItem::Checkpoint(_) => None,
        })
    }

    /// Whether damage lies behind the newest checkpoint that can be loaded. It may hide a rollback beyond
    /// that one, so nothing follows from the checkpoint about the shards.
    pub fn ends_in_damage(&self) -> bool {
        let newest = self.newest(1).pop();
        let newest = newest.map_or(EntryId(0), |(_, location)| location.first_id);
        self.last_damage().is_some_and(|damage| damage > newest)
    }

    fn floor(&self) -> EntryId {
        self.pruned_before
            .as_ref()
            .map_or(EntryId(0), |(first_id, _)| *first_id)
    }

    fn is_loadable(&self, entry: &IndexEntry) -> bool {
        matches!(entry.state, State::Good { .. }) && entry.location.first_id >= self.floor()
    }

    /// Whether everything before this record is pruned already.
    pub fn is_pruned_to(&self, location: &RecordLocation) -> bool {
        self.pruned_before.is_some() && self.floor() >= location.first_id
    }

    /// The location of the checkpoint of this id.
    pub fn find(&self, user_id: &[u8]) -> Result<RecordLocation> {
        let Some(entry) = self.by_id.get(user_id) else {
            return Err(self.not_found(user_id));
        };
        match &self.pruned_before {
            Some((floor, pruned_before)) if entry.location.first_id < *floor => {
                return Err(Error::CheckpointPruned {
                    id: display_id(user_id),
                    pruned_before: display_id(pruned_before),
                });
            }
            _ => {}
        }
        match entry.state {
            State::Good { .. } => Ok(entry.location),
            State::Damaged => Err(Error::CheckpointCorrupted {
                offset: entry.location.offset.0,
                reason: format!(
                    "checkpoint {} does not match its checksum",
                    display_id(user_id)
                ),
            }),
        }
    }

    /// An unknown id may belong to a damaged record.
    fn not_found(&self, user_id: &[u8]) -> Error {
        let damage = self
            .by_first_id
            .values()
            .rev()
            .find_map(|ordered| match ordered {
                OrderedItem::Damaged(offset, reason) => Some((offset, reason)),
                OrderedItem::Checkpoint(_) => None,
            });
        match damage {
            Some((offset, reason)) => Error::CheckpointCorrupted {
                offset: offset.0,
                reason: format!(
                    "{reason}; checkpoint {} may have been there",
                    display_id(user_id)
                ),
            },
            None => Error::CheckpointNotFound(display_id(user_id)),
        }
    }

    /// The newest checkpoint. A damaged one is an error, not an older one.
    pub fn latest(&self) -> Result<(Arc<[u8]>, RecordLocation)> {
        match self.by_first_id.last_key_value() {
            None => Err(Error::NoCheckpoints),
            Some((_, OrderedItem::Checkpoint(id))) => Ok((Arc::clone(id), self.find(id)?)),
            Some((_, OrderedItem::Damaged(offset, reason))) => Err(Error::CheckpointCorrupted {
                offset: offset.0,
                reason: reason.to_string(),
            }),
        }
    }

    /// All checkpoints that can be loaded, oldest first.
    pub fn list(&self) -> Vec<(Vec<u8>, u64)> {
        let of = |(_, ordered): (&EntryId, &OrderedItem)| {
            let OrderedItem::Checkpoint(id) = ordered else {
                return None;
            };
            match self.by_id.get(id)?.state {
                State::Good { timestamp_ns } => Some((id.to_vec(), timestamp_ns)),
                State::Damaged => None,
            }
        };
        self.by_first_id
            .range(self.floor()..)
            .filter_map(of)
            .collect()
    }

    /// The newest `count` checkpoints that can be loaded, oldest first.
    pub fn newest(&self, count: usize) -> Vec<(Arc<[u8]>, RecordLocation)> {
        let newest_first = self.by_first_id.range(self.floor()..).rev();
        let mut newest: Vec<_> = newest_first
            .filter_map(|(_, ordered)| match ordered {
                OrderedItem::Checkpoint(id) => Some((Arc::clone(id), self.find(id).ok()?)),
                OrderedItem::Damaged(..) => None,
            })
            .take(count)
            .collect();
        newest.reverse();
        newest
    }

    /// The oldest checkpoint that can be loaded. Without one: whether there is a damaged one.
    pub fn oldest(&self) -> std::result::Result<(Arc<[u8]>, RecordLocation), bool> {
        let mut has_damage = false;
        for ordered in self.by_first_id.range(self.floor()..).map(|(_, item)| item) {
            let found = match ordered {
                OrderedItem::Checkpoint(id) => self.find(id).ok().map(|at| (Arc::clone(id), at)),
                OrderedItem::Damaged(..) => None,
            };
            match found {
                Some(oldest) => return Ok(oldest),
                None => has_damage = true,
            }
        }
        Err(has_damage)
    }

    /// How many records a compaction that keeps all checkpoints would remove.
    pub fn dead_records(&self) -> usize {
        self.records - self.loadable
    }

    /// How many checkpoints can be loaded.
    pub fn len(&self) -> usize {
        self.loadable
    }
}

/// An id for messages: printable text as it is, otherwise hexadecimal bytes.
pub fn display_id(user_id: &[u8]) -> String {
    match std::str::from_utf8(user_id) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => user_id.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(first_id: u64) -> RecordLocation {
        RecordLocation {
            first_id: EntryId(first_id),
            offset: FileOffset(first_id),
            len: 1,
        }
    }

    #[test]
    fn the_oldest_offsets_give_way_and_superseded_ones_free_their_room() {
        let mut index = CheckpointIndex::default();
        let offsets: Arc<[u64]> = vec![7; MAX_CACHED_OFFSETS / 4].into();
        let mut add = |id: &[u8], first_id| {
            index.created(id, location(first_id), first_id);
            index.cache(id, &location(first_id), &offsets);
            // The counter matches the cached offsets.
            let cached = index.by_id.values().filter(|entry| entry.offsets.is_some());
            assert_eq!(index.cached_offsets, cached.count() * offsets.len());
            let ids = [b"a", b"b", b"c", b"d", b"e", b"f"];
            ids.map(|id| index.cached(id).is_some())
        };
        for (first_id, id) in [b"a", b"b", b"c"].into_iter().enumerate() {
            add(id, first_id as u64);
        }
        assert_eq!(add(b"a", 3), [true, true, true, false, false, false]);
        assert_eq!(add(b"d", 4), [true, true, true, true, false, false]);
        assert_eq!(add(b"e", 5), [true, false, true, true, true, false]);
        assert_eq!(add(b"f", 6), [true, false, false, true, true, true]);
    }

    #[test]
    fn what_is_no_longer_there_or_too_large_is_not_kept() {
        let mut index = CheckpointIndex::default();
        let offsets: Arc<[u64]> = vec![7; 3].into();
        index.cache(b"a", &location(0), &offsets);
        index.created(b"a", location(0), 0);
        index.created(b"a", location(1), 1);
        index.cache(b"a", &location(0), &offsets);
        assert_eq!(index.cached(b"a"), None, "superseded");
        index.cache(b"a", &location(1), &vec![7; MAX_CACHED_OFFSETS + 1].into());
        assert_eq!(index.cached(b"a"), None, "too large");
        index.cache(b"a", &location(1), &offsets);
        index.cache(b"a", &location(1), &offsets);
        let content = index.cached(b"a").expect("is cached");
        assert_eq!((content.offsets, content.timestamp_ns), (offsets, 1));
        assert_eq!((index.cached_offsets, index.cached.len()), (3, 1));
    }
}
