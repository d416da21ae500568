//! How are the entries of a range reduced to 16 bytes that replicas compare?
//!
//! Over ids, lengths and bytes only. How the entries are framed, compressed and split into segments does not
//! matter: two streams with the same entries have the same digest.

use std::ops::Range;
use std::sync::Arc;

use crate::checksum::SipHash128;
use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::stream::StreamInner;
use crate::stream::reader::cursor::Cursor;

impl StreamInner {
    /// The digest of all entries of `ids`. An id that is missing or damaged is an error.
    pub fn digest(self: &Arc<Self>, ids: Range<u64>) -> Result<[u8; 16]> {
        if ids.start > ids.end {
            let what = format!("a digest of ids {} to {}, backwards", ids.start, ids.end);
            return Err(Error::Config(what));
        }
        let mut digest = SipHash128::new();
        let mut cursor = Cursor::new(Arc::clone(self), ids.start);
        for id in ids.clone() {
            match cursor.advance() {
                Some(Ok(found)) if found == id => {}
                Some(Err(error)) => return Err(error),
                // Truncated, or not appended yet.
                Some(Ok(found)) => {
                    return Err(self.lost_error(EntryId(id), EntryId(found.min(ids.end))));
                }
                None => return Err(self.lost_error(EntryId(id), EntryId(ids.end))),
            }
            let bytes = cursor.bytes();
            digest.feed_u64(id);
            digest.feed_u64(bytes.len() as u64);
            digest.feed(bytes);
        }
        Ok(digest.finish())
    }
}
