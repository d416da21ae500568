//! What must hold on Windows beyond the contract of every disk: names of open files, the lock, the identity of directories.

use super::*;
use std::io::ErrorKind;
use std::io::IoSlice;

fn create(path: &Path, content: &[u8]) -> Arc<dyn StorageFile> {
    let file = RealDisk.create_file(path).unwrap();
    file.write_at(0, &[IoSlice::new(content)]).unwrap();
    file
}

#[test]
fn an_open_file_is_replaced_and_removed_and_its_name_is_free_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (path, new) = (dir.path().join("f"), dir.path().join("g"));
    let old = create(&path, b"old");
    let replacing = create(&new, b"new");
    RealDisk.rename(&new, &path).unwrap();
    RealDisk.remove_file(&path).unwrap();
    assert_eq!(RealDisk.kind(&path).unwrap(), None);
    let third = create(&path, b"third");
    for (file, content) in [(old, &b"old"[..]), (replacing, b"new"), (third, b"third")] {
        let mut bytes = [0; 8];
        let read = file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes[..read], content);
    }
}

#[test]
fn a_lock_keeps_its_name_and_others_may_read_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("LOCK");
    let held = RealDisk.lock(&path).unwrap();
    assert!(held.is_attached().unwrap());
    let refused = RealDisk.lock(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    // A scanner or a backup opens it, and takes the lock from no holder.
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert!(fs::rename(&path, dir.path().join("other")).is_err());
    assert!(fs::remove_file(&path).is_err());
    drop(held);
    let reader = fs::File::open(&path).unwrap();
    drop(RealDisk.lock(&path).expect("a reader holds no lock"));
    drop(reader);
}

#[test]
fn a_directory_that_takes_a_name_again_has_another_identity() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stream");
    fs::create_dir(&path).unwrap();
    let first = RealDisk.dir_identity(&path).unwrap().expect("there");
    assert_eq!(RealDisk.dir_identity(&path).unwrap(), Some(first));
    fs::rename(&path, dir.path().join("stream#deleted")).unwrap();
    fs::create_dir(&path).unwrap();
    let second = RealDisk.dir_identity(&path).unwrap().expect("there");
    assert_ne!(first, second);
    assert_ne!(first.number, second.number);
}

#[cfg(debug_assertions)]
#[test]
fn debug_builds_refuse_to_rename_a_directory_with_open_files_as_ntfs_does() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir(&from).unwrap();
    let file = create(&from.join("f"), b"x");
    let refused = RealDisk.rename(&from, &to).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    // An open file that has no name any more is in no directory.
    RealDisk.remove_file(&from.join("f")).unwrap();
    RealDisk.rename(&from, &to).unwrap();
    drop(file);
}
