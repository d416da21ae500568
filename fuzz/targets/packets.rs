//! Packets for a replica: a good one is taken as it is, any other one changes nothing.

use std::path::Path;
use std::sync::OnceLock;

use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use super::fix_checksums::fix_packet;
use super::input::Input;
use super::log::entry;
use super::log::options;
use super::log::patch;

fn open(disk: &SimulatedDisk) -> Stream {
    let wal = Wal::open_simulated(disk, options(Path::new("/log"))).expect("opens");
    wal.stream("s").expect("a handle")
}

/// Packets of one frame each, as a replica needs them one after the other: entries, a batch, a rotation, a
/// property, a cut, a truncation, a reset.
fn course() -> &'static Vec<Vec<u8>> {
    static COURSE: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    COURSE.get_or_init(|| {
        let (primary, replica) = (open(&SimulatedDisk::new()), open(&SimulatedDisk::new()));
        let mut packets = Vec::new();
        for step in 0..9 {
            let next = primary.next_id().expect("an id");
            let done = match step {
                2 => primary.append_batch(&[&entry(5), b"", &entry(6)]).map(drop),
                3 => {
                    let vote: [(&[u8], Option<&[u8]>); 1] = [(b"vote", Some(b"7"))];
                    let set = primary.set_properties(&vote, Durability::Written);
                    set.map(drop)
                }
                5 => primary
                    .replace_suffix(next - 2, &Append::new(&[b"cut"]))
                    .map(drop),
                6 => primary.truncate_prefix(3).map(drop),
                8 => primary.reset(50, &Append::new(&[b"again"])).map(drop),
                _ => (0..3).try_for_each(|at| primary.append(&entry(next + at)).map(drop)),
            };
            done.and_then(|()| primary.sync())
                .expect("the primary goes on");
            loop {
                let position = replica.frame_position().expect("a position");
                let packet = primary.export_frames(&position, 1).expect("exports");
                if packet.is_empty() {
                    break;
                }
                replica.apply_frames(&packet).expect("applies");
                packets.push(packet);
            }
        }
        packets
    })
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Where a stream stands, and what it shows.
fn state(stream: &Stream) -> (FramePosition, Vec<(u64, Vec<u8>)>, Pairs) {
    let entries = stream.iter_with_ids(0).expect("iterates");
    let entries = entries.map(|entry| entry.expect("a good entry")).collect();
    let position = stream.frame_position().expect("a position");
    (position, entries, stream.properties().expect("reads"))
}

/// A packet of the course with any bytes changed, or any bytes, under good checksums or not.
pub fn packets(data: &[u8]) {
    let mut input = Input(data);
    let (course, how) = (course(), input.byte());
    let (before, which) = (usize::from(input.byte()), usize::from(input.byte()));
    let before = before % (course.len() + 1);
    let mut packet = match how & 1 {
        0 => course[which % course.len()].clone(),
        _ => {
            let len = usize::from(input.byte()) * 8;
            input.bytes(len).to_vec()
        }
    };
    if how & 2 != 0 {
        packet.truncate(usize::from(input.u16()));
    }
    while !input.is_empty() {
        patch(&mut input, &mut packet);
    }
    if how & 4 != 0 {
        fix_packet(&mut packet);
    }
    let disk = SimulatedDisk::new();
    let replica = open(&disk);
    for packet in &course[..before] {
        replica.apply_frames(packet).expect("applies");
    }
    let known = state(&replica);
    let files = disk.files();
    match replica.apply_frames(&packet) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(state(&replica), known, "{error}");
            assert!(disk.files() == files, "{error}");
            if let Some(next) = course.get(before) {
                replica.apply_frames(next).expect("the right one");
            }
        }
        // It was the right one, or one that the same checksums fit.
        Ok(ids) => {
            assert!(ids.start <= ids.end);
            let _ = replica.next_id();
            drop(replica);
            let wal = Wal::open_simulated(&disk, options(Path::new("/log")));
            let again = wal.and_then(|wal| wal.stream("s"));
            let entries = again.and_then(|again| again.iter_with_ids(0));
            let _ = entries.map(|entries| entries.take(100).count());
        }
    }
}
