//! Which bytes are the entries of a frame, and are they whole?
//!
//! ```text
//! single   ┌────────────────┐      payload CRC = CRC-32 of the payload as stored
//!          │ the entry      │
//!          └────────────────┘
//! many     ┌───────┬───────┬───┬─────────┬─────────┬───┐
//!          │ row 0 │ row 1 │ … │ entry 0 │ entry 1 │ … │
//!          └───────┴───────┴───┴─────────┴─────────┴───┘
//!          row: end u32 (where the entry ends, counted from the end of the table) │ check u32
//!               check = CRC-32 of the entry ^ the mask of its id
//!          payload CRC = CRC-32 of the table before the masks are applied
//! with     ┌───────┬───┬─────────┬───┬────────────┐      one row more: of the encoded properties,
//! proper-  │ row 0 │ … │ entry 0 │ … │ properties │      whose mask is that of first id + count
//! ties     └───────┴───┴─────────┴───┴────────────┘
//! LZ4      ┌─────────────────────────┐      payload CRC = CRC-32 of the payload as stored;
//!          │ one block of the above  │      within a frame of many all masks are 0
//!          └─────────────────────────┘
//! ```
//!
//! `prepare` builds payloads, `check` reads them, `pieces` checks those that are larger than a buffer.

use crate::format::frame::TABLE_ROW_LEN;

mod check;
mod pieces;
mod prepare;

pub use check::EntryRow;
pub use check::PayloadFault;
pub use check::check_payload;
pub use check::decompress;
pub use check::entry_check;
pub use check::entry_range;
pub use check::entry_row;
pub use check::properties_index;
pub use check::table_rows_range;
pub use pieces::PieceCheck;
pub use pieces::Wants;
pub use prepare::FrameParts;
pub use prepare::PreparedFrame;
pub use prepare::Unprepared;

const ROW_END_AT: usize = 0;
const ROW_CHECK_AT: usize = ROW_END_AT + 4;
const _: () = assert!(ROW_CHECK_AT + 4 == TABLE_ROW_LEN);
