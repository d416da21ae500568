//! Prefetches memory into the processor's cache.

#![allow(unsafe_code)]

const CACHE_LINE_LEN: usize = 64;

/// Hints the processor to load the first `most_lines` cache lines of `bytes`. Does not wait.
#[inline]
pub fn prefetch(bytes: &[u8], most_lines: usize) {
    for line in bytes.chunks(CACHE_LINE_LEN).take(most_lines) {
        prefetch_line(line);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn prefetch_line(line: &[u8]) {
    use std::arch::x86_64::_MM_HINT_T0;
    use std::arch::x86_64::_mm_prefetch;
    // SAFETY: an address within a slice; the instruction reads nothing the program could see and
    // never faults. Every x86-64 processor has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn prefetch_line(line: &[u8]) {
    // An ordinary load, whose result is unused.
    std::hint::black_box(line.first());
}
