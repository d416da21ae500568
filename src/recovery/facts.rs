//! What was found on disk of one stream, without any judgement.

use std::path::Path;
use std::sync::Arc;

use crate::format::SegmentHeader;
use crate::format::SlotState;
use crate::format::Trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::SegmentEnd;

/// Everything recovery looks at before it decides.
#[derive(Clone, Debug)]
pub struct StreamFacts {
    /// The stream's key; unknown when the directory's name is a hash and no header tells it.
    pub key: Option<Arc<str>>,
    /// The stream's directory.
    pub dir: Arc<Path>,
    /// Its segments, by the id in their names.
    pub segments: Vec<SegmentFacts>,
    /// A temporary file of a creation cut short lies about.
    pub temporary: bool,
    /// `segments.idx` is there.
    pub index_file: bool,
    /// What it says, if it is good and this stream's.
    pub claim: Option<Claim>,
    /// Where the scan of the tail began.
    pub frontier: Frontier,
}

impl StreamFacts {
    /// Which of the streams of this key it is, as far as a good header tells.
    pub fn incarnation(&self) -> Option<u64> {
        incarnation(&self.segments)
    }
}

/// What the newest good header tells.
pub(super) fn incarnation(segments: &[SegmentFacts]) -> Option<u64> {
    segments
        .iter()
        .rev()
        .find_map(|segment| match &segment.head {
            HeaderState::Valid(header) => Some(header.incarnation),
            HeaderState::Reconstructed(_) | HeaderState::NeverWritten | HeaderState::Foreign(_) => {
                None
            }
        })
}

/// What the stream held, durably, according to `segments.idx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The first id of its first segment.
    pub first_id: EntryId,
    /// One past its last entry; 0: it had none.
    pub end_id: EntryId,
}

/// One segment file.
#[derive(Clone, Debug)]
pub struct SegmentFacts {
    /// The first id according to the file's name.
    pub name_id: EntryId,
    /// The file's length in bytes.
    pub file_len: u64,
    /// What its first sector is.
    pub head: HeaderState,
    /// The two frontier slots.
    pub slots: [SlotState; 2],
    /// The end of a sealed file, if it is there and good.
    pub trailer: Option<Trailer>,
    /// The frames from the frontier on; `None` for segments wholly below it.
    pub tail: Option<Scan>,
    /// Where the good frames end of a segment below the frontier that has no good footer.
    pub ending: Option<Scan>,
}

/// The first sector of a segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderState {
    /// A good header that agrees with the file's name and directory.
    Valid(SegmentHeader),
    /// A damaged sector, but what follows validates under the identity that name and directory
    /// give: this is the header as far as it can be told.
    Reconstructed(SegmentHeader),
    /// There never was a header: the file is shorter than one, or all zeros.
    NeverWritten,
    /// Not a segment of this stream, or not readable by this version.
    Foreign(Foreign),
}

impl HeaderState {
    /// The header, good or reconstructed.
    pub fn header(&self) -> Option<&SegmentHeader> {
        #[cfg(test)]
        HEADERS_LOOKED_AT.set(HEADERS_LOOKED_AT.get() + 1);
        match self {
            HeaderState::Valid(header) | HeaderState::Reconstructed(header) => Some(header),
            HeaderState::NeverWritten | HeaderState::Foreign(_) => None,
        }
    }
}

#[cfg(test)]
thread_local! {
    /// How often [`HeaderState::header`] was asked on this thread: the work of a recovery, in tests.
    pub static HEADERS_LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Why a file's identity is unproven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Written by the 0.6 crate.
    Version06,
    /// Written by a newer version.
    Newer(u16),
    /// A segment of another stream.
    OtherStream(String),
    /// A segment of an earlier or later stream of the same key; the incarnation that it tells.
    OtherIncarnation(u64),
    /// A segment whose header tells another first id than its name.
    OtherName(EntryId),
    /// Nothing known.
    Unrecognized,
}

/// The stream's frontier: everything before it is known to have been durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontier {
    /// Which segment, as an index into the facts.
    pub segment: usize,
    /// The end of what is known durable in that segment.
    pub end: SegmentEnd,
    /// Whether the frames up to there end as the frontier says: its last frame is in place.
    pub intact: bool,
    /// A slot or a seal told it. False: no slot of the newest segment could be read.
    pub known: bool,
    /// The name of that segment was durable when the slot was stored.
    pub name_synced: bool,
}

/// What a scan of frames found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Where it began.
    pub from: (FileOffset, EntryId),
    /// The end of the good frames.
    pub end: SegmentEnd,
    /// What stands there.
    pub stop: ScanStop,
}

/// Why a scan stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanStop {
    /// The file ends, or holds nothing but zeros.
    EndOfData,
    /// A footer.
    Footer,
    /// Something that is no good frame. `later_frame_seen`: a good frame lies somewhere behind it.
    BadFrame {
        /// Whether anything worth keeping aside follows.
        later_frame_seen: bool,
    },
}
