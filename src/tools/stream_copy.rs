//! How is a stream put into a new log under the ids that it has elsewhere?
//!
//! Entries are appended frame by frame. Where ids are missing, the copy goes on in a new segment that
//! records which ids are lost before it, as recovery does it. A stream whose first id is not 0 begins with
//! a segment that says so.
//!
//! Failure: the copy is incomplete, and the log that it lies in must not be published.

use std::path::PathBuf;
use std::sync::Arc;

use crate::append::Durability;
use crate::error::Result;
use crate::format::Predecessor;
use crate::format::stream_dir_name;
use crate::ids::EntryId;
use crate::options::CorruptionPolicy;
use crate::recovery::Decision;
use crate::recovery::NextAppend;
use crate::recovery::Recovered;
use crate::recovery::decide;
use crate::recovery::refusal_error;
use crate::recovery::survey;
use crate::recovery::view_only;
use crate::segment::PropertyPoint;
use crate::stream::LogContext;
use crate::stream::StreamInner;

/// The copy of one stream.
pub struct StreamCopy<'a> {
    context: &'a Arc<LogContext>,
    key: &'a str,
    dir: PathBuf,
    first_kept: (EntryId, u64),
    core: Option<Arc<StreamInner>>,
    /// Where it ends; `None`: nothing was copied.
    next_id: Option<u64>,
}

impl<'a> StreamCopy<'a> {
    /// A copy without a file yet, whose first kept id, and the epoch of the truncation that set it, are
    /// these.
    pub fn new(context: &'a Arc<LogContext>, key: &'a str, first_kept: (EntryId, u64)) -> Self {
        StreamCopy {
            context,
            key,
            dir: context.root.join(stream_dir_name(key)),
            first_kept,
            core: None,
            next_id: None,
        }
    }

    /// The id behind the last entry; `None`: nothing was copied.
    pub fn next_id(&self) -> Option<u64> {
        self.next_id
    }

    /// Appends entries as one frame that begins with this id, which is not below the end of the copy. Ids
    /// between both are recorded as lost.
    pub fn append(&mut self, first_id: u64, entries: &[&[u8]]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        if self.core.is_none() || self.next_id != Some(first_id) {
            self.go_on_at(first_id)?;
        }
        let Some(core) = &self.core else {
            return Ok(());
        };
        let ids = core.append_batch(entries, false)?;
        debug_assert_eq!(ids.start, first_id);
        self.next_id = Some(ids.end);
        Ok(())
    }

    /// Gives the copy the properties of the old stream, behind all entries.
    pub fn set_properties(&mut self, properties: &PropertyPoint, next_id: u64) -> Result<()> {
        let Some(map) = properties.map() else {
            self.lose_properties();
            return Ok(());
        };
        let pairs: Vec<_> = map.iter().collect();
        self.replace_properties(&pairs, next_id)
    }

    /// Gives the copy these properties, behind all entries.
    pub fn replace_properties(&mut self, pairs: &[(&[u8], &[u8])], next_id: u64) -> Result<()> {
        if pairs.is_empty() {
            return Ok(());
        }
        if self.core.is_none() {
            self.go_on_at(next_id)?;
        }
        if let Some(core) = &self.core {
            core.replace_properties(pairs, Durability::Written)?;
        }
        Ok(())
    }

    /// Records that the properties of the copy are lost.
    pub fn lose_properties(&mut self) {
        if let Some(core) = &self.core {
            core.lose_properties();
        }
    }

    /// Makes the next append get this id, in a segment that records what is missing before it.
    fn go_on_at(&mut self, first_id: u64) -> Result<()> {
        let behind = self.next_id.is_some();
        self.finish()?;
        let mut recovered = match behind {
            true => self.as_it_is()?,
            false => Recovered::nothing(),
        };
        let last = recovered.segments.last().map(|last| last.end);
        let first_kept = self.first_kept.0;
        recovered.first_kept = self.first_kept;
        if last.is_some() || first_id > 0 {
            recovered.next = NextAppend::AfterLoss {
                first_id: EntryId(first_id),
                lost_from: last.map_or(first_kept, |end| end.next_id),
                predecessor: last.map(|end| Predecessor {
                    end_id: end.next_id,
                    link: end.link,
                }),
            };
        }
        let dir = self.dir.clone();
        let core = match behind {
            true => {
                let (key, dir) = (self.key.into(), dir.into());
                StreamInner::recovered(self.context, key, dir, recovered)
            }
            false => StreamInner::begun(self.context, self.key, dir, recovered),
        };
        self.core = Some(core);
        Ok(())
    }

    /// Makes a stream without an entry, of which all below this id was truncated.
    pub fn begin_empty(&mut self, next_id: u64) -> Result<()> {
        let (key, dir) = (self.key, self.dir.clone());
        let core = StreamInner::begun(self.context, key, dir, Recovered::nothing());
        core.begin_empty(EntryId(next_id), self.first_kept.1)?;
        (self.core, self.next_id) = (Some(core), Some(next_id));
        Ok(())
    }

    /// The state of the copy so far, which was closed cleanly.
    fn as_it_is(&self) -> Result<Recovered> {
        let options = &self.context.options;
        let storage = &*self.context.storage;
        let facts = survey(storage, &self.dir, options.read_buffer_size)?;
        match decide(&facts, CorruptionPolicy::Error) {
            Decision::Serve(verdict) => Ok(view_only(&facts, verdict)),
            Decision::Refuse(refusal) => Err(refusal_error(self.key, &facts, &refusal)),
        }
    }

    /// Makes all that was copied durable and leaves exact files.
    pub fn finish(&mut self) -> Result<()> {
        match self.core.take() {
            Some(core) => core.close(),
            None => Ok(()),
        }
    }
}
