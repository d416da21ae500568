//! What would a power cut leave of a log that is synced through group commit?

use std::time::Instant;

use crate::answer::CommitError;
use crate::group::GroupCommit;
use crate::group::LeaderFault;
use crate::group::Waited;
use crate::position::Reached;
use crate::primitives::AtomicBool;
use crate::primitives::AtomicU64;
use crate::primitives::Ordering::SeqCst;

/// Positions stand for themselves as ids, but where a test cuts.
pub fn at(point: u64) -> Reached<u64, u64> {
    let end_id = point;
    Reached { point, end_id }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Sync,
    Write,
    OtherWrite,
    LeaderFault(LeaderFault),
}

pub type Answer = Result<(), CommitError<Failure>>;

/// A log on a disk that keeps what was published before a sync *began*, and nothing more.
pub struct Log {
    pub group: GroupCommit<u64, u64, Failure>,
    published: AtomicU64,
    /// What would survive a power cut.
    synced: AtomicU64,
    /// The sync with this number (from 1) fails. As with a real kernel, what it was to write is
    /// lost, and the syncs after it know nothing of that and succeed.
    failing_sync: u64,
    pub syncs: AtomicU64,
    lost: AtomicBool,
    /// A caller is within a round or exclusive work.
    occupied: AtomicBool,
    /// Rounds may no longer begin.
    pub shut: AtomicBool,
}

impl Log {
    pub fn new() -> Self {
        Log::with_failing_sync(0)
    }

    pub fn with_failing_sync(number: u64) -> Self {
        Log {
            group: GroupCommit::new(at(0), Failure::LeaderFault),
            published: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            failing_sync: number,
            syncs: AtomicU64::new(0),
            lost: AtomicBool::new(false),
            occupied: AtomicBool::new(false),
            shut: AtomicBool::new(false),
        }
    }

    /// Publishes one entry; returns the end of it.
    pub fn publish(&self) -> u64 {
        self.published.fetch_add(1, SeqCst) + 1
    }

    fn sync(&self) -> Result<u64, Failure> {
        let begun_at = self.published.load(SeqCst);
        if self.syncs.fetch_add(1, SeqCst) + 1 == self.failing_sync {
            self.lost.store(true, SeqCst);
            return Err(Failure::Sync);
        }
        if !self.lost.load(SeqCst) {
            self.synced.fetch_max(begun_at, SeqCst);
        }
        Ok(begun_at)
    }

    /// Runs `work` and shows that no other caller is within `occupied` meanwhile.
    pub fn occupied<R>(&self, work: impl FnOnce() -> R) -> R {
        assert!(
            !self.occupied.swap(true, SeqCst),
            "two lead, or one works beside a leader"
        );
        let result = work();
        assert!(self.occupied.swap(false, SeqCst));
        result
    }

    fn round(&self) -> Result<u64, Failure> {
        assert!(!self.shut.load(SeqCst), "a round after the last");
        self.occupied(|| self.sync())
    }

    /// Commits `target` and checks the answer against the disk.
    pub fn commit(&self, target: u64) -> Answer {
        let mut rounds_led = 0;
        let answer = self.group.commit(
            target,
            || false,
            || {
                rounds_led += 1;
                self.round().map(at)
            },
        );
        assert!(
            rounds_led <= 1,
            "one round covers all that was published before it"
        );
        self.check(target, answer)
    }

    pub fn wait(&self, target: u64, deadline: Option<Instant>) -> Answer {
        let answer = self.group.wait(target, deadline).map(|waited| {
            assert_eq!(waited, Waited::Committed, "no ids were cut");
        });
        self.check(target, answer)
    }

    /// Makes durable what was published, without any commit.
    pub fn sync_and_advance(&self) {
        match self.occupied(|| self.sync()) {
            Ok(end) => self.group.advance(at(end)),
            Err(failure) => self.group.poison(failure),
        }
    }

    pub fn exclusive_sync(&self) {
        self.group.exclusive(|| self.sync_and_advance());
    }

    fn check(&self, target: u64, answer: Answer) -> Answer {
        let committed = self.check_point();
        match answer {
            Ok(()) => assert!(committed >= target, "acknowledged, yet not committed"),
            Err(CommitError::Poisoned(failure)) => {
                // The point stands still once the group has failed, so this cannot be a race.
                assert!(committed < target, "a committed position was refused");
                assert_eq!(self.group.poisoned(), Some(failure), "not the first error");
            }
            Err(CommitError::Closed | CommitError::Timeout) => {}
        }
        answer
    }

    /// Both numbers only grow, so reading the point first cannot accuse it wrongly.
    pub fn check_point(&self) -> u64 {
        let committed = self.group.committed();
        assert!(
            committed <= self.synced.load(SeqCst),
            "the point covers what was not synced"
        );
        committed
    }

    /// What must hold when everybody has returned.
    pub fn check_at_rest(&self) {
        self.check_point();
        assert_eq!(
            self.group.waiting_count(),
            0,
            "a waiter was left in the queue"
        );
        assert!(!self.occupied.load(SeqCst));
    }
}
