//! A log that is open read-only changes nothing, refuses what would, and shows what recovery
//! would leave.

use std::path::Path;
use std::path::PathBuf;

use ironwal::*;

use crate::support::copy_dir;
use crate::support::entry;
use crate::support::everything;
use crate::support::options;
use crate::support::segments_in;
use crate::support::temp_dir;

/// Reads all there is, in every way there is.
fn read_all(wal: &Wal) -> Vec<String> {
    let mut reported = Vec::new();
    for key in wal.streams().expect("lists") {
        let stream = match wal.stream(&key) {
            Ok(stream) => stream,
            Err(error) => {
                reported.push(format!("{key}: {error}"));
                continue;
            }
        };
        let (first, next) = (stream.first_id().unwrap(), stream.next_id().unwrap());
        reported.push(format!("{key}: {first}..{next}"));
        for item in stream.iter_with_ids(0).unwrap() {
            reported.push(match item {
                Ok((id, bytes)) => format!("{id}: {bytes:?}"),
                Err(error) => format!("{:?}", error.context().ids),
            });
        }
        for id in first..next.min(first + 2000) {
            reported.push(match (wal.get(&key, id), stream.view(id)) {
                (Ok(Some(bytes)), Ok(Some(view))) if *view == bytes[..] => format!("{bytes:?}"),
                (Err(error), Err(_)) => error.to_string(),
                (Ok(None), Ok(None)) if id >= stream.durable_end().unwrap() => "later".to_owned(),
                other => panic!("{other:?}"),
            });
        }
    }
    reported
}

fn written(place: &Path) -> PathBuf {
    let mut how = options(place, SyncMode::Async);
    how.max_segment_size = 4096;
    let root = how.root_path.clone();
    let wal = Wal::new(how).expect("opens");
    for id in 0..200 {
        wal.append("s", &entry(id)).expect("appends");
        wal.append_batch("odd/Key", &[b"a", b"", &entry(id)])
            .expect("appends");
    }
    wal.sync_all().expect("syncs");
    wal.truncate("s", 60).expect("cuts");
    wal.append("s", &entry(200)).expect("appends");
    // Left open, as a killed process leaves it: by a copy.
    let copy = place.join("copy");
    copy_dir(&root, &copy);
    wal.close().expect("closes");
    copy
}

/// What is done to a segment, by name.
type Harm = (&'static str, fn(&mut Vec<u8>));

const HARMS: [Harm; 7] = [
    ("nothing", |_| ()),
    ("bytes behind the tail", |bytes| bytes.extend([7; 100])),
    ("zeros behind the tail", |bytes| bytes.extend([0; 5000])),
    ("a flipped payload", |bytes| bytes[1600] ^= 1),
    ("a flipped frame header", |bytes| bytes[1537] ^= 1),
    ("a flipped slot", |bytes| bytes[600] ^= 1),
    ("cut short", |bytes| bytes.truncate(2000)),
];

#[test]
fn reading_changes_nothing_and_shows_what_recovery_would_leave() {
    let place = temp_dir();
    let source = written(place.path());
    let count = segments_in(&source.join("s")).len();
    assert!(count > 3);
    for (name, harm) in HARMS {
        for number in [0, 1, count - 1] {
            let root = place.path().join(format!("{number} {name}"));
            copy_dir(&source, &root);
            let segment = &segments_in(&root.join("s"))[number];
            let mut bytes = std::fs::read(segment).expect("reads");
            harm(&mut bytes);
            std::fs::write(segment, bytes).expect("writes");
            let before = everything(&root);
            let mut how = options(place.path(), SyncMode::Async);
            how.root_path = root.clone();
            let reader = Wal::open_read_only(how.clone()).expect("opens");
            let shown = read_all(&reader);
            reader.refresh().expect("looks");
            assert_eq!(shown, read_all(&reader), "{number} {name}");
            let mut strict = how.clone();
            strict.sync_mode = SyncMode::Strict;
            strict.read_strategy = ReadStrategy::Mmap;
            let durable = read_all(&Wal::open_read_only(strict).expect("opens"));
            drop(reader);
            assert!(everything(&root) == before, "{number} {name} was changed");
            let recovered = read_all(&Wal::new(how).expect("opens"));
            assert_eq!(shown, recovered, "{number} {name}");
            assert!(shown.len() > 250 && durable.len() > 250, "{number} {name}");
        }
    }
}

#[test]
fn a_log_open_read_only_refuses_everything_that_writes() {
    let place = temp_dir();
    let mut how = options(place.path(), SyncMode::Strict);
    how.archive_path = Some(place.path().join("archive"));
    // The writer changes nothing by itself: under Strict its helper writes zeros ahead.
    how.background_sync = None;
    let mut quiet = how.clone();
    quiet.sync_mode = SyncMode::Async;
    let writer = Wal::new(quiet).expect("opens");
    writer.append("s", b"x").expect("appends");
    for id in 1..40 {
        writer.append("s", &entry(id)).expect("appends");
    }
    writer.sync_all().expect("syncs");
    let packet = writer.stream("s").and_then(|s| {
        let start = FramePosition::default();
        s.export_frames(&start, 1 << 20)
    });
    let packet = packet.expect("exports");
    let before = everything(place.path());
    // Neither the archive nor the retention is anything to a reader.
    let everything_goes = Retention::new().with_max_bytes(1);
    how.retention = Some(everything_goes);
    let reader = Wal::open_read_only(how.clone()).expect("opens beside the writer");
    assert!(reader.is_read_only() && !writer.is_read_only());
    let stream = reader.stream("s").expect("a handle");
    let mut txn = reader.writer("s");
    txn.add(&b"y"[..]);
    let change = [(&b"name"[..], Some(&b"value"[..]))];
    let map = [(&b"name"[..], &b"value"[..])];
    let refused: Vec<(&str, Result<()>)> = vec![
        ("append_at", reader.append_at("s", 40, b"y").map(drop)),
        (
            "append_batch_at",
            reader.append_batch_at("s", 40, &[b"y"]).map(drop),
        ),
        (
            "append_with",
            reader.append_with("s", &Append::new(&[b"y"])).map(drop),
        ),
        ("an empty batch", reader.append_batch("s", &[]).map(drop)),
        (
            "replace_suffix",
            reader.replace_suffix("s", 1, &Append::default()).map(drop),
        ),
        ("truncate_suffix", reader.truncate_suffix("s", 1).map(drop)),
        ("reset_to", reader.reset_to("s", 7)),
        ("truncate_prefix", reader.truncate_prefix("s", 1).map(drop)),
        (
            "set_properties",
            reader
                .set_properties("s", &change, Durability::Durable)
                .map(drop),
        ),
        (
            "replace_properties",
            reader
                .replace_properties("s", &map, Durability::Durable)
                .map(drop),
        ),
        (
            "apply_retention",
            reader.apply_retention(&everything_goes).map(drop),
        ),
        ("stream append_at", stream.append_at(40, b"y").map(drop)),
        (
            "stream append_with",
            stream.append_with(&Append::default()).map(drop),
        ),
        ("an empty stream batch", stream.append_batch(&[]).map(drop)),
        (
            "an empty stream batch at",
            stream.append_batch_at(40, &[]).map(drop),
        ),
        (
            "stream replace_suffix",
            stream.replace_suffix(40, &Append::default()).map(drop),
        ),
        (
            "stream truncate_suffix",
            stream.truncate_suffix(40).map(drop),
        ),
        ("stream reset_to", stream.reset_to(7)),
        (
            "stream truncate_prefix",
            stream.truncate_prefix(1).map(drop),
        ),
        (
            "stream set_properties",
            stream
                .set_properties(&change, Durability::Durable)
                .map(drop),
        ),
        (
            "stream without properties",
            stream.set_properties(&[], Durability::Durable).map(drop),
        ),
        (
            "stream replace_properties",
            stream
                .replace_properties(&map, Durability::Durable)
                .map(drop),
        ),
        (
            "stream apply_retention",
            stream.apply_retention(&everything_goes).map(drop),
        ),
        ("apply_frames", stream.apply_frames(&packet).map(drop)),
        ("mark", stream.mark().map(drop)),
        ("append", reader.append("s", b"y").map(drop)),
        ("append to another", reader.append("t", b"y").map(drop)),
        ("append_batch", reader.append_batch("s", &[b"y"]).map(drop)),
        ("commit", txn.commit().map(drop)),
        ("truncate", reader.truncate("s", 1).map(drop)),
        ("restore_archived", reader.restore_archived("s").map(drop)),
        ("delete_stream", reader.delete_stream("s")),
        ("delete another", reader.delete_stream("t")),
        ("sync", reader.sync("s")),
        ("sync_all", reader.sync_all()),
        ("stream append", stream.append(b"y").map(drop)),
        ("stream batch", stream.append_batch(&[b"y"]).map(drop)),
        ("stream sync", stream.sync()),
        ("stream truncate", stream.truncate(1).map(drop)),
        ("stream restore", stream.restore_archived().map(drop)),
        ("stream delete", stream.delete()),
    ];
    for (call, answer) in refused {
        assert!(matches!(answer, Err(Error::ReadOnly)), "{call}: {answer:?}");
    }
    assert_eq!(reader.streams().expect("lists"), ["s"]);
    reader.close().expect("closes");
    assert!(everything(place.path()) == before, "something was changed");
    assert!(matches!(stream.get(0), Err(Error::Closed)));
    writer
        .append("s", b"z")
        .expect("the writer is not disturbed");
    assert!(matches!(Wal::new(how), Err(Error::Locked(_))));
}

#[test]
fn a_missing_directory_is_not_created_and_an_empty_one_stays_empty() {
    let place = temp_dir();
    let how = options(place.path(), SyncMode::Strict);
    assert!(matches!(
        Wal::open_read_only(how.clone()),
        Err(Error::Io(_))
    ));
    assert!(!how.root_path.exists());
    std::fs::create_dir(&how.root_path).expect("a directory");
    let reader = Wal::open_read_only(how.clone()).expect("opens");
    assert_eq!(reader.streams().expect("lists"), [""; 0]);
    assert_eq!(reader.get("s", 0).expect("reads"), None);
    assert_eq!(reader.iter("s", 0).expect("iterates").count(), 0);
    drop(reader);
    assert_eq!(std::fs::read_dir(&how.root_path).expect("lists").count(), 0);
}

#[test]
fn under_the_policy_error_a_damaged_log_is_not_opened_for_reading_either() {
    let place = temp_dir();
    let root = written(place.path());
    let segment = &segments_in(&root.join("s"))[1];
    let mut bytes = std::fs::read(segment).expect("reads");
    bytes[600] ^= 1;
    std::fs::write(segment, bytes).expect("writes");
    let mut how = options(place.path(), SyncMode::Strict);
    how.root_path = root;
    how.on_corruption = CorruptionPolicy::Error;
    let refused = Wal::open_read_only(how).map(drop);
    assert!(
        matches!(&refused, Err(Error::Corruption(what)) if what.contains("slot")),
        "{refused:?}"
    );
}
