//! How is a file opened, and how is its descriptor closed?
//!
//! Opening passes [`retry`]. `close` is a cancellation point too (pthreads(7)), and a descriptor
//! may be dropped anywhere: so no descriptor of the real disk is held but in an [`OpenFile`].

#![allow(unsafe_code)]

use crate::platform::CancellationGuard;
use crate::storage::posix::retry::retry;
use std::fs;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::path::Path;

/// An open file or directory, closed under a [`CancellationGuard`].
#[derive(Debug)]
pub(super) struct OpenFile {
    file: ManuallyDrop<fs::File>,
}

impl OpenFile {
    /// Opens what stands under the name.
    pub(super) fn open(options: &fs::OpenOptions, path: &Path) -> io::Result<Self> {
        retry(|| options.open(path)).map(Self::from)
    }

    /// The descriptor, for an owner that closes it under a guard of its own.
    pub(super) fn into_descriptor(self) -> OwnedFd {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: taken once: `this` is neither used nor dropped any more.
        unsafe { ManuallyDrop::take(&mut this.file) }.into()
    }
}

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
