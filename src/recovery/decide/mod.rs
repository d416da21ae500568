//! The pure decision: facts and policy in, a verdict out. One file per group of rows of FORMAT.md's table.

pub mod lost_ids;
pub mod page_cache;
pub mod segment_ends;
pub mod table;
pub mod tail;

pub use table::decide;
