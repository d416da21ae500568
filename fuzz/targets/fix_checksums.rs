//! Which checksums would make these bytes a file of ours? By `docs/FORMAT.md` alone, not by the
//! engine's code: a mutation of any field gets past the checksums, to whatever believes them.

use super::format_twin::FIRST_FRAME;
use super::format_twin::HEADER_LEN;

const SECTOR_LEN: usize = 512;
const TRAILER_LEN: usize = 40;
/// Where a packet has the header of the segment, and what follows it.
const PACKET_HEADER: usize = 64;
const PACKET_BODY: usize = PACKET_HEADER + SECTOR_LEN;
const ROW_LEN: usize = 8;
const MANY: u8 = 2;
const FOOTER: u8 = 3;

/// What the next segment's header says of the one before: the end id, and the checksum of its last
/// frame.
pub type Link = (u64, u32);

/// Makes all checksums of a segment, or of a log of checkpoints, good. With `before`, the header
/// names that predecessor. Gives the link for the successor; `None` if there is no frame.
pub fn fix_segment(file: &mut [u8], before: Option<Link>) -> Option<Link> {
    if file.len() < SECTOR_LEN {
        return None;
    }
    if let Some((end_id, link)) = before {
        file[32..40].copy_from_slice(&end_id.to_le_bytes());
        file[40..44].copy_from_slice(&link.to_le_bytes());
        file[44] |= 1;
    }
    fix_sector(file);
    let seed = seed_of(file);
    for slot in [SECTOR_LEN, 2 * SECTOR_LEN] {
        let (covered, end) = (slot + SECTOR_LEN - 4, slot + SECTOR_LEN);
        // A slot of zeros was never stored, and stays so.
        if file.len() >= end && file[slot] != 0 {
            let crc = place_crc(seed, slot, &file[slot..covered]);
            file[covered..end].copy_from_slice(&crc);
        }
    }
    fix_frames(file, seed, FIRST_FRAME)
}

/// Makes all checksums of a packet of frames good, but for that of a slot, which another segment's header
/// goes into.
pub fn fix_packet(packet: &mut [u8]) {
    let Some(body) = packet.len().checked_sub(4).filter(|len| *len > PACKET_BODY) else {
        return;
    };
    fix_sector(&mut packet[PACKET_HEADER..PACKET_BODY]);
    let offset = u64_at(packet, 16) as usize;
    let slot = usize::from(packet[10] & 1) * SECTOR_LEN;
    let frames = (PACKET_BODY + slot).min(body);
    // The frames at their place in a file of zeros.
    if (FIRST_FRAME..1 << 20).contains(&offset) {
        let seed = seed_of(&packet[PACKET_HEADER..PACKET_BODY]);
        let mut file = vec![0; offset];
        file.extend(&packet[frames..body]);
        fix_frames(&mut file, seed, offset);
        packet[frames..body].copy_from_slice(&file[offset..]);
    }
    let crc = crc32fast::hash(&packet[..body]).to_le_bytes();
    packet[body..].copy_from_slice(&crc);
}

/// Makes the checksums of the frames from `at` on good.
fn fix_frames(file: &mut [u8], seed: u32, mut at: usize) -> Option<Link> {
    let mut link = None;
    while at + HEADER_LEN <= file.len() && file[at + 32] != 0 {
        let payload = at + HEADER_LEN;
        let len = u32_at(file, at + 20) as usize;
        let end = payload.saturating_add(len).min(file.len());
        let (header, payload) = file[at..end].split_at_mut(HEADER_LEN);
        let (kind, codec) = (header[32], header[33]);
        let payload_crc = match (kind, codec) {
            (MANY, 0) => fix_table(seed, header, payload),
            (FOOTER, _) => fix_trailer(seed, at + HEADER_LEN, payload, link),
            _ => crc32fast::hash(payload),
        };
        header[4..8].copy_from_slice(&payload_crc.to_le_bytes());
        let crc = place_crc(seed, at, &header[4..]);
        header[..4].copy_from_slice(&crc);
        if kind != FOOTER {
            let (first_id, count) = (u64_at(header, 8), u32_at(header, 16));
            let end_id = first_id.wrapping_add(u64::from(count));
            link = Some((end_id, u32::from_le_bytes(crc)));
        }
        at = end;
    }
    link
}

/// Makes the checksum of a first sector good: of a segment, `shards.meta` or `checkpoints.log`.
pub fn fix_sector(file: &mut [u8]) {
    if file.len() >= SECTOR_LEN {
        let crc = crc32fast::hash(&file[..SECTOR_LEN - 4]).to_le_bytes();
        file[SECTOR_LEN - 4..SECTOR_LEN].copy_from_slice(&crc);
    }
}

/// Makes the checksum of an index file good.
pub fn fix_index(file: &mut [u8]) {
    if let Some(covered) = file.len().checked_sub(4) {
        let crc = crc32fast::hash(&file[..covered]).to_le_bytes();
        file[covered..].copy_from_slice(&crc);
    }
}

fn seed_of(file: &[u8]) -> u32 {
    let (key, first_id, generation): (&[u8], _, _) = match &file[..8] {
        b"\x89IWCK\r\n\x1a" => (b"checkpoints.log", 0, u64::from(u16_at(file, 10))),
        _ => {
            let len = usize::from(u16_at(file, 10)).min(SECTOR_LEN - 4 - 72);
            (&file[72..72 + len], u64_at(file, 16), u64_at(file, 24))
        }
    };
    let mut crc = crc32fast::Hasher::new();
    crc.update(key);
    crc.update(&first_id.to_le_bytes());
    crc.update(&generation.to_le_bytes());
    crc.finalize()
}

/// The rows' checks of a frame of many, wherever they say that the entries end; gives the
/// checksum of the table.
fn fix_table(seed: u32, header: &[u8], payload: &mut [u8]) -> u32 {
    let count = u32_at(header, 16) as usize;
    let table_len = count.saturating_mul(ROW_LEN).min(payload.len());
    let (table, entries) = payload.split_at_mut(table_len);
    let mut start = 0;
    for row in table.chunks_exact_mut(ROW_LEN) {
        let end = u32_at(row, 0) as usize;
        let entry = entries.get(start..end).unwrap_or_default();
        row[4..].copy_from_slice(&crc32fast::hash(entry).to_le_bytes());
        start = end;
    }
    let payload_crc = crc32fast::hash(table);
    let first_id = u64_at(header, 8);
    for (row, id) in table.chunks_exact_mut(ROW_LEN).zip(0..) {
        let masked = u32_at(row, 4) ^ mask(seed, payload_crc, first_id.wrapping_add(id));
        row[4..].copy_from_slice(&masked.to_le_bytes());
    }
    payload_crc
}

fn fix_trailer(seed: u32, payload_at: usize, payload: &mut [u8], link: Option<Link>) -> u32 {
    if let Some(at) = payload.len().checked_sub(TRAILER_LEN) {
        let trailer = &mut payload[at..];
        if let Some((_, link)) = link {
            trailer[32..36].copy_from_slice(&link.to_le_bytes());
        }
        let crc = place_crc(seed, payload_at + at, &trailer[..36]);
        trailer[36..].copy_from_slice(&crc);
    }
    crc32fast::hash(payload)
}

fn mask(seed: u32, payload_crc: u32, id: u64) -> u32 {
    let start = u64::from(seed) << 32 | u64::from(payload_crc);
    let step = id.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut z = start.wrapping_add(step);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as u32
}

fn place_crc(seed: u32, at: usize, bytes: &[u8]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new_with_initial(seed);
    crc.update(&(at as u64).to_le_bytes());
    crc.update(bytes);
    crc.finalize().to_le_bytes()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}
