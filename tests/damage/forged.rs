//! Entries that hold images of our own files, and forgeries of frames with good checksums.
//!
//! An attacker that appends entries knows the stream's key, the ids and the offsets, so the checksums can be
//! made right. Nothing may be taken for a frame but what stands where a frame was written.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::format_twin::*;
use crate::sample::STREAM;
use crate::sample::options;

const FALSE_ENTRY: &[u8] = b"never appended";

fn plain(root: &Path) -> WalOptions {
    WalOptions {
        compression: CompressionType::None,
        max_segment_size: 1 << 20,
        ..options(root)
    }
}

/// Where the entry starts that is appended behind entries of these lengths.
fn payload_at(lengths: &[usize]) -> usize {
    FIRST_FRAME + lengths.iter().map(|len| HEADER_LEN + len).sum::<usize>() + HEADER_LEN
}

/// An entry with a forged frame in it that claims the id `id`, good at its place if the entry
/// starts at `at`, and a whole segment file behind it.
fn poisoned_entry(at: usize, id: u64, previous_len: u32, image: &[u8]) -> Vec<u8> {
    let seed = seed(STREAM, 0, 0);
    let mut entry = forged_single(seed, at, id, previous_len, FALSE_ENTRY);
    let next = at + entry.len();
    let len = entry.len() as u32;
    entry.extend(forged_single(seed, next, id + 1, len, FALSE_ENTRY));
    entry.extend(image);
    entry
}

fn segment(root: &Path) -> PathBuf {
    segments(&root.join(STREAM)).remove(0)
}

fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("reads");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("writes");
}

/// A killed log of three entries, of which the second holds the forgeries.
fn killed(root: &Path, mode: SyncMode) -> Vec<Vec<u8>> {
    let first = b"first".to_vec();
    let image = vec![0x5a; 3000];
    let poisoned = poisoned_entry(
        payload_at(&[first.len()]),
        1,
        (HEADER_LEN + 5) as u32,
        &image,
    );
    let entries = vec![first, poisoned, b"third".to_vec()];
    let live = root.with_extension("live");
    let wal = Wal::new(WalOptions {
        sync_mode: mode,
        ..plain(&live)
    })
    .expect("opens");
    for entry in &entries {
        wal.append(STREAM, entry).expect("appends");
    }
    restore(root, &snapshot(&live));
    entries
}

#[test]
fn a_torn_tail_is_cut_where_it_is_torn_though_good_looking_frames_follow_and_is_kept_aside() {
    let dir = workplace();
    let root = dir.path().join("log");
    let entries = killed(&root, SyncMode::Async);
    let path = segment(&root);
    let torn = payload_at(&[5]) - HEADER_LEN;
    let before = fs::read(&path).expect("reads");
    damage(&path, torn + 9);
    let strict = WalOptions {
        on_corruption: CorruptionPolicy::Error,
        ..plain(&root)
    };
    let wal = Wal::new(strict).expect("a torn tail is no damage");
    let all: Result<Vec<_>> = wal.iter(STREAM, 0).expect("iterates").collect();
    assert_eq!(all.expect("reads"), entries[..1]);
    assert_eq!(wal.get(STREAM, 1).expect("reads"), None);
    let saved = path.with_file_name(format!("00000000000000000000.wal#cut-{torn}"));
    let saved = fs::read(saved).expect("kept aside");
    let end = torn + 2 * HEADER_LEN + entries[1].len() + 5;
    assert_eq!(saved[40..end - torn], before[torn + 40..end]);
    assert_eq!(wal.append(STREAM, b"new").expect("appends"), 1);
}

#[test]
fn a_tail_that_ends_inside_a_forged_frame_is_cut_before_the_entry_that_holds_it() {
    let dir = workplace();
    let root = dir.path().join("log");
    let entries = killed(&root, SyncMode::Async);
    let path = segment(&root);
    let whole = fs::read(&path).expect("reads");
    for inside in [1, 36, 49, 50, 51, 86, 100, 200] {
        restore(
            &root,
            &[(
                PathBuf::from(STREAM).join("00000000000000000000.wal"),
                whole[..payload_at(&[5]) + inside].to_vec(),
            )],
        );
        let wal = Wal::new(plain(&root)).expect("opens");
        let all: Result<Vec<_>> = wal.iter(STREAM, 0).expect("iterates").collect();
        assert_eq!(all.expect("reads"), entries[..1], "{inside} bytes");
    }
}

#[test]
fn behind_a_damaged_header_reading_goes_on_from_anchors_and_not_from_forgeries() {
    for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
        let dir = workplace();
        let root = dir.path().join("log");
        let entries = killed(&root, SyncMode::Strict);
        let path = segment(&root);
        damage(&path, payload_at(&[5]) - HEADER_LEN + 21);
        let wal = Wal::new(WalOptions {
            read_strategy: strategy,
            ..plain(&root)
        })
        .expect("opens");
        let items: Vec<_> = wal.iter_with_ids(STREAM, 0).expect("iterates").collect();
        assert_eq!(items.len(), 3, "{items:?}");
        assert!(matches!(&items[0], Ok((0, entry)) if *entry == entries[0]));
        assert!(
            matches!(&items[1], Err(Error::Corruption(_))),
            "{:?}",
            items[1]
        );
        assert!(matches!(&items[2], Ok((2, entry)) if *entry == entries[2]));
        assert!(wal.get(STREAM, 1).is_err());
    }
}

#[test]
fn an_entry_that_ends_like_a_sealed_file_does_not_seal_its_segment() {
    let dir = workplace();
    let root = dir.path().join("log");
    let seed = seed(STREAM, 0, 0);
    let at = payload_at(&[5]);
    let mut entry = vec![1; 100];
    let footer = (at + entry.len() - HEADER_LEN) as u64;
    entry.extend(forged_trailer(seed, at + entry.len(), footer, 9, 0));
    for killed in [false, true] {
        let _ = fs::remove_dir_all(&root);
        let wal = Wal::new(plain(&root)).expect("opens");
        wal.append(STREAM, b"first").expect("appends");
        wal.append(STREAM, &entry).expect("appends");
        let mut files = snapshot(&root);
        drop(wal);
        if killed {
            // As when no zeros were written ahead: the entry ends the file.
            files[0].1.truncate(at + entry.len());
            restore(&root, &files);
        }
        assert!(fs::read(segment(&root)).expect("reads").ends_with(&entry));
        let strict = WalOptions {
            on_corruption: CorruptionPolicy::Error,
            ..plain(&root)
        };
        let wal = Wal::new(strict).expect("nothing is damaged");
        assert_eq!(wal.get(STREAM, 1).expect("reads"), Some(entry.clone()));
        assert_eq!(wal.get(STREAM, 2).expect("reads"), None);
        assert_eq!(wal.append(STREAM, b"third").expect("appends"), 2);
    }
}

#[test]
fn a_copy_of_the_segment_inside_an_entry_and_of_frames_at_other_places_are_only_bytes() {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = Wal::new(plain(&root)).expect("opens");
    for id in 0..10u64 {
        wal.append(STREAM, &id.to_le_bytes()).expect("appends");
    }
    let image = fs::read(segment(&root)).expect("reads");
    wal.append(STREAM, &image).expect("appends");
    let files = snapshot(&root);
    drop(wal);
    // The tail holds stale copies of the stream's own frames behind its end.
    let mut stale = files.clone();
    let end = frames(&files[0].1).last().expect("frames").bytes.end;
    stale[0].1.truncate(end);
    stale[0].1.extend(&image[FIRST_FRAME..]);
    restore(&root, &stale);
    let wal = Wal::new(plain(&root)).expect("opens");
    let all: Result<Vec<_>> = wal.iter(STREAM, 0).expect("iterates").collect();
    let all = all.expect("reads");
    assert_eq!((all.len(), &all[10]), (11, &image));
    assert_eq!(wal.append(STREAM, b"on").expect("appends"), 11);
}
