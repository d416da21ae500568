//! One table of behaviour for every disk: the contract in `mod.rs`, call by call.

#[cfg(unix)]
mod process;

#[cfg(unix)]
pub(super) use process::child_dir;
#[cfg(unix)]
pub(super) use process::in_a_process_of_its_own;
#[cfg(unix)]
pub(super) use process::rerun;

use super::*;
use std::io::ErrorKind;

fn write(file: &dyn StorageFile, offset: u64, bytes: &[u8]) {
    file.write_at(offset, &[IoSlice::new(bytes)]).unwrap();
}

fn content(file: &dyn StorageFile) -> Vec<u8> {
    let mut bytes = vec![0xEE; file.len().unwrap() as usize + 10];
    let read = file.read_at(0, &mut bytes).unwrap();
    bytes.truncate(read);
    bytes
}

fn names(disk: &dyn Storage, dir: &Path) -> Vec<String> {
    disk.list_dir(dir)
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect()
}

fn error_kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

type Case = (&'static str, fn(&dyn Storage, &Path));

/// Each case runs in an empty directory of its own.
const CASES: &[Case] = &[
    ("what is written at an offset is read there", |disk, dir| {
        let file = disk.create_file(&dir.join("f")).unwrap();
        write(&*file, 700, b"entry");
        let mut expected = vec![0; 700];
        expected.extend(b"entry");
        assert_eq!(content(&*file), expected);
        assert_eq!(file.len().unwrap(), 705);
    }),
    (
        "parts are written one after the other, empty ones skipped",
        |disk, dir| {
            let file = disk.create_file(&dir.join("f")).unwrap();
            let parts = [&b""[..], b"ab", b"", b"", b"c", b"def", b""].map(IoSlice::new);
            file.write_at(1, &parts).unwrap();
            assert_eq!(content(&*file), b"\0abcdef");
            file.write_at(100, &[IoSlice::new(b"")]).unwrap();
            file.write_at(100, &[]).unwrap();
            assert_eq!(file.len().unwrap(), 7, "writing nothing does not grow");
        },
    ),
    (
        "more parts than one system call takes are all written",
        |disk, dir| {
            let file = disk.create_file(&dir.join("f")).unwrap();
            let numbers: Vec<[u8; 2]> = (0..5000u16).map(u16::to_be_bytes).collect();
            let parts: Vec<IoSlice<'_>> = numbers.iter().map(|bytes| IoSlice::new(bytes)).collect();
            file.write_at(3, &parts).unwrap();
            assert_eq!(content(&*file)[3..], numbers.concat());
        },
    ),
    ("an overwrite changes its range only", |disk, dir| {
        let file = disk.create_file(&dir.join("f")).unwrap();
        write(&*file, 0, &[1; 2000]);
        write(&*file, 500, &[2; 600]);
        assert_eq!(
            content(&*file),
            [vec![1; 500], vec![2; 600], vec![1; 900]].concat()
        );
    }),
    ("reading past the end is short", |disk, dir| {
        let file = disk.create_file(&dir.join("f")).unwrap();
        write(&*file, 0, b"0123456789");
        let mut buf = [0; 8];
        assert_eq!(file.read_at(6, &mut buf).unwrap(), 4);
        assert_eq!(&buf[..4], b"6789");
        assert_eq!(file.read_at(10, &mut buf).unwrap(), 0);
        assert_eq!(file.read_at(1 << 40, &mut buf).unwrap(), 0);
        assert_eq!(
            error_kind(read_exact_at(&*file, 6, &mut buf)),
            ErrorKind::UnexpectedEof
        );
    }),
    ("cutting and growing again leaves zeros", |disk, dir| {
        let file = disk.create_file(&dir.join("f")).unwrap();
        write(&*file, 0, &[7; 9000]);
        file.set_len(1000).unwrap();
        file.set_len(9000).unwrap();
        assert_eq!(content(&*file), [vec![7; 1000], vec![0; 8000]].concat());
    }),
    (
        "allocating grows with zeros and keeps content",
        |disk, dir| {
            let file = disk.create_file(&dir.join("f")).unwrap();
            write(&*file, 0, &[7; 100]);
            file.allocate(50, 10_000).unwrap();
            assert_eq!(content(&*file), [vec![7; 100], vec![0; 9950]].concat());
            file.allocate(0, 20).unwrap();
            assert_eq!(
                file.len().unwrap(),
                10_050,
                "allocating inside does not shorten"
            );
            file.allocate(1 << 20, 0).unwrap();
            assert_eq!(
                file.len().unwrap(),
                10_050,
                "allocating nothing does not grow"
            );
        },
    ),
    ("zeros overwrite and grow", |disk, dir| {
        let file = disk.create_file(&dir.join("f")).unwrap();
        write(&*file, 0, &[7; 100]);
        file.write_zeros(90, 9000).unwrap();
        assert_eq!(content(&*file), [vec![7; 90], vec![0; 9000]].concat());
    }),
    ("a file for reading refuses changes", |disk, dir| {
        let path = dir.join("f");
        write(&*disk.create_file(&path).unwrap(), 0, b"old");
        let file = disk.open_file(&path, Access::Read).unwrap();
        assert!(file.write_at(0, &[IoSlice::new(b"new")]).is_err());
        assert!(file.set_len(1).is_err());
        assert!(file.allocate(0, 10_000).is_err());
        assert!(file.write_zeros(0, 10).is_err());
        assert_eq!(content(&*file), b"old");
    }),
    (
        "opening needs a file and creating needs none",
        |disk, dir| {
            let path = dir.join("f");
            assert_eq!(
                error_kind(disk.open_file(&path, Access::ReadWrite)),
                ErrorKind::NotFound
            );
            disk.create_file(&path).unwrap();
            assert_eq!(
                error_kind(disk.create_file(&path)),
                ErrorKind::AlreadyExists
            );
            let reader = disk.open_file(&path, Access::Read).unwrap();
            write(
                &*disk.open_file(&path, Access::ReadWrite).unwrap(),
                0,
                b"seen",
            );
            assert_eq!(content(&*reader), b"seen");
            assert_eq!(
                error_kind(disk.open_file(dir, Access::Read)),
                ErrorKind::IsADirectory
            );
            let below_a_file = path.join("g");
            let refused = error_kind(disk.create_file(&below_a_file));
            // Windows does not distinguish them.
            let is_not_found = cfg!(windows) && refused == ErrorKind::NotFound;
            assert!(refused == ErrorKind::NotADirectory || is_not_found);
            let below_nothing = dir.join("none").join("g");
            assert_eq!(
                error_kind(disk.create_file(&below_nothing)),
                ErrorKind::NotFound
            );
        },
    ),
    (
        "a rename replaces, and open files follow it",
        |disk, dir| {
            let file = disk.create_file(&dir.join("new")).unwrap();
            write(&*file, 0, b"new");
            let replaced = disk.create_file(&dir.join("f")).unwrap();
            write(&*replaced, 0, b"old");
            disk.rename(&dir.join("new"), &dir.join("f")).unwrap();
            assert_eq!(names(disk, dir), ["f"]);
            assert_eq!(
                content(&*disk.open_file(&dir.join("f"), Access::Read).unwrap()),
                b"new"
            );
            assert_eq!(
                content(&*replaced),
                b"old",
                "a replaced file lives while it is open"
            );
            write(&*file, 3, b"er");
            assert_eq!(
                content(&*disk.open_file(&dir.join("f"), Access::Read).unwrap()),
                b"newer"
            );
            assert_eq!(
                error_kind(disk.rename(&dir.join("none"), &dir.join("g"))),
                ErrorKind::NotFound
            );
        },
    ),
    ("a renamed directory takes its files along", |disk, dir| {
        let (from, to) = (dir.join("from"), dir.join("to"));
        disk.create_dir(&from).unwrap();
        write(&*disk.create_file(&from.join("f")).unwrap(), 0, b"x");
        disk.rename(&from, &to).unwrap();
        assert_eq!(names(disk, dir), ["to"]);
        assert_eq!(
            content(&*disk.open_file(&to.join("f"), Access::Read).unwrap()),
            b"x"
        );
    }),
    ("a file moves between directories", |disk, dir| {
        let archive = dir.join("archive");
        disk.create_dir(&archive).unwrap();
        write(&*disk.create_file(&dir.join("f")).unwrap(), 0, b"x");
        disk.rename(&dir.join("f"), &archive.join("g")).unwrap();
        assert_eq!(names(disk, dir), ["archive"]);
        assert_eq!(names(disk, &archive), ["g"]);
    }),
    (
        "a second name shows the same content and outlives the first",
        |disk, dir| {
            write(&*disk.create_file(&dir.join("f")).unwrap(), 0, b"x");
            disk.link_or_copy(&dir.join("f"), &dir.join("g")).unwrap();
            assert_eq!(
                error_kind(disk.link_or_copy(&dir.join("f"), &dir.join("g"))),
                ErrorKind::AlreadyExists
            );
            disk.remove_file(&dir.join("f")).unwrap();
            assert_eq!(
                content(&*disk.open_file(&dir.join("g"), Access::Read).unwrap()),
                b"x"
            );
            assert_eq!(
                error_kind(disk.link_or_copy(&dir.join("f"), &dir.join("h"))),
                ErrorKind::NotFound
            );
        },
    ),
    (
        "renaming one name of a file to another of its names changes nothing",
        |disk, dir| {
            disk.create_file(&dir.join("f")).unwrap();
            disk.link_or_copy(&dir.join("f"), &dir.join("g")).unwrap();
            disk.rename(&dir.join("f"), &dir.join("g")).unwrap();
            assert_eq!(names(disk, dir), ["f", "g"]);
        },
    ),
    (
        "a removed file is gone by name and lives while open",
        |disk, dir| {
            let path = dir.join("f");
            let file = disk.create_file(&path).unwrap();
            write(&*file, 0, b"x");
            disk.remove_file(&path).unwrap();
            assert_eq!(error_kind(disk.remove_file(&path)), ErrorKind::NotFound);
            assert_eq!(disk.kind(&path).unwrap(), None);
            write(&*file, 1, b"y");
            assert_eq!(content(&*file), b"xy");
            file.sync_data().unwrap();
            disk.create_file(&path).unwrap();
        },
    ),
    (
        "directories are created once and removed empty",
        |disk, dir| {
            let path = dir.join("d");
            disk.create_dir(&path).unwrap();
            assert_eq!(error_kind(disk.create_dir(&path)), ErrorKind::AlreadyExists);
            let below_nothing = dir.join("none").join("d");
            assert_eq!(
                error_kind(disk.create_dir(&below_nothing)),
                ErrorKind::NotFound
            );
            disk.create_file(&path.join("f")).unwrap();
            assert_eq!(
                error_kind(disk.remove_dir(&path)),
                ErrorKind::DirectoryNotEmpty
            );
            assert!(disk.remove_file(&path).is_err(), "not a file");
            assert_eq!(
                error_kind(disk.remove_dir(&path.join("f"))),
                ErrorKind::NotADirectory
            );
            disk.remove_file(&path.join("f")).unwrap();
            disk.remove_dir(&path).unwrap();
            assert_eq!(error_kind(disk.remove_dir(&path)), ErrorKind::NotFound);
        },
    ),
    ("a listing is sorted and has kinds", |disk, dir| {
        for name in ["b", "a", "c"] {
            disk.create_file(&dir.join(name)).unwrap();
        }
        disk.create_dir(&dir.join("aa")).unwrap();
        assert_eq!(names(disk, dir), ["a", "aa", "b", "c"]);
        let kinds: Vec<EntryKind> = disk
            .list_dir(dir)
            .unwrap()
            .into_iter()
            .map(|entry| entry.kind)
            .collect();
        let (file, directory) = (EntryKind::File, EntryKind::Directory);
        assert_eq!(kinds, [file, directory, file, file]);
        assert_eq!(disk.kind(&dir.join("a")).unwrap(), Some(file));
        assert_eq!(disk.kind(&dir.join("aa")).unwrap(), Some(directory));
        assert_eq!(
            error_kind(disk.list_dir(&dir.join("none"))),
            ErrorKind::NotFound
        );
        assert_eq!(
            error_kind(disk.list_dir(&dir.join("a"))),
            ErrorKind::NotADirectory
        );
    }),
    (
        "syncs succeed, and a missing directory is an error",
        |disk, dir| {
            let file = disk.create_file(&dir.join("f")).unwrap();
            write(&*file, 0, b"x");
            file.sync_data().unwrap();
            file.sync_all().unwrap();
            disk.sync_dir(dir).unwrap();
            assert_eq!(
                error_kind(disk.sync_dir(&dir.join("none"))),
                ErrorKind::NotFound
            );
            assert_eq!(
                error_kind(disk.sync_dir(&dir.join("f"))),
                ErrorKind::NotADirectory
            );
        },
    ),
    (
        "there is space, and the canonical path of a directory is absolute",
        |disk, dir| {
            assert!(disk.available_bytes(dir).unwrap() > 1 << 20);
            assert!(disk.available_bytes(&dir.join("none")).is_err());
            let canonical = disk.canonical(&dir.join(".")).unwrap();
            // The simulated disk has no drives.
            assert!(canonical.has_root());
            assert_eq!(canonical.file_name(), dir.file_name());
            assert_eq!(
                error_kind(disk.canonical(&dir.join("none"))),
                ErrorKind::NotFound
            );
            disk.create_file(&dir.join("f")).unwrap();
            assert_eq!(
                error_kind(disk.canonical(&dir.join("f"))),
                ErrorKind::NotADirectory
            );
        },
    ),
    ("one lock at a time", |disk, dir| {
        let path = dir.join("LOCK");
        let lock = disk.lock(&path).unwrap();
        assert_eq!(disk.kind(&path).unwrap(), Some(EntryKind::File));
        assert_eq!(error_kind(disk.lock(&path)), ErrorKind::WouldBlock);
        // The directory is locked, too; on Windows the name of the file cannot be given to another one.
        let other = dir.join("OTHER");
        if cfg!(unix) {
            assert_eq!(error_kind(disk.lock(&other)), ErrorKind::WouldBlock);
        }
        assert!(lock.is_attached().unwrap());
        drop(lock);
        drop(disk.lock(&other).unwrap());
        drop(disk.lock(&path).unwrap());
        drop(disk.lock(&path).unwrap());
        assert_eq!(
            error_kind(disk.lock(&dir.join("none").join("LOCK"))),
            ErrorKind::NotFound
        );
    }),
    (
        "a mapping shows the bytes and outlives name and file",
        |disk, dir| {
            let path = dir.join("f");
            let file = disk.create_file(&path).unwrap();
            write(&*file, 0, &[5; 6000]);
            let map = file.map(5000).unwrap();
            assert!(file.map(0).unwrap().bytes().is_empty());
            assert_eq!(error_kind(file.map(6001)), ErrorKind::UnexpectedEof);
            drop(file);
            disk.remove_file(&path).unwrap();
            assert_eq!(map.bytes(), [5; 5000]);
        },
    ),
    (
        "offsets beyond the greatest file size are refused",
        |disk, dir| {
            let file = disk.create_file(&dir.join("f")).unwrap();
            let refused = file.write_at(u64::MAX - 1, &[IoSlice::new(b"abc")]);
            assert_eq!(error_kind(refused), ErrorKind::FileTooLarge);
            assert_eq!(
                error_kind(file.allocate(u64::MAX, 2)),
                ErrorKind::FileTooLarge
            );
            assert_eq!(
                error_kind(file.write_zeros(u64::MAX, 2)),
                ErrorKind::FileTooLarge
            );
            assert_eq!(error_kind(file.set_len(u64::MAX)), ErrorKind::FileTooLarge);
            assert_eq!(file.len().unwrap(), 0);
        },
    ),
];

fn run_cases(disk: &dyn Storage, root: &Path) {
    for (number, (name, case)) in CASES.iter().enumerate() {
        println!("case: {name}");
        let dir = root.join(format!("case-{number}"));
        disk.create_dir(&dir).unwrap();
        case(disk, &dir);
    }
}

#[test]
fn the_real_disk_keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    run_cases(&RealDisk, root.path());
}

#[cfg(unix)]
#[test]
fn the_real_disk_keeps_the_contract_from_a_directory_that_it_holds() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    let disk = RealDisk.rooted(&path).unwrap().unwrap();
    run_cases(&*disk, &path);
}

#[cfg(feature = "simulation")]
#[test]
fn the_simulated_disk_keeps_the_contract() {
    let disk = simulated::SimulatedDisk::new();
    disk.create_dir(Path::new("/root")).unwrap();
    run_cases(&disk, Path::new("/root"));
}
