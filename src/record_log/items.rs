//! What did a scan of a record log find? Plain data: the facts from which recovery decides.

use crate::format::FrontierSlot;
use crate::format::RecordFormat;
use crate::format::SlotProperties;
use crate::format::record_log::RECORDS_AT;
use crate::ids::EntryId;
use crate::ids::FileOffset;

/// Where a record stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLocation {
    /// Its first id: later records have greater ones.
    pub first_id: EntryId,
    /// Where it starts.
    pub offset: FileOffset,
    /// Its length in bytes.
    pub len: u64,
}

/// What the file is.
pub enum RecordLogState<F: RecordFormat> {
    /// A log of this format.
    Log(Box<RecordLogFacts<F>>),
    /// Nothing in it can be believed; why.
    Unreadable(&'static str),
    /// It belongs to another log or version, and must not be touched.
    Foreign(F::Foreign),
}

/// What a record log holds.
pub struct RecordLogFacts<F: RecordFormat> {
    /// Everything below the frontier, in order.
    pub items: Vec<RecordLogItem<F>>,
    /// The newer slot. `None`: both slots are unreadable; the end of the last good record then
    /// serves as the frontier.
    pub slot: Option<usize>,
    /// The durable end.
    pub frontier: FrontierSlot,
    /// Whole records above the frontier.
    pub tail: Vec<RecordLogItem<F>>,
    /// The bytes of the tail, as they were checked.
    pub tail_bytes: Vec<u8>,
    /// The end of the tail.
    pub tail_end: FrontierSlot,
    /// The slot embeds the first record of the tail, which may have been acknowledged.
    pub slot_embeds_record: bool,
    /// The header sector is damaged.
    pub sector_damaged: bool,
    /// At least one slot is damaged.
    pub slot_damaged: bool,
    /// The length of the file.
    pub file_len: u64,
}

/// One stretch of the log.
pub struct RecordLogItem<F: RecordFormat> {
    /// Where it stands. A stretch without a good header has the first id of the first record lost
    /// there.
    pub location: RecordLocation,
    /// What it holds.
    pub what: ItemKind<F>,
}

/// What a stretch of the log holds.
pub enum ItemKind<F: RecordFormat> {
    /// A whole record.
    Record(F::Summary),
    /// A damaged record that is known in part.
    Partial(F::Remains),
    /// Any number of records of which nothing is known; why.
    Damaged(&'static str),
}

impl<F: RecordFormat> RecordLogFacts<F> {
    /// Whether bytes follow the last whole record.
    pub fn has_rest(&self) -> bool {
        self.file_len > self.tail_end.end.0
    }

    /// All damage to what was durable, in the order of the file.
    pub fn damage(&self) -> Vec<(FileOffset, &'static str)> {
        let mut damage = Vec::new();
        if self.sector_damaged {
            damage.push((FileOffset(0), "the header is damaged"));
        }
        if self.slot.is_none() {
            damage.push((FileOffset(0), "both frontier slots are damaged"));
        }
        for item in &self.items {
            let what = match &item.what {
                ItemKind::Record(_) => continue,
                ItemKind::Partial(_) => F::DAMAGED_RECORD,
                ItemKind::Damaged(what) => what,
            };
            damage.push((item.location.offset, what));
        }
        damage
    }
}

/// The end of a log without records.
pub fn empty_log() -> FrontierSlot {
    FrontierSlot {
        end: RECORDS_AT,
        next_id: EntryId(0),
        last_frame: None,
        first_kept_id: EntryId(0),
        truncation_epoch: 0,
        properties: SlotProperties::None,
    }
}

/// The length of the last record; 0 if there is none.
pub fn previous_len(end: &FrontierSlot) -> u64 {
    end.last_frame.map_or(0, |last| end.end - last)
}

/// The end once a frame of this length and end id follows.
pub fn end_after(before: &FrontierSlot, len: u64, end_id: EntryId) -> FrontierSlot {
    FrontierSlot {
        end: before.end + len,
        next_id: end_id,
        last_frame: Some(before.end),
        ..before.clone()
    }
}
