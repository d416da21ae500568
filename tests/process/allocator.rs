//! How much was allocated, and what if a large allocation is refused?
//!
//! The allocator of this program passes each call on to that of the system.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// The largest single allocation of the process since this was last reset.
pub static LARGEST: AtomicUsize = AtomicUsize::new(0);

/// Larger allocations are refused, as by a system that has no more memory.
pub static MAX_AT_ONCE: AtomicUsize = AtomicUsize::new(usize::MAX);

thread_local! {
    /// How often this thread has allocated.
    pub static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// How many bytes this thread has allocated.
    pub static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

/// Counts an allocation; false if it is refused.
fn allows(size: usize) -> bool {
    // A thread that ends does not count.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = ALLOCATED.try_with(|sum| sum.set(sum.get() + size));
    LARGEST.fetch_max(size, Ordering::Relaxed);
    size <= MAX_AT_ONCE.load(Ordering::Relaxed)
}

struct Watched;

// SAFETY: every call goes to the system's allocator unchanged, or reports that there is no memory.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !allows(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !allows(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !allows(new_size) {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;
