//! The promises of the simulated disk to the tests that rely on it.

mod contents;
mod faults;
mod moments;
mod names;

use super::*;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageFile;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::io::IoSlice;
use std::path::PathBuf;

const MODELS: [DirectoryModel; 2] = [DirectoryModel::Strict, DirectoryModel::Ordered];

/// Enough for every way of choosing, many times over.
const SEEDS: std::ops::Range<u64> = 0..400;

/// The modes that choose at random have seeds that are these modulo 8.
const NOTHING_SURVIVES: u64 = 0;
const EVERYTHING_SURVIVES: u64 = 1;

fn write(file: &dyn StorageFile, offset: u64, bytes: &[u8]) {
    file.write_at(offset, &[IoSlice::new(bytes)]).unwrap();
}

fn error_kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

/// A file whose name and first content are durable.
fn durable_file(disk: &SimulatedDisk, path: &str, bytes: &[u8]) -> Arc<dyn StorageFile> {
    let file = disk.create_file(Path::new(path)).unwrap();
    write(&*file, 0, bytes);
    file.sync_data().unwrap();
    disk.sync_dir(Path::new(path).parent().unwrap()).unwrap();
    file
}

/// Everything there is: directories, and files with their content.
fn tree(disk: &SimulatedDisk) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut ways = vec![PathBuf::from("/")];
    while let Some(dir) = ways.pop() {
        for entry in disk.list_dir(&dir).unwrap() {
            let path = dir.join(entry.name);
            if entry.kind == EntryKind::Directory {
                ways.push(path.clone());
                found.insert(path, None);
            } else {
                let content = disk.contents(&path).unwrap();
                found.insert(path, Some(content));
            }
        }
    }
    found
}

/// The names in `/` after crashes with all seeds, as sets of sorted lists.
fn outcomes(disk: &SimulatedDisk, model: DirectoryModel) -> BTreeSet<Vec<String>> {
    let names = |seed| {
        let listed = disk.crash(seed, model).list_dir(Path::new("/")).unwrap();
        listed.into_iter().map(|entry| entry.name).collect()
    };
    SEEDS.map(names).collect()
}

fn lists<const N: usize>(expected: [&[&str]; N]) -> BTreeSet<Vec<String>> {
    expected
        .iter()
        .map(|list| list.iter().map(|name| name.to_string()).collect())
        .collect()
}
