//! Which bytes of a file survive a crash.

use super::*;

#[test]
fn what_was_synced_survives_every_crash_and_what_was_not_may_or_may_not() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", b"synced");
    write(&*file, 6, b" and not");
    for model in MODELS {
        let contents: BTreeSet<Vec<u8>> = SEEDS
            .map(|seed| disk.crash(seed, model).contents("/f").unwrap())
            .collect();
        assert!(
            contents
                .iter()
                .all(|content| content.starts_with(b"synced")),
            "{contents:?}"
        );
        let at = |seed| disk.crash(seed, model).contents("/f").unwrap();
        assert_eq!(at(NOTHING_SURVIVES), b"synced");
        assert_eq!(at(EVERYTHING_SURVIVES), b"synced and not");
        assert!(
            contents.contains(&b"synced\0\0\0\0\0\0\0\0"[..]),
            "length without content"
        );
    }
}

#[test]
fn each_sector_is_any_version_since_the_last_sync_and_never_a_mixture() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", &[0xFF; 1024]);
    write(&*file, 0, &[1; 1024]);
    file.sync_data().unwrap();
    write(&*file, 0, &[2; 1024]);
    write(&*file, 100, &[3; 800]);
    let old = vec![1; 1024];
    let middle = vec![2; 1024];
    let new = [vec![2; 100], vec![3; 800], vec![2; 124]].concat();
    let mut seen = BTreeSet::new();
    for seed in SEEDS {
        let content = disk
            .crash(seed, DirectoryModel::Strict)
            .contents("/f")
            .unwrap();
        let versions: Vec<usize> = [0..512, 512..1024]
            .map(|sector| {
                let versions = [&old, &middle, &new];
                let found = versions
                    .iter()
                    .position(|v| v[sector.clone()] == content[sector.clone()]);
                found.expect("a version, whole")
            })
            .into();
        seen.insert(versions);
    }
    assert_eq!(seen.len(), 9, "all pairs of versions: {seen:?}");
}

#[test]
fn a_length_is_any_since_the_last_sync_or_on_the_way_there() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", &[1; 1000]);
    file.set_len(5000).unwrap();
    file.set_len(10).unwrap();
    let lengths: BTreeSet<usize> = SEEDS
        .map(|seed| {
            disk.crash(seed, DirectoryModel::Strict)
                .contents("/f")
                .unwrap()
                .len()
        })
        .collect();
    assert!(
        lengths.is_superset(&BTreeSet::from([10, 1000, 5000])),
        "{lengths:?}"
    );
    assert!(
        lengths.iter().any(|&len| len > 1000 && len < 5000),
        "{lengths:?}"
    );
    assert!(
        lengths.iter().all(|&len| len == 10 || len >= 1000),
        "{lengths:?}"
    );
    file.sync_data().unwrap();
    for seed in SEEDS {
        let content = disk
            .crash(seed, DirectoryModel::Strict)
            .contents("/f")
            .unwrap();
        assert_eq!(content, [1; 10]);
    }
}

#[test]
fn what_was_cut_off_does_not_come_back_when_the_file_grows() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/f", &[1; 3000]);
    file.set_len(100).unwrap();
    file.sync_all().unwrap();
    file.allocate(0, 3000).unwrap();
    for seed in SEEDS {
        let after = disk.crash(seed, DirectoryModel::Strict);
        let file = after.open_file(Path::new("/f"), Access::ReadWrite).unwrap();
        file.set_len(3000).unwrap();
        assert_eq!(
            after.contents("/f").unwrap(),
            [vec![1; 100], vec![0; 2900]].concat()
        );
    }
}

#[test]
fn some_seeds_lose_exactly_what_came_last() {
    for model in MODELS {
        let disk = SimulatedDisk::new();
        let file = durable_file(&disk, "/f", &[0; 2048]);
        write(&*file, 512, &[1; 512]);
        disk.create_file(Path::new("/g")).unwrap();
        write(&*file, 0, &[2; 1024]);
        disk.create_file(Path::new("/h")).unwrap();
        write(&*file, 2048, &[3; 1]);
        let seen: BTreeSet<_> = SEEDS
            .filter(|seed| seed % 8 == 2)
            .map(|seed| {
                let after = tree(&disk.crash(seed, model));
                let content = after[Path::new("/f")].as_ref().unwrap();
                let names = [Path::new("/g"), Path::new("/h")];
                (
                    content[0],
                    content[512],
                    content.len(),
                    names.map(|name| after.contains_key(name)),
                )
            })
            .collect();
        let prefixes = [
            (0, 0, 2048, [false, false]),
            (0, 1, 2048, [false, false]),
            (0, 1, 2048, [true, false]),
            (2, 2, 2048, [true, false]),
            (2, 2, 2048, [true, true]),
            (2, 2, 2049, [true, true]),
        ];
        assert_eq!(seen, BTreeSet::from(prefixes), "{model:?}");
    }
}

#[test]
fn some_seeds_know_old_and_new_only_and_some_whole_files_only() {
    let disk = SimulatedDisk::new();
    let files = ["/f", "/g"].map(|path| durable_file(&disk, path, &[1; 1024]));
    for version in [2, 3] {
        for file in &files {
            write(&**file, 0, &[version; 1024]);
        }
    }
    let seen = |mode: u64| -> BTreeSet<[u8; 4]> {
        SEEDS
            .filter(|seed| seed % 8 == mode)
            .map(|seed| {
                let after = disk.crash(seed, DirectoryModel::Strict);
                let [f, g] = ["/f", "/g"].map(|path| after.contents(path).unwrap());
                [f[0], f[1023], g[0], g[1023]]
            })
            .collect()
    };
    let old_or_new = seen(4);
    assert!(
        old_or_new.iter().flatten().all(|&version| version != 2),
        "{old_or_new:?}"
    );
    assert_eq!(old_or_new.len(), 16);
    let whole = [[1, 1, 1, 1], [1, 1, 3, 3], [3, 3, 1, 1], [3, 3, 3, 3]];
    assert_eq!(seen(5), BTreeSet::from(whole));
}

/// The oracle keeps whole copies of the file since its last sync; a sector after a crash must be
/// that sector of one of them.
#[test]
fn random_changes_leave_only_sectors_that_were_once_there() {
    let mut random = random::Random::new(7);
    for round in 0..30 {
        let disk = SimulatedDisk::new();
        let file = durable_file(&disk, "/f", &[]);
        let mut copies = vec![Vec::new()];
        for step in 1..40u8 {
            let mut now: Vec<u8> = copies.last().unwrap().clone();
            let (offset, len) = (random.below(6000) as usize, 1 + random.below(3000) as usize);
            let end = offset + len;
            match random.below(6) {
                0 | 1 => {
                    write(&*file, offset as u64, &vec![step; len]);
                    now.resize(now.len().max(end), 0);
                    now[offset..end].fill(step);
                }
                2 => {
                    file.write_zeros(offset as u64, len as u64).unwrap();
                    now.resize(now.len().max(end), 0);
                    now[offset..end].fill(0);
                }
                3 => {
                    file.set_len(offset as u64).unwrap();
                    now.resize(offset, 0);
                }
                4 => {
                    file.allocate(offset as u64, len as u64).unwrap();
                    now.resize(now.len().max(end), 0);
                }
                _ => {
                    file.sync_data().unwrap();
                    copies.clear();
                }
            }
            copies.push(now);
            assert_eq!(disk.contents("/f").unwrap(), *copies.last().unwrap());
            let first_seed = round * 1000 + u64::from(step) * 8;
            for seed in first_seed..first_seed + 8 {
                let after = disk.crash(seed, DirectoryModel::Ordered);
                let content = after.contents("/f").unwrap();
                check_sectors(&content, &copies, seed);
                let file = after.open_file(Path::new("/f"), Access::ReadWrite).unwrap();
                file.set_len(10_000).unwrap();
                let beyond = &after.contents("/f").unwrap()[content.len()..];
                assert!(
                    beyond.iter().all(|&byte| byte == 0),
                    "seed {seed}: bytes came back"
                );
            }
        }
    }
}

fn check_sectors(content: &[u8], copies: &[Vec<u8>], seed: u64) {
    match seed % 8 {
        NOTHING_SURVIVES => assert_eq!(content, copies[0]),
        EVERYTHING_SURVIVES => assert_eq!(content, copies[copies.len() - 1]),
        _ => {}
    }
    let longest = copies.iter().map(Vec::len).max().unwrap();
    assert!(content.len() <= longest, "seed {seed}");
    for (number, sector) in content.chunks(file_content::SECTOR_BYTES).enumerate() {
        let is_version = copies.iter().any(|copy| {
            let start = (number * file_content::SECTOR_BYTES).min(copy.len());
            let known = &copy[start..copy.len().min(start + sector.len())];
            sector.starts_with(known) && sector[known.len()..].iter().all(|&byte| byte == 0)
        });
        assert!(is_version, "seed {seed}, sector {number}");
    }
}

#[test]
fn files_are_put_and_lost_durably_and_listed_with_their_content() {
    let disk = SimulatedDisk::new();
    disk.put("/a/b/c", b"one");
    disk.put("/a/d", b"two");
    disk.put("/a/d", b"three");
    assert!(disk.lose("/a/b/c") && !disk.lose("/a/b/c"));
    disk.put("/e", b"");
    let expected = BTreeMap::from([("/a/d".into(), b"three".to_vec()), ("/e".into(), vec![])]);
    assert_eq!(disk.files(), expected);
    assert_eq!(disk.op_count(), 0);
    for model in MODELS {
        assert_eq!(disk.crash(NOTHING_SURVIVES, model).files(), expected);
    }
    let file = disk.open_file(Path::new("/a/d"), Access::Read).unwrap();
    assert_eq!(disk.held(), 1);
    drop(file);
    assert_eq!(disk.held(), 0);
}
