//! Who may write: the lock on a log's `LOCK` file.
//!
//! `flock(2)` keeps other processes out and dies with its holder. It belongs to the open file
//! description, which a forked child would share and so keep alive after the parent's death; the
//! child handler of `fork.rs` therefore closes it there. A registry of the process keeps the
//! process itself out, by whatever path: some file systems (NFS) turn `flock` into record locks,
//! which do not conflict within one process.

#![allow(unsafe_code)]

use crate::platform::fork::GuardedDescriptor;
use crate::platform::fork::fork_generation;
use crate::storage::StorageLock;
use crate::storage::posix::above_stdio;
use crate::storage::posix::open_file::OpenFile;
use crate::storage::posix::retry::retry;
use crate::storage::posix::retry::retry_call;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering;

/// How often a lock file may be replaced under us before we give up.
const ATTEMPTS: usize = 100;

/// Takes the lock on `path`, created when missing, without waiting.
pub(in crate::storage) fn lock_file(path: &Path) -> io::Result<Box<dyn StorageLock>> {
    for _ in 0..ATTEMPTS {
        let file = GuardedDescriptor::open(|| open_lock_file(path))?;
        let Some(descriptor) = file.descriptor() else {
            continue;
        };
        let identity = identity_of_descriptor(descriptor)?;
        let claim =
            Claim::take(identity).ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock))?;
        take_flock(descriptor)?;
        // The file may have been replaced between open and flock: then we hold a lock on
        // something that the next opener will not see.
        match retry(|| fs::metadata(path)) {
            Ok(now) if (now.dev(), now.ino()) == identity => {
                return Ok(Box::new(HeldLock {
                    file,
                    _claim: claim,
                }));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(
        "the lock file keeps being replaced while it is locked",
    ))
}

fn open_lock_file(path: &Path) -> io::Result<OwnedFd> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = OpenFile::open(&options, path)?;
    Ok(above_stdio(file)?.into_descriptor())
}

fn identity_of_descriptor(descriptor: RawFd) -> io::Result<FileIdentity> {
    // SAFETY: stat is plain data for which zeros are a valid value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open, and fstat writes only to `stat`.
    retry_call(|| unsafe { libc::fstat(descriptor, &mut stat) })?;
    // The types differ between systems.
    #[allow(clippy::unnecessary_cast)]
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

fn take_flock(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: flock on an open descriptor touches no memory of ours.
    let call = || unsafe { libc::flock(descriptor, libc::LOCK_EX | libc::LOCK_NB) };
    retry_call(call).map(drop)
}

/// The lock and what releases it. The order matters: the file is unlocked and closed before the
/// claim goes, so that whoever gets the claim next finds the file free.
#[derive(Debug)]
struct HeldLock {
    file: GuardedDescriptor,
    _claim: Claim,
}

impl StorageLock for HeldLock {}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // In a forked child there is nothing to release: the descriptor is closed, and unlocking
        // a shared file description would take the lock from the parent.
        if let Some(descriptor) = self.file.descriptor() {
            // Unlocked by name and not only by closing, for the case that somebody got a copy of
            // the descriptor past the fork handler.
            // SAFETY: the descriptor is open and ours.
            unsafe { libc::flock(descriptor, libc::LOCK_UN) };
        }
    }
}

/// Device and inode.
type FileIdentity = (u64, u64);

/// The files locked by this process.
struct Registry {
    generation: u64,
    locked: Mutex<BTreeSet<FileIdentity>>,
}

static REGISTRY: AtomicPtr<Registry> = AtomicPtr::new(ptr::null_mut());

/// The registry of this process. A forked child starts with an empty one of its own: it holds
/// none of the locks, and the mutex it inherited may be held by a thread that does not exist
/// there. The old one is leaked, as it may be.
fn registry() -> &'static Registry {
    let generation = fork_generation();
    let mut current = REGISTRY.load(Ordering::Acquire);
    loop {
        // SAFETY: registries come from Box::into_raw and are never freed once published.
        if let Some(registry) = unsafe { current.as_ref() } {
            if registry.generation == generation {
                return registry;
            }
        }
        let fresh = Box::into_raw(Box::new(Registry {
            generation,
            locked: Mutex::new(BTreeSet::new()),
        }));
        match REGISTRY.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => current = fresh,
            Err(now) => {
                // SAFETY: `fresh` came from Box::into_raw just above and was not published.
                drop(unsafe { Box::from_raw(fresh) });
                current = now;
            }
        }
    }
}

/// An entry of the registry, removed on drop.
#[derive(Debug)]
struct Claim {
    identity: FileIdentity,
    generation: u64,
}

impl Claim {
    fn take(identity: FileIdentity) -> Option<Self> {
        let registry = registry();
        let is_new = registry.locked.lock().insert(identity);
        is_new.then_some(Self {
            identity,
            generation: registry.generation,
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let registry = registry();
        if registry.generation == self.generation {
            registry.locked.lock().remove(&self.identity);
        }
    }
}

#[cfg(test)]
mod tests;
