//! How does ironwal itself take part? Through the Rust API and through the C ABI.

pub mod c;
pub mod c_calls;
pub mod c_sharded;
mod rust;
pub mod sharded;

pub use c::C_CONTENDERS;
pub use rust::CONTENDERS;
