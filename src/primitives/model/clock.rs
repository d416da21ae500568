//! The checker's clock. Nothing is measured: time stands still, or advances when a thread waits for
//! it.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

// Local to the checker's own thread, which runs all threads of one execution in turn.
std::thread_local! {
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static PASSES: Cell<bool> = const { Cell::new(false) };
}

/// Must be called first in each execution. If time passes, every wait with a deadline times out. If
/// not, none does, and a lost wake-up shows as a deadlock.
pub fn begin(passes: bool) {
    PASSED.set(Duration::ZERO);
    PASSES.set(passes);
}

/// The current time.
pub fn now() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now) + PASSED.get()
}

pub(super) fn passes() -> bool {
    PASSES.get()
}

/// Advances the clock to `deadline`.
pub(super) fn advance_to(deadline: Instant) {
    let ahead = deadline.saturating_duration_since(now());
    PASSED.set(PASSED.get() + ahead);
}
