//! Files whose fields hold anything, under good checksums: what do those make of it who believe
//! them?

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::OnceLock;

use ironwal::sharded::ShardedWal;
use ironwal::*;

use super::fix_checksums::fix_index;
use super::fix_checksums::fix_sector;
use super::fix_checksums::fix_segment;
use super::format_twin::restore;
use super::format_twin::snapshot;
use super::format_twin::workplace;
use super::input::Input;
use super::log::POLICIES;
use super::log::entry;
use super::log::options;
use super::log::patch;

type Files = Vec<(PathBuf, Vec<u8>)>;

/// Logs in small: one that was closed, one that was killed, one with checkpoints.
fn samples() -> &'static [Files; 3] {
    static SAMPLES: OnceLock<[Files; 3]> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let place = workplace();
        let root = place.path().join("log");
        let wal = Wal::new(options(&root)).expect("opens");
        let long = vec![b'x'; 300];
        for id in 0..6 {
            wal.append("s", &entry(id)).expect("appends");
        }
        wal.append_batch("s", &[b"a", b"", b"bc"]).expect("appends");
        wal.sync("s").expect("syncs");
        wal.append_batch("s", &[&long, b"packed"]).expect("appends");
        wal.append("s", &long).expect("appends");
        let killed = with_index(&root);
        wal.close().expect("closes");
        let closed = with_index(&root);
        let root = place.path().join("sharded");
        let log = ShardedWal::new(options(&root), 2).expect("opens");
        for id in 0..3_u8 {
            log.append(&[id], &[id; 20]).expect("appends");
            log.create_checkpoint(&[b'c', id]).expect("creates");
        }
        log.prune_before_checkpoint(b"c\x01").expect("prunes");
        drop(log);
        [closed, killed, with_index(&root)]
    })
}

/// The files of a log, the derived ones too.
fn with_index(root: &Path) -> Files {
    let mut files = snapshot(root);
    let indices: Vec<_> = files
        .iter()
        .filter_map(|(name, _)| Some(name.parent()?.join("segments.idx")))
        .filter_map(|name| Some((name.clone(), std::fs::read(root.join(name)).ok()?)))
        .collect();
    files.extend(indices);
    files.sort();
    files.dedup();
    files
}

/// Any fields, and checksums to go with them.
pub fn fields(data: &[u8]) {
    let mut input = Input(data);
    let chosen = usize::from(input.byte()) % 3;
    let how = input.byte();
    let mut files = samples()[chosen].clone();
    while !input.is_empty() {
        let count = files.len();
        let at = usize::from(input.byte()) % count;
        patch(&mut input, &mut files[at].1);
    }
    // Only the chain is left as it is, if the input says so: links between files.
    let chained = how & 1 == 0;
    let mut links = HashMap::new();
    for (name, bytes) in &mut files {
        match name.file_name().and_then(|name| name.to_str()) {
            Some("segments.idx") => fix_index(bytes),
            Some("shards.meta") => fix_sector(bytes),
            Some("HEAD") => {}
            _ => {
                let dir = name.parent().map(Path::to_path_buf);
                let before = links.get(&dir).copied().filter(|_| chained);
                if let Some(link) = fix_segment(bytes, before) {
                    links.insert(dir, link);
                }
            }
        }
    }
    let place = workplace();
    let root = place.path().join("log");
    for policy in POLICIES {
        restore(&root, &files);
        let mut options = options(&root);
        options.on_corruption = policy;
        options.sync_mode = match how >> 1 & 1 {
            0 => SyncMode::Async,
            _ => SyncMode::Strict,
        };
        options.read_strategy = match how >> 2 & 1 {
            0 => ReadStrategy::StandardIo,
            _ => ReadStrategy::Mmap,
        };
        options.block_cache_size = (how >> 3 & 1 == 1).then_some(1 << 16);
        if let Ok(reader) = Wal::open_read_only(options.clone()) {
            read_all(&reader, options.sync_mode);
            let _ = reader.verify();
        }
        if chosen == 2 {
            use_checkpoints(&options);
        } else if let Ok(wal) = Wal::new(options.clone()) {
            read_all(&wal, options.sync_mode);
            let _ = wal.verify();
            let _ = wal.append("s", b"appended");
            read_all(&wal, options.sync_mode);
            let _ = wal.truncate("s", 7);
            let _ = wal.close();
        }
    }
}

fn use_checkpoints(options: &WalOptions) {
    let Ok(log) = ShardedWal::new(options.clone(), 2) else {
        return;
    };
    let _ = log.load_latest_checkpoint();
    for (id, _) in log.list_checkpoints() {
        let _ = log.load_checkpoint(&id);
    }
    for shard in 0..2 {
        if let Ok(entries) = log.iter_shard(shard, 0) {
            entries.take(1000).for_each(drop);
        }
    }
    let _ = log.create_checkpoint(b"new");
    let _ = log.prune_before_checkpoint(b"new");
    let _ = log.compact_checkpoints(1);
}

/// Reads by all ways, which must agree: an id in the stream is an entry or an error, never nothing,
/// and an entry is the same bytes whoever reads it.
fn read_all(wal: &Wal, mode: SyncMode) {
    for key in wal.streams().unwrap_or_default() {
        let Ok(stream) = wal.stream(&key) else {
            continue;
        };
        let (Ok(first), Ok(next), Ok(durable)) =
            (stream.first_id(), stream.next_id(), stream.durable_end())
        else {
            continue;
        };
        // Under Strict what is not durable is not shown.
        let next = match mode {
            SyncMode::Strict => next.min(durable),
            _ => next,
        };
        let mut behind = first;
        if let Ok(entries) = stream.iter_with_ids(0) {
            for (id, bytes) in entries.take(2000).flatten() {
                assert!((behind..next).contains(&id), "{id} in {behind}..{next}");
                behind = id + 1;
                let found = stream.get(id).expect("what was read once is read again");
                assert_eq!(found.as_ref(), Some(&bytes), "entry {id}");
                let viewed = stream.view(id).expect("and is seen");
                assert_eq!(viewed.as_deref(), Some(&bytes[..]), "entry {id}");
            }
        }
        for id in (first..next).take(40).chain([next.wrapping_sub(1)]) {
            if (first..next).contains(&id) {
                assert!(!matches!(stream.get(id), Ok(None)), "{id} is nowhere");
            }
        }
        for id in [first.wrapping_sub(1), next, u64::MAX] {
            if !(first..next).contains(&id) {
                assert!(!matches!(stream.get(id), Ok(Some(_))), "{id} is somewhere");
            }
        }
    }
}
