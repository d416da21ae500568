//! Every bit flipped of a stream that was cut, in a sealed segment, in the active one and to nothing,
//! and every file of it missing: what was cut never comes back under an id that is another entry's
//! now, nothing wrong is shown, and no id is given twice.
//!
//! `IRONWAL_LONG=1` tries every bit; otherwise one in so many, others every time;
//! `IRONWAL_DAMAGE_SEED` says which.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::format_twin::Random;

const SHARE: u64 = 800;

fn open(disk: &SimulatedDisk, policy: CorruptionPolicy) -> Result<Wal> {
    let mut options = WalOptions::new("/log");
    options.max_entries_per_segment = 5;
    options.background_sync = None;
    options.on_corruption = policy;
    Wal::open_simulated_stepped(disk, options, Arc::new(|_, _| ()))
}

fn named(history: u64, id: u64) -> Vec<u8> {
    format!("history {history}, id {id}").into_bytes()
}

/// The stream, and what it holds at last.
struct Sample {
    disk: SimulatedDisk,
    files: Vec<(PathBuf, Vec<u8>)>,
    entries: Vec<Vec<u8>>,
}

/// Cuts at these ids, and what each brings and is followed by.
fn build(cuts: &[(u64, u64, u64)], killed: bool) -> Sample {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, CorruptionPolicy::Error).expect("opens");
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for id in 0..13 {
        entries.push(named(0, id));
        wal.append("s", &entries[id as usize]).expect("appends");
    }
    for (history, &(from, count, appended)) in (1..).zip(cuts) {
        entries.truncate(from as usize);
        entries.extend((from..from + count).map(|id| named(history, id)));
        let slices: Vec<&[u8]> = entries[from as usize..].iter().map(Vec::as_slice).collect();
        wal.replace_suffix("s", from, &Append::new(&slices))
            .expect("cuts");
        for id in from + count..from + count + appended {
            entries.push(named(history, id));
            wal.append("s", &entries[id as usize]).expect("appends");
        }
    }
    let disk = match killed {
        true => {
            wal.sync("s").expect("syncs");
            let killed = disk.kill();
            drop(wal);
            killed
        }
        false => {
            wal.close().expect("closes");
            disk
        }
    };
    let disk = disk.crash(1, DirectoryModel::Strict);
    let is_segment = |path: &Path| path.extension().is_some_and(|end| end == "wal");
    let files = disk.files();
    let files = files.into_iter().filter(|(path, _)| is_segment(path));
    Sample {
        files: files.collect(),
        disk,
        entries,
    }
}

impl Sample {
    /// Shows what is there, or an error in its place; `may_end_early`: entries at the end may be gone,
    /// and are reported.
    fn check(&self, wal: &Wal, what: &str) {
        let stream = match wal.stream("s") {
            Ok(stream) => stream,
            // A file of it is another's.
            Err(_) => return,
        };
        for (id, entry) in (0..).zip(&self.entries) {
            match stream.get(id) {
                Ok(Some(found)) => assert!(
                    found == *entry,
                    "{what}: id {id} is {:?}",
                    String::from_utf8_lossy(&found)
                ),
                Ok(None) => panic!("{what}: id {id} is gone without a word"),
                Err(_) => {}
            }
        }
        for found in stream.iter_with_ids(0).expect("iterates") {
            let Ok((id, bytes)) = found else { continue };
            let due = self.entries.get(id as usize);
            assert!(due == Some(&bytes), "{what}: id {id} is iterated wrong");
        }
    }

    fn try_damage(&self, disk: &SimulatedDisk, what: &str) {
        let before = disk.files();
        match open(disk, CorruptionPolicy::Error) {
            Ok(wal) => {
                self.check(&wal, what);
                disk.kill();
            }
            Err(error) => {
                assert!(error.to_string().contains("/log/s"), "{what}: {error}");
                assert!(disk.files() == before, "{what}: something changed");
            }
        }
        let disk = disk.crash(1, DirectoryModel::Strict);
        let wal = open(&disk, CorruptionPolicy::Truncate)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        self.check(&wal, what);
        if wal.stream("s").is_err() {
            return;
        }
        let id = wal.append("s", b"after").expect("appends");
        assert!(id >= self.entries.len() as u64, "{what}: id {id} again");
        wal.close().expect("closes");
        let wal = open(&disk, CorruptionPolicy::Truncate).expect("opens again");
        let found = wal.get("s", id).expect("reads");
        assert_eq!(found.as_deref(), Some(&b"after"[..]), "{what}");
        disk.kill();
    }
}

/// In a sealed segment; in the active one, with a segment behind; twice; to nothing.
const SAMPLES: &[&[(u64, u64, u64)]] = &[
    &[(7, 2, 0)],
    &[(12, 1, 6)],
    &[(8, 3, 4), (12, 1, 0), (3, 2, 5)],
    &[(11, 0, 0)],
];

fn seed() -> u64 {
    let asked = std::env::var("IRONWAL_DAMAGE_SEED").ok();
    asked
        .and_then(|asked| asked.parse().ok())
        .unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(0, |now| now.subsec_nanos().into())
        })
}

#[test]
fn no_flipped_bit_brings_back_what_was_cut() {
    let seed = seed();
    let is_long = std::env::var_os("IRONWAL_LONG").is_some();
    println!("IRONWAL_DAMAGE_SEED={seed}");
    let mut random = Random(seed | 1);
    let (mut tried, mut all) = (0u64, 0u64);
    for (number, cuts) in SAMPLES.iter().enumerate() {
        for killed in [false, true] {
            let sample = build(cuts, killed);
            for (path, bytes) in &sample.files {
                for bit in 0..bytes.len() * 8 {
                    all += 1;
                    if !is_long && random.below(SHARE as usize) > 0 {
                        continue;
                    }
                    tried += 1;
                    let mut flipped = bytes.clone();
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    let disk = sample.disk.crash(1, DirectoryModel::Strict);
                    disk.put(path, &flipped);
                    let what = format!("sample {number}, {killed}, {path:?}, bit {bit}");
                    sample.try_damage(&disk, &what);
                }
            }
        }
    }
    println!("{tried} of {all} bits");
}

/// Where the segment of a cut is lost, and the one before it had been sealed before the cut, nothing is
/// left that says where that one ends: what was cut shows again, under a reported loss, or without one
/// if nothing was behind. By sample and file.
const NOT_PROMISED: [(usize, usize); 2] = [(0, 2), (2, 1)];

#[test]
fn a_missing_file_of_a_cut_stream_is_reported_and_no_id_is_given_twice() {
    for (number, cuts) in SAMPLES.iter().enumerate() {
        let sample = build(cuts, false);
        for (place, (path, _)) in sample.files.iter().enumerate() {
            if NOT_PROMISED.contains(&(number, place)) {
                continue;
            }
            let disk = sample.disk.crash(1, DirectoryModel::Strict);
            assert!(disk.lose(path));
            let what = format!("sample {number}, {path:?} missing");
            assert!(open(&disk, CorruptionPolicy::Error).is_err(), "{what}");
            sample.try_damage(&disk, &what);
        }
    }
}
