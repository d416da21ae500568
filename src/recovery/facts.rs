//! Which facts of a stream does recovery decide on? Plain data, without any judgement.

use std::path::Path;
use std::sync::Arc;

use crate::format::Properties;
use crate::format::Replaces;
use crate::format::SegmentHeader;
use crate::format::SlotState;
use crate::format::Trailer;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::SegmentEnd;

/// All facts of one stream.
#[derive(Clone, Debug)]
pub struct StreamFacts {
    /// The stream's key; unknown when the directory's name is a hash and no header has it.
    pub key: Option<Arc<str>>,
    /// The stream's directory.
    pub dir: Arc<Path>,
    /// Its segments, by the id in their names.
    pub segments: Vec<SegmentFacts>,
    /// An unfinished temporary file exists.
    pub temporary: bool,
    /// `segments.idx` is there.
    pub index_file: bool,
    /// Its content, if it is good and belongs to this stream.
    pub claim: Option<Claim>,
    /// Where the scan of the tail began.
    pub frontier: Frontier,
    /// The properties at the frontier.
    pub properties: FrontierProperties,
}

impl StreamFacts {
    /// The incarnation of the stream; `None`: no header is good.
    pub fn incarnation(&self) -> Option<u64> {
        incarnation(&self.segments)
    }
}

/// The incarnation in the newest good header.
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

/// Which ids were durable according to `segments.idx`.
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
    /// The state of its first sector.
    pub head: HeaderState,
    /// The two frontier slots.
    pub slots: [SlotState; 2],
    /// The trailer of a sealed file, if it is good.
    pub trailer: Option<Trailer>,
    /// The frames from the frontier on; `None` for segments wholly below it.
    pub tail: Option<Scan>,
    /// The end of the good frames, of a segment below the frontier without a good footer.
    pub ending: Option<Scan>,
    /// The newest properties in the frames from the frontier on.
    pub properties: Option<FoundProperties>,
    /// What the generations say about it.
    pub rank: Rank,
    /// Of a cut segment: what stands in its predecessor where it was cut. `None`: not a cut, or
    /// there is no predecessor.
    pub clip: Option<ClipState>,
}

/// What the generations of a stream's segments say about one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rank {
    /// It goes on behind the one before it.
    #[default]
    InLine,
    /// It replaces what stood from its first id on: its file was whole and synced before it got
    /// its name.
    Cut,
    /// One in front of it has a greater generation: nothing of it is the stream's any more.
    Void,
}

/// The frame behind which a suffix was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClipState {
    /// It holds the id before the cut, and has the recorded link.
    Good {
        /// Where it ends.
        end: FileOffset,
    },
    /// It does not.
    Bad,
}

/// Properties, and the frame that holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProperties {
    /// The whole map; `None`: it is damaged.
    pub map: Option<Properties>,
    /// Where the frame starts.
    pub frame: FileOffset,
}

/// What is known of the stream's properties at its frontier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FrontierProperties {
    /// No slot speaks for the frontier.
    #[default]
    Unstated,
    /// The slot says that there are none.
    None,
    /// The slot says that they were lost to damage before.
    Lost,
    /// Those that the slot repeats, or those of the frame that it names.
    Held(FoundProperties),
}

/// The first sector of a segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderState {
    /// A good header that agrees with the file's name and directory.
    Valid(SegmentHeader),
    /// A damaged sector. Slots or frames validate under the identity that name and directory give;
    /// this header holds that identity.
    Reconstructed(SegmentHeader),
    /// No header was ever written: the file is shorter than one, or the sector is all zeros.
    NeverWritten,
    /// Not a segment of this stream, or not readable by this version.
    Foreign(Foreign),
}

impl SegmentFacts {
    /// Whether it is no part of the stream any more, according to the generations.
    pub fn is_void(&self) -> bool {
        self.rank == Rank::Void
    }

    /// Whether it replaces what stood from its first id on.
    pub fn is_cut(&self) -> bool {
        self.rank == Rank::Cut
    }

    /// Whether it replaces all of the stream.
    pub fn is_reset(&self) -> bool {
        matches!(&self.head, HeaderState::Valid(header) if header.replaces == Replaces::All)
            && self.is_cut()
    }
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
    /// Counts calls of [`HeaderState::header`] on this thread, so that tests can bound the work.
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
    /// A segment of an earlier or later stream of the same key; its incarnation.
    OtherIncarnation(u64),
    /// A segment whose header has another first id than its name.
    OtherName(EntryId),
    /// Not a file that this crate writes.
    Unrecognized,
}

/// The stream's frontier: everything before it is known to have been durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontier {
    /// Which segment, as an index into the facts.
    pub segment: usize,
    /// The end of what is known durable in that segment.
    pub end: SegmentEnd,
    /// The frontier's last frame is in place.
    pub intact: bool,
    /// A slot or a seal proves it. False: no slot of the newest segment could be read.
    pub known: bool,
    /// The name of that segment was durable when the slot was stored.
    pub name_synced: bool,
}

/// The result of a scan of frames.
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
    /// Bytes that are no good frame. `later_frame_seen`: a good frame lies somewhere behind them.
    BadFrame {
        /// Whether bytes worth a quarantine follow.
        later_frame_seen: bool,
    },
}
