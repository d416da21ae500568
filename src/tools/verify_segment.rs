//! Is everything in one segment whole: frames, payloads, the links between them, the footer?

use std::io;
use std::ops::ControlFlow;

use crate::error::Error;
#[cfg(feature = "compression")]
use crate::error::memory;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::PayloadFault;
use crate::format::header_crc_of;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffer;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::WalkItem;
use crate::segment::check_frame;
use crate::tools::report::Severity;
use crate::tools::report::VerifyFinding;
use crate::tools::segment_walk::SegmentWalk;

/// The result of a check.
#[derive(Debug, Default)]
pub struct Checked {
    /// Good frames.
    pub frames: u64,
    /// Those that hold properties.
    pub property_frames: u64,
    /// Frames behind a cut.
    pub void_frames: u64,
    /// Good entries that the stream keeps.
    pub entries: u64,
    /// The damage.
    pub findings: Vec<VerifyFinding>,
}

/// Reads a segment from its first frame to `end`, and its footer. Whether the next segment cut it: then
/// the frames behind are counted, too. It reports its progress to
/// `read_to`, which may end the check: then what was checked is returned.
pub fn check_segment(
    walk: &mut SegmentWalk<'_>,
    (end, is_cut): (&SegmentEnd, bool),
    mut read_to: impl FnMut(FileOffset) -> ControlFlow<()>,
) -> io::Result<Checked> {
    let mut checked = Checked::default();
    let mut expected_index = SparseIndex::empty();
    let mut last: Option<LocatedFrame> = None;
    if let Some(last_frame) = end.last_frame {
        // Frames without entries behind the last entry too.
        walk.go_to_last_frame(last_frame);
    }
    loop {
        match walk.advance()? {
            WalkItem::Frame { frame, .. } => {
                check_back_link(walk, last.as_ref(), &frame, &mut checked);
                check_payload(walk, &frame, &mut checked)?;
                let previous = last.map(|last| last.offset);
                if frame.header.may_be_point() {
                    expected_index.note(previous, frame.offset, frame.header.first_id);
                }
                last = Some(frame);
                if read_to(frame.end()).is_break() {
                    return Ok(checked);
                }
            }
            WalkItem::Damaged(damage) => {
                last = None;
                let found = finding(walk, damage.fault.to_string()).at(damage.offset.0);
                let kept = walk.kept(&damage.ids);
                let found = match kept.is_empty() && !damage.ids.is_empty() {
                    true => of_truncated_ids(found.ids(damage.ids)),
                    false if kept.is_empty() => found.ids(damage.ids),
                    false => found.ids(kept),
                };
                checked.findings.push(found);
            }
            WalkItem::End => break,
        }
    }
    if let Some(clip) = last.filter(|last| is_cut && Some(last.offset) == end.last_frame) {
        checked.void_frames = walk.void_frames(clip.end())?;
    }
    if walk.segment().is_sealed() {
        let whole = checked.findings.is_empty();
        check_footer(walk, end, last.as_ref(), &mut checked)?;
        if whole {
            check_index(walk, &expected_index, &mut checked)?;
        }
    }
    Ok(checked)
}

fn check_back_link(
    walk: &SegmentWalk<'_>,
    last: Option<&LocatedFrame>,
    frame: &LocatedFrame,
    checked: &mut Checked,
) {
    // Frames without entries may stand before the one with the first entry.
    let is_first = frame.offset == SegmentEnd::empty(frame.header.first_id).offset;
    let expected = match last {
        Some(last) => last.header.len(),
        None if is_first => 0,
        // Behind damage, the frame before is unknown.
        None => return,
    };
    if u64::from(frame.header.previous_len) != expected {
        let what = "the frame's back link does not lead to the frame before it";
        let found = finding(walk, what).at(frame.offset.0);
        checked.findings.push(found.ids(frame.header.ids()));
    }
}

fn check_payload(
    walk: &mut SegmentWalk<'_>,
    frame: &LocatedFrame,
    checked: &mut Checked,
) -> io::Result<()> {
    let properties = match frame.header.has_properties() {
        true => Some(walk.properties(frame)),
        false => None,
    };
    let properties_damaged = match properties {
        Some(Err(Error::Io(error))) => return Err(error),
        Some(Err(_)) => true,
        Some(Ok(_)) | None => false,
    };
    let fault = walk.check(frame)?;
    if properties_damaged {
        let what = match &fault {
            Err(fault) => format!("the properties are damaged: {}", payload_text(fault)),
            Ok(()) => "the properties in the frame are none that are ever stored".to_owned(),
        };
        let found = finding(walk, what).at(frame.offset.0);
        checked.findings.push(found);
    }
    let Err(fault) = fault else {
        checked.frames += u64::from(!properties_damaged);
        checked.property_frames += u64::from(frame.header.has_properties() && !properties_damaged);
        let ids = walk.ids(frame);
        checked.entries += ids.end - ids.start;
        return Ok(());
    };
    // The frame is damaged: find out which of its entries cannot be read.
    let mut bad: Vec<std::ops::Range<u64>> = Vec::new();
    for id in walk.ids(frame) {
        match walk.entry(frame, EntryId(id)) {
            Ok(_) => {
                checked.entries += 1;
                continue;
            }
            // The entry is neither good nor damaged.
            Err(Error::Io(error)) => return Err(error),
            Err(_) => {}
        }
        match bad.last_mut() {
            Some(run) if run.end == id => run.end = id + 1,
            _ => bad.push(id..id + 1),
        }
    }
    let what = payload_text(&fault);
    if bad.is_empty() && !properties_damaged {
        let found = finding(walk, what.as_str()).at(frame.offset.0);
        let is_hidden = walk.ids(frame).is_empty() && frame.header.entry_count > 0;
        checked.findings.push(match is_hidden {
            true => of_truncated_ids(found.ids(frame.header.ids())),
            false => found,
        });
    }
    for ids in bad {
        let found = finding(walk, what.clone()).at(frame.offset.0);
        checked.findings.push(found.ids(ids));
    }
    Ok(())
}

/// The footer is a frame. Recovery has checked its trailer, which holds the link of the last frame.
fn check_footer(
    walk: &SegmentWalk<'_>,
    end: &SegmentEnd,
    last: Option<&LocatedFrame>,
    checked: &mut Checked,
) -> io::Result<()> {
    let segment = walk.segment();
    let source = walk.source();
    let limit = FileOffset(walk.file_len()?);
    let mut window = ReadBuffer::new();
    let len = FRAME_HEADER_LEN;
    let bytes = window.bytes(&source, end.offset, len, len, limit)?;
    let header = bytes.and_then(|b| FrameHeader::decode(b, segment.seed, end.offset).ok());
    let footer = header.filter(|header| header.kind == FrameKind::Footer);
    let whole = match footer {
        Some(header) => {
            let frame = LocatedFrame {
                offset: end.offset,
                header,
            };
            check_frame(segment, &source, &mut window, &frame, walk.read_ahead)?.is_ok()
        }
        None => false,
    };
    if !whole {
        let found = finding(walk, "the footer is damaged").at(end.offset.0);
        checked.findings.push(found);
    }
    if let Some(last) = last.filter(|last| Some(last.offset) == end.last_frame) {
        let bytes = window.bytes(&source, last.offset, len, len, limit)?;
        let link = bytes
            .and_then(|bytes| bytes.first_chunk())
            .map(header_crc_of);
        if link != Some(end.link) {
            let what = "the trailer's link is not that of the last frame";
            checked.findings.push(finding(walk, what).at(last.offset.0));
        }
    }
    Ok(())
}

/// The index in the footer must be the one that the frames give.
fn check_index(
    walk: &mut SegmentWalk<'_>,
    expected: &SparseIndex,
    checked: &mut Checked,
) -> io::Result<()> {
    walk.load_index()?;
    let index = walk.file.index.read();
    if index.gap().is_some() || index.points() != expected.points() {
        let what = "the index in the footer is not that of the frames";
        let found = finding(walk, what);
        drop(index);
        checked.findings.push(found);
    }
    Ok(())
}

fn finding(walk: &SegmentWalk<'_>, what: impl Into<String>) -> VerifyFinding {
    let segment = walk.segment();
    VerifyFinding::new(Severity::Damage, segment.path(), what).of(&segment.header.key)
}

/// Damage to nothing but entries that a truncation hid: the stream has lost nothing.
fn of_truncated_ids(mut finding: VerifyFinding) -> VerifyFinding {
    finding.severity = Severity::Note;
    finding.what = format!("truncated entries only: {}", finding.what);
    finding
}

fn payload_text(fault: &PayloadFault) -> String {
    match fault {
        PayloadFault::Crc { expected, actual } => {
            format!("payload damaged: checksum {actual:#010x}, stored {expected:#010x}")
        }
        PayloadFault::Entry {
            expected, actual, ..
        } => format!("entry damaged: checksum {actual:#010x}, stored {expected:#010x}"),
        PayloadFault::Table => "the entry table is damaged".to_owned(),
        PayloadFault::Decompress => "a compressed payload cannot be unpacked".to_owned(),
        #[cfg(feature = "compression")]
        PayloadFault::NoMemory { bytes } => memory::out_of_memory(*bytes).to_string(),
        #[cfg(not(feature = "compression"))]
        PayloadFault::NoCodec => "compressed, and this build lacks compression".to_owned(),
    }
}
