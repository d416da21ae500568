//! The reading side of a stream: single entries, iteration, views.

pub mod cursor;
pub mod cuts;
pub mod digest;
pub mod found;
pub mod get;
pub mod get_batch;
pub mod look;
pub mod open_segment;
pub mod reverse_cursor;
pub mod saved_index;
pub mod side;
pub mod slots;
pub mod unpacked;
pub mod view;
