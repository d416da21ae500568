//! No cut goes below a checkpoint from which may be replayed, and a stream that has one is not reset.

use ironwal::Append;
use ironwal::Error;
use ironwal::ShardedWal;
use ironwal::SyncMode;
use ironwal::WalOptions;
use ironwal::sharded::shard_stream_name;

fn open(dir: &std::path::Path) -> ShardedWal {
    let mut options = WalOptions::new(dir);
    options.sync_mode = SyncMode::Async;
    options.max_entries_per_segment = 10;
    ShardedWal::new(options, 1).expect("opens")
}

fn append(wal: &ShardedWal, count: u32) {
    for _ in 0..count {
        wal.append(b"key", b"entry").expect("appends");
    }
}

#[test]
fn a_shard_is_cut_behind_the_newest_checkpoint_and_nowhere_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let shard = shard_stream_name(0);
    let wal = open(dir.path());
    append(&wal, 35);
    let cut = |wal: &ShardedWal, from| wal.inner().truncate_suffix(&shard, from);
    assert_eq!(cut(&wal, 30).expect("no checkpoint yet"), 5);
    wal.create_checkpoint(b"c").expect("creates");
    append(&wal, 10);
    let check = |wal: &ShardedWal| {
        for from in [0, 1, 29] {
            let refused = cut(wal, from);
            assert!(
                matches!(refused, Err(Error::Config(_))),
                "{from}: {refused:?}"
            );
        }
        let refused = wal.inner().reset(&shard, 100, &Append::default());
        assert!(matches!(refused, Err(Error::Config(_))), "{refused:?}");
        assert_eq!(wal.load_checkpoint(b"c").expect("loads").offsets, [30]);
    };
    check(&wal);
    assert_eq!(cut(&wal, 35).expect("behind the checkpoint"), 5);
    check(&wal);
    wal.close().expect("closes");

    let wal = open(dir.path());
    check(&wal);
    assert_eq!(cut(&wal, 30).expect("at the checkpoint"), 5);
    check(&wal);
    append(&wal, 3);
    let found = wal.iter_shard(0, 30).expect("iterates").count();
    assert_eq!(found, 3);
}
