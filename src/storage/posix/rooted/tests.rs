//! A disk that holds a directory stays in it, and no disk follows a link to a file.

use crate::storage::Access;
use crate::storage::DirEntry;
use crate::storage::RealDisk;
use crate::storage::Storage;
use std::fs;
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn no_file_is_reached_through_a_link_and_a_link_is_removed_and_replaced_itself() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("target"), b"precious").unwrap();
    symlink(at("target"), at("link")).unwrap();
    let refused = |result: io::Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("symbolic link"), "{error}");
    };
    for access in [Access::Read, Access::ReadWrite] {
        refused(RealDisk.open_file(&at("link"), access).map(drop));
    }
    refused(RealDisk.open_head(&at("link"), &mut [0; 4]).map(drop));
    refused(RealDisk.link_or_copy(&at("link"), &at("second")));
    let exists = RealDisk.create_file(&at("link")).map(drop);
    assert_eq!(exists.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert!(RealDisk.is_link(&at("link")).unwrap());
    RealDisk.remove_file(&at("link")).unwrap();
    symlink(at("target"), at("link")).unwrap();
    fs::write(at("new"), b"new").unwrap();
    RealDisk.rename(&at("new"), &at("link")).unwrap();
    assert!(!RealDisk.is_link(&at("link")).unwrap());
    assert_eq!(fs::read(at("target")).unwrap(), b"precious");
}

#[test]
fn a_rooted_disk_stays_in_its_directory_whatever_takes_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let place = fs::canonicalize(dir.path()).unwrap();
    let (root, moved) = (place.join("root"), place.join("moved"));
    fs::create_dir_all(root.join("s")).unwrap();
    let disk = RealDisk.rooted(&root).unwrap().unwrap();
    fs::rename(&root, &moved).unwrap();
    fs::create_dir_all(root.join("s")).unwrap();
    disk.create_file(&root.join("s/a")).unwrap();
    disk.rename(&root.join("s/a"), &root.join("b")).unwrap();
    disk.link_or_copy(&root.join("b"), &place.join("outside"))
        .unwrap();
    disk.create_dir(&root.join("t")).unwrap();
    disk.remove_dir(&root.join("s")).unwrap();
    disk.sync_dir(&root).unwrap();
    assert!(disk.available_bytes(&root.join("t")).unwrap() > 0);
    let names = |listed: Vec<DirEntry>| -> Vec<String> {
        listed.into_iter().map(|entry| entry.name).collect()
    };
    assert_eq!(names(disk.list_dir(&root).unwrap()), ["b", "t"]);
    assert_eq!(names(RealDisk.list_dir(&moved).unwrap()), ["b", "t"]);
    assert_eq!(names(RealDisk.list_dir(&root).unwrap()), ["s"]);
    assert!(place.join("outside").exists());
    disk.remove_file(&root.join("b")).unwrap();
    assert_eq!(disk.kind(&root.join("b")).unwrap(), None);
    let identity = |disk: &dyn Storage, path: &Path| disk.dir_identity(path).unwrap();
    assert_eq!(identity(&*disk, &root), identity(&RealDisk, &moved));
}
