//! How does a segment file come into being? Under a temporary name first, with blocks and a
//! header, and then in one step under its own.
//!
//! 1. `next#new` is created and allocated: a crash leaves a temporary file, removed at open.
//! 2. Its header sector is written: likewise.
//! 3. It is renamed to its first id: from here on recovery finds it. Neither content nor name is
//!    durable yet. A segment file whose header reads as zeros is an unfinished creation. A round
//!    syncs the file and its directory before it acknowledges entries in it as durable.
//!
//! The segment of a cut is made whole and synced before step 3 ([`create_whole`], [`name_whole`]), so
//! that its name alone decides whether the stream was cut.

use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::format::FrontierSlot;
use crate::format::HEADER_AREA_LEN;
use crate::format::NEXT_SEGMENT_FILE;
use crate::format::SECTOR_LEN;
use crate::format::SegmentHeader;
use crate::format::segment_file_name;
use crate::segment::slots::store_slot;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;

/// The size of one write of zeros.
const ZEROS_AT_ONCE: usize = 128 << 10;

/// Creates the segment file that `header` describes, with space for `frame_bytes` bytes of frames.
/// With `spare` it uses up the file from [`create_next_file`], also where this fails.
pub fn create_segment(
    storage: &dyn Storage,
    dir: &Path,
    header: &SegmentHeader,
    spare: bool,
    frame_bytes: u64,
) -> io::Result<Arc<dyn StorageFile>> {
    let temporary = dir.join(NEXT_SEGMENT_FILE);
    let made = (|| {
        let file = match spare {
            true => storage.open_file(&temporary, Access::ReadWrite)?,
            false => create_anew(storage, &temporary)?,
        };
        if file.len()? < HEADER_AREA_LEN + frame_bytes {
            file.allocate(0, HEADER_AREA_LEN + frame_bytes)?;
        }
        file.write_at(0, &[IoSlice::new(&header.encode())])?;
        let path = dir.join(segment_file_name(header.first_id));
        if is_taken(storage, &path, header)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        storage.rename(&temporary, &path).inspect_err(|_| {
            // The rename may have happened all the same. No valid file stood there, and the next
            // attempt may write another header.
            let _ = storage.remove_file(&path);
        })?;
        Ok(file)
    })();
    if made.is_err() {
        // The first error is returned; the next attempt removes a file that is left behind.
        let _ = storage.remove_file(&temporary);
    }
    made
}

/// Whether the path holds a file that is not the remains of an earlier attempt to create this
/// segment. Recovery has removed all that it may: such a file is another stream's (on a disk that
/// ignores case) or unrecognised, and never overwritten.
fn is_taken(storage: &dyn Storage, path: &Path, header: &SegmentHeader) -> io::Result<bool> {
    match storage.kind(path)? {
        None => return Ok(false),
        Some(EntryKind::Link) => return Ok(true),
        Some(_) => {}
    }
    let mut sector = [0; SECTOR_LEN];
    let read = storage
        .open_file(path, Access::Read)?
        .read_at(0, &mut sector)?;
    let sector = &sector[..read];
    Ok(*sector != header.encode() && !is_void_beside(sector, header))
}

/// Whether a file begins with the header of a segment that this one makes void: a cut took it out
/// of the stream, and it could not be removed.
fn is_void_beside(sector: &[u8], header: &SegmentHeader) -> bool {
    SegmentHeader::decode(sector).is_ok_and(|found| {
        found.key == header.key
            && found.first_id == header.first_id
            && found.incarnation == header.incarnation
            && found.generation < header.generation
    })
}

/// Creates a segment file under the temporary name that is whole from its first moment: header,
/// frame and slot, and blocks up to `len`. It is synced. On failure it is removed.
pub fn create_whole(
    storage: &dyn Storage,
    dir: &Path,
    header: &SegmentHeader,
    frame: &[IoSlice<'_>],
    slot: &FrontierSlot,
    len: u64,
) -> io::Result<Arc<dyn StorageFile>> {
    let temporary = dir.join(NEXT_SEGMENT_FILE);
    let made = (|| {
        let file = create_anew(storage, &temporary)?;
        file.allocate(0, len)?;
        file.write_at(0, &[IoSlice::new(&header.encode())])?;
        if !frame.is_empty() {
            file.write_at(HEADER_AREA_LEN, frame)?;
        }
        store_slot(&*file, header.seed(), 0, slot)?;
        file.sync_all()?;
        Ok(file)
    })();
    if made.is_err() {
        // The first error is returned; the next attempt removes a file that is left behind.
        let _ = storage.remove_file(&temporary);
    }
    made
}

/// What came of giving a whole segment its name.
#[derive(Debug)]
pub enum Naming {
    /// It has its name.
    Done,
    /// It has not, and whatever had the name still has it.
    Refused(io::Error),
    /// It is not known which.
    Unknown(io::Error),
}

/// Gives the file from [`create_whole`] its name. A file of this stream that has the name is
/// replaced in one step; `is_ours`: the caller knows that it is one. The name is not durable yet.
///
/// After a failure the header that stands under the name says what happened. The name is never
/// removed: it may be the old segment's.
pub fn name_whole(
    storage: &dyn Storage,
    dir: &Path,
    header: &SegmentHeader,
    is_ours: bool,
) -> Naming {
    let temporary = dir.join(NEXT_SEGMENT_FILE);
    let path = dir.join(segment_file_name(header.first_id));
    let refused = |error| {
        // The next attempt removes a file that is left behind, and so does open.
        let _ = storage.remove_file(&temporary);
        Naming::Refused(error)
    };
    match is_taken(storage, &path, header) {
        Ok(true) if !is_ours => return refused(io::ErrorKind::AlreadyExists.into()),
        Ok(_) => {}
        Err(error) => return refused(error),
    }
    let Err(error) = storage.rename(&temporary, &path) else {
        return Naming::Done;
    };
    let mut sector = [0; SECTOR_LEN];
    let found = match storage.open_file(&path, Access::Read) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return refused(error),
        Err(unreadable) => Err(unreadable),
        Ok(file) => file.read_at(0, &mut sector),
    };
    match found {
        Ok(read) if sector[..read] == header.encode() => Naming::Done,
        Ok(read) if SegmentHeader::decode(&sector[..read]).is_ok() => refused(error),
        _ => Naming::Unknown(error),
    }
}

/// Creates the file of the next segment, empty, under the temporary name.
pub fn create_next_file(storage: &dyn Storage, dir: &Path) -> io::Result<Arc<dyn StorageFile>> {
    create_anew(storage, &dir.join(NEXT_SEGMENT_FILE))
}

/// Fills a file from [`create_next_file`] with zeros up to this length, and syncs it; `in_pieces` where
/// appends wait for syncs of their own meanwhile. `Interrupted`: it is no longer wanted.
pub fn fill_next_file(
    file: &dyn StorageFile,
    len: u64,
    in_pieces: bool,
    is_wanted: impl Fn() -> bool,
) -> io::Result<()> {
    file.allocate(0, len)?;
    if in_pieces {
        for piece in pieces(0..len) {
            if !is_wanted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            file.write_zeros(piece.start, piece.end - piece.start)?;
            file.sync_data()?;
        }
    } else {
        file.write_zeros(0, len)?;
    }
    file.sync_all()
}

/// The pieces in which zeros go to the disk, each synced: the sync of an append waits for one of
/// them at most, not for all.
pub fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let (start, end) = (range.start, range.end);
    let starts = (start..end).step_by(ZEROS_AT_ONCE);
    starts.map(move |at| at..end.min(at + ZEROS_AT_ONCE as u64))
}

fn create_anew(storage: &dyn Storage, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
    match storage.create_file(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            storage.remove_file(path)?;
            storage.create_file(path)
        }
        created => created,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_come_in_pieces_that_leave_nothing_out() {
        let piece = ZEROS_AT_ONCE as u64;
        assert_eq!(pieces(7..7).count(), 0);
        assert!(pieces(7..8).eq(std::iter::once(7..8)));
        let all: Vec<_> = pieces(1536..1536 + 2 * piece + 1).collect();
        let starts = [1536, 1536 + piece, 1536 + 2 * piece];
        assert!(all.iter().map(|piece| piece.start).eq(starts));
        assert!(all.windows(2).all(|two| two[0].end == two[1].start));
        assert_eq!(all[2].end, 1536 + 2 * piece + 1);
    }

    #[cfg(feature = "simulation")]
    #[test]
    fn a_spare_is_synced_piece_by_piece_and_given_up_when_it_is_not_wanted() {
        use crate::storage::simulated::OpKind;
        use crate::storage::simulated::SimulatedDisk;
        use std::cell::Cell;

        let len = 4 * ZEROS_AT_ONCE as u64;
        for (in_pieces, asked_most, syncs) in [(true, 9, 4), (true, 2, 2), (false, 0, 0)] {
            let disk = SimulatedDisk::new();
            let file = disk.create_file(Path::new("/spare")).expect("creates");
            let asked = Cell::new(0);
            let is_wanted = || {
                asked.set(asked.get() + 1);
                asked.get() <= asked_most
            };
            let filled = fill_next_file(&*file, len, in_pieces, is_wanted);
            let is_given_up = in_pieces && asked_most < 4;
            assert_eq!(filled.is_err(), is_given_up, "{in_pieces} {asked_most}");
            assert_eq!(
                disk.count(OpKind::SyncData),
                syncs,
                "{in_pieces} {asked_most}"
            );
        }
    }
}
