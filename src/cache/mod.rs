//! What is cached within bounds: open files and decompressed frames.

mod block_cache;
mod open_files;

pub use block_cache::Block;
pub use block_cache::BlockCache;
pub use block_cache::BlockKey;
pub use open_files::LazyFileSlot;
pub use open_files::OpenFiles;
