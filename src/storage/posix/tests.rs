//! Behaviour that only the real disk has: limits of the process, links, odd files and permissions.

use super::*;
use crate::storage::StorageFile;
use crate::storage::tests::in_a_process_of_its_own;
use std::ffi::CString;
use std::io::ErrorKind;
use std::io::IoSlice;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;

#[test]
fn the_file_size_limit_is_an_error_and_not_a_signal() {
    const TEST: &str = "storage::posix::tests::the_file_size_limit_is_an_error_and_not_a_signal";
    in_a_process_of_its_own(TEST, |dir| {
        const LIMIT: u64 = 10_000;
        let limit = libc::rlimit {
            rlim_cur: LIMIT,
            rlim_max: LIMIT,
        };
        // SAFETY: reads a live struct.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
        let file = RealDisk.create_file(&dir.join("f")).unwrap();
        let two = [0; 2];
        let refusals: [(&str, io::Result<()>); 4] = [
            ("write", file.write_at(LIMIT - 1, &[IoSlice::new(&two)])),
            ("allocate", file.allocate(0, LIMIT + 1)),
            ("zeros", file.write_zeros(LIMIT, 1)),
            ("length", file.set_len(LIMIT + 1)),
        ];
        for (name, refusal) in refusals {
            let error = refusal.expect_err(name);
            assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{name}");
            assert_eq!(error.raw_os_error(), Some(libc::EFBIG), "{name}");
        }
        assert_eq!(
            file.len().unwrap(),
            0,
            "refused before anything was written"
        );
        file.write_at(LIMIT - 2, &[IoSlice::new(&two)]).unwrap();
        assert_eq!(file.len().unwrap(), LIMIT, "up to the limit there is space");
    });
}

#[test]
fn a_directory_that_cannot_be_read_is_synced_all_the_same() {
    const TEST: &str =
        "storage::posix::tests::a_directory_that_cannot_be_read_is_synced_all_the_same";
    in_a_process_of_its_own(TEST, |dir| {
        const NOBODY: u32 = 65_534;
        let closed = dir.join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o300)).unwrap();
        // SAFETY: these calls touch no memory of ours.
        let is_root = unsafe { libc::geteuid() } == 0;
        if is_root {
            // Root may read everything: become another user.
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(&closed, Some(NOBODY), Some(NOBODY)).unwrap();
            // SAFETY: as above.
            unsafe {
                assert_eq!(libc::setresgid(NOBODY, NOBODY, NOBODY), 0);
                assert_eq!(libc::setresuid(NOBODY, NOBODY, NOBODY), 0);
            }
        }
        assert_eq!(
            fs::read_dir(&closed).unwrap_err().kind(),
            ErrorKind::PermissionDenied
        );
        RealDisk.create_file(&closed.join("f")).unwrap();
        if cfg!(target_os = "linux") {
            RealDisk.sync_dir(&closed).unwrap();
        }
        // Without the right to write there is no way left: an error.
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o100)).unwrap();
        let error = RealDisk.sync_dir(&closed).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    });
}

/// The system may write less than asked, of any part, and may be interrupted.
#[test]
fn short_and_interrupted_writes_are_gone_on_with() {
    let texts: Vec<Vec<u8>> = (0..3000usize).map(|i| vec![i as u8; i % 7]).collect();
    let parts: Vec<IoSlice<'_>> = texts.iter().map(|text| IoSlice::new(text)).collect();
    for most_at_once in [1, 2, 3, 10, 1000, usize::MAX] {
        let mut written: Vec<u8> = Vec::new();
        let mut calls = 0;
        let write_once = |at: u64, parts: &[IoSlice<'_>]| {
            calls += 1;
            assert!(
                !parts.is_empty() && parts.len() <= 1024,
                "{} parts",
                parts.len()
            );
            assert_eq!(at, 77 + written.len() as u64);
            if calls % 3 == 0 {
                return Err(ErrorKind::Interrupted.into());
            }
            let before = written.len();
            written.extend(parts.iter().flat_map(|part| part.iter()).take(most_at_once));
            Ok(written.len() - before)
        };
        file::write_all_with(77, &parts, write_once).unwrap();
        assert_eq!(
            written,
            texts.concat(),
            "at most {most_at_once} bytes a call"
        );
    }
    let nothing = file::write_all_with(0, &parts, |_, _| Ok(0));
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::WriteZero);
    let full = file::write_all_with(0, &parts, |_, _| Err(ErrorKind::StorageFull.into()));
    assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
}

/// The system may read less than asked, and may be interrupted.
#[test]
fn short_and_interrupted_reads_are_gone_on_with() {
    let content: Vec<u8> = (0..1000).map(|i| i as u8).collect();
    for most_at_once in [1, 2, 3, 10, 1000] {
        let mut calls = 0;
        let read_once = |at: u64, buf: &mut [u8]| {
            calls += 1;
            if calls % 3 == 0 {
                return Err(ErrorKind::Interrupted.into());
            }
            let rest = &content[at as usize..];
            let count = rest.len().min(buf.len()).min(most_at_once);
            buf[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        };
        let mut buf = [0xee; 600];
        assert_eq!(file::read_all_with(500, &mut buf, read_once).unwrap(), 500);
        assert_eq!(buf[..500], content[500..], "{most_at_once} bytes a call");
    }
    let failed = file::read_all_with(0, &mut [0; 9], |_, _| Err(ErrorKind::Other.into()));
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Other);
}

#[cfg(target_os = "linux")]
/// A pipe cannot be synced: an error that proves that the system was asked, and is heard.
#[test]
fn the_answer_of_a_sync_is_passed_on() {
    let mut pipe = [0; 2];
    // SAFETY: writes two descriptors, which are ours from then on.
    let [_, writer] = unsafe {
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        pipe.map(|descriptor| fs::File::from_raw_fd(descriptor))
    };
    let file = PosixFile::new(writer.into());
    for result in [file.sync_data(), file.sync_all()] {
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EINVAL));
    }
}

#[test]
fn a_descriptor_is_never_one_of_the_standard_streams() {
    const TEST: &str = "storage::posix::tests::a_descriptor_is_never_one_of_the_standard_streams";
    in_a_process_of_its_own(TEST, |dir| {
        // SAFETY: closes standard input, which this process does not use.
        assert_eq!(unsafe { libc::close(0) }, 0);
        let file = Place::anywhere(&dir.join("f")).create_file().unwrap();
        assert!(file.as_raw_fd() > 2);
        let lowest = fs::File::open(dir).unwrap();
        assert_eq!(lowest.as_raw_fd(), 0, "number 0 was free, and we left it");
    });
}

#[test]
fn descriptors_do_not_pass_through_exec() {
    let dir = tempfile::tempdir().unwrap();
    let file = Place::anywhere(&dir.path().join("f"))
        .create_file()
        .unwrap();
    // SAFETY: asks about an open descriptor.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFD) };
    assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
}

#[test]
fn a_fifo_in_a_files_place_is_refused_without_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("00000000000000000000.wal");
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is a live C string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    for access in [Access::Read, Access::ReadWrite] {
        let error = RealDisk.open_file(&path, access).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let error = RealDisk.open_head(&path, &mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(RealDisk.kind(&path).unwrap(), Some(EntryKind::Other));
}

#[test]
fn links_to_directories_are_followed_and_others_are_something() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("dir")).unwrap();
    fs::write(at("file"), b"x").unwrap();
    symlink(at("dir"), at("to-dir")).unwrap();
    symlink(at("file"), at("to-file")).unwrap();
    symlink(at("none"), at("to-none")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    // Each made the listing of the whole directory fail.
    symlink(at("file/below"), at("to-below-a-file")).unwrap();
    symlink("n".repeat(300), at("to-a-long-name")).unwrap();
    let kinds: Vec<(String, EntryKind)> = RealDisk
        .list_dir(dir.path())
        .unwrap()
        .into_iter()
        .map(|entry| (entry.name, entry.kind))
        .collect();
    let expected = [
        ("dir", EntryKind::Directory),
        ("file", EntryKind::File),
        ("loop", EntryKind::Link),
        ("to-a-long-name", EntryKind::Link),
        ("to-below-a-file", EntryKind::Link),
        ("to-dir", EntryKind::Directory),
        ("to-file", EntryKind::Link),
        ("to-none", EntryKind::Link),
    ];
    assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(
        RealDisk.canonical(&at("to-dir")).unwrap(),
        RealDisk.canonical(&at("dir")).unwrap()
    );
}

#[test]
fn names_that_are_not_unicode_are_left_out_of_a_listing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ours"), b"").unwrap();
    fs::write(
        dir.path().join(std::ffi::OsStr::from_bytes(b"\xFF\xFE")),
        b"",
    )
    .unwrap();
    let entries = RealDisk.list_dir(dir.path()).unwrap();
    assert_eq!(
        entries,
        [DirEntry {
            name: "ours".to_owned(),
            kind: EntryKind::File,
            is_link: false
        }]
    );
}

#[test]
fn where_there_are_no_links_a_synced_copy_is_made_and_nothing_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let bytes: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
    fs::write(&from, &bytes).unwrap();
    copy_durably(&Place::anywhere(&from), &Place::anywhere(&to)).unwrap();
    assert_eq!(fs::read(&to).unwrap(), bytes);
    assert_ne!(inode(&from), inode(&to));
    fs::write(&from, b"other").unwrap();
    assert_eq!(
        copy_durably(&Place::anywhere(&from), &Place::anywhere(&to))
            .unwrap_err()
            .kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(fs::read(&to).unwrap(), bytes, "what was there stays");
}

fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
}

#[test]
fn only_the_file_systems_refusal_leads_to_a_copy() {
    for code in [
        libc::EXDEV,
        libc::EPERM,
        libc::EOPNOTSUPP,
        libc::ENOSYS,
        libc::EMLINK,
    ] {
        assert!(is_without_links(&io::Error::from_raw_os_error(code)));
    }
    for code in [
        libc::EEXIST,
        libc::ENOENT,
        libc::EACCES,
        libc::ENOSPC,
        libc::EIO,
    ] {
        assert!(!is_without_links(&io::Error::from_raw_os_error(code)));
    }
}

/// Linux has tmpfs here, a second file system on every machine.
#[cfg(target_os = "linux")]
#[test]
fn a_file_gets_a_second_name_on_another_file_system() {
    let Ok(there) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("f"), b"x").unwrap();
    RealDisk
        .link_or_copy(&here.path().join("f"), &there.path().join("f"))
        .unwrap();
    assert_eq!(fs::read(there.path().join("f")).unwrap(), b"x");
}

#[test]
fn allocating_by_writing_never_writes_below_the_end_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    fs::write(&path, [7; 5000]).unwrap();
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    preallocate::allocate_by_writing(&file, 0, 4000).unwrap();
    assert_eq!(fs::read(&path).unwrap(), [7; 5000]);
    preallocate::allocate_by_writing(&file, 1000, 9000).unwrap();
    assert_eq!(
        fs::read(&path).unwrap(),
        [vec![7; 5000], vec![0; 5000]].concat()
    );
    preallocate::allocate_by_writing(&file, 10_100, 100).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 10_200);
}

#[cfg(target_os = "linux")]
#[test]
fn allocated_bytes_have_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let file = RealDisk.create_file(&path).unwrap();
    file.allocate(0, 1 << 20).unwrap();
    let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&path).unwrap());
    assert!(blocks * 512 >= 1 << 20, "{blocks} blocks of 512 bytes");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_as_such() {
    // /dev/full is no regular file, so it is opened here and not by the disk.
    let full = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/full")
        .unwrap();
    let file = PosixFile::new(full.into());
    let error = file
        .write_at(0, &[IoSlice::new(b"a"), IoSlice::new(b"b")])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

#[test]
fn all_names_of_a_directory_are_listed_whatever_their_length_and_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    // More than one system call returns.
    for number in 0..500 {
        let name = format!("{number:0width$}", width = 1 + number % 250);
        fs::write(dir.path().join(&name), b"").unwrap();
        let (kind, is_link) = (EntryKind::File, false);
        expected.push(DirEntry {
            name,
            kind,
            is_link,
        });
    }
    let mut expect = |name: &str, kind: EntryKind| {
        expected.push(DirEntry {
            name: name.to_owned(),
            kind,
            is_link: name.starts_with("to "),
        });
    };
    fs::create_dir(dir.path().join("d")).unwrap();
    expect("d", EntryKind::Directory);
    let odd = std::ffi::OsStr::from_bytes(b"not \xff UTF-8");
    fs::write(dir.path().join(odd), b"").unwrap();
    for (link, target, kind) in [
        ("to a directory", "d", EntryKind::Directory),
        ("to a file", "0", EntryKind::Link),
        ("to nothing", "absent", EntryKind::Link),
    ] {
        symlink(target, dir.path().join(link)).unwrap();
        expect(link, kind);
    }
    expected.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(RealDisk.list_dir(dir.path()).unwrap(), expected);
    let names = |dir: &Path| RealDisk.list_dir(dir).map(|entries| entries.len());
    assert_eq!(names(&dir.path().join("d")).unwrap(), 0);
    let missing = names(&dir.path().join("absent")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let no_dir = names(&dir.path().join("0")).unwrap_err();
    assert_eq!(no_dir.kind(), ErrorKind::NotADirectory);
}

#[test]
fn the_head_of_a_file_is_returned_with_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let content: Vec<u8> = (0..200).collect();
    for (len, head_len) in [(0, 100), (99, 100), (100, 100), (200, 100), (10, 0)] {
        fs::write(&path, &content[..len]).unwrap();
        let mut head = vec![0xff; head_len];
        let found = RealDisk.open_head(&path, &mut head).unwrap();
        assert_eq!(found.read, len.min(head_len));
        assert_eq!(found.len, len as u64);
        assert_eq!(head[..found.read], content[..found.read]);
        assert_eq!(found.file.len().unwrap(), len as u64);
    }
    let refused = |path: &Path| RealDisk.open_head(path, &mut [0; 10]).unwrap_err();
    assert_eq!(refused(dir.path()).kind(), ErrorKind::IsADirectory);
    let absent = refused(&dir.path().join("absent"));
    assert_eq!(absent.kind(), ErrorKind::NotFound);
}
