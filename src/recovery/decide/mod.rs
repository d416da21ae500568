//! What follows from the facts? A pure function: facts and policy in, a verdict out.
//!
//! `table` is the frame. Each other file holds one group of rows of FORMAT.md's table: `tail`,
//! `lost_ids`, `page_cache`. `segment_ends` computes where frames end.

pub mod lost_ids;
pub mod newest_properties;
mod page_cache;
pub mod segment_ends;
pub mod table;
pub mod tail;

pub use table::decide;
