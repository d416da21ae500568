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
use std::path::Path;
use std::sync::Arc;

use crate::format::HEADER_AREA_LEN;
use crate::format::SECTOR_LEN;
use crate::format::SegmentHeader;
use crate::format::segment_file_name;
use crate::storage::Access;
use crate::storage::Storage;
use crate::storage::StorageFile;

/// The name under which the next segment of a stream is prepared.
pub const TEMPORARY_NAME: &str = "next#new";

/// Makes the segment file that `header` describes, with room for `room` bytes of frames. `spare`
/// is a file from [`prepare_spare`].
pub fn create_segment(
    storage: &dyn Storage,
    dir: &Path,
    header: &SegmentHeader,
    spare: Option<Arc<dyn StorageFile>>,
    room: u64,
) -> io::Result<Arc<dyn StorageFile>> {
    let temporary = dir.join(TEMPORARY_NAME);
    let file = match spare {
        Some(spare) => spare,
        None => create_anew(storage, &temporary)?,
    };
    let made = (|| {
        if file.len()? < HEADER_AREA_LEN + room {
            file.allocate(0, HEADER_AREA_LEN + room)?;
        }
        file.write_at(0, &[IoSlice::new(&header.encode())])?;
        let path = dir.join(segment_file_name(header.first_id));
        if is_taken(storage, &path, header)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        storage.rename(&temporary, &path)
    })();
    match made {
        Ok(()) => Ok(file),
        Err(error) => {
            // The first error is the one to tell; a file left behind is removed at the next try.
            let _ = storage.remove_file(&temporary);
            Err(error)
        }
    }
}

/// Whether a file stands there that is not what an earlier try to make this segment left. Recovery
/// has removed what may go: it is another stream's (on a disk that ignores case) or a stranger's,
/// and never overwritten.
fn is_taken(storage: &dyn Storage, path: &Path, header: &SegmentHeader) -> io::Result<bool> {
    if storage.kind(path)?.is_none() {
        return Ok(false);
    }
    let mut sector = [0; SECTOR_LEN];
    let read = storage
        .open_file(path, Access::Read)?
        .read_at(0, &mut sector)?;
    Ok(sector[..read] != header.encode())
}

/// Makes the file of a segment to come: all zeros, synced, under the temporary name.
pub fn prepare_spare(
    storage: &dyn Storage,
    dir: &Path,
    room: u64,
) -> io::Result<Arc<dyn StorageFile>> {
    let temporary = dir.join(TEMPORARY_NAME);
    let file = create_anew(storage, &temporary)?;
    let made = (|| {
        file.allocate(0, HEADER_AREA_LEN + room)?;
        file.write_zeros(0, HEADER_AREA_LEN + room)?;
        file.sync_all()
    })();
    match made {
        Ok(()) => Ok(file),
        Err(error) => {
            // As above.
            let _ = storage.remove_file(&temporary);
            Err(error)
        }
    }
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
