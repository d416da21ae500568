//! Every bit flipped, every length cut to, every file missing, swapped with another, replaced by
//! one of another stream or another time: on the simulated disk, so that all of it is affordable.
//!
//! The log: a stream of sealed segments and an active one, a second stream, a shard with
//! checkpoints, and the files beside them. `IRONWAL_LONG=1` tries everything; otherwise one case in
//! so many, others every time; `IRONWAL_DAMAGE_SEED` says which.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::format_twin::*;
use crate::sample::OTHER;
use crate::sample::STREAM;
use crate::sample::other_is_whole;
use crate::sample::read_all;

type Files = BTreeMap<PathBuf, Vec<u8>>;

struct Base {
    disk: SimulatedDisk,
    files: Files,
    entries: Vec<Vec<u8>>,
    other: Vec<Vec<u8>>,
    checkpoints: Vec<(Vec<u8>, CheckpointData)>,
    /// Where each record of a checkpoint ends.
    record_ends: Vec<usize>,
}

fn wal_options() -> WalOptions {
    WalOptions {
        max_segment_size: 260,
        compression: CompressionType::Lz4,
        min_compression_size: 100,
        background_sync: None,
        read_buffer_size: 512,
        ..WalOptions::new("/log")
    }
}

fn open(disk: &SimulatedDisk, policy: CorruptionPolicy) -> Result<Wal> {
    let mut options = wal_options();
    options.on_corruption = policy;
    Wal::open_simulated_stepped(disk, options, Arc::new(|_, _| ()))
}

fn entry(what: &str, id: usize) -> Vec<u8> {
    match id % 4 {
        0 => format!("{what} {id}").into_bytes(),
        1 => Vec::new(),
        2 => format!("{what} compressible {id} ").repeat(8).into_bytes(),
        _ => vec![id as u8; 23],
    }
}

fn append(wal: &Wal, key: &str, what: &str, range: Range<usize>) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while range.start + entries.len() < range.end {
        let first = range.start + entries.len();
        let count = [1, 1, 3][first % 3];
        let batch: Vec<Vec<u8>> = (first..first + count).map(|id| entry(what, id)).collect();
        let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let ids = wal.append_batch(key, &slices).expect("appends");
        assert_eq!(ids.start, first as u64);
        entries.extend(batch);
    }
    entries
}

/// Sets the property of the stream, durably.
fn vote(wal: &Wal, value: &str) {
    let changes: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(value.as_bytes()))];
    let set = wal.set_properties(STREAM, &changes, Durability::Durable);
    set.expect("sets");
}

impl Base {
    /// `what` the entries say; killed: nothing is closed.
    fn new(what: &str, killed: bool) -> Base {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, CorruptionPolicy::Error).expect("opens");
        let sharded = ShardedWal::on(wal.clone(), ShardedOptions::new(1)).expect("opens");
        vote(&wal, "an older vote");
        let mut entries = append(&wal, STREAM, what, 0..10);
        vote(&wal, what);
        entries.extend(append(&wal, STREAM, what, entries.len()..22));
        let other = append(&wal, OTHER, what, 0..4);
        let (mut checkpoints, mut record_ends) = (Vec::new(), Vec::new());
        for id in [b"one", b"two", b"six"] {
            sharded.append(b"k", id).expect("appends");
            sharded.create_checkpoint(id).expect("creates");
            checkpoints.push((id.to_vec(), sharded.load_checkpoint(id).expect("loads")));
            record_ends.push(disk.contents("/log/checkpoints.log").expect("reads").len());
        }
        let disk = if killed {
            let killed = disk.kill();
            drop((sharded, wal));
            killed
        } else {
            drop(sharded);
            wal.close().expect("closes");
            disk
        };
        let disk = disk.crash(1, DirectoryModel::Strict);
        let files = disk.files();
        let segments = files.keys().filter(|path| is_segment(path, STREAM)).count();
        assert!(segments >= 3, "sealed ones and an active one: {segments}");
        Base {
            disk,
            files,
            entries,
            other,
            checkpoints,
            record_ends,
        }
    }

    fn copy(&self) -> SimulatedDisk {
        self.disk.crash(1, DirectoryModel::Strict)
    }

    fn with(&self, path: &Path, bytes: &[u8]) -> SimulatedDisk {
        let disk = self.copy();
        disk.put(path, bytes);
        disk
    }

    /// Files with a content; others have no bit to flip.
    fn contents(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let files = self.files.iter().filter(|(_, bytes)| !bytes.is_empty());
        files.map(|(path, bytes)| (path.as_path(), &bytes[..]))
    }

    fn segments(&self, key: &str) -> Vec<&Path> {
        let paths = self.files.keys().filter(|path| is_segment(path, key));
        paths.map(PathBuf::as_path).collect()
    }

    /// The ids of a segment.
    fn ids(&self, segment: &Path) -> Range<u64> {
        let frames = frames(&self.files[segment]);
        let end = frames.iter().map(|frame| frame.ids.end).max();
        frames[0].ids.start..end.unwrap_or(0)
    }

    /// Looks at the damaged log in every way. The entries of the stream that may be unreadable are
    /// in `may_fail`; others are read. Where a whole file is another's, the stream may refuse.
    fn check(&self, disk: &SimulatedDisk, damage: &Damage<'_>, what: &dyn Fn() -> String) {
        let before = disk.files();
        let strict = open(disk, CorruptionPolicy::Error);
        match strict {
            Ok(wal) => {
                self.check_streams(&wal, damage, what);
                disk.kill();
            }
            Err(error) => {
                assert!(!damage.is_harmless, "{}: refused: {error}", what());
                let names = damage.paths.iter().any(|path| names(&error, path));
                assert!(names, "{}: the file is not named: {error}", what());
                assert!(disk.files() == before, "{}: something changed", what());
            }
        }
    }

    fn check_streams(&self, wal: &Wal, damage: &Damage<'_>, what: &dyn Fn() -> String) {
        if damage.may_refuse && wal.stream(STREAM).is_err() {
            let error = wal.append(STREAM, b"").expect_err("refused");
            let is_named = damage.paths.iter().any(|path| names(&error, path));
            assert!(is_named, "{}: the file is not named: {error}", what());
        } else {
            read_all(wal, &self.entries, damage.may_fail.clone(), what);
            self.check_vote(wal, damage, what);
        }
        if !damage.of_other {
            other_is_whole(wal, &self.other, what);
        }
    }

    /// The newest property is served, or none: an error, where its stream was damaged.
    fn check_vote(&self, wal: &Wal, damage: &Damage<'_>, what: &dyn Fn() -> String) {
        let of_stream = damage.paths.iter().any(|path| is_segment(path, STREAM));
        match wal.property(STREAM, b"vote") {
            Ok(found) => assert!(
                damage.may_refuse || found.as_deref() == Some(&b"entry"[..]),
                "{}: the property is {found:?}",
                what()
            ),
            Err(error) => assert!(of_stream, "{}: the property: {error}", what()),
        }
    }

    /// Opens leniently, reads, appends, and reads once more after reopening.
    fn check_lenient(&self, disk: &SimulatedDisk, damage: &Damage<'_>, what: &dyn Fn() -> String) {
        let wal = open(disk, CorruptionPolicy::Truncate)
            .unwrap_or_else(|error| panic!("{}: {error}", what()));
        self.check_streams(&wal, damage, what);
        self.check_sharded(&wal, damage, what);
        if wal.stream(STREAM).is_err() {
            return;
        }
        let end = self.entries.len() as u64;
        let id = wal.append(STREAM, b"after").expect("appends");
        assert!(id >= end, "{}: id {id} is given twice", what());
        wal.close().expect("closes");
        let wal = open(disk, CorruptionPolicy::Truncate).expect("opens again");
        self.check_streams_again(&wal, damage, what);
        self.check_vote(&wal, damage, what);
        let found = wal.get(STREAM, id).expect("reads");
        assert_eq!(found.as_deref(), Some(&b"after"[..]), "{}", what());
        assert_eq!(wal.append(STREAM, b"more").expect("appends"), id + 1);
    }

    fn check_streams_again(&self, wal: &Wal, damage: &Damage<'_>, what: &dyn Fn() -> String) {
        for (id, entry) in (0..).zip(&self.entries) {
            match wal.get(STREAM, id) {
                Ok(Some(found)) => assert!(found == *entry, "{}: entry {id} later", what()),
                Ok(None) => panic!("{}: entry {id} is none later", what()),
                Err(error) => {
                    assert!(damage.may_fail.contains(&id), "{}: {id}: {error}", what());
                }
            }
        }
    }

    fn check_sharded(&self, wal: &Wal, damage: &Damage<'_>, what: &dyn Fn() -> String) {
        let sharded = match ShardedWal::on(wal.clone(), ShardedOptions::new(1)) {
            Ok(sharded) => sharded,
            Err(error) => {
                let is_named = damage.paths.iter().any(|path| names(&error, path));
                assert!(damage.of_count, "{}: refused: {error}", what());
                assert!(is_named, "{}: the file is not named: {error}", what());
                return;
            }
        };
        for (number, (id, data)) in self.checkpoints.iter().enumerate() {
            match sharded.load_checkpoint(id) {
                Ok(found) => assert!(found == *data, "{}: another checkpoint", what()),
                Err(error) => assert!(
                    damage.may_lose_checkpoint(number, &error),
                    "{}: checkpoint {number}: {error}",
                    what()
                ),
            }
        }
        match sharded.load_latest_checkpoint() {
            Ok((id, data)) => {
                let newest = self.checkpoints.last().expect("some");
                assert_eq!((&id, &data), (&newest.0, &newest.1), "{}", what());
            }
            Err(error) => {
                let newest = self.checkpoints.len() - 1;
                let may = damage.may_lose_checkpoint(newest, &error);
                assert!(may, "{}: latest: {error}", what());
            }
        }
        let shard = match sharded.iter_shard_with_ids(0, 0) {
            Ok(shard) => shard,
            Err(error) => return assert!(damage.of_shard, "{}: shard: {error}", what()),
        };
        for (item, expected) in shard.zip([b"one", b"two", b"six"]) {
            match item {
                Ok((_, bytes)) => assert_eq!(bytes, expected, "{}", what()),
                Err(error) => assert!(damage.of_shard, "{}: shard: {error}", what()),
            }
        }
    }
}

/// What was done, and what it may cost.
#[derive(Clone, Debug, Default)]
struct Damage<'a> {
    /// The files that it was done to.
    paths: Vec<&'a Path>,
    /// The ids of the stream that may be lost.
    may_fail: Range<u64>,
    /// The stream may refuse all: a file in it is another's.
    may_refuse: bool,
    /// Nothing that counts was touched.
    is_harmless: bool,
    of_other: bool,
    of_shard: bool,
    of_count: bool,
    /// The checkpoints that may be damaged.
    checkpoints: Range<usize>,
    /// The checkpoint log is gone or another's.
    all_checkpoints: bool,
}

impl<'a> Damage<'a> {
    fn of(path: &'a Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Damage {
            paths: vec![path],
            is_harmless: name == "segments.idx" || name == "HEAD" || name == "LOCK",
            of_other: is_segment(path, OTHER),
            of_shard: is_segment(path, "shard_00"),
            of_count: name == "shards.meta",
            ..Damage::default()
        }
    }

    fn and(mut self, other: Damage<'a>) -> Self {
        self.paths.extend(other.paths);
        self.is_harmless &= other.is_harmless;
        self.of_other |= other.of_other;
        self.of_shard |= other.of_shard;
        self.of_count |= other.of_count;
        self
    }

    fn may_lose_checkpoint(&self, number: usize, error: &Error) -> bool {
        let is_damaged = matches!(error, Error::CheckpointCorrupted { .. });
        self.all_checkpoints || (is_damaged && self.checkpoints.contains(&number))
    }
}

fn is_segment(path: &Path, key: &str) -> bool {
    path.starts_with(Path::new("/log").join(key)) && path.extension().is_some_and(|e| e == "wal")
}

/// Whether the error names the file, or one beside it that shows its loss.
fn names(error: &Error, path: &Path) -> bool {
    let directory = path.parent().unwrap_or(path);
    error.to_string().contains(&directory.display().to_string())
        || error
            .context()
            .path
            .is_some_and(|named| named.starts_with(directory))
}

fn is_long() -> bool {
    std::env::var_os("IRONWAL_LONG").is_some()
}

/// Picks the cases to try.
struct Chooser {
    share: u64,
    random: Random,
    tried: Cell<u64>,
    all: u64,
    seed: u64,
}

impl Chooser {
    fn one_in(share: u64) -> Self {
        let asked = std::env::var("IRONWAL_DAMAGE_SEED").ok();
        let seed = asked.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.map_or(1, |now| u64::from(now.subsec_nanos()) | 1)
        });
        Chooser {
            share: if is_long() { 1 } else { share },
            random: Random(seed),
            tried: Cell::new(0),
            all: 0,
            seed,
        }
    }

    fn picks(&mut self) -> bool {
        self.all += 1;
        let picked = self.random.below(self.share as usize) == 0;
        self.tried.set(self.tried.get() + u64::from(picked));
        picked
    }
}

impl Drop for Chooser {
    fn drop(&mut self) {
        let (tried, all, seed) = (self.tried.get(), self.all, self.seed);
        eprintln!("{tried} of {all} cases, IRONWAL_DAMAGE_SEED={seed}");
    }
}

/// The frame of a segment that the byte lies in.
fn frame_at(bytes: &[u8], place: usize) -> Option<Frame> {
    let mut frames = frames(bytes).into_iter();
    frames.find(|frame| frame.bytes.contains(&place) && !frame.is_footer)
}

fn flip_each_bit(killed: bool, share: u64) {
    let base = Base::new("entry", killed);
    let mut chooser = Chooser::one_in(share);
    for (path, bytes) in base.contents() {
        for bit in 0..bytes.len() * 8 {
            if !chooser.picks() {
                continue;
            }
            let (place, mask) = (bit / 8, 1 << (bit % 8));
            let what = || format!("{}, byte {place}, bit {mask:#x}", path.display());
            let mut damaged = bytes.to_vec();
            damaged[place] ^= mask;
            let mut damage = Damage::of(path);
            if is_segment(path, STREAM) {
                damage.may_fail = frame_at(bytes, place).map_or(0..0, |frame| frame.ids);
            }
            if path.ends_with("checkpoints.log") && place >= FIRST_FRAME {
                let number = base.record_ends.iter().position(|end| place < *end);
                damage.checkpoints = number.map_or(0..0, |number| number..number + 1);
            }
            base.check(&base.with(path, &damaged), &damage, &what);
            base.check_lenient(&base.with(path, &damaged), &damage, &what);
        }
    }
}

#[test]
fn each_bit_of_each_file_flipped_costs_its_own_frame_at_most() {
    flip_each_bit(false, 61);
}

#[test]
fn each_bit_of_each_file_of_a_killed_process_flipped_costs_its_own_frame_at_most() {
    flip_each_bit(true, 97);
}

#[test]
fn each_file_cut_to_each_length_keeps_what_lies_before_the_cut() {
    let base = Base::new("entry", false);
    let mut chooser = Chooser::one_in(13);
    for (path, bytes) in base.contents() {
        for len in 0..bytes.len() {
            if !chooser.picks() {
                continue;
            }
            let what = || format!("{} cut to {len}", path.display());
            let mut damage = Damage::of(path);
            if is_segment(path, STREAM) {
                let whole = frames(bytes).into_iter().filter(|frame| !frame.is_footer);
                let kept = whole.filter(|frame| len >= 512 && frame.bytes.end <= len);
                let ids = base.ids(path);
                let kept = kept.map(|frame| frame.ids.end).max().unwrap_or(ids.start);
                damage.may_fail = kept..ids.end;
            }
            if path.ends_with("checkpoints.log") {
                let kept = base.record_ends.iter().filter(|end| **end <= len).count();
                damage.checkpoints = kept..base.checkpoints.len();
                damage.all_checkpoints = len < FIRST_FRAME;
            }
            base.check(&base.with(path, &bytes[..len]), &damage, &what);
            base.check_lenient(&base.with(path, &bytes[..len]), &damage, &what);
        }
    }
}

#[test]
fn each_file_missing_costs_what_it_held() {
    for killed in [false, true] {
        let base = Base::new("entry", killed);
        for path in base.files.keys() {
            let what = || format!("{} is missing, killed {killed}", path.display());
            let mut damage = Damage::of(path);
            if is_segment(path, STREAM) {
                damage.may_fail = base.ids(path);
            }
            damage.all_checkpoints = path.ends_with("checkpoints.log");
            let disk = base.copy();
            assert!(disk.lose(path));
            base.check_lenient(&disk, &damage, &what);
        }
    }
}

#[test]
fn any_two_files_swapped_are_noticed() {
    for killed in [false, true] {
        let base = Base::new("entry", killed);
        let paths: Vec<&Path> = base.files.keys().map(PathBuf::as_path).collect();
        for (number, first) in paths.iter().enumerate() {
            for second in &paths[number + 1..] {
                let what = || format!("{} and {} swapped", first.display(), second.display());
                let mut damage = Damage::of(first).and(Damage::of(second));
                let of_stream = |path: &&Path| path.starts_with("/log/s");
                damage.may_refuse = [*first, *second].iter().any(of_stream);
                damage.may_fail = 0..base.entries.len() as u64;
                damage.all_checkpoints = true;
                let disk = base.copy();
                disk.put(first, &base.files[*second]);
                disk.put(second, &base.files[*first]);
                base.check_lenient(&disk, &damage, &what);
            }
        }
    }
}

#[test]
fn segments_of_another_stream_are_noticed() {
    let (base, alien) = (Base::new("entry", false), Base::new("alien", false));
    for path in base.segments(STREAM) {
        for (from, bytes) in alien.contents().filter(|(from, _)| *from != path) {
            let what = || format!("{} in place of {}", from.display(), path.display());
            let mut damage = Damage::of(path);
            damage.may_refuse = true;
            damage.may_fail = 0..base.entries.len() as u64;
            base.check(&base.with(path, bytes), &damage, &what);
            base.check_lenient(&base.with(path, bytes), &damage, &what);
        }
    }
}

#[test]
fn a_segment_of_another_log_of_the_same_stream_is_recognised_by_its_neighbours() {
    // Each of its frames is good in itself, for just this place: the chain shows it.
    let (base, alien) = (Base::new("entry", false), Base::new("alien", false));
    for path in base.segments(STREAM) {
        let what = || format!("{} of another log", path.display());
        let disk = base.with(path, &alien.files[path]);
        let refused = open(&disk, CorruptionPolicy::Error).expect_err("refused");
        let is_reported = matches!(refused, Error::Corruption(_)) && names(&refused, path);
        assert!(is_reported, "{}: {refused}", what());
        let reported = Arc::new(AtomicBool::new(false));
        let sink: LogSink = {
            let (reported, path) = (Arc::clone(&reported), path.display().to_string());
            let stream = path
                .rsplit_once('/')
                .map_or(path.clone(), |(dir, _)| dir.to_owned());
            Arc::new(move |level: log::Level, message: &str| {
                if level == log::Level::Error && message.contains(&stream) {
                    reported.store(true, Ordering::Relaxed);
                }
            })
        };
        let wal = Wal::open_simulated_stepped(&disk, wal_options(), sink).expect("opens");
        assert!(reported.load(Ordering::Relaxed), "{}: no message", what());
        // Both are read, each as it is: which of the two is the other's cannot be known.
        let ids = base.ids(path);
        for (id, entry) in (0..).zip(&base.entries) {
            let found = wal.get(STREAM, id).expect("reads").expect("is there");
            let expected = match ids.contains(&id) {
                true => &alien.entries[id as usize],
                false => entry,
            };
            assert_eq!(found, *expected, "{}: {id}", what());
        }
        other_is_whole(&wal, &base.other, &what);
        assert_eq!(
            wal.append(STREAM, b"after").expect("appends"),
            base.entries.len() as u64
        );
    }
}

#[test]
fn an_earlier_copy_of_a_segment_gives_no_wrong_byte_and_no_id_twice() {
    // As the process left them when it died, the entries behind them not yet appended.
    let base = Base::new("entry", false);
    let segments = base.segments(STREAM);
    for count in 1..base.entries.len() {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, CorruptionPolicy::Error).expect("opens");
        append(&wal, STREAM, "entry", 0..count);
        let earlier = disk.kill().files();
        for path in &segments[..segments.len() - 1] {
            let Some(bytes) = earlier.get(*path) else {
                continue;
            };
            let what = || format!("{} as it was at {count}", path.display());
            let mut damage = Damage::of(path);
            damage.may_fail = base.ids(path);
            base.check(&base.with(path, bytes), &damage, &what);
            base.check_lenient(&base.with(path, bytes), &damage, &what);
        }
    }
}
