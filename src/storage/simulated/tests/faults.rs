//! Planned failures, failed syncs, full disks.

use super::*;
use crate::storage::simulated::codes;
use DirectoryModel::Strict;

fn after_power_loss(disk: &SimulatedDisk) -> BTreeSet<Vec<u8>> {
    SEEDS
        .map(|seed| disk.crash(seed, Strict).contents("/f").unwrap())
        .collect()
}

#[test]
fn plans_fail_the_call_they_name_once_or_for_ever() {
    // Plan, and which of six calls fail: write /f, sync /f, write /g, sync /g, write /f, sync /f.
    let rows: [(&str, FaultPlan, [bool; 6]); 8] = [
        (
            "by number",
            FaultPlan::at_op(5),
            [false, false, true, false, false, false],
        ),
        (
            "n-th of all",
            FaultPlan::nth_call(2),
            [false, true, false, false, false, false],
        ),
        (
            "n-th write",
            FaultPlan::nth(OpKind::Write, 2),
            [false, false, true, false, false, false],
        ),
        (
            "n-th sync on a path",
            FaultPlan::nth(OpKind::SyncData, 2).on_path("f"),
            [false, false, false, false, false, true],
        ),
        (
            "writes for ever",
            FaultPlan::nth(OpKind::Write, 2).forever(),
            [false, false, true, false, true, false],
        ),
        (
            "two kinds",
            FaultPlan::nth(OpKind::Write, 4).or(OpKind::SyncData),
            [false, false, false, true, false, false],
        ),
        (
            "from a number on",
            FaultPlan::at_op(7).forever(),
            [false, false, false, false, true, true],
        ),
        (
            "another kind",
            FaultPlan::nth(OpKind::Rename, 1).forever(),
            [false; 6],
        ),
    ];
    for (name, plan, expected) in rows {
        let setup = SimulatedDisk::new();
        durable_file(&setup, "/f", b"");
        durable_file(&setup, "/g", b"");
        // A killed disk counts from 1 again: opening is 1 and 2, the six calls are 3 to 8.
        let disk = setup.kill();
        let open = |path| disk.open_file(Path::new(path), Access::ReadWrite).unwrap();
        let (f, g) = (open("/f"), open("/g"));
        disk.inject(plan.code(codes::ENOSPC));
        let write = |file: &Arc<dyn StorageFile>| file.write_at(0, &[IoSlice::new(b"x")]);
        let results = [
            write(&f),
            f.sync_data(),
            write(&g),
            g.sync_data(),
            write(&f),
            f.sync_data(),
        ];
        let failed = results.each_ref().map(|result| result.is_err());
        assert_eq!(failed, expected, "{name}");
        assert_eq!(
            disk.faults_fired(),
            failed.iter().filter(|&&failed| failed).count() as u64
        );
        for result in results {
            let kind = result.err().map(|error| error.kind());
            assert!(
                matches!(kind, None | Some(ErrorKind::StorageFull)),
                "{name}: {kind:?}"
            );
        }
        disk.clear_faults();
        write(&f).unwrap();
    }
}

#[test]
fn a_failed_call_does_nothing_or_part_or_all_of_its_work() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", b"......");
    let write_fails = |plan: FaultPlan| {
        disk.inject(plan);
        file.write_at(0, &[IoSlice::new(b"ab"), IoSlice::new(b"cd")])
            .unwrap_err();
        disk.contents("/f").unwrap()
    };
    let plan = || FaultPlan::nth(OpKind::Write, 1);
    assert_eq!(write_fails(plan()), b"......");
    assert_eq!(write_fails(plan().short_write(3)), b"abc...");
    assert_eq!(write_fails(plan().after_the_effect()), b"abcd..");
    disk.inject(FaultPlan::nth(OpKind::Rename, 1).after_the_effect());
    assert!(disk.rename(Path::new("/f"), Path::new("/g")).is_err());
    assert!(disk.contents("/g").is_ok());
    disk.inject(FaultPlan::nth(OpKind::Create, 1));
    assert!(disk.create_file(Path::new("/h")).is_err());
    assert!(disk.contents("/h").is_err());
}

#[test]
fn a_failed_sync_that_keeps_the_pages_dirty_can_be_repeated() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", b"old");
    write(&*file, 0, b"new");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1));
    file.sync_data().unwrap_err();
    assert_eq!(after_power_loss(&disk).len(), 2);
    file.sync_data().unwrap();
    assert_eq!(after_power_loss(&disk), BTreeSet::from([b"new".to_vec()]));
}

#[test]
fn a_failed_sync_that_drops_the_pages_is_not_healed_by_another_but_by_rewriting() {
    let setup = SimulatedDisk::new();
    let file = durable_file(&setup, "/f", b"old");
    write(&*file, 0, b"newer");
    setup.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
    file.sync_data().unwrap_err();
    file.sync_data().unwrap();
    // The same in the next process.
    for disk in [setup.clone(), setup.kill()] {
        assert_eq!(disk.contents("/f").unwrap(), b"newer", "still visible");
        let seen = after_power_loss(&disk);
        assert!(seen.contains(&b"old"[..]), "{seen:?}");
        assert!(
            seen.contains(&b"new"[..]) && seen.contains(&b"old\0\0"[..]),
            "{seen:?}"
        );
        let at = |seed| disk.crash(seed, Strict).contents("/f").unwrap();
        assert_eq!(
            at(EVERYTHING_SURVIVES),
            b"old",
            "what was dropped is the exception"
        );
    }
    let disk = setup.kill();
    let file = disk.open_file(Path::new("/f"), Access::ReadWrite).unwrap();
    file.sync_all().unwrap();
    assert!(
        after_power_loss(&disk).contains(&b"old"[..]),
        "a new descriptor does not help"
    );
    write(&*file, 0, b"newer");
    assert!(
        after_power_loss(&disk).contains(&b"old"[..]),
        "not before the sync"
    );
    file.sync_data().unwrap();
    assert_eq!(after_power_loss(&disk), BTreeSet::from([b"newer".to_vec()]));
}

#[test]
fn short_memory_shows_what_a_failed_sync_has_lost_and_nothing_else() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", &[1; 2048]);
    write(&*file, 0, &[2; 1024]);
    disk.evict_cache(1);
    assert_eq!(
        disk.contents("/f").unwrap()[..1024],
        [2; 1024],
        "dirty pages stay"
    );
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
    file.sync_data().unwrap_err();
    write(&*file, 1536, &[3; 512]);
    let seen: BTreeSet<[u8; 4]> = SEEDS
        .map(|seed| {
            let disk = disk.kill_copy();
            disk.evict_cache(seed);
            let content = disk.contents("/f").unwrap();
            for crash in 0..8 {
                let after = disk.crash(crash, Strict).contents("/f").unwrap();
                assert_eq!(
                    after[..1536],
                    content[..1536],
                    "what is read again is durable"
                );
            }
            [content[0], content[512], content[1024], content[1536]]
        })
        .collect();
    let expected = [[1, 1, 1, 3], [1, 2, 1, 3], [2, 1, 1, 3], [2, 2, 1, 3]];
    assert_eq!(seen, BTreeSet::from(expected));
}

#[test]
fn short_memory_does_not_bring_back_what_was_cut_off() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", &[1; 3000]);
    file.set_len(100).unwrap();
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
    file.sync_data().unwrap_err();
    for seed in SEEDS {
        let disk = disk.kill_copy();
        disk.evict_cache(seed);
        let file = disk.open_file(Path::new("/f"), Access::ReadWrite).unwrap();
        file.set_len(3000).unwrap();
        let expected = [vec![1; 100], vec![0; 2900]].concat();
        assert_eq!(disk.contents("/f").unwrap(), expected, "seed {seed}");
    }
}

impl SimulatedDisk {
    /// The next process's disk, with this one going on.
    fn kill_copy(&self) -> Self {
        let mut replay = self.replay();
        while replay.step() {}
        replay.kill()
    }
}

#[test]
fn a_full_disk_refuses_new_blocks_and_takes_writes_into_old_ones() {
    let disk = SimulatedDisk::new();
    disk.set_capacity(3 * 4096);
    let file = durable_file(&disk, "/f", &[]);
    file.allocate(0, 8192).unwrap();
    assert_eq!(disk.available_bytes(Path::new("/")).unwrap(), 4096);
    assert_eq!(
        error_kind(file.allocate(8192, 4097)),
        ErrorKind::StorageFull
    );
    assert_eq!(file.len().unwrap(), 8192);
    // 4096 bytes of old blocks, 4096 of the last free one, then no more.
    let refused = file.write_at(4096, &[IoSlice::new(&[1; 10_000])]);
    assert_eq!(error_kind(refused), ErrorKind::StorageFull);
    assert_eq!(
        disk.contents("/f").unwrap(),
        [vec![0; 4096], vec![1; 8192]].concat()
    );
    assert_eq!(disk.available_bytes(Path::new("/")).unwrap(), 0);
    write(&*file, 0, &[2; 12_288]);
    file.write_zeros(0, 100).unwrap();
    assert_eq!(
        error_kind(file.write_zeros(12_288, 1)),
        ErrorKind::StorageFull
    );
    file.sync_data().unwrap();
    let other = disk.create_file(Path::new("/g")).unwrap();
    let refused = other.write_at(0, &[IoSlice::new(b"x")]);
    assert_eq!(error_kind(refused), ErrorKind::StorageFull);
    // Space returns by cutting, and by removing once no handle has the file open.
    file.set_len(4097).unwrap();
    assert_eq!(disk.used_bytes(), 8192);
    drop(file);
    assert_eq!(disk.used_bytes(), 8192);
    let file = disk.open_file(Path::new("/f"), Access::Read).unwrap();
    disk.remove_file(Path::new("/f")).unwrap();
    assert_eq!(disk.used_bytes(), 8192);
    drop(file);
    assert_eq!(disk.used_bytes(), 0);
    disk.set_capacity(None);
    other.allocate(0, 1 << 20).unwrap();
}
