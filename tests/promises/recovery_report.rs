//! What opening found is reported as data: nothing after a clean close, remains after a crash, loss.

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::entry;
use crate::support::segments_in;

fn filled(log: &LogBuilder) {
    let wal = log.open();
    for id in 0..20 {
        wal.append("s", &entry(id)).expect("appends");
        wal.append("t", &entry(id)).expect("appends");
    }
    wal.close().expect("closes");
}

fn log() -> LogBuilder {
    LogBuilder::new(SyncMode::Async).with(|options| options.max_entries_per_segment = 8)
}

#[test]
fn a_log_that_was_closed_reports_nothing() {
    let log = log();
    filled(&log);
    let wal = log.open();
    let report = wal.recovery();
    assert_eq!((report.stream_count, report.streams.len()), (2, 0));
    assert!(report.is_complete());
    assert!(
        Wal::open_read_only(log.options())
            .expect("opens")
            .recovery()
            .is_complete()
    );
}

#[test]
fn a_torn_tail_is_a_remain_and_no_damage() {
    let log = log();
    filled(&log);
    let newest = segments_in(&log.path().join("log/s"))
        .pop()
        .expect("a segment");
    let mut bytes = std::fs::read(&newest).expect("reads");
    let end = bytes.len() as u64;
    bytes.extend([0xAB; 77]);
    std::fs::write(&newest, bytes).expect("writes");
    let wal = log.open();
    let [stream] = &wal.recovery().streams[..] else {
        panic!("{:?}", wal.recovery());
    };
    assert_eq!((stream.stream.as_str(), stream.next_id), ("s", 20));
    assert_eq!(stream.durable_end_before, 20);
    assert!(stream.is_complete() && wal.recovery().is_complete());
    let [remain] = &stream.remains[..] else {
        panic!("{stream:?}");
    };
    assert_eq!((&remain.path, remain.offset), (&newest, Some(end)));
}

#[test]
fn a_lost_segment_is_damage_with_its_ids() {
    let log = log();
    filled(&log);
    let segments = segments_in(&log.path().join("log/s"));
    std::fs::remove_file(&segments[1]).expect("removes");
    let wal = log.open();
    assert!(!wal.recovery().is_complete());
    let [stream] = &wal.recovery().streams[..] else {
        panic!("{:?}", wal.recovery());
    };
    let ids: Vec<_> = stream
        .damage
        .iter()
        .filter_map(|found| found.ids.clone())
        .collect();
    let [lost] = &ids[..] else {
        panic!("{stream:?}");
    };
    assert_eq!(*lost, 8..16);
    assert!(stream.error.is_none());
}

#[test]
fn a_stream_that_cannot_be_opened_is_reported_with_its_error() {
    let log = log();
    filled(&log);
    let segments = segments_in(&log.path().join("log/s"));
    std::fs::write(&segments[0], "LAWL0.6").expect("writes");
    let wal = log.open();
    let [stream] = &wal.recovery().streams[..] else {
        panic!("{:?}", wal.recovery());
    };
    assert!(matches!(
        stream.error.as_deref(),
        Some(Error::UnsupportedVersion(_))
    ));
    assert!(!stream.is_complete());
}

#[test]
fn damaged_slots_leave_a_quarantine_file_that_the_report_names() {
    let log = log();
    filled(&log);
    let newest = segments_in(&log.path().join("log/s"))
        .pop()
        .expect("a segment");
    let mut bytes = std::fs::read(&newest).expect("reads");
    bytes[512..1536].fill(0x11);
    bytes.extend([0xAB; 77]);
    std::fs::write(&newest, bytes).expect("writes");
    let wal = log.open();
    let [stream] = &wal.recovery().streams[..] else {
        panic!("{:?}", wal.recovery());
    };
    assert!(!stream.damage.is_empty(), "{stream:?}");
    let [copy] = &stream.quarantined[..] else {
        panic!("{stream:?}");
    };
    assert_eq!(std::fs::read(copy).expect("reads"), [0xAB; 77]);
}
