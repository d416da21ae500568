//! What a power cut at any call of the disk leaves of a replica: the primary's stream as it was behind
//! one of the frames that were applied, with at least those that were durable, and it can go on.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

fn open(disk: &SimulatedDisk, sync_mode: SyncMode) -> Wal {
    let mut options = options(Path::new("/"), sync_mode);
    options.max_entries_per_segment = 5;
    options.on_corruption = CorruptionPolicy::Error;
    Wal::open_simulated(disk, options).expect("opens")
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What a stream shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    first_id: u64,
    next_id: u64,
    entries: Vec<(u64, Vec<u8>)>,
    properties: Pairs,
}

fn state(wal: &Wal) -> State {
    let stream = wal.stream("s").expect("a handle");
    State {
        first_id: stream.first_id().expect("an id"),
        next_id: stream.next_id().expect("an id"),
        entries: all_entries(wal, "s"),
        properties: stream.properties().expect("reads"),
    }
}

impl State {
    /// Without the ids below this one, which a truncation may have hidden by now.
    fn from(&self, first_id: u64) -> State {
        let mut state = self.clone();
        state.first_id = self.first_id.max(first_id);
        state.entries.retain(|(id, _)| *id >= first_id);
        state
    }

    /// Whether it is this one, or this one with truncations that belong to the next one.
    fn is(&self, other: &State, next: &State) -> bool {
        self == other
            || (self.first_id >= other.first_id && *self == other.from(self.first_id))
                && self.first_id <= next.first_id
    }
}

type Change = Box<dyn Fn(&Stream)>;

/// What is done to the primary, in this order; a replica gets every frame before the next one.
fn changes() -> Vec<Change> {
    fn append(stream: &Stream, count: u64) {
        for _ in 0..count {
            let id = stream.next_id().unwrap();
            stream.append(&entry(id)).expect("appends");
        }
    }
    let vote = |stream: &Stream, value: &[u8]| {
        stream
            .set_properties(&[(b"vote", Some(value))], Durability::Written)
            .expect("sets");
    };
    vec![
        Box::new(|stream| append(stream, 3)),
        Box::new(move |stream| vote(stream, b"1")),
        // Across a rotation, which carries the property.
        Box::new(|stream| append(stream, 4)),
        Box::new(|stream| assert!(stream.append_batch(&[b"x", b"", &[7; 700]]).is_ok())),
        Box::new(|stream| assert!(stream.truncate_prefix(6).is_ok())),
        Box::new(|stream| {
            assert!(
                stream
                    .replace_suffix(8, &Append::new(&[b"new", b"er"]))
                    .is_ok()
            )
        }),
        Box::new(|stream| append(stream, 6)),
        Box::new(|stream| assert!(stream.truncate_suffix(13).is_ok())),
        Box::new(move |stream| vote(stream, b"2")),
        Box::new(|stream| append(stream, 3)),
        Box::new(|stream| assert!(stream.truncate(12).is_ok())),
        Box::new(|stream| append(stream, 1)),
        Box::new(|stream| assert!(stream.reset(40, &Append::new(&[b"again"])).is_ok())),
        Box::new(|stream| append(stream, 6)),
        Box::new(|stream| assert!(stream.truncate_prefix(44).is_ok())),
    ]
}

/// Packets of a frame each, as a replica needs them one after the other; and what it then shows.
struct Course {
    primary: Wal,
    packets: Vec<Vec<u8>>,
    /// One more than packets: before the first one, too.
    states: Vec<State>,
}

fn course() -> Course {
    let primary = open(&SimulatedDisk::new(), SyncMode::Async);
    let replica = open(&SimulatedDisk::new(), SyncMode::Async);
    let from = primary.stream("s").expect("a handle");
    let to = replica.stream("s").expect("a handle");
    let mut packets = Vec::new();
    let mut states = vec![state(&replica)];
    for change in changes() {
        change(&from);
        from.sync().expect("syncs");
        loop {
            let position = to.frame_position().expect("a position");
            let packet = from.export_frames(&position, 1).expect("exports");
            if packet.is_empty() {
                break;
            }
            to.apply_frames(&packet).expect("applies");
            packets.push(packet);
            states.push(state(&replica));
        }
        assert_eq!(state(&replica), state(&primary));
    }
    Course {
        primary,
        packets,
        states,
    }
}

fn segments(disk: &SimulatedDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = disk.files().into_iter();
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "wal");
    files.filter(|(path, _)| is_segment(path)).collect()
}

/// The replica goes on to the end of the primary.
fn go_on(course: &Course, wal: &Wal, case: &str) {
    let from = course.primary.stream("s").expect("a handle");
    let to = wal.stream("s").expect("a handle");
    loop {
        let position = to.frame_position().expect("a position");
        let packet = match from.export_frames(&position, 1 << 20) {
            Ok(packet) => packet,
            Err(error) => panic!("{case}: {error}"),
        };
        if packet.is_empty() {
            break;
        }
        to.apply_frames(&packet)
            .unwrap_or_else(|error| panic!("{case}: {error}"));
    }
    assert_eq!(state(wal), state(&course.primary), "{case}");
}

#[test]
fn a_power_cut_at_any_call_leaves_a_replica_at_one_of_the_primary_s_frames() {
    let course = course();
    assert!(course.packets.len() > 30, "{}", course.packets.len());
    let mut left = std::collections::BTreeSet::new();
    for sync_mode in [SyncMode::Strict, SyncMode::Async] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, sync_mode);
        let stream = wal.stream("s").expect("a handle");
        let begun = disk.op_count();
        let mut ends = vec![begun];
        for (place, packet) in course.packets.iter().enumerate() {
            stream.apply_frames(packet).expect("applies");
            ends.push(disk.op_count());
            assert_eq!(state(&wal), course.states[place + 1], "packet {place}");
        }
        for at in begun..=disk.op_count() {
            // How many packets had been applied, and were durable, where that was promised.
            let applied = ends.partition_point(|end| *end <= at) - 1;
            let most = (applied + 1).min(course.states.len() - 1);
            for seed in 0..3 {
                let case = format!("{sync_mode:?}, call {at}, seed {seed}");
                let after = disk.crash_at(at, seed, DirectoryModel::Strict);
                let wal = open(&after, sync_mode);
                let found = state(&wal);
                let least = match sync_mode {
                    SyncMode::Strict => applied,
                    _ => 0,
                };
                let is_one = (least..=most).rev().find(|&place| {
                    let next = &course.states[(place + 1).min(course.states.len() - 1)];
                    found.is(&course.states[place], next)
                });
                let Some(place) = is_one else {
                    panic!("{case}: packets {least} to {most}, found {found:?}");
                };
                left.insert(place);
                if seed == 0 || place < applied {
                    let gone = |error: &Error| matches!(error, Error::SegmentNotFound(_));
                    let from = course.primary.stream("s").expect("a handle");
                    let position = wal.stream("s").unwrap().frame_position().unwrap();
                    // The primary was reset behind it, so nothing of it is gone.
                    let next = from.export_frames(&position, 1);
                    assert!(!next.as_ref().is_err_and(gone), "{case}");
                    go_on(&course, &wal, &case);
                    wal.close().expect("closes");
                    let reopened = open(&after, sync_mode);
                    assert_eq!(state(&reopened), state(&course.primary), "{case}");
                }
            }
        }
    }
    assert!(left.len() > 20, "many states were seen: {left:?}");
}

/// A replica that lost power and went on has the files of the primary, too.
#[test]
fn a_replica_that_lost_power_has_the_primary_s_files_at_the_end() {
    let primary_disk = SimulatedDisk::new();
    let primary = open(&primary_disk, SyncMode::Async);
    let from = primary.stream("s").expect("a handle");
    let mut replica_disk = SimulatedDisk::new();
    for (step, change) in changes().into_iter().enumerate() {
        change(&from);
        from.sync().expect("syncs");
        let replica = open(&replica_disk, SyncMode::Strict);
        let to = replica.stream("s").expect("a handle");
        loop {
            let position = to.frame_position().expect("a position");
            let packet = from.export_frames(&position, 1).expect("exports");
            if packet.is_empty() {
                break;
            }
            to.apply_frames(&packet).expect("applies");
        }
        assert_eq!(state(&replica), state(&primary), "step {step}");
        if step + 1 == changes().len() {
            drop(to);
            replica.close().expect("closes");
            break;
        }
        let after = replica_disk.crash(step as u64, DirectoryModel::Strict);
        drop((to, replica));
        replica_disk = after;
    }
    drop(from);
    primary.close().expect("closes");
    let (theirs, ours) = (segments(&primary_disk), segments(&replica_disk));
    assert!(theirs.keys().eq(ours.keys()), "{:?}", ours.keys());
    for (name, theirs) in &theirs {
        assert!(theirs == &ours[name], "{}", name.display());
    }
}

/// A call of the disk that fails: an error, never a wrong state; applying goes on afterwards, if need be
/// once the log is open again.
#[test]
fn a_replica_survives_each_call_of_the_disk_that_fails() {
    let course = course();
    let disk = SimulatedDisk::new();
    let wal = open(&disk, SyncMode::Strict);
    let begun = disk.op_count();
    let stream = wal.stream("s").expect("a handle");
    for packet in &course.packets {
        stream.apply_frames(packet).expect("applies");
    }
    let calls = disk.op_count() - begun;
    let mut failed = 0;
    for nth in (0..calls).step_by(3) {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, SyncMode::Strict);
        let stream = wal.stream("s").expect("a handle");
        disk.inject(FaultPlan::at_op(begun + nth));
        let mut applied = 0;
        for packet in &course.packets {
            if stream.apply_frames(packet).is_err() {
                failed += 1;
                break;
            }
            applied += 1;
        }
        disk.clear_faults();
        let case = format!("call {nth}");
        drop((stream, wal));
        let wal = open(&disk, SyncMode::Strict);
        let found = state(&wal);
        let states = &course.states;
        let is_one = (applied..=applied + 1).any(|place| {
            let next = &states[(place + 1).min(states.len() - 1)];
            states.get(place).is_some_and(|state| found.is(state, next))
        });
        assert!(is_one, "{case}: after {applied} packets, found {found:?}");
        go_on(&course, &wal, &case);
    }
    assert!(failed > 20, "{failed} calls made a packet fail");
}

fn ship_written(from: &Stream, to: &Stream) -> Result<()> {
    loop {
        let packet = from.export_written_frames(&to.frame_position()?, 1 << 20)?;
        if packet.is_empty() {
            return Ok(());
        }
        to.apply_frames(&packet)?;
    }
}

fn open_unsynced(disk: &SimulatedDisk) -> Wal {
    let mut options = options(Path::new("/"), SyncMode::Async);
    options.background_sync = None;
    Wal::open_simulated(disk, options).expect("opens")
}

/// Frames that a primary loses to a power cut stay in a replica that has them: the primary refuses it, never
/// mixes the two histories, and can follow it as its replica.
#[test]
fn a_primary_that_lost_written_frames_refuses_the_replica_that_has_them() {
    let mut refused = 0;
    for seed in 0..40 {
        let case = format!("seed {seed}");
        let disk = SimulatedDisk::new();
        let primary = open_unsynced(&disk);
        let replica = open_unsynced(&SimulatedDisk::new());
        let from = primary.stream("s").expect("a handle");
        let to = replica.stream("s").expect("a handle");
        for id in 0..3 {
            from.append(&entry(id)).expect("appends");
        }
        from.sync().expect("syncs");
        for id in 3..9 {
            from.append(&entry(id)).expect("appends");
        }
        ship_written(&from, &to).expect("ships");
        to.sync().expect("syncs");
        assert_eq!(to.durable_end().expect("is known"), 9, "{case}");
        let after = disk.crash(seed, DirectoryModel::Strict);
        drop((from, primary));
        let primary = open_unsynced(&after);
        let from = primary.stream("s").expect("a handle");
        let left = from.next_id().expect("is known");
        assert!(left >= 3, "{case}: {left}");
        if left == 9 {
            from.append(&entry(9)).expect("appends");
            ship_written(&from, &to).expect("nothing was lost");
            assert_eq!(state(&replica), state(&primary), "{case}");
            continue;
        }
        refused += 1;
        let before = state(&replica);
        let ahead = ship_written(&from, &to);
        let is_ahead =
            matches!(ahead, Err(Error::SequenceMismatch { expected: 9, found }) if found == left);
        assert!(is_ahead, "{case}: {ahead:?}");
        // Other entries in the place of those that were lost, of the same length and of another.
        for id in left..12 {
            let bytes = [b"other", &entry(id)[..]].concat();
            from.append(&bytes[..bytes.len() - 5 * usize::from(seed % 2 == 0)])
                .expect("appends");
        }
        let other = ship_written(&from, &to);
        assert!(matches!(other, Err(Error::Config(_))), "{case}: {other:?}");
        assert_eq!(state(&replica), before, "{case}");
        // The replica is the primary now.
        to.append(b"of the new primary").expect("appends");
        from.delete().expect("deletes");
        let from = primary.stream("s").expect("a handle");
        ship_written(&to, &from).expect("ships");
        assert_eq!(state(&replica), state(&primary), "{case}");
    }
    assert!(refused > 10, "{refused} power cuts lost frames");
}

/// After a failed sync nothing proves what the disk holds of written frames: only durable ones leave.
#[test]
fn a_stream_whose_sync_failed_exports_durable_frames_only() {
    let disk = SimulatedDisk::new();
    let primary = open_unsynced(&disk);
    let from = primary.stream("s").expect("a handle");
    from.append(b"durable").expect("appends");
    from.sync().expect("syncs");
    from.append(b"written").expect("appends");
    disk.inject(FaultPlan::nth(OpKind::SyncData, 1).dropping_dirty());
    assert!(from.sync().is_err());
    let replica = open_unsynced(&SimulatedDisk::new());
    let to = replica.stream("s").expect("a handle");
    ship_written(&from, &to).expect("ships");
    assert_eq!(all_entries(&replica, "s"), [(0, b"durable".to_vec())]);
}
