//! What must hold: memory that cannot be had for a length that the disk or the caller decides is an
//! error, never the end of the host; opening needs no more than its buffers however large a frame is;
//! and a read of many entries unpacks a compressed frame once.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use ironwal::*;

use crate::allocator::ALLOCATED;
use crate::allocator::MAX_AT_ONCE;
use crate::alone;
use crate::support;

/// What may be allocated at once where memory is short: several buffers, and no large frame.
const SHORT: usize = 512 << 10;

/// Runs `work` while memory is short.
fn while_short<R>(work: impl FnOnce() -> R) -> R {
    MAX_AT_ONCE.store(SHORT, Ordering::Relaxed);
    let done = work();
    MAX_AT_ONCE.store(usize::MAX, Ordering::Relaxed);
    done
}

/// Asks for what there is no memory for.
fn must_lack_memory<R>(name: &str, work: impl FnOnce() -> Result<R>) {
    let error = match while_short(work) {
        Ok(_) => panic!("{name}: there was memory"),
        Err(error) => error,
    };
    let Error::Io(cause) = &error else {
        panic!("{name}: {error:?}");
    };
    assert_eq!(cause.kind(), io::ErrorKind::OutOfMemory, "{name}");
    let text = error.to_string();
    assert!(text.contains("no memory for "), "{name}: {text}");
    assert!(error.context().advice.contains("memory"), "{name}");
}

/// Bytes that LZ4 shortens a little.
fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 16);
    while bytes.len() < len {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        bytes.extend_from_slice(&state.to_le_bytes()[1..]);
        bytes.extend_from_slice(&[0; 9]);
    }
    bytes.truncate(len);
    bytes
}

const S: &str = "s";

fn options(root: &Path, compression: CompressionType) -> WalOptions {
    WalOptions {
        root_path: root.to_path_buf(),
        sync_mode: SyncMode::Async,
        background_sync: None,
        compression,
        ..Default::default()
    }
}

/// Batches that are larger than what there is when memory is short, and whether they are compressed.
fn large_batches() -> Vec<(&'static str, CompressionType, Vec<Vec<u8>>)> {
    let few = || (0..4).map(|n| noise(1 << 20, n)).collect();
    let many = || (0..100_000).map(|n| noise(n as usize % 40, n)).collect();
    vec![
        ("one entry", CompressionType::None, vec![noise(4 << 20, 7)]),
        ("few entries", CompressionType::None, few()),
        ("many entries", CompressionType::None, many()),
        (
            "one packed entry",
            CompressionType::Lz4,
            vec![noise(4 << 20, 7)],
        ),
        ("few packed entries", CompressionType::Lz4, few()),
        ("many packed entries", CompressionType::Lz4, many()),
    ]
}

fn slices(entries: &[Vec<u8>]) -> Vec<&[u8]> {
    entries.iter().map(Vec::as_slice).collect()
}

/// The files of a log whose process died after it had appended "first", then `entries` as one.
fn left_by_a_killed_process(
    root: &Path,
    compression: CompressionType,
    entries: &[Vec<u8>],
) -> Vec<(PathBuf, Vec<u8>)> {
    let wal = Wal::new(options(root, compression)).expect("opens");
    wal.append(S, b"first").expect("appends");
    wal.append_batch(S, &slices(entries)).expect("appends");
    // As the kernel has them.
    support::files_in(root).into_iter().collect()
}

fn put(root: &Path, files: &[(PathBuf, Vec<u8>)]) {
    let _ = fs::remove_dir_all(root);
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("creates");
        fs::write(path, bytes).expect("writes");
    }
}

fn opens_what_is_larger_than_memory(place: &Path) {
    for (name, compression, entries) in large_batches() {
        let (alive, root) = (place.join("alive"), place.join("dead"));
        let files = left_by_a_killed_process(&alive, compression, &entries);
        fs::remove_dir_all(&alive).expect("removes");
        put(&root, &files);
        let wal = while_short(|| Wal::new(options(&root, compression)).expect(name));
        let found = support::all_entries(&wal, S);
        assert_eq!(found.len(), entries.len() + 1, "{name}");
        let same = found[1..].iter().zip(&entries);
        assert!(same.into_iter().all(|((_, a), b)| a == b), "{name}");
    }
}

fn cuts_a_torn_frame_that_is_larger_than_memory(place: &Path) {
    for (name, compression, entries) in large_batches() {
        let (alive, root) = (place.join("alive"), place.join("dead"));
        let files = left_by_a_killed_process(&alive, compression, &entries);
        fs::remove_dir_all(&alive).expect("removes");
        let is_segment = |(name, _): &&(PathBuf, Vec<u8>)| name.extension().is_some();
        let is_frames = |file: &&(PathBuf, Vec<u8>)| is_segment(file) && file.1.len() > 4096;
        let segment = files.iter().find(is_frames).expect("a segment").0.clone();
        // In the table, if there is one; in the middle; in the last piece, which zeros may follow.
        for place in [0.02, 0.5, 0.9] {
            let mut torn = files.clone();
            let bytes = &mut torn
                .iter_mut()
                .find(|file| file.0 == segment)
                .expect("it")
                .1;
            let end = bytes.iter().rposition(|&byte| byte != 0).expect("bytes");
            bytes[(end as f64 * place) as usize] ^= 0x10;
            put(&root, &torn);
            let wal = while_short(|| Wal::new(options(&root, compression)).expect(name));
            let found = support::all_entries(&wal, S);
            assert_eq!(found, [(0, b"first".to_vec())], "{name}, {place}");
        }
    }
}

fn reads_answer_an_error(place: &Path) {
    let entry = noise(4 << 20, 9);
    for compression in [CompressionType::None, CompressionType::Lz4] {
        for strategy in [ReadStrategy::StandardIo, ReadStrategy::Mmap] {
            let root = place.join(format!("{compression:?}{strategy:?}"));
            let mut options = options(&root, compression);
            options.read_strategy = strategy;
            let wal = Wal::new(options).expect("opens");
            let stream = wal.stream(S).expect("a handle");
            stream.append(b"small").expect("appends");
            stream.append(&entry).expect("appends");
            stream.append(b"last").expect("appends");
            stream.sync().expect("syncs");
            must_lack_memory("get", || stream.get(1));
            must_lack_memory("get_batch", || wal.get_batch(S, &[0, 1, 2]));
            must_lack_memory("iter", || wal.iter(S, 1)?.next().expect("an item"));
            must_lack_memory("ids", || wal.iter_with_ids(S, 1)?.next().expect("an item"));
            if !(strategy == ReadStrategy::Mmap && compression == CompressionType::None) {
                must_lack_memory("view", || stream.view(1));
                let mut target = vec![0; 4 << 20];
                must_lack_memory("get_into", || stream.get_into(1, &mut target));
            }
            // Neighbours are served meanwhile, and all of it once there is memory.
            while_short(|| {
                assert_eq!(stream.get(0).expect("reads").expect("is there"), b"small");
                assert_eq!(stream.get(2).expect("reads").expect("is there"), b"last");
            });
            assert_eq!(stream.get(1).expect("reads").as_ref(), Some(&entry));
            // A caller that skips errors comes to an end and is not shown a stream with a gap.
            let mut items = wal.iter_with_ids(S, 0).expect("iterates");
            let seen = while_short(|| {
                let ids = items.by_ref().filter_map(|item| item.ok());
                ids.map(|(id, _)| id).take(5).collect::<Vec<_>>()
            });
            assert_eq!(seen, [0], "{compression:?}, {strategy:?}");
            let ids = vec![0; 1 << 20];
            must_lack_memory("many ids", || wal.get_batch(S, &ids));
        }
    }
}

fn appends_answer_an_error_and_take_no_id(place: &Path) {
    let large = noise(4 << 20, 9);
    let few: Vec<Vec<u8>> = (0..4).map(|n| noise(1 << 20, n)).collect();
    let few = slices(&few);
    let many = vec![&b"x"[..]; 100_000];
    for (name, compression, buffer) in [
        ("plain", CompressionType::None, 64 << 10),
        ("packed", CompressionType::Lz4, 64 << 10),
        ("a large buffer", CompressionType::None, 64 << 20),
    ] {
        let mut options = options(&place.join(name), compression);
        options.write_buffer_size = buffer;
        options.write_strategy = WriteStrategy::StandardIo;
        let wal = Wal::new(options).expect("opens");
        wal.append(S, b"before").expect("appends");
        must_lack_memory(name, || wal.append_batch(S, &many));
        if name != "plain" {
            must_lack_memory(name, || wal.append(S, &large));
            must_lack_memory(name, || wal.append_batch(S, &few));
        }
        let mut writer = wal.writer(S);
        many.iter().for_each(|entry| writer.add(*entry));
        must_lack_memory(name, || writer.commit());
        assert_eq!(while_short(|| wal.append(S, b"behind")).expect(name), 1);
        assert_eq!(wal.append_batch(S, &many).expect(name), 2..100_002);
        wal.close().expect("closes");
    }
}

#[cfg(feature = "sharded")]
fn sharded_batches_answer_an_error_and_take_no_id(place: &Path) {
    let options = options(&place.join("log"), CompressionType::None);
    let wal = ShardedWal::new(options, 2).expect("opens");
    let batch: Vec<(Vec<u8>, Vec<u8>)> = (0..100_000u32)
        .map(|n| (n.to_le_bytes().to_vec(), b"x".to_vec()))
        .collect();
    must_lack_memory("a batch", || wal.append_batch(&batch));
    let values = vec![&b"x"[..]; 100_000];
    must_lack_memory("for a key", || wal.append_batch_for_key(b"k", &values));
    assert_eq!(wal.append(b"k", b"x").expect("appends").1, 0);
    let appended = wal.append_batch(&batch).expect("appends");
    assert_eq!(appended.len(), 100_000);
}

#[cfg(not(feature = "sharded"))]
fn sharded_batches_answer_an_error_and_take_no_id(_: &Path) {}

fn tools_answer_an_error_or_go_on(place: &Path) {
    let root = place.join("log");
    let wal = Wal::new(options(&root, CompressionType::Lz4)).expect("opens");
    for (_, _, entries) in large_batches().iter().skip(3) {
        wal.append_batch(S, &slices(entries)).expect("appends");
    }
    wal.close().expect("closes");
    let mut options = options(&root, CompressionType::None);
    options.max_segment_size = 1;
    let wal = Wal::new(options).expect("opens");
    for (_, _, entries) in large_batches().iter().take(3) {
        wal.append_batch(S, &slices(entries)).expect("appends");
    }
    let report = while_short(|| wal.verify()).expect("verifies");
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.entries, 2 * 100_005);
    wal.close().expect("closes");
    tools(place, &root);
}

#[cfg(feature = "cli")]
fn tools(place: &Path, root: &Path) {
    use std::ops::ControlFlow;
    let to = place.join("copy");
    let none = CompressionType::None;
    let report = while_short(|| repair::repair(root, &to, none, &mut |_| ())).expect("goes on");
    let why = report.streams[0].error.as_deref().expect("no copy");
    assert!(why.contains("no memory for "), "{why}");
    let shown = tools::LogDir::new(root).expect("a place");
    let all = tools::Selection::default();
    let visit = &mut |_: tools::DumpedEntry<'_>| ControlFlow::Continue(());
    must_lack_memory("dump", || tools::dump(&shown, &all, visit));
}

#[cfg(not(feature = "cli"))]
fn tools(_: &Path, _: &Path) {}

#[cfg(target_os = "linux")]
fn limits_of_the_system_are_met(place: &Path) {
    const LEN: usize = 200 << 20;
    let root = place.join("log");
    let entry = vec![7; LEN];
    let wal = Wal::new(options(&root, CompressionType::None)).expect("opens");
    let stream = wal.stream(S).expect("a handle");
    stream.append(&entry).expect("appends");
    stream.append(b"behind").expect("appends");
    drop(entry);
    let before = limit_memory(64 << 20);
    let error = stream.get(0).expect_err("there is no memory");
    assert!(error.to_string().contains(&LEN.to_string()), "{error}");
    assert_eq!(stream.get(1).expect("reads").expect("is there"), b"behind");
    lift_limit(before);
    assert_eq!(stream.get(0).expect("reads").expect("is there").len(), LEN);
    let files: Vec<_> = support::files_in(&root).into_iter().collect();
    wal.close().expect("closes");
    drop(stream);
    put(&root, &files);
    drop(files);
    limit_memory(64 << 20);
    let wal = Wal::new(options(&root, CompressionType::None)).expect("opens");
    let stream = wal.stream(S).expect("a handle");
    assert_eq!(stream.next_id().expect("is known"), 2);
    assert_eq!(stream.get(1).expect("reads").expect("is there"), b"behind");
}

/// Lets the process have so many more bytes of address space, and returns what the limit was.
#[cfg(target_os = "linux")]
fn limit_memory(more: u64) -> libc::rlimit {
    let status = fs::read_to_string("/proc/self/statm").expect("reads");
    let pages: u64 = status
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .expect("a number");
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: getrlimit writes the limit only.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) }, 0);
    let before = limit;
    // SAFETY: sysconf touches no memory of ours.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    limit.rlim_cur = pages * page + more;
    lift_limit(limit);
    before
}

#[cfg(target_os = "linux")]
fn lift_limit(limit: libc::rlimit) {
    // SAFETY: setrlimit reads the limit only.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}

/// What this program does as a child for the tests of this file.
pub const ROLES: &[support::Role] = &[
    ("open", opens_what_is_larger_than_memory),
    ("torn", cuts_a_torn_frame_that_is_larger_than_memory),
    ("read", reads_answer_an_error),
    ("append", appends_answer_an_error_and_take_no_id),
    ("sharded", sharded_batches_answer_an_error_and_take_no_id),
    ("tools", tools_answer_an_error_or_go_on),
    #[cfg(target_os = "linux")]
    ("limits", limits_of_the_system_are_met),
];

/// What lacks memory and does not answer so ends its process: each is a child of its own.
fn in_a_child(role: &str) {
    support::run_child(role, support::temp_dir().path());
}

#[test]
fn opening_after_a_kill_needs_no_memory_for_the_largest_frame() {
    in_a_child("open");
}

#[test]
fn a_torn_frame_that_is_larger_than_memory_is_cut() {
    in_a_child("torn");
}

#[test]
fn a_read_that_lacks_memory_answers_an_error_and_works_once_there_is_some() {
    in_a_child("read");
}

#[test]
fn an_append_that_lacks_memory_answers_an_error_and_takes_no_id() {
    in_a_child("append");
}

#[test]
fn a_sharded_batch_that_lacks_memory_answers_an_error_and_takes_no_id() {
    in_a_child("sharded");
}

#[test]
fn verify_needs_no_memory_for_frames_and_the_other_tools_answer_an_error() {
    in_a_child("tools");
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_on_the_address_space_is_an_error_of_the_call_that_meets_it() {
    in_a_child("limits");
}

/// How many bytes `work` allocates.
fn allocated_by<R>(work: impl FnOnce() -> R) -> (usize, R) {
    let before = ALLOCATED.get();
    let done = work();
    (ALLOCATED.get() - before, done)
}

/// The old bug: once per id, so that all ids of a frame took time that grows with their square.
#[test]
fn a_batch_of_reads_unpacks_each_compressed_frame_once() {
    const IN_A_FRAME: u64 = 500;
    const LEN: usize = 200;
    let _alone = alone();
    let place = support::temp_dir();
    let wal = Wal::new(options(place.path(), CompressionType::Lz4)).expect("opens");
    let entry = |id: u64| noise(LEN, id);
    for frame in 0..3 {
        let ids = frame * IN_A_FRAME..(frame + 1) * IN_A_FRAME;
        let entries: Vec<Vec<u8>> = ids.map(entry).collect();
        wal.append_batch(S, &slices(&entries)).expect("appends");
    }
    let all: Vec<u64> = (0..3 * IN_A_FRAME).collect();
    let reversed: Vec<u64> = all.iter().rev().copied().collect();
    let twice: Vec<u64> = all.iter().flat_map(|&id| [id, id]).collect();
    // From one frame to the next and back, with ids that are not there between.
    let woven: Vec<u64> = (0..IN_A_FRAME)
        .flat_map(|n| [n, n + IN_A_FRAME, n + 2 * IN_A_FRAME, 1 << 40])
        .collect();
    let orders = [
        ("in order", all),
        ("reversed", reversed),
        ("twice", twice),
        ("woven", woven),
    ];
    let _warm = wal.get_batch(S, &[0]).expect("reads");
    for (name, ids) in orders {
        let (allocated, found) = allocated_by(|| wal.get_batch(S, &ids).expect("reads"));
        let expected = ids
            .iter()
            .map(|&id| (id < 3 * IN_A_FRAME).then(|| entry(id)));
        assert!(found.into_iter().eq(expected), "{name}");
        // The entries, what holds them, and each frame as stored and unpacked.
        let entries = ids.len() * (LEN + 64);
        let frames = 3 * IN_A_FRAME as usize * (LEN + 8);
        let bound = entries + 4 * frames;
        assert!(
            allocated < bound,
            "{name}: {allocated} bytes, {bound} are enough"
        );
    }
    let (allocated, count) = allocated_by(|| wal.iter(S, 0).expect("iterates").count());
    assert_eq!(count as u64, 3 * IN_A_FRAME);
    assert!(
        allocated < 5 * 3 * IN_A_FRAME as usize * (LEN + 64),
        "{allocated} bytes"
    );
}
