//! Is it worth a leader's while to wait until others have joined its round?
//!
//! Threads that append one after the other come back right after a round has let them go. A leader
//! who starts at once syncs without them, and they wait for that round and for the next: two groups
//! take turns, each with half of the threads. A leader who waits for them first has all in one.
//!
//! How long: `n` callers in a round that takes `r` after a wait of `t` are `n / (r + t)` commits per
//! time. One more caller after another `d` raises that as long as `d < (r + t) / n` (the marginal
//! value theorem: Charnov, "Optimal foraging", 1976). Half of that is waited for. PostgreSQL's
//! `commit_delay` and MySQL's `binlog_group_commit_sync_delay` are such waits of a length that
//! somebody has to choose.
//!
//! Plain data under the group's lock: nothing here waits or looks at a clock.

/// Longer rounds count as this: who waits does so on a processor.
const MAX_ROUND_NS: u64 = 1_000_000;

/// After waits that brought nobody, so many rounds at most begin without one.
const MAX_SKIPPED: u32 = 256;

/// What is known of those who commit.
pub(super) struct BatchingEstimator {
    /// How many would be in the next round if all came back who were in the last one.
    expected: usize,
    /// How long a round takes, smoothed.
    round_ns: u64,
    /// So many more rounds begin without a wait.
    skip: u32,
    /// How many rounds to skip after the next wait in vain.
    next_skip: u32,
}

/// Whom to wait for.
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

    /// Whether more than one caller was in the last round, or waited behind it.
    pub(super) fn expects_more(&self) -> bool {
        self.expected > 1
    }

    /// Whom a leader should wait for, where it is there with `present` callers, itself included.
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

    /// Notes how many came while a leader waited.
    pub(super) fn note_gathered(&mut self, arrived: usize) {
        if arrived > 0 {
            self.next_skip = 1;
        } else {
            self.skip = self.next_skip;
            self.next_skip = (self.next_skip * 2).min(MAX_SKIPPED);
        }
    }

    /// Notes a round that took so long, answered `settled` callers and left `waiting` behind.
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
    /// Whether to go on waiting, after `waited_ns` in which `arrived` came, the last of them (or the
    /// beginning, if none did) `quiet_ns` ago.
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
    fn who_is_alone_or_has_all_of_them_waits_for_nobody() {
        assert_eq!(BatchingEstimator::new().plan(1), None);
        assert_eq!(crowd_after(50_000, 1, 0).plan(1), None);
        assert_eq!(crowd_after(50_000, 2, 2).plan(4), None);
        assert_eq!(crowd_after(50_000, 2, 2).plan(9), None);
    }

    #[test]
    fn those_let_go_and_those_left_behind_are_waited_for() {
        let plan = crowd_after(50_000, 3, 1).plan(1).expect("a wait");
        assert_eq!((plan.present, plan.missing), (1, 3));
        // Half a round for the first, less with each that is there.
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
        // Each comes at the last moment that is waited for.
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
