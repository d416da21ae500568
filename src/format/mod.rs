//! The bytes on disk: values to bytes and back, without any I/O.
//!
//! | file | the question it answers |
//! |---|---|
//! | `segment_header` | which stream, which ids and which version is this file? |
//! | `frontier` | up to where was this file proven durable? |
//! | `frame` | what stands at this offset, and does it belong here? |
//! | `payload` | which bytes are the entries of a frame, and are they whole? |
//! | `properties` | which properties does a stream have, and how does their map lie in bytes? |
//! | `footer` | where does a sealed segment end, and where are its frames? |
//! | `identity` | which log does this directory belong to? |
//! | `index_file` | which segments did the stream have when it was last closed? |
//! | `checkpoint_sector` | how many shards does a sharded log have, and is this its record? |
//! | `checkpoint_record` | what does a record of `checkpoints.log` say? |
//! | `record_log` | what does one kind of record log write into its file, and what do its records say? |
//! | `record_slot` | up to where was a record log proven durable, and which record was appended last? |
//! | `journal` | what stands in a file of the commit journal? |
//! | `names` | under which names do keys, segments and our own files stand on disk? |
//! | `seed` | what binds every checksum to its place? |
//! | `packet` | how do frames travel from a stream to its replica? |
//! | `frame_position` | where do the frames of a replica end? |
//! | `fields` | how do numbers lie in bytes? |
//!
//! `docs/FORMAT.md` describes the same for readers in other languages.

#[cfg(test)]
mod tests;

mod fields;
mod seed;

#[cfg(feature = "sharded")]
pub mod checkpoint_record;
#[cfg(feature = "sharded")]
pub mod checkpoint_sector;
pub mod footer;
pub mod frame;
pub mod frame_position;
pub mod frontier_slot;
pub mod identity;
pub mod index_file;
pub mod journal;
pub mod names;
pub mod packet;
pub mod payload;
pub mod properties;
#[cfg(feature = "sharded")]
pub mod record_log;
#[cfg(feature = "sharded")]
pub mod record_slot;
pub mod segment_header;

#[cfg(feature = "sharded")]
pub use checkpoint_record::CheckpointFormat;
#[cfg(feature = "sharded")]
pub use checkpoint_record::CheckpointName;
#[cfg(feature = "sharded")]
pub use checkpoint_record::CheckpointRecord;
#[cfg(feature = "sharded")]
pub use checkpoint_record::ForeignCheckpoints;
#[cfg(feature = "sharded")]
pub use checkpoint_record::MAX_CHECKPOINT_ID_LEN;
#[cfg(feature = "sharded")]
pub use checkpoint_record::RecordKind;
#[cfg(feature = "sharded")]
pub use checkpoint_sector::ShardCountFault;
#[cfg(feature = "sharded")]
pub use checkpoint_sector::ShardCountSector;
pub use footer::IndexPoint;
pub use footer::TRAILER_LEN;
pub use footer::Trailer;
pub use footer::decode_points;
pub use footer::decode_trailer;
pub use footer::encode_footer;
pub use footer::footer_len;
pub use frame::Codec;
pub use frame::FRAME_HEADER_LEN;
pub use frame::FrameFault;
pub use frame::FrameHeader;
pub use frame::FrameKind;
pub use frame::MAX_FRAME_LEN;
pub use frame::TABLE_ROW_LEN;
pub use frame::header_crc_of;
pub use frame_position::FramePosition;
pub use frontier_slot::FrontierSlot;
pub use frontier_slot::SLOT_COUNT;
pub use frontier_slot::SlotProperties;
pub use frontier_slot::SlotState;
pub use frontier_slot::slot_offset;
pub use identity::Identity;
pub use identity::IdentityFault;
pub use identity::LogId;
pub use index_file::IndexFile;
pub use index_file::IndexedSegment;
pub use journal::JOURNAL_RECORD_HEADER_LEN;
pub use journal::JOURNAL_RECORDS_AT;
pub use journal::JournalHeader;
pub use journal::JournalHeaderFault;
pub use journal::JournalItem;
pub use journal::JournalItemKind;
pub use journal::JournalRecord;
pub use journal::JournalSeed;
pub use journal::finish_journal_record;
pub use journal::journal_record_len;
pub use names::CHECKPOINTS_FILE;
pub use names::CUT_SUFFIX;
pub use names::DELETED_SUFFIX;
#[cfg(feature = "sharded")]
pub use names::HEAD_FILE;
pub use names::IDENTITY_FILE;
pub use names::INDEX_FILE;
pub use names::JOURNAL_DIR;
pub use names::KEPT_SUFFIX;
pub use names::LOCK_FILE;
pub use names::NEW_SUFFIX;
pub use names::NEXT_SEGMENT_FILE;
pub use names::OWNER_FILE;
pub use names::SHARDS_FILE;
pub use names::UNFINISHED_COPY_FILE;
pub use names::check_key;
pub use names::is_deleted_dir_name;
pub use names::is_own_file_name;
pub use names::is_snapshot_file_name;
pub use names::is_stream_dir_name;
pub use names::journal_file_name;
pub use names::key_from_dir_name;
pub use names::parse_journal_file_name;
pub use names::parse_segment_file_name;
pub use names::quarantine_file_name;
pub use names::segment_file_name;
pub use names::stream_dir_name;
pub use packet::Kept;
pub use packet::Packet;
pub use packet::PacketBuilder;
pub use packet::PacketFault;
pub use payload::EntryRow;
pub use payload::FrameParts;
pub use payload::PayloadFault;
pub use payload::PieceCheck;
pub use payload::PreparedFrame;
pub use payload::Unprepared;
pub use payload::Wants;
pub use payload::check_payload;
pub use payload::decompress;
pub use payload::entry_check;
pub use payload::entry_range;
pub use payload::entry_row;
pub use payload::properties_index;
pub use payload::table_rows_range;
pub use properties::MAX_PROPERTIES_LEN;
pub use properties::MAX_PROPERTY_KEY_LEN;
pub use properties::MAX_PROPERTY_VALUE_LEN;
pub use properties::Properties;
pub use properties::PropertyChange;
pub use properties::PropertyFault;
#[cfg(feature = "sharded")]
pub use record_log::RecordFault;
#[cfg(feature = "sharded")]
pub use record_log::RecordFormat;
#[cfg(feature = "sharded")]
pub use record_log::SectorFault;
#[cfg(feature = "sharded")]
pub use record_slot::RecordSlot;
pub use seed::SegmentSeed;
pub use segment_header::HEADER_AREA_LEN;
pub use segment_header::HeaderFault;
pub use segment_header::Predecessor;
pub use segment_header::Replaces;
pub use segment_header::SECTOR_LEN;
pub use segment_header::SegmentHeader;
