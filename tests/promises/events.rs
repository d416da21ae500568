//! Descriptors that become readable when a stream grows: one thread, no wait that is not `poll`.

#![allow(unsafe_code)]

use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::time::Duration;

use ironwal::*;

use crate::support::LogBuilder;
use crate::support::entry;

/// Whether the descriptor is readable, now or within the time.
fn is_readable(events: &Events, within: Duration) -> bool {
    let mut poll = libc::pollfd {
        fd: events.as_fd().as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one live pollfd, and a count that says so.
    let ready = unsafe { libc::poll(&mut poll, 1, within.as_millis() as libc::c_int) };
    assert!(ready >= 0, "polls");
    ready == 1
}

const LONG: Duration = Duration::from_secs(60);

fn append(stream: &Stream, id: u64) {
    let bytes = entry(id);
    let entries = [&bytes[..]];
    let appended = stream.append_with(&Append::new(&entries).written());
    assert_eq!(appended.expect("appends").ids, id..id + 1);
}

#[test]
fn one_thread_with_a_descriptor_learns_durability_of_ten_thousand_entries() {
    for mode in [SyncMode::Strict, SyncMode::Async] {
        for write_strategy in [WriteStrategy::StandardIo, WriteStrategy::Mmap] {
            let log = LogBuilder::new(mode).with(|o| o.write_strategy = write_strategy);
            let wal = log.open();
            let stream = wal.stream("s").expect("a handle");
            let events = stream.events(Event::Durable).expect("a descriptor");
            assert!(
                !is_readable(&events, Duration::ZERO),
                "nothing has happened"
            );
            let (mut appended, mut durable) = (0, 0);
            while durable < 10_000 {
                if appended < 10_000 {
                    append(&stream, appended);
                    appended += 1;
                }
                let patience = if appended < 10_000 {
                    Duration::ZERO
                } else {
                    LONG
                };
                if is_readable(&events, patience) {
                    let end = events.drain().expect("drains");
                    assert!(end >= durable && end <= appended);
                    durable = end;
                } else {
                    assert!(appended < 10_000 || durable == 10_000, "a signal was lost");
                }
            }
            assert_eq!(stream.durable_end().expect("answers"), 10_000);
            wal.close().expect("closes");
        }
    }
}

#[test]
fn a_descriptor_is_readable_once_for_any_number_of_writes_until_it_is_drained() {
    for write_strategy in [WriteStrategy::StandardIo, WriteStrategy::Mmap] {
        let log = LogBuilder::new(SyncMode::Async).with(|o| o.write_strategy = write_strategy);
        let wal = log.open();
        let stream = wal.stream("s").expect("a handle");
        let events = stream.events(Event::Written).expect("a descriptor");
        assert_eq!(events.drain().expect("drains"), 0);
        for round in 0..3 {
            assert!(!is_readable(&events, Duration::ZERO));
            (0..50).for_each(|id| append(&stream, round * 50 + id));
            assert!(is_readable(&events, Duration::ZERO));
            assert_eq!(events.drain().expect("drains"), round * 50 + 50);
        }
        // By the shortest way.
        stream.append(b"x").expect("appends");
        assert!(is_readable(&events, Duration::ZERO));
    }
}

#[test]
fn close_and_deletion_make_a_descriptor_readable_and_draining_says_which() {
    for event in [Event::Written, Event::Durable] {
        let log = LogBuilder::new(SyncMode::Async);
        let wal = log.open();
        let (gone, closed) = ("gone", "closed");
        for key in [gone, closed] {
            wal.append(key, b"x").expect("appends");
            wal.sync(key).expect("syncs");
        }
        let events = |key: &str| {
            let stream = wal.stream(key).expect("a handle");
            let events = stream.events(event).expect("a descriptor");
            events.drain().expect("drains");
            events
        };
        let (gone, closed) = (events(gone), events(closed));
        wal.delete_stream("gone").expect("deletes");
        assert!(is_readable(&gone, Duration::ZERO));
        assert!(matches!(gone.drain(), Err(Error::StreamNotFound(_))));
        assert!(!is_readable(&closed, Duration::ZERO));
        wal.clone().close().expect("closes");
        assert!(is_readable(&closed, Duration::ZERO));
        assert!(matches!(closed.drain(), Err(Error::Closed)));
    }
}

#[test]
fn a_log_that_is_open_read_only_has_no_descriptors() {
    let log = LogBuilder::new(SyncMode::Async);
    let wal = log.open();
    wal.append("s", b"x").expect("appends");
    let reader = log.open_read_only();
    let stream = reader.stream("s").expect("a handle");
    assert!(matches!(
        stream.events(Event::Written),
        Err(Error::ReadOnly)
    ));
}
