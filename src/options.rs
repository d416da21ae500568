//! What a user can choose when opening a log, and which choices are refused.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;

/// Receives the messages of the log: level and text. Called from any thread, the library's own
/// included, at the end of an append, a sync, a read or a close, under no lock of the library; must
/// not panic.
///
/// It may read from the log, and ask for ids and streams. It must not close it or drop its last
/// clone, and not append, sync, wait for durability, truncate, delete, or make or remove checkpoints:
/// these may wait for the very thread that calls it.
pub type LogSink = Arc<dyn Fn(log::Level, &str) + Send + Sync>;

/// When an append is made durable before it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Every append, batch and transaction is durable when it returns.
    Strict,
    /// Batches and transactions are durable when they return; single appends are in the kernel.
    BatchOnly,
    /// Nothing waits for the disk. Appends are in the kernel when they return: they survive the
    /// death of the process; what a power cut can take is bounded by [`BackgroundSync`].
    Async,
}

/// How segments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStrategy {
    /// Positional reads.
    StandardIo,
    /// Sealed segments, and what is durable of the newest one, are memory-mapped. A stranger who
    /// shortens a mapped file, or a disk that fails under it, can then raise SIGBUS in the reading
    /// thread.
    Mmap,
}

/// How the active segment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteStrategy {
    /// The library chooses: stores into the mapped active segment under [`SyncMode::Async`], on
    /// file systems where no store can raise a signal, whatever happens to the disk (ext4 that
    /// journals no data, tmpfs; Linux 5.14 or later); positional writes everywhere else.
    Auto,
    /// Positional writes. Nothing is ever mapped for writing.
    StandardIo,
    /// Stores into the mapped active segment, in every sync mode and on every file system that can
    /// map. An append is then a copy and a checksum. On a file system other than those of `Auto`
    /// a disk that fails or fills up can raise SIGBUS in an appending thread, and a stranger who
    /// shortens the file can on any. Where mapping fails, appends are written.
    Mmap,
}

/// How frames are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionType {
    /// Stored as given.
    None,
    /// LZ4 blocks, for payloads of at least `min_compression_size` bytes that get smaller by it.
    #[cfg(feature = "compression")]
    Lz4,
}

/// What open does about damage below the durable end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorruptionPolicy {
    /// Keep what is good, report what is not: damaged ids answer with an error, the rest is
    /// served, and one damaged stream does not stop the others.
    Truncate,
    /// Refuse to open, with one error that lists all damage found.
    Error,
}

/// How soon a helper thread makes unsynced bytes durable. Where the system gives the log no thread,
/// an append that finds a sync due does it at its end, and the log's receiver is warned once: what is
/// appended last then waits for a later append, a sync or the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackgroundSync {
    /// A stream is synced at the latest this long after its oldest unsynced append.
    pub interval: Duration,
    /// A stream is synced as soon as this many bytes of it are unsynced.
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

/// Everything a log is opened with. Plain data: make one with [`WalOptions::new`] or `default`,
/// set fields, pass it to `Wal::new`, which checks the bounds ([`Error::Config`]). None of it is
/// stored on disk: options may differ from one open to the next.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// The directory that holds the log. Created when missing; its parent must exist. Default
    /// `./wal_data`.
    pub root_path: PathBuf,
    /// A segment is rotated before the frame that would take its frames past this many bytes. A
    /// single larger frame is stored alone. 1..=u64::MAX, default 64 MiB.
    pub max_segment_size: u64,
    /// A segment is rotated before the frame that would take it past this many entries. A single
    /// larger batch is stored alone. 1..=u64::MAX, default u64::MAX.
    pub max_entries_per_segment: u64,
    /// How many files are kept open for writing, over all streams. At least 1, default 128.
    pub max_open_segments: usize,
    /// How many files are kept open (or mapped) for reading. At least 1, default 128.
    pub max_open_read_segments: usize,
    /// Bytes of appended frames that are gathered into one write; larger frames are written from
    /// the caller's memory. 0 to 1 GiB, default 64 KiB.
    pub write_buffer_size: usize,
    /// Bytes read ahead by iterators and recovery. 1 to 1 GiB, default 128 KiB.
    pub read_buffer_size: usize,
    /// Bytes of decompressed frames kept in memory; `None` keeps none, and a read of one entry unpacks
    /// its whole frame (iterators and `get_batch` unpack each frame once). Default `None`.
    pub block_cache_size: Option<u64>,
    /// When appends are made durable. Default `Strict`.
    pub sync_mode: SyncMode,
    /// How frames are compressed. Default `None`.
    pub compression: CompressionType,
    /// How segments are read. Default `StandardIo`.
    pub read_strategy: ReadStrategy,
    /// How the active segment is written. Default `Auto`.
    pub write_strategy: WriteStrategy,
    /// What open does about damage. Default `Truncate`.
    pub on_corruption: CorruptionPolicy,
    /// Payloads below this many bytes are never compressed. Default 1024.
    pub min_compression_size: usize,
    /// Where `truncate` moves the segments it takes out, as `{archive_path}/{stream directory}/`;
    /// `None` deletes them. Must lie outside of this log and all others, links and `..` resolved, and
    /// belongs to the log that archives there first; `Config` otherwise. No segment in it is replaced
    /// by another: what has the name of one is kept as `{name}#kept-1`. Default `None`.
    pub archive_path: Option<PathBuf>,
    /// Syncing behind the caller's back; `None` leaves unsynced bytes to the operating system.
    pub background_sync: Option<BackgroundSync>,
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
            on_corruption: CorruptionPolicy::Truncate,
            min_compression_size: 1024,
            archive_path: None,
            background_sync: Some(BackgroundSync::default()),
        }
    }
}

/// The largest buffer an option may ask for.
const GIB: usize = 1 << 30;

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
        let refuse = |what: &str| Err(Error::Config(format!("{what}; see WalOptions")));
        if self.root_path.as_os_str().is_empty() {
            return refuse("root_path is empty");
        }
        if self.max_segment_size == 0 {
            return refuse("max_segment_size is 0, the least is 1");
        }
        if self.max_entries_per_segment == 0 {
            return refuse("max_entries_per_segment is 0, the least is 1");
        }
        if self.max_open_segments == 0 {
            return refuse("max_open_segments is 0, the least is 1");
        }
        if self.max_open_read_segments == 0 {
            return refuse("max_open_read_segments is 0, the least is 1");
        }
        if self.write_buffer_size > GIB {
            return refuse("write_buffer_size is above 1 GiB");
        }
        if !(1..=GIB).contains(&self.read_buffer_size) {
            return refuse("read_buffer_size is outside 1..=1 GiB");
        }
        if let Some(background) = self.background_sync {
            if background.interval.is_zero() {
                return refuse("background_sync.interval is 0");
            }
            if background.bytes == 0 {
                return refuse("background_sync.bytes is 0, the least is 1");
            }
        }
        Ok(())
    }
}
