//! How is the time of one call taken, at the least cost?
//!
//! On x86-64 the time stamp counter is read (about 10 ns, against 21 ns for the system's clock);
//! it is held against the system's clock once at the start. Elsewhere the system's clock is used.

use std::sync::OnceLock;
use std::time::Duration;
use std::time::Instant;

/// A reading of the clock, in its own unit.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn ticks() -> u64 {
    // SAFETY: the instruction reads a counter and touches no memory; every x86-64 has it.
    #[allow(unused_unsafe)]
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
}

/// A reading of the clock, in its own unit.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn ticks() -> u64 {
    started().elapsed().as_nanos() as u64
}

#[cfg(not(target_arch = "x86_64"))]
fn started() -> Instant {
    static STARTED: OnceLock<Instant> = OnceLock::new();
    *STARTED.get_or_init(Instant::now)
}

/// How many nanoseconds a tick lasts. Measured once, in 50 ms.
pub fn ns_per_tick() -> f64 {
    static SCALE: OnceLock<f64> = OnceLock::new();
    *SCALE.get_or_init(|| {
        let (started, from) = (Instant::now(), ticks());
        while started.elapsed() < Duration::from_millis(50) {
            std::hint::spin_loop();
        }
        let (elapsed, to) = (started.elapsed(), ticks());
        elapsed.as_nanos() as f64 / (to - from) as f64
    })
}
