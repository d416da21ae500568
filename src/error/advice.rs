//! What can the caller do about an error?

use std::io;

use crate::error::Error;

impl Error {
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Error::Io(error) => on_io(error.kind(), self.os_error()),
            Error::Corruption(_) | Error::CrcMismatch { .. } => {
                "restore the named ids from a copy; entries outside them stay readable"
            }
            Error::Config(_) | Error::Serialization(_) => "correct what the message names",
            Error::SegmentNotFound(_) => "these ids are gone; continue with the ids after them",
            Error::StreamNotFound(_) => "check the key; a stream exists from its first append",
            Error::InvalidFilename(_) => {
                "find out where it comes from, keep it, and move it out of this log's directory"
            }
            Error::Locked(_) => "close the other writer, or open the log read-only",
            Error::Detached(_) => {
                "close this log, then open its directory where it is now; if only LOCK was removed, \
                 open it again at the same path"
            }
            Error::Poisoned { .. } => "close the log and open it again",
            Error::TooLarge { .. } => "split the data",
            Error::SequenceMismatch { .. } => "read what was appended since",
            Error::SuffixCut { .. } => "take back what was read from that id on, and read it again",
            Error::Closed => "open the log again",
            Error::Timeout => "wait longer, or call sync",
            Error::Forked => "open the log in the child, after the parent closed it",
            Error::ReadOnly => "write through the process that has it open for writing",
            Error::UnsupportedVersion(_) => "open it with the version that wrote it",
            #[cfg(feature = "sharded")]
            Error::CheckpointNotFound(_) => "list the checkpoints; it may have been compacted away",
            #[cfg(feature = "sharded")]
            Error::CheckpointCorrupted { .. } => {
                "load an older checkpoint by its id, or create a new one"
            }
            #[cfg(feature = "sharded")]
            Error::ShardCountMismatch { .. } => {
                "open with the recorded count; to change it, replay into a new log"
            }
            #[cfg(feature = "sharded")]
            Error::InvalidCheckpointId(_) => "give 1 to 65,535 bytes",
            #[cfg(feature = "sharded")]
            Error::NoCheckpoints => "replay from the start, or create a checkpoint",
            #[cfg(feature = "sharded")]
            Error::CheckpointPruned { .. } => "load a newer checkpoint",
            #[cfg(feature = "sharded")]
            Error::BatchIncomplete { .. } => "append what failed again, not the rest",
        }
    }
}

// Causes without an `io::ErrorKind`, by error number. Unix systems share these numbers, except the
// last two.
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const ENODEV: i32 = 19;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };
const ENAMETOOLONG: i32 = if cfg!(target_os = "linux") { 36 } else { 63 };

/// The advice on an error of the operating system.
fn on_io(kind: io::ErrorKind, os_error: Option<i32>) -> &'static str {
    if let (true, Some(advice)) = (cfg!(unix), os_error.and_then(on_number)) {
        return advice;
    }
    match kind {
        io::ErrorKind::NotFound => "check the path, and that the directory above it exists",
        io::ErrorKind::PermissionDenied => {
            "check owner and permissions of the path and of the directories above it"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "mount the file system writable, or open the log read-only"
        }
        io::ErrorKind::StorageFull => "free space and try again; nothing was lost",
        io::ErrorKind::QuotaExceeded => {
            "free space under the quota, or raise it, and try again; nothing was lost"
        }
        io::ErrorKind::FileTooLarge => {
            "raise the file size limit (ulimit -f) or lower max_segment_size; nothing was lost"
        }
        io::ErrorKind::NotADirectory => "check the path: one part of it is no directory",
        io::ErrorKind::IsADirectory => "check the path: a directory stands where a file belongs",
        io::ErrorKind::AlreadyExists => {
            "choose a path where nothing exists, or move the existing file away"
        }
        io::ErrorKind::DirectoryNotEmpty => {
            "look at what else is in the directory; keep it, and move it elsewhere"
        }
        io::ErrorKind::Interrupted => "call again: a signal interrupted the call",
        io::ErrorKind::WouldBlock => {
            "call again later: the system is short of locks, threads or processes (ulimit -u)"
        }
        io::ErrorKind::TimedOut => "call again; if it stays slow, find out why the storage is slow",
        io::ErrorKind::ResourceBusy | io::ErrorKind::ExecutableFileBusy => {
            "close whatever else uses the file or its device, and try again"
        }
        io::ErrorKind::OutOfMemory => "free memory, or raise the limit (ulimit -v), and try again",
        io::ErrorKind::CrossesDevices => "use a path on the same file system",
        io::ErrorKind::TooManyLinks => "use another directory: this one takes no more entries",
        io::ErrorKind::StaleNetworkFileHandle => {
            "mount the file system again, then open the log again"
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => {
            "check the path, or use another file system: this one refuses the operation"
        }
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            "run ironwalctl verify: a file is shorter than it must be, or holds other bytes"
        }
        _ => "look up what the system's code means; what was acknowledged as durable is kept",
    }
}

fn on_number(os_error: i32) -> Option<&'static str> {
    match os_error {
        EIO | ENXIO | ENODEV => {
            Some("check the disk and the system's log; what was acknowledged as durable is kept")
        }
        EMFILE => Some(
            "raise the limit of open files (ulimit -n), or lower max_open_segments and max_open_read_segments",
        ),
        ENFILE => Some("the system has no file handles left: close files, or raise its limit"),
        ELOOP => Some("check the path: its symbolic links lead in a circle"),
        ENAMETOOLONG => Some("shorten the path"),
        _ => None,
    }
}
