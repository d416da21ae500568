//! Which names survive, under either model.

use super::*;
use DirectoryModel::Ordered;
use DirectoryModel::Strict;

fn path(name: &str) -> PathBuf {
    Path::new("/").join(name)
}

#[test]
fn a_name_is_durable_once_its_directory_is_synced_and_syncing_the_file_does_not_help() {
    let disk = SimulatedDisk::new();
    let file = disk.create_file(&path("f")).unwrap();
    write(&*file, 0, b"x");
    file.sync_all().unwrap();
    for model in MODELS {
        assert_eq!(outcomes(&disk, model), lists([&[], &["f"]]));
    }
    disk.sync_dir(Path::new("/")).unwrap();
    for model in MODELS {
        assert_eq!(outcomes(&disk, model), lists([&["f"]]));
    }
    disk.remove_file(&path("f")).unwrap();
    for model in MODELS {
        assert_eq!(outcomes(&disk, model), lists([&[], &["f"]]));
        let after = disk.crash(NOTHING_SURVIVES, model);
        assert_eq!(
            after.contents("/f").unwrap(),
            b"x",
            "back again, with its content"
        );
    }
}

#[test]
fn a_strict_rename_may_leave_both_names_or_none_and_an_ordered_one_exactly_one() {
    let disk = SimulatedDisk::new();
    durable_file(&disk, "/a", b"x");
    disk.rename(&path("a"), &path("b")).unwrap();
    assert_eq!(
        outcomes(&disk, Strict),
        lists([&[], &["a"], &["b"], &["a", "b"]])
    );
    assert_eq!(outcomes(&disk, Ordered), lists([&["a"], &["b"]]));
    disk.sync_dir(Path::new("/")).unwrap();
    for model in MODELS {
        assert_eq!(outcomes(&disk, model), lists([&["b"]]));
    }
}

#[test]
fn a_file_made_under_another_name_has_one_name_once_that_is_synced() {
    let disk = SimulatedDisk::new();
    disk.create_file(&path("f.tmp")).unwrap();
    disk.rename(&path("f.tmp"), &path("f")).unwrap();
    assert_eq!(outcomes(&disk, Ordered), lists([&[], &["f.tmp"], &["f"]]));
    disk.sync_dir(Path::new("/")).unwrap();
    for model in MODELS {
        assert_eq!(outcomes(&disk, model), lists([&["f"]]));
    }
}

#[test]
fn a_replaced_name_is_the_old_file_or_the_new_one() {
    let disk = SimulatedDisk::new();
    durable_file(&disk, "/f", b"old");
    durable_file(&disk, "/new", b"new");
    disk.rename(&path("new"), &path("f")).unwrap();
    for model in MODELS {
        let seen: BTreeSet<Vec<u8>> = SEEDS
            .map(|seed| disk.crash(seed, model).contents("/f").unwrap())
            .collect();
        assert_eq!(seen, BTreeSet::from([b"new".to_vec(), b"old".to_vec()]));
    }
}

#[test]
fn ordered_changes_survive_as_a_prefix_and_strict_ones_one_by_one() {
    let disk = SimulatedDisk::new();
    for name in ["a", "b", "c"] {
        disk.create_file(&path(name)).unwrap();
    }
    let prefixes = lists([&[], &["a"], &["a", "b"], &["a", "b", "c"]]);
    assert_eq!(outcomes(&disk, Ordered), prefixes);
    assert_eq!(outcomes(&disk, Strict).len(), 8);
}

#[test]
fn syncing_a_directory_takes_its_parents_along_in_the_ordered_model_only() {
    let disk = SimulatedDisk::new();
    disk.create_dir(&path("d")).unwrap();
    disk.create_file(&path("d/f")).unwrap();
    disk.create_file(&path("late")).unwrap();
    disk.sync_dir(&path("d")).unwrap();
    for seed in SEEDS {
        let after = tree(&disk.crash(seed, Ordered));
        assert!(after.contains_key(&path("d/f")), "seed {seed}");
    }
    let strict: BTreeSet<bool> = SEEDS
        .map(|seed| tree(&disk.crash(seed, Strict)).contains_key(&path("d/f")))
        .collect();
    assert_eq!(
        strict.len(),
        2,
        "reachable only if the name of the directory survived"
    );
    assert_eq!(outcomes(&disk, Ordered), lists([&["d"], &["d", "late"]]));
}

#[test]
fn a_move_between_directories_is_one_change_or_two() {
    let disk = SimulatedDisk::new();
    disk.create_dir(&path("archive")).unwrap();
    durable_file(&disk, "/f", b"x");
    disk.rename(&path("f"), &path("archive/f")).unwrap();
    let places = |model| -> BTreeSet<(bool, bool)> {
        SEEDS
            .map(|seed| {
                let after = tree(&disk.crash(seed, model));
                (
                    after.contains_key(&path("f")),
                    after.contains_key(&path("archive/f")),
                )
            })
            .collect()
    };
    assert_eq!(
        places(Ordered),
        BTreeSet::from([(true, false), (false, true)])
    );
    assert_eq!(places(Strict).len(), 4);
    disk.sync_dir(&path("archive")).unwrap();
    assert_eq!(places(Ordered), BTreeSet::from([(false, true)]));
    assert_eq!(
        places(Strict),
        BTreeSet::from([(true, true), (false, true)])
    );
}

#[test]
fn a_directory_never_survives_under_two_names() {
    let disk = SimulatedDisk::new();
    disk.create_dir(&path("stream")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    durable_file(&disk, "/stream/f", b"x");
    disk.rename(&path("stream"), &path("stream#deleted"))
        .unwrap();
    let expected = lists([&[], &["stream"], &["stream#deleted"]]);
    assert_eq!(outcomes(&disk, Strict), expected);
    for seed in SEEDS {
        let after = tree(&disk.crash(seed, Strict));
        let files = after.values().flatten().count();
        assert_eq!(
            files,
            after.len() / 2,
            "the directory keeps its file: {after:?}"
        );
    }
}

#[test]
fn a_linked_file_keeps_one_content_under_both_names() {
    let disk = SimulatedDisk::new();
    let file = durable_file(&disk, "/a", b"old");
    disk.link_or_copy(&path("a"), &path("b")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    write(&*file, 0, b"new");
    for seed in SEEDS {
        let after = disk.crash(seed, Strict);
        assert_eq!(after.contents("/a").unwrap(), after.contents("/b").unwrap());
        write(
            &*after.open_file(&path("a"), Access::ReadWrite).unwrap(),
            0,
            b"!",
        );
        assert_eq!(after.contents("/b").unwrap()[0], b'!');
    }
}

#[test]
fn a_file_created_again_under_its_name_is_any_of_those_or_missing() {
    let disk = SimulatedDisk::new();
    durable_file(&disk, "/f", b"first");
    disk.remove_file(&path("f")).unwrap();
    let second = disk.create_file(&path("f")).unwrap();
    write(&*second, 0, b"second");
    second.sync_data().unwrap();
    for model in MODELS {
        let seen: BTreeSet<Option<Vec<u8>>> = SEEDS
            .map(|seed| disk.crash(seed, model).contents("/f").ok())
            .collect();
        let expected = [None, Some(b"first".to_vec()), Some(b"second".to_vec())];
        assert_eq!(seen, BTreeSet::from(expected), "{model:?}");
    }
}
