//! Should a leader delay its round so that more callers can share it?
//!
//! Threads that append in a loop return right after a round has woken them. If the next leader
//! starts at once, it syncs without them, and they wait for that round and the next: two groups
//! alternate, each with half of the threads. A leader that waits for them first has all in one
//! round.
//!
//! How long: `n` callers in a round of length `r` after a delay of `t` make `n / (r + t)` commits
//! per unit of time. One more caller after another `d` raises that as long as `d < (r + t) / n`
//! (the marginal value theorem: Charnov, "Optimal foraging", 1976). The leader waits for half of
//! that. PostgreSQL's `commit_delay` and MySQL's `binlog_group_commit_sync_delay` are such delays
//! of a configured length.
//!
//! Plain data under the group's lock: nothing here waits or reads a clock.

/// Longer rounds count as this long: the leader waits on a processor.
const MAX_ROUND_NS: u64 = 1_000_000;

/// Unsuccessful delays are followed by at most this many rounds without one.
const MAX_SKIPPED: u32 = 256;

/// Estimates from earlier rounds.
pub(super) struct BatchingEstimator {
    /// Callers in the next round, if all callers of the last one return.
    expected: usize,
    /// Smoothed length of a round.
    round_ns: u64,
    /// Rounds that still begin without a delay.
    skip: u32,
    /// Rounds to skip after the next unsuccessful delay.
    next_skip: u32,
}

/// A delay for callers that are expected to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delay {
    present: usize,
    missing: usize,
    round_ns: u64,
}

impl BatchingEstimator {
    pub(super) const fn new() -> Self {
        BatchingEstimator {
            expected: 1,
            round_ns: 0,
            skip: 0,
            next_skip: 1,
        }
    }

    /// Whether more than one caller was in the last round, or waited for the next one.
    pub(super) fn expects_more(&self) -> bool {
        self.expected > 1
    }

    /// The delay for a leader with `present` callers, itself included; `None`: it starts at once.
    pub(super) fn plan(&mut self, present: usize) -> Option<Delay> {
        if present >= self.expected || self.round_ns == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        Some(Delay {
            present,
            missing: self.expected - present,
            round_ns: self.round_ns,
        })
    }

    /// Records how many callers arrived during a delay.
    pub(super) fn note_gathered(&mut self, arrived: usize) {
        if arrived > 0 {
            self.next_skip = 1;
        } else {
            self.skip = self.next_skip;
            self.next_skip = (self.next_skip * 2).min(MAX_SKIPPED);
        }
    }

    /// Records a round: its length, the callers it answered, and those still waiting.
    pub(super) fn note_round(&mut self, took_ns: u64, settled: usize, waiting: usize) {
        let took_ns = took_ns.clamp(1, MAX_ROUND_NS);
        self.round_ns = match self.round_ns {
            0 => took_ns,
            before => (before * 7 + took_ns).div_ceil(8),
        };
        self.expected = settled + waiting;
    }
}

impl Delay {
    /// Whether to keep waiting after `waited_ns`, during which `arrived` callers arrived.
    /// `quiet_ns` is the time since the last arrival, or since the start if there was none.
    pub(super) fn goes_on(&self, waited_ns: u64, quiet_ns: u64, arrived: usize) -> bool {
        let there = (self.present + arrived) as u64;
        arrived < self.missing && quiet_ns < (self.round_ns + waited_ns) / (2 * there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd_after(took_ns: u64, settled: usize, waiting: usize) -> BatchingEstimator {
        let mut crowd = BatchingEstimator::new();
        crowd.note_round(took_ns, settled, waiting);
        crowd
    }

    #[test]
    fn a_leader_that_is_alone_or_has_all_of_them_does_not_wait() {
        assert_eq!(BatchingEstimator::new().plan(1), None);
        assert_eq!(crowd_after(50_000, 1, 0).plan(1), None);
        assert_eq!(crowd_after(50_000, 2, 2).plan(4), None);
        assert_eq!(crowd_after(50_000, 2, 2).plan(9), None);
    }

    #[test]
    fn callers_released_and_callers_left_behind_are_waited_for() {
        let plan = crowd_after(50_000, 3, 1).plan(1).expect("a wait");
        assert_eq!((plan.present, plan.missing), (1, 3));
        // Half a round for the first caller, less with each one present.
        assert!(plan.goes_on(0, 24_999, 0) && !plan.goes_on(0, 25_000, 0));
        assert!(plan.goes_on(10_000, 14_999, 1) && !plan.goes_on(10_000, 15_000, 1));
        assert!(!plan.goes_on(0, 0, 3), "all are there");
    }

    #[test]
    fn every_wait_ends_however_slowly_they_come() {
        let plan = crowd_after(u64::MAX, usize::MAX / 4, 0)
            .plan(1)
            .expect("a wait");
        let (mut waited, mut arrived) = (0, 0);
        // Each caller arrives at the last moment.
        while plan.goes_on(waited, 0, arrived) && arrived < 10_000 {
            let there = (1 + arrived) as u64;
            waited += (MAX_ROUND_NS + waited) / (2 * there);
            arrived += 1;
        }
        // The product of (1 + 1 / 2n) grows like the square root of n.
        assert!(waited < MAX_ROUND_NS * 120, "{waited}");
    }

    #[test]
    fn waits_in_vain_become_rare_and_one_that_is_not_brings_them_back() {
        let mut crowd = crowd_after(50_000, 4, 0);
        let mut waits = 0;
        for _ in 0..1_000 {
            if crowd.plan(1).is_some() {
                waits += 1;
                crowd.note_gathered(0);
            }
        }
        assert!((8..=12).contains(&waits), "{waits} waits in 1,000 rounds");
        while crowd.plan(1).is_none() {}
        crowd.note_gathered(1);
        assert!(crowd.plan(1).is_some());
    }

    #[test]
    fn the_length_of_a_round_is_smoothed_and_bounded() {
        let mut crowd = crowd_after(u64::MAX, 2, 0);
        assert_eq!(crowd.round_ns, MAX_ROUND_NS);
        for _ in 0..100 {
            crowd.note_round(0, 2, 0);
        }
        assert!(crowd.round_ns < 100, "{}", crowd.round_ns);
    }
}
