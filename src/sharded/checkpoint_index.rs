//! Which checkpoints are there, and where? In memory, so that listing and loading do not depend on
//! how many there are.
//!
//! ItemKind the newest ones that were made or loaded say is kept, too, up to a limit: loading one of
//! them reads no file.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::RecordKind;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::platform::HashMap;
use crate::recovery::checkpoints::ItemKind;
use crate::recovery::checkpoints::RecordLogItem;

/// So many offsets are kept in memory, of all checkpoints together: 1 MiB.
const MAX_OFFSETS_KEPT: usize = (1 << 20) / size_of::<u64>();

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogDir {
    /// Its first id: later records have greater ones.
    pub number: EntryId,
    /// Where it starts in the file.
    pub offset: FileOffset,
    /// Its length.
    pub len: u64,
}

/// ItemKind a checkpoint says: what its record was checked to hold, or was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointBody {
    /// The next id of each shard.
    pub offsets: Arc<[u64]>,
    /// When it was made.
    pub timestamp_ns: u64,
}

#[derive(Clone, Debug)]
struct IndexEntry {
    place: LogDir,
    state: State,
    /// Its offsets, where they are kept.
    offsets: Option<Arc<[u64]>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good { timestamp_ns: u64 },
    Damaged,
}

/// ItemKind stands at a place in the order of records.
#[derive(Clone, Debug)]
enum OrderedItem {
    Checkpoint(Arc<[u8]>),
    /// A stretch of which not even the ids are known.
    Damaged(FileOffset, Arc<str>),
}

/// All checkpoints of a log.
#[derive(Clone, Debug, Default)]
pub struct CheckpointIndex {
    by_id: HashMap<Arc<[u8]>, IndexEntry>,
    by_number: BTreeMap<EntryId, OrderedItem>,
    /// Checkpoints before this one are pruned.
    pruned_before: Option<(EntryId, Arc<[u8]>)>,
    /// How many can be loaded.
    loadable: usize,
    /// How many whole records the log holds.
    records: usize,
    /// The checkpoints whose offsets are kept, in the order in which they came; some may have
    /// gone since.
    kept: VecDeque<EntryId>,
    /// How many offsets are kept.
    offsets_kept: usize,
}

impl CheckpointIndex {
    /// The index of what a scan found.
    pub fn of(items: &[RecordLogItem]) -> Self {
        let mut index = Self::default();
        for item in items {
            index.add(item);
        }
        index
    }

    /// The index of a file in which nothing can be trusted.
    pub fn of_garbage(reason: &str) -> Self {
        let mut index = Self::default();
        let damage = OrderedItem::Damaged(FileOffset(0), reason.into());
        index.by_number.insert(EntryId(0), damage);
        index
    }

    fn add(&mut self, item: &RecordLogItem) {
        let place = LogDir {
            number: item.number,
            offset: item.offset,
            len: item.len,
        };
        match &item.what {
            ItemKind::Record(RecordKind::Created, user_id, timestamp_ns) => {
                self.created(user_id, place, *timestamp_ns);
            }
            ItemKind::DamagedBody(RecordKind::Created, user_id) => {
                self.insert(user_id, place, State::Damaged);
            }
            // Of a pruning only the name matters.
            ItemKind::Record(RecordKind::PrunedBefore, user_id, _)
            | ItemKind::DamagedBody(RecordKind::PrunedBefore, user_id) => {
                self.prune_before(user_id)
            }
            ItemKind::Damaged(reason) => {
                let damage = OrderedItem::Damaged(item.offset, (*reason).into());
                self.by_number.insert(item.number, damage);
            }
        }
    }

    /// Behind the last record there was something that may have been durable and is not served.
    /// True until the next record takes its place.
    pub fn lost_behind(&mut self, next_id: EntryId, offset: FileOffset, what: &str) {
        let damage = OrderedItem::Damaged(offset, what.into());
        self.by_number.insert(next_id, damage);
    }

    /// A checkpoint was created; an older one of the same id is superseded.
    pub fn created(&mut self, user_id: &[u8], place: LogDir, timestamp_ns: u64) {
        self.insert(user_id, place, State::Good { timestamp_ns });
    }

    fn insert(&mut self, user_id: &[u8], place: LogDir, state: State) {
        self.records += 1;
        let id: Arc<[u8]> = user_id.into();
        let known = IndexEntry {
            place,
            state,
            offsets: None,
        };
        if self.is_loadable(&known) {
            self.loadable += 1;
        }
        if let Some(superseded) = self.by_id.insert(Arc::clone(&id), known) {
            self.by_number.remove(&superseded.place.number);
            self.offsets_kept -= superseded.offsets.as_ref().map_or(0, |kept| kept.len());
            if self.is_loadable(&superseded) {
                self.loadable -= 1;
            }
        }
        self.by_number
            .insert(place.number, OrderedItem::Checkpoint(id));
    }

    /// Keeps what the checkpoint at this place says, if it is there. Those that came first give way.
    pub fn keep(&mut self, user_id: &[u8], place: &LogDir, offsets: &Arc<[u64]>) {
        if offsets.len() > MAX_OFFSETS_KEPT {
            return;
        }
        match self.by_id.get_mut(user_id) {
            Some(known) if known.place == *place && known.offsets.is_none() => {
                known.offsets = Some(Arc::clone(offsets));
            }
            _ => return,
        }
        self.kept.push_back(place.number);
        self.offsets_kept += offsets.len();
        while self.offsets_kept > MAX_OFFSETS_KEPT || self.kept.len() > MAX_OFFSETS_KEPT {
            let Some(first) = self.kept.pop_front() else {
                return;
            };
            self.let_go(first);
        }
    }

    fn let_go(&mut self, number: EntryId) {
        let Some(OrderedItem::Checkpoint(id)) = self.by_number.get(&number) else {
            return;
        };
        let kept = self
            .by_id
            .get_mut(id)
            .and_then(|known| known.offsets.take());
        self.offsets_kept -= kept.map_or(0, |kept| kept.len());
    }

    /// ItemKind the checkpoint of this id says, where that is kept.
    pub fn kept(&self, user_id: &[u8]) -> Option<CheckpointBody> {
        let known = self.by_id.get(user_id)?;
        match known.state {
            State::Good { timestamp_ns } => Some(CheckpointBody {
                offsets: Arc::clone(known.offsets.as_ref()?),
                timestamp_ns,
            }),
            State::Damaged => None,
        }
    }

    /// The checkpoints before this one were pruned. An id that is not known changes nothing.
    pub fn prune_before(&mut self, user_id: &[u8]) {
        self.records += 1;
        let Some((id, known)) = self.by_id.get_key_value(user_id) else {
            return;
        };
        let (id, number) = (Arc::clone(id), known.place.number);
        if number > self.floor() {
            self.pruned_before = Some((number, id));
        }
        let loadable = self.by_id.values().filter(|known| self.is_loadable(known));
        self.loadable = loadable.count();
    }

    fn floor(&self) -> EntryId {
        self.pruned_before
            .as_ref()
            .map_or(EntryId(0), |(number, _)| *number)
    }

    fn is_loadable(&self, known: &IndexEntry) -> bool {
        matches!(known.state, State::Good { .. }) && known.place.number >= self.floor()
    }

    /// Whether everything before this place is pruned already.
    pub fn is_pruned_to(&self, place: &LogDir) -> bool {
        self.pruned_before.is_some() && self.floor() >= place.number
    }

    /// Where the checkpoint of this id stands.
    pub fn find(&self, user_id: &[u8]) -> Result<LogDir> {
        let Some(known) = self.by_id.get(user_id) else {
            return Err(self.not_found(user_id));
        };
        match &self.pruned_before {
            Some((floor, pruned_before)) if known.place.number < *floor => {
                return Err(Error::CheckpointPruned {
                    id: display_id(user_id),
                    pruned_before: display_id(pruned_before),
                });
            }
            _ => {}
        }
        match known.state {
            State::Good { .. } => Ok(known.place),
            State::Damaged => Err(Error::CheckpointCorrupted {
                offset: known.place.offset.0,
                reason: format!(
                    "checkpoint {} does not match its checksum",
                    display_id(user_id)
                ),
            }),
        }
    }

    /// An id that is not known may be that of a record of which nothing is known.
    fn not_found(&self, user_id: &[u8]) -> Error {
        let damage = self
            .by_number
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
    pub fn latest(&self) -> Result<(Arc<[u8]>, LogDir)> {
        match self.by_number.last_key_value() {
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
        self.by_number
            .range(self.floor()..)
            .filter_map(of)
            .collect()
    }

    /// The newest `count` checkpoints that can be loaded, oldest first.
    pub fn newest(&self, count: usize) -> Vec<(Arc<[u8]>, LogDir)> {
        let newest_first = self.by_number.range(self.floor()..).rev();
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

    /// How many records a compaction that keeps all checkpoints would remove.
    pub fn dead_records(&self) -> usize {
        self.records - self.loadable
    }

    /// How many checkpoints can be loaded.
    pub fn len(&self) -> usize {
        self.loadable
    }
}

/// An id for people: as it is where it can be read, otherwise its bytes.
pub fn display_id(user_id: &[u8]) -> String {
    match std::str::from_utf8(user_id) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => user_id.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u64) -> LogDir {
        LogDir {
            number: EntryId(number),
            offset: FileOffset(number),
            len: 1,
        }
    }

    #[test]
    fn the_oldest_offsets_give_way_and_superseded_ones_free_their_room() {
        let mut index = CheckpointIndex::default();
        let offsets: Arc<[u64]> = vec![7; MAX_OFFSETS_KEPT / 4].into();
        let mut add = |id: &[u8], number| {
            index.created(id, place(number), number);
            index.keep(id, &place(number), &offsets);
            // ItemKind is counted is what is kept.
            let kept = index.by_id.values().filter(|known| known.offsets.is_some());
            assert_eq!(index.offsets_kept, kept.count() * offsets.len());
            let ids = [b"a", b"b", b"c", b"d", b"e", b"f"];
            ids.map(|id| index.kept(id).is_some())
        };
        for (number, id) in [b"a", b"b", b"c"].into_iter().enumerate() {
            add(id, number as u64);
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
        index.keep(b"a", &place(0), &offsets);
        index.created(b"a", place(0), 0);
        index.created(b"a", place(1), 1);
        index.keep(b"a", &place(0), &offsets);
        assert_eq!(index.kept(b"a"), None, "superseded");
        index.keep(b"a", &place(1), &vec![7; MAX_OFFSETS_KEPT + 1].into());
        assert_eq!(index.kept(b"a"), None, "too large");
        index.keep(b"a", &place(1), &offsets);
        index.keep(b"a", &place(1), &offsets);
        let content = index.kept(b"a").expect("is kept");
        assert_eq!((content.offsets, content.timestamp_ns), (offsets, 1));
        assert_eq!((index.offsets_kept, index.kept.len()), (3, 1));
    }
}
