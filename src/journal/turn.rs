//! How does a file begin, and how does it become empty?
//!
//! A file begins, and a crash right after each step leaves:
//!
//! 1. it is made, filled with zeros and synced: a file without a header, which holds nothing;
//! 2. its name is made durable, and that of the directory: the same;
//! 3. its header is written durably: a file without records.
//!
//! The next turn of a file whose ranges are all durable in place begins with another header, written over
//! the old one: a crash leaves the old records, which are laid over the streams' files once more and change
//! nothing, or none.

use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use crate::format::JOURNAL_RECORDS_AT;
use crate::format::JournalHeader;
use crate::format::SECTOR_LEN;
use crate::format::journal_file_name;
use crate::format::parse_journal_file_name;
use crate::journal::Journal;
use crate::journal::ring::JournalFile;
use crate::journal::ring::Owners;
use crate::platform::random_bytes;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use crate::storage::is_out_of_space;
use crate::storage::remove_file_if_there;

/// The length of the first file. Each turn doubles the length, up to the greatest.
pub const FIRST_FILE_LEN: u64 = 1 << 20;

impl Journal {
    /// Makes a file of this name that takes records.
    pub(super) fn make_file(&self, number: usize, turn: u64, len: u64) -> io::Result<JournalFile> {
        let file = self.make_zeros(number, len)?;
        let header = self.write_header(&*file, turn)?;
        Ok(JournalFile {
            file,
            len,
            used: JOURNAL_RECORDS_AT,
            seed: header.seed(),
            owners: Owners::default(),
        })
    }

    /// Makes a file of this name full of zeros, or takes one of that name over that holds nothing. Its name is
    /// durable.
    pub(super) fn make_zeros(&self, number: usize, len: u64) -> io::Result<Arc<dyn StorageFile>> {
        match self.storage.create_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let kind = self.storage.kind(&self.dir)?;
                if kind != Some(EntryKind::Directory) || self.storage.is_link(&self.dir)? {
                    return Err(io::ErrorKind::NotADirectory.into());
                }
            }
            made => made?,
        }
        let path = self.dir.join(journal_file_name(number));
        let file = match self.storage.create_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.storage.open_file(&path, Access::ReadWrite)?
            }
            created => created?,
        };
        let filled = file
            .allocate(0, len)
            .and_then(|()| file.write_zeros(0, len));
        if let Err(error) = filled {
            drop(file);
            // It holds nothing, and a full disk has no space for that.
            let _ = remove_file_if_there(&*self.storage, &path);
            return Err(error);
        }
        file.sync_all()?;
        self.storage.sync_dir(&self.dir)?;
        self.storage.sync_dir(&self.root)?;
        Ok(file)
    }

    /// Begins the next turn of a file, nothing of which is needed any more. It grows towards `wanted`, if there
    /// is space.
    pub(super) fn begin_turn(
        &self,
        mut file: JournalFile,
        turn: u64,
        wanted: u64,
    ) -> Result<JournalFile, (JournalFile, io::Error)> {
        if wanted > file.len {
            let grown = wanted - file.len;
            let zeros = file
                .file
                .allocate(file.len, grown)
                .and_then(|()| file.file.write_zeros(file.len, grown))
                .and_then(|()| file.file.sync_all());
            match zeros {
                Ok(()) => file.len = wanted,
                Err(error) if is_out_of_space(&error) => {}
                Err(error) => return Err((file, error)),
            }
        }
        match self.write_header(&*file.file, turn) {
            Ok(header) => Ok(JournalFile {
                used: JOURNAL_RECORDS_AT,
                seed: header.seed(),
                owners: Owners::default(),
                ..file
            }),
            Err(error) => Err((file, error)),
        }
    }

    fn write_header(&self, file: &dyn StorageFile, turn: u64) -> io::Result<JournalHeader> {
        let header = self.draw_header(turn, false);
        file.write_durably_at(0, &[IoSlice::new(&header.encode())])?;
        Ok(header)
    }

    /// A header that no file has had.
    pub(super) fn draw_header(&self, turn: u64, is_aside: bool) -> JournalHeader {
        let mut nonce = [0; 8];
        nonce.copy_from_slice(&random_bytes()[..8]);
        JournalHeader {
            is_aside,
            turn,
            log: self.log,
            nonce: u64::from_le_bytes(nonce),
        }
    }
}

/// Makes the files of a journal hold nothing, durably, and removes them then. All that they hold is durable in
/// place. Only the first part matters: a file that comes back after a power failure holds nothing. The oldest is
/// first: a void record stands in the same file as what it makes void, or in a later one.
pub fn make_empty(storage: &dyn Storage, dir: &Path) -> io::Result<()> {
    let listing = storage.list_dir(dir)?;
    let files = listing.iter().filter(|entry| {
        entry.kind == EntryKind::File && parse_journal_file_name(&entry.name).is_some()
    });
    let mut opened = Vec::new();
    for entry in files {
        let path = dir.join(&entry.name);
        let file = storage.open_file(&path, Access::ReadWrite)?;
        let mut sector = [0; SECTOR_LEN];
        let read = file.read_at(0, &mut sector)?;
        let turn = JournalHeader::decode(&sector[..read]).map_or(0, |header| header.turn);
        opened.push((turn, path, file));
    }
    opened.sort_by_key(|(turn, ..)| *turn);
    for (_, _, file) in &opened {
        file.write_durably_at(0, &[IoSlice::new(&[0; SECTOR_LEN])])?;
    }
    for (_, path, file) in opened {
        drop(file);
        // An empty file is in the way of nothing.
        let _ = remove_file_if_there(storage, &path);
    }
    // Foreign files stay, and the directory with them.
    let _ = storage.remove_dir(dir);
    Ok(())
}
