//! How does a test look at our files? By `docs/FORMAT.md` alone, not by the engine's code.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

/// Where frames begin.
pub const FIRST_FRAME: usize = 1536;
/// The length of a frame header.
pub const HEADER_LEN: usize = 36;

/// A frame as its header describes it.
#[derive(Clone, Debug)]
pub struct Frame {
    pub bytes: Range<usize>,
    pub ids: Range<u64>,
    pub is_footer: bool,
}

/// The frames of a whole segment file.
pub fn frames(file: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = FIRST_FRAME;
    while at + HEADER_LEN <= file.len() && file[at + 32] != 0 {
        let first_id = u64::from_le_bytes(file[at + 8..at + 16].try_into().expect("8 bytes"));
        let count = u64::from(u32_at(file, at + 16));
        let end = at + HEADER_LEN + u32_at(file, at + 20) as usize;
        let is_footer = file[at + 32] == 3;
        let ids = first_id..if is_footer {
            first_id
        } else {
            first_id + count
        };
        frames.push(Frame {
            bytes: at..end,
            ids,
            is_footer,
        });
        at = end;
    }
    frames
}

fn u32_at(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().expect("4 bytes"))
}

/// The segment files of a stream's directory, in order.
pub fn segments(stream_dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(stream_dir)
        .expect("lists")
        .map(|entry| entry.expect("lists").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wal"))
        .collect();
    found.sort();
    found
}

/// Every file below a directory with its content, by relative path. The lock, the log's
/// name and what is derived are left out.
pub fn snapshot(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(root: &Path, dir: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(dir).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_dir() {
                walk(root, &path, into);
            } else if path
                .file_name()
                .is_some_and(|n| n != "LOCK" && n != "IDENTITY" && n != "segments.idx")
            {
                let name = path.strip_prefix(root).expect("below").to_path_buf();
                into.push((name, fs::read(&path).expect("reads")));
            }
        }
    }
    let mut files = Vec::new();
    walk(root, root, &mut files);
    files.sort();
    files
}

/// Puts a directory into the state of a snapshot.
pub fn restore(root: &Path, files: &[(PathBuf, Vec<u8>)]) {
    let _ = fs::remove_dir_all(root);
    fs::create_dir_all(root).expect("creates");
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("creates");
        fs::write(path, bytes).expect("writes");
    }
}

/// A place for many small logs: in memory where the system has that.
pub fn workplace() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match tempfile::tempdir_in(memory) {
        Ok(dir) => dir,
        Err(_) => tempfile::tempdir().expect("a directory"),
    }
}

/// A seeded generator (xorshift64*), so that a failure can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// What the checksums of a segment are bound to.
pub fn seed(key: &str, first_id: u64, generation: u64) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key.as_bytes());
    crc.update(&first_id.to_le_bytes());
    crc.update(&generation.to_le_bytes());
    crc.finalize()
}

fn place_crc(seed: u32, at: usize, bytes: &[u8]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new_with_initial(seed);
    crc.update(&(at as u64).to_le_bytes());
    crc.update(bytes);
    crc.finalize().to_le_bytes()
}

/// A frame header with good checksums for exactly this place, whatever its fields say.
pub struct Forged {
    pub payload_crc: u32,
    pub first_id: u64,
    pub entry_count: u32,
    pub stored_len: u32,
    pub uncompressed_len: u32,
    pub previous_len: u32,
    pub kind: u8,
    pub codec: u8,
}

impl Forged {
    pub fn header(&self, seed: u32, at: usize) -> Vec<u8> {
        let mut bytes = vec![0; 4];
        bytes.extend(self.payload_crc.to_le_bytes());
        bytes.extend(self.first_id.to_le_bytes());
        bytes.extend(self.entry_count.to_le_bytes());
        bytes.extend(self.stored_len.to_le_bytes());
        bytes.extend(self.uncompressed_len.to_le_bytes());
        bytes.extend(self.previous_len.to_le_bytes());
        bytes.extend([self.kind, self.codec, 0, 0]);
        let crc = place_crc(seed, at, &bytes[4..]);
        bytes[..4].copy_from_slice(&crc);
        bytes
    }
}

/// A frame of one entry, good at exactly this place.
pub fn forged_single(seed: u32, at: usize, id: u64, previous_len: u32, entry: &[u8]) -> Vec<u8> {
    let header = Forged {
        payload_crc: crc32fast::hash(entry),
        first_id: id,
        entry_count: 1,
        stored_len: entry.len() as u32,
        uncompressed_len: entry.len() as u32,
        previous_len,
        kind: 1,
        codec: 0,
    };
    let mut frame = header.header(seed, at);
    frame.extend(entry);
    frame
}

/// A trailer, good at exactly this place.
pub fn forged_trailer(seed: u32, at: usize, footer: u64, end_id: u64, point_count: u32) -> Vec<u8> {
    let mut bytes = b"IWtr".to_vec();
    bytes.extend(point_count.to_le_bytes());
    bytes.extend(footer.to_le_bytes());
    bytes.extend(end_id.to_le_bytes());
    bytes.extend((FIRST_FRAME as u64).to_le_bytes());
    bytes.extend(7u32.to_le_bytes());
    bytes.extend(place_crc(seed, at, &bytes));
    bytes
}
