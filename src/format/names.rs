//! Which names do keys, segments and our own files have on disk?
//!
//! A key becomes a directory name that every file system takes and a person can read:
//!
//! 1. `A-Z a-z 0-9 _ -` and inner `.` stand for themselves, every other byte is `%xx`.
//! 2. A name that means something else (a file of ours, a device of Windows) gets its first byte
//!    encoded too.
//! 3. A name over 240 bytes becomes its first 200, `~` and a hash of the key.
//!
//! `%`, `~` and `#` never stand for themselves, so names of rule 3 and our own `#` suffixes are
//! out of reach of rules 1 and 2, and two keys share a name only if their hashes collide.

use siphasher::sip128::SipHasher24;

use crate::ids::EntryId;
use crate::ids::FileOffset;

/// The longest key, in bytes.
pub const MAX_KEY_LEN: usize = 255;

/// In the root: the lock of the writer.
pub const LOCK_FILE: &str = "LOCK";
/// In the root, and in the root of an archive: which log this is, or whose archive.
pub const IDENTITY_FILE: &str = "IDENTITY";
/// In a stream's directory that was reached through a link: which log uses it, for which stream.
pub const OWNER_FILE: &str = "OWNER";
/// In the root: a hint to the newest checkpoint.
pub const HEAD_FILE: &str = "HEAD";
/// In the root: the checkpoints of a sharded log.
pub const CHECKPOINTS_FILE: &str = "checkpoints.log";
/// In the root: the shard count of a sharded log.
pub const SHARDS_FILE: &str = "shards.meta";
/// In the root: the directory of the commit journal.
pub const JOURNAL_DIR: &str = "commit-journal";
/// Beside the segments: what `index_file` describes.
pub const INDEX_FILE: &str = "segments.idx";
/// Beside the segments: the next segment, until it is renamed to its first id.
pub const NEXT_SEGMENT_FILE: &str = "next#new";
/// Beside the segments: a copy for the quarantine, until it is whole.
pub const UNFINISHED_COPY_FILE: &str = "cut#new";

/// Ends the name of a directory whose stream was deleted; a number may follow.
pub const DELETED_SUFFIX: &str = "#deleted";
/// Ends the name of a file that is not finished.
pub const NEW_SUFFIX: &str = "#new";
/// Ends the name of a file with quarantined bytes of a segment.
pub const CUT_SUFFIX: &str = "#cut";
/// Ends the name of an archived segment that had to give its name to another one; a number follows.
pub const KEPT_SUFFIX: &str = "#kept";

const SEGMENT_SUFFIX: &str = ".wal";
const SEGMENT_DIGITS: usize = 20;
const JOURNAL_SUFFIX: &str = ".jnl";

/// Names in the root that a stream must not take, compared without regard to case.
const OWN_NAMES: [&str; 7] = [
    LOCK_FILE,
    IDENTITY_FILE,
    HEAD_FILE,
    CHECKPOINTS_FILE,
    SHARDS_FILE,
    INDEX_FILE,
    JOURNAL_DIR,
];
/// Names that Windows gives to devices, in any directory and with any extension ("Naming Files,
/// Paths, and Namespaces"). Those with other than letters and digits are encoded anyway.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
/// Devices that are followed by one digit.
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// The longest name of rules 1 and 2. File names end at 255 bytes, and our suffixes need some of them.
const MAX_PLAIN_LEN: usize = 240;
/// What rule 3 keeps of a name, or up to two bytes less, so as not to split a `%xx`.
const HASHED_PREFIX_LEN: usize = 200;
const HASH_MARK: char = '~';
const HASH_DIGITS: usize = 32;

/// The name of the segment that starts at `first_id`.
pub fn segment_file_name(first_id: EntryId) -> String {
    format!("{:0SEGMENT_DIGITS$}{SEGMENT_SUFFIX}", first_id.0)
}

/// The id in a segment's name. `None`: the file is no segment.
pub fn parse_segment_file_name(name: &str) -> Option<EntryId> {
    let digits = name.strip_suffix(SEGMENT_SUFFIX)?;
    if digits.len() != SEGMENT_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Twenty digits can be more than a u64 holds.
    digits.parse().ok().map(EntryId)
}

/// The name of a file of the commit journal.
pub fn journal_file_name(number: usize) -> String {
    format!("{number:02}{JOURNAL_SUFFIX}")
}

/// The number in the name of a journal file. `None`: the file is none.
pub fn parse_journal_file_name(name: &str) -> Option<usize> {
    let digits = name.strip_suffix(JOURNAL_SUFFIX)?;
    let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// The name under which bytes of a segment file are quarantined that began at `from`. `number`
/// makes it another name where earlier ones are taken.
pub fn quarantine_file_name(segment: &str, from: FileOffset, number: u64) -> String {
    match number {
        0 => format!("{segment}{CUT_SUFFIX}-{from}"),
        _ => format!("{segment}{CUT_SUFFIX}-{from}-{}", number + 1),
    }
}

/// Whether a file of this name in a stream's directory is ours.
pub fn is_own_file_name(name: &str) -> bool {
    let is_derived = name == INDEX_FILE || name == OWNER_FILE || name.ends_with(NEW_SUFFIX);
    // The offset of the trim, and a number, may follow the suffix.
    let copy = name.split_once(CUT_SUFFIX).or(name.split_once(KEPT_SUFFIX));
    let segment = copy.map_or(name, |(segment, _)| segment);
    is_derived || parse_segment_file_name(segment).is_some()
}

/// Whether a snapshot may hold a file of this name, in its root or in a stream's directory.
pub fn is_snapshot_file_name(name: &str) -> bool {
    let of_root = [SHARDS_FILE, CHECKPOINTS_FILE];
    of_root.contains(&name) || parse_segment_file_name(name).is_some()
}

/// Whether a directory of this name in the root is a tombstone.
pub fn is_deleted_dir_name(name: &str) -> bool {
    let Some((stream, number)) = name.split_once(DELETED_SUFFIX) else {
        return false;
    };
    let digits = number.strip_prefix('.');
    let is_number = |d: &str| !d.is_empty() && d.bytes().all(|byte| byte.is_ascii_digit());
    is_stream_dir_name(stream) && (number.is_empty() || digits.is_some_and(is_number))
}

/// Whether a key may name a stream; if not, why.
pub fn check_key(key: &str) -> Result<(), &'static str> {
    if key.is_empty() {
        Err("a stream key must not be empty")
    } else if key.len() > MAX_KEY_LEN {
        Err("a stream key must not be longer than 255 bytes")
    } else if key.contains('\0') {
        Err("a stream key must not contain NUL")
    } else {
        Ok(())
    }
}

/// The directory of the stream `key`.
pub fn stream_dir_name(key: &str) -> String {
    let plain = encode(key.as_bytes());
    if plain.len() <= MAX_PLAIN_LEN {
        return plain;
    }
    let mut cut = HASHED_PREFIX_LEN;
    if let Some(escape) = plain[cut - 2..cut].find('%') {
        cut -= 2 - escape;
    }
    let hash = SipHasher24::new().hash(key.as_bytes()).as_bytes();
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}{HASH_MARK}{digits}", &plain[..cut])
}

/// Whether a directory name could be that of a stream. A hashed one is judged by its shape.
pub fn is_stream_dir_name(name: &str) -> bool {
    key_from_dir_name(name).is_some() || is_hashed(name)
}

/// The key whose directory has this name. `None`: it is hashed, or no stream's.
pub fn key_from_dir_name(name: &str) -> Option<String> {
    let key = String::from_utf8(decode(name)?).ok()?;
    check_key(&key).ok()?;
    (stream_dir_name(&key) == name).then_some(key)
}

/// Rules 1 and 2.
fn encode(key: &[u8]) -> String {
    let mut name = String::with_capacity(key.len());
    for (at, &byte) in key.iter().enumerate() {
        let is_inner = at > 0 && at + 1 < key.len();
        if is_plain(byte) || (byte == b'.' && is_inner) {
            name.push(char::from(byte));
        } else {
            name.push_str(&escape(byte));
        }
    }
    if is_reserved(&name) {
        let first = escape(key[0]);
        name.replace_range(..1, &first);
    }
    name
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn escape(byte: u8) -> String {
    format!("%{byte:02x}")
}

/// Whether the name means something else, here or on Windows. Only a name that begins with a
/// letter does.
fn is_reserved(name: &str) -> bool {
    let is_own = OWN_NAMES.iter().any(|own| name.eq_ignore_ascii_case(own));
    let stem = name.split('.').next().unwrap_or(name);
    let is_device = DEVICES
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device));
    let is_numbered = stem.len() == 4
        && stem.as_bytes()[3].is_ascii_digit()
        && NUMBERED_DEVICES
            .iter()
            .any(|device| stem[..3].eq_ignore_ascii_case(device));
    is_own || is_device || is_numbered
}

/// The bytes a name of rules 1 and 2 stands for, canonical or not.
fn decode(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.first_chunk::<2>()?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        bytes.push((digit(0)? << 4 | digit(1)?) as u8);
        rest = &rest[2..];
    }
    Some(bytes)
}

/// Whether the name has the shape of rule 3.
fn is_hashed(name: &str) -> bool {
    let Some((prefix, digits)) = name.split_once(HASH_MARK) else {
        return false;
    };
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let lengths_fit = (HASHED_PREFIX_LEN - 2..=HASHED_PREFIX_LEN).contains(&prefix.len())
        && digits.len() == HASH_DIGITS;
    let Some(mut bytes) = decode(prefix) else {
        return false;
    };
    // The prefix was not the end of the name, so it is judged with something behind it.
    bytes.push(b'x');
    lengths_fit && digits.bytes().all(is_digit) && encode(&bytes) == format!("{prefix}x")
}
