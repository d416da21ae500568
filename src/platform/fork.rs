//! How does a forked child learn that it is one, and which descriptors does it close? The fork
//! generation changes, and guarded descriptors are closed before `fork` returns in the child.
//!
//! One set of `pthread_atfork` handlers is registered once per process (a race may register it
//! twice, which is harmless: every handler can run twice). The child handler runs between `fork`
//! and the child's first instruction, where only async-signal-safe calls are allowed: it uses
//! atomics and `close(2)`, nothing else.
//!
//! Children made by `vfork`, `posix_spawn` or a raw `clone` run no handlers. The first two are for
//! `exec`, which closes the engine's descriptors (`O_CLOEXEC`); the last is outside POSIX.

#![allow(unsafe_code)]

use crate::platform::CancellationGuard;
use std::io;
use std::os::fd::IntoRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// The number of forks between the process that loaded this library and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// A fork of this process is in progress while begun − done > 0. See [`GuardedDescriptor::open`].
static FORKS_BEGUN: AtomicU64 = AtomicU64::new(0);
static FORKS_DONE: AtomicU64 = AtomicU64::new(0);

/// The first slot of an append-only list. Slots are leaked and reused, never freed: the child
/// handler can walk the list whatever other threads did at the moment of the fork.
static FIRST_SLOT: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());

const NO_DESCRIPTOR: i32 = -1;

/// How often a guarded descriptor is opened again because the process forked meanwhile.
const OPEN_ATTEMPTS: usize = 1000;

struct Slot {
    descriptor: AtomicI32,
    next: *const Slot,
}

/// A number that differs between a process and its forked children. An object that stores the value
/// at its creation can detect that it was copied into a child. The first call registers the fork
/// handlers; later calls are two atomic loads.
#[inline]
pub fn fork_generation() -> u64 {
    if REGISTERED.load(Ordering::Acquire) {
        return GENERATION.load(Ordering::Relaxed);
    }
    // A failure (no memory) is not remembered: the next call tries again, and taking a lock reports
    // it.
    let _ = ensure_fork_handlers();
    GENERATION.load(Ordering::Relaxed)
}

/// Registers the fork handlers, unless that has happened.
pub fn ensure_fork_handlers() -> io::Result<()> {
    if REGISTERED.load(Ordering::Acquire) {
        return Ok(());
    }
    // SAFETY: the handlers are functions of this library that live as long as it is loaded (the C
    // library drops them on dlclose), and they do only what is allowed between fork and exec.
    let code = unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) };
    if code != 0 {
        return Err(io::Error::from_raw_os_error(code));
    }
    REGISTERED.store(true, Ordering::Release);
    Ok(())
}

extern "C" fn before_fork() {
    FORKS_BEGUN.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn in_parent() {
    FORKS_DONE.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
    // Forks that other threads of the parent had begun do not exist here.
    FORKS_DONE.store(FORKS_BEGUN.load(Ordering::SeqCst), Ordering::SeqCst);
    for slot in slots() {
        let descriptor = slot.descriptor.swap(NO_DESCRIPTOR, Ordering::SeqCst);
        if descriptor != NO_DESCRIPTOR {
            // SAFETY: the parent owned this descriptor when it forked, so in the child it names
            // the same file and nothing else; its owner there never closes it, because the
            // generation has changed (see Drop of GuardedDescriptor).
            unsafe { libc::close(descriptor) };
        }
    }
}

fn slots() -> impl Iterator<Item = &'static Slot> {
    let mut next: *const Slot = FIRST_SLOT.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: slots come from Box::leak and are never freed; `next` is written before the
        // slot is published and never changes.
        let slot = unsafe { next.as_ref() }?;
        next = slot.next;
        Some(slot)
    })
}

/// An open descriptor that a forked child does not keep.
#[derive(Debug)]
pub struct GuardedDescriptor {
    slot: &'static AtomicI32,
    descriptor: RawFd,
    generation: u64,
}

impl GuardedDescriptor {
    /// Opens with `open` and guards the result. If the process forks between the two, the child
    /// keeps a copy that is never closed. The caller has not used the descriptor yet, so this
    /// closes it and opens again. The number of attempts is bounded: a host's own fork handler may
    /// wait for the calling thread.
    pub fn open(open: impl Fn() -> io::Result<OwnedFd>) -> io::Result<Self> {
        ensure_fork_handlers()?;
        for _ in 1..OPEN_ATTEMPTS {
            let done = FORKS_DONE.load(Ordering::SeqCst);
            let begun = FORKS_BEGUN.load(Ordering::SeqCst);
            if done < begun {
                std::thread::yield_now();
                continue;
            }
            let guarded = Self::guard(open()?);
            if FORKS_BEGUN.load(Ordering::SeqCst) == begun {
                return Ok(guarded);
            }
        }
        Ok(Self::guard(open()?))
    }

    fn guard(descriptor: OwnedFd) -> Self {
        let generation = GENERATION.load(Ordering::SeqCst);
        let descriptor = descriptor.into_raw_fd();
        Self {
            slot: publish(descriptor),
            descriptor,
            generation,
        }
    }

    /// The descriptor; `None` in a forked child, where it is closed and its number may name another
    /// file.
    pub fn descriptor(&self) -> Option<RawFd> {
        (GENERATION.load(Ordering::SeqCst) == self.generation).then_some(self.descriptor)
    }
}

impl Drop for GuardedDescriptor {
    fn drop(&mut self) {
        let Some(descriptor) = self.descriptor() else {
            return;
        };
        // Unlist first, then close. In the other order, a fork in between could close another file
        // that has received the number.
        self.slot.store(NO_DESCRIPTOR, Ordering::SeqCst);
        let _uncancelled = CancellationGuard::enter();
        // SAFETY: this guard owns the descriptor, it is open, and this process opened it.
        unsafe { libc::close(descriptor) };
    }
}

/// Stores the descriptor in a free slot of the list, or in a new one.
fn publish(descriptor: RawFd) -> &'static AtomicI32 {
    let free = slots().find(|slot| {
        let claim = slot.descriptor.compare_exchange(
            NO_DESCRIPTOR,
            descriptor,
            Ordering::SeqCst,
            Ordering::SeqCst,
        );
        claim.is_ok()
    });
    if let Some(slot) = free {
        return &slot.descriptor;
    }
    let mut slot = Box::new(Slot {
        descriptor: AtomicI32::new(descriptor),
        next: ptr::null(),
    });
    let mut first = FIRST_SLOT.load(Ordering::Acquire);
    let slot: *mut Slot = loop {
        slot.next = first;
        let raw = Box::into_raw(slot);
        match FIRST_SLOT.compare_exchange(first, raw, Ordering::SeqCst, Ordering::Acquire) {
            Ok(_) => break raw,
            Err(now) => {
                first = now;
                // SAFETY: `raw` came from Box::into_raw just above and was not published.
                slot = unsafe { Box::from_raw(raw) };
            }
        }
    };
    // SAFETY: published slots are never freed.
    unsafe { &(*slot).descriptor }
}

/// The number of slots.
#[cfg(test)]
pub fn slot_count() -> usize {
    slots().count()
}
