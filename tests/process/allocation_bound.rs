//! What must hold: no length found on disk sizes an allocation before it is bounded by what the
//! file holds. Damaged and forged lengths of gigabytes cost no memory, at open or on reading.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use ironwal::*;

use crate::allocator::LARGEST;
use crate::format_twin::*;
use crate::support;

/// The whole log is some kilobytes; buffers are at most 128 KiB.
const BOUND: usize = 1 << 20;

const STREAM: &str = "s";

fn options(root: &Path, strategy: ReadStrategy) -> WalOptions {
    WalOptions {
        root_path: root.to_path_buf(),
        max_segment_size: 600,
        background_sync: None,
        read_strategy: strategy,
        ..Default::default()
    }
}

type Harm = fn(&mut Vec<u8>, &[Frame]);

/// Changes to the first segment, which is sealed, and to the newest.
const HARMS: &[(&str, Harm)] = &[
    (
        "a stored length of 4 GiB under a bad checksum",
        |file, frames| {
            let at = frames[1].bytes.start + 20;
            file[at..at + 8].fill(0xff);
        },
    ),
    (
        "a count of 4 Gi entries under a bad checksum",
        |file, frames| {
            let at = frames[1].bytes.start + 16;
            file[at..at + 4].fill(0xff);
        },
    ),
    (
        "a stored length of 4 GiB under a good checksum",
        |file, frames| {
            forge(file, &frames[1], |f| {
                (f.stored_len, f.uncompressed_len) = (u32::MAX, u32::MAX)
            });
        },
    ),
    (
        "the greatest stored length that may be, under a good checksum",
        |file, frames| {
            let most = (1 << 30) - HEADER_LEN as u32;
            forge(file, &frames[1], |f| {
                (f.stored_len, f.uncompressed_len) = (most, most)
            });
        },
    ),
    (
        "the greatest uncompressed length that may be, under a good checksum",
        |file, frames| {
            forge(file, &frames[1], |f| {
                (f.uncompressed_len, f.codec) = ((1 << 30) - 36, 1)
            });
        },
    ),
    (
        "a compressed batch of 128 Mi entries, under a good checksum",
        |file, frames| {
            forge(file, &frames[1], |f| {
                (f.entry_count, f.kind, f.uncompressed_len, f.codec) =
                    (1 << 27, 2, (1 << 30) - 36, 1);
            });
        },
    ),
    (
        "a batch of 128 Mi entries as long as may be, under a good checksum",
        |file, frames| {
            let most = (1 << 30) - HEADER_LEN as u32;
            forge(file, &frames[1], |f| {
                (f.entry_count, f.kind) = (1 << 27, 2);
                (f.stored_len, f.uncompressed_len) = (most, most);
            });
        },
    ),
    (
        "a previous length of 4 GiB, under a good checksum",
        |file, frames| {
            forge(file, &frames[2], |f| f.previous_len = u32::MAX);
        },
    ),
    ("a key length of 65535 in the header", |file, _| {
        file[10..12].fill(0xff)
    }),
    (
        "a trailer with 4 Gi points, under a good checksum",
        |file, frames| {
            let end = file.len() - 40;
            let footer = frames.last().expect("frames").bytes.start as u64;
            let trailer = forged_trailer(seed(STREAM, 0, 0), end, footer, 3, u32::MAX);
            file[end..].copy_from_slice(&trailer);
        },
    ),
];

fn forge(file: &mut [u8], frame: &Frame, change: impl FnOnce(&mut Forged)) {
    let at = frame.bytes.start;
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("4 bytes"));
    let mut forged = Forged {
        payload_crc: word(at + 4),
        first_id: frame.ids.start,
        entry_count: word(at + 16),
        stored_len: word(at + 20),
        uncompressed_len: word(at + 24),
        previous_len: word(at + 28),
        kind: file[at + 32],
        codec: file[at + 33],
    };
    change(&mut forged);
    let first_id = u64::from_le_bytes(file[16..24].try_into().expect("8 bytes"));
    let header = forged.header(seed(STREAM, first_id, 0), at);
    file[at..at + HEADER_LEN].copy_from_slice(&header);
}

/// What this program does as a child: the largest allocation is that of a process.
pub const ROLES: &[support::Role] = &[("read forged lengths", read_forged_lengths)];

#[test]
fn lengths_of_gigabytes_on_disk_allocate_nothing_like_it() {
    support::run_child("read forged lengths", workplace().path());
}

fn read_forged_lengths(place: &Path) {
    let root = place.join("log");
    let samples: Vec<Vec<(PathBuf, Vec<u8>)>> = [SyncMode::Strict, SyncMode::Async]
        .into_iter()
        .map(|sync_mode| {
            let _ = fs::remove_dir_all(&root);
            let options = WalOptions {
                sync_mode,
                ..options(&root, ReadStrategy::StandardIo)
            };
            let wal = Wal::new(options).expect("opens");
            for id in 0..20u64 {
                wal.append(STREAM, &[id as u8; 100]).expect("appends");
                wal.append_batch(STREAM, &[b"a", b"", b"ccc"])
                    .expect("appends");
            }
            snapshot(&root)
        })
        .collect();
    LARGEST.store(0, Ordering::Relaxed);
    drop(std::hint::black_box(vec![1u8; 3 << 20]));
    assert!(
        LARGEST.load(Ordering::Relaxed) >= 3 << 20,
        "the watch works"
    );
    for (number, sample) in samples.iter().enumerate() {
        for file in [0, sample.len() - 1] {
            for (name, harm) in HARMS {
                for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
                    let mut files = sample.clone();
                    let bytes = &mut files[file].1;
                    let frames = frames(bytes);
                    if frames.len() < 3 {
                        continue;
                    }
                    harm(bytes, &frames);
                    restore(&root, &files);
                    LARGEST.store(0, Ordering::Relaxed);
                    read_everything(&root, strategy);
                    let largest = LARGEST.load(Ordering::Relaxed);
                    assert!(
                        largest < BOUND,
                        "{name}, log {number}, file {file}: {largest} bytes"
                    );
                }
            }
        }
    }
}

fn read_everything(root: &Path, strategy: ReadStrategy) {
    for policy in [CorruptionPolicy::Error, CorruptionPolicy::Truncate] {
        let options = WalOptions {
            on_corruption: policy,
            ..options(root, strategy)
        };
        let Ok(wal) = Wal::new(options) else { continue };
        for id in 0..80 {
            let got = wal.get(STREAM, id);
            assert!(got.is_err() || got.expect("good").is_none_or(|entry| entry.len() <= 100));
        }
        let items = wal.iter(STREAM, 0).expect("iterates").take(200);
        assert!(items.count() < 200, "iteration ends");
    }
}
