//! Which caller waits for which position, and which one leads next?
//!
//! Plain data under the group's lock: nothing here blocks, wakes or calls back. Operations return
//! the callers to wake as a [`Wake`], which is sent after the lock is released.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use super::waiter::Waiter;
use super::waiter::Wakeup;

/// Distinguishes waiters for the same position, in the order they came.
pub(super) type Ticket = u64;

/// Waiters by target, lowest first.
type ByTarget<P> = BTreeMap<(P, Ticket), Arc<Waiter>>;

/// The kind of a turn, which decides which caller goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeaderTurn {
    /// A leader's round.
    Round,
    /// Exclusive work.
    Exclusive,
}

/// The callers that lead or wait.
pub(super) struct Queue<P> {
    /// A caller leads, works exclusively, or has been woken to do so.
    // Invariant: while no caller leads, no committer and no exclusive caller is queued. They queue
    // only while one leads, and a leader hands the lead over while any is queued.
    led: bool,
    next_ticket: Ticket,
    /// They wait for their target and can be made to lead.
    committers: ByTarget<P>,
    /// All other waiters. Usually empty, so boxed.
    others: Option<Box<RareWaiters<P>>>,
}

struct RareWaiters<P> {
    /// They wait for their target and are never made to lead.
    watchers: ByTarget<P>,
    /// They wait for their turn to work exclusively, first come, first served.
    exclusives: VecDeque<Arc<Waiter>>,
}

impl<P> Default for RareWaiters<P> {
    fn default() -> Self {
        RareWaiters {
            watchers: ByTarget::new(),
            exclusives: VecDeque::new(),
        }
    }
}

impl<P: Copy + Ord> Queue<P> {
    pub(super) const fn new() -> Self {
        Queue {
            led: false,
            next_ticket: 0,
            committers: BTreeMap::new(),
            others: None,
        }
    }

    fn others(&mut self) -> &mut RareWaiters<P> {
        self.others.get_or_insert_default()
    }

    /// Gives the caller the lead if it is free.
    #[must_use]
    pub(super) fn try_lead(&mut self) -> bool {
        !std::mem::replace(&mut self.led, true)
    }

    /// Queues a caller that may be made to lead. Another caller must be leading.
    pub(super) fn add_committer(&mut self, target: P) -> Arc<Waiter> {
        debug_assert!(self.led, "a caller that can lead does not wait");
        let ticket = self.take_ticket();
        let waiter = Waiter::new();
        self.committers
            .insert((target, ticket), Arc::clone(&waiter));
        waiter
    }

    /// Queues a caller that only waits.
    pub(super) fn add_watcher(&mut self, target: P) -> (Ticket, Arc<Waiter>) {
        let ticket = self.take_ticket();
        let waiter = Waiter::new();
        let watchers = &mut self.others().watchers;
        watchers.insert((target, ticket), Arc::clone(&waiter));
        (ticket, waiter)
    }

    /// Removes a watcher that no longer waits.
    pub(super) fn remove_watcher(&mut self, target: P, ticket: Ticket) {
        self.others().watchers.remove(&(target, ticket));
    }

    /// Queues a caller that wants to work exclusively. Another caller must be leading.
    pub(super) fn add_exclusive(&mut self) -> Arc<Waiter> {
        debug_assert!(self.led, "a caller that can work at once does not wait");
        let waiter = Waiter::new();
        self.others().exclusives.push_back(Arc::clone(&waiter));
        waiter
    }

    /// Whether a caller leads, works exclusively, or has been woken to do so.
    pub(super) fn is_led(&self) -> bool {
        self.led
    }

    /// How many waiting callers can be made to lead.
    pub(super) fn committer_count(&self) -> usize {
        self.committers.len()
    }

    /// Removes all waiters at or below `point`.
    #[inline]
    pub(super) fn complete_up_to(&mut self, point: P) -> Wake<P> {
        Wake {
            leader: None,
            settled: [
                take_to(&mut self.committers, point),
                match &mut self.others {
                    Some(others) => take_to(&mut others.watchers, point),
                    None => ByTarget::new(),
                },
            ],
        }
    }

    /// Removes all callers that can be made to lead.
    pub(super) fn complete_committers(&mut self) -> Wake<P> {
        Wake {
            leader: None,
            settled: [std::mem::take(&mut self.committers), ByTarget::new()],
        }
    }

    /// Removes all watchers, and adds them to those to wake.
    pub(super) fn complete_watchers(&mut self, wake: &mut Wake<P>) {
        wake.settled[1].append(&mut self.take_watchers());
    }

    /// Removes all waiters. Callers that wait for exclusive work stay: they get their turn even
    /// when nothing will be committed any more.
    pub(super) fn complete_all(&mut self) -> Wake<P> {
        Wake {
            leader: None,
            settled: [std::mem::take(&mut self.committers), self.take_watchers()],
        }
    }

    /// Hands the lead over at the end of a turn, or frees it when no caller waits for it.
    ///
    /// Rounds and exclusive work take turns when both are wanted, so that neither starves.
    #[inline]
    #[must_use]
    pub(super) fn hand_over_lead(&mut self, ended: LeaderTurn) -> Option<Arc<Waiter>> {
        debug_assert!(self.led, "only a leader can hand the lead over");
        let next = match ended {
            LeaderTurn::Round => self.pop_exclusive().or_else(|| self.pop_committer()),
            LeaderTurn::Exclusive => self.pop_committer().or_else(|| self.pop_exclusive()),
        };
        self.led = next.is_some();
        next
    }

    /// The committer with the lowest target. Any would do, since a round covers all that is
    /// published; the lowest has usually waited longest.
    fn pop_committer(&mut self) -> Option<Arc<Waiter>> {
        self.committers.pop_first().map(|(_, waiter)| waiter)
    }

    fn pop_exclusive(&mut self) -> Option<Arc<Waiter>> {
        self.others.as_mut()?.exclusives.pop_front()
    }

    fn take_watchers(&mut self) -> ByTarget<P> {
        let others = self.others.as_mut();
        others.map_or_else(ByTarget::new, |others| std::mem::take(&mut others.watchers))
    }

    fn take_ticket(&mut self) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    /// How many callers wait, of all kinds.
    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        let others = self.others.as_ref();
        let others = others.map_or(0, |others| others.watchers.len() + others.exclusives.len());
        self.committers.len() + others
    }
}

/// Splits off the waiters at or below `point`.
fn take_to<P: Copy + Ord>(waiters: &mut ByTarget<P>, point: P) -> ByTarget<P> {
    // Tickets never come near the maximum, so this key is above every waiter for `point`.
    let above = waiters.split_off(&(point, Ticket::MAX));
    std::mem::replace(waiters, above)
}

/// The callers to wake, once the group's lock is released.
#[must_use = "waiters taken out of the queue sleep for ever unless they are woken"]
pub(super) struct Wake<P> {
    pub(super) leader: Option<Arc<Waiter>>,
    settled: [ByTarget<P>; 2],
}

impl<P> Wake<P> {
    /// How many of them could have led.
    pub(super) fn committer_count(&self) -> usize {
        self.settled[0].len()
    }

    /// Wakes them and returns how many. The next leader comes first, so that the disk is not idle
    /// while the others wake.
    pub(super) fn send(self) -> usize {
        let mut woken = 0;
        if let Some(leader) = self.leader {
            leader.wake(Wakeup::Lead);
            woken += 1;
        }
        for waiter in self.settled.into_iter().flat_map(BTreeMap::into_values) {
            waiter.wake(Wakeup::Settled);
            woken += 1;
        }
        woken
    }
}
