//! How is an LZ4 frame decompressed? ("LZ4 Frame Format Description", 1.6.4, of the LZ4 project)
//!
//! ```text
//!   magic, descriptor (flags, block size, content size?, checksum), blocks (size, bytes, checksum?), 0, checksum?
//! ```
//!
//! Only what the 0.6 crate writes is read: frames of version 1 with independent blocks. The checksum of the
//! log's frame covers all of it, so the checksums of the LZ4 frame are passed over.

use std::io;

use lz4_flex::block::decompress_into;

use crate::error::memory;
use crate::tools::import::frame_06::u32_at;

const MAGIC: u32 = 0x184d_2204;
const FLAGS_AT: usize = 4;
const BLOCK_SIZE_AT: usize = FLAGS_AT + 1;
const DESCRIPTOR_AT: usize = BLOCK_SIZE_AT + 1;

const VERSION_MASK: u8 = 0b1100_0000;
const VERSION: u8 = 0b0100_0000;
const INDEPENDENT_BLOCKS: u8 = 0b0010_0000;
const BLOCK_CHECKSUMS: u8 = 0b0001_0000;
const CONTENT_SIZE: u8 = 0b0000_1000;
const DICTIONARY: u8 = 0b0000_0001;

const CHECKSUM_LEN: usize = 4;
const STORED_BLOCK: u32 = 1 << 31;

/// The content of an LZ4 frame of at most `max_len` bytes. `None`: it is none, or is longer. Memory is
/// allocated as blocks are decompressed, and for one block of at most 4 MiB.
pub fn content(frame: &[u8], max_len: usize) -> io::Result<Option<Vec<u8>>> {
    let Some((max_block, has_checksums, mut at)) = descriptor(frame) else {
        return Ok(None);
    };
    let mut content = Vec::new();
    let mut block = Vec::new();
    loop {
        let Some(size) = u32_at(frame, at) else {
            return Ok(None);
        };
        at += 4;
        if size == 0 {
            // What follows is a checksum, or nothing.
            return Ok(Some(content));
        }
        let len = (size & !STORED_BLOCK) as usize;
        let Some(stored) = frame.get(at..at.saturating_add(len)) else {
            return Ok(None);
        };
        at += len;
        let bytes = match size & STORED_BLOCK {
            0 => {
                // A block of LZ4 grows at most 255 times.
                let most = max_block.min(len.saturating_mul(255).saturating_add(64));
                memory::resize(&mut block, most)?;
                match decompress_into(stored, &mut block) {
                    Ok(len) => block.get(..len).unwrap_or_default(),
                    Err(_) => return Ok(None),
                }
            }
            _ => stored,
        };
        if bytes.len() > max_len.saturating_sub(content.len()) {
            return Ok(None);
        }
        if content.capacity() - content.len() < bytes.len() {
            let more = bytes.len().max(content.len());
            memory::reserve(&mut content, more)?;
        }
        content.extend_from_slice(bytes);
        if has_checksums {
            at += CHECKSUM_LEN;
        }
    }
}

/// The greatest length of a block, whether blocks have checksums, and where the first one stands.
fn descriptor(frame: &[u8]) -> Option<(usize, bool, usize)> {
    if u32_at(frame, 0)? != MAGIC {
        return None;
    }
    let flags = *frame.get(FLAGS_AT)?;
    let is_known = flags & VERSION_MASK == VERSION
        && flags & INDEPENDENT_BLOCKS != 0
        && flags & DICTIONARY == 0;
    if !is_known {
        return None;
    }
    let max_block = match frame.get(BLOCK_SIZE_AT)? >> 4 & 7 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return None,
    };
    let size = if flags & CONTENT_SIZE == 0 { 0 } else { 8 };
    // The checksum of the descriptor has one byte.
    let blocks_at = DESCRIPTOR_AT + size + 1;
    Some((max_block, flags & BLOCK_CHECKSUMS != 0, blocks_at))
}
