//! Which logs are tried: the dimensions of the space that is explored, and a point of it by seed.

use std::time::Duration;

use ironwal::BackgroundSync;
use ironwal::CommitPath;
use ironwal::CompressionType;
use ironwal::ReadStrategy;
use ironwal::StreamOptions;
use ironwal::StreamPattern;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::WriteStrategy;

use crate::random::Random;

const WRITE_STRATEGIES: &[WriteStrategy] = &[
    WriteStrategy::StandardIo,
    WriteStrategy::Auto,
    WriteStrategy::Mmap,
    WriteStrategy::Mmap,
];

const READ_STRATEGIES: &[ReadStrategy] = &[ReadStrategy::StandardIo, ReadStrategy::Mmap];

const COMPRESSIONS: &[CompressionType] = &[
    CompressionType::None,
    #[cfg(feature = "compression")]
    CompressionType::Lz4,
];

const COMMIT_PATHS: &[CommitPath] = &[
    CommitPath::InPlace,
    CommitPath::Auto,
    CommitPath::Journal,
    CommitPath::Journal,
];

/// The sizes at which segments are full; the larger ones hold a whole workload.
const SEGMENT_SIZES: &[u64] = &[1, 150, 400, 1500, 6000, u64::MAX];

/// From this size on the next segment is made ahead, once the segment is full by three quarters.
const SIZE_WITH_SPARE: u64 = 1 << 20;

/// A first entry that brings a segment of that size there.
const NEARLY_FULL: usize = 840_000;

/// A first entry behind which a helper maps the segment.
const WORTH_MAPPING: usize = 17 << 10;

/// How a workload runs, and on what log.
#[derive(Clone, Debug)]
pub struct Setup {
    pub options: WalOptions,
    /// A sharded log with so many shards.
    pub shards: Option<u16>,
    /// Helpers and appenders run on threads of their own, so that no run is like the other.
    /// Otherwise the seed decides everything.
    pub is_threaded: bool,
    /// Truncates, restores and deletes more than it appends.
    pub likes_cuts: bool,
    /// The length of the first entry, where that is to be large.
    pub first_entry: Option<usize>,
    /// The sync modes of streams that have one of their own.
    pub own_modes: Vec<(&'static str, SyncMode)>,
}

/// The keys that workloads give their streams.
const KEYS: [&str; 6] = ["a", "B/ü", "third", "shard_00", "shard_01", "shard_02"];

/// In a third of the logs each stream has a mode of its own, some of them another commit path and other
/// background syncs. Drawn apart: the workloads of the seeds are as they were without.
fn give_streams_options(seed: u64, options: &mut WalOptions) -> Vec<(&'static str, SyncMode)> {
    let mut random = Random::new(seed ^ 0x51ea_0310);
    if !random.one_in(3) {
        return Vec::new();
    }
    let mut modes = Vec::new();
    for key in KEYS {
        let mode = random.pick(&[SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async]);
        let own = StreamOptions {
            sync_mode: Some(mode),
            write_strategy: random.one_in(3).then(|| random.pick(WRITE_STRATEGIES)),
            commit_path: random.one_in(3).then(|| random.pick(COMMIT_PATHS)),
            background_sync: random.one_in(4).then_some(None),
            ..StreamOptions::default()
        };
        let pattern = StreamPattern::Exact(key.into());
        options.stream_options.push((pattern, own));
        modes.push((key, mode));
    }
    modes
}

impl Setup {
    pub fn new(seed: u64, sync_mode: SyncMode) -> Self {
        let mut random = Random::new(seed ^ 0x0b71_0275);
        let mut options = WalOptions::new("/log");
        options.sync_mode = sync_mode;
        options.max_segment_size = random.pick(SEGMENT_SIZES);
        options.max_entries_per_segment = random.pick(&[1, 3, 8, u64::MAX, u64::MAX]);
        options.max_open_segments = random.pick(&[1, 2, 128]);
        options.max_open_read_segments = random.pick(&[1, 2, 128]);
        options.write_buffer_size = random.pick(&[0, 100, 64 << 10]);
        options.read_buffer_size = random.pick(&[1, 700, 8 << 10]);
        options.block_cache_size = random.pick(&[None, Some(1 << 20)]);
        options.min_compression_size = random.pick(&[0, 200]);
        options.read_strategy = random.pick(READ_STRATEGIES);
        options.write_strategy = random.pick(WRITE_STRATEGIES);
        options.compression = random.pick(COMPRESSIONS);
        options.archive_path = random
            .pick(&[None, Some("/archive")])
            .map(|path| path.into());
        let short = BackgroundSync {
            interval: Duration::from_micros(300),
            bytes: 600,
        };
        options.background_sync = random.pick(&[None, Some(short)]);
        let first_entry = match random.below(64) {
            0 => Some(NEARLY_FULL),
            1..8 => Some(WORTH_MAPPING),
            _ => None,
        };
        if first_entry == Some(NEARLY_FULL) {
            options.compression = CompressionType::None;
            options.max_segment_size = SIZE_WITH_SPARE;
            options.max_entries_per_segment = random.pick(&[3, u64::MAX]);
        }
        let is_sharded = cfg!(feature = "sharded") && first_entry.is_none() && random.one_in(4);
        options.commit_path = random.pick(COMMIT_PATHS);
        options.journal_size = random.pick(&[32 << 10, 100 << 10, 256 << 10]);
        let own_modes = give_streams_options(seed, &mut options);
        Setup {
            own_modes,
            shards: is_sharded.then(|| random.pick(&[1, 2, 3])),
            is_threaded: random.one_in(32),
            likes_cuts: random.one_in(3),
            first_entry,
            options,
        }
    }

    /// What the stream with this key promises.
    pub fn mode_of(&self, key: &str) -> SyncMode {
        let own = self.own_modes.iter().find(|(own, _)| *own == key);
        own.map_or(self.options.sync_mode, |(_, mode)| *mode)
    }
}
