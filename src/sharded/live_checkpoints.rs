//! How is `checkpoints.log` read while another process writes it?
//!
//! The writer appends behind the records, and stores slots; it replaces the file by a rename. So what stands
//! below a durable end stays as it is, and a reader may meet a torn slot or half a record behind the end, which
//! it ignores as recovery does. Damage is believed once two reads in a row find it in an unchanged file.
//!
//! Nothing is changed, and nothing is held between two reads but the open file, which keeps its bytes
//! when a compaction replaces it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::CHECKPOINTS_FILE;
use crate::format::CheckpointFormat;
use crate::format::CheckpointRecord;
use crate::format::ForeignCheckpoints;
use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::ids::FileOffset;
use crate::platform::sleep;
use crate::record_log::RecordLocation;
use crate::record_log::RecordLogState;
use crate::record_log::decode_record;
use crate::record_log::preview;
use crate::record_log::read_record;
use crate::record_log::scan_behind;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::storage::DirIdentity;
use crate::storage::StorageFile;
use crate::stream::LogContext;

/// How often a file is read that the writer is changing, and the pause in between.
pub const TRIES: usize = 200;
pub const PAUSE: Duration = Duration::from_millis(5);

/// What distinguishes one state of the file from any other: an append changes a slot or the length, and a compaction a
/// slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    root: Option<DirIdentity>,
    header_area: Vec<u8>,
    len: u64,
}

/// What the file is.
pub enum LiveState {
    /// A checkpoint log.
    Log(Box<LiveCheckpoints>),
    /// Nothing in it can be believed; why.
    Unreadable(&'static str),
    /// It belongs to another log or version.
    Foreign(ForeignCheckpoints),
}

/// A checkpoint log at one moment.
pub struct LiveCheckpoints {
    /// It stays readable when a compaction replaces it.
    pub file: Arc<dyn StorageFile>,
    /// Its records below were durable.
    pub durable: FrontierSlot,
    /// The whole records behind. The file may lack those that stand in a slot.
    pub tail: Tail,
    /// The end of the tail.
    pub end: FrontierSlot,
    /// All records, and the damage between them.
    pub records: Vec<RecordLocation>,
    /// What recovery would serve of them.
    pub index: CheckpointIndex,
    /// Damage to what was durable, or may have been.
    pub damage: Vec<(FileOffset, &'static str)>,
}

/// Whole records behind the durable end, as they were checked.
#[derive(Clone, Default)]
pub struct Tail {
    start: FileOffset,
    bytes: Vec<u8>,
}

impl Tail {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes at a location; `None` where it lies before the tail.
    pub fn at(&self, location: &RecordLocation) -> Option<&[u8]> {
        let start = location.offset.0.checked_sub(self.start.0)?;
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(location.len).ok()?)?;
        self.bytes.get(start..end)
    }
}

impl LiveState {
    /// Whether no damage was found.
    pub fn is_whole(&self) -> bool {
        matches!(self, LiveState::Log(log) if log.damage.is_empty())
    }

    fn damage(&self) -> Vec<(FileOffset, &'static str)> {
        match self {
            LiveState::Log(log) => log.damage.clone(),
            LiveState::Unreadable(reason) => vec![(FileOffset(0), reason)],
            LiveState::Foreign(_) => Vec::new(),
        }
    }
}

impl LiveCheckpoints {
    /// The record at this location. `None`: it is damaged.
    pub fn record(
        &self,
        format: &CheckpointFormat,
        location: &RecordLocation,
    ) -> io::Result<Option<CheckpointRecord>> {
        match self.tail.at(location) {
            Some(bytes) => Ok(decode_record(format, bytes, location)),
            None => read_record(format, &*self.file, location),
        }
    }
}

/// Which state the file is in. `None`: there is no file.
pub fn stamp_of(context: &LogContext) -> Result<Option<Stamp>> {
    Ok(open(context)?.map(|(stamp, _)| stamp))
}

/// Reads the file, and returns the state that it was in before that. `None`: there is no file.
pub fn read_live(
    context: &LogContext,
    format: &CheckpointFormat,
) -> Result<Option<(Stamp, LiveState)>> {
    let path = context.root.join(CHECKPOINTS_FILE);
    let read_ahead = context.options.read_buffer_size;
    let mut before = None;
    let mut tries = 0;
    loop {
        tries += 1;
        let Some((stamp, file)) = open(context)? else {
            return Ok(None);
        };
        let start = (&stamp.header_area[..], stamp.len);
        let state = match scan_behind(format, &file, start, read_ahead).at(&path)? {
            RecordLogState::Log(facts) => {
                let mut facts = *facts;
                let mut damage = facts.damage();
                let tail = Tail {
                    start: facts.frontier.end,
                    bytes: std::mem::take(&mut facts.tail_bytes),
                };
                let (durable, end) = (facts.frontier.clone(), facts.tail_end.clone());
                let served = preview(facts);
                damage.extend(served.lost.iter().map(|lost| (lost.offset, lost.reason)));
                LiveState::Log(Box::new(LiveCheckpoints {
                    file,
                    durable,
                    tail,
                    end,
                    records: served.items.iter().map(|item| item.location).collect(),
                    index: CheckpointIndex::of(&served),
                    damage,
                }))
            }
            RecordLogState::Unreadable(reason) => LiveState::Unreadable(reason),
            RecordLogState::Foreign(foreign) => LiveState::Foreign(foreign),
        };
        let found = (stamp.clone(), state.damage());
        if state.is_whole() || before.as_ref() == Some(&found) || tries >= TRIES {
            return Ok(Some((stamp, state)));
        }
        before = Some(found);
        sleep(PAUSE);
    }
}

/// Opens the file that stands there now.
fn open(context: &LogContext) -> Result<Option<(Stamp, Arc<dyn StorageFile>)>> {
    let path = context.root.join(CHECKPOINTS_FILE);
    let storage = &context.storage;
    // Before the file: a file of a later directory never passes for one of this.
    let root = storage.dir_identity(&context.root).at(&context.root)?;
    let mut header_area = vec![0; HEADER_AREA_LEN as usize];
    let head = match context.with_fd_retry(|| storage.open_head(&path, &mut header_area)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.in_context(|| ErrorContext::at(&path))?,
    };
    header_area.truncate(head.read);
    let stamp = Stamp {
        root,
        header_area,
        len: head.len,
    };
    Ok(Some((stamp, head.file)))
}

/// Damage in words, with its place.
pub fn damage_error(context: &LogContext, (offset, what): (FileOffset, &str)) -> Error {
    let path = context.root.join(CHECKPOINTS_FILE);
    Error::corruption(what, ErrorContext::at(&path).offset(offset.0))
}
