//! How several entries are read in one call.
//!
//! In the order of their ids, whatever the order asked for: so entries of one frame follow each
//! other, and a compressed frame is unpacked once. It is cached until an id of another frame comes.

use std::io;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::error::memory;
use crate::ids::EntryId;
use crate::stream::reader::side::ReaderSide;
use crate::stream::reader::unpacked::Unpacked;

impl ReaderSide {
    /// Several entries, in the order asked for; each as [`ReaderSide::get`] has it.
    pub fn get_batch(&self, ids: &[u64]) -> Result<Vec<Option<Vec<u8>>>> {
        let no_memory = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let mut entries = memory::collected(ids.iter().map(|_| None)).map_err(no_memory)?;
        let mut last = None;
        let mut read = |place: usize| -> Result<()> {
            entries[place] = self.get_near(EntryId(ids[place]), &mut last)?;
            Ok(())
        };
        if ids.is_sorted() {
            (0..ids.len()).try_for_each(&mut read)?;
        } else {
            let mut order = memory::collected(0..ids.len()).map_err(no_memory)?;
            order.sort_unstable_by_key(|&place| ids[place]);
            order.into_iter().try_for_each(&mut read)?;
        }
        Ok(entries)
    }

    /// An entry, out of the frame that was unpacked last if that holds it.
    fn get_near(&self, id: EntryId, last: &mut Option<Unpacked>) -> Result<Option<Vec<u8>>> {
        if let Some(near) = last.as_ref().filter(|near| near.holds(id)) {
            return self.copied(id, near.entry(id)?).map(Some);
        }
        // Before the next one is unpacked: one at a time.
        *last = None;
        self.read(id, |_, unpacked, bytes| {
            *last = unpacked.cloned();
            self.copied(id, bytes)
        })
    }

    /// An entry's bytes in memory of their own.
    pub(in crate::stream) fn copied(&self, id: EntryId, bytes: &[u8]) -> Result<Vec<u8>> {
        memory::copied(bytes).map_err(|error| self.io_error(id, error))
    }

    /// The error of a read of this entry.
    pub(in crate::stream) fn io_error(&self, id: EntryId, error: io::Error) -> Error {
        let context = ErrorContext::at(&self.dir).stream(&self.key);
        Error::io(error, context.ids(id.0..id.0.saturating_add(1)))
    }
}
