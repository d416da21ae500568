//! The process and the CPU: threads, fork, thread cancellation, prefetching. Not the disk.

#[cfg(feature = "capi")]
mod cancellation;
#[cfg(unix)]
pub mod fork;
mod prefetch;
mod random;
#[cfg(unix)]
pub mod retry;
mod thread;

#[cfg(feature = "capi")]
pub use cancellation::CancellationGuard;
#[cfg(unix)]
pub use fork::fork_generation;
pub use prefetch::prefetch;
pub use random::random_bytes;
#[cfg(feature = "simulation")]
pub use thread::refuse_threads;
pub use thread::spawn;
#[cfg(feature = "simulation")]
pub use thread::threads_refused;

/// A process without `fork` has one generation.
#[cfg(windows)]
pub fn fork_generation() -> u64 {
    0
}
