//! How is the descriptor of a file closed?
//!
//! `close` is a cancellation point (pthreads(7)), and a descriptor may be dropped anywhere. So the real
//! disk holds each of its descriptors in an [`OpenFile`], or in a `GuardedDescriptor`.

#![allow(unsafe_code)]

use crate::platform::CancellationGuard;
use std::fs;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;

/// An open file or directory, closed under a [`CancellationGuard`].
#[derive(Debug)]
pub(super) struct OpenFile {
    file: ManuallyDrop<fs::File>,
}

impl OpenFile {
    /// Takes over a descriptor.
    ///
    /// # Safety
    /// It is open, and no other owner closes it.
    pub(super) unsafe fn owning(descriptor: RawFd) -> Self {
        OpenFile {
            // SAFETY: as demanded of the caller.
            file: ManuallyDrop::new(unsafe { fs::File::from_raw_fd(descriptor) }),
        }
    }

    /// The descriptor, for an owner that closes it under a guard of its own.
    pub(super) fn into_descriptor(self) -> OwnedFd {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: taken once: `this` is neither used nor dropped any more.
        unsafe { ManuallyDrop::take(&mut this.file) }.into()
    }
}

#[cfg(test)]
impl From<fs::File> for OpenFile {
    fn from(file: fs::File) -> Self {
        OpenFile {
            file: ManuallyDrop::new(file),
        }
    }
}

impl Deref for OpenFile {
    type Target = fs::File;

    #[inline]
    fn deref(&self) -> &fs::File {
        &self.file
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let _uncancelled = CancellationGuard::enter();
        // SAFETY: dropped once, here, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.file) }
    }
}
