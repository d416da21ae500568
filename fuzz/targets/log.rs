//! Hostile files, and sequences of calls that a model follows.

use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use ironwal::sharded::ShardedWal;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use super::format_twin::Forged;
use super::format_twin::restore;
use super::format_twin::seed;
use super::format_twin::snapshot;
use super::format_twin::workplace;
use super::input::Input;

type Files = Vec<(PathBuf, Vec<u8>)>;

pub const POLICIES: [CorruptionPolicy; 2] = [CorruptionPolicy::Error, CorruptionPolicy::Truncate];

pub fn options(root: &Path) -> WalOptions {
    let mut options = WalOptions::new(root);
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
    options.max_segment_size = 400;
    options.min_compression_size = 40;
    options.compression = CompressionType::Lz4;
    options.write_strategy = WriteStrategy::StandardIo;
    options
}

pub fn entry(id: u64) -> Vec<u8> {
    format!("entry {id} ").repeat(id as usize % 7).into_bytes()
}

/// A small log of two streams, closed.
fn sample() -> &'static Files {
    static SAMPLE: OnceLock<Files> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let place = workplace();
        let wal = Wal::new(options(&place.path().join("log"))).expect("opens");
        for id in 0..12 {
            wal.append("s", &entry(id)).expect("appends");
        }
        wal.append_batch("s", &[&entry(12), &entry(13)])
            .expect("appends");
        wal.append("other", b"o").expect("appends");
        wal.close().expect("closes");
        snapshot(&place.path().join("log"))
    })
}

/// Opens what is there, reads all of it, appends, and closes.
fn look(root: &Path, policy: CorruptionPolicy, check: impl Fn(u64, &[u8])) {
    let mut options = options(root);
    options.on_corruption = policy;
    let Ok(wal) = Wal::new(options) else {
        return;
    };
    for key in wal.streams().unwrap_or_default() {
        if let Ok(entries) = wal.iter_with_ids(&key, 0) {
            for (id, bytes) in entries.take(2000).flatten() {
                if key == "s" {
                    check(id, &bytes);
                }
            }
        }
        for id in [0, 1, 13, 14, 1 << 20, u64::MAX] {
            if let (Ok(Some(bytes)), true) = (wal.get(&key, id), key == "s") {
                check(id, &bytes);
            }
        }
        let _ = wal.append(&key, b"appended");
        let _ = wal.truncate(&key, 5);
    }
    let _ = wal.close();
}

/// Frames whose checksums are good, whatever their fields say, behind good ones.
pub fn frames(data: &[u8]) {
    let mut input = Input(data);
    let place = workplace();
    let root = place.path().join("log");
    let kept = usize::from(input.byte());
    let (name, first) = sample()
        .iter()
        .find(|(name, _)| name.ends_with("s/00000000000000000000.wal"))
        .expect("a first segment");
    let good = super::format_twin::frames(first);
    let until = good.get(kept % good.len()).map_or(1536, |f| f.bytes.start);
    let mut file = first[..until].to_vec();
    if input.byte() % 2 == 0 {
        // No slot says that anything of it was durable: a tail.
        file[512..1536].fill(0);
    }
    let seed = seed("s", 0, 0);
    let mut next_id = kept as u64 % good.len() as u64;
    let mut previous_len = match next_id {
        0 => 0,
        kept => good[kept as usize - 1].bytes.len() as u32,
    };
    while !input.is_empty() && file.len() < 100_000 {
        // Each field is what it should be, unless a bit asks for another.
        let wrong = input.byte();
        let payload_len = input.number().min(600) as usize;
        let (kind, codec) = (input.byte() % 5, input.byte() % 4);
        let entry_count = input.number() as u32;
        let mut field = |bit: u8, right: u64| match wrong >> bit & 1 {
            0 => right,
            _ => input.number(),
        };
        let (stored_len, first_id) = (field(0, payload_len as u64), field(1, next_id));
        let uncompressed_len = field(2, stored_len) as u32;
        let previous = field(3, u64::from(previous_len)) as u32;
        let some_crc = field(4, 0);
        let mut payload = input.bytes(payload_len).to_vec();
        payload.resize(payload_len, 0);
        let forged = Forged {
            payload_crc: match wrong >> 4 & 1 {
                0 => crc32fast::hash(&payload),
                _ => some_crc as u32,
            },
            first_id,
            entry_count,
            stored_len: stored_len as u32,
            uncompressed_len,
            previous_len: previous,
            kind,
            codec,
        };
        let header = forged.header(seed, file.len());
        file.extend(&header);
        file.extend(&payload);
        next_id = first_id.wrapping_add(u64::from(entry_count));
        previous_len = (header.len() + payload.len()) as u32;
    }
    for policy in POLICIES {
        restore(&root, &[(name.clone(), file.clone())]);
        look(&root, policy, |_, _| ());
    }
}

/// A directory of files with arbitrary names and content.
pub fn directory(data: &[u8]) {
    let names = [
        "s/00000000000000000000.wal",
        "s/00000000000000000005.wal",
        "s/18446744073709551615.wal",
        "s/segments.idx",
        "s/next.tmp",
        "s/00000000000000000000.wal#cut-0",
        "t/00000000000000000000.wal",
        "gone#deleted/00000000000000000000.wal",
        "a file",
        "LOCK",
        "%zz/00000000000000000000.wal",
        "shards.meta",
        "checkpoints.log",
    ];
    let mut input = Input(data);
    let mut files = match input.byte() % 2 {
        0 => Files::new(),
        _ => sample().clone(),
    };
    while !input.is_empty() {
        let name = names[usize::from(input.byte()) % names.len()];
        let len = usize::from(input.u16());
        let content = match input.byte() % 4 {
            0 => vec![0; len],
            1 => sample()[len % sample().len()].1.clone(),
            _ => input.bytes(len).to_vec(),
        };
        files.push((name.into(), content));
    }
    let place = workplace();
    let root = place.path().join("log");
    for policy in POLICIES {
        restore(&root, &files);
        look(&root, policy, |_, _| ());
    }
}

/// The input's patches to one of the files.
pub fn patch(input: &mut Input<'_>, bytes: &mut Vec<u8>) {
    let at = usize::from(input.u16()) % (bytes.len() + 1);
    match input.byte() % 5 {
        0 => bytes.truncate(at),
        1 => {
            let len = usize::from(input.byte());
            bytes.splice(at..at, input.bytes(len).iter().copied());
        }
        2 => {
            let end = (at + usize::from(input.u16())).min(bytes.len());
            bytes[at..end].fill(0);
        }
        3 => {
            let end = (at + usize::from(input.byte())).min(bytes.len());
            drop(bytes.drain(at..end));
        }
        _ => {
            for byte in &mut bytes[at..] {
                match input.byte() {
                    0 => break,
                    change => *byte ^= change,
                }
            }
        }
    }
}

/// The segments of a log, changed anywhere: never a wrong byte.
pub fn segments(data: &[u8]) {
    let mut input = Input(data);
    let mut files = sample().clone();
    while !input.is_empty() {
        let count = files.len();
        let file = &mut files[usize::from(input.byte()) % count].1;
        patch(&mut input, file);
    }
    let place = workplace();
    let root = place.path().join("log");
    for policy in POLICIES {
        restore(&root, &files);
        look(&root, policy, |id, bytes| {
            let appended_now = bytes == b"appended";
            assert!(
                appended_now || (id < 14 && *bytes == entry(id)),
                "entry {id}"
            );
        });
    }
}

/// The files of a sharded log beside its segments, changed anywhere.
pub fn checkpoints(data: &[u8]) {
    static SAMPLE: OnceLock<Files> = OnceLock::new();
    let sample = SAMPLE.get_or_init(|| {
        let place = workplace();
        let root = place.path().join("log");
        let log = ShardedWal::new(options(&root), 3).expect("opens");
        for id in 0..6_u8 {
            log.append(&[id], &[id; 20]).expect("appends");
            log.create_checkpoint(&[b'c', id]).expect("creates");
        }
        log.prune_before_checkpoint(b"c\x02").expect("prunes");
        drop(log);
        snapshot(&root)
    });
    let mut input = Input(data);
    let mut files = sample.clone();
    let mut own: Vec<_> = files
        .iter_mut()
        .filter(|(name, _)| name.components().count() == 1)
        .collect();
    assert!(own.len() >= 2, "the log of checkpoints, and the count");
    while !input.is_empty() {
        let count = own.len();
        let chosen = usize::from(input.byte()) % count;
        patch(&mut input, &mut own[chosen].1);
    }
    let place = workplace();
    let root = place.path().join("log");
    for policy in POLICIES {
        restore(&root, &files);
        let mut options = options(&root);
        options.on_corruption = policy;
        let Ok(log) = ShardedWal::new(options, 3) else {
            continue;
        };
        let check = |id: &[u8], found: &sharded::CheckpointData| {
            let known = id.len() == 2 && id[0] == b'c' && id[1] < 6;
            assert!(known && found.offsets.len() == 3, "{id:?}: {found:?}");
            let entries: u64 = found.offsets.iter().sum();
            assert_eq!(entries, u64::from(id[1]) + 1, "{id:?}");
        };
        if let Ok((id, found)) = log.load_latest_checkpoint() {
            check(&id, &found);
        }
        for id in 0..7 {
            if let Ok(found) = log.load_checkpoint(&[b'c', id]) {
                check(&[b'c', id], &found);
            }
        }
        let _ = log.list_checkpoints();
        let _ = log.create_checkpoint(b"new");
        let _ = log.compact_checkpoints(2);
    }
}

/// Calls chosen by the input, with a model beside them; crashes included.
pub fn operations(data: &[u8]) {
    let mut input = Input(data);
    let mut options = options(Path::new("/log"));
    options.max_segment_size = [1, 150, 700, 64 << 20][usize::from(input.byte()) % 4];
    options.max_open_segments = 1 + usize::from(input.byte()) % 3;
    options.write_buffer_size = [0, 100, 64 << 10][usize::from(input.byte()) % 3];
    options.write_strategy = match input.byte() % 2 {
        0 => WriteStrategy::Mmap,
        _ => WriteStrategy::StandardIo,
    };
    options.on_corruption = CorruptionPolicy::Error;
    let mut disk = SimulatedDisk::new();
    let open = |disk: &SimulatedDisk| {
        Wal::open_simulated(disk, options.clone()).expect("no crash refuses the open")
    };
    let mut wal = open(&disk);
    // By stream: the first id, the entries from 0 on, and how many of them are durable.
    let mut model: [(u64, Vec<Vec<u8>>, usize); 2] = Default::default();
    let keys = ["a", "b c"];
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        let at = usize::from(input.byte()) % 2;
        let (key, (first, entries, durable)) = (keys[at], &mut model[at]);
        match input.byte() % 10 {
            0..3 => {
                let bytes = vec![input.byte(); input.number().min(3000) as usize];
                let id = wal.append(key, &bytes).expect("appends");
                assert_eq!(id, entries.len() as u64);
                entries.push(bytes);
            }
            3 => {
                let count = input.byte() % 5;
                let batch: Vec<_> = (0..count)
                    .map(|i| vec![i; usize::from(input.byte())])
                    .collect();
                let slices: Vec<_> = batch.iter().map(Vec::as_slice).collect();
                let ids = wal.append_batch(key, &slices).expect("appends");
                let next = entries.len() as u64;
                assert_eq!(ids, next..next + u64::from(count));
                entries.extend(batch);
            }
            4 if !entries.is_empty() => {
                wal.sync(key).expect("syncs");
                *durable = entries.len();
            }
            5 if !entries.is_empty() => {
                let safe_id = input.number();
                wal.truncate(key, safe_id).expect("truncates");
                let stream = wal.stream(key).expect("a handle");
                let now = stream.first_id().expect("is known");
                assert!(now <= safe_id.max(*first) && now >= *first);
                (*first, *durable) = (now, entries.len());
            }
            6 => {
                wal.delete_stream(key).expect("deletes");
                (*first, *durable) = (0, 0);
                entries.clear();
            }
            7 => {
                let id = input.number();
                let found = wal.get(key, id).expect("reads");
                let here = (*first..entries.len() as u64).contains(&id);
                assert_eq!(found, here.then(|| entries[id as usize].clone()));
            }
            8 => {
                wal.close().expect("closes");
                wal = open(&disk);
                model
                    .iter_mut()
                    .for_each(|(_, entries, durable)| *durable = entries.len());
            }
            _ => {
                let after = disk.crash(u64::from(input.byte()), DirectoryModel::Strict);
                disk.kill();
                drop(wal);
                disk = after;
                wal = open(&disk);
                for (key, (first, entries, durable)) in keys.iter().zip(&mut model) {
                    let next = wal
                        .stream(key)
                        .expect("a handle")
                        .next_id()
                        .expect("is known");
                    assert!(next >= *durable as u64 && next <= entries.len() as u64);
                    entries.truncate(next as usize);
                    *durable = next as usize;
                    *first = (*first).min(next);
                }
            }
        }
    }
    for (key, (first, entries, _)) in keys.iter().zip(&model) {
        let found: Vec<_> = wal
            .iter_with_ids(key, 0)
            .expect("iterates")
            .map(|entry| entry.expect("a good entry"))
            .collect();
        let expected = entries.iter().cloned().enumerate().skip(*first as usize);
        let expected: Vec<_> = expected.map(|(id, bytes)| (id as u64, bytes)).collect();
        assert_eq!(found, expected, "{key}");
    }
}
