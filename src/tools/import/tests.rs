//! Is an import whole or not there, at whatever call power is lost or a call fails?

use std::path::Path;
use std::sync::Arc;

use crate::options::WalOptions;
use crate::storage::Storage;
use crate::storage::simulated::DirectoryModel;
use crate::storage::simulated::FaultPlan;
use crate::storage::simulated::SimulatedDisk;
use crate::tools::import::ImportOptions;
use crate::tools::import::import_on;
use crate::wal::Wal;

const OLD: &str = "/old";
const NEW: &str = "/new";
const NO_CHECKPOINTS: &str = "no checkpoints";

/// Puts a root that the crate wrote (`tests/data/from_06`) on a simulated disk.
///
/// "no checkpoints" is the sharded one without its checkpoints.
fn disk_with(name: &str) -> SimulatedDisk {
    if name == NO_CHECKPOINTS {
        let disk = disk_with("sharded");
        disk.put("/old/checkpoints.log", &[]);
        disk.lose("/old/HEAD");
        return disk;
    }
    let disk = SimulatedDisk::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/from_06")
        .join(name);
    put_dir(&disk, &from, Path::new(OLD));
    disk
}

fn put_dir(disk: &SimulatedDisk, from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("lists") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => put_dir(disk, &path, &to),
            false => disk.put(&to, &std::fs::read(&path).expect("reads")),
        }
    }
}

fn import(disk: &SimulatedDisk) -> crate::error::Result<super::ImportReport> {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let is_sharded = disk.contents("/old/checkpoints.log").is_ok();
    let options = ImportOptions {
        shards: is_sharded.then_some(4),
        ..ImportOptions::default()
    };
    import_on(
        &storage,
        Path::new(OLD),
        Path::new(NEW),
        &options,
        &mut |_| (),
    )
}

/// All entries of the new log, and the files that make it a sharded one; `None` where there is none.
fn read_new(disk: &SimulatedDisk) -> Option<Vec<(String, u64, Vec<u8>)>> {
    disk.kind(Path::new(NEW)).expect("looks")?;
    let wal = Wal::open_simulated(disk, WalOptions::new(NEW)).expect("opens");
    let mut all = Vec::new();
    for name in ["/new/shards.meta", "/new/checkpoints.log"] {
        if let Ok(bytes) = disk.contents(name) {
            all.push((name.to_owned(), 0, bytes));
        }
    }
    for key in wal.streams().expect("lists") {
        for entry in wal.iter_with_ids(&key, 0).expect("iterates") {
            let (id, bytes) = entry.expect("reads");
            all.push((key.clone(), id, bytes));
        }
    }
    Some(all)
}

#[test]
fn after_power_loss_at_any_call_an_import_is_whole_or_not_there() {
    for name in ["small", "sharded", NO_CHECKPOINTS] {
        let disk = disk_with(name);
        let begin = disk.op_count();
        import(&disk).expect("imports");
        let whole = read_new(&disk.kill()).expect("a log");
        assert!(whole.len() >= 10);
        let (mut there, mut not_there) = (0, 0);
        for op in begin..=disk.op_count() {
            for (seed, model) in [
                (op, DirectoryModel::Ordered),
                (op + 1, DirectoryModel::Strict),
            ] {
                let left = disk.crash_at(op, seed, model);
                match read_new(&left) {
                    Some(found) => {
                        assert_eq!(found, whole, "{name}: power lost at {op}");
                        there += 1;
                    }
                    None => not_there += 1,
                }
            }
        }
        assert!(there > 0 && not_there > 10, "{there} {not_there}");
        // What is acknowledged is durable.
        for seed in 0..32 {
            for model in [DirectoryModel::Ordered, DirectoryModel::Strict] {
                let found = read_new(&disk.crash(seed, model));
                assert_eq!(found.as_ref(), Some(&whole), "{name}: seed {seed}");
            }
        }
    }
}

#[test]
fn an_import_whose_calls_fail_is_whole_or_not_there() {
    for name in ["small", "sharded", NO_CHECKPOINTS] {
        let disk = disk_with(name);
        import(&disk).expect("imports");
        let whole = read_new(&disk.kill()).expect("a log");
        let mut failures = 0;
        for number in 1.. {
            let disk = disk_with(name);
            disk.inject(FaultPlan::nth_call(number));
            let answer = import(&disk);
            let has_fired = disk.faults_fired() > 0;
            disk.clear_faults();
            let left = read_new(&disk.kill());
            match answer {
                Ok(_) => assert_eq!(left, Some(whole.clone()), "{name}: call {number}"),
                Err(error) => {
                    failures += 1;
                    let is_whole_or_none = left.as_ref().is_none_or(|found| *found == whole);
                    assert!(is_whole_or_none, "{name}: call {number}: {error}");
                }
            }
            if !has_fired {
                break;
            }
        }
        assert!(failures > 20, "{failures}");
    }
}
