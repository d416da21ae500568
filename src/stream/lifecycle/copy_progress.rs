//! How far has a copy got, of which several threads make parts?

/// The progress of a long operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done.
    pub bytes_done: u64,
    /// All bytes, counted when it began.
    pub bytes_total: u64,
}

/// Receives the progress of a copy, from the threads that copy.
pub trait CopyProgress: Send + Sync {
    /// The copy begins, perhaps anew, and consists of so many bytes.
    fn begin(&self, bytes_total: u64);
    /// So many more bytes have their place in the copy.
    fn add(&self, bytes: u64);
}

/// No caller asks for it.
pub struct NoProgress;

impl CopyProgress for NoProgress {
    fn begin(&self, _: u64) {}
    fn add(&self, _: u64) {}
}

/// The part of one stream in the progress of a snapshot.
pub(super) struct StreamProgress<'a> {
    all: &'a dyn CopyProgress,
    bytes_left: u64,
}

impl<'a> StreamProgress<'a> {
    pub(super) fn new(all: &'a dyn CopyProgress, bytes: u64) -> Self {
        StreamProgress {
            all,
            bytes_left: bytes,
        }
    }

    /// Bytes that were not counted when the copy began, such as footers, are left out.
    pub(super) fn add(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes_left);
        self.bytes_left -= bytes;
        self.all.add(bytes);
    }

    /// All is there but for what a truncation has removed meanwhile.
    pub(super) fn complete(mut self) {
        self.add(self.bytes_left);
    }
}
