//! No link is followed inside the root but a stream's directory: what a link leads to is not ours to
//! read, to cut or to remove.
//!
//! Before: opening removed segments behind a link named `x#deleted`, wrote through `segments.idx` into
//! a foreign file, and made a file where a dangling `LOCK` led.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::support;
use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

/// A log with a stream of some segments, closed.
fn made(place: &Path) -> PathBuf {
    let wal = Wal::new(small(place)).expect("opens");
    for id in 0..35 {
        wal.append("s", &entry(id)).expect("appends");
    }
    wal.close().expect("closes");
    place.join("log")
}

fn small(place: &Path) -> WalOptions {
    let mut options = options(place, SyncMode::Async);
    options.max_entries_per_segment = 10;
    options
}

/// Moves what stands there out of the log, and leaves a link to it.
fn link_out(path: &Path, place: &Path) -> PathBuf {
    let target = place.join("elsewhere");
    fs::rename(path, &target).expect("moves");
    symlink(&target, path).expect("links");
    target
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

#[test]
fn a_link_named_as_a_deleted_stream_leaves_what_it_leads_to_alone() {
    let place = support::temp_dir();
    let root = made(place.path());
    let other = support::temp_dir();
    let precious = made(other.path()).join("s");
    let before = support::everything(&precious);
    for (name, target) in [
        ("x#deleted", precious.clone()),
        ("y#deleted.1", PathBuf::from("/nowhere/at/all")),
        ("s#deleted", precious.clone()),
    ] {
        symlink(target, root.join(name)).expect("links");
    }
    let wal = Wal::new(small(place.path())).expect("opens");
    assert_eq!(wal.streams().expect("lists"), ["s"]);
    // Only one that leads to nothing of a log is removed.
    for (name, stays) in [
        ("x#deleted", true),
        ("y#deleted.1", false),
        ("s#deleted", true),
    ] {
        assert_eq!(is_link(&root.join(name)), stays, "{name}");
    }
    // In the way of a deletion.
    wal.delete_stream("s").expect("deletes");
    wal.close().expect("closes");
    assert!(!root.join("s").exists() && !root.join("s#deleted.1").exists());
    assert!(is_link(&root.join("s#deleted")));
    assert_eq!(support::everything(&precious), before);
}

#[test]
fn an_index_file_that_is_a_link_is_replaced_and_never_written_through() {
    let place = support::temp_dir();
    let root = made(place.path());
    let foreign = place.path().join("foreign");
    for content in [&b"x"[..], &[7; 100_000]] {
        fs::write(&foreign, content).expect("writes");
        let index = root.join("s/segments.idx");
        fs::remove_file(&index).expect("removes");
        symlink(&foreign, &index).expect("links");
        let report = Wal::open_read_only(small(place.path()))
            .and_then(|wal| wal.verify())
            .expect("verifies");
        let is_named = |f: &VerifyFinding| f.path == index && f.what.contains("symbolic link");
        assert!(report.findings.iter().any(is_named), "{report:?}");
        assert!(is_link(&index), "reading only changes nothing");
        let wal = Wal::new(small(place.path())).expect("opens");
        wal.append("s", b"x").expect("appends");
        wal.close().expect("closes");
        assert!(!is_link(&index));
        assert_eq!(fs::read(&foreign).expect("reads"), content);
    }
    // Made while the log is open.
    let wal = Wal::new(small(place.path())).expect("opens");
    wal.append("s", b"x").expect("appends");
    let index = root.join("s/segments.idx");
    fs::remove_file(&index).expect("removes");
    symlink("/nowhere/at/all", &index).expect("links");
    wal.close().expect("closes");
    assert!(!is_link(&index) && index.exists());
}

#[test]
fn a_lock_that_is_a_link_is_refused_by_name_and_makes_nothing_elsewhere() {
    let place = support::temp_dir();
    let root = made(place.path());
    let lock = root.join("LOCK");
    let target = link_out(&lock, place.path());
    for is_dangling in [false, true] {
        if is_dangling {
            fs::remove_file(&target).expect("removes");
        }
        let refused = Wal::new(small(place.path())).expect_err("a link");
        assert_eq!(refused.context().path.as_deref(), Some(&*lock));
        assert!(refused.to_string().contains("symbolic link"), "{refused}");
        assert_eq!(target.exists(), !is_dangling);
    }
}

#[test]
fn a_segment_that_is_a_link_is_refused_by_name_and_its_target_left_alone() {
    let place = support::temp_dir();
    let root = made(place.path());
    let segment = support::segments_in(&root.join("s")).remove(3);
    let target = link_out(&segment, place.path());
    let before = fs::read(&target).expect("reads");
    let name = segment.to_str().expect("readable");
    let is_named = |error: &Error| {
        let text = error.to_string();
        assert!(
            text.contains(name) && text.contains("symbolic link"),
            "{text}"
        );
    };
    let wal = Wal::new(small(place.path())).expect("opens");
    is_named(&wal.append("s", b"x").expect_err("a link"));
    is_named(&wal.get("s", 3).expect_err("a link"));
    wal.append("other", b"x").expect("others go on");
    wal.close().expect("closes");
    let mut strict = small(place.path());
    strict.on_corruption = CorruptionPolicy::Error;
    is_named(&Wal::new(strict.clone()).expect_err("a link"));
    is_named(&Wal::open_read_only(strict).expect_err("a link"));
    let report = Wal::open_read_only(small(place.path()))
        .and_then(|wal| wal.verify())
        .expect("verifies");
    assert!(!report.is_clean(), "{report:?}");
    assert_eq!(fs::read(&target).expect("reads"), before);
}

#[test]
fn links_in_the_way_of_new_segments_are_never_written_through() {
    let place = support::temp_dir();
    let root = made(place.path());
    let foreign = place.path().join("foreign");
    fs::write(&foreign, b"precious").expect("writes");
    // Under the temporary name: replaced.
    symlink(&foreign, root.join("s/next#new")).expect("links");
    let wal = Wal::new(small(place.path())).expect("opens");
    symlink(&foreign, root.join("s/next#new")).expect("it was removed");
    for id in 35..40 {
        wal.append("s", &entry(id)).expect("appends");
    }
    // Under the segment's own: refused by name.
    let next = root.join("s/00000000000000000040.wal");
    symlink(&foreign, &next).expect("links");
    let refused = wal.append("s", b"x").expect_err("a link");
    let is_named = matches!(&refused, Error::InvalidFilename(what) if what.contains("40.wal"));
    assert!(is_named, "{refused}");
    fs::remove_file(&next).expect("removes");
    assert_eq!(wal.append("s", b"x").expect("appends"), 40);
    wal.close().expect("closes");
    assert_eq!(fs::read(&foreign).expect("reads"), b"precious");
}

#[test]
fn an_identity_that_is_a_link_counts_as_damaged_and_is_never_written_through() {
    let place = support::temp_dir();
    let root = made(place.path());
    let identity = root.join("IDENTITY");
    let target = link_out(&identity, place.path());
    let before = fs::read(&target).expect("reads");
    let mut strict = small(place.path());
    strict.on_corruption = CorruptionPolicy::Error;
    let refused = Wal::new(strict).expect_err("a link");
    assert!(refused.to_string().contains("IDENTITY"), "{refused}");
    assert!(is_link(&identity));
    let wal = Wal::new(small(place.path())).expect("opens");
    assert!(!is_link(&identity));
    assert_eq!(all_entries(&wal, "s").len(), 35);
    // Made while the log is open: the deletion is refused, and the stream stays.
    fs::remove_file(&identity).expect("removes");
    symlink(&target, &identity).expect("links");
    let refused = wal.delete_stream("s").expect_err("a link");
    assert!(refused.to_string().contains("symbolic link"), "{refused}");
    assert_eq!(all_entries(&wal, "s").len(), 35);
    wal.append("s", b"x").expect("goes on");
    assert_eq!(fs::read(&target).expect("reads"), before);
}

#[test]
fn a_stream_whose_directory_is_a_link_is_served() {
    let place = support::temp_dir();
    let root = made(place.path());
    link_out(&root.join("s"), place.path());
    let wal = Wal::new(small(place.path())).expect("opens");
    assert_eq!(all_entries(&wal, "s").len(), 35);
    assert_eq!(wal.append("s", b"x").expect("appends"), 35);
    assert_eq!(wal.truncate("s", 25).expect("truncates"), 2);
    wal.close().expect("closes");
    let wal = Wal::open_read_only(small(place.path())).expect("opens");
    assert_eq!(all_entries(&wal, "s").len(), 16);
}

#[cfg(feature = "sharded")]
mod of_a_sharded_log {
    use super::*;

    fn made(place: &Path) -> PathBuf {
        let wal = ShardedWal::new(small(place), 2).expect("opens");
        wal.append(b"k", b"value").expect("appends");
        wal.create_checkpoint(b"a").expect("a checkpoint");
        wal.close().expect("closes");
        place.join("log")
    }

    #[test]
    fn a_record_of_the_shard_count_or_a_checkpoint_log_that_is_a_link_is_refused_by_name() {
        for name in ["shards.meta", "checkpoints.log"] {
            let place = support::temp_dir();
            let path = made(place.path()).join(name);
            let target = link_out(&path, place.path());
            let before = fs::read(&target).expect("reads");
            let opened = ShardedWal::new(small(place.path()), 2);
            let refused = opened
                .and_then(|wal| wal.create_checkpoint(b"b").and(Ok(wal)))
                .expect_err("a link");
            assert_eq!(refused.context().path.as_deref(), Some(&*path));
            assert!(refused.to_string().contains("symbolic link"), "{refused}");
            let report = Wal::open_read_only(small(place.path()))
                .and_then(|wal| wal.verify())
                .expect("verifies");
            assert!(!report.is_clean(), "{report:?}");
            assert!(is_link(&path));
            assert_eq!(fs::read(&target).expect("reads"), before);
        }
    }

    #[test]
    fn the_hint_that_is_a_link_is_replaced_and_never_written_through() {
        let place = support::temp_dir();
        let head = made(place.path()).join("HEAD");
        let target = link_out(&head, place.path());
        let wal = ShardedWal::new(small(place.path()), 2).expect("opens");
        wal.create_checkpoint(b"b").expect("a checkpoint");
        fs::remove_file(&head).expect("removes");
        symlink(&target, &head).expect("links");
        wal.create_checkpoint(b"c").expect("a checkpoint");
        assert!(!is_link(&head));
        assert_eq!(fs::read(&head).expect("reads"), b"c");
        assert_eq!(fs::read(&target).expect("reads"), b"a");
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_repair_does_not_copy_what_a_link_leads_to_and_call_the_copy_complete() {
        for name in ["shards.meta", "checkpoints.log"] {
            let place = support::temp_dir();
            let root = made(place.path());
            link_out(&root.join(name), place.path());
            let to = place.path().join("copy");
            let answer = ironwal::repair::repair(&root, &to, CompressionType::None, &mut |_| ());
            let refused = answer.expect_err("a link");
            let text = refused.to_string();
            assert!(
                text.contains(name) && text.contains("symbolic link"),
                "{text}"
            );
            assert!(!to.exists(), "no copy was begun");
        }
    }
}
