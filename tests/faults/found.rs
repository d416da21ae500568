//! What failing calls have brought to light.

use ironwal::Error;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

fn options() -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.background_sync = None;
    options
}

#[test]
fn a_deletion_that_happened_though_it_failed_takes_nothing_appended_later_along() {
    // The renaming happened and returned an error: appends went on into the directory that the next
    // open removes.
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, options()).expect("opens");
    wal.append("s", b"before").expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Rename, 1).after_the_effect());
    let refused = wal.delete_stream("s").expect_err("the renaming failed");
    assert_eq!(refused.os_error(), Some(libc::EIO), "{refused}");
    assert_eq!(wal.append("s", b"after").expect("appends"), 0);
    drop(wal);
    let wal = Wal::open_simulated(&disk, options()).expect("opens again");
    assert_eq!(wal.get("s", 0).expect("reads").expect("there"), b"after");
}

#[test]
fn a_deletion_that_may_or_may_not_have_happened_latches() {
    let disk = SimulatedDisk::new();
    let wal = Wal::open_simulated(&disk, options()).expect("opens");
    wal.append("s", b"before").expect("appends");
    disk.inject(FaultPlan::nth(OpKind::Rename, 1).after_the_effect());
    disk.inject(FaultPlan::nth(OpKind::Kind, 3));
    wal.delete_stream("s").expect_err("the renaming failed");
    let refused = wal.append("s", b"after").expect_err("is latched");
    assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
}

#[test]
fn a_segment_that_was_named_though_it_failed_does_not_stand_in_the_way() {
    // The renaming happened and returned an error: where a truncation came in between, the next try
    // took the file for a stranger's.
    let disk = SimulatedDisk::new();
    let options = WalOptions {
        max_segment_size: 1,
        ..options()
    };
    let wal = Wal::open_simulated(&disk, options).expect("opens");
    for id in 0..3 {
        assert_eq!(wal.append("s", b"entry").expect("appends"), id);
    }
    disk.inject(FaultPlan::nth(OpKind::Rename, 1).after_the_effect());
    let refused = wal.append("s", b"entry").expect_err("the renaming failed");
    assert_eq!(refused.os_error(), Some(libc::EIO), "{refused}");
    wal.truncate("s", 2).expect("truncates");
    assert_eq!(wal.append("s", b"entry").expect("appends"), 3);
}

#[test]
fn a_truncation_says_why_the_round_before_it_left_no_frontier() {
    // It said that there was none, and not the error that had latched.
    let disk = SimulatedDisk::new();
    let mut options = options();
    options.sync_mode = SyncMode::Async;
    options.max_segment_size = 1;
    let wal = Wal::open_simulated(&disk, options).expect("opens");
    for _ in 0..3 {
        wal.append("s", b"entry").expect("appends");
    }
    // Seals need writes of their own: all to the newest segment fail, the slot's among them.
    disk.inject(FaultPlan::nth(OpKind::Write, 1).on_path("2.wal").forever());
    let refused = wal.truncate("s", 2).expect_err("the slot is not stored");
    assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
    assert_eq!(refused.os_error(), Some(libc::EIO), "{refused}");
}
