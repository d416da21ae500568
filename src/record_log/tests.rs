//! Two users of one engine: `checkpoints.log` has its documented bytes, and a log of short notes, which
//! shares nothing with it but this module, keeps its records through crashes, failures and rewrites.

use super::*;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::format::CheckpointFormat;
use crate::format::CheckpointRecord;
use crate::format::FrameHeader;
use crate::format::RecordFault;
use crate::format::RecordFormat;
use crate::format::RecordKind;
use crate::format::SECTOR_LEN;
use crate::format::SectorFault;
use crate::format::SegmentSeed;
use crate::format::check_payload;
use crate::ids::EntryId;
use crate::storage::Storage;
use crate::storage::simulated::FaultPlan;
use crate::storage::simulated::OpKind;
use crate::storage::simulated::SimulatedDisk;

/// The rows of the worked example in docs/FORMAT.md, computed by an independent program.
fn documented() -> Vec<String> {
    let page = include_str!("../../docs/FORMAT.md");
    let example = page
        .split("### A worked example")
        .nth(1)
        .unwrap_or_default();
    let block = example.split("```").nth(1).unwrap_or_default();
    let rows = block.lines().skip(1).map(|row| row.trim_end().to_owned());
    rows.collect()
}

fn dumped(bytes: &[u8]) -> Vec<String> {
    let rows = bytes.chunks(16).enumerate();
    rows.filter(|(_, row)| row.iter().any(|byte| *byte != 0))
        .map(|(number, row)| {
            let digits: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = row.iter().map(|&byte| match byte {
                32..127 => char::from(byte),
                _ => '.',
            });
            let text: String = text.collect();
            let row = format!("{:04x}  {:47}  {text}", number * 16, digits.join(" "));
            row.trim_end().to_owned()
        })
        .collect()
}

#[test]
fn two_records_give_the_worked_example_of_the_format_page() {
    let disk = SimulatedDisk::new();
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let path = PathBuf::from("/checkpoints.log");
    let format = CheckpointFormat { shard_count: 2 };
    let mut log = RecordLog::absent(&storage, path.clone(), format);
    let created = CheckpointRecord {
        kind: RecordKind::Created,
        user_id: b"daily-1".to_vec(),
        timestamp_ns: 1_700_000_000_000_000_000,
        offsets: vec![5, 7],
    };
    let pruned = CheckpointRecord {
        kind: RecordKind::PrunedBefore,
        timestamp_ns: created.timestamp_ns + 1,
        ..created.clone()
    };
    log.append(&created).expect("appends");
    log.append(&pruned).expect("appends");
    log.close().expect("closes");
    assert_eq!(dumped(&disk.contents(&path).expect("a file")), documented());
}

/// A log of notes: a record is one entry of any bytes.
#[derive(Clone, Copy)]
struct Notes;

const HEADER: [u8; SECTOR_LEN] = [b'N'; SECTOR_LEN];

impl RecordFormat for Notes {
    type Record = Vec<u8>;
    type Summary = Vec<u8>;
    type Remains = ();
    type Foreign = u8;

    const ENTRY_COUNT: u32 = 1;
    const MAX_PAYLOAD_LEN: usize = 4096;
    const DAMAGED_RECORD: &'static str = "a note is damaged";

    fn name(&self) -> &str {
        "notes"
    }

    fn seed(&self) -> SegmentSeed {
        SegmentSeed::new("notes", EntryId(0), 0)
    }

    fn header_sector(&self) -> [u8; SECTOR_LEN] {
        HEADER
    }

    fn check_header_sector(&self, start: &[u8]) -> Result<(), SectorFault<u8>> {
        match start.first() {
            _ if start.starts_with(&HEADER) => Ok(()),
            Some(first @ b'a'..=b'z') => Err(SectorFault::Foreign(*first)),
            _ => Err(SectorFault::Damaged),
        }
    }

    fn entries(&self, record: &Vec<u8>) -> Vec<Vec<u8>> {
        vec![record.clone()]
    }

    fn decode(&self, header: &FrameHeader, payload: &[u8]) -> Result<Vec<u8>, RecordFault<()>> {
        match check_payload(header, self.seed(), payload) {
            Ok(_) => Ok(payload.to_vec()),
            Err(_) => Err(RecordFault::Unreadable),
        }
    }

    fn summary(&self, record: Vec<u8>) -> Vec<u8> {
        record
    }
}

/// A disk with a log of notes on it.
struct Desk {
    disk: SimulatedDisk,
    storage: Arc<dyn Storage>,
    path: PathBuf,
}

impl Desk {
    fn new() -> Self {
        Desk::on(SimulatedDisk::new())
    }

    fn on(disk: SimulatedDisk) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(disk.clone());
        let path = PathBuf::from("/notes");
        Desk {
            disk,
            storage,
            path,
        }
    }

    fn absent(&self) -> RecordLog<Notes> {
        RecordLog::absent(&self.storage, self.path.clone(), Notes)
    }

    fn found(&self) -> RecordLogState<Notes> {
        let found = find(&*self.storage, &self.path, &Notes, 512);
        found.expect("reads").expect("a file").1
    }

    /// Recovers the log, and returns its readable notes.
    fn open(&self) -> (RecordLog<Notes>, Recovery<Notes>, Vec<Vec<u8>>) {
        let mut log = self.absent();
        let found = find(&*self.storage, &self.path, &Notes, 512).expect("reads");
        let Some((file, RecordLogState::Log(facts))) = found else {
            panic!("no log of notes");
        };
        let recovery = recover(&mut log, file, *facts);
        let notes = recovery.items.iter().filter_map(|item| match &item.what {
            ItemKind::Record(note) => Some(note.clone()),
            _ => None,
        });
        let notes = notes.collect();
        (log, recovery, notes)
    }

    fn notes(&self) -> Vec<Vec<u8>> {
        self.open().2
    }
}

/// The second is too long for a slot.
fn three_notes() -> Vec<Vec<u8>> {
    vec![b"one".to_vec(), vec![2; 1000], b"three".to_vec()]
}

fn append_all(log: &mut RecordLog<Notes>, notes: &[Vec<u8>]) -> Vec<RecordLocation> {
    let locations = notes.iter().map(|note| log.append(note).expect("appends"));
    locations.collect()
}

#[test]
fn a_log_of_another_format_keeps_its_records_without_a_close_and_after_one() {
    let desk = Desk::new();
    let mut log = desk.absent();
    let locations = append_all(&mut log, &three_notes());
    let ids: Vec<_> = locations.iter().map(|at| at.first_id.0).collect();
    assert_eq!(ids, [0, 1, 2], "a record takes one id per entry");
    for (note, location) in three_notes().iter().zip(&locations) {
        let file = log.file().expect("a file");
        let read = read_record(&Notes, &**file, location).expect("reads");
        assert_eq!(read.as_ref(), Some(note));
    }
    assert_eq!(desk.notes(), three_notes(), "after a crash of the process");
    let (mut log, ..) = desk.open();
    log.append(&b"four".to_vec()).expect("appends");
    log.close().expect("closes");
    assert_eq!(log.next_id(), EntryId(4));
    assert_eq!(desk.notes().len(), 4, "after a close");
}

#[test]
fn an_append_that_fails_is_rolled_back_or_latches() {
    let desk = Desk::new();
    let mut log = desk.absent();
    append_all(&mut log, &three_notes());
    for nth in [1, 2] {
        desk.disk
            .inject(FaultPlan::nth(OpKind::Write, nth).on_path("notes"));
        assert!(log.append(&b"refused".to_vec()).is_err(), "write {nth}");
        desk.disk.clear_faults();
    }
    assert_eq!(desk.notes(), three_notes());
    let mut log = desk.open().0;
    desk.disk
        .inject(FaultPlan::nth(OpKind::SyncData, 1).on_path("notes"));
    assert!(log.append(&b"uncertain".to_vec()).is_err());
    desk.disk.clear_faults();
    let refused = log.append(&b"latched".to_vec());
    let text = refused.expect_err("has latched").to_string();
    assert!(text.contains("notes"), "{text}");
}

#[test]
fn a_rewrite_retains_the_given_records_and_never_reuses_an_id() {
    let desk = Desk::new();
    let mut log = desk.absent();
    append_all(&mut log, &three_notes());
    let rewrite = log.rewrite(&[(EntryId(1), vec![2; 1000])]);
    assert!(rewrite.reclaimed_bytes.expect("rewrites") > 0);
    assert_eq!(rewrite.locations.map(|all| all.len()), Some(1));
    assert_eq!(log.next_id(), EntryId(3));
    let (log, _, notes) = desk.open();
    assert_eq!((log.next_id(), notes), (EntryId(3), vec![vec![2; 1000]]));
}

#[test]
fn a_file_of_another_owner_is_foreign_and_one_of_nothing_is_unreadable() {
    let desk = Desk::new();
    let mut log = desk.absent();
    append_all(&mut log, &three_notes());
    let file = log.file().expect("a file");
    let write = |at, bytes: &[u8]| {
        let written = file.write_at(at, &[std::io::IoSlice::new(bytes)]);
        written.expect("writes");
    };
    write(0, b"x");
    assert!(matches!(desk.found(), RecordLogState::Foreign(b'x')));
    file.set_len(0).expect("truncates");
    assert!(matches!(desk.found(), RecordLogState::Unreadable(_)));
    let mut log = RecordLog::unreadable(&desk.storage, desk.path.clone(), Notes);
    log.append(&b"new".to_vec()).expect("appends");
    assert_eq!(desk.notes(), [b"new"]);
    let aside = desk.disk.contents(Path::new("/notes#damaged"));
    assert_eq!(aside.expect("is quarantined"), b"");
}

/// What recovery decides from each combination of facts.
#[test]
fn the_decision_follows_its_table() {
    // (bytes behind the tail, a slot is damaged, both are, a record in the tail)
    // → (trims, quarantines, writes a slot)
    type Row = ((bool, bool, bool, bool), Option<(bool, bool, bool)>);
    let rows: [Row; 8] = [
        ((false, false, false, false), None),
        ((false, true, false, false), None),
        ((false, false, false, true), Some((false, false, true))),
        ((true, false, false, false), Some((true, false, false))),
        ((true, false, false, true), Some((true, false, true))),
        ((true, true, false, false), Some((true, true, false))),
        ((false, true, true, false), Some((false, false, true))),
        ((true, true, true, false), Some((true, true, true))),
    ];
    for (facts, expected) in rows {
        let (has_rest, slot_damaged, both_damaged, has_tail) = facts;
        let frontier = items::empty_log();
        let tail_end = match has_tail {
            true => items::end_after(&frontier, 40, EntryId(1)),
            false => frontier.clone(),
        };
        let tail = has_tail.then(|| RecordLogItem {
            location: RecordLocation {
                first_id: EntryId(0),
                offset: frontier.end,
                len: 40,
            },
            what: ItemKind::Record(Vec::new()),
        });
        let file_len = tail_end.end.0 + u64::from(has_rest);
        let found = RecordLogFacts::<Notes> {
            items: Vec::new(),
            slot: (!both_damaged).then_some(0),
            frontier,
            tail: tail.into_iter().collect(),
            tail_bytes: Vec::new(),
            tail_end,
            slot_embeds_record: false,
            sector_damaged: false,
            slot_damaged,
            file_len,
        };
        let decided = recover::decide(&found);
        let decided = decided.map(|it| (it.trims, it.quarantines, it.writes_slot));
        assert_eq!(decided, expected, "{facts:?}");
    }
}
