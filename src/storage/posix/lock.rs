//! Which process may write: the lock on a log's directory and on its `LOCK` file.
//!
//! `flock(2)` keeps other processes out and dies with its holder. It belongs to the open file
//! description, which a forked child would share and so keep alive after the parent's death; the
//! child handler of `fork.rs` therefore closes it there. A registry of the process keeps the
//! process itself out, by whatever path: some file systems (NFS) turn `flock` into record locks,
//! which do not conflict within one process.
//!
//! The directory is locked too, where the file system can: two writers are kept apart also when
//! `LOCK` was removed by hand.
//!
//! No process can ask whether a file is locked with `flock` without trying to lock it, which would be in the way
//! of a writer that opens the log at that moment. So a writer announces itself with an open file description
//! lock (fcntl_locking(2), Linux 3.15) on a byte of `LOCK`: `F_OFD_GETLK` finds it and takes nothing, in the same process
//! too. It ends as `flock` does. On the BSDs and macOS, `F_GETLK` finds the lock of `flock` itself (flock(2) and
//! fcntl(2) there: the two kinds conflict), so that a writer is announced as long as it holds the lock.

#![allow(unsafe_code)]

use crate::platform::fork::GuardedDescriptor;
use crate::platform::fork::fork_generation;
use crate::platform::retry::retry_call;
use crate::storage::Access;
use crate::storage::StorageLock;
use crate::storage::posix::FileIdentity;
use crate::storage::posix::Found;
use crate::storage::posix::Place;
use crate::storage::posix::RootDirectory;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::path::Path;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering;

/// How often a lock file may be replaced under us before we give up.
const ATTEMPTS: usize = 100;

/// Takes the lock on a directory and on the file `path` in it, created when missing, without waiting.
pub(in crate::storage) fn lock_root(
    root: &Arc<RootDirectory>,
    path: &Path,
) -> io::Result<Box<dyn StorageLock>> {
    let directory = HeldDirectory::take(root)?;
    let file = lock_file(&root.place(path)?)?;
    Ok(Box::new(HeldLock {
        file,
        // Writing into it may have given it another number (overlayfs).
        identity: identity_of_descriptor(directory.descriptor()?)?,
        directory,
        path: path.to_path_buf(),
    }))
}

/// Takes the lock on a file, created when missing, without waiting.
fn lock_file(place: &Place<'_>) -> io::Result<HeldFile> {
    for _ in 0..ATTEMPTS {
        let file = GuardedDescriptor::open(|| place.open_lock())?;
        let Some(descriptor) = file.descriptor() else {
            continue;
        };
        let identity = identity_of_descriptor(descriptor)?;
        let claim = Claim::take(identity).ok_or_else(refusal)?;
        take_flock(descriptor)?;
        let held = HeldFile {
            file,
            identity,
            _claim: claim,
        };
        // The file may have been replaced between open and flock: then we hold a lock on
        // something that the next opener will not see.
        if place.look()?.is_some_and(|now| now.identity == identity) {
            return Ok(held);
        }
    }
    Err(io::Error::other(
        "the lock file keeps being replaced while it is locked",
    ))
}

fn refusal() -> io::Error {
    io::ErrorKind::WouldBlock.into()
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

/// Where in `LOCK` a writer announces itself.
fn announced_byte(kind: libc::c_short) -> libc::flock {
    // SAFETY: flock is plain data for which zeros are a valid value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_len = 1;
    lock
}

#[cfg(target_os = "linux")]
const ASK: libc::c_int = libc::F_OFD_GETLK;
#[cfg(not(target_os = "linux"))]
const ASK: libc::c_int = libc::F_GETLK;

/// See [`StorageLock::announce`].
fn announce(descriptor: RawFd) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let lock = announced_byte(libc::F_WRLCK as libc::c_short);
        // SAFETY: the descriptor is open, and fcntl reads `lock` only.
        retry_call(|| unsafe { libc::fcntl(descriptor, libc::F_OFD_SETLK, &lock) })?;
    }
    // Also shows whether the file system has such locks.
    let mut lock = announced_byte(libc::F_RDLCK as libc::c_short);
    // SAFETY: the descriptor is open, and fcntl writes only to `lock`.
    retry_call(|| unsafe { libc::fcntl(descriptor, ASK, &mut lock) }).map(drop)
}

/// By name, for the same reason as `release_flock`.
fn release_announcement(descriptor: Option<RawFd>) {
    #[cfg(target_os = "linux")]
    if let Some(descriptor) = descriptor {
        let lock = announced_byte(libc::F_UNLCK as libc::c_short);
        // SAFETY: the descriptor is open and ours, and fcntl reads `lock` only.
        unsafe { libc::fcntl(descriptor, libc::F_OFD_SETLK, &lock) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = descriptor;
}

/// See [`Storage::is_announced`](crate::storage::Storage::is_announced).
pub(super) fn is_announced(place: &Place<'_>) -> io::Result<bool> {
    let file = match place.open_nonblocking(Access::Read) {
        Ok(file) => file.into_descriptor(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut lock = announced_byte(libc::F_RDLCK as libc::c_short);
    // SAFETY: the descriptor is open, and fcntl writes only to `lock`.
    retry_call(|| unsafe { libc::fcntl(file.as_raw_fd(), ASK, &mut lock) })?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

/// Unlocked by name and not only by closing, for the case that a process got a copy of the descriptor
/// past the fork handler, and because a directory stays open for readers.
fn release_flock(descriptor: Option<RawFd>) {
    // In a forked child there is nothing to release: the descriptor is closed, and unlocking
    // a shared file description would take the lock from the parent.
    if let Some(descriptor) = descriptor {
        // SAFETY: the descriptor is open and ours.
        unsafe { libc::flock(descriptor, libc::LOCK_UN) };
    }
}

/// A locked file and what releases it. The order matters: the file is unlocked and closed before the
/// claim goes, so that the holder of the next claim finds the file free.
#[derive(Debug)]
struct HeldFile {
    file: GuardedDescriptor,
    identity: FileIdentity,
    _claim: Claim,
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        release_announcement(self.file.descriptor());
        release_flock(self.file.descriptor());
    }
}

/// A locked directory; it is unlocked before the claim goes.
#[derive(Debug)]
struct HeldDirectory {
    root: Arc<RootDirectory>,
    is_flocked: bool,
    _claim: Claim,
}

impl HeldDirectory {
    fn take(root: &Arc<RootDirectory>) -> io::Result<Self> {
        let descriptor = descriptor_of(root)?;
        let identity = identity_of_descriptor(descriptor)?;
        let claim = Claim::take(identity).ok_or_else(refusal)?;
        let is_flocked = match take_flock(descriptor) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            // NFS and others lock no directories: the file is what keeps others out.
            Err(_) => false,
        };
        Ok(HeldDirectory {
            root: Arc::clone(root),
            is_flocked,
            _claim: claim,
        })
    }

    fn descriptor(&self) -> io::Result<RawFd> {
        descriptor_of(&self.root)
    }
}

fn descriptor_of(root: &RootDirectory) -> io::Result<RawFd> {
    let forked = || io::Error::other("the directory was opened before fork");
    root.descriptor().ok_or_else(forked)
}

impl Drop for HeldDirectory {
    fn drop(&mut self) {
        if self.is_flocked {
            release_flock(self.root.descriptor());
        }
    }
}

/// The lock of a log: its file is released first.
#[derive(Debug)]
struct HeldLock {
    file: HeldFile,
    directory: HeldDirectory,
    identity: FileIdentity,
    /// The file's.
    path: PathBuf,
}

impl StorageLock for HeldLock {
    fn is_attached(&self) -> io::Result<bool> {
        let root = &self.directory.root;
        if root.descriptor().is_none() {
            // A forked child has nothing to ask.
            return Ok(true);
        }
        // Both are open, so that no other file has their numbers.
        let is = |found: io::Result<Option<Found>>, identity| match found {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
            Err(error) => Err(error),
            Ok(found) => Ok(found.is_some_and(|found| found.identity == identity)),
        };
        // The root may be found through a link by now.
        let root_now = Place::anywhere(root.path()).look_through();
        Ok(is(root_now, self.identity)? && is(root.place(&self.path)?.look(), self.file.identity)?)
    }

    fn announce(&self) -> io::Result<()> {
        let forked = || io::Error::other("the lock was taken before fork");
        announce(self.file.file.descriptor().ok_or_else(forked)?)
    }
}

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

/// How often a claim is asked for. A lock closes its descriptor before it gives up its claim; of a file
/// that was removed, the number may be given to a new one in between.
const CLAIM_ATTEMPTS: usize = 100;

impl Claim {
    fn take(identity: FileIdentity) -> Option<Self> {
        (0..CLAIM_ATTEMPTS).find_map(|_| {
            let claim = Self::take_once(identity);
            if claim.is_none() {
                std::thread::yield_now();
            }
            claim
        })
    }

    fn take_once(identity: FileIdentity) -> Option<Self> {
        let registry = registry();
        let is_new = registry.locked.lock().insert(identity);
        // Made only then: to drop one takes the holder's claim out of the registry.
        is_new.then(|| Self {
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
