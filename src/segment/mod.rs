//! One segment file: created, sealed, and read with every byte checked.
//!
//! | file | the question it answers |
//! |---|---|
//! | `segment` | what is in memory of a segment, and how far do readers see it? |
//! | `create` | how does a segment file come into being? |
//! | `slots` | which frontier slot is the newer, and how is one written? |
//! | `seal` | how is a full segment sealed? |
//! | `rewrite` | is a frame whole, and how is it written once more? |
//! | `walk` | which frame stands next? |
//! | `resume` | where do readable frames go on behind damage? |
//! | `lookup` | which frame holds an id? |
//! | `entry` | which bytes are one entry? |
//! | `property_point` | which properties does the stream have at one of its ends? |
//! | `reader` | where do the bytes come from? |
//! | `sparse_index`, `offset_cache` | where do frames start, roughly and exactly? |

mod create;
mod entry;
mod lookup;
mod offset_cache;
mod property_point;
mod reader;
mod resume;
mod rewrite;
mod seal;
// The file is named after the type it holds.
#[allow(clippy::module_inception)]
mod segment;
mod slots;
mod sparse_index;
mod walk;

pub use create::Naming;
pub use create::create_next_file;
pub use create::create_segment;
pub use create::create_whole;
pub use create::fill_next_file;
pub use create::name_whole;
pub use create::pieces;
pub use entry::EntryPlace;
pub use entry::ReadBuffers;
pub use entry::cached_one_of_many;
pub use entry::cached_single_at;
pub use entry::check_entry;
pub use entry::damage_error;
pub use entry::entry_in_block;
pub use entry::read_block;
pub use entry::read_properties;
pub use entry::single_in;
pub use lookup::locate;
pub use lookup::locate_passing;
pub use lookup::pass_rest_of_stride;
pub use offset_cache::FrameLocation;
pub use offset_cache::OffsetCache;
pub use property_point::PropertyPoint;
pub use property_point::known_properties;
pub use reader::ReadBuffer;
pub use reader::SegmentBytes;
pub use reader::SegmentReader;
pub use rewrite::check_frame;
pub use rewrite::rewrite_verified;
pub use seal::footer_reserve;
pub use seal::seal;
pub use segment::Segment;
pub use segment::SegmentEnd;
pub use slots::newer_slot;
pub use slots::older_slot;
pub use slots::read_slots;
pub use slots::store_slot;
pub use sparse_index::STRIDE_BYTES;
pub use sparse_index::SharedIndex;
pub use sparse_index::SparseIndex;
pub use walk::Chained;
pub use walk::Damage;
pub use walk::FrameWalk;
pub use walk::LocatedFrame;
pub use walk::Step;
pub use walk::WalkItem;
pub use walk::chained_frame;
pub use walk::header_at;
pub use walk::step;
