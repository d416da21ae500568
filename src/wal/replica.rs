//! Which calls keep a stream of another log equal to this one?

use std::ops::Range;

use crate::error::Result;
use crate::format::FramePosition;
use crate::wal::Stream;

impl Stream {
    /// Where the stream stands, frame by frame, to be sent to the primary that it is a replica of. The
    /// position of a stream that does not exist is [`FramePosition::default`]. Counts everything
    /// written; after a power failure the position may be an earlier one.
    ///
    /// Errors: `Config` where damage has taken entries, so that the stream can be no replica any
    /// more; `Poisoned`; `ReadOnly`; `Closed`; `StreamNotFound`.
    pub fn frame_position(&self) -> Result<FramePosition> {
        self.reading(|core| core.frame_position())
    }

    /// A packet of the frames behind a replica's position, for [`Stream::apply_frames`] there. It holds
    /// at least one frame, and more while it has at most `max_bytes` bytes. Empty: there is no more for
    /// now. Only durable frames leave ([`Stream::export_written_frames`] exports all). Works in a log that is
    /// open read-only too.
    ///
    /// A replica gets what the stream consists of, as it is in the files: entries, batches, compression,
    /// properties, segments, cuts, resets, truncations. A truncation without a later entry travels too.
    ///
    /// Reads and checks every frame that it exports; may wait for a sync under way. Errors:
    /// `SegmentNotFound` if frames that the replica needs were truncated here, or lost:
    /// delete the replica and begin it again, with the first kept segment. `Config` if the replica is
    /// none of this stream: it has other frames, or the stream was deleted and begun again; also if it has a cut
    /// that this log lacks, which is an older copy then. `SequenceMismatch` if the replica has more than is durable
    /// here, with the next id of the replica and the durable end here. In a log that is open read-only it is empty
    /// instead where the frames are the same as those written here, because the writer may know that they are durable.
    /// Damage as reading it; `Corruption` also while the properties are lost.
    pub fn export_frames(&self, from: &FramePosition, max_bytes: usize) -> Result<Vec<u8>> {
        self.reading(|core| core.export_frames(from, max_bytes as u64, false))
    }

    /// As [`Stream::export_frames`], of all frames that are written, also those that no sync has covered. For
    /// a primary whose entries count as safe once replicas have them: a replica that keeps to this reports
    /// an entry to the primary only when it is durable there ([`Stream::durable_end`] of the replica), not when
    /// [`Stream::frame_position`] counts it.
    ///
    /// If the primary loses frames to a power failure, the replica keeps them. The primary then refuses it,
    /// with `SequenceMismatch` until it has written as much again, and with `Config` from then on unless the
    /// frames are the same: make that replica the primary, or delete it and begin it again. The first frame of
    /// a segment leaves once the segment before is sealed, which the sync does that covers it. After a
    /// failed sync only durable frames leave.
    ///
    /// Errors: those of [`Stream::export_frames`]; `SequenceMismatch` if the replica has more than is
    /// written here.
    pub fn export_written_frames(&self, from: &FramePosition, max_bytes: usize) -> Result<Vec<u8>> {
        self.reading(|core| core.export_frames(from, max_bytes as u64, true))
    }

    /// Writes the frames of a packet where they were in the primary, and returns the ids of their entries:
    /// none for frames without entries. Once both logs are closed the stream's segments are equal
    /// to the byte; the decision record on replicas lists the exceptions. A cut, a reset or a truncation of the
    /// primary happens here too, in one step with the frames behind it, and is durable on return.
    /// The frames are as durable as a batch: under `Strict` and `BatchOnly` on return.
    ///
    /// The stream must stand exactly where the packet begins. So nothing else may append to it, until
    /// it is to be a replica no longer. The packet, its frames, and that they follow the stream's last frame
    /// are checked before anything is changed. Sizes of segments come from the primary: this log's
    /// options do not matter, nor does its compression. A log without the feature `compression` takes
    /// compressed entries, too.
    ///
    /// Errors, after which nothing has changed: `SequenceMismatch` if the packet begins at another id
    /// than the next one, with both; `Config` for a packet of another stream, or where the stream has another
    /// history than the primary, though the ids agree, or a checkpoint of a sharded log counts on
    /// what is cut; `Corruption` for bytes that are no whole packet; `UnsupportedVersion`. Errors of an
    /// append and of a cut: some of the frames may be there; export again from the position that
    /// the stream then has.
    pub fn apply_frames(&self, packet: &[u8]) -> Result<Range<u64>> {
        self.appending(|core| core.apply_frames(packet))
    }
}
