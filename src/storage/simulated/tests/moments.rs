//! Going through the moments of a run: numbers, marks, replay, the death of the process.

use super::*;
use random::Random;

/// Does something at random; errors are part of it.
fn do_anything(disk: &SimulatedDisk, random: &mut Random) {
    let names = ["/a", "/b", "/d", "/d/a", "/d/b", "/d/e", "/d/e/a"];
    let mut pick = || PathBuf::from(names[random.below(names.len() as u64) as usize]);
    let (path, other) = (pick(), pick());
    let open = || disk.open_file(&path, Access::ReadWrite);
    let _ = match random.below(14) {
        0..=1 => disk.create_file(&path).map(drop),
        2 => disk.create_dir(&path),
        3 => disk.rename(&path, &other),
        4 => disk.link_or_copy(&path, &other),
        5 => disk.remove_file(&path),
        6 => disk.remove_dir(&path),
        7..=8 => {
            let bytes = vec![random.next() as u8; 1 + random.below(2000) as usize];
            let offset = random.below(5000);
            open().and_then(|file| file.write_at(offset, &[IoSlice::new(&bytes)]))
        }
        9 => open().and_then(|file| file.set_len(random.below(3000))),
        10 => open().and_then(|file| file.allocate(random.below(3000), 5000)),
        11 => open().and_then(|file| file.sync_data()),
        12 => disk.sync_dir(path.parent().unwrap()),
        _ => disk.list_dir(&path).map(drop),
    };
}

#[test]
fn a_replayed_moment_is_the_moment_itself() {
    for round in 0..10 {
        let mut random = Random::new(round);
        let disk = SimulatedDisk::new();
        disk.set_capacity(60_000);
        disk.inject(FaultPlan::nth(OpKind::SyncData, 3).dropping_dirty());
        disk.inject(FaultPlan::nth(OpKind::Write, 5).short_write(700));
        run_and_replay(&disk, &mut random);
        // And on disks with a past.
        run_and_replay(&disk.crash(3, DirectoryModel::Strict), &mut random);
        run_and_replay(&disk.kill(), &mut random);
    }
}

fn run_and_replay(disk: &SimulatedDisk, random: &mut Random) {
    let mut moments = BTreeMap::new();
    for _ in 0..60 {
        do_anything(disk, random);
        moments.insert(
            disk.op_count(),
            crashes(|seed, model| disk.crash(seed, model)),
        );
    }
    let mut replay = disk.replay();
    assert_eq!(replay.op_index(), 0);
    let mut compared = 0;
    while replay.step() {
        if let Some(expected) = moments.get(&replay.op_index()) {
            let found = crashes(|seed, model| replay.crash(seed, model));
            assert_eq!(found, *expected, "op {}", replay.op_index());
            compared += 1;
        }
    }
    assert_eq!(compared, moments.len());
    for (&op_index, expected) in moments.iter().step_by(7) {
        let found = crashes(|seed, model| disk.crash_at(op_index, seed, model));
        assert_eq!(found, *expected, "op {op_index}");
    }
}

type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

fn crashes(crash: impl Fn(u64, DirectoryModel) -> SimulatedDisk) -> Vec<Tree> {
    let all = MODELS
        .into_iter()
        .flat_map(|model| (0..8).map(move |seed| (seed, model)));
    all.map(|(seed, model)| tree(&crash(seed, model))).collect()
}

#[test]
fn a_crashed_disk_has_nothing_left_to_lose() {
    let mut random = Random::new(5);
    let disk = SimulatedDisk::new();
    for _ in 0..200 {
        do_anything(&disk, &mut random);
    }
    let mut trees = BTreeSet::new();
    for (seed, model) in (0..16).flat_map(|seed| MODELS.map(|model| (seed, model))) {
        let after = disk.crash(seed, model);
        let found = tree(&after);
        for again in crashes(|seed, model| after.crash(seed, model)) {
            assert_eq!(again, found, "seed {seed}");
        }
        trees.insert(found);
    }
    assert!(trees.len() > 4, "seeds differ");
}

#[test]
fn steps_to_changes_skip_what_changes_nothing() {
    let disk = SimulatedDisk::new();
    let file = disk.create_file(Path::new("/f")).unwrap();
    file.len().unwrap();
    disk.kind(Path::new("/f")).unwrap();
    write(&*file, 0, b"x");
    disk.open_file(Path::new("/none"), Access::Read)
        .unwrap_err();
    file.sync_data().unwrap();
    file.read_at(0, &mut [0; 1]).unwrap();
    let mut replay = disk.replay();
    let mut kinds = Vec::new();
    while replay.step_to_change() {
        kinds.push((replay.op_index(), replay.op().unwrap().kind));
    }
    assert_eq!(
        kinds,
        [
            (1, OpKind::Create),
            (4, OpKind::Write),
            (6, OpKind::SyncData)
        ]
    );
}

#[test]
fn calls_are_counted_by_kind_and_path_and_follow_renames() {
    let disk = SimulatedDisk::new();
    disk.create_dir(Path::new("/d")).unwrap();
    let file = disk.create_file(Path::new("/d/f")).unwrap();
    file.sync_data().unwrap();
    disk.rename(Path::new("/d"), Path::new("/e")).unwrap();
    file.sync_data().unwrap();
    disk.rename(Path::new("/e/f"), Path::new("/e/g")).unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    assert_eq!(disk.count(OpKind::SyncData), 3);
    assert_eq!(disk.count(OpKind::SyncAll), 1);
    for path in ["/d/f", "/e/f", "/e/g"] {
        assert_eq!(disk.count_on(OpKind::SyncData, path), 1, "{path}");
    }
    let failed: Vec<bool> = disk.ops().iter().map(|op| op.failed).collect();
    assert_eq!(failed, [false; 8]);
}

#[test]
fn marks_stand_after_the_calls_before_them() {
    let disk = SimulatedDisk::new();
    disk.mark(70);
    let file = disk.create_file(Path::new("/f")).unwrap();
    write(&*file, 0, b"x");
    disk.mark(71);
    disk.mark(72);
    file.sync_data().unwrap();
    assert_eq!(disk.marks(), [(0, 70), (2, 71), (2, 72)]);
    assert_eq!(disk.op_count(), 3);
}

#[test]
fn a_dead_process_changes_nothing_and_the_next_one_sees_what_was_written() {
    let old = SimulatedDisk::new();
    let file = durable_file(&old, "/f", b"synced");
    let lock = old.lock(Path::new("/LOCK")).unwrap();
    write(&*file, 0, b"SYNCED or not");
    let next = old.kill();
    let calls = old.op_count();
    file.write_at(0, &[IoSlice::new(b"too late")]).unwrap_err();
    file.read_at(0, &mut [0; 1]).unwrap_err();
    file.sync_data().unwrap_err();
    old.create_file(Path::new("/g")).err().unwrap();
    assert_eq!(old.op_count(), calls, "no call took place");
    assert_eq!(next.contents("/f").unwrap(), b"SYNCED or not");
    let at = |seed| {
        next.crash(seed, DirectoryModel::Strict)
            .contents("/f")
            .unwrap()
    };
    assert_eq!(at(NOTHING_SURVIVES), b"synced", "what was dirty still is");
    let next_lock = next.lock(Path::new("/LOCK")).unwrap();
    drop(lock);
    assert_eq!(
        error_kind(next.lock(Path::new("/LOCK"))),
        ErrorKind::WouldBlock
    );
    drop(next_lock);
    let again = next.open_file(Path::new("/f"), Access::ReadWrite).unwrap();
    again.sync_data().unwrap();
    let at = |seed| {
        next.crash(seed, DirectoryModel::Strict)
            .contents("/f")
            .unwrap()
    };
    assert_eq!(at(NOTHING_SURVIVES), b"SYNCED or not");
}

#[test]
fn a_lock_does_not_survive_a_crash_and_keeps_others_out_until_then() {
    let disk = SimulatedDisk::new();
    let _lock = disk.lock(Path::new("/LOCK")).unwrap();
    assert_eq!(
        error_kind(disk.clone().lock(Path::new("/LOCK"))),
        ErrorKind::WouldBlock
    );
    disk.crash(EVERYTHING_SURVIVES, DirectoryModel::Ordered)
        .lock(Path::new("/LOCK"))
        .unwrap();
}
