//! The log that gets damaged: two streams, several sealed segments and an active one, single
//! entries, batches and compressed frames; and what must still be readable of it.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::format_twin::*;

/// The stream that gets damaged, and the one that must not notice.
pub const STREAM: &str = "s";
pub const OTHER: &str = "other";

/// A log on disk, as files, and what was appended to it.
pub struct Sample {
    pub files: Vec<(PathBuf, Vec<u8>)>,
    pub entries: Vec<Vec<u8>>,
    pub other: Vec<Vec<u8>>,
}

pub fn options(root: &Path) -> WalOptions {
    WalOptions {
        root_path: root.to_path_buf(),
        max_segment_size: 1200,
        compression: CompressionType::Lz4,
        min_compression_size: 200,
        background_sync: None,
        // Small, so that damage is met in the middle of what is read ahead, too.
        read_buffer_size: 512,
        ..Default::default()
    }
}

fn entry(id: usize) -> Vec<u8> {
    match id % 5 {
        0 => format!("entry {id} ").repeat(1 + id % 4).into_bytes(),
        1 => Vec::new(),
        // Long enough to be compressed, and it gets smaller.
        2 => format!("compressible {id} ").repeat(20).into_bytes(),
        // Random bytes do not.
        3 => {
            let mut random = Random(id as u64 + 99);
            (0..230).map(|_| random.below(256) as u8).collect()
        }
        _ => vec![0; 17],
    }
}

/// Builds the log. Killed: as the process leaves it that dies, nothing closed.
pub fn build(killed: bool, mode: SyncMode) -> Sample {
    let dir = workplace();
    let root = dir.path().join("log");
    let wal = Wal::new(WalOptions {
        sync_mode: mode,
        ..options(&root)
    })
    .expect("opens");
    let mut entries = Vec::new();
    while entries.len() < 64 {
        let first = entries.len();
        let count = [1, 1, 1, 6, 1, 1, 3][first % 7];
        let batch: Vec<Vec<u8>> = (first..first + count).map(entry).collect();
        let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        match slices[..] {
            [single] => drop(wal.append(STREAM, single).expect("appends")),
            _ => drop(wal.append_batch(STREAM, &slices).expect("appends")),
        }
        entries.extend(batch);
    }
    let other: Vec<Vec<u8>> = (0..20)
        .map(|id| format!("other {id}").into_bytes())
        .collect();
    for entry in &other {
        wal.append(OTHER, entry).expect("appends");
    }
    let files = if killed {
        snapshot(&root)
    } else {
        wal.close().expect("closes");
        snapshot(&root)
    };
    let stream_files = files
        .iter()
        .filter(|(name, _)| name.starts_with(STREAM))
        .count();
    assert!(stream_files >= 4, "several sealed segments: {stream_files}");
    Sample {
        files,
        entries,
        other,
    }
}

impl Sample {
    /// The segment files of the stream: index into `files`.
    pub fn segments(&self) -> Vec<usize> {
        let of_stream = |i: &usize| self.files[*i].0.starts_with(STREAM);
        (0..self.files.len()).filter(of_stream).collect()
    }

    /// The frame of a file that a byte lies in.
    pub fn frame_at(&self, file: usize, offset: usize) -> Option<Frame> {
        let frames = frames(&self.files[file].1);
        frames
            .into_iter()
            .find(|frame| frame.bytes.contains(&offset))
    }

    /// Puts the log back, with a change to one file.
    pub fn put(&self, root: &Path, file: usize, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        restore(root, &self.files);
        let path = root.join(&self.files[file].0);
        let mut bytes = self.files[file].1.clone();
        change(&mut bytes);
        fs::write(&path, bytes).expect("writes");
        path
    }
}

/// Reads the stream in every way there is. Panics on a wrong byte, on a `None` below the end, on
/// an error without a place, on an entry outside `may_fail` that cannot be read, and when
/// iteration and look-ups differ. Returns the ids that could not be read.
pub fn read_all(
    wal: &Wal,
    entries: &[Vec<u8>],
    may_fail: Range<u64>,
    what: &dyn Fn() -> String,
) -> Vec<u64> {
    let stream = wal.stream(STREAM).expect("a stream");
    let mut failed = Vec::new();
    for (id, expected) in entries.iter().enumerate() {
        let id = id as u64;
        let mut target = [0; 512];
        let got = stream.get(id);
        if let Err(error) = &got {
            assert!(may_fail.contains(&id), "{}: id {id}: {error}", what());
            has_place(error, id, what);
            failed.push(id);
        } else {
            assert_eq!(
                got.as_ref().expect("good").as_ref(),
                Some(expected),
                "{}: id {id}",
                what()
            );
        }
        let view = stream.view(id).map(|view| view.expect("there").to_vec());
        let into = stream
            .get_into(id, &mut target)
            .map(|len| len.expect("there"));
        match (view, into) {
            (Ok(view), Ok(len)) => {
                assert_eq!((&view[..], &target[..len]), (&expected[..], &expected[..]));
                assert!(
                    got.is_ok(),
                    "{}: id {id}: get fails and view does not",
                    what()
                );
            }
            (Err(_), Err(_)) => assert!(got.is_err(), "{}: id {id}: only get works", what()),
            differ => panic!("{}: id {id}: {differ:?}", what()),
        }
    }
    assert_eq!(
        iterate(wal, entries, what),
        failed,
        "{}: iteration and get differ",
        what()
    );
    failed
}

fn has_place(error: &Error, id: u64, what: &dyn Fn() -> String) {
    let context = error.context();
    assert!(context.path.is_some(), "{}: {error} has no path", what());
    let ids = context.ids.clone();
    assert!(
        ids.is_some_and(|ids| ids.contains(&id)),
        "{}: {error}: {context:?}",
        what()
    );
    assert_eq!(
        context.stream.as_deref(),
        Some(STREAM),
        "{}: {error}",
        what()
    );
    if !matches!(error, Error::SegmentNotFound(_)) {
        assert!(
            context.offset.is_some(),
            "{}: {error} has no offset",
            what()
        );
    }
}

/// Iterates from the start: which ids are missing, each run reported by exactly one error.
fn iterate(wal: &Wal, entries: &[Vec<u8>], what: &dyn Fn() -> String) -> Vec<u64> {
    let mut failed = Vec::new();
    let mut next = 0;
    let mut errors = 0;
    for item in wal.iter_with_ids(STREAM, 0).expect("iterates") {
        match item {
            Ok((id, bytes)) => {
                assert!(next <= id && id <= next + if errors > 0 { u64::MAX / 2 } else { 0 });
                assert_eq!(
                    id == next,
                    errors == 0,
                    "{}: a run and its error, id {id}",
                    what()
                );
                assert_eq!(
                    Some(&bytes),
                    entries.get(id as usize),
                    "{}: id {id}",
                    what()
                );
                failed.extend(next..id);
                errors = 0;
                next = id + 1;
            }
            Err(error) => {
                has_place(&error, next, what);
                errors += 1;
                assert_eq!(errors, 1, "{}: one error a run: {error}", what());
            }
        }
    }
    if errors > 0 {
        failed.extend(next..entries.len() as u64);
        next = entries.len() as u64;
    }
    assert_eq!(
        next,
        entries.len() as u64,
        "{}: iteration ends early",
        what()
    );
    failed
}

/// The other stream is whole.
pub fn other_is_whole(wal: &Wal, other: &[Vec<u8>], what: &dyn Fn() -> String) {
    let all: Result<Vec<Vec<u8>>> = wal.iter(OTHER, 0).expect("iterates").collect();
    assert_eq!(all.expect("reads"), other, "{}", what());
}
