//! Which log does a directory belong to, as its identity files say?
//!
//! A file that cannot be read is an error, and the caller decides nothing. A file with invalid
//! content is a fault, and the caller decides what it means.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::format::IDENTITY_FILE;
use crate::format::Identity;
use crate::format::IdentityFault;
use crate::format::LogId;
use crate::format::SECTOR_LEN;
use crate::storage::Access;
use crate::storage::Storage;

/// The content of an identity file. `None`: there is no such file.
pub fn read_identity(
    storage: &dyn Storage,
    path: &Path,
) -> io::Result<Option<Result<Identity, IdentityFault>>> {
    use io::ErrorKind::*;
    let file = match storage.open_file(path, Access::Read) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
        // Something that is no regular file has the name.
        Err(error) if matches!(error.kind(), IsADirectory | InvalidInput) => {
            return Ok(Some(Err(IdentityFault::Damaged)));
        }
        Err(error) => return Err(error),
    };
    let mut bytes = [0; SECTOR_LEN + 1];
    let read = file.read_at(0, &mut bytes)?;
    Ok(Some(match read <= SECTOR_LEN {
        true => Identity::decode(&bytes[..read]),
        false => Err(IdentityFault::Damaged),
    }))
}

/// The root of the log that a directory is, or lies in. `dir` is absolute and without links.
pub fn log_around(storage: &dyn Storage, dir: &Path) -> io::Result<Option<(PathBuf, LogId)>> {
    for above in dir.ancestors() {
        match read_identity(storage, &above.join(IDENTITY_FILE)) {
            Ok(Some(Ok(Identity::Log { id, .. }))) => return Ok(Some((above.to_path_buf(), id))),
            // A log of a newer version, or whose file is damaged, is a log all the same. In `dir` itself
            // the file may be that of an archive; its user judges it.
            Ok(Some(Err(IdentityFault::Newer(_) | IdentityFault::Damaged))) if above != dir => {
                return Ok(Some((above.to_path_buf(), LogId([0; 16]))));
            }
            Ok(_) => {}
            // A directory above that this process may not look into is none that it writes to.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
