//! The log of every call on the disk, numbered from 1.

use crate::storage::simulated::state::StateChange;
use std::path::MAIN_SEPARATOR;
use std::path::Path;
use std::sync::Arc;

/// The kind of a call, named after the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpKind {
    /// `Storage::open_file`.
    Open,
    /// `Storage::create_file`.
    Create,
    /// `Storage::rename`.
    Rename,
    /// `Storage::link_or_copy`.
    Link,
    /// `Storage::remove_file`.
    Remove,
    /// `Storage::create_dir`.
    CreateDir,
    /// `Storage::remove_dir`.
    RemoveDir,
    /// `Storage::list_dir`.
    List,
    /// `Storage::kind`.
    Kind,
    /// `Storage::sync_dir`.
    SyncDir,
    /// `Storage::available_bytes`.
    Available,
    /// `Storage::canonical`.
    Canonical,
    /// `Storage::lock`.
    Lock,
    /// `StorageFile::len`.
    Len,
    /// `StorageFile::read_at`.
    Read,
    /// `StorageFile::write_at`.
    Write,
    /// `StorageFile::allocate`.
    Allocate,
    /// `StorageFile::write_zeros`.
    WriteZeros,
    /// `StorageFile::set_len`.
    SetLen,
    /// `StorageFile::sync_data`.
    SyncData,
    /// `StorageFile::sync_all`.
    SyncAll,
    /// `StorageFile::map`.
    Map,
    /// `StorageFile::map_writable`.
    MapWritable,
    /// `WriteMapping::populate`.
    MakeReady,
    /// `WriteMapping::store`, or a part of one.
    Store,
    /// `WriteMapping::sync_range`.
    SyncRange,
    /// `StorageFile::writeback_and_wait`.
    WriteBack,
    /// `SimulatedDisk::evict_cache`.
    Evict,
    /// The last handle for writing was closed, where that loses something.
    Close,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Op {
    /// Its number; the first call has 1.
    pub index: u64,
    /// The method.
    pub kind: OpKind,
    /// The path given; for calls on a file, the newest of its names. For a rename, the old one.
    pub path: Arc<Path>,
    /// Where in the file; 0 where that means nothing.
    pub offset: u64,
    /// How many bytes were asked for; 0 where that means nothing.
    pub len: u64,
    /// Whether an error was returned.
    pub failed: bool,
    pub(super) effect: StateChange,
}

impl Op {
    /// Whether it changed anything: volatile, durable, or on the way to durable.
    pub fn changed(&self) -> bool {
        !matches!(self.effect, StateChange::Nothing)
    }

    /// Whether its path contains `part`.
    pub fn is_on(&self, part: &str) -> bool {
        has_part(&self.path, part)
    }

    /// The bytes that reached the file, if it was a write.
    pub fn written(&self) -> Option<&[u8]> {
        match &self.effect {
            StateChange::Write { bytes, .. } => Some(bytes),
            _ => None,
        }
    }
}

/// Whether the path, written with `/`, contains `part`.
pub(super) fn has_part(path: &Path, part: &str) -> bool {
    let path = path.to_string_lossy();
    match MAIN_SEPARATOR {
        '/' => path.contains(part),
        other => path.replace(other, "/").contains(part),
    }
}
