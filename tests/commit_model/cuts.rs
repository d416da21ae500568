//! Positions and ids part where ids are cut and where a frame has none: every caller still returns,
//! the point never moves back, and the durable ids are those of the log.

use shuttle::thread;

use crate::explore;
use crate::group::GroupCommit;
use crate::group::Waited;
use crate::log::Failure;
use crate::position::Reached;
use crate::primitives::Mutex;

/// A log whose frames are in the kernel at once. The position of an id is the id plus `shift`.
struct CutLog {
    group: GroupCommit<u64, u64, Failure>,
    tail: Mutex<Tail>,
}

#[derive(Clone, Copy, Default)]
struct Tail {
    next_id: u64,
    shift: u64,
}

impl Tail {
    fn end(&self) -> Reached<u64, u64> {
        Reached {
            point: self.next_id + self.shift,
            end_id: self.next_id,
        }
    }
}

impl CutLog {
    fn new() -> Self {
        let start = Tail::default().end();
        CutLog {
            group: GroupCommit::new(start, Failure::LeaderFault),
            tail: Mutex::new(Tail::default()),
        }
    }

    fn round(&self) -> Result<Reached<u64, u64>, Failure> {
        let end = self.tail.lock().unwrap().end();
        thread::yield_now();
        Ok(end)
    }

    /// Appends a frame, with an entry or without one, and makes it durable.
    fn append(&self, has_entry: bool) {
        let target = {
            let mut tail = self.tail.lock().unwrap();
            tail.next_id += u64::from(has_entry);
            tail.shift += u64::from(!has_entry);
            tail.end().point
        };
        let answer = self.group.commit(target, || false, || self.round());
        assert_eq!(answer, Ok(()));
        assert!(self.group.committed() >= target);
    }

    /// Cuts all ids from `first` on, and puts one entry in their place.
    fn cut(&self, first: u64) {
        self.group.exclusive(|| {
            // Invariant: no append between the round and the cut.
            let mut tail = self.tail.lock().unwrap();
            self.group.advance(tail.end());
            let first = first.min(tail.next_id);
            tail.shift += tail.next_id - first;
            tail.next_id = first + 1;
            assert!(self.group.set_in_turn(tail.end()), "nothing has failed");
        });
    }

    /// Waits until `id` is durable, if it is appended.
    fn watch(&self, id: u64) {
        loop {
            let target = {
                let tail = self.tail.lock().unwrap();
                if self.group.durable_end() > id || tail.next_id <= id {
                    return;
                }
                id + 1 + tail.shift
            };
            match self.group.wait(target, None) {
                Ok(Waited::LookAgain) => continue,
                answer => return assert_eq!(answer, Ok(Waited::Committed)),
            }
        }
    }

    /// Reads both values a few times beside everything else.
    fn look(&self) {
        let mut last = 0;
        for _ in 0..3 {
            let point = self.group.committed();
            assert!(point >= last, "the point moved back");
            last = point;
            let tail = self.tail.lock().unwrap();
            assert!(
                self.group.durable_end() <= tail.next_id,
                "a durable id that the log does not have"
            );
        }
    }
}

#[test]
fn cuts_and_frames_without_entries_leave_no_caller_waiting_and_no_id_durable_that_is_gone() {
    explore(|| {
        let log = CutLog::new();
        thread::scope(|scope| {
            scope.spawn(|| [true, false, true].map(|has_entry| log.append(has_entry)));
            scope.spawn(|| [true, true].map(|has_entry| log.append(has_entry)));
            scope.spawn(|| [0, 1].map(|first| log.cut(first)));
            scope.spawn(|| [2, 0].map(|id| log.watch(id)));
            scope.spawn(|| log.look());
        });
        // A cut may have been last, or an append.
        let end = log.tail.lock().unwrap().end();
        assert_eq!(log.group.committed(), end.point);
        assert_eq!(log.group.durable_end(), end.end_id);
        assert_eq!(log.group.waiting_count(), 0);
    });
}
