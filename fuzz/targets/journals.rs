//! Hostile files of the commit journal, of a log whose newest entries are nowhere else.

use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use ironwal::*;

use super::format_twin::restore;
use super::format_twin::snapshot;
use super::format_twin::workplace;
use super::input::Input;
use super::log::POLICIES;
use super::log::entry;
use super::log::patch;

type Files = Vec<(PathBuf, Vec<u8>)>;

const ENTRIES: u64 = 14;
const SECTOR_LEN: usize = 512;
const RECORD_HEADER_LEN: usize = 32;

fn options(root: &Path) -> WalOptions {
    let mut options = WalOptions::new(root);
    options.commit_path = CommitPath::Journal;
    // So that nothing is written back.
    options.journal_size = 256 << 10;
    options.background_sync = None;
    options.max_segment_size = 4096;
    options
}

/// A log that was not closed: of the stream `s` only the journal holds anything.
fn sample() -> &'static Files {
    static SAMPLE: OnceLock<Files> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let place = workplace();
        let root = place.path().join("log");
        let wal = Wal::new(options(&root)).expect("opens");
        wal.append("other", b"o").expect("appends");
        // A helper makes the files.
        while !root.join("commit-journal/01.jnl").exists() {
            std::thread::yield_now();
        }
        for id in 0..ENTRIES {
            wal.append("s", &entry(id)).expect("appends");
        }
        wal.append("other", b"p").expect("appends");
        let mut files = snapshot(&root);
        files.retain(|(name, _)| !name.starts_with("s"));
        files.sort();
        files
    })
}

/// Makes the checksums of a file good: of its header, and of each record whose length fits.
fn fix_checksums(file: &mut [u8]) {
    let Some(header) = file.first_chunk_mut::<SECTOR_LEN>() else {
        return;
    };
    let crc = crc32fast::hash(&header[..SECTOR_LEN - 4]);
    header[SECTOR_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
    let nonce_and_turn = [&header[40..48], &header[16..24]].concat();
    let seed = u64::from(crc32fast::hash(&nonce_and_turn));
    let mut at = SECTOR_LEN;
    while let Some(start) = file.get(at..at + RECORD_HEADER_LEN) {
        let word = |from: usize| u32::from_le_bytes(start[from..from + 4].try_into().expect("4"));
        let end = RECORD_HEADER_LEN.saturating_add(word(8) as usize);
        let end = end.checked_next_multiple_of(SECTOR_LEN);
        let end = end.and_then(|len| at.checked_add(len));
        match end.filter(|end| start.starts_with(b"IWjr") && *end <= file.len()) {
            Some(end) => {
                let mut crc = crc32fast::Hasher::new();
                crc.update(&(at as u64 ^ seed).to_le_bytes());
                crc.update(&file[at + 8..end]);
                let crc = crc.finalize().to_le_bytes();
                file[at + 4..at + 8].copy_from_slice(&crc);
                at = end;
            }
            None => at += SECTOR_LEN,
        }
    }
}

/// How many entries of `s` there are; each is as it was.
fn count(wal: &Wal) -> usize {
    for key in wal.streams().unwrap_or_default() {
        for id in [0, 1, ENTRIES, u64::MAX] {
            let _ = wal.get(&key, id);
        }
    }
    let Ok(entries) = wal.iter_with_ids("s", 0) else {
        return 0;
    };
    let entries = entries.take(2000).flatten();
    entries
        .inspect(|(id, bytes)| assert_eq!(**bytes, *entry(*id), "{id}"))
        .count()
}

/// Files of the commit journal, changed anywhere or replaced, with good checksums or not: never a wrong byte, and
/// readers of the log as it is see what a writer recovers.
pub fn journals(data: &[u8]) {
    let mut input = Input(data);
    let mut files = sample().clone();
    while !input.is_empty() {
        let how = input.byte();
        let journal = files.iter_mut();
        let mut journal = journal.filter(|(name, _)| name.starts_with("commit-journal"));
        let (_, file) = journal.nth(usize::from(how & 1)).expect("two files");
        match how >> 1 & 3 {
            0 => {
                let len = usize::from(input.u16());
                *file = input.bytes(len).to_vec();
            }
            _ => patch(&mut input, file),
        }
        if how & 8 != 0 {
            fix_checksums(file);
        }
    }
    let place = workplace();
    let root = place.path().join("log");
    for policy in POLICIES {
        restore(&root, &files);
        let mut options = options(&root);
        options.on_corruption = policy;
        let mut all = options.clone();
        // What is written, durable or not.
        all.sync_mode = SyncMode::Async;
        let seen = Wal::open_read_only(all).map(|wal| {
            let _ = wal.verify();
            count(&wal)
        });
        let recovered = Wal::new(options).map(|wal| {
            let found = count(&wal);
            let _ = wal.append("s", b"appended");
            let _ = wal.close();
            found
        });
        assert_eq!(seen.is_ok(), recovered.is_ok(), "{seen:?} {recovered:?}");
        if let (Ok(seen), Ok(recovered)) = (&seen, &recovered) {
            assert_eq!(seen, recovered);
        }
        if data.is_empty() {
            assert_eq!(recovered.expect("opens") as u64, ENTRIES);
        }
    }
}
