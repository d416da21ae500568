//! What must hold: once a stream is in use, an append under `Async` allocates nothing, at whatever
//! size up to the write buffer; though a stream that rests keeps no buffer of its own.

#![allow(unsafe_code)]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;

use ironwal::*;

#[path = "support/mod.rs"]
mod support;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    // A thread that ends does not count.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged; only a number is noted beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn appends_in_steady_state_allocate_nothing() {
    const APPENDS: u64 = 1000;
    let place = support::place();
    let wal = Wal::new(support::options(place.path(), SyncMode::Async)).expect("opens");
    let streams = ["a", "b"].map(|key| wal.stream(key).expect("a handle"));
    for len in [0, 10, 511, 513, 4000, 60_000] {
        let entry = vec![7; len];
        let append = |n: u64| streams[n as usize % 2].append(&entry).expect("appends");
        for n in 0..10 {
            append(n);
        }
        let before = ALLOCATIONS.get();
        assert!(before > 0, "the count works");
        for n in 0..APPENDS {
            append(n);
        }
        let made = ALLOCATIONS.get() - before;
        // Space and the index grow now and then, and a segment may end.
        assert!(
            made < APPENDS / 20,
            "{made} allocations of {len} bytes each"
        );
    }
}
