//! How do callers who need a position made durable share rounds, with one leader each?
//!
//! - **Happy path.** Who needs durability and finds nobody leading leads a round, without any lock
//!   held; the others wait. When the round succeeds, the committed point moves forward, those it
//!   covers are woken, and so is one other, to whom leadership is passed. Where others are likely to
//!   come back at once, a leader waits for them first (`gather`). Alone, a caller pays three
//!   short locks and no allocation; for a position already committed, one atomic load.
//! - **Failure.** The first error is kept and told to everyone whose position is not committed, for
//!   ever. The point does not move after it, even if a round that was under way then succeeds: a
//!   kernel may report a lost write to one sync and success to the next. A leader who panics fails
//!   the group the same way; the panic goes on in the leader's own thread.
//! - **Close.** Waiters whose position is not committed are told so, a round under way may finish.
//!
//! The rule above all: *whose position is committed gets `Ok`*, whatever has happened since.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::panic::resume_unwind;
use std::sync::PoisonError;
use std::time::Instant;

use super::batching_delay::BatchingEstimator;
use super::position::Position;
use super::primitives;
use super::queue::LeaderTurn;
use super::queue::Queue;
use super::queue::Wake;
use super::waiter::Wakeup;

/// A leader yields the processor so often at most before it begins.
const MAX_YIELDS: usize = 200;

/// Why a position is not known to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitError<E> {
    /// The group failed earlier; this is its first error.
    Poisoned(E),
    /// The group was closed before the position was committed.
    Closed,
    /// The deadline came first.
    Timeout,
}

/// What can go wrong in the code that runs as a leader without its returning an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderFault {
    /// A round, or exclusive work, panicked.
    LeaderPanicked,
    /// A round claimed success, yet reached neither its leader's target nor anything new.
    NoProgress,
}

/// Orders callers who need a position made durable into rounds with one leader each.
///
/// Shared by reference between threads. A round or exclusive work must not call back into
/// [`commit`](Self::commit) or [`exclusive`](Self::exclusive) of the same group: it would wait for itself.
///
/// Positions of one group only grow. Where they are given out anew, after a cut of the log's end,
/// a new group must take over.
pub struct GroupCommit<P, E> {
    /// Everything below it is durable.
    // Invariant: written only under the lock of `state`, and never lowered; whoever reads a value
    // here may rely on it for ever.
    committed: primitives::AtomicU64,
    state: primitives::Mutex<State<P, E>>,
    /// How often a committer queued, for a leader who waits for them without the lock.
    // Invariant: raised under the lock of `state`, together with the queue.
    arrivals: primitives::AtomicU64,
    fault: fn(LeaderFault) -> E,
    /// How many threads were woken, for tests that count.
    #[cfg(test)]
    pub(super) woken: std::sync::atomic::AtomicUsize,
}

struct State<P, E> {
    queue: Queue<P>,
    crowd: BatchingEstimator,
    // Invariant: once set it stays as it is, and `committed` with it.
    failure: Option<E>,
    closed: bool,
}

/// How a caller of `commit` stands after waiting, if it had to.
enum WaitOutcome<E> {
    /// It leads and must end its turn.
    Leads,
    Answered(Result<(), CommitError<E>>),
    /// It was woken without an answer, and is not in the queue any more.
    Woken,
}

impl<P: Position, E: Clone> GroupCommit<P, E> {
    /// A group whose positions below `start` are already durable. `fault` makes the error that is
    /// kept when a leader panics or its round brings nothing; it must not panic itself.
    pub fn new(start: P, fault: fn(LeaderFault) -> E) -> Self {
        GroupCommit {
            committed: primitives::AtomicU64::new(start.to_u64()),
            state: primitives::Mutex::new(State {
                queue: Queue::new(),
                crowd: BatchingEstimator::new(),
                failure: None,
                closed: false,
            }),
            arrivals: primitives::AtomicU64::new(0),
            fault,
            #[cfg(test)]
            woken: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// Returns once everything below `target` is durable, or `is_void` tells that `target` is not
    /// wanted any more: then there was no failure, and the caller knows what became of it. Whoever
    /// makes a target void calls [`wake_to_recheck`](Self::wake_to_recheck) after that. `target` must have been
    /// published, or a round publishes it, unless it is void by then.
    ///
    /// `round` runs in this thread if it comes to lead, with no lock held and never beside another
    /// round or exclusive work. It makes durable everything that was published when it began, and
    /// returns the end of that. If others led the rounds that were needed, it is not called.
    /// An error of it is final for the whole group. A round may still begin just after the group
    /// failed or was closed, by whom leadership was being passed to.
    pub fn commit(
        &self,
        target: P,
        is_void: impl Fn() -> bool,
        mut round: impl FnMut() -> Result<P, E>,
    ) -> Result<(), CommitError<E>> {
        // A round that began before `target` was published may end below it; then it is our turn,
        // or we wait, once more. Every round moves the point or fails the group, so this ends.
        while !is_void() {
            match self.lead_or_wait(target) {
                WaitOutcome::Leads => self.lead_round(target, &is_void, &mut round),
                WaitOutcome::Answered(answer) => return answer,
                WaitOutcome::Woken => {}
            }
        }
        Ok(())
    }

    /// Whether others commit at the same time: somebody waits for a round, or shared the last one.
    pub fn is_contended(&self) -> bool {
        let state = self.lock();
        state.queue.committer_count() > 0 || state.crowd.expects_more()
    }

    /// Has all who wait for a position look whether theirs is void; the others wait on.
    pub fn wake_to_recheck(&self) {
        let mut state = self.lock();
        let wake = state.queue.complete_committers();
        drop(state);
        self.send(wake);
    }

    /// Returns once everything below `target` is durable, without ever leading a round; with a
    /// deadline, gives up then. A deadline in the past makes this a mere question.
    pub fn wait(&self, target: P, deadline: Option<Instant>) -> Result<(), CommitError<E>> {
        if self.committed() >= target {
            return Ok(());
        }
        let mut state = self.lock();
        if let Some(answer) = self.answer_locked(&state, target) {
            return answer;
        }
        if deadline.is_some_and(primitives::has_passed) {
            return Err(CommitError::Timeout);
        }
        let (ticket, waiter) = state.queue.add_watcher(target);
        drop(state);
        match deadline {
            None => drop(waiter.park()),
            Some(deadline) => waiter.park_until(deadline),
        }
        if self.committed() >= target {
            return Ok(());
        }
        let mut state = self.lock();
        if let Some(answer) = self.answer_locked(&state, target) {
            return answer;
        }
        // Without an answer nobody took us out of the queue: it was the deadline.
        state.queue.remove_watcher(target, ticket);
        Err(CommitError::Timeout)
    }

    /// The point below which everything is durable. It only grows. Takes no lock.
    pub fn committed(&self) -> P {
        P::from_u64(self.committed.load(primitives::Ordering::Acquire))
    }

    /// Fails the group: everyone whose position is not committed, now or later, gets the first
    /// error ever given. Once this returns, the point does not move any more.
    pub fn poison(&self, error: E) {
        let mut state = self.lock();
        if state.failure.is_some() {
            return;
        }
        state.failure = Some(error);
        let wake = state.queue.complete_all();
        drop(state);
        self.send(wake);
    }

    /// The first error of the group, if it failed.
    pub fn poisoned(&self) -> Option<E> {
        self.lock().failure.clone()
    }

    /// Turns away everyone whose position is not committed, now or later. Does not wait: one who
    /// leads already does so to the end (see [`exclusive`](Self::exclusive)), and if the round succeeds,
    /// what it covers is committed.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let wake = state.queue.complete_all();
        drop(state);
        self.send(wake);
    }

    /// Runs `work` while nobody leads; nobody begins to lead before it returns. Also in a closed or
    /// failed group. If it panics, the group is failed and the panic goes on.
    pub fn exclusive<R>(&self, work: impl FnOnce() -> R) -> R {
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
                "exclusive callers are told nothing else"
            );
        }
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(value) => {
                self.end_turn(LeaderTurn::Exclusive, Ok(self.committed()), 0);
                value
            }
            Err(panic) => {
                self.end_turn(
                    LeaderTurn::Exclusive,
                    Err((self.fault)(LeaderFault::LeaderPanicked)),
                    0,
                );
                resume_unwind(panic)
            }
        }
    }

    /// Moves the point forward from outside a round; for what was proven durable in another way,
    /// in exclusive work or by recovery. A point behind changes nothing, nor does a failed group's.
    pub fn advance(&self, to: P) {
        let mut state = self.lock();
        self.raise_locked(&state, to);
        let wake = state.queue.complete_up_to(self.committed());
        drop(state);
        self.send(wake);
    }

    /// Becomes the leader, or waits until there is an answer or leadership is passed to us.
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

    /// Runs one round as the leader and ends the turn, whatever comes of it.
    fn lead_round(
        &self,
        target: P,
        is_void: &impl Fn() -> bool,
        round: &mut impl FnMut() -> Result<P, E>,
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
        // A round that brings nothing would be led again for ever.
        let stuck = matches!(outcome, Ok(point) if point < target && point <= before) && !is_void();
        let outcome = if stuck {
            Err((self.fault)(LeaderFault::NoProgress))
        } else {
            outcome
        };
        self.end_turn(LeaderTurn::Round, outcome, took_ns);
        debug_assert!(!stuck, "a round succeeded without reaching anything new");
    }

    /// Waits, as the leader, for those who are likely to commit at once. Never long (`gather`), and
    /// yielding the processor to them; whatever comes of it, the round covers what is there then.
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
        // Counted too, for a clock that stands still.
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

    /// Ends the caller's turn as the leader: notes what it brought, passes leadership on, and wakes
    /// those who have an answer now.
    fn end_turn(&self, ended: LeaderTurn, outcome: Result<P, E>, took_ns: u64) {
        let mut state = self.lock();
        match outcome {
            Ok(point) => self.raise_locked(&state, point),
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
        }
        wake.leader = state.queue.hand_over_lead(ended);
        drop(state);
        self.send(wake);
    }

    /// Moves the point forward, unless the group has failed.
    fn raise_locked(&self, state: &State<P, E>, point: P) {
        if state.failure.is_none() && point > self.committed() {
            // Release: who sees the point also sees what its leader did before.
            self.committed
                .store(point.to_u64(), primitives::Ordering::Release);
        }
    }

    /// What a caller waiting for `target` is to be told, if that is known.
    fn answer_locked(&self, state: &State<P, E>, target: P) -> Option<Result<(), CommitError<E>>> {
        if self.committed() >= target {
            return Some(Ok(()));
        }
        if let Some(error) = &state.failure {
            return Some(Err(CommitError::Poisoned(error.clone())));
        }
        state.closed.then_some(Err(CommitError::Closed))
    }

    fn send(&self, wake: Wake<P>) {
        let _woken = wake.send();
        #[cfg(test)]
        self.woken
            .fetch_add(_woken, std::sync::atomic::Ordering::Relaxed);
    }

    /// A panic under the lock could only come from an assertion of ours or from cloning an error.
    /// Every step leaves the state whole, so it stays in use, and waiters are not stranded.
    fn lock(&self) -> primitives::MutexGuard<'_, State<P, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many callers wait, of whatever kind.
    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        self.lock().queue.waiting_count()
    }
}
