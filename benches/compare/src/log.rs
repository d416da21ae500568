//! What is asked of every log that takes part?

use std::path::Path;

/// Why something could not be measured; told in the tables.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// When an append is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// As soon as the log returns without waiting for the disk.
    Async,
    /// Once it survives the loss of power.
    Strict,
}

/// What a log is opened with.
pub struct Setup<'a> {
    /// A directory of its own, on the disk measured.
    pub dir: &'a Path,
    pub mode: Mode,
    /// How many streams (topics, regions, tables, logs) are appended to.
    pub streams: usize,
    /// When to go on with the next file, where a work asks for it.
    pub segment_bytes: Option<u64>,
    /// The most bytes of entries that will be appended, for logs that must know.
    pub volume_bytes: u64,
    /// The length of every entry, for logs that must know.
    #[cfg_attr(not(any(feature = "commitlog", feature = "walrus")), expect(dead_code))]
    pub entry_len: usize,
}

/// An open log.
pub trait Log: Send + Sync {
    /// What one thread appends to one stream with. More than one may exist for a stream.
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure>;

    /// What one thread reads a stream with.
    fn reader(&self, _stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        Err("does not read by position".into())
    }

    /// How many entries of a stream are not known to be on the disk, where the log tells.
    fn unsynced_entries(&self, _stream: usize) -> Option<u64> {
        None
    }

    /// Closes cleanly.
    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

/// The appending end of one stream, for one thread.
pub trait Appender {
    /// Appends one entry and returns once it is acknowledged as the mode says.
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure>;

    /// Appends entries as one frame, transaction or buffer: together, as the log knows it.
    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure>;

    /// Returns once all that was appended is on the disk.
    fn sync(&mut self) -> Result<(), Failure>;
}

/// The reading end of one stream, for one thread.
pub trait Reader {
    /// Reads the entry appended as number `n`, from 0, and returns its length.
    fn get(&mut self, n: u64) -> Result<usize, Failure>;

    /// Goes through all entries in order; returns how many.
    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure>;
}

/// Whose row it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Ours,
    Peer,
    /// Not a log, but the least that any log must do.
    Limit,
}

/// One row of the tables.
pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    /// The works it takes part in.
    pub works: &'static [&'static str],
    /// Where an acknowledged append is in mode Async: "process memory", "page cache" or "disk".
    pub async_means: &'static str,
    /// The same in mode Strict.
    pub strict_means: &'static str,
    pub open: fn(&Setup) -> Result<Box<dyn Log>, Failure>,
}

impl Contender {
    pub fn means(&self, mode: Mode) -> &'static str {
        match mode {
            Mode::Async => self.async_means,
            Mode::Strict => self.strict_means,
        }
    }
}
