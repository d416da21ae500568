//! How is a retention applied to streams, by a call or once a minute?
//!
//! The helper holds the registry weakly, and each stream as long as it works on it. A stream that fails, perhaps
//! because it is poisoned, stops no other; the log's sink gets one warning for each reason. Closing waits
//! for the stream that the helper works on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::primitives::Mutex;
use crate::retention::Retention;
use crate::wal::Stream;
use crate::wal::Wal;
use crate::wal::registry::WalInner;
use crate::wal::registry::open_streams;

impl Stream {
    /// Removes the segments that `retention` does not keep: whole ones, oldest first. Returns their number.
    /// Durable on return, if it is not 0, and so are all entries appended before. They go as by
    /// [`Wal::truncate`]: to the archive, if there is one.
    ///
    /// Stays: the newest segment; what a live checkpoint of a sharded log needs; with
    /// [`Retention::keep_cursors`] what a cursor has not read. Waits for a snapshot under way.
    ///
    /// Errors: as of [`Wal::truncate`]; `Config` for a cursor whose value is not 8 bytes, and in a log
    /// with checkpoints that is not open as a sharded log; for cursors, properties that are lost. After
    /// these nothing was removed. `ReadOnly`.
    pub fn apply_retention(&self, retention: &Retention) -> Result<usize> {
        self.log().enter_to_write()?;
        let core = self.enter_existing()?;
        self.log().delivering(|| core.apply_retention(retention))
    }
}

impl Wal {
    /// [`Stream::apply_retention`], for each stream. Attempts all streams, then returns the first failure.
    /// Returns the number of segments removed. For this once a minute see
    /// [`WalOptions::retention`](crate::WalOptions::retention).
    pub fn apply_retention(&self, retention: &Retention) -> Result<usize> {
        self.log.enter_to_write()?;
        let streams = open_streams(&self.log.registered.read());
        let mut removed = Ok(0);
        for stream in streams {
            let of_stream = match self.log.delivering(|| stream.apply_retention(retention)) {
                // Deleted meanwhile.
                Err(Error::StreamNotFound(_)) => Ok(0),
                of_stream => of_stream,
            };
            removed = match (removed, of_stream) {
                (Ok(sum), Ok(count)) => Ok(sum + count),
                (Err(first), _) => Err(first),
                (_, Err(error)) => Err(error),
            };
        }
        removed
    }
}

impl WalInner {
    /// Applies a retention to all streams once a minute until the log is closed.
    pub fn keep_applying(&self, retention: Retention) {
        let registered = Arc::downgrade(&self.registered);
        let context = Arc::downgrade(&self.context);
        // What was last warned of, by stream.
        let warned: Mutex<BTreeMap<Arc<str>, String>> = Mutex::default();
        let has_thread = self.background_threads.keep_retaining(move |goes_on| {
            let Some((registered, context)) = registered.upgrade().zip(context.upgrade()) else {
                return;
            };
            let streams = open_streams(&registered.read());
            for stream in streams {
                if !goes_on() {
                    return;
                }
                let warning = match stream.apply_retention(&retention) {
                    Ok(_) | Err(Error::StreamNotFound(_) | Error::Closed) => None,
                    Err(error) => Some(format!("retention of stream {:?}: {error}", stream.key)),
                };
                let key = Arc::clone(&stream.key);
                let before = match &warning {
                    Some(warning) => warned.lock().insert(key, warning.clone()),
                    None => warned.lock().remove(&key),
                };
                if let Some(warning) = warning.filter(|warning| before.as_ref() != Some(warning)) {
                    context.note(log::Level::Warn, warning);
                }
                context.deliver();
            }
        });
        if !has_thread {
            // An append starts it.
            self.context.note_unattended();
        }
    }
}
