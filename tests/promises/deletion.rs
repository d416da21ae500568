//! Can a stream be deleted while its files are open: those of the log itself, and those of an iterator?
//!
//! Windows refuses to rename a directory with open files in it. The log once renamed a stream's directory before it had closed
//! its own files, so that no stream could be deleted there.

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::entry;

#[test]
fn a_stream_is_deleted_though_its_files_were_open() {
    let log = LogBuilder::new(SyncMode::Strict).with(|options| {
        options.max_entries_per_segment = 10;
        options.read_strategy = ReadStrategy::StandardIo;
    });
    let wal = log.open();
    for round in 0..3 {
        for id in 0..25 {
            assert_eq!(wal.append("s", &entry(id)).expect("appends"), id);
        }
        for id in (0..25).step_by(5) {
            assert_eq!(wal.get("s", id).expect("reads"), Some(entry(id)));
        }
        let mut iterator = wal.iter("s", 0).expect("iterates");
        assert!(iterator.next().is_some());
        if cfg!(windows) {
            let refused = wal.delete_stream("s");
            assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
            // The stream goes on where it was.
            assert_eq!(wal.append("s", &entry(25)).expect("appends"), 25);
            assert_eq!(wal.get("s", 3).expect("reads"), Some(entry(3)));
            drop(iterator);
        }
        wal.delete_stream("s").expect("deletes");
        assert_eq!(wal.get("s", 0).expect("reads"), None, "round {round}");
        assert!(!log.path().join("log/s").exists());
    }
}
