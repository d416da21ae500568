//! What time is it? Nothing is measured: time stands still, or passes when somebody waits for it.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

// Of the checker's own thread, on which all threads of one execution take turns.
std::thread_local! {
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static PASSES: Cell<bool> = const { Cell::new(false) };
}

/// To be called first in each execution. If time passes, every wait with a deadline comes to its
/// end. If not, none does: then a wake-up that is lost is found as a deadlock.
pub fn begin(passes: bool) {
    PASSED.set(Duration::ZERO);
    PASSES.set(passes);
}

/// The time.
pub fn now() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now) + PASSED.get()
}

pub(super) fn passes() -> bool {
    PASSES.get()
}

/// It is `deadline`, or later.
pub(super) fn advance_to(deadline: Instant) {
    let ahead = deadline.saturating_duration_since(now());
    PASSED.set(PASSED.get() + ahead);
}
