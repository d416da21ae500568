//! Which options does a log have, and which values are refused?

mod streams;
mod text;

pub use streams::StreamOptions;
pub use streams::StreamPattern;
pub(crate) use streams::StreamSettings;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;
use crate::retention::Retention;

/// Receives the log's messages: level and text. The library calls it from any thread, its own
/// included, at the end of an append, a sync, a read or a close, and holds no lock then. It must
/// not panic.
///
/// It may read from the log and query ids and streams. It must not close the log or drop its last
/// clone. It must not append, sync, wait for durability, truncate, delete, create or remove
/// checkpoints: these may wait for the thread that calls it.
pub type LogSink = Arc<dyn Fn(log::Level, &str) + Send + Sync>;

/// Which appends are durable when they return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Every append, batch and transaction is durable when it returns, unless the call asks for
    /// less ([`Durability::Written`](crate::Durability::Written)).
    Strict,
    /// Batches and transactions are durable when they return; single appends are in the kernel.
    BatchOnly,
    /// Appends do not wait for the disk. They are in the kernel when they return and survive the
    /// death of the process. [`BackgroundSync`] bounds what a power failure can lose.
    Async,
}

/// How segments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStrategy {
    /// Positional reads.
    StandardIo,
    /// Memory-maps sealed segments and the durable part of the newest one. If another program
    /// shortens a mapped file, or the disk fails, the reading thread can receive SIGBUS.
    Mmap,
}

/// How the active segment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteStrategy {
    /// The library chooses. It stores into the memory-mapped active segment under
    /// [`SyncMode::Async`] on file systems where no store can raise a signal, whatever happens to
    /// the disk (ext4 without data journaling, tmpfs; Linux 5.14 or later). It uses positional
    /// writes everywhere else.
    Auto,
    /// Positional writes. No file is mapped for writing.
    StandardIo,
    /// Stores into the memory-mapped active segment, in every sync mode and on every file system
    /// that supports mapping. An append is then a copy and a checksum. On a file system that `Auto`
    /// excludes, an appending thread can receive SIGBUS when the disk fails or is full; on any file
    /// system, when another program shortens the file. Where mapping fails, appends use positional
    /// writes.
    Mmap,
}

/// Where what a sync makes durable is written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitPath {
    /// The library chooses for each sync: the journal where many streams are synced at once, or a caller
    /// alone waits for little; the stream's own file otherwise.
    Auto,
    /// The stream's own file, always. There is no journal.
    InPlace,
    /// The commit journal, wherever what is to be synced is short enough: one file that all streams share, so
    /// that one sync makes many of them durable. The streams' own files are synced later.
    Journal,
}

/// How frames are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionType {
    /// Payloads are stored as given.
    None,
    /// LZ4 blocks, for payloads of at least `min_compression_size` bytes that LZ4 makes smaller.
    #[cfg(feature = "compression")]
    Lz4,
}

/// What open does about damage below the durable end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorruptionPolicy {
    /// Serve what is undamaged: reads of damaged ids return an error, all other ids are readable,
    /// and a damaged stream does not affect others. The name is that of the 0.6 crate.
    Truncate,
    /// Refuse to open the log, with one error that lists all damage.
    Error,
}

/// How soon a helper makes unsynced bytes durable that no append waits for. If the system cannot start a thread, an append
/// that finds a sync due does it at its end, and the log's sink receives one warning; the last
/// append then becomes durable only with a later append, a sync or the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackgroundSync {
    /// The longest time between a stream's oldest unsynced append and its sync. Must not be zero.
    /// Default 1 s.
    pub interval: Duration,
    /// A stream is synced as soon as it has this many unsynced bytes. At least 1, default 16 MiB.
    pub bytes: u64,
}

impl Default for BackgroundSync {
    fn default() -> Self {
        BackgroundSync {
            interval: Duration::from_secs(1),
            bytes: 16 << 20,
        }
    }
}

/// The options of a log. Plain data: create it with [`WalOptions::new`] or `default`, set fields,
/// and pass it to `Wal::new`, which checks the bounds ([`Error::Config`]). No option is stored on
/// disk: each open may use others.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// The directory that holds the log. Created when missing; its parent must exist. Default
    /// `./wal_data`.
    pub root_path: PathBuf,
    /// Bytes of frames in a segment: a frame that would exceed this starts a new segment. A larger
    /// frame gets a segment of its own. 1..=u64::MAX, default 64 MiB.
    pub max_segment_size: u64,
    /// Entries in a segment: a frame that would exceed this starts a new segment. A larger batch
    /// gets a segment of its own. 1..=u64::MAX, default u64::MAX.
    pub max_entries_per_segment: u64,
    /// Files kept open for writing, over all streams. At least 1, default 128.
    pub max_open_segments: usize,
    /// Files kept open (or mapped) for reading, over all streams. At least 1, default 128.
    pub max_open_read_segments: usize,
    /// Bytes of appended frames collected for one write; larger frames are written from the
    /// caller's memory. 0 to 1 GiB, default 64 KiB.
    pub write_buffer_size: usize,
    /// Bytes read ahead by iterators and recovery. 1 to 1 GiB, default 128 KiB.
    pub read_buffer_size: usize,
    /// Bytes of decompressed frames kept in memory. `None`: no cache, so each read of an entry
    /// decompresses its whole frame (iterators and `get_batch` decompress each frame once). Default
    /// `None`.
    pub block_cache_size: Option<u64>,
    /// Which appends are durable when they return. Default `Strict`.
    pub sync_mode: SyncMode,
    /// How frames are compressed. Default `None`.
    pub compression: CompressionType,
    /// How segments are read. Default `StandardIo`.
    pub read_strategy: ReadStrategy,
    /// How the active segment is written. Default `Auto`.
    pub write_strategy: WriteStrategy,
    /// Where what a sync makes durable is written first. Default `InPlace`.
    pub commit_path: CommitPath,
    /// How many bytes the files of the commit journal may take; they begin with 2 MiB at most, and grow
    /// as they are used. 256 KiB to 1 GiB, default 64 MiB. A log that is opened after a crash reads all of them.
    /// A batch over several streams takes at most a quarter of it, and 256 KiB at most. What poisoned streams need
    /// stays in further files until the log is opened again; these take as much again at most.
    pub journal_size: u64,
    /// What open does about damage below the durable end. Default `Truncate`.
    pub on_corruption: CorruptionPolicy,
    /// Payloads of fewer bytes are never compressed. Default 1024.
    pub min_compression_size: usize,
    /// Where `truncate` moves segments, as `{archive_path}/{stream directory}/`; `None` deletes
    /// them. Must lie outside of this log and all others, with links and `..` resolved. Belongs to
    /// the log that archives there first; otherwise `Config`. An archived segment is never
    /// replaced by another: a file that already has the name is kept as `{name}#kept-1`. Default
    /// `None`.
    pub archive_path: Option<PathBuf>,
    /// Syncs in the background; `None` leaves unsynced bytes to the operating system. Default:
    /// every 1 s or 16 MiB.
    pub background_sync: Option<BackgroundSync>,
    /// How many threads sync in the background, each for its share of the streams, and serve callbacks
    /// and wakers: more than one where many streams at once have entries whose durability is awaited by
    /// [`Stream::on_durable`](crate::Stream::on_durable), [`Stream::durable`](crate::Stream::durable) or
    /// [`Stream::follow`](crate::Stream::follow). A thread starts when it is first needed. 1 to 64, default
    /// 1.
    pub sync_threads: usize,
    /// Measures how long each append takes, by two looks at the clock, for
    /// [`StreamStats::append_times`](crate::StreamStats::append_times). Takes 4.7 KiB per stream that is
    /// appended to. Default false.
    pub latencies: bool,
    /// Applied to all streams once a minute, by a thread of the log, from a minute after opening on: see
    /// [`Wal::apply_retention`](crate::Wal::apply_retention). A failure goes to the log's sink, and stops no
    /// other stream. Not for a log of replicas, which are truncated as their primary is. Default `None`.
    pub retention: Option<Retention>,
    /// Streams with options of their own: see [`WalOptions::for_streams`]. Default: none.
    pub stream_options: Vec<(StreamPattern, StreamOptions)>,
}

impl Default for WalOptions {
    fn default() -> Self {
        WalOptions {
            root_path: PathBuf::from("./wal_data"),
            max_segment_size: 64 << 20,
            max_entries_per_segment: u64::MAX,
            max_open_segments: 128,
            max_open_read_segments: 128,
            write_buffer_size: 64 << 10,
            read_buffer_size: 128 << 10,
            block_cache_size: None,
            sync_mode: SyncMode::Strict,
            compression: CompressionType::None,
            read_strategy: ReadStrategy::StandardIo,
            write_strategy: WriteStrategy::Auto,
            commit_path: CommitPath::InPlace,
            journal_size: 64 << 20,
            on_corruption: CorruptionPolicy::Truncate,
            min_compression_size: 1024,
            archive_path: None,
            background_sync: Some(BackgroundSync::default()),
            sync_threads: 1,
            latencies: false,
            retention: None,
            stream_options: Vec::new(),
        }
    }
}

/// The largest buffer an option may ask for.
const GIB: usize = 1 << 30;

/// The least that leaves room for a batch over a few streams: 64 KiB.
const MIN_JOURNAL_SIZE: u64 = 256 << 10;
#[cfg(feature = "simulation")]
const MIN_SIMULATED_JOURNAL_SIZE: u64 = 32 << 10;

impl WalOptions {
    /// The defaults, with the log at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        WalOptions {
            root_path: path.into(),
            ..Default::default()
        }
    }

    /// Checks every field against its documented bounds.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_from(MIN_JOURNAL_SIZE)
    }

    /// The same on the simulated disk, where the commit journal may be so small that tests fill it.
    #[cfg(feature = "simulation")]
    pub(crate) fn check_simulated(&self) -> Result<()> {
        self.check_from(MIN_SIMULATED_JOURNAL_SIZE)
    }

    fn check_from(&self, min_journal_size: u64) -> Result<()> {
        let refuse = |what: &str| Err(Error::Config(format!("{what}; see WalOptions")));
        if self.root_path.as_os_str().is_empty() {
            return refuse("root_path is empty");
        }
        if self.max_segment_size == 0 {
            return refuse("max_segment_size is 0, the minimum is 1");
        }
        if self.max_entries_per_segment == 0 {
            return refuse("max_entries_per_segment is 0, the minimum is 1");
        }
        if self.max_open_segments == 0 {
            return refuse("max_open_segments is 0, the minimum is 1");
        }
        if self.max_open_read_segments == 0 {
            return refuse("max_open_read_segments is 0, the minimum is 1");
        }
        if self.write_buffer_size > GIB {
            return refuse("write_buffer_size is above 1 GiB");
        }
        if !(1..=GIB).contains(&self.read_buffer_size) {
            return refuse("read_buffer_size is outside 1..=1 GiB");
        }
        if !(1..=64).contains(&self.sync_threads) {
            return refuse("sync_threads is outside 1..=64");
        }
        if !(min_journal_size..=(1 << 30)).contains(&self.journal_size) {
            return refuse("journal_size is outside 256 KiB..=1 GiB");
        }
        if let Some(background) = self.background_sync {
            if background.interval.is_zero() {
                return refuse("background_sync.interval is 0");
            }
            if background.bytes == 0 {
                return refuse("background_sync.bytes is 0, the minimum is 1");
            }
        }
        if self
            .retention
            .is_some_and(|retention| !retention.has_limit())
        {
            return refuse("retention has no limit: set max_bytes or max_age");
        }
        self.check_stream_options()
    }
}
