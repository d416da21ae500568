//! Which calls read and change the properties of a stream?

use crate::append::Append;
use crate::append::Durability;
use crate::append::Mark;
use crate::error::Result;
use crate::stream::StreamInner;
use crate::wal::Stream;
use crate::wal::Wal;

impl Stream {
    /// The value of a property. `None`: the stream has no property of this key.
    ///
    /// A stream has a small map of properties, beside its entries: a vote, a commit index, cursors.
    /// Keys have 1 to 255 bytes, values up to 4,000; all together take at most 4,096 bytes, with 4 more
    /// for each. They belong to no id: a truncation leaves them alone, and the deletion of the
    /// stream removes them. In memory while the stream is open.
    ///
    /// Shows what was written last, durable or not; where a failure has poisoned the stream, what was
    /// durable last. In a log that is open read-only it reads first what the writer has added.
    ///
    /// Errors: `Corruption`, if damage took the newest properties: an older map is never served in
    /// their place. [`Stream::replace_properties`] ends that.
    pub fn property(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.reading(|core| core.property(key))
    }

    /// All properties, by key; as [`Stream::property`].
    pub fn properties(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.reading(StreamInner::all_properties)
    }

    /// Sets properties, or removes those whose new value is `None`, in this order. All of it is one
    /// frame: after any crash all changes are there or none. The first change of a stream that does
    /// not exist creates it, without an entry. Without changes nothing is written.
    ///
    /// [`Durability::ByMode`] is durable on return under `Strict` and `BatchOnly`. `Durable` costs one
    /// write and one sync, like a lone append under `Strict`. The mark is the place behind the change
    /// ([`Stream::is_durable`]).
    ///
    /// A segment is not followed by another before it holds an entry: in a stream without entries it
    /// grows with each change.
    ///
    /// Errors: `Config` for an empty key or one over 255 bytes; `TooLarge` for a value over 4,000 bytes
    /// or a map over 4,096; `Corruption` as [`Stream::property`]; otherwise as an append.
    pub fn set_properties(
        &self,
        changes: &[(&[u8], Option<&[u8]>)],
        durability: Durability,
    ) -> Result<Mark> {
        self.append_with(&only(changes, durability))
            .map(|done| done.mark)
    }

    /// Replaces all properties by these; of a key given twice the last value counts. Also the way out
    /// where damage took them. Otherwise as [`Stream::set_properties`].
    pub fn replace_properties(
        &self,
        properties: &[(&[u8], &[u8])],
        durability: Durability,
    ) -> Result<Mark> {
        self.appending(|core| core.replace_properties(properties, durability))
    }
}

impl Wal {
    /// [`Stream::property`], by key of the stream. `None` for an unknown stream too.
    pub fn property(&self, stream: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.log
            .with_stream_for_read(stream, |stream| stream.property(key))
    }

    /// [`Stream::properties`], by key of the stream. Empty for an unknown stream.
    pub fn properties(&self, stream: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let found = self
            .log
            .with_stream_for_read(stream, |stream| stream.all_properties().map(Some));
        Ok(found?.unwrap_or_default())
    }

    /// [`Stream::set_properties`], by key of the stream.
    pub fn set_properties(
        &self,
        stream: &str,
        changes: &[(&[u8], Option<&[u8]>)],
        durability: Durability,
    ) -> Result<Mark> {
        self.append_with(stream, &only(changes, durability))
            .map(|done| done.mark)
    }

    /// [`Stream::replace_properties`], by key of the stream.
    pub fn replace_properties(
        &self,
        stream: &str,
        properties: &[(&[u8], &[u8])],
        durability: Durability,
    ) -> Result<Mark> {
        self.log.enter_to_write()?;
        self.log.append_to(stream, |stream| {
            stream.replace_properties(properties, durability)
        })
    }
}

fn only<'a>(changes: &'a [(&'a [u8], Option<&'a [u8]>)], durability: Durability) -> Append<'a> {
    Append {
        properties: changes,
        durability,
        ..Append::default()
    }
}
