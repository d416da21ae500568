//! A replica has the files of its primary, byte by byte, whatever was done to the primary between two
//! packets; and a packet that does not belong there changes nothing.

use std::collections::BTreeMap;

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::all_entries;
use crate::support::copy_dir;
use crate::support::entry;
use crate::support::everything;
use crate::support::files_in;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Segments of a few entries.
fn small_segments(sync_mode: SyncMode, compression: CompressionType) -> LogBuilder {
    LogBuilder::new(sync_mode).with(|options| {
        options.max_segment_size = 2_000;
        options.compression = compression;
        options.min_compression_size = 64;
    })
}

/// The options of the replica's log have no say.
fn replica_log(sync_mode: SyncMode) -> LogBuilder {
    LogBuilder::new(sync_mode).with(|options| options.max_segment_size = 1 << 20)
}

/// Which frames are shipped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Frames {
    Durable,
    Written,
}

impl Frames {
    fn export(self, primary: &Stream, from: &FramePosition, max_bytes: usize) -> Result<Vec<u8>> {
        match self {
            Frames::Durable => primary.export_frames(from, max_bytes),
            Frames::Written => primary.export_written_frames(from, max_bytes),
        }
    }
}

/// Ships what there is: how many packets that took.
fn ship(primary: &Stream, replica: &Stream, max_bytes: usize) -> Result<usize> {
    ship_frames(Frames::Durable, primary, replica, max_bytes)
}

fn ship_frames(
    frames: Frames,
    primary: &Stream,
    replica: &Stream,
    max_bytes: usize,
) -> Result<usize> {
    let mut packets = 0;
    loop {
        let position = replica.frame_position()?;
        let position = FramePosition::from_bytes(&position.to_bytes())?;
        let packet = frames.export(primary, &position, max_bytes)?;
        if packet.is_empty() {
            return Ok(packets);
        }
        replica.apply_frames(&packet)?;
        packets += 1;
        assert!(packets < 10_000, "shipping ends");
    }
}

/// The segments of the stream `s`. `begun_late`: the replica began behind a truncation, of which slots
/// of sealed segments do not know in the primary.
fn segments(log: &LogBuilder, begun_late: bool) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (path, mut bytes) in files_in(&log.path().join("log/s")) {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.expect("a name").to_owned();
        if begun_late && bytes.len() > 1536 {
            bytes[512..1536].fill(0);
        }
        if name != "segments.idx" {
            files.insert(name, bytes);
        }
    }
    files
}

fn assert_equal_files(primary: &LogBuilder, replica: &LogBuilder, begun_late: bool, what: &str) {
    let (theirs, ours) = (segments(primary, begun_late), segments(replica, begun_late));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&theirs), names(&ours), "{what}");
    for (name, theirs) in &theirs {
        let ours = &ours[name];
        let differs = theirs.iter().zip(ours).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{what}: {name} differs there");
        assert_eq!(theirs.len(), ours.len(), "{what}: the length of {name}");
    }
}

/// One change of the primary.
fn change(primary: &Stream, random: &mut Random, step: u64) {
    let (first, next) = (primary.first_id().unwrap(), primary.next_id().unwrap());
    let some = |random: &mut Random| -> Vec<Vec<u8>> {
        (0..1 + random.below(4))
            .map(|i| entry(step * 8 + i))
            .collect()
    };
    let value = step.to_le_bytes();
    let properties: [(&[u8], Option<&[u8]>); 1] = match random.below(4) {
        0 => [(b"vote", None)],
        _ => [(b"vote", Some(&value))],
    };
    let between = |random: &mut Random| first + random.below(next - first + 1);
    match random.below(24) {
        0 => assert!(primary.truncate_suffix(between(random)).is_ok()),
        1 | 2 => {
            let entries = some(random);
            let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            let mut append = Append::new(&entries);
            if random.below(2) == 0 {
                append = append.with_properties(&properties);
            }
            primary
                .replace_suffix(between(random), &append)
                .expect("cuts");
        }
        3 if random.below(3) == 0 => {
            let to = next + random.below(5);
            primary.reset(to, &Append::default()).expect("resets");
        }
        4 => assert!(primary.truncate_prefix(between(random)).is_ok()),
        5 => assert!(primary.truncate(between(random)).is_ok()),
        6 | 7 => {
            let set = primary.set_properties(&properties, Durability::Written);
            assert!(set.is_ok());
        }
        8 => {
            // As large as several segments.
            primary.append(&vec![step as u8; 5_000]).expect("appends");
        }
        9 => {
            // Compresses well.
            let zeros = [0; 600];
            primary.append_batch(&[&zeros, &zeros]).expect("appends");
        }
        10..=15 => {
            let entries = some(random);
            let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            primary.append_batch(&entries).expect("appends");
        }
        _ => assert!(primary.append(&entry(step)).is_ok()),
    }
}

#[derive(Clone, Copy)]
struct Course {
    seed: u64,
    primary_mode: SyncMode,
    replica_mode: SyncMode,
    compression: CompressionType,
    reopens: bool,
    frames: Frames,
}

/// Changes a primary and ships now and then; at the end the files are compared.
fn run(course: Course) {
    let what = format!("seed {}, {:?}", course.seed, course.frames);
    let mut random = Random(course.seed);
    let primary_log = small_segments(course.primary_mode, course.compression);
    let replica_log = replica_log(course.replica_mode);
    let (mut primary_wal, mut replica_wal) = (primary_log.open(), replica_log.open());
    let mut primary = primary_wal.stream("s").expect("a handle");
    let mut replica = replica_wal.stream("s").expect("a handle");
    primary.append(b"the first").expect("appends");
    let mut begun_late = false;
    let mut exists = false;
    for step in 0..60 + random.below(60) {
        change(&primary, &mut random, step);
        let ships = random.below(4);
        if ships == 0 {
            continue;
        }
        // Written frames leave without; now and then one seals full segments.
        if course.frames == Frames::Durable || random.below(8) == 0 {
            primary.sync().expect("syncs");
        }
        let max_bytes = [1, 700, 3_000, 1 << 20][random.below(4) as usize];
        if !exists {
            begun_late = primary.first_id().unwrap() > 0;
        }
        let shipped = match ships {
            // A packet, and more changes before the next one.
            1 => {
                let position = replica.frame_position().expect("a position");
                course
                    .frames
                    .export(&primary, &position, max_bytes)
                    .and_then(|packet| match packet.is_empty() {
                        true => Ok(0),
                        false => replica.apply_frames(&packet).map(|_| 1),
                    })
            }
            _ => ship_frames(course.frames, &primary, &replica, max_bytes),
        };
        exists = true;
        match shipped {
            Ok(_) => {}
            // Truncated before the replica had it: the replica begins anew.
            Err(Error::SegmentNotFound(_)) => {
                replica.delete().expect("deletes");
                replica = replica_wal.stream("s").expect("a handle");
                exists = false;
            }
            Err(error) => panic!("{what}, step {step}: {error}"),
        }
        if course.reopens && random.below(6) == 0 {
            drop(replica);
            replica_wal.close().expect("closes");
            replica_wal = replica_log.open();
            replica = replica_wal.stream("s").expect("a handle");
        }
        if course.reopens && random.below(9) == 0 {
            drop(primary);
            primary_wal.close().expect("closes");
            primary_wal = primary_log.open();
            primary = primary_wal.stream("s").expect("a handle");
        }
    }
    primary.sync().expect("syncs");
    if !exists {
        begun_late = primary.first_id().unwrap() > 0;
    }
    ship(&primary, &replica, 2_000).unwrap_or_else(|error| {
        let Error::SegmentNotFound(_) = error else {
            panic!("{what}: {error}");
        };
        begun_late = true;
        replica.delete().expect("deletes");
        replica = replica_wal.stream("s").expect("a handle");
        ship(&primary, &replica, 2_000).expect("ships")
    });
    assert_eq!(
        primary.properties().expect("reads"),
        replica.properties().expect("reads"),
        "{what}"
    );
    assert_eq!(
        all_entries(&primary_wal, "s"),
        all_entries(&replica_wal, "s"),
        "{what}"
    );
    drop((primary, replica));
    primary_wal.close().expect("closes");
    replica_wal.close().expect("closes");
    if course.reopens {
        // What lies below the first kept id is removed at the latest now.
        primary_log.open().close().expect("closes");
        replica_log.open().close().expect("closes");
    }
    assert_equal_files(&primary_log, &replica_log, begun_late, &what);
}

#[test]
fn a_replica_has_the_files_of_its_primary_whatever_was_done_between_two_packets() {
    run_all(Frames::Durable);
}

#[test]
fn a_replica_of_written_frames_has_the_files_of_its_primary_in_the_end() {
    run_all(Frames::Written);
}

fn run_all(frames: Frames) {
    let modes = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];
    let seeds = std::env::var("IRONWAL_REPLICA_SEEDS").unwrap_or_else(|_| "0..18".to_owned());
    let (from, to) = seeds.split_once("..").expect("seeds as 0..64");
    let [from, to] = [from, to].map(|end| end.parse().expect("a number"));
    for seed in from..to {
        run(Course {
            seed,
            primary_mode: modes[(seed % 3) as usize],
            replica_mode: modes[(seed / 3 % 3) as usize],
            compression: match seed % 2 {
                0 => CompressionType::None,
                _ => CompressionType::Lz4,
            },
            reopens: seed % 4 >= 2,
            frames,
        });
    }
}

/// A primary with a few segments, and a replica of its first entries.
fn begun() -> (LogBuilder, Wal, Stream, LogBuilder, Wal, Stream) {
    let primary_log = small_segments(SyncMode::Strict, CompressionType::Lz4);
    let replica_log = replica_log(SyncMode::Strict);
    let (primary_wal, replica_wal) = (primary_log.open(), replica_log.open());
    let primary = primary_wal.stream("s").expect("a handle");
    let replica = replica_wal.stream("s").expect("a handle");
    for id in 0..5 {
        primary.append(&entry(id)).expect("appends");
    }
    ship(&primary, &replica, 1 << 20).expect("ships");
    (
        primary_log,
        primary_wal,
        primary,
        replica_log,
        replica_wal,
        replica,
    )
}

fn next_packet(primary: &Stream, replica: &Stream, max_bytes: usize) -> Vec<u8> {
    let position = replica.frame_position().expect("a position");
    let packet = primary.export_frames(&position, max_bytes);
    packet.expect("exports")
}

/// The same packet with a checksum that fits it.
fn sealed(mut packet: Vec<u8>) -> Vec<u8> {
    let body = packet.len() - 4;
    let crc = crc32fast::hash(&packet[..body]).to_le_bytes();
    packet[body..].copy_from_slice(&crc);
    packet
}

#[test]
fn a_packet_with_a_bit_flipped_or_cut_short_changes_nothing() {
    let (_p, _wal, primary, log, _w, replica) = begun();
    let properties: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(&[7; 300]))];
    let compressible = [0; 200];
    primary
        .append_batch(&[&compressible, b"", b"x"])
        .expect("appends");
    primary
        .set_properties(&properties, Durability::Durable)
        .expect("sets");
    let packet = next_packet(&primary, &replica, 1 << 20);
    let before = everything(&log.path().join("log"));
    let refused = |bytes: &[u8], what: &str| {
        let error = replica.apply_frames(bytes).expect_err(what);
        assert!(
            matches!(
                error,
                Error::Corruption(_)
                    | Error::UnsupportedVersion(_)
                    | Error::Config(_)
                    | Error::SequenceMismatch { .. }
            ),
            "{what}: {error}"
        );
        assert!(!error.context().advice.is_empty());
    };
    // Also where the packet's own checksum fits: those of header, frames and payloads do not, and where
    // they do, the place is another.
    for bit in 0..(packet.len() - 4) * 8 {
        let mut bytes = packet.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if bit % 3 == 0 {
            refused(&bytes, &format!("bit {bit}"));
        }
        // What is kept is not part of a frame, and the first of two versions may be any.
        if !(32 * 8..48 * 8).contains(&bit) && bit != 80 + 1 {
            refused(&sealed(bytes), &format!("bit {bit}, with a good checksum"));
        }
    }
    for len in 0..packet.len() {
        refused(&packet[..len], &format!("length {len}"));
        if len > 8 {
            refused(&sealed(packet[..len].to_vec()), &format!("length {len}"));
        }
    }
    assert_eq!(everything(&log.path().join("log")), before);
    let ids = replica.apply_frames(&packet).expect("the good one");
    assert_eq!(ids, 5..8);
    assert_eq!(
        replica.property(b"vote").expect("reads"),
        Some(vec![7; 300])
    );
}

#[test]
fn a_packet_goes_where_it_belongs_and_nowhere_else() {
    let (_p, primary_wal, primary, _r, replica_wal, replica) = begun();
    primary.append(b"five").expect("appends");
    let first = next_packet(&primary, &replica, 1);
    assert_eq!(replica.apply_frames(&first).expect("applies"), 5..6);
    // Twice.
    match replica.apply_frames(&first) {
        Err(Error::SequenceMismatch { expected, found }) => assert_eq!((expected, found), (5, 6)),
        other => panic!("{other:?}"),
    }
    // Out of order.
    primary.append(b"six").expect("appends");
    let second = next_packet(&primary, &replica, 1);
    primary.append(b"seven").expect("appends");
    replica.apply_frames(&second).expect("applies");
    let third = next_packet(&primary, &replica, 1);
    primary.append(b"eight").expect("appends");
    replica.apply_frames(&third).expect("applies");
    let fourth = next_packet(&primary, &replica, 1);
    let late = replica_wal.stream("late").expect("a handle");
    assert!(
        matches!(late.apply_frames(&fourth), Err(Error::Config(_))),
        "another stream"
    );
    // Into a log that has no such stream yet: only the first packet begins one.
    let other_log = replica_log(SyncMode::Strict);
    let other_wal = other_log.open();
    let other = other_wal.stream("s").expect("a handle");
    let error = other.apply_frames(&fourth).expect_err("does not begin");
    assert!(
        matches!(
            error,
            Error::SequenceMismatch {
                expected: 8,
                found: 0
            }
        ),
        "{error}"
    );
    assert!(!other_log.path().join("log/s").exists(), "nothing was made");
    // What was appended to the replica is not the primary's.
    replica.append(b"eight, but not that one").expect("appends");
    primary.append(b"nine").expect("appends");
    assert!(replica.apply_frames(&fourth).is_err());
    let position = replica.frame_position().expect("a position");
    let error = primary.export_frames(&position, 1).expect_err("refuses");
    assert!(matches!(error, Error::Config(_)), "{error}");
    assert_eq!(replica.next_id().expect("an id"), 9);
    assert_eq!(
        replica.get(8).unwrap().as_deref(),
        Some(&b"eight, but not that one"[..])
    );
    // A cut here, and both agree again.
    replica.truncate_suffix(8).expect("cuts");
    let error = replica
        .apply_frames(&fourth)
        .expect_err("another generation");
    assert!(matches!(error, Error::Config(_)), "{error}");
    drop((primary, primary_wal));
}

#[test]
fn a_stream_that_was_deleted_and_begun_again_is_another_one() {
    let (_p, primary_wal, primary, _r, replica_wal, replica) = begun();
    primary.delete().expect("deletes");
    let primary = primary_wal.stream("s").expect("a handle");
    for id in 0..6 {
        // The same entries, at the same places, and one more.
        primary.append(&entry(id)).expect("appends");
    }
    let position = replica.frame_position().expect("a position");
    let error = primary.export_frames(&position, 1).expect_err("refuses");
    assert!(matches!(error, Error::Config(_)), "{error}");
    let begins = primary
        .export_frames(&FramePosition::default(), 1)
        .expect("exports");
    let error = replica.apply_frames(&begins).expect_err("refuses");
    assert!(matches!(error, Error::Config(_)), "{error}");
    replica.delete().expect("deletes");
    let replica = replica_wal.stream("s").expect("a handle");
    ship(&primary, &replica, 100).expect("ships");
    assert_eq!(
        all_entries(&primary_wal, "s"),
        all_entries(&replica_wal, "s")
    );
    drop(replica);
    replica_wal.close().expect("closes");
}

/// The replica's log may have given fewer numbers to streams than the primary's: it opens under `Error`
/// all the same, and its own streams get greater ones.
#[test]
fn a_log_with_a_replica_opens_whatever_number_the_stream_has() {
    let (_p, primary_wal, primary, log, replica_wal, replica) = begun();
    let log = log.with(|options| options.on_corruption = CorruptionPolicy::Error);
    drop(primary);
    for _ in 0..3 {
        primary_wal.append("s", b"x").expect("appends");
        primary_wal.delete_stream("s").expect("deletes");
    }
    replica.delete().expect("deletes");
    let primary = primary_wal.stream("s").expect("a handle");
    primary.append(b"y").expect("appends");
    let replica = replica_wal.stream("s").expect("a handle");
    ship(&primary, &replica, 1).expect("ships");
    drop(replica);
    replica_wal.close().expect("closes");
    // The number of the next stream: the replica's own, raised before its first segment was there. Where
    // segments record a greater one than the file, opening takes the file for an old copy.
    let number = || {
        let identity = std::fs::read(log.path().join("log/IDENTITY")).expect("reads");
        u64::from_le_bytes(identity[32..40].try_into().expect("eight bytes"))
    };
    assert_eq!(number(), 3);
    let replica_wal = log.open();
    assert_eq!(all_entries(&replica_wal, "s"), [(0, b"y".to_vec())]);
    replica_wal.append("t", b"z").expect("appends");
    replica_wal.close().expect("closes");
    log.open().close().expect("closes");
    assert_eq!(number(), 3);
}

/// A cut is applied only where the frame behind which is cut is the primary's.
#[test]
fn a_cut_behind_another_frame_than_the_primary_s_is_refused() {
    let (_p, _wal, primary, log, _w, replica) = begun();
    let other_log = replica_log(SyncMode::Strict);
    let other_wal = other_log.open();
    let other = other_wal.stream("s").expect("a handle");
    for text in ["mine", "more"] {
        primary.append(text.as_bytes()).expect("appends");
    }
    ship(&primary, &other, 1 << 20).expect("ships");
    primary
        .replace_suffix(6, &Append::new(&[b"cut"]))
        .expect("cuts");
    let cut = next_packet(&primary, &other, 1 << 20);
    // As many entries, of the same length, at the same places.
    for text in ["ours", "more"] {
        replica.append(text.as_bytes()).expect("appends");
    }
    let before = everything(&log.path().join("log"));
    let error = replica.apply_frames(&cut).expect_err("another frame");
    assert!(matches!(error, Error::Config(_)), "{error}");
    assert_eq!(everything(&log.path().join("log")), before);
    assert_eq!(replica.get(6).unwrap().as_deref(), Some(&b"more"[..]));
    other.apply_frames(&cut).expect("the same frame");
    assert_eq!(other.get(6).unwrap().as_deref(), Some(&b"cut"[..]));
}

#[test]
fn a_log_that_is_open_read_only_exports_and_does_not_apply() {
    let (primary_log, _wal, primary, _r, replica_wal, replica) = begun();
    let reader_wal = primary_log.open_read_only();
    let reader = reader_wal.stream("s").expect("a handle");
    for id in 5..40 {
        primary.append(&entry(id)).expect("appends");
    }
    let properties: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(b"9"))];
    primary
        .append_with(&Append::new(&[b"and"]).with_properties(&properties))
        .expect("appends");
    ship(&reader, &replica, 900).expect("ships");
    primary
        .replace_suffix(30, &Append::new(&[b"cut"]))
        .expect("cuts");
    primary.append(b"behind").expect("appends");
    // A frame later than the slot that says it is durable.
    primary.append(b"last").expect("appends");
    ship(&reader, &replica, 900).expect("ships");
    assert!(replica.next_id().expect("an id") >= 32);
    ship(&primary, &replica, 900).expect("ships");
    assert_eq!(
        all_entries(&primary_log.open_read_only(), "s"),
        all_entries(&replica_wal, "s")
    );
    let packet = primary
        .export_frames(&FramePosition::default(), 1)
        .expect("exports");
    assert!(matches!(reader.apply_frames(&packet), Err(Error::ReadOnly)));
    assert!(matches!(reader.frame_position(), Err(Error::ReadOnly)));
}

/// What export_frames answers where the log is behind its replica. Such a log is an older copy of the primary's, or has lost
/// its tail. Where the replica stood in a segment that the log lacks, it was called none of the stream's, to be deleted.
#[test]
fn a_log_that_is_behind_its_replica_says_so_and_names_both_ids() {
    for is_reader in [true, false] {
        let primary_log = small_segments(SyncMode::Strict, CompressionType::None);
        let wal = primary_log.open();
        let primary = wal.stream("s").expect("a handle");
        let replica_log = replica_log(SyncMode::Strict);
        let replica_wal = replica_log.open();
        let replica = replica_wal.stream("s").expect("a handle");
        // Copies of the primary's log at several moments.
        let older: Vec<(u64, LogBuilder)> = (0..40)
            .map(|id| {
                primary.append(&entry(id)).expect("appends");
                let copy = small_segments(SyncMode::Strict, CompressionType::None);
                copy_dir(&primary_log.path().join("log"), &copy.path().join("log"));
                let _ = std::fs::remove_file(copy.path().join("log/LOCK"));
                (id + 1, copy)
            })
            .collect();
        ship(&primary, &replica, 900).expect("ships");
        assert_eq!(replica.next_id().expect("is known"), 40);
        let position = replica.frame_position().expect("a position");
        let check = |position: &FramePosition, expected_error: &dyn Fn(u64, Error)| {
            for (next_id, log) in &older {
                if *next_id == 40 {
                    continue;
                }
                let wal = match is_reader {
                    true => log.open_read_only(),
                    false => log.open(),
                };
                let old = wal.stream("s").expect("a handle");
                for frames in [Frames::Durable, Frames::Written] {
                    match frames.export(&old, position, 900) {
                        Ok(packet) => panic!("{next_id}, {frames:?}: {} bytes", packet.len()),
                        Err(error) => expected_error(*next_id, error),
                    }
                }
            }
        };
        check(&position, &|next_id, error| match error {
            Error::SequenceMismatch { expected, found } => {
                // A reader learns that the last entry is durable from the one behind it.
                let ends = next_id - u64::from(is_reader)..=next_id;
                assert!(
                    expected == 40 && ends.contains(&found),
                    "{next_id}, reader {is_reader}: {expected}, {found}"
                );
            }
            other => panic!("{next_id}, reader {is_reader}: {other}"),
        });
        // The newest copy has all there is.
        let newest = older[39].1.open_read_only();
        let packet = newest
            .stream("s")
            .and_then(|s| s.export_frames(&position, 900));
        assert!(packet.expect("exports").is_empty());
        drop(newest);
        // A cut that the older copies lack.
        primary
            .replace_suffix(10, &Append::new(&[b"cut"]))
            .expect("cuts");
        ship(&primary, &replica, 900).expect("ships");
        let position = replica.frame_position().expect("a position");
        check(&position, &|next_id, error| {
            let text = error.to_string();
            assert!(
                matches!(error, Error::Config(_)) && text.contains("older than the replica"),
                "{next_id}, reader {is_reader}: {text}"
            );
            assert!(!text.contains("delete it"), "{text}");
        });
    }
}

/// A reader knows less of what is durable than the writer: of a replica whose frames are those of the file it must not
/// say that it is ahead.
#[test]
fn a_reader_has_nothing_for_a_replica_that_holds_what_is_written() {
    let log = small_segments(SyncMode::Async, CompressionType::None);
    let (wal, replica_log) = (log.open(), replica_log(SyncMode::Async));
    let replica_wal = replica_log.open();
    let primary = wal.stream("s").expect("a handle");
    let replica = replica_wal.stream("s").expect("a handle");
    let reader_wal = log.open_read_only();
    let reader = reader_wal.stream("s").expect("a handle");
    for id in 0..5 {
        primary.append(&entry(id)).expect("appends");
    }
    ship_frames(Frames::Written, &primary, &replica, 900).expect("ships");
    let position = replica.frame_position().expect("a position");
    for frames in [Frames::Durable, Frames::Written] {
        let packet = frames.export(&reader, &position, 900).expect("exports");
        assert!(packet.is_empty(), "{frames:?}");
    }
    // With another last frame it is none of the stream's, also behind what is durable.
    let other_log = small_segments(SyncMode::Async, CompressionType::None);
    let other_wal = other_log.open();
    let other = other_wal.stream("s").expect("a handle");
    for id in 0..5 {
        let bytes: Vec<u8> = entry(id).iter().map(|byte| !byte).collect();
        other.append(&bytes).expect("appends");
    }
    let position = other.frame_position().expect("a position");
    for frames in [Frames::Durable, Frames::Written] {
        let answer = frames.export(&reader, &position, 900);
        assert!(
            matches!(answer, Err(Error::Config(_))),
            "{frames:?}: {answer:?}"
        );
    }
}

#[test]
fn frames_that_were_truncated_are_not_exported() {
    let (_p, _wal, primary, _r, replica_wal, replica) = begun();
    for id in 5..60 {
        primary.append(&entry(id)).expect("appends");
    }
    primary.truncate_prefix(50).expect("truncates");
    let position = replica.frame_position().expect("a position");
    let error = primary.export_frames(&position, 1).expect_err("gone");
    assert!(matches!(error, Error::SegmentNotFound(5)), "{error}");
    assert_eq!(error.context().ids.map(|ids| ids.start), Some(5));
    replica.delete().expect("deletes");
    let replica = replica_wal.stream("s").expect("a handle");
    ship(&primary, &replica, 1).expect("ships");
    assert_eq!(replica.first_id().expect("an id"), 50);
    assert_eq!(
        replica.digest(50..60).unwrap(),
        primary.digest(50..60).unwrap()
    );
}

/// A reader of the replica, in another process, finds a cut that the primary did between two sealed
/// segments: the slots of the segment before it do not say so.
#[test]
fn a_reader_of_a_replica_s_log_follows_its_cuts() {
    let (_p, _wal, primary, log, replica_wal, replica) = begun();
    let reader_wal = log.open_read_only();
    let mut follower = reader_wal
        .stream("s")
        .and_then(|stream| stream.iter_with_ids(0))
        .expect("iterates");
    assert_eq!(follower.by_ref().count(), 5);
    for id in 5..40 {
        primary.append(&entry(id)).expect("appends");
    }
    // The segment that the replica stands in is sealed by then, and cut.
    let segment_end = {
        let mut end = 5;
        while replica.next_id().unwrap() == end {
            let packet = next_packet(&primary, &replica, 1);
            let is_start = packet[16..24] == 1536_u64.to_le_bytes();
            if is_start {
                break;
            }
            replica.apply_frames(&packet).expect("applies");
            end += 1;
        }
        end
    };
    let shown = reader_wal.stream("s").unwrap().next_id().unwrap();
    assert_eq!(shown, segment_end);
    primary
        .replace_suffix(segment_end - 1, &Append::new(&[b"cut", b"here"]))
        .expect("cuts");
    ship(&primary, &replica, 1 << 20).expect("ships");
    assert_eq!(
        all_entries(&reader_wal, "s"),
        all_entries(&replica_wal, "s")
    );
    assert_eq!(
        reader_wal.get("s", segment_end - 1).unwrap().as_deref(),
        Some(&b"cut"[..])
    );
}

#[test]
fn written_frames_leave_before_any_sync() {
    for mode in [SyncMode::Async, SyncMode::BatchOnly, SyncMode::Strict] {
        let log = LogBuilder::new(mode).with(|options| options.background_sync = None);
        let wal = log.open();
        let primary = wal.stream("s").expect("a handle");
        let reader_log = log.open_read_only();
        let replica_log = replica_log(SyncMode::Async);
        let replica_wal = replica_log.open();
        let replica = replica_wal.stream("s").expect("a handle");
        primary.append(&entry(0)).expect("appends");
        primary.sync().expect("syncs");
        for id in 1..20 {
            let append = [&entry(id)[..]];
            let append = Append::new(&append).written();
            primary.append_with(&append).expect("appends");
        }
        assert_eq!(primary.durable_end().expect("is known"), 1, "{mode:?}");
        ship(&primary, &replica, 1).expect("ships");
        assert_eq!(replica.next_id().expect("is known"), 1, "{mode:?}");
        let shipped = ship_frames(Frames::Written, &primary, &replica, 1);
        assert_eq!(shipped.expect("ships"), 19, "{mode:?}");
        assert_eq!(replica.next_id().expect("is known"), 20);
        // What the replica may acknowledge is durable in its own log.
        assert!(replica.durable_end().expect("is known") <= 1);
        replica.sync().expect("syncs");
        assert_eq!(replica.durable_end().expect("is known"), 20);
        // It is ahead of what is durable in the primary, until that syncs.
        let position = replica.frame_position().expect("a position");
        let ahead = primary.export_frames(&position, 1);
        let is_ahead = matches!(
            ahead,
            Err(Error::SequenceMismatch {
                expected: 20,
                found: 1
            })
        );
        assert!(is_ahead, "{mode:?}: {ahead:?}");
        // A log that is open read-only exports them too.
        let reader = reader_log.stream("s").expect("a handle");
        let packet = reader.export_written_frames(&FramePosition::default(), 1 << 20);
        let same = primary.export_written_frames(&FramePosition::default(), 1 << 20);
        assert_eq!(packet.expect("exports"), same.expect("exports"), "{mode:?}");
        primary.sync().expect("syncs");
        let packet = primary.export_frames(&position, 1).expect("exports");
        assert!(packet.is_empty(), "{mode:?}");
        drop((primary, replica, reader));
        reader_log.close().expect("closes");
        wal.close().expect("closes");
        replica_wal.close().expect("closes");
        assert_equal_files(&log, &replica_log, false, &format!("{mode:?}"));
    }
}

#[test]
fn the_first_frame_of_a_segment_leaves_once_the_one_before_is_sealed() {
    let log = LogBuilder::new(SyncMode::Async).with(|options| {
        options.background_sync = None;
        options.max_entries_per_segment = 5;
    });
    let wal = log.open();
    let primary = wal.stream("s").expect("a handle");
    let replica_log = replica_log(SyncMode::Async);
    let replica_wal = replica_log.open();
    let replica = replica_wal.stream("s").expect("a handle");
    for id in 0..12 {
        primary.append(&entry(id)).expect("appends");
    }
    let ships = |end: u64| {
        ship_frames(Frames::Written, &primary, &replica, 1 << 20).expect("ships");
        assert_eq!(replica.next_id().expect("is known"), end);
    };
    ships(5);
    primary.sync().expect("syncs");
    ships(12);
    primary.append(&entry(12)).expect("appends");
    ships(13);
}
