//! Are the frames of a packet whole, and do they follow each other?
//!
//! Pure: no disk, no stream. What comes out has good checksums for its place in the segment that the
//! packet names; whether the stream stands there, the tail says.

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::error::memory;
use crate::format::Codec;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::Packet;
use crate::format::PacketFault;
use crate::format::PayloadFault;
use crate::format::Properties;
use crate::format::SegmentSeed;
use crate::format::check_payload;
use crate::format::decompress;
use crate::format::entry_check;
use crate::format::entry_range;
use crate::format::header_crc_of;
use crate::format::properties_index;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::stream::writer::verbatim::CheckedFrame;

/// A packet whose frames are good.
pub(in crate::stream) struct CheckedPacket<'a> {
    pub(super) packet: Packet<'a>,
    pub(super) frames: Vec<CheckedFrame>,
    /// The id of the first entry, or of the entry behind a packet without frames; `None`: only the
    /// segment's own place says.
    first_id: Option<EntryId>,
}

impl<'a> CheckedPacket<'a> {
    /// Reads and checks a packet for the stream of this key.
    pub(super) fn of(bytes: &'a [u8], key: &str) -> Result<Self> {
        let packet = Packet::decode(bytes).map_err(|fault| packet_error(&fault, key))?;
        if *packet.header.key != *key {
            let theirs = &packet.header.key;
            let what = format!("a packet of the stream {theirs:?} was applied to {key:?}");
            return Err(Error::Config(what));
        }
        let mut checked = CheckedPacket {
            frames: Vec::new(),
            first_id: None,
            packet,
        };
        checked.check_frames()?;
        if let (Some(kept), Some(end_id)) = (&checked.packet.kept, checked.end_id()) {
            if kept.first_kept_id > end_id {
                let what = format!(
                    "a packet of frames is not good: it ends at id {end_id}, and says that ids below {} \
                     were truncated",
                    kept.first_kept_id
                );
                return Err(Error::corruption(what, ErrorContext::default().stream(key)));
            }
        }
        Ok(checked)
    }

    fn check_frames(&mut self) -> Result<()> {
        let (seed, header) = (self.packet.header.seed(), &self.packet.header);
        let (mut at, mut rest) = (self.packet.offset, self.packet.frames);
        let is_start = self.packet.is_start();
        // Nothing but the first frame of a packet in the middle of a segment is free to say its id and
        // the length of the frame before it: these are compared with the end of the stream.
        let mut expected = is_start.then_some((header.first_id, 0));
        self.first_id = is_start.then_some(header.first_id);
        let damaged = |at: FileOffset, what: String| {
            let context = ErrorContext::default().stream(&header.key).offset(at.0);
            Error::corruption(
                format!("a frame of the packet is not good: {what}"),
                context,
            )
        };
        while !rest.is_empty() {
            let frame = FrameHeader::decode(rest, seed, at);
            let frame = frame.map_err(|fault| damaged(at, fault.to_string()))?;
            let found = (frame.first_id, frame.previous_len);
            if frame.kind == FrameKind::Footer || expected.is_some_and(|expected| expected != found)
            {
                return Err(damaged(
                    at,
                    "it does not follow the one before it".to_owned(),
                ));
            }
            self.first_id.get_or_insert(frame.first_id);
            let len = usize::try_from(frame.len()).unwrap_or(usize::MAX);
            if len > rest.len() {
                return Err(damaged(at, "it is cut short".to_owned()));
            }
            let (bytes, behind) = rest.split_at(len);
            let payload = &bytes[FRAME_HEADER_LEN..];
            check_payload(&frame, seed, payload)
                .map_err(|fault| payload_error(&fault, at, &damaged))?;
            let properties = frame
                .has_properties()
                .then(|| properties_in(&frame, seed, payload))
                .transpose()
                .map_err(|fault| payload_error(&fault, at, &damaged))?;
            let checked = CheckedFrame {
                header: frame,
                link: bytes.first_chunk().map_or(0, header_crc_of),
                properties,
            };
            if self.frames.len() == self.frames.capacity() {
                // Twice as many each time: a packet may hold thousands.
                let more = self.frames.len().max(16);
                memory::reserve(&mut self.frames, more)?;
            }
            self.frames.push(checked);
            expected = Some((frame.end_id(), frame.len() as u32));
            at += frame.len();
            rest = behind;
        }
        Ok(())
    }

    /// The id of the first entry; `None`: the packet has no frame and is in the middle of a segment.
    pub(super) fn first_id(&self) -> Option<EntryId> {
        self.first_id
    }

    /// The id behind the packet; `None`: as of [`CheckedPacket::first_id`].
    fn end_id(&self) -> Option<EntryId> {
        let last = self.frames.last().map(|frame| frame.header.end_id());
        last.or(self.first_id)
    }

    /// The length of the frame before the first one, as that one says it.
    pub(super) fn previous_len(&self) -> Option<u32> {
        self.frames.first().map(|frame| frame.header.previous_len)
    }
}

/// The properties in the checked payload of a frame that has them.
fn properties_in(
    frame: &FrameHeader,
    seed: SegmentSeed,
    payload: &[u8],
) -> std::result::Result<Properties, PayloadFault> {
    let unpacked;
    let payload = match frame.codec {
        Codec::None => payload,
        Codec::Lz4 => {
            unpacked = decompress(frame, payload)?;
            &unpacked
        }
    };
    let index = properties_index(frame).ok_or(PayloadFault::Table)?;
    let row = entry_range(frame, payload, index).ok_or(PayloadFault::Table)?;
    let map = payload.get(row.range).ok_or(PayloadFault::Table)?;
    let actual = entry_check(frame, seed, index, map);
    if actual != row.check {
        let expected = row.check;
        return Err(PayloadFault::Crc { expected, actual });
    }
    Properties::decode(map).ok_or(PayloadFault::Table)
}

fn payload_error(
    fault: &PayloadFault,
    at: FileOffset,
    damaged: &dyn Fn(FileOffset, String) -> Error,
) -> Error {
    match fault {
        #[cfg(feature = "compression")]
        PayloadFault::NoMemory { bytes } => Error::Io(memory::out_of_memory(*bytes)),
        #[cfg(not(feature = "compression"))]
        PayloadFault::NoCodec => Error::Config(
            "the properties in a packet are compressed, and this build lacks the feature \
             `compression`"
                .to_owned(),
        ),
        _ => damaged(at, "its payload does not match its checksum".to_owned()),
    }
}

fn packet_error(fault: &PacketFault, key: &str) -> Error {
    match fault {
        PacketFault::Newer(version) => Error::UnsupportedVersion(format!(
            "a packet of frames for {key:?} has version {version}, newer than this library reads"
        )),
        _ => {
            let context = ErrorContext::default().stream(key);
            Error::corruption(format!("a packet of frames is not good: {fault}"), context)
        }
    }
}
