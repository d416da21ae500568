//! What packets that no export made, and packets that two threads apply at once, do to a replica: nothing.
//!
//! Both took away what the replica had acknowledged, or left a stream that its own log refuses.

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::entry;
use crate::support::everything;
use crate::support::options;
use crate::support::temp_dir;

/// Where a packet says the first kept id, the epoch, and whether it says them.
const FLAGS_AT: usize = 10;
const FIRST_KEPT_AT: usize = 32;
const EPOCH_AT: usize = 40;
/// The segment's header in a packet, and what it says in which place.
const HEADER_AT: usize = 64;
const HEADER_LEN: usize = 512;
const GENERATION_AT: usize = 24;
const PREDECESSOR_LINK_AT: usize = 40;
const HEADER_FLAGS_AT: usize = 44;
const HEADER_KEPT_AT: usize = 56;
const HEADER_EPOCH_AT: usize = 64;
const INCARNATION_AT: usize = 488;

fn put(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn put_crc(bytes: &mut [u8]) {
    let body = bytes.len() - 4;
    let crc = crc32fast::hash(&bytes[..body]).to_le_bytes();
    bytes[body..].copy_from_slice(&crc);
}

/// The packet with other numbers, and checksums that fit them.
fn with(packet: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut packet = packet.to_vec();
    change(&mut packet);
    put_crc(&mut packet[HEADER_AT..HEADER_AT + HEADER_LEN]);
    put_crc(&mut packet);
    packet
}

fn with_kept(packet: &[u8], first_kept: u64, epoch: u64) -> Vec<u8> {
    with(packet, |packet| {
        packet[FLAGS_AT] |= 2;
        put(packet, FIRST_KEPT_AT, first_kept);
        put(packet, EPOCH_AT, epoch);
    })
}

fn with_header(packet: &[u8], at: usize, value: u64) -> Vec<u8> {
    with(packet, |packet| put(packet, HEADER_AT + at, value))
}

fn log(mode: SyncMode) -> LogBuilder {
    LogBuilder::new(mode).with(|options| {
        options.max_segment_size = 2_000;
        options.on_corruption = CorruptionPolicy::Error;
    })
}

fn next_packet(primary: &Stream, replica: &Stream) -> Vec<u8> {
    let position = replica.frame_position().expect("a position");
    primary.export_frames(&position, 1).expect("exports")
}

/// The packets of a primary with so many entries, a frame each.
fn packets(count: u64) -> Vec<Vec<u8>> {
    let (primary_log, replica_log) = (log(SyncMode::Async), log(SyncMode::Async));
    let (primary_wal, replica_wal) = (primary_log.open(), replica_log.open());
    let primary = primary_wal.stream("s").expect("a handle");
    let replica = replica_wal.stream("s").expect("a handle");
    for id in 0..count {
        primary.append(&entry(id)).expect("appends");
    }
    primary.sync().expect("syncs");
    (0..count)
        .map(|_| {
            let packet = next_packet(&primary, &replica);
            replica.apply_frames(&packet).expect("applies");
            packet
        })
        .collect()
}

/// A packet that takes the place of a stream was compared with the stream before appends waited: what was
/// acknowledged meanwhile was gone, and the packet succeeded.
#[test]
fn a_packet_takes_nothing_away_that_was_acknowledged_while_it_waited() {
    let (primary_log, log) = (log(SyncMode::Async), log(SyncMode::Strict));
    let (primary_wal, wal) = (primary_log.open(), log.open());
    let primary = primary_wal.stream("s").expect("a handle");
    let replica = wal.stream("s").expect("a handle");
    for id in 0..5 {
        primary.append(&entry(id)).expect("appends");
    }
    primary.sync().expect("syncs");
    let begins = next_packet(&primary, &replica);
    for _ in 0..40 {
        wal.append("other", &vec![1; 1 << 20]).expect("appends");
    }
    // Nothing is cut or begun while a snapshot is taken.
    let during_snapshot = |replica: &Stream, packet: &[u8], id: u64| {
        let snapshot = log.path().join("snapshot");
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| wal.snapshot_to(&snapshot, SnapshotMode::Copy));
            while !log.path().join("snapshot#new").exists() {
                std::thread::yield_now();
            }
            let applied = scope.spawn(|| replica.apply_frames(packet));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert_eq!(replica.append(b"acknowledged").expect("appends"), id);
            let applied = applied.join().expect("no panic");
            taken.join().expect("no panic").expect("takes one");
            assert!(
                matches!(
                    applied,
                    Err(Error::SequenceMismatch { .. } | Error::Config(_))
                ),
                "{applied:?}"
            );
        });
        let found = replica.get(id).expect("reads");
        assert_eq!(found.as_deref(), Some(&b"acknowledged"[..]));
        std::fs::remove_dir_all(&snapshot).expect("removes");
    };
    during_snapshot(&replica, &begins, 0);
    // The next segment, after the primary has truncated all before it.
    replica.truncate_suffix(0).expect("cuts");
    replica.delete().expect("deletes");
    let replica = wal.stream("s").expect("a handle");
    while replica.next_id().unwrap() < 5 {
        let packet = next_packet(&primary, &replica);
        replica.apply_frames(&packet).expect("applies");
    }
    for id in 5..60 {
        primary.append(&entry(id)).expect("appends");
    }
    primary.sync().expect("syncs");
    let first_of_next = loop {
        let packet = next_packet(&primary, &replica);
        if packet[16..24] == 1536_u64.to_le_bytes() {
            break replica.next_id().unwrap();
        }
        replica.apply_frames(&packet).expect("applies");
    };
    primary.truncate_prefix(first_of_next).expect("truncates");
    let anew = next_packet(&primary, &replica);
    during_snapshot(&replica, &anew, first_of_next);
}

#[test]
fn a_first_kept_id_behind_the_frames_of_a_packet_is_refused_before_anything_is_changed() {
    let packets = packets(3);
    let log = log(SyncMode::Strict);
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    let before = everything(&log.path().join("log"));
    for first_kept in [2, 1 << 40, u64::MAX] {
        let error = stream
            .apply_frames(&with_kept(&packets[0], first_kept, 1))
            .expect_err("refuses");
        assert!(matches!(error, Error::Corruption(_)), "{error}");
    }
    assert_eq!(everything(&log.path().join("log")), before);
    stream.apply_frames(&packets[0]).expect("the good one");
    let before = everything(&log.path().join("log"));
    for first_kept in [3, u64::MAX] {
        let error = stream
            .apply_frames(&with_kept(&packets[1], first_kept, 1))
            .expect_err("refuses");
        assert!(matches!(error, Error::Corruption(_)), "{error}");
    }
    assert_eq!(everything(&log.path().join("log")), before);
    assert_eq!(stream.next_id().expect("an id"), 1);
    let kept = with_kept(&packets[1], 2, 1);
    assert_eq!(stream.apply_frames(&kept).expect("at the end"), 1..2);
    assert_eq!(stream.first_id().expect("an id"), 2);
    drop(stream);
    wal.close().expect("closes");
    assert_eq!(log.open().stream("s").unwrap().first_id().unwrap(), 2);
}

/// Counters at their end: the next cut or truncation of the replica's own, or the next stream of its log, would
/// have needed a greater one.
#[test]
fn numbers_that_no_log_has_counted_to_are_refused() {
    let packets = packets(2);
    let log = log(SyncMode::Strict);
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    let before = everything(&log.path().join("log"));
    let refused = |bytes: &[u8], what: &str| {
        let error = stream.apply_frames(bytes).expect_err(what);
        assert!(matches!(error, Error::Corruption(_)), "{what}: {error}");
        assert_eq!(everything(&log.path().join("log")), before, "{what}");
    };
    for most in [u64::MAX, u64::MAX - 1, 1 << 63] {
        refused(&with_kept(&packets[0], 0, most), "epoch");
        refused(
            &with_header(&packets[0], INCARNATION_AT, most),
            "incarnation",
        );
        let header = with_header(&packets[0], HEADER_EPOCH_AT, most);
        refused(&header, "the epoch of the header");
        // Checksums of frames depend on the generation, so there is none here.
        let (head, rest) = packets[0].split_at(HEADER_AT + HEADER_LEN);
        let mut empty = [head, &rest[rest.len() - 4..]].concat();
        put(&mut empty, 24, 0);
        refused(&with_header(&empty, GENERATION_AT, most), "generation");
    }
    refused(
        &with_header(&packets[0], HEADER_KEPT_AT, 1),
        "kept, in the header",
    );
    refused(
        &with_header(&packets[0], HEADER_EPOCH_AT, 1),
        "a header that is newer than the packet",
    );
    stream.apply_frames(&packets[0]).expect("the good one");
    stream.truncate_suffix(0).expect("cuts");
    stream.reset(9, &Append::default()).expect("resets");
    wal.append("t", b"x").expect("appends");
    wal.delete_stream("t").expect("deletes");
    wal.append("t", b"y").expect("appends");
}

/// A segment's header that is newer than what the replica knows when it seals the one before: opening would
/// have believed it.
#[test]
fn a_next_segment_that_knows_of_later_truncations_than_the_slot_before_it_is_refused() {
    let packets = packets(60);
    let log = log(SyncMode::Strict);
    let wal = log.open();
    let stream = wal.stream("s").expect("a handle");
    let mut begun = 0;
    for packet in &packets {
        let is_start = packet[16..24] == 1536_u64.to_le_bytes();
        if is_start && stream.next_id().unwrap() > 0 {
            begun += 1;
            let error = stream
                .apply_frames(&with_header(packet, HEADER_EPOCH_AT, 7))
                .expect_err("refuses");
            assert!(matches!(error, Error::Config(_)), "{error}");
        }
        stream.apply_frames(packet).expect("the good one");
    }
    assert!(begun > 2);
    assert_eq!(stream.first_id().unwrap(), 0);
}

/// A segment without entries has the name of a segment behind it.
#[test]
fn a_segment_is_not_followed_by_one_of_its_own_name() {
    let (primary_log, other_log, replica_log) = (
        log(SyncMode::Strict),
        log(SyncMode::Strict),
        log(SyncMode::Strict),
    );
    let (primary_wal, other_wal) = (primary_log.open(), other_log.open());
    let primary = primary_wal.stream("s").expect("a handle");
    let other = other_wal.stream("s").expect("a handle");
    let property = |value| -> [(&[u8], Option<&[u8]>); 1] { [(b"vote", Some(value))] };
    primary
        .set_properties(&property(b"1"), Durability::Durable)
        .expect("sets");
    other
        .set_properties(&property(b"2"), Durability::Durable)
        .expect("sets");
    let replica_wal = replica_log.open();
    let replica = replica_wal.stream("s").expect("a handle");
    let first = next_packet(&primary, &replica);
    let theirs = next_packet(&other, &replica);
    replica.apply_frames(&first).expect("applies");
    let position = replica.frame_position().expect("a position").to_bytes();
    let before = everything(&replica_log.path().join("log"));
    for epoch in [0, 1] {
        let packet = with(&with_kept(&theirs, 0, epoch), |packet| {
            let link = &position[72..76];
            packet[HEADER_AT + PREDECESSOR_LINK_AT..][..4].copy_from_slice(link);
            packet[HEADER_AT + HEADER_FLAGS_AT] |= 1;
        });
        let error = replica.apply_frames(&packet).expect_err("refuses");
        assert!(matches!(error, Error::Config(_)), "{epoch}: {error}");
        assert_eq!(everything(&replica_log.path().join("log")), before);
    }
    let value = replica.property(b"vote").expect("reads");
    assert_eq!(value.as_deref(), Some(&b"1"[..]));
}

/// The replica's first kept id became a lower one, whose segments it had removed: its log did not open any more.
#[test]
fn a_cut_behind_archived_segments_that_were_restored_is_refused() {
    let place = temp_dir();
    let mut primary_options = options(place.path(), SyncMode::Strict);
    primary_options.root_path = place.path().join("primary");
    primary_options.archive_path = Some(place.path().join("archive"));
    primary_options.max_entries_per_segment = 3;
    let primary_wal = Wal::new(primary_options).expect("opens");
    let primary = primary_wal.stream("s").expect("a handle");
    let log = log(SyncMode::Strict);
    let wal = log.open();
    let replica = wal.stream("s").expect("a handle");
    let ship = || -> Result<()> {
        loop {
            let packet = next_packet(&primary, &replica);
            if packet.is_empty() {
                return Ok(());
            }
            replica.apply_frames(&packet)?;
        }
    };
    for id in 0..14 {
        primary.append(&entry(id)).expect("appends");
    }
    primary.truncate(7).expect("truncates");
    ship().expect("ships");
    assert_eq!(replica.first_id().unwrap(), 6);
    primary.restore_archived().expect("restores");
    assert_eq!(primary.first_id().unwrap(), 0);
    primary.truncate_suffix(11).expect("cuts");
    for _ in 0..3 {
        primary.append(b"behind the cut").expect("appends");
    }
    let error = ship().expect_err("refuses");
    assert!(matches!(error, Error::Config(_)), "{error}");
    drop(replica);
    wal.close().expect("closes");
    let wal = log.open();
    assert_eq!(wal.stream("s").unwrap().first_id().unwrap(), 6);
    assert_eq!(wal.stream("s").unwrap().next_id().unwrap(), 14);
}

/// What is hidden must lie in front of the end of the packet, whatever happens to the primary meanwhile.
#[test]
fn a_packet_made_while_the_primary_truncates_is_good() {
    let (primary_log, replica_log) = (log(SyncMode::Async), log(SyncMode::Async));
    let (primary_wal, replica_wal) = (primary_log.open(), replica_log.open());
    let primary = primary_wal.stream("s").expect("a handle");
    let mut replica = replica_wal.stream("s").expect("a handle");
    primary.append(b"x").expect("appends");
    primary.sync().expect("syncs");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for id in 0..1_500 {
                primary.append(&entry(id)).expect("appends");
                let next = primary.next_id().unwrap();
                primary.truncate_prefix(next - id % 2).expect("truncates");
            }
            done.store(true, std::sync::atomic::Ordering::Release);
        });
        let mut applied = 0;
        while !done.load(std::sync::atomic::Ordering::Acquire) {
            let position = replica.frame_position().expect("a position");
            match primary.export_frames(&position, 1 << 20) {
                Ok(packet) if packet.is_empty() => {}
                Ok(packet) => {
                    replica.apply_frames(&packet).expect("applies");
                    applied += 1;
                }
                Err(Error::SegmentNotFound(_)) => {
                    replica.delete().expect("deletes");
                    replica = replica_wal.stream("s").expect("a handle");
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(applied > 10, "{applied}");
    });
}

/// The sizes of segments are the primary's, also where the replica's log would have smaller ones.
#[test]
fn a_replica_has_larger_segments_than_its_log_makes() {
    let primary_log =
        LogBuilder::new(SyncMode::Async).with(|options| options.max_segment_size = 1 << 20);
    for mode in [SyncMode::Strict, SyncMode::Async] {
        let replica_log = LogBuilder::new(mode).with(|options| {
            options.max_segment_size = 1_000;
            options.max_entries_per_segment = 1;
        });
        let (primary_wal, replica_wal) = (primary_log.open(), replica_log.open());
        let primary = primary_wal.stream("s").expect("a handle");
        let replica = replica_wal.stream("s").expect("a handle");
        for id in 0..300 {
            primary.append(&entry(id)).expect("appends");
            primary.append(&[7; 3_000]).expect("appends");
        }
        primary.sync().expect("syncs");
        for max_bytes in (0..20).map(|step| 1 << step).cycle() {
            let position = replica.frame_position().expect("a position");
            let packet = primary
                .export_frames(&position, max_bytes)
                .expect("exports");
            if packet.is_empty() {
                break;
            }
            replica.apply_frames(&packet).expect("applies");
        }
        let end = primary.next_id().unwrap();
        assert_eq!(replica.next_id().unwrap(), end);
        assert_eq!(replica.get(end - 1).unwrap(), primary.get(end - 1).unwrap());
    }
}

/// A change of properties behind all entries left a log that is open read-only only once an entry followed.
#[test]
fn a_log_that_is_open_read_only_exports_a_last_change_of_properties() {
    let (primary_log, replica_log) = (log(SyncMode::Strict), log(SyncMode::Strict));
    let (primary_wal, replica_wal) = (primary_log.open(), replica_log.open());
    primary_wal.append("s", b"x").expect("appends");
    let change: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(b"1"))];
    let primary = primary_wal.stream("s").expect("a handle");
    primary
        .set_properties(&change, Durability::Durable)
        .expect("sets");
    let reader_wal = primary_log.open_read_only();
    let reader = reader_wal.stream("s").expect("a handle");
    let replica = replica_wal.stream("s").expect("a handle");
    for _ in 0..2 {
        let packet = {
            let position = replica.frame_position().expect("a position");
            reader.export_frames(&position, 1).expect("exports")
        };
        assert!(!packet.is_empty());
        replica.apply_frames(&packet).expect("applies");
    }
    assert_eq!(
        replica.property(b"vote").unwrap().as_deref(),
        Some(&b"1"[..])
    );
    // What is not durable stays.
    let change: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(b"2"))];
    primary
        .set_properties(&change, Durability::Written)
        .expect("sets");
    let position = replica.frame_position().expect("a position");
    let packet = reader.export_frames(&position, 1).expect("exports");
    assert!(packet.is_empty(), "{} bytes", packet.len());
    // After the close and a new opening, nothing is synced and the frame is durable all the same.
    primary
        .set_properties(&change, Durability::Durable)
        .expect("sets");
    drop((primary, reader, reader_wal));
    primary_wal.close().expect("closes");
    let primary_wal = primary_log.open();
    let primary = primary_wal.stream("s").expect("a handle");
    for _ in 0..2 {
        let packet = next_packet(&primary, &replica);
        if !packet.is_empty() {
            replica.apply_frames(&packet).expect("applies");
        }
    }
    assert_eq!(
        replica.property(b"vote").unwrap().as_deref(),
        Some(&b"2"[..])
    );
}
