//! Which decompressed frames are cached? The most recently used ones, up to a number of bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::platform::HashMap;
use crate::primitives::Mutex;

/// Identifies a frame: stream, segment (first id and generation), offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockKey {
    /// The stream's number, unique within the process.
    pub stream: u64,
    /// The segment's first id.
    pub segment: u64,
    /// The segment's generation.
    pub generation: u64,
    /// The start of the frame, in bytes from the start of the file.
    pub offset: u64,
}

/// A decompressed frame, shared by its readers. Not an `Arc<[u8]>`: creating one would copy the
/// bytes.
pub type Block = Arc<Vec<u8>>;

/// An LRU cache of decompressed frames.
#[derive(Debug)]
pub struct BlockCache {
    most_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blocks: HashMap<BlockKey, (Block, u64)>,
    by_use: BTreeMap<u64, BlockKey>,
    uses: u64,
    bytes: u64,
    counts: BlockCounts,
}

/// What a cache has done, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// Look-ups that found their block.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Bytes of the blocks.
    pub bytes: u64,
}

impl BlockCache {
    /// A cache of at most `most_bytes` bytes.
    pub fn new(most_bytes: u64) -> Self {
        BlockCache {
            most_bytes,
            state: Mutex::default(),
        }
    }

    /// The block, if it is cached.
    pub fn get(&self, key: &BlockKey) -> Option<Block> {
        let mut state = self.state.lock();
        state.uses += 1;
        let now = state.uses;
        let state = &mut *state;
        let Some((block, used)) = state.blocks.get_mut(key) else {
            state.counts.misses += 1;
            return None;
        };
        state.counts.hits += 1;
        let block = Arc::clone(block);
        let before = std::mem::replace(used, now);
        state.by_use.remove(&before);
        state.by_use.insert(now, *key);
        Some(block)
    }

    /// What the cache has done so far, and what it holds.
    pub fn counts(&self) -> BlockCounts {
        let state = self.state.lock();
        BlockCounts {
            bytes: state.bytes,
            ..state.counts
        }
    }

    /// Evicts the blocks of a stream that no longer exists.
    pub fn forget(&self, stream: u64) {
        let state = &mut *self.state.lock();
        state.by_use.retain(|_, key| key.stream != stream);
        state.blocks.retain(|key, (block, _)| {
            let stays = key.stream != stream;
            state.bytes -= if stays { 0 } else { block.len() as u64 };
            stays
        });
    }

    /// Caches a block and evicts others as needed. A block larger than the cache is not cached.
    pub fn put(&self, key: BlockKey, block: Block) {
        let len = block.len() as u64;
        if len > self.most_bytes {
            return;
        }
        let mut state = self.state.lock();
        state.uses += 1;
        let now = state.uses;
        if let Some((old, used)) = state.blocks.insert(key, (block, now)) {
            state.by_use.remove(&used);
            state.bytes -= old.len() as u64;
        }
        state.by_use.insert(now, key);
        state.bytes += len;
        while state.bytes > self.most_bytes {
            let Some((_, oldest)) = state.by_use.pop_first() else {
                break;
            };
            if let Some((old, _)) = state.blocks.remove(&oldest) {
                state.bytes -= old.len() as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(offset: u64) -> BlockKey {
        BlockKey {
            stream: 1,
            segment: 2,
            generation: 0,
            offset,
        }
    }

    #[test]
    fn the_least_recently_used_block_gives_way_and_the_bound_holds() {
        let cache = BlockCache::new(30);
        for offset in 0..3 {
            cache.put(key(offset), vec![offset as u8; 10].into());
        }
        assert!(cache.get(&key(0)).is_some());
        cache.put(key(3), vec![3; 10].into());
        assert!(cache.get(&key(1)).is_none(), "block 1 was used longest ago");
        assert_eq!(cache.get(&key(0)).expect("kept")[..], [0; 10]);
        cache.put(key(4), vec![4; 31].into());
        assert!(cache.get(&key(4)).is_none(), "larger than the cache");
        assert!(cache.state.lock().bytes <= 30);
        cache.put(key(0), vec![9; 5].into());
        assert_eq!(cache.get(&key(0)).expect("kept")[..], [9; 5]);
        let state = cache.state.lock();
        assert_eq!(state.blocks.len(), state.by_use.len());
    }

    #[test]
    fn the_blocks_of_a_stream_that_is_gone_go_and_others_stay() {
        let cache = BlockCache::new(30);
        let other = BlockKey {
            stream: 7,
            ..key(0)
        };
        cache.put(key(0), vec![0; 10].into());
        cache.put(other, vec![7; 10].into());
        cache.put(key(1), vec![1; 10].into());
        cache.forget(1);
        assert!(cache.get(&key(0)).is_none() && cache.get(&key(1)).is_none());
        assert!(cache.get(&other).is_some());
        let state = cache.state.lock();
        assert_eq!((state.bytes, state.by_use.len()), (10, 1));
    }
}
