//! What failing calls have brought to light.

use ironwal::Error;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

#[test]
fn a_truncation_tells_why_the_round_before_it_left_no_frontier() {
    // It told that there was none, and not the error that had latched.
    let disk = SimulatedDisk::new();
    let mut options = WalOptions::new("/log");
    options.sync_mode = SyncMode::Async;
    options.background_sync = None;
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
