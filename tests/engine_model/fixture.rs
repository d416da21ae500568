//! A log on the simulated disk, and entries that say where they belong.

use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::explore::any_of;

/// Options for segments of so many entries, with everything small and no helper syncing unasked.
pub fn options(sync_mode: SyncMode, entries_per_segment: u64) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.sync_mode = sync_mode;
    options.max_entries_per_segment = entries_per_segment;
    options.max_segment_size = 4096;
    options.background_sync = None;
    options.write_strategy = WriteStrategy::StandardIo;
    options.read_strategy = any_of(&[ReadStrategy::StandardIo, ReadStrategy::Mmap]);
    options
}

/// Opens a log.
pub fn open(disk: &SimulatedDisk, options: &WalOptions) -> Wal {
    Wal::open_simulated(disk, options.clone()).expect("opens")
}

/// The `number`-th entry that `author` appends to `stream`, of this length at least.
pub fn entry(stream: &str, author: u32, number: u32, len: usize) -> Vec<u8> {
    let mut bytes = format!("{stream}/{author}/{number}").into_bytes();
    while bytes.len() < len {
        bytes.push(bytes[bytes.len() % 5] ^ bytes.len() as u8);
    }
    bytes
}

/// What kind of error it is; the models ask for nothing more.
pub fn kind(error: &Error) -> &'static str {
    match error {
        Error::Closed => "closed",
        Error::Poisoned { .. } => "poisoned",
        Error::StreamNotFound(_) => "no stream",
        Error::SegmentNotFound(_) => "no segment",
        Error::Timeout => "timeout",
        Error::Io(_) => "io",
        _ => "other",
    }
}

/// Panics unless the result is good or one of these errors.
pub fn allow<T>(result: Result<T>, allowed: &[&str], what: &str) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if allowed.contains(&kind(&error)) => None,
        Err(error) => panic!("{what}: {error}"),
    }
}
