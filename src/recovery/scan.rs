//! How far are the frames of a file good, and does anything good follow?

use std::io;

use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::SegmentSeed;
use crate::ids::FileOffset;
use crate::recovery::facts::Scan;
use crate::recovery::facts::ScanStop;
use crate::segment::Chained;
use crate::segment::LocatedFrame;
use crate::segment::ReadBuffer;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::chained_frame;
use crate::segment::check_frame;

/// How much of each frame a scan checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDepth {
    /// Headers and payloads: for frames that may be torn.
    Payloads,
    /// Headers only: to find positions in what was durable.
    Headers,
}

/// Where good frames end, and what the walk to that end has met.
#[derive(Clone, Debug)]
pub struct GoodFrames {
    /// Their end.
    pub end: SegmentEnd,
    /// A footer stands there.
    pub is_footer: bool,
    /// The last of them that holds properties.
    pub properties: Option<LocatedFrame>,
}

/// Walks the frames from `from` on, at most to `limit`, and adds them to the segment's index. Also
/// returns the last frame that holds properties.
pub fn scan(
    segment: &Segment,
    source: &SegmentBytes,
    from: &SegmentEnd,
    limit: FileOffset,
    read_ahead: usize,
    depth: CheckDepth,
) -> io::Result<(Scan, Option<LocatedFrame>)> {
    let GoodFrames {
        end,
        is_footer,
        properties,
    } = good_frames(segment, source, from, limit, read_ahead, depth)?;
    let stop = match is_footer {
        true => ScanStop::Footer,
        false => classify_rest(segment.seed, source, end.offset, limit, read_ahead)?,
    };
    let scan = Scan {
        from: (from.offset, from.next_id),
        end,
        stop,
    };
    Ok((scan, properties))
}

/// Where the good frames from `from` on end. Bytes behind that are not read.
pub fn good_frames(
    segment: &Segment,
    source: &SegmentBytes,
    from: &SegmentEnd,
    limit: FileOffset,
    read_ahead: usize,
    depth: CheckDepth,
) -> io::Result<GoodFrames> {
    let mut window = ReadBuffer::new();
    let mut good = GoodFrames {
        end: *from,
        is_footer: false,
        properties: None,
    };
    loop {
        let end = good.end;
        let next = chained_frame(segment, source, &mut window, &end, read_ahead, limit)?;
        let (frame, new_end) = match next {
            Chained::Frame(frame, new_end) => (frame, new_end),
            Chained::Footer => {
                good.is_footer = true;
                return Ok(good);
            }
            Chained::Broken => return Ok(good),
        };
        if depth == CheckDepth::Payloads {
            // A frame that fits is read into the window whole, with what follows it.
            let len = frame.header.len() as usize;
            if len <= read_ahead {
                let whole = window.bytes(source, frame.offset, len, read_ahead, limit)?;
                if whole.is_none() {
                    return Ok(good);
                }
            }
            if check_frame(segment, source, &mut window, &frame, read_ahead)?.is_err() {
                return Ok(good);
            }
        }
        if frame.header.may_be_point() {
            segment
                .index()
                .write()
                .note(end.last_frame, frame.offset, frame.header.first_id);
        }
        if frame.header.has_properties() {
            good.properties = Some(frame);
        }
        good.end = new_end;
    }
}

/// Classifies the bytes behind the last good frame. A frame that seems to follow decides only
/// whether the bytes are quarantined before the trim; no entry is ever read from here.
fn classify_rest(
    seed: SegmentSeed,
    source: &SegmentBytes,
    from: FileOffset,
    limit: FileOffset,
    read_ahead: usize,
) -> io::Result<ScanStop> {
    let chunk_len = read_ahead.max(64 << 10);
    let mut window = ReadBuffer::new();
    let mut at = from;
    let mut clean = true;
    while at < limit {
        let len = usize::try_from(limit - at)
            .unwrap_or(usize::MAX)
            .min(chunk_len);
        let Some(bytes) = window.bytes(source, at, len, len, limit)? else {
            break;
        };
        clean &= bytes.iter().all(|&byte| byte == 0);
        if !clean && looks_like_frame(seed, at, bytes) {
            return Ok(ScanStop::BadFrame {
                later_frame_seen: true,
            });
        }
        if len < FRAME_HEADER_LEN || at + len as u64 == limit {
            break;
        }
        // Headers that straddle two chunks are seen with the second.
        at += (len - FRAME_HEADER_LEN + 1) as u64;
    }
    Ok(if clean {
        ScanStop::EndOfData
    } else {
        ScanStop::BadFrame {
            later_frame_seen: false,
        }
    })
}

fn looks_like_frame(seed: SegmentSeed, at: FileOffset, bytes: &[u8]) -> bool {
    let mut places = bytes.windows(FRAME_HEADER_LEN).enumerate();
    places.any(|(i, header)| {
        // Kind and codec are small numbers and the last two bytes are zero: most places fail here
        // and need no checksum.
        let plausible = header[FRAME_HEADER_LEN - 4] != 0
            && header[FRAME_HEADER_LEN - 4] < 16
            && header[FRAME_HEADER_LEN - 2..] == [0, 0];
        plausible && FrameHeader::decode(header, seed, at + i as u64).is_ok()
    })
}
