//! Moments of the writer that no call from outside can produce: threads that come late, panics.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
#[cfg(feature = "simulation")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::format::Codec;
use crate::format::FrameHeader;
use crate::format::FrameKind;
use crate::format::NEXT_SEGMENT_FILE;
use crate::format::PreparedFrame;
use crate::ids::EntryId;
use crate::ids::Place;
use crate::options::SyncMode;
use crate::recovery::NextAppend;
use crate::segment::PropertyPoint;
use crate::segment::SegmentEnd;
#[cfg(feature = "simulation")]
use crate::storage::OUT_OF_DESCRIPTORS;
#[cfg(feature = "simulation")]
use crate::storage::simulated::FaultPlan;
#[cfg(feature = "simulation")]
use crate::storage::simulated::OpKind;
#[cfg(feature = "simulation")]
use crate::storage::simulated::SimulatedDisk;
use crate::stream::StreamInner;
use crate::stream::state::StreamState;
use crate::stream::tests::absent;
#[cfg(feature = "simulation")]
use crate::stream::tests::absent_on;
use crate::stream::tests::quiet;
use crate::stream::writer::prepare_ahead::PreparingGuard;
use crate::stream::writer::rotate::NextSegmentFile;
use crate::stream::writer::tail::NextFile;
use crate::stream::writer::tail::Tail;

#[test]
fn the_last_ids_are_given_and_what_needs_more_is_refused() {
    // The next id overflowed: a panic in one build, ids from 0 again in the other.
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Strict, quiet());
    let first_id = EntryId(u64::MAX - 3);
    {
        let mut tail = stream.tail.lock();
        tail.next = Some(Box::new(NextAppend::AfterLoss {
            first_id,
            lost_from: first_id,
            predecessor: None,
        }));
        tail.reserved = SegmentEnd::empty(first_id);
        tail.written = tail.reserved;
    }
    let is_refused = |result: Result<_, Error>| matches!(result, Err(Error::TooLarge { .. }));
    let four: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
    assert!(is_refused(stream.append_batch(&four, true)));
    let ids = stream.append_batch(&four[..2], true).expect("appends");
    assert_eq!(ids, u64::MAX - 3..u64::MAX - 1);
    assert!(is_refused(stream.append_batch(&four[2..], true)));
    let ids = stream.append_batch(&four[2..3], true).expect("appends");
    assert_eq!(ids.end, u64::MAX);
    assert!(is_refused(stream.append_batch(&four[..1], true)));
    let got = stream.get(u64::MAX - 1).expect("reads");
    assert_eq!(got.as_deref(), Some(&b"c"[..]));
    stream.close().expect("closes");
}

#[test]
fn no_space_is_secured_in_a_closed_stream() {
    // An appender on its way to secure space did so after the writer lock was given back: in a
    // file that the next process may have sealed, whose footer is found by the file's length.
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    stream.append(&[b"entry"], false).expect("appends");
    stream.close().expect("closes");
    let file = place.path().join("s/00000000000000000000.wal");
    let len = || file.metadata().expect("is there").len();
    let exact = len();
    let result = stream.ensure_allocated(1 << 20);
    assert!(matches!(result, Err(Error::Closed)), "{result:?}");
    assert_eq!(len(), exact);
}

#[test]
fn a_stream_that_rests_keeps_no_buffers() {
    // Each open stream kept up to twice the write buffer for ever, unless a helper synced it.
    let place = tempfile::tempdir().expect("a directory for the test");
    for mode in [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async] {
        let stream = absent(&place.path().join(format!("{mode:?}")), mode, quiet());
        std::fs::create_dir(&*stream.context.root).expect("is made");
        for len in [10, 10_000, 60_000, 10, 100_000] {
            let entry = vec![7; len];
            stream.append(&[&entry], true).expect("appends");
            let tail = stream.tail.lock();
            let (kept, noted) = tail.buffer_sizes();
            assert!(kept == 0 && noted <= 4, "{mode:?} {len}: {kept} {noted}");
        }
        stream.close().expect("closes");
    }
}

#[test]
fn a_panic_while_a_segment_is_made_latches_and_closing_does_not_hang() {
    // `rotating` stayed set: every appender, and closing, waited for ever.
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    let mut tail = stream.tail.lock();
    tail.begin_rotation();
    let panics =
        || stream.with_tail_unlocked(&mut tail, || assert!(stream.is_poisoned(), "on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    drop(tail);
    let result = stream.append(&[b"entry"], false);
    assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
    let result = within_seconds(move || stream.close());
    assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
}

#[test]
fn a_panic_while_frames_are_written_latches_and_fails_the_callers_that_wait_for_them() {
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    stream.append(&[b"entry"], false).expect("appends");
    let mut tail = stream.tail.lock();
    let active = tail.active.clone().expect("a segment");
    let parts: [&[u8]; 1] = [b"lost"];
    let frame = PreparedFrame::single(&parts, None).expect("is small");
    let (_, ticket) = tail.stage(&active, &frame).expect("memory");
    let batch = tail.take_staged();
    let panics = || {
        stream.with_tail_unlocked(&mut tail, || {
            assert!(batch.bytes().is_empty(), "on purpose")
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(matches!(tail.take_result(ticket), Some(Err(_))));
    drop(tail);
    let result = within_seconds(move || stream.close());
    assert!(matches!(result, Err(Error::Poisoned { .. })), "{result:?}");
}

/// Appends until the stream has one more segment.
fn rotate(stream: &StreamInner) {
    let before = stream.segments().parts.len();
    while stream.segments().parts.len() == before {
        stream.append(&[&[7; 60_000]], false).expect("appends");
    }
}

#[test]
fn a_rotation_overtakes_a_spare_that_is_being_made() {
    // It waited until 4 MiB of zeros were written and synced.
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    stream.append(&[b"entry"], false).expect("appends");
    let (file, len) = stream
        .create_next_file()
        .expect("begins")
        .expect("none yet");
    rotate(&stream);
    stream.publish_next_file(&*file, len).expect("ends");
    assert_eq!(stream.alloc.lock().spare, NextSegmentFile::Absent);
    assert!(!stream.dir.join(NEXT_SEGMENT_FILE).exists());
    assert_eq!(stream.segments().parts.len(), 2);
    stream.close().expect("closes");
    assert_eq!(std::fs::read_dir(&stream.dir).expect("lists").count(), 3);
}

#[test]
fn a_finished_spare_becomes_the_next_segment_and_an_unused_one_goes_with_close() {
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    stream.append(&[b"entry"], false).expect("appends");
    for _ in 0..2 {
        let (file, len) = stream
            .create_next_file()
            .expect("begins")
            .expect("none yet");
        stream.publish_next_file(&*file, len).expect("ends");
        assert_eq!(stream.alloc.lock().spare, NextSegmentFile::Ready(len));
        // Nothing else holds it open: a prepared file costs no descriptor.
        assert_eq!(Arc::strong_count(&file), 1);
        assert!(stream.create_next_file().expect("asks").is_none());
        rotate(&stream);
        assert!(!stream.dir.join(NEXT_SEGMENT_FILE).exists());
        assert_eq!(stream.tail.lock().allocated_end.0, len);
    }
    let (file, len) = stream
        .create_next_file()
        .expect("begins")
        .expect("none yet");
    stream.publish_next_file(&*file, len).expect("ends");
    assert!(stream.dir.join(NEXT_SEGMENT_FILE).exists());
    stream.close().expect("closes");
    assert!(!stream.dir.join(NEXT_SEGMENT_FILE).exists());
}

#[test]
fn close_waits_for_a_spare_that_is_being_made() {
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    stream.append(&[b"entry"], false).expect("appends");
    stream.tail.lock().ahead.next_file = NextFile::InProgress;
    let ended = PreparingGuard(&stream);
    let closing = Arc::clone(&stream);
    let closer = std::thread::spawn(move || closing.close());
    while stream.state() == StreamState::Open {
        std::thread::yield_now();
    }
    let (file, len) = stream
        .create_next_file()
        .expect("begins")
        .expect("none yet");
    assert!(!closer.is_finished());
    stream.publish_next_file(&*file, len).expect("ends");
    drop(ended);
    closer.join().expect("no panic").expect("closes");
    assert!(!stream.dir.join(NEXT_SEGMENT_FILE).exists());
}

#[cfg(feature = "simulation")]
#[test]
fn a_spare_is_used_once_where_descriptors_are_short() {
    // The second try used a file that the first had removed, and failed.
    let disk = SimulatedDisk::new();
    let stream = absent_on(
        Arc::new(disk.clone()),
        Path::new("/"),
        SyncMode::Async,
        quiet(),
    );
    for calls in 1..6 {
        stream.append(&[b"entry"], false).expect("appends");
        let (file, len) = stream
            .create_next_file()
            .expect("begins")
            .expect("none yet");
        stream.publish_next_file(&*file, len).expect("ends");
        // Something to close, so that there is a second try.
        stream.get(0).expect("reads");
        let kinds = FaultPlan::nth(OpKind::Open, calls).or(OpKind::Rename);
        disk.inject(kinds.code(OUT_OF_DESCRIPTORS[0]));
        rotate(&stream);
        disk.clear_faults();
    }
    assert!(disk.faults_fired() >= 3);
    stream.close().expect("closes");
}

/// What `work` returns, unless it hangs.
fn within_seconds<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    let limit = std::time::Duration::from_secs(20);
    receiver.recv_timeout(limit).expect("it does not hang")
}

/// A frame of no entries, as group commit counts it.
fn frame_without_entries() -> FrameHeader {
    FrameHeader {
        payload_crc: 0,
        first_id: EntryId(1),
        entry_count: 0,
        stored_len: 10,
        uncompressed_len: 10,
        previous_len: 41,
        kind: FrameKind::Footer,
        codec: Codec::None,
    }
}

#[test]
fn a_frame_without_entries_has_a_place_and_a_rollback_takes_it_back() {
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    stream.append(&[b"entry"], false).expect("appends");
    let mut tail = stream.tail.lock();
    let before = tail.written_place();
    assert_eq!(before, Place(1));
    let (ids, _) = tail.reserve(&frame_without_entries(), 0, None);
    assert!(ids.is_empty());
    assert_eq!(
        (tail.reserved_place(), tail.written_place()),
        (Place(2), before)
    );
    tail.roll_back(Arc::new(Error::Timeout));
    assert_eq!(tail.reserved_place(), before);
    // Written, it counts.
    let active = tail.active.clone().expect("is there");
    tail.reserve(&frame_without_entries(), 0, None);
    let batch = tail.take_staged();
    tail.publish(&active, batch);
    assert_eq!(tail.written_place(), Place(2));
    assert_eq!(tail.written.next_id, EntryId(1));
    // It is behind entry 0, so what waits for that entry may wait for it too, never for less.
    assert_eq!(tail.written_place_of(EntryId(1)), Place(2));
}

#[test]
fn a_round_commits_the_place_of_a_frame_without_entries_and_the_ids_below_it() {
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    stream.append(&[b"entry"], false).expect("appends");
    {
        let mut tail = stream.tail.lock();
        let active = tail.active.clone().expect("is there");
        tail.reserve(&frame_without_entries(), 0, None);
        let batch = tail.take_staged();
        tail.publish(&active, batch);
    }
    let mark = stream.mark().expect("a mark");
    assert!(!stream.is_durable(mark).expect("asks"));
    stream
        .wait_durable(0, Duration::from_secs(60))
        .expect("durable");
    assert!(stream.is_durable(mark).expect("asks"));
    assert_eq!(stream.group_commit.committed(), Place(2));
    assert_eq!(stream.durable_end(), 1);
}

#[test]
fn a_cut_gives_ids_again_and_places_go_on() {
    // Group commit never moves back: an id that was cut and given again would count as durable at
    // once if its position were the id.
    let place = tempfile::tempdir().expect("a directory for the test");
    let stream = absent(place.path(), SyncMode::Async, quiet());
    let three: [&[u8]; 3] = [b"a", b"b", b"c"];
    stream.append_batch(&three, true).expect("appends");
    let mark = stream.mark().expect("a mark");
    let mut tail = stream.tail.lock();
    let before = tail.written_place();
    assert_eq!(stream.group_commit.committed(), before);
    tail.renumber(EntryId(1));
    let end = SegmentEnd::empty(EntryId(1));
    (tail.reserved, tail.written) = (end, end);
    assert_eq!(
        (tail.reserved_place(), tail.written_place()),
        (before, before)
    );
    assert_eq!(stream.mark_of(before), mark);
    // The next entry is id 1 again, at a place that no round has reached.
    let header = FrameHeader {
        entry_count: 1,
        kind: FrameKind::Single,
        ..frame_without_entries()
    };
    tail.reserve(&header, 0, None);
    assert_eq!(tail.reserved_place(), Place(before.0 + 1));
    assert!(stream.group_commit.committed() < tail.reserved_place());
}

#[test]
fn places_begin_anew_with_each_opening_however_great_the_ids_are() {
    // Counted from the ids, they would overflow in a stream that is at its last id.
    let end = SegmentEnd::empty(EntryId(u64::MAX));
    let tail = Tail::new(None, end, NextAppend::Continue, PropertyPoint::NONE);
    let tail = tail.with_unsealed(end.next_id, Vec::new());
    assert_eq!(tail.written_place(), Place(0));
    assert_eq!(tail.reserved_place(), Place(0));
}
