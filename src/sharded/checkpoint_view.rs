//! Which checkpoints do readers see, and where do they read a record?

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::CheckpointFormat;
use crate::format::CheckpointRecord;
use crate::record_log::RecordLocation;
use crate::record_log::decode_record;
use crate::record_log::read_record;
use crate::sharded::checkpoint_index::CheckpointIndex;
use crate::sharded::live_checkpoints::Tail;
use crate::storage::StorageFile;

/// What readers see. All of it is of one moment.
#[derive(Default)]
pub struct Published {
    /// Which checkpoints there are.
    pub index: CheckpointIndex,
    /// The file that the index refers to.
    pub file: Option<Arc<dyn StorageFile>>,
    /// Records that the file of another process may lack.
    pub tail: Tail,
    /// Why the file cannot be used at all.
    pub refused: Option<Error>,
}

/// Where a record is read from, without a lock.
pub enum RecordPlace {
    /// The file, which keeps its bytes while it is open, also where a compaction replaces it.
    File(Option<Arc<dyn StorageFile>>),
    /// These are its bytes.
    Tail(Vec<u8>),
}

impl Published {
    /// Refuses if the file belongs to another log or version.
    pub fn check_usable(&self) -> Result<()> {
        match &self.refused {
            Some(error) => Err(error.duplicate()),
            None => Ok(()),
        }
    }

    /// Where the record at a location is read from.
    pub fn place(&self, location: &RecordLocation) -> RecordPlace {
        match self.tail.at(location) {
            Some(bytes) => RecordPlace::Tail(bytes.to_vec()),
            None => RecordPlace::File(self.file.clone()),
        }
    }
}

impl RecordPlace {
    /// Reads the record.
    pub fn read(
        self,
        format: &CheckpointFormat,
        location: &RecordLocation,
    ) -> Result<CheckpointRecord> {
        let damaged = |reason: String| Error::CheckpointCorrupted {
            offset: location.offset.0,
            reason,
        };
        let record = match self {
            RecordPlace::File(None) => return Err(damaged("its file is gone".to_owned())),
            RecordPlace::File(Some(file)) => read_record(format, &*file, location),
            RecordPlace::Tail(bytes) => Ok(decode_record(format, &bytes, location)),
        };
        match record {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(damaged(
                "the record does not match its checksum any more".to_owned(),
            )),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(damaged(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}
