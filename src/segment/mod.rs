//! One segment file: made, written, sealed, and read back with every byte checked.

mod create;
mod index;
mod locate;
mod read;
mod source;
mod state;
mod write;

pub use create::TEMPORARY_NAME;
pub use create::create_segment;
pub use create::create_spare;
pub use create::fill_spare;
pub use index::SharedIndex;
pub use index::SparseIndex;
pub use locate::Damage;
pub use locate::FrameAt;
pub use locate::Step;
pub use locate::header_at;
pub use locate::locate;
pub use locate::step;
pub use read::Buffers;
pub use read::EntryPlace;
pub use read::check_entry;
pub use read::check_frame;
pub use read::damage_error;
pub use read::entry_in_block;
pub use read::read_block;
pub use source::Readable;
pub use source::Source;
pub use source::Window;
pub use state::Segment;
pub use state::SegmentEnd;
pub use write::footer_reserve;
pub use write::rewrite_checked;
pub use write::seal;
pub use write::store_slot;
