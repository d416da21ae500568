//! D14, the part about `fork`: in the child every door answers `Forked`, and nothing of the
//! parent's log is synced, cut, written, joined or unlocked there.
//!
//! All forking is done by children of the test program that have one thread of their own.

#![allow(unsafe_code)]

use std::path::Path;
use std::time::Duration;

use ironwal::*;

use crate::support;
use crate::support::entry;
use crate::support::options;

/// Runs `work` in a forked process; returns whether it came to its end there.
fn in_a_fork(work: impl FnOnce()) -> bool {
    // SAFETY: the forked process runs `work` and ends without unwinding into the caller.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "forks");
    if pid == 0 {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let code = i32::from(ended.is_err());
        // SAFETY: _exit ends the process at once.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: waitpid writes the status only.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(waited, pid);
    status == 0
}

fn is_forked<T>(result: Result<T>) -> bool {
    matches!(result, Err(Error::Forked))
}

/// Everything that can be called, on handles made before the fork.
fn all_answer_forked(
    wal: &Wal,
    stream: &Stream,
    transaction: TxnWriter,
    mut entries: WalIdIterator,
) {
    assert!(is_forked(wal.append("s", b"x")));
    assert!(is_forked(wal.append_batch("s", &[b"x"])));
    assert!(is_forked(wal.append_batch("s", &[])));
    assert!(is_forked(wal.get("s", 0)));
    assert!(is_forked(wal.get_batch("s", &[0])));
    assert!(is_forked(wal.get_batch("s", &[])));
    assert!(is_forked(wal.iter("s", 0)));
    assert!(is_forked(wal.iter_with_ids("s", 0)));
    assert!(is_forked(wal.truncate("s", 1)));
    assert!(is_forked(wal.restore_archived("s")));
    assert!(is_forked(wal.delete_stream("s")));
    assert!(is_forked(wal.stream("s")));
    assert!(is_forked(wal.streams()));
    assert!(is_forked(wal.sync("s")));
    assert!(is_forked(wal.sync_all()));
    assert!(is_forked(wal.clone().close()));
    assert_eq!(wal.current_segment_start_id("s"), None);
    let mut new = wal.writer("s");
    new.add("x");
    assert!(is_forked(new.commit()));
    assert!(is_forked(transaction.commit()));
    assert!(is_forked(stream.append(b"x")));
    assert!(is_forked(stream.append_batch(&[b"x"])));
    assert!(is_forked(stream.append_vectored(&[b"x"])));
    assert!(is_forked(stream.get(0)));
    assert!(is_forked(stream.get_into(0, &mut [])));
    assert!(is_forked(stream.view(0)));
    assert!(is_forked(stream.iter(0)));
    assert!(is_forked(stream.iter_with_ids(0)));
    assert!(is_forked(stream.first_id()));
    assert!(is_forked(stream.next_id()));
    assert!(is_forked(stream.durable_end()));
    assert!(is_forked(stream.sync()));
    assert!(is_forked(stream.wait_durable(0, Duration::ZERO)));
    assert!(is_forked(stream.follow(0, View::Written)));
    assert!(is_forked(entries.wait(Duration::ZERO)));
    assert!(entries.next().is_some_and(is_forked));
    assert!(entries.next_entry().is_none(), "and ends");
    assert_eq!(stream.key(), "s");
}

/// Handles of every kind, as a host that forks would have them.
fn handles(wal: &Wal) -> (Stream, TxnWriter, WalIdIterator) {
    let stream = wal.stream("s").expect("a handle");
    let mut transaction = wal.writer("s");
    transaction.add("never committed");
    let mut entries = wal.iter_with_ids("s", 0).expect("iterates");
    entries.next().expect("an entry").expect("good");
    (stream, transaction, entries)
}

/// What waits without a thread: callbacks, futures, descriptors, iterations.
pub fn fork_while_listening(place: &Path) {
    use std::future::Future;
    use std::task::Context;
    use std::task::Poll;
    use std::task::Waker;
    let wal = Wal::new(options(place, SyncMode::Async)).expect("opens");
    let stream = wal.stream("s").expect("a handle");
    let entries = [&b"x"[..]];
    let appended = stream.append_with(&Append::new(&entries).written());
    let mark = appended.expect("appends").mark;
    let parent = std::process::id();
    let (sender, ran) = std::sync::mpsc::channel();
    let ticket = stream.on_durable(mark, move |answer| {
        assert_eq!(std::process::id(), parent, "it runs in a child");
        sender.send(answer.is_ok()).expect("is received");
    });
    let ticket = ticket.expect("registers");
    let mut context = Context::from_waker(Waker::noop());
    let mut future = Box::pin(stream.durable(mark));
    let _ = future.as_mut().poll(&mut context);
    #[cfg(unix)]
    let events = stream.events(Event::Written).expect("a descriptor");
    let mut follower = stream.follow(1, View::Durable).expect("follows");
    assert!(!follower.wait(Duration::ZERO).expect("checks"));
    let canceller = follower.canceller();
    let ended = in_a_fork(|| {
        assert!(is_forked(stream.on_durable(mark, |_| panic!("runs"))));
        assert!(stream.cancel(ticket), "none runs here");
        let polled = future.as_mut().poll(&mut context);
        assert!(matches!(polled, Poll::Ready(Err(Error::Forked))));
        #[cfg(unix)]
        assert!(is_forked(events.drain()));
        assert!(is_forked(follower.wait(Duration::MAX)));
        let polled = follower.poll_wait(&mut context);
        assert!(matches!(polled, Poll::Ready(Err(Error::Forked))));
        canceller.cancel();
        // SAFETY: second owners in this process only, which ends right after; their drops are what
        // a host's exit handlers would do.
        unsafe {
            drop(std::ptr::read(&future));
            drop(std::ptr::read(&follower));
            #[cfg(unix)]
            drop(std::ptr::read(&events));
            drop(std::ptr::read(&stream));
            drop(std::ptr::read(&wal));
        }
    });
    assert!(ended, "the fork failed a check, see above");
    assert_eq!(ran.recv_timeout(Duration::from_secs(60)), Ok(true));
    drop((future, follower, events, stream));
    wal.close().expect("closes");
}

pub fn fork_and_drop(place: &Path) {
    let wal = Wal::new(options(place, SyncMode::Strict)).expect("opens");
    for id in 0..10 {
        wal.append("s", &entry(id)).expect("appends");
    }
    let before = support::files_in(place);
    let (stream, transaction, entries) = handles(&wal);
    let view = stream.view(3).expect("reads").expect("an entry");
    let ended = in_a_fork(|| {
        all_answer_forked(&wal, &stream, transaction, entries);
        assert_eq!(view[..], entry(3), "views are memory, and stay");
        drop((wal.clone(), stream.clone(), view));
        let again = Wal::new(options(place, SyncMode::Strict));
        assert!(matches!(again, Err(Error::Locked(_))), "the parent's");
        // SAFETY: a second owner in this process only, which ends right after; its drop is what
        // a host's exit handlers would do.
        unsafe {
            let wal: Wal = std::ptr::read(&wal);
            let stream: Stream = std::ptr::read(&stream);
            drop(wal);
            drop(stream);
        }
    });
    assert!(ended, "the fork failed a check, see above");
    assert!(support::files_in(place) == before, "no byte has changed");
    let again = Wal::new(options(place, SyncMode::Strict));
    assert!(matches!(again, Err(Error::Locked(_))), "still ours");
    assert_eq!(wal.append("s", b"goes on").expect("appends"), 10);
    assert_eq!(
        stream.get(10).expect("reads").as_deref(),
        Some(&b"goes on"[..])
    );
}

#[test]
fn every_door_answers_forked_in_a_forked_child_and_the_parent_goes_on() {
    let place = support::temp_dir();
    support::run_child("fork and drop", place.path());
}

#[cfg(not(feature = "simulation"))]
pub fn fork_on_a_simulated_disk(_: &Path) {}

#[cfg(feature = "simulation")]
pub fn fork_on_a_simulated_disk(_: &Path) {
    use ironwal::simulation::SimulatedDisk;
    for mode in [SyncMode::Strict, SyncMode::Async] {
        let disk = SimulatedDisk::new();
        let mut options = options(Path::new("/"), mode);
        options.background_sync = Some(BackgroundSync::default());
        let wal = Wal::open_simulated(&disk, options).expect("opens");
        for id in 0..100 {
            wal.append("s", &entry(id)).expect("appends");
        }
        let (stream, transaction, entries) = handles(&wal);
        let ended = in_a_fork(|| {
            let before = disk.op_count();
            all_answer_forked(&wal, &stream, transaction, entries);
            // SAFETY: as above.
            unsafe {
                let wal: Wal = std::ptr::read(&wal);
                let stream: Stream = std::ptr::read(&stream);
                drop(wal);
                drop(stream);
            }
            assert_eq!(disk.op_count(), before, "nothing was asked of the disk");
        });
        assert!(ended, "the fork failed a check, see above");
    }
}

#[test]
fn dropping_the_last_handle_in_a_forked_child_asks_nothing_of_the_disk() {
    let place = support::temp_dir();
    support::run_child("fork on a simulated disk", place.path());
}

/// The parent closes while its fork lives: the fork must not keep the lock alive.
pub fn fork_while_holding_the_lock(place: &Path) {
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let wal = Wal::new(options(place, SyncMode::Async)).expect("opens");
    wal.append("s", b"x").expect("appends");
    // SAFETY: the forked process waits for its end of the pair to be closed, and ends.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "forks");
    if pid == 0 {
        drop(theirs);
        let _ = std::io::Read::read(&mut ours, &mut [0]);
        // The parent has closed its log: here it can be opened anew.
        let opened = Wal::new(options(place, SyncMode::Async));
        let good = opened.is_ok_and(|wal| wal.append("s", b"in the child").is_ok_and(|id| id == 2));
        // SAFETY: _exit ends the process at once.
        unsafe { libc::_exit(i32::from(!good)) };
    }
    drop(ours);
    wal.close().expect("closes");
    let again = Wal::new(options(place, SyncMode::Async));
    let again = again.expect("a living fork does not hold the lock");
    assert_eq!(again.append("s", b"y").expect("appends"), 1);
    again.close().expect("closes");
    drop(theirs);
    let mut status = 0;
    // SAFETY: waitpid writes the status only.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert_eq!(status, 0, "the fork opens the log anew");
}

#[test]
fn a_forked_child_does_not_keep_the_lock_and_can_open_the_log_anew() {
    let place = support::temp_dir();
    support::run_child("fork while holding the lock", place.path());
}

#[test]
fn no_callback_runs_in_a_forked_child_and_nothing_that_waits_blocks_there() {
    let place = support::temp_dir();
    support::run_child("fork while listening", place.path());
}
