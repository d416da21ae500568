//! Bounded memory and bounded descriptors: what is kept open or unpacked, and what gives way.

mod blocks;
mod open_files;

pub use blocks::Block;
pub use blocks::BlockCache;
pub use blocks::BlockKey;
pub use open_files::LazySlot;
pub use open_files::OpenFiles;
