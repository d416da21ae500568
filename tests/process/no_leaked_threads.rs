//! However a log ends, and whatever failed meanwhile, no thread of ours is left (D14).
//!
//! Alone in its process: it counts the threads by their names.

use std::fs;
use std::time::Duration;

use ironwal::BackgroundSync;
use ironwal::ShardedOptions;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::SimulatedDisk;

use crate::alone;

const MODES: [SyncMode; 3] = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];

/// The threads of this process that bear our name.
fn ours() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("lists");
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    let names = tasks.filter_map(|task| name(task.ok()?));
    names.filter(|name| name.starts_with("ironwal-")).collect()
}

/// Uses a log in all ways that start threads; what fails is of no interest here.
fn use_it(disk: &SimulatedDisk, options: &WalOptions, ends: bool) -> Option<()> {
    let wal = Wal::open_simulated(disk, options.clone()).ok()?;
    let sharded = ShardedWal::on(wal.clone(), ShardedOptions::new(4)).ok();
    for number in 0..12u32 {
        let _ = wal.append("s", &[7; 3000]);
        if let Some(sharded) = &sharded {
            let _ = sharded.append(&number.to_le_bytes(), b"entry");
        }
    }
    if let Some(sharded) = &sharded {
        let _ = sharded.flush_all();
        let _ = sharded.create_checkpoint(b"c");
    }
    let _ = wal.truncate("s", 5);
    drop(sharded);
    match ends {
        true => drop(wal.close()),
        false => drop(wal),
    }
    Some(())
}

#[test]
fn no_thread_outlives_its_log_whichever_call_fails_for_ever() {
    let _alone = alone();
    let mut started = 0;
    for sync_mode in MODES {
        let mut options = WalOptions::new("/log");
        options.sync_mode = sync_mode;
        options.max_segment_size = 5000;
        options.background_sync = Some(BackgroundSync {
            interval: Duration::from_micros(100),
            bytes: 1000,
        });
        for call in (1..400).step_by(5) {
            let disk = SimulatedDisk::new();
            disk.inject(FaultPlan::nth_call(call).forever());
            started += usize::from(use_it(&disk, &options, call % 2 == 0).is_some());
            // Joined is not gone: the kernel takes a moment to forget the name.
            let mut attempts = 0;
            while !ours().is_empty() && attempts < 2000 {
                attempts += 1;
                std::thread::yield_now();
            }
            assert_eq!(ours(), [""; 0], "{sync_mode:?}, from call {call} on");
            assert_eq!(disk.held(), 0, "{sync_mode:?}, from call {call} on");
        }
    }
    assert!(started > 100, "{started}");
}
