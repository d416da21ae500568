//! What must hold: a reader of a log that was not closed shows every acknowledged entry, though only the commit journal
//! has it; beside a live writer it shows what the writer does, and nothing that only the journal still knows.

use std::sync::Arc;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::copy_dir;
use crate::support::temp_dir;

fn options(sync_mode: SyncMode) -> WalOptions {
    let mut options = WalOptions::new("/log");
    options.commit_path = CommitPath::Journal;
    options.background_sync = None;
    options.sync_mode = sync_mode;
    options
}

fn writer(disk: &SimulatedDisk) -> Wal {
    let sink: LogSink = Arc::new(|_, _| ());
    let wal = Wal::open_simulated_stepped(disk, options(SyncMode::Strict), sink).expect("opens");
    if wal.streams().expect("lists").is_empty() {
        wal.append("old", b"in place").expect("appends");
    }
    // Makes the journal's files.
    wal.step_helpers();
    wal
}

fn reader(disk: &SimulatedDisk, policy: CorruptionPolicy) -> Result<Wal> {
    let mut options = options(SyncMode::Strict);
    options.on_corruption = policy;
    Wal::open_read_only_simulated(disk, options)
}

fn entries(wal: &Wal, key: &str) -> Vec<Vec<u8>> {
    let entries = wal.iter(key, 0).expect("iterates");
    entries
        .map(|entry| entry.expect("an entry").to_vec())
        .collect()
}

fn numbers(range: std::ops::Range<u8>) -> Vec<Vec<u8>> {
    range.map(|number| vec![number; 30]).collect()
}

/// A disk after a power failure that took all that only the journal has.
fn unrecovered() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let wal = writer(&disk);
    for entry in numbers(0..20) {
        wal.append("old", &entry).expect("appends");
        wal.append("new", &entry).expect("appends");
    }
    let lost = disk.crash(0, DirectoryModel::Strict);
    assert!(lost.contents("/log/new/00000000000000000000.wal").is_err());
    lost
}

#[test]
fn a_log_that_nobody_has_recovered_shows_what_only_its_journal_has() {
    let disk = unrecovered();
    let before = disk.files();
    for policy in [CorruptionPolicy::Error, CorruptionPolicy::Truncate] {
        let reader = reader(&disk, policy).expect("opens");
        let mut keys = reader.streams().expect("lists");
        keys.sort();
        assert_eq!(keys, ["new", "old"]);
        assert_eq!(entries(&reader, "new"), numbers(0..20));
        assert_eq!(entries(&reader, "old").len(), 21);
        let new = reader.stream("new").expect("a handle");
        assert_eq!(new.durable_end().expect("asks"), 20);
        assert_eq!(new.get(7).expect("reads").as_deref(), Some(&[7; 30][..]));
        reader.refresh().expect("refreshes");
        assert!(reader.verify().expect("verifies").is_clean());
        assert_eq!(entries(&reader, "new").len(), 20);
    }
    assert_eq!(disk.files(), before);
}

#[test]
fn once_a_writer_has_recovered_the_log_nothing_is_laid_over_it_any_more() {
    let disk = unrecovered();
    let reader = reader(&disk, CorruptionPolicy::Truncate).expect("opens");
    let new = reader.stream("new").expect("a handle");
    let mut followed = new.iter(0).expect("iterates");
    assert_eq!(followed.by_ref().count(), 20);
    // Also while the reader does not know yet: its handles and open files are from before.
    let wal = writer(&disk);
    wal.append("new", &[20; 30]).expect("appends");
    let next = followed.next().expect("an item").expect("an entry");
    assert_eq!(&*next, &[20; 30]);
    wal.truncate_suffix("new", 5).expect("cuts");
    wal.append("new", b"after the cut").expect("appends");
    reader.refresh().expect("refreshes");
    let mut expected = numbers(0..5);
    expected.push(b"after the cut".to_vec());
    assert_eq!(entries(&reader, "new"), expected);
    wal.delete_stream("new").expect("deletes");
    reader.refresh().expect("refreshes");
    assert_eq!(reader.streams().expect("lists"), ["old"]);
    wal.append("new", b"begun again").expect("appends");
    reader.refresh().expect("refreshes");
    assert_eq!(entries(&reader, "new"), [b"begun again"]);
    assert_eq!(entries(&reader, "old").len(), 21);
    assert!(reader.verify().expect("verifies").is_clean());
}

#[test]
fn beside_a_live_writer_nothing_is_laid_over() {
    let disk = SimulatedDisk::new();
    let wal = writer(&disk);
    for entry in numbers(0..20) {
        wal.append("s", &entry).expect("appends");
    }
    let reader = reader(&disk, CorruptionPolicy::Error).expect("opens");
    assert_eq!(entries(&reader, "s"), numbers(0..20));
    for round in 0..3 {
        wal.truncate_suffix("s", 3).expect("cuts");
        wal.append("s", b"after the cut").expect("appends");
        reader.refresh().expect("refreshes");
        assert_eq!(entries(&reader, "s").len(), 4, "{round}");
        wal.delete_stream("s").expect("deletes");
        // The journal holds all of it, and that it is void.
        reader.refresh().expect("refreshes");
        assert_eq!(reader.streams().expect("lists"), ["old"], "{round}");
        for entry in numbers(0..10) {
            wal.append("s", &entry).expect("appends");
        }
        reader.refresh().expect("refreshes");
        assert_eq!(entries(&reader, "s"), numbers(0..10), "{round}");
    }
    assert!(reader.verify().expect("verifies").is_clean());
}

#[test]
fn a_reader_notices_at_a_refresh_that_the_writer_died() {
    let disk = SimulatedDisk::new();
    let wal = writer(&disk);
    wal.append("new", &[0; 30]).expect("appends");
    let killed = disk.kill();
    drop(wal);
    // The page cache has everything; the journal says the same.
    let reader = reader(&killed, CorruptionPolicy::Error).expect("opens");
    assert_eq!(entries(&reader, "new"), numbers(0..1));
    let next = writer(&killed);
    next.append("new", &[1; 30]).expect("appends");
    reader.refresh().expect("refreshes");
    assert_eq!(entries(&reader, "new"), numbers(0..2));
}

#[test]
fn damage_of_the_journal_is_refused_under_the_policy_error() {
    let disk = unrecovered();
    let files = disk.files();
    let used = files.iter().find(|(path, bytes)| {
        path.starts_with("/log/commit-journal") && bytes[512..].iter().any(|byte| *byte != 0)
    });
    let (path, bytes) = used.expect("a file with records");
    let mut bytes = bytes.clone();
    bytes[512 + 40] ^= 1;
    disk.put(path, &bytes);
    match reader(&disk, CorruptionPolicy::Error) {
        Err(Error::Corruption(what)) => assert!(what.contains("commit journal"), "{what}"),
        other => panic!("{:?}", other.map(|_| ())),
    }
    let reader = reader(&disk, CorruptionPolicy::Truncate).expect("opens");
    assert!(!reader.verify().expect("verifies").is_clean());
}

#[test]
fn a_handle_goes_on_when_the_directory_of_its_stream_is_made_on_a_real_disk() {
    // Only the journal knew the directory: it had no identity, and has one now.
    let place = temp_dir();
    let (live, copy) = (place.path().join("live"), place.path().join("copy"));
    let real = |root: &std::path::Path| {
        let mut options = WalOptions::new(root);
        options.commit_path = CommitPath::Journal;
        options
    };
    let wal = Wal::new(real(&live)).expect("opens");
    wal.append("old", b"in place").expect("appends");
    // A helper makes the files.
    while !live.join("commit-journal/01.jnl").exists() {
        std::thread::yield_now();
    }
    for entry in numbers(0..20) {
        wal.append("new", &entry).expect("appends");
    }
    copy_dir(&live, &copy);
    std::fs::remove_dir_all(copy.join("new")).expect("removes");
    let reader = Wal::open_read_only(real(&copy)).expect("opens");
    assert_eq!(entries(&reader, "new"), numbers(0..20));
    assert!(!copy.join("new").exists());
    let new = reader.stream("new").expect("a handle");
    let mut followed = new.iter(0).expect("iterates");
    assert_eq!(followed.by_ref().count(), 20);
    let snapshot = place.path().join("snapshot");
    reader
        .snapshot_to(&snapshot, SnapshotMode::Link)
        .expect("copies");
    let writer = Wal::new(real(&copy)).expect("opens");
    writer.append("new", &[20; 30]).expect("appends");
    let next = followed.next().expect("an item").expect("an entry");
    assert_eq!(&*next, &[20; 30]);
    assert_eq!(entries(&reader, "new"), numbers(0..21));
    writer.delete_stream("new").expect("deletes");
    writer.append("new", &[20; 30]).expect("appends");
    reader.refresh().expect("refreshes");
    assert!(matches!(new.get(3), Err(Error::StreamNotFound(_))));
    assert_eq!(entries(&reader, "new"), [[20; 30]]);
    let copied = Wal::new(real(&snapshot)).expect("opens");
    assert_eq!(entries(&copied, "new"), numbers(0..20));
}
