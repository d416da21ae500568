//! The process and the CPU: threads, fork, thread cancellation, hash keys, prefetching. Disk access
//! is in `storage`.

mod cancellation;
#[cfg(feature = "inspection")]
mod closed_output;
#[cfg(unix)]
mod event;
#[cfg(unix)]
pub mod fork;
mod hash;
#[cfg(feature = "inspection")]
mod interrupt;
mod prefetch;
mod random;
#[cfg(unix)]
pub mod retry;
mod thread;

pub use cancellation::CancellationGuard;
#[cfg(feature = "inspection")]
pub use closed_output::is_output_closed;
#[cfg(unix)]
pub use event::EventDescriptor;
#[cfg(unix)]
pub use fork::fork_generation;
pub use hash::HashKeys;
pub use hash::HashMap;
pub use hash::HashSet;
#[cfg(feature = "inspection")]
pub use interrupt::Interrupt;
pub use prefetch::prefetch;
pub use random::random_bytes;
pub use thread::join;
pub use thread::processor_count;
#[cfg(feature = "simulation")]
pub use thread::refuse_threads;
pub use thread::sleep;
pub use thread::spawn;
#[cfg(feature = "simulation")]
pub use thread::threads_refused;

/// A process without `fork` has one generation.
#[cfg(windows)]
pub fn fork_generation() -> u64 {
    0
}

#[cfg(unix)]
pub use std::os::fd::AsFd;
#[cfg(unix)]
pub use std::os::fd::BorrowedFd;
