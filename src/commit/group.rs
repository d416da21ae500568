//! How do callers that need a position durable share rounds, with one leader each?
//!
//! - **Happy path.** A caller that needs durability while no thread leads becomes the leader and
//!   runs a round, with no lock held; the others wait. When the round succeeds, the committed point
//!   advances. The leader wakes the callers it covers, and one more, which leads next. If more
//!   callers are likely to return at once, the leader waits for them first (`batching_delay`). A
//!   lone caller pays three short locks and no allocation; for a position already committed, one
//!   atomic load.
//! - **Failure.** The group keeps the first error for ever and returns it to every caller whose
//!   position is not committed. The point does not advance after it, even if a round in progress
//!   then succeeds: a kernel may report a lost write to one sync and success to the next. A leader
//!   that panics fails the group the same way; the panic continues in the leader's thread.
//! - **Close.** Callers whose position is not committed get `Closed`; a round in progress may
//!   finish.
//!
//! Beside the point stands what it means in ids: one past the last durable id. Both are written
//! together, under the lock. The point only grows; a cut, which gives ids again, moves the ids back
//! (`set_in_turn`) and wakes all watchers, so that each asks again.
//!
//! Listeners, which wait without a thread of their own, are in `notify`.
//!
//! Above all: *a caller whose position is committed gets `Ok`*, whatever has happened since.

use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::sync::PoisonError;
use std::time::Instant;

use super::answer::CommitError;
use super::batching_delay::BatchingEstimator;
use super::listeners::Listeners;
use super::position::Position;
use super::position::Reached;
use super::primitives;
use super::queue::LeaderTurn;
use super::queue::Queue;
use super::queue::Wake;
use super::waiter::Wakeup;

/// A leader yields the processor at most this often before its round.
const MAX_YIELDS: usize = 200;

/// What a wait came to, if not to an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Everything below the target is durable.
    Committed,
    /// Ids were cut: what the caller waits for may have another position, or may be gone. It asks
    /// again.
    LookAgain,
}

/// Faults of a leader's code other than a returned error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderFault {
    /// A round, or exclusive work, panicked.
    LeaderPanicked,
    /// A round returned success, but neither reached its leader's target nor advanced the point.
    NoProgress,
}

/// Groups callers that need a position durable into rounds with one leader each.
///
/// Shared by reference between threads. A round or exclusive work must not call back into
/// [`commit`](Self::commit) or [`exclusive`](Self::exclusive) of the same group: it would deadlock.
///
/// Positions of a group only grow. The ids that they mean may be given again by a cut
/// ([`set_in_turn`](Self::set_in_turn)).
pub struct GroupCommit<P, I, E> {
    /// Everything below it is durable.
    // Invariant: written only under the lock of `state`, and never lowered; a value once read stays
    // valid.
    committed: primitives::AtomicU64,
    /// One past the last durable id at that point.
    // Invariant: written only under the lock of `state`, before a point that it belongs to: a thread
    // that reads the point, and then this, finds no id of an earlier point.
    durable_end: primitives::AtomicU64,
    state: primitives::Mutex<State<P, E>>,
    ids: PhantomData<fn() -> I>,
    /// How many committers have queued; a leader that waits for them reads it without the lock.
    // Invariant: raised under the lock of `state`, together with the queue.
    arrivals: primitives::AtomicU64,
    fault: fn(LeaderFault) -> E,
    /// Threads woken, counted for tests.
    #[cfg(test)]
    pub(super) woken: std::sync::atomic::AtomicUsize,
}

pub(super) struct State<P, E> {
    queue: Queue<P>,
    /// Callbacks and wakers. Usually none, so boxed.
    pub(super) listeners: Option<Box<Listeners<P, E>>>,
    crowd: BatchingEstimator,
    counts: RoundCounts,
    // Invariant: once set it stays as it is, and `committed` and `durable_end` with it.
    pub(super) failure: Option<E>,
    pub(super) closed: bool,
}

/// What the group has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundCounts {
    /// Rounds of leaders, failed ones included. Exclusive work is none.
    pub rounds: u64,
    /// Committers that these rounds answered, their leaders included.
    pub callers: u64,
}

/// While this lives no caller of the group leads.
#[must_use = "the turn ends when it is dropped"]
pub struct ExclusiveTurn<'a, P: Position, I: Position, E: Clone> {
    group: &'a GroupCommit<P, I, E>,
    /// A log may be closed by a thread that panics.
    began_in_panic: bool,
}

impl<'a, P: Position, I: Position, E: Clone> ExclusiveTurn<'a, P, I, E> {
    fn new(group: &'a GroupCommit<P, I, E>) -> Self {
        let began_in_panic = std::thread::panicking();
        ExclusiveTurn {
            group,
            began_in_panic,
        }
    }
}

impl<P: Position, I: Position, E: Clone> Drop for ExclusiveTurn<'_, P, I, E> {
    fn drop(&mut self) {
        let outcome = match std::thread::panicking() && !self.began_in_panic {
            true => Err((self.group.fault)(LeaderFault::LeaderPanicked)),
            false => Ok(None),
        };
        self.group.end_turn(LeaderTurn::Exclusive, outcome, 0);
    }
}

/// The state of a caller of `commit` after its wait, if any.
enum WaitOutcome<E> {
    /// It leads, and must end its turn.
    Leads,
    Answered(Result<(), CommitError<E>>),
    /// It was woken without an answer and has left the queue.
    Woken,
}

impl<P: Position, I: Position, E: Clone> GroupCommit<P, I, E> {
    /// A group in which everything up to `start` is durable. `fault` makes the error to keep when a
    /// leader panics or its round advances nothing; it must not panic.
    pub fn new(start: Reached<P, I>, fault: fn(LeaderFault) -> E) -> Self {
        GroupCommit {
            committed: primitives::AtomicU64::new(start.point.to_u64()),
            durable_end: primitives::AtomicU64::new(start.end_id.to_u64()),
            ids: PhantomData,
            state: primitives::Mutex::new(State {
                queue: Queue::new(),
                listeners: None,
                crowd: BatchingEstimator::new(),
                counts: RoundCounts::default(),
                failure: None,
                closed: false,
            }),
            arrivals: primitives::AtomicU64::new(0),
            fault,
            #[cfg(test)]
            woken: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// Returns once everything below `target` is durable, or once `is_void` returns true: then
    /// there was no failure, and the caller knows what became of `target`. A thread that makes a
    /// target void calls [`wake_to_recheck`](Self::wake_to_recheck) afterwards. `target` must be
    /// published already, or published by a round, unless it is void by then.
    ///
    /// `round` runs on this thread if it leads, with no lock held and never concurrently with
    /// another round or exclusive work. It makes durable everything published when it began and
    /// returns the end of that, as a position and in ids. It is not called if other callers' rounds sufficed. Its error is
    /// final for the whole group. A round may still begin just after the group failed or was
    /// closed, on a thread to which the lead was being handed.
    pub fn commit(
        &self,
        target: P,
        is_void: impl Fn() -> bool,
        mut round: impl FnMut() -> Result<Reached<P, I>, E>,
    ) -> Result<(), CommitError<E>> {
        // A round that began before `target` was published may end below it; then this caller leads
        // or waits once more. Every round advances the point or fails the group, so the loop ends.
        while !is_void() {
            match self.lead_or_wait(target) {
                WaitOutcome::Leads => self.lead_round(target, &is_void, &mut round),
                WaitOutcome::Answered(answer) => return answer,
                WaitOutcome::Woken => {}
            }
        }
        Ok(())
    }

    /// Whether other callers commit at the same time: one waits for a round, or shared the last
    /// one.
    pub fn is_contended(&self) -> bool {
        let state = self.lock();
        state.queue.committer_count() > 0 || state.crowd.expects_more()
    }

    /// What the group has done so far, and how many listeners and signals it has.
    pub fn counts(&self) -> (RoundCounts, usize) {
        let state = self.lock();
        let listeners = state.listeners.as_ref();
        let listening = listeners.map_or(0, |all| all.count() + all.watching_count());
        (state.counts, listening)
    }

    /// Wakes all committers to check whether their target is void; those whose target is not wait
    /// again.
    pub fn wake_to_recheck(&self) {
        let mut state = self.lock();
        let wake = state.queue.complete_committers();
        drop(state);
        self.send(wake);
    }

    /// Returns once everything below `target` is durable, without ever leading a round; `Timeout`
    /// at the deadline, if there is one. With a deadline in the past it only checks. A caller that
    /// waits for an id looks again when a cut has moved the ids.
    pub fn wait(&self, target: P, deadline: Option<Instant>) -> Result<Waited, CommitError<E>> {
        if self.committed() >= target {
            return Ok(Waited::Committed);
        }
        let mut state = self.lock();
        if let Some(answer) = self.answer_locked(&state, target) {
            return answer.map(|()| Waited::Committed);
        }
        if deadline.is_some_and(primitives::has_passed) {
            return Err(CommitError::Timeout);
        }
        let (ticket, waiter) = state.queue.add_watcher(target);
        drop(state);
        let was_woken = match deadline {
            None => {
                waiter.park();
                true
            }
            Some(deadline) => waiter.park_until(deadline),
        };
        if self.committed() >= target {
            return Ok(Waited::Committed);
        }
        let mut state = self.lock();
        if let Some(answer) = self.answer_locked(&state, target) {
            return answer.map(|()| Waited::Committed);
        }
        if was_woken {
            return Ok(Waited::LookAgain);
        }
        // The deadline passed. This waiter is still queued, unless a cut wakes it at this moment.
        state.queue.remove_watcher(target, ticket);
        Err(CommitError::Timeout)
    }

    /// The point below which everything is durable. It only grows. Takes no lock.
    pub fn committed(&self) -> P {
        P::from_u64(self.committed.load(primitives::Ordering::Acquire))
    }

    /// One past the last durable id. A cut moves it back; nothing else does. Takes no lock.
    #[inline]
    pub fn durable_end(&self) -> I {
        I::from_u64(self.durable_end.load(primitives::Ordering::Acquire))
    }

    /// Both values. For the thread that leads: no other changes them meanwhile.
    pub fn reached(&self) -> Reached<P, I> {
        Reached {
            point: self.committed(),
            end_id: self.durable_end(),
        }
    }

    /// Fails the group: every caller whose position is not committed, now or later, gets the
    /// group's first error. After this returns, the point does not advance.
    pub fn poison(&self, error: E) {
        let mut state = self.lock();
        if state.failure.is_some() {
            return;
        }
        state.failure = Some(error);
        let wake = state.queue.complete_all();
        self.finish(state, wake);
    }

    /// The first error of the group, if it has failed.
    pub fn poisoned(&self) -> Option<E> {
        self.lock().failure.clone()
    }

    /// Returns `Closed` to every caller whose position is not committed, now or later. Does not
    /// wait: a current leader finishes its round (see [`exclusive`](Self::exclusive)), and if the
    /// round succeeds, what it covers is committed.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let wake = state.queue.complete_all();
        self.finish(state, wake);
    }

    /// Runs `work` while no caller leads; none starts to lead before it returns. Works in a closed
    /// or failed group too. If `work` panics, the group fails and the panic continues.
    pub fn exclusive<R>(&self, work: impl FnOnce() -> R) -> R {
        let _turn = self.begin_exclusive();
        work()
    }

    /// The same as a value: no caller leads until it is dropped. One thread may have those of several groups;
    /// threads that wait for one while they have another do so in one order.
    pub fn begin_exclusive(&self) -> ExclusiveTurn<'_, P, I, E> {
        let mut state = self.lock();
        if state.queue.try_lead() {
            drop(state);
        } else {
            let waiter = state.queue.add_exclusive();
            drop(state);
            let signal = waiter.park();
            debug_assert_eq!(
                signal,
                Wakeup::Lead,
                "exclusive callers get no other signal"
            );
        }
        ExclusiveTurn::new(self)
    }

    /// The same where no caller leads at this moment. Waits for none.
    pub fn try_begin_exclusive(&self) -> Option<ExclusiveTurn<'_, P, I, E>> {
        let can_lead = self.lock().queue.try_lead();
        can_lead.then(|| ExclusiveTurn::new(self))
    }

    /// Advances the point outside a round, for what exclusive work or recovery has made durable. A
    /// lower point has no effect, nor has any in a failed group.
    pub fn advance(&self, to: Reached<P, I>) {
        let mut state = self.lock();
        self.raise_locked(&state, to);
        let wake = state.queue.complete_up_to(self.committed());
        self.finish(state, wake);
    }

    /// Sets what is durable after a cut or a reset, which the caller has just committed as the
    /// group's exclusive work ([`exclusive`](Self::exclusive)): the end of the durable ids, which may
    /// move back, and a point that is not below the present one. All watchers wake: what each waits
    /// for may be durable, have another position, or be gone. Committers up to the point are
    /// answered; none waits for more, because all that was staged is written or rolled back before.
    ///
    /// False: the group has failed, and both values stay; the caller's stream is poisoned.
    #[must_use]
    pub fn set_in_turn(&self, to: Reached<P, I>) -> bool {
        let mut state = self.lock();
        debug_assert!(state.queue.is_led(), "only exclusive work moves ids");
        debug_assert!(to.point >= self.committed(), "positions only grow");
        if state.failure.is_some() {
            return false;
        }
        self.store(to);
        let mut wake = state.queue.complete_up_to(self.committed());
        state.queue.complete_watchers(&mut wake);
        self.finish(state, wake);
        true
    }

    /// Becomes the leader, or waits until there is an answer or the lead is handed to this caller.
    fn lead_or_wait(&self, target: P) -> WaitOutcome<E> {
        if self.committed() >= target {
            return WaitOutcome::Answered(Ok(()));
        }
        let mut state = self.lock();
        if let Some(answer) = self.answer_locked(&state, target) {
            return WaitOutcome::Answered(answer);
        }
        if state.queue.try_lead() {
            return WaitOutcome::Leads;
        }
        let waiter = state.queue.add_committer(target);
        self.arrivals.fetch_add(1, primitives::Ordering::Release);
        drop(state);
        match waiter.park() {
            Wakeup::Lead => WaitOutcome::Leads,
            Wakeup::Settled if self.committed() >= target => WaitOutcome::Answered(Ok(())),
            Wakeup::Settled => WaitOutcome::Woken,
        }
    }

    /// Runs one round as the leader and ends the turn, whatever the outcome.
    fn lead_round(
        &self,
        target: P,
        is_void: &impl Fn() -> bool,
        round: &mut impl FnMut() -> Result<Reached<P, I>, E>,
    ) {
        self.gather();
        let before = self.committed();
        let clock = primitives::Stopwatch::start();
        let outcome = match catch_unwind(AssertUnwindSafe(round)) {
            Ok(outcome) => outcome,
            Err(panic) => {
                self.end_turn(
                    LeaderTurn::Round,
                    Err((self.fault)(LeaderFault::LeaderPanicked)),
                    0,
                );
                resume_unwind(panic)
            }
        };
        let took_ns = clock.elapsed_ns();
        // Without this, a round that advances nothing would be repeated for ever.
        let fell_short = |point: P| point < target && point <= before;
        let stuck = matches!(&outcome, Ok(to) if fell_short(to.point)) && !is_void();
        let outcome = if stuck {
            Err((self.fault)(LeaderFault::NoProgress))
        } else {
            outcome.map(Some)
        };
        self.end_turn(LeaderTurn::Round, outcome, took_ns);
        debug_assert!(!stuck, "a round succeeded without reaching anything new");
    }

    /// Waits, as the leader, for callers that are likely to commit at once. The wait is short
    /// (`batching_delay`) and yields the processor to them. Whatever the outcome, the round covers
    /// everything published when it begins.
    fn gather(&self) {
        let (plan, arrivals_before) = {
            let mut state = self.lock();
            let present = state.queue.committer_count() + 1;
            let arrivals = self.arrivals.load(primitives::Ordering::Acquire);
            (state.crowd.plan(present), arrivals)
        };
        let Some(plan) = plan else { return };
        let clock = primitives::Stopwatch::start();
        let (mut arrived, mut last_at) = (0, 0);
        // The count bounds the loop for a clock that stands still.
        for _ in 0..MAX_YIELDS {
            primitives::yield_now();
            let waited = clock.elapsed_ns();
            let arrivals = self.arrivals.load(primitives::Ordering::Acquire);
            let now_arrived = (arrivals - arrivals_before) as usize;
            if now_arrived > arrived {
                (arrived, last_at) = (now_arrived, waited);
            }
            if !plan.goes_on(waited, waited.saturating_sub(last_at), arrived) {
                break;
            }
        }
        self.lock().crowd.note_gathered(arrived);
    }

    /// Ends the caller's turn as the leader: records the outcome, hands the lead over, and wakes
    /// the callers that have an answer now.
    fn end_turn(&self, ended: LeaderTurn, outcome: Result<Option<Reached<P, I>>, E>, took_ns: u64) {
        let mut state = self.lock();
        match outcome {
            Ok(Some(to)) => self.raise_locked(&state, to),
            Ok(None) => {}
            Err(error) => {
                state.failure.get_or_insert(error);
            }
        }
        let mut wake = if state.failure.is_some() || state.closed {
            state.queue.complete_all()
        } else {
            state.queue.complete_up_to(self.committed())
        };
        if ended == LeaderTurn::Round {
            let (settled, waiting) = (wake.committer_count() + 1, state.queue.committer_count());
            state.crowd.note_round(took_ns, settled, waiting);
            state.counts.rounds += 1;
            state.counts.callers += settled as u64;
        }
        wake.leader = state.queue.hand_over_lead(ended);
        self.finish(state, wake);
    }

    /// Advances the point, unless the group has failed.
    fn raise_locked(&self, state: &State<P, E>, to: Reached<P, I>) {
        if state.failure.is_none() && to.point > self.committed() {
            self.store(to);
        }
    }

    /// Stores both values, the ids first. Called under the lock of `state`.
    fn store(&self, to: Reached<P, I>) {
        // Release: a thread that reads a value also sees what its leader did before.
        self.durable_end
            .store(to.end_id.to_u64(), primitives::Ordering::Release);
        self.committed
            .store(to.point.to_u64(), primitives::Ordering::Release);
    }

    /// The answer for a caller that waits for `target`, if it is known.
    pub(super) fn answer_locked(
        &self,
        state: &State<P, E>,
        target: P,
    ) -> Option<Result<(), CommitError<E>>> {
        if self.committed() >= target {
            return Some(Ok(()));
        }
        if let Some(error) = &state.failure {
            return Some(Err(CommitError::Poisoned(error.clone())));
        }
        state.closed.then_some(Err(CommitError::Closed))
    }

    /// Makes listeners due, releases the lock, and wakes.
    #[inline]
    fn finish(&self, mut state: primitives::MutexGuard<'_, State<P, E>>, wake: Wake<P>) {
        if state.listeners.is_none() {
            drop(state);
            self.send(wake);
            return;
        }
        let signals = self.settle_listeners(&mut state);
        drop(state);
        self.send(wake);
        for signal in signals {
            signal();
        }
    }

    fn send(&self, wake: Wake<P>) {
        let _woken = wake.send();
        #[cfg(test)]
        self.woken
            .fetch_add(_woken, std::sync::atomic::Ordering::Relaxed);
    }

    /// A panic under the lock can only come from an assertion or from cloning an error. Every step
    /// leaves the state consistent, so it stays in use and no waiter is stranded.
    pub(super) fn lock(&self) -> primitives::MutexGuard<'_, State<P, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many callers wait, of all kinds.
    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        let state = self.lock();
        let listening = state.listeners.as_ref().map_or(0, |all| all.count());
        state.queue.waiting_count() + listening
    }
}
