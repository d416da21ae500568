//! How is a new log made of entries that come one after the other, under given ids?
//!
//! The new log is made as a copy is (`new_log`): it has its name when it is whole and durable. Entries with adjacent
//! ids share frames, so that they compress, and few of them, so that reading one stays cheap.
//!
//! Failure: there is no new log.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::check_key;
use crate::ids::EntryId;
use crate::options::CompressionType;
use crate::storage::RealDisk;
use crate::storage::Storage;
use crate::stream::LogContext;
use crate::tools::dump_properties::PropertyMap;
use crate::tools::new_log::NewPlace;
use crate::tools::stream_copy::StreamCopy;

/// A frame is written when its entries have so many bytes, or are so many.
const FRAME_BYTES: usize = 64 << 10;
const FRAME_ENTRIES: usize = 256;

/// What a new log is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadRecord {
    /// A stream begins; the entries behind it are its entries. Its key was not used before.
    Stream {
        /// Its key.
        key: String,
        /// Its first id.
        first_id: u64,
        /// The id that an append to it got next, where that is known.
        next_id: Option<u64>,
        /// Its properties; `None`: they are lost.
        properties: Option<PropertyMap>,
    },
    /// An entry. Ids grow within a stream; those that are missing are recorded as lost.
    Entry {
        /// Its id.
        id: u64,
        /// Its bytes.
        data: Vec<u8>,
    },
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// The streams, in the order of the records.
    pub streams: Vec<LoadedStream>,
}

/// A stream of the new log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedStream {
    /// Its key.
    pub key: String,
    /// Entries loaded.
    pub entries: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The first id.
    pub first_id: u64,
    /// The id that the next append gets.
    pub next_id: u64,
    /// The id that the next append got in the log of the export. If that is greater, entries were lost at the end,
    /// and their ids are free again.
    pub old_next_id: u64,
    /// Ids between the first and the next that the export does not hold.
    pub lost_ids: u64,
    /// The properties were lost, and are so in the new log.
    pub properties_lost: bool,
}

impl LoadReport {
    /// Whether the new log holds all that the exported one held.
    pub fn is_complete(&self) -> bool {
        let whole = |stream: &LoadedStream| {
            stream.lost_ids == 0 && stream.next_id >= stream.old_next_id && !stream.properties_lost
        };
        self.streams.iter().all(whole)
    }
}

/// Makes a new log in the directory `to`, which must not exist, of the records that `next` returns until it returns
/// `None`. Its entries are compressed if `compression` says so. If `next` fails, there is no new log.
///
/// Errors: those of `next`; `Config` where `to` exists, a key is refused or used twice, an id goes back, or an entry
/// comes before a stream; `Io`.
pub fn load<E: From<Error>>(
    to: &Path,
    compression: CompressionType,
    next: &mut dyn FnMut() -> std::result::Result<Option<LoadRecord>, E>,
) -> std::result::Result<LoadReport, E> {
    let storage: Arc<dyn Storage> = Arc::new(RealDisk);
    let place = NewPlace::find(&*storage, None, to)?;
    let new = place.create(&storage, compression)?;
    let mut report = LoadReport::default();
    let mut keys = BTreeSet::new();
    let mut record = next()?;
    while let Some(begun) = record {
        let LoadRecord::Stream {
            key,
            first_id,
            next_id,
            properties,
        } = begun
        else {
            let what = "an entry comes before the first stream".to_owned();
            return Err(Error::Config(what).into());
        };
        check_key(&key).map_err(|why| Error::Config(format!("the key {key:?}: {why}")))?;
        if !keys.insert(key.clone()) {
            let what = format!("the stream {key:?} begins twice");
            return Err(Error::Config(what).into());
        }
        let mut stream = Loading::begin(new.context(), &key, first_id)?;
        record = loop {
            match next()? {
                Some(LoadRecord::Entry { id, data }) => stream.add(id, data)?,
                behind => break behind,
            }
        };
        report.streams.push(stream.finish(next_id, properties)?);
    }
    new.publish()?;
    Ok(report)
}

/// A stream that is being loaded.
struct Loading<'a> {
    copy: StreamCopy<'a>,
    loaded: LoadedStream,
    /// Entries of the next frame, with adjacent ids.
    frame: Vec<Vec<u8>>,
    frame_first_id: u64,
    frame_bytes: usize,
    /// The least id that the next entry may have.
    expected: u64,
}

impl<'a> Loading<'a> {
    fn begin(context: &'a Arc<LogContext>, key: &'a str, first_id: u64) -> Result<Self> {
        Ok(Loading {
            copy: StreamCopy::new(context, key, (EntryId(first_id), 0)),
            loaded: LoadedStream {
                key: key.to_owned(),
                first_id,
                ..LoadedStream::default()
            },
            frame: Vec::new(),
            frame_first_id: first_id,
            frame_bytes: 0,
            expected: first_id,
        })
    }

    fn add(&mut self, id: u64, data: Vec<u8>) -> Result<()> {
        let is_last = id == u64::MAX;
        if id < self.expected || is_last {
            let (key, expected) = (&self.loaded.key, self.expected);
            let what = match is_last {
                true => format!("id {id} of stream {key:?} is beyond what a log can hold"),
                false => format!("id {id} of stream {key:?} comes where {expected} is the least"),
            };
            return Err(Error::Config(what));
        }
        let is_full = self.frame.len() >= FRAME_ENTRIES
            || self.frame_bytes.saturating_add(data.len()) > FRAME_BYTES;
        if id != self.expected || is_full {
            self.write_frame()?;
        }
        if self.frame.is_empty() {
            self.frame_first_id = id;
        }
        self.loaded.lost_ids += id - self.expected;
        self.loaded.entries += 1;
        self.loaded.bytes += data.len() as u64;
        self.frame_bytes += data.len();
        self.frame.push(data);
        self.expected = id + 1;
        Ok(())
    }

    fn write_frame(&mut self) -> Result<()> {
        let slices: Vec<&[u8]> = self.frame.iter().map(Vec::as_slice).collect();
        self.copy.append(self.frame_first_id, &slices)?;
        self.frame.clear();
        self.frame_bytes = 0;
        Ok(())
    }

    fn finish(
        mut self,
        next_id: Option<u64>,
        properties: Option<PropertyMap>,
    ) -> Result<LoadedStream> {
        self.write_frame()?;
        let old_next_id = next_id.unwrap_or(self.expected);
        let first_id = self.loaded.first_id;
        if self.copy.next_id().is_none() && old_next_id == first_id && first_id > 0 {
            // All was truncated, and nothing appended since.
            self.copy.begin_empty(first_id)?;
        }
        self.loaded.next_id = self.copy.next_id().unwrap_or(first_id);
        self.loaded.old_next_id = old_next_id;
        match properties {
            None => {
                self.copy.lose_properties();
                self.loaded.properties_lost = true;
            }
            Some(map) => {
                let pairs = map.iter();
                let pairs: Vec<(&[u8], &[u8])> =
                    pairs.map(|(key, value)| (&key[..], &value[..])).collect();
                self.copy.replace_properties(&pairs, self.loaded.next_id)?;
            }
        }
        self.copy.finish()?;
        Ok(self.loaded)
    }
}
