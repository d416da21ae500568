//! D1 to D4, D7, D8 and D12 where appends are stored into a mapped segment: what a store reaches,
//! what a sync of a range covers, and what is left when mapping, storing ahead or syncing fails.

use std::path::Path;
use std::sync::Arc;

use ironwal::simulation::DirectoryModel;
use ironwal::simulation::FaultPlan;
use ironwal::simulation::Op;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;
use ironwal::*;

use crate::support::all_entries;
use crate::support::entry;
use crate::support::options;

const SEGMENT: &str = "/log/s/00000000000000000000.wal";

/// Where the frames of a segment begin, and how long a frame's header is; see docs/FORMAT.md.
const FRAMES_FROM: u64 = 1536;
const FRAME_HEADER: u64 = 36;

fn mapped(sync_mode: SyncMode) -> WalOptions {
    let mut options = options(Path::new("/"), sync_mode);
    options.write_strategy = WriteStrategy::Mmap;
    options
}

fn open(disk: &SimulatedDisk, options: &WalOptions) -> Wal {
    Wal::open_simulated(disk, options.clone()).expect("opens")
}

/// The helper does nothing unless it is stepped.
fn open_stepped(disk: &SimulatedDisk, options: WalOptions) -> Wal {
    Wal::open_simulated_stepped(disk, options, Arc::new(|_, _| ())).expect("opens")
}

/// Opened so that any damage is an error.
fn open_strictly(disk: &SimulatedDisk) -> Wal {
    let mut options = options(Path::new("/"), SyncMode::Async);
    options.on_corruption = CorruptionPolicy::Error;
    open(disk, &options)
}

fn append(wal: &Wal, ids: std::ops::Range<u64>) {
    for id in ids {
        assert_eq!(wal.append("s", &entry(id)).expect("appends"), id);
    }
}

fn since(disk: &SimulatedDisk, since: u64) -> Vec<Arc<Op>> {
    let ops = disk.ops();
    ops.into_iter().filter(|op| op.index > since).collect()
}

fn kinds(ops: &[Arc<Op>]) -> Vec<OpKind> {
    ops.iter().map(|op| op.kind).collect()
}

/// What is there must be a prefix of what was appended; how long it is.
fn assert_prefix(wal: &Wal, case: &str) -> u64 {
    let found = all_entries(wal, "s");
    for (place, (id, bytes)) in found.iter().enumerate() {
        assert_eq!((*id, bytes), (place as u64, &entry(*id)), "{case}");
    }
    found.len() as u64
}

/// Whatever a power cut does now, at least so many entries are left.
fn assert_survives(disk: &SimulatedDisk, count: u64, case: &str) {
    for model in [DirectoryModel::Strict, DirectoryModel::Ordered] {
        for seed in 0..16 {
            let case = format!("{case}, {model:?}, seed {seed}");
            let wal = open_strictly(&disk.crash(seed, model));
            let left = assert_prefix(&wal, &case);
            assert!(left >= count, "{case}: {left} of {count}");
        }
    }
}

fn is_poisoned<T: std::fmt::Debug>(result: Result<T>) -> bool {
    matches!(result, Err(Error::Poisoned { .. }))
}

#[test]
fn an_append_is_stored_the_payload_before_the_header_and_asks_nothing_else_of_the_disk() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, &mapped(SyncMode::Async));
    append(&wal, 0..1);
    let mut end = FRAMES_FROM + FRAME_HEADER + entry(0).len() as u64;
    for id in 1..40 {
        let before = disk.op_count();
        append(&wal, id..id + 1);
        let ops = since(&disk, before);
        let only_stores = ops
            .iter()
            .all(|op| op.kind == OpKind::Store && op.path.as_ref() == Path::new(SEGMENT));
        assert!(only_stores, "append {id}: {:?}", kinds(&ops));
        let in_header = |op: &Op| op.offset < end + FRAME_HEADER;
        let headers_from = ops.iter().position(|op| in_header(op)).expect("a header");
        assert!(
            ops[headers_from..].iter().all(|op| in_header(op)),
            "append {id}: payload behind the header"
        );
        let stored: u64 = ops.iter().map(|op| op.len).sum();
        assert_eq!(stored, FRAME_HEADER + entry(id).len() as u64);
        end += stored;
    }
}

#[test]
fn an_appender_that_outruns_the_helper_makes_pages_ready_itself_and_goes_on_storing() {
    let entry = [7; 200];
    for fails in [false, true] {
        let disk = SimulatedDisk::new();
        let wal = open_stepped(&disk, mapped(SyncMode::Async));
        wal.append("s", &entry).expect("appends");
        if fails {
            disk.inject(FaultPlan::nth(OpKind::MakeReady, 1).forever());
        }
        let before = disk.op_count();
        for id in 1..2000 {
            assert_eq!(wal.append("s", &entry).expect("appends"), id);
        }
        let ops = since(&disk, before);
        let count = |kind| ops.iter().filter(|op| op.kind == kind).count();
        if fails {
            assert!(count(OpKind::Write) > 500, "written where no page is ready");
        } else {
            assert_eq!(count(OpKind::Write), 0, "{:?}", kinds(&ops));
            assert!(count(OpKind::MakeReady) > 10);
        }
        let found = all_entries(&open_strictly(&disk.kill()), "s");
        assert_eq!(found.len(), 2000);
        assert!(found.iter().all(|(_, bytes)| bytes == &entry));
    }
}

#[test]
fn a_process_that_dies_anywhere_in_a_store_leaves_every_entry_acknowledged_before() {
    for sync_mode in [SyncMode::Async, SyncMode::BatchOnly, SyncMode::Strict] {
        let disk = SimulatedDisk::new();
        let mut options = mapped(sync_mode);
        options.max_segment_size = 2000;
        let wal = open(&disk, &options);
        let mut ids = 0;
        for round in 0..12 {
            let count = if round % 3 == 2 { 4 } else { 1 };
            let entries: Vec<_> = (ids..ids + count).map(entry).collect();
            let slices: Vec<_> = entries.iter().map(Vec::as_slice).collect();
            wal.append_batch("s", &slices).expect("appends");
            ids += count;
            disk.mark(ids);
        }
        assert!(disk.count(OpKind::Store) > 30);
        let marks = disk.marks();
        let mut replay = disk.replay();
        while replay.step_to_change() {
            let (at, last) = (replay.op_index(), marks.iter());
            let reported = last.filter(|(op, _)| *op <= at).map(|(_, ids)| *ids).max();
            let case = format!("{sync_mode:?}, call {at}");
            let left = assert_prefix(&open_strictly(&replay.kill()), &case);
            assert!(
                left >= reported.unwrap_or(0),
                "{case}: {left} of {reported:?}"
            );
            // Batches of four begin at ids that say so: none is there in part.
            assert!(![3, 4, 5].contains(&(left % 6)), "{case}: {left}");
        }
    }
}

#[test]
fn the_first_round_of_a_segment_syncs_the_file_and_later_ones_the_slot_and_their_frames() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, &mapped(SyncMode::Async));
    append(&wal, 0..5);
    let before = disk.op_count();
    wal.sync("s").expect("syncs");
    let ops = since(&disk, before);
    assert!(ops.iter().any(|op| op.kind == OpKind::SyncData));
    assert!(!ops.iter().any(|op| op.kind == OpKind::SyncRange));
    let size = |ids: std::ops::Range<u64>| -> u64 {
        ids.map(|id| FRAME_HEADER + entry(id).len() as u64).sum()
    };
    for round in 1..6 {
        let first = round * 5;
        append(&wal, first..first + 5);
        let before = disk.op_count();
        wal.sync("s").expect("syncs");
        let ops = since(&disk, before);
        let expected = [OpKind::WriteBack, OpKind::SyncRange, OpKind::Write];
        assert_eq!(kinds(&ops), expected, "round {round}");
        assert!(ops[0].offset == 0 && ops[0].len >= FRAMES_FROM);
        assert!(ops[1].offset <= FRAMES_FROM + size(0..first));
        assert!(ops[1].offset + ops[1].len >= FRAMES_FROM + size(0..first + 5));
        assert!(ops[2].offset < FRAMES_FROM, "a frontier slot");
    }
}

#[test]
fn after_a_sync_all_entries_and_the_slot_stored_before_it_survive() {
    for sizes in [0, 500, 6000] {
        let disk = SimulatedDisk::new();
        let wal = open(&disk, &mapped(SyncMode::Async));
        let mut slots = Vec::new();
        for round in 0..8 {
            append(&wal, round * 5..round * 5 + 5);
            let other = vec![7; sizes];
            wal.append("other", &other).expect("appends");
            let shown = disk.contents(SEGMENT).expect("reads")[512..1536].to_vec();
            wal.sync("s").expect("syncs");
            let case = format!("{sizes}, round {round}");
            assert_survives(&disk, round * 5 + 5, &case);
            // Seed 0 keeps nothing that was not synced.
            let after = disk.crash(0, DirectoryModel::Strict);
            let durable = after.contents(SEGMENT).expect("reads")[512..1536].to_vec();
            assert!(durable == shown, "{case}: the slot is as it was");
            slots.push(durable);
        }
        slots.dedup();
        assert_eq!(slots.len(), 8, "a slot was stored in every round");
    }
}

#[test]
fn strict_and_batch_only_hold_what_they_promise_where_appends_are_stored() {
    for sync_mode in [SyncMode::Strict, SyncMode::BatchOnly] {
        let disk = SimulatedDisk::new();
        let mut options = mapped(sync_mode);
        options.max_segment_size = 1500;
        let wal = open(&disk, &options);
        for first in (0..30).step_by(3) {
            append(&wal, first..first + 1);
            if sync_mode == SyncMode::Strict {
                assert_survives(&disk, first + 1, "Strict");
            }
            let (a, b) = (entry(first + 1), entry(first + 2));
            wal.append_batch("s", &[&a, &b]).expect("appends");
            assert_survives(&disk, first + 3, &format!("{sync_mode:?}"));
        }
        assert!(disk.count(OpKind::Store) > 60 && disk.count(OpKind::SyncRange) > 3);
    }
}

#[test]
fn a_failing_sync_of_a_range_latches_ends_storing_and_keeps_what_was_acknowledged() {
    for kind in [OpKind::SyncRange, OpKind::WriteBack] {
        for drops in [false, true] {
            let case = format!("{kind:?}, pages dropped: {drops}");
            let disk = SimulatedDisk::new();
            let wal = open(&disk, &mapped(SyncMode::Async));
            for round in 0..3 {
                append(&wal, round * 4..round * 4 + 4);
                wal.sync("s").expect("syncs");
            }
            append(&wal, 12..15);
            let plan = FaultPlan::nth(kind, 1);
            disk.inject(if drops { plan.dropping_dirty() } else { plan });
            let reported = wal.sync("s").expect_err("fails");
            assert_eq!(reported.os_error(), Some(libc::EIO), "{case}");
            assert_eq!(disk.faults_fired(), 1, "{case}");
            let before = disk.op_count();
            assert!(is_poisoned(wal.append("s", b"x")), "{case}");
            assert!(is_poisoned(wal.append_batch("s", &[b"x"])), "{case}");
            assert!(is_poisoned(wal.sync("s")), "{case}");
            assert!(is_poisoned(wal.truncate("s", 3)), "{case}");
            let changed = since(&disk, before);
            assert!(changed.iter().all(|op| !op.changed()), "{case}");
            let stream = wal.stream("s").expect("a handle");
            assert_eq!(stream.durable_end().expect("is known"), 12, "{case}");
            assert_eq!(assert_prefix(&wal, &case), 15, "{case}: reads go on");
            assert_survives(&disk, 12, &case);

            drop(stream);
            assert!(is_poisoned(wal.close()), "{case}: closing reports it");
            let wal = open(&disk, &mapped(SyncMode::Async));
            let kept = assert_prefix(&wal, &case);
            assert!(kept >= 12, "{case}: {kept}");
            // D13: what is shown is durable.
            assert_survives(&disk, kept, &case);
            append(&wal, kept..kept + 5);
            wal.sync("s").expect("syncs");
            assert_survives(&disk, kept + 5, &case);
        }
    }
}

#[test]
fn where_nothing_can_be_mapped_or_made_ready_appends_are_written() {
    type Plan = fn() -> FaultPlan;
    let plans: [(&str, Plan, bool); 4] = [
        (
            "never mapped",
            || FaultPlan::nth(OpKind::MapWritable, 1).forever(),
            false,
        ),
        (
            "never made ready",
            || FaultPlan::nth(OpKind::MakeReady, 1).forever(),
            false,
        ),
        (
            "no memory once",
            || FaultPlan::nth(OpKind::MapWritable, 1).code(libc::ENOMEM),
            true,
        ),
        (
            "not made ready later",
            || FaultPlan::nth(OpKind::MakeReady, 2).forever(),
            true,
        ),
    ];
    for (name, plan, stores) in plans {
        for max_segment_size in [3000, 64 << 20] {
            let disk = SimulatedDisk::new();
            disk.inject(plan());
            let mut options = mapped(SyncMode::Async);
            options.max_segment_size = max_segment_size;
            let wal = open(&disk, &options);
            for round in 0..10 {
                append(&wal, round * 20..round * 20 + 20);
                wal.sync("s").expect("syncs");
                let case = format!("{name}, {max_segment_size}, round {round}");
                let after = disk.crash(round, DirectoryModel::Strict);
                let left = assert_prefix(&open_strictly(&after), &case);
                assert_eq!(left, round * 20 + 20, "{case}");
            }
            // A helper maps, as soon as it runs.
            let mut end = 200;
            while stores && disk.count(OpKind::Store) == 0 && end < 20_000 {
                append(&wal, end..end + 20);
                end += 20;
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            assert!(disk.faults_fired() > 0, "{name}");
            assert_eq!(disk.count(OpKind::Store) > 0, stores, "{name}");
            assert!(disk.count(OpKind::Write) > 0, "{name}");
            assert_eq!(assert_prefix(&wal, name), end);
        }
    }
}

#[test]
fn bytes_stored_through_a_file_closed_since_are_written_again_and_synced_whole() {
    // Its file makes room for another stream's, with unsynced bytes or without: what is stored
    // through the map of the closed one meanwhile, no caller may hear of.
    for unsynced in [true, false] {
        let disk = SimulatedDisk::new();
        let mut options = mapped(SyncMode::Async);
        options.max_open_segments = 1;
        let wal = open(&disk, &options);
        append(&wal, 0..5);
        wal.sync("s").expect("syncs");
        let first_after = if unsynced { 10 } else { 5 };
        append(&wal, 5..first_after);
        wal.append("other", b"o").expect("appends");
        append(&wal, first_after..15);
        wal.sync("other").expect("syncs");
        append(&wal, 15..20);
        let before = disk.op_count();
        wal.sync("s").expect("syncs");
        let ops: Vec<_> = since(&disk, before);
        let ops: Vec<_> = ops.iter().filter(|op| op.is_on("/log/s/")).collect();
        let synced = ops.iter().position(|op| op.kind == OpKind::SyncData);
        let synced = synced.expect("the whole file is synced");
        assert!(!ops.iter().any(|op| op.kind == OpKind::SyncRange));
        let before_sync: Vec<_> = ops[..synced]
            .iter()
            .filter(|op| op.kind == OpKind::Write && op.offset >= FRAMES_FROM)
            .filter_map(|op| op.written())
            .flatten()
            .copied()
            .collect();
        for id in (5..20).filter(|id| entry(*id).len() > 20) {
            let bytes = entry(id);
            let rewritten = before_sync.windows(bytes.len()).any(|at| at == bytes);
            assert!(rewritten, "entry {id}, unsynced: {unsynced}");
        }
        assert_survives(&disk, 20, "written again");
        for round in 4..9 {
            append(&wal, round * 5..round * 5 + 5);
            wal.append("other", b"o").expect("appends");
            wal.sync("s").expect("syncs");
            assert_survives(&disk, round * 5 + 5, "in turns");
        }
    }
}

#[test]
fn a_map_is_not_stored_into_any_more_once_its_file_was_opened_anew() {
    let disk = SimulatedDisk::new();
    let mut options = mapped(SyncMode::Async);
    options.max_open_segments = 1;
    let wal = open(&disk, &options);
    append(&wal, 0..5);
    wal.sync("s").expect("syncs");
    wal.append("other", b"o").expect("appends");
    // No helper maps it again.
    disk.inject(FaultPlan::nth(OpKind::MapWritable, 1).forever());
    append(&wal, 5..6);
    assert_eq!(disk.ops().last().map(|op| op.kind), Some(OpKind::Store));
    wal.sync("s").expect("syncs");
    let before = disk.op_count();
    append(&wal, 6..30);
    let ops = since(&disk, before);
    assert!(!ops.iter().any(|op| op.kind == OpKind::Store));
}

#[test]
fn a_full_disk_fails_stored_appends_cleanly_and_takes_no_id() {
    for max_segment_size in [3000, 64 << 20] {
        let case = format!("segments of {max_segment_size}");
        let disk = SimulatedDisk::new();
        let mut options = mapped(SyncMode::Async);
        options.max_segment_size = max_segment_size;
        let wal = open(&disk, &options);
        append(&wal, 0..1);
        disk.set_capacity(disk.used_bytes() + (128 << 10));
        let mut ids = 1;
        let error = loop {
            match wal.append("s", &entry(ids)) {
                Ok(id) => assert_eq!(id, ids, "{case}"),
                Err(error) => break error,
            }
            ids += 1;
        };
        assert_eq!(error.os_error(), Some(libc::ENOSPC), "{case}: {error}");
        assert!(ids > 100, "{case}: the room was used: {ids}");
        assert!(disk.count(OpKind::Store) > 50, "{case}");
        assert_eq!(assert_prefix(&wal, &case), ids);
        wal.sync("s").expect("syncing needs no room");
        let after = disk.crash(0, DirectoryModel::Strict);
        assert_eq!(assert_prefix(&open_strictly(&after), &case), ids);
        disk.set_capacity(disk.used_bytes() + (256 << 10));
        append(&wal, ids..ids + 1);
        disk.set_capacity(disk.used_bytes());
        wal.close().expect("closing needs no room");
        assert_eq!(assert_prefix(&open_strictly(&disk), &case), ids + 1);
    }
}

#[test]
fn rotation_truncation_and_deletion_are_durable_where_appends_are_stored() {
    for seed in 0..8 {
        let disk = SimulatedDisk::new();
        let mut options = mapped(SyncMode::Async);
        options.max_entries_per_segment = 5;
        let wal = open(&disk, &options);
        append(&wal, 0..23);
        for id in 0..23 {
            wal.append("gone", &entry(id)).expect("appends");
        }
        assert_eq!(wal.truncate("s", 12).expect("truncates"), 2);
        wal.delete_stream("gone").expect("deletes");
        append(&wal, 23..31);
        wal.sync("s").expect("syncs");
        let after = disk.crash(seed, DirectoryModel::Strict);
        let wal = open_strictly(&after);
        assert_eq!(wal.streams().expect("lists"), ["s"], "seed {seed}");
        let expected: Vec<_> = (10..31).map(|id| (id, entry(id))).collect();
        assert_eq!(all_entries(&wal, "s"), expected, "seed {seed}");
    }
}

#[test]
fn however_it_is_cut_up_a_store_survives_a_power_cut_whole_or_not_at_all() {
    let disk = SimulatedDisk::new();
    let wal = open(&disk, &mapped(SyncMode::Async));
    append(&wal, 0..3);
    wal.sync("s").expect("syncs");
    let long = |id: u64| [entry(id), vec![id as u8; 600]].concat();
    let batch: Vec<_> = (3..23).map(long).collect();
    let slices: Vec<_> = batch.iter().map(Vec::as_slice).collect();
    let before = disk.op_count();
    assert_eq!(wal.append_batch("s", &slices).expect("appends"), 3..23);
    wal.sync("s").expect("syncs");
    let (mut without, mut with) = (0, 0);
    for at in before..=disk.op_count() {
        for seed in 0..16 {
            let after = disk.crash_at(at, seed, DirectoryModel::Strict);
            let found = all_entries(&open_strictly(&after), "s");
            match found.len() {
                3 => without += 1,
                23 => with += 1,
                count => panic!("call {at}, seed {seed}: {count} entries"),
            }
            for (id, bytes) in found.into_iter().skip(3) {
                assert_eq!(bytes, batch[id as usize - 3], "call {at}, seed {seed}");
            }
        }
    }
    assert!(without > 0 && with > 0, "both were seen");
}
