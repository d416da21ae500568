//! How a segment file comes into being: under a temporary name, with room and a header, and then
//! at once under its own.
//!
//! 1. `next#new` is created and given room: a crash here leaves a temporary file, removed at open.
//! 2. its header sector is written: likewise.
//! 3. it is renamed to its first id: from here on recovery finds it. Neither content nor name is
//!    durable yet; a file under a segment's name whose header reads as zeros is a creation cut
//!    short. Whoever acknowledges entries in it as durable syncs the file and its directory first.

use std::io;
use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::format::HEADER_AREA_LEN;
use crate::format::SECTOR_LEN;
use crate::format::SegmentHeader;
use crate::format::segment_file_name;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;

/// How many zeros go to the disk at once.
const ZEROS_AT_ONCE: usize = 128 << 10;

/// The name under which the next segment of a stream is prepared.
pub const TEMPORARY_NAME: &str = "next#new";

/// Makes the segment file that `header` describes, with room for `room` bytes of frames. With
/// `spare` there is a file from [`create_next_file`]; it is used up, also where this fails.
pub fn create_segment(
    storage: &dyn Storage,
    dir: &Path,
    header: &SegmentHeader,
    spare: bool,
    room: u64,
) -> io::Result<Arc<dyn StorageFile>> {
    let temporary = dir.join(TEMPORARY_NAME);
    let made = (|| {
        let file = match spare {
            true => storage.open_file(&temporary, Access::ReadWrite)?,
            false => create_anew(storage, &temporary)?,
        };
        if file.len()? < HEADER_AREA_LEN + room {
            file.allocate(0, HEADER_AREA_LEN + room)?;
        }
        file.write_at(0, &[IoSlice::new(&header.encode())])?;
        let path = dir.join(segment_file_name(header.first_id));
        if is_taken(storage, &path, header)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        storage.rename(&temporary, &path).inspect_err(|_| {
            // It may have happened all the same. Nothing that counts stood there, and the next
            // try may want another header.
            let _ = storage.remove_file(&path);
        })?;
        Ok(file)
    })();
    if made.is_err() {
        // The first error is the one to tell; a file left behind is removed at the next try.
        let _ = storage.remove_file(&temporary);
    }
    made
}

/// Whether a file stands there that is not what an earlier try to make this segment left. Recovery
/// has removed what may go: it is another stream's (on a disk that ignores case) or a stranger's,
/// and never overwritten.
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
    Ok(sector[..read] != header.encode())
}

/// Creates the file of a segment to come, empty, under the temporary name.
pub fn create_next_file(storage: &dyn Storage, dir: &Path) -> io::Result<Arc<dyn StorageFile>> {
    create_anew(storage, &dir.join(TEMPORARY_NAME))
}

/// Fills a file from [`create_next_file`] with zeros up to this length, and syncs it; `in_pieces` where
/// appends wait for syncs of their own meanwhile. `Interrupted`: it is not wanted any more.
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

/// The pieces in which zeros go to the disk, each synced: an append that is synced meanwhile waits
/// for one of them at most, not for all.
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
    fn a_spare_is_synced_piece_by_piece_and_given_up_when_nobody_wants_it() {
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
