//! Does the archive of a deleted stream stay out of a new one of the same name?
//!
//! Restoring took the segment whose ids fitted, whosever it was, or stopped at one that did not.

use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::SimulatedDisk;

#[test]
fn segments_of_a_deleted_stream_are_not_restored_into_its_successor() {
    for (old_lengths, new_lengths) in [
        ([1, 5, 1, 1], [2, 1, 3, 1]),
        ([2, 4, 1, 1], [2, 3, 1, 1]),
        ([3, 2, 1, 1], [4, 1, 1, 1]),
        ([4, 2, 1, 1], [4, 2, 1, 1]),
    ] {
        let mut options = WalOptions::new("/log");
        options.max_segment_size = 1;
        options.archive_path = Some("/archive".into());
        let wal = Wal::open_simulated(&SimulatedDisk::new(), options).expect("opens");
        // One segment for each batch.
        let append = |what: &str, lengths: [u64; 4]| {
            for length in lengths {
                let next = wal.append_batch("s", &[]).expect("tells").start;
                let entries: Vec<String> = (next..next + length)
                    .map(|id| format!("{what} {id}"))
                    .collect();
                let entries: Vec<&[u8]> = entries.iter().map(|entry| entry.as_bytes()).collect();
                wal.append_batch("s", &entries).expect("appends");
            }
        };
        append("old", old_lengths);
        wal.truncate("s", 100).expect("truncates");
        wal.delete_stream("s").expect("deletes");
        append("new", new_lengths);
        assert_eq!(wal.truncate("s", 100).expect("truncates"), 3);
        assert_eq!(wal.restore_archived("s").expect("restores"), 3);
        for (id, entry) in wal.iter("s", 0).expect("iterates").enumerate() {
            let expected = format!("new {id}");
            assert_eq!(entry.expect("is read"), expected.as_bytes());
        }
    }
}
