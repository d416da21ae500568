//! How truncated segments get into the archive, and back, without overwriting another file.
//!
//! A segment gets its name in the archive in three steps; after a crash the segment is also in the
//! stream:
//!
//! 1. where another file has the name, that file gets a second one, `{name}#kept-1`, which is made
//!    durable: nothing is lost, whatever becomes of the name;
//! 2. the segment is linked or copied to `{name}#new`: a crash leaves a temporary file;
//! 3. that is renamed: the name stands for the other file, or for the segment.
//!
//! Restoring goes the other way, with a crash after each step leaving the segment in both places:
//!
//! 1. names back in the stream, made durable: below the first id kept, open removes them;
//! 2. a slot with the old first id and the next epoch: **the commit point**;
//! 3. the names in the archive are removed.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::KEPT_SUFFIX;
use crate::format::NEW_SUFFIX;
use crate::format::Predecessor;
use crate::format::Replaces;
use crate::format::SECTOR_LEN;
use crate::format::SegmentHeader;
use crate::format::TRAILER_LEN;
use crate::format::decode_trailer;
use crate::format::header_crc_of;
use crate::format::parse_segment_file_name;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::read_exact_at;
use crate::storage::remove_file_if_there;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::segment_list::SegmentList;
use crate::stream::segment_list::StreamSegment;
use crate::stream::writer::rotate::AllocState;

/// So much of two files is compared at once.
const COMPARED_AT_ONCE: usize = 128 << 10;

impl StreamInner {
    pub(in crate::stream) fn archive_dir(&self) -> Option<PathBuf> {
        let archive = self.context.options.archive_path.as_ref()?;
        Some(archive.join(self.dir.file_name()?))
    }

    pub(in crate::stream) fn link_into_archive(
        &self,
        archive: &Path,
        out: &[Arc<StreamSegment>],
    ) -> Result<()> {
        let storage = &*self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(archive).stream(&self.key));
        if let Some(root) = archive.parent() {
            self.context.take_archive(root, archive)?;
        }
        for part in out {
            let target = archive.join(segment_file_name(part.segment.first_id()));
            archive_segment(&self.context, &part.segment.path(), &target).map_err(io)?;
        }
        storage.sync_dir(archive).map_err(io)
    }

    /// Brings back what truncation moved to the archive, as far as it joins on to the first segment.
    /// Durable on return. Returns how many segments.
    pub fn restore_archived(&self) -> Result<usize> {
        let Some(archive) = self.archive_dir() else {
            return Ok(0);
        };
        self.with_exclusive_sync(|alloc, newest| self.restore_locked(alloc, newest, &archive))
    }

    fn restore_locked(
        &self,
        alloc: &mut AllocState,
        newest: &Arc<StreamSegment>,
        archive: &Path,
    ) -> Result<usize> {
        let storage = &*self.context.storage;
        let io = |error| Error::io(error, ErrorContext::at(archive).stream(&self.key));
        if storage.kind(archive).map_err(io)? != Some(EntryKind::Directory) {
            return Ok(0);
        }
        if let Some(root) = archive.parent() {
            self.context.check_archive(root, archive)?;
        }
        let segments = self.segments();
        let listing = match storage.list_dir(archive) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            listed => listed.map_err(io)?,
        };
        let mut archived: Vec<EntryId> = listing
            .iter()
            .filter(|entry| entry.kind == EntryKind::File)
            .filter_map(|entry| parse_segment_file_name(&entry.name))
            .collect();
        archived.sort_unstable();
        let Some(mut successor) = segments.parts.first().cloned() else {
            return Ok(0);
        };
        let first_id = successor.segment.first_id();
        let mut back = Vec::new();
        for first_id in archived.into_iter().rev().filter(|id| *id < first_id) {
            let found = self.archived_part(archive, first_id, &successor.segment.header)?;
            // A damaged header counts as its neighbours say, so this is known where any is.
            let incarnation = successor.segment.header.incarnation;
            let Some(segment) = found.filter(|s| s.header.incarnation == incarnation) else {
                // Perhaps of a deleted stream that had this name, or cut.
                continue;
            };
            let part = StreamSegment::new(segment, true);
            successor = Arc::clone(&part);
            back.push(part);
        }
        let first_kept = successor.segment.first_id();
        if back.is_empty() {
            return Ok(0);
        }
        back.reverse();
        let mut back_again = Vec::new();
        if let Err(error) = self.link_back(alloc, archive, &back, &mut back_again) {
            // Below the first id kept, they are no part of the stream.
            let _ = self.remove_files(alloc, back_again);
            return Err(error);
        }
        let parts = back.iter().chain(segments.parts.iter());
        let next = SegmentList {
            first_kept,
            truncation_epoch: segments.truncation_epoch + 1,
            parts: parts.cloned().collect(),
        };
        self.commit_truncation(newest, next)?;
        let name_of = |part: &Arc<StreamSegment>| segment_file_name(part.segment.first_id());
        let archived = back.iter().map(|part| archive.join(name_of(part)));
        self.remove_files(alloc, archived)?;
        Ok(back.len())
    }

    /// Gives segments in the archive their names in the stream's directory, durably. `back_again`: the
    /// names given so far.
    fn link_back(
        &self,
        alloc: &mut AllocState,
        archive: &Path,
        back: &[Arc<StreamSegment>],
        back_again: &mut Vec<PathBuf>,
    ) -> Result<()> {
        for part in back {
            let target = part.segment.path();
            let io = |error| Error::io(error, part.segment.context());
            let name = segment_file_name(part.segment.first_id());
            alloc.reuse(&target);
            let linked = restore_segment(&self.context, &archive.join(name), &target);
            linked.map_err(io)?;
            back_again.push(target);
        }
        self.sync_stream_dir()
    }

    fn sync_stream_dir(&self) -> Result<()> {
        let synced = self.context.storage.sync_dir(&self.dir);
        synced.map_err(|error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key)))
    }

    /// A segment in the archive, if it is whole, this stream's, and the one that `next` follows.
    fn archived_part(
        &self,
        archive: &Path,
        first_id: EntryId,
        next: &SegmentHeader,
    ) -> Result<Option<Segment>> {
        let Some(stated) = next
            .predecessor
            .filter(|stated| stated.end_id == next.first_id)
        else {
            // A reset, or a recorded loss, has nothing before it.
            return Ok(None);
        };
        let path = archive.join(segment_file_name(first_id));
        let io = |error| Error::io(error, ErrorContext::at(&path).stream(&self.key));
        let file = match self.context.storage.open_file(&path, Access::Read) {
            // Listed just now: taken away since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(io)?,
        };
        let len = file.len().map_err(io)?;
        if len < (SECTOR_LEN * 3 + FRAME_HEADER_LEN) as u64 {
            return Ok(None);
        }
        let mut sector = [0; SECTOR_LEN];
        read_exact_at(&*file, 0, &mut sector).map_err(io)?;
        let Ok(header) = SegmentHeader::decode(&sector) else {
            return Ok(None);
        };
        if *header.key != *self.key || header.first_id != first_id {
            return Ok(None);
        }
        let sealed = sealed_end(&*file, &header, len).map_err(io)?;
        let is_it = |end: &SegmentEnd| end.next_id == stated.end_id && end.link == stated.link;
        let (end, index) = match (sealed.filter(is_it), next.replaces) {
            (Some(end), _) => (end, SparseIndex::in_footer()),
            // A cut needs no footer before it.
            (None, Replaces::Suffix { clip_frame }) => {
                match end_at_clip(&*file, &header, clip_frame, stated).map_err(io)? {
                    Some(end) => (end, SparseIndex::unread(end.offset)),
                    None => return Ok(None),
                }
            }
            (None, _) => return Ok(None),
        };
        let dir = Arc::clone(&self.dir);
        let is_sealed = index.is_in_footer();
        Ok(Some(Segment::new(header, dir, &end, is_sealed, index)))
    }
}

/// Where the frames of a sealed segment end, as its trailer says.
fn sealed_end(
    file: &dyn StorageFile,
    header: &SegmentHeader,
    len: u64,
) -> io::Result<Option<SegmentEnd>> {
    let mut trailer = [0; TRAILER_LEN];
    read_exact_at(file, len - TRAILER_LEN as u64, &mut trailer)?;
    let trailer = decode_trailer(&trailer, header.seed(), len);
    Ok(trailer.map(|trailer| SegmentEnd {
        offset: trailer.footer_offset,
        next_id: trailer.end_id,
        last_frame: Some(trailer.last_frame),
        last_frame_len: 0,
        link: trailer.link,
    }))
}

/// Where a segment ends of which a suffix was cut, if the frame before the cut is in it.
fn end_at_clip(
    file: &dyn StorageFile,
    header: &SegmentHeader,
    clip_frame: FileOffset,
    stated: Predecessor,
) -> io::Result<Option<SegmentEnd>> {
    let mut bytes = [0; FRAME_HEADER_LEN];
    let read = file.read_at(clip_frame.0, &mut bytes)?;
    let Ok(frame) = FrameHeader::decode(&bytes[..read], header.seed(), clip_frame) else {
        return Ok(None);
    };
    let is_it = frame.is_clip(stated.end_id) && header_crc_of(&bytes) == stated.link;
    Ok(is_it.then(|| SegmentEnd {
        offset: clip_frame + frame.len(),
        next_id: stated.end_id,
        last_frame: Some(clip_frame),
        last_frame_len: frame.len() as u32,
        link: stated.link,
    }))
}

/// Gives the segment at `from` the name `to`, in the archive. What had the name is kept under
/// another one; a warning is logged. Not durable before the directory of `to` is synced.
fn archive_segment(context: &LogContext, from: &Path, to: &Path) -> io::Result<()> {
    if make_way(context, from, to)? {
        return Ok(());
    }
    let storage = &*context.storage;
    let unfinished = with_suffix(to, NEW_SUFFIX);
    remove_file_if_there(storage, &unfinished)?;
    storage.link_or_copy(from, &unfinished)?;
    storage.rename(&unfinished, to)
}

/// Gives the segment at `from` the name `to` again, in the stream.
fn restore_segment(context: &LogContext, from: &Path, to: &Path) -> io::Result<()> {
    if make_way(context, from, to)? {
        return Ok(());
    }
    let storage = &*context.storage;
    remove_file_if_there(storage, to)?;
    storage.link_or_copy(from, to)
}

/// Keeps what stands at `to` under another name, durably, unless it is the same segment as `from`:
/// true.
fn make_way(context: &LogContext, from: &Path, to: &Path) -> io::Result<bool> {
    let storage = &*context.storage;
    if storage.kind(to)?.is_none() {
        return Ok(false);
    }
    match is_same(storage, from, to) {
        Ok(true) => return Ok(true),
        Ok(false) => {}
        // Gone since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    for number in 1u64.. {
        let kept = with_suffix(to, &format!("{KEPT_SUFFIX}-{number}"));
        match storage.link_or_copy(to, &kept) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_same(storage, to, &kept)? {
                    break;
                }
            }
            linked => {
                linked?;
                let message = format!(
                    "{} holds another segment than the one that gets its name; it is kept as {}",
                    to.display(),
                    kept.display()
                );
                context.note(log::Level::Warn, message);
                break;
            }
        }
    }
    if let Some(dir) = to.parent() {
        storage.sync_dir(dir)?;
    }
    Ok(false)
}

/// Whether two files hold the same bytes.
fn is_same(storage: &dyn Storage, one: &Path, other: &Path) -> io::Result<bool> {
    let one = storage.open_file(one, Access::Read)?;
    let other = storage.open_file(other, Access::Read)?;
    let len = one.len()?;
    if other.len()? != len {
        return Ok(false);
    }
    let mut buffers = [vec![0; COMPARED_AT_ONCE], vec![0; COMPARED_AT_ONCE]];
    let mut at = 0;
    while at < len {
        let wanted = COMPARED_AT_ONCE.min((len - at) as usize);
        let [left, right] = &mut buffers;
        read_exact_at(&*one, at, &mut left[..wanted])?;
        read_exact_at(&*other, at, &mut right[..wanted])?;
        if left[..wanted] != right[..wanted] {
            return Ok(false);
        }
        at += wanted as u64;
    }
    Ok(true)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}
