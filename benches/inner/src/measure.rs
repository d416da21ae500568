//! How long is a row measured, and over which bytes and ids?

use std::time::Duration;

use criterion::Criterion;

/// Rows so short that all of them together take less than two minutes.
pub fn short_runs() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .nresamples(10_000)
        .without_plots()
}

/// Bytes that do not repeat, the same in every run.
pub fn payload(len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// Numbers that nobody foresees, the processor included; the same in every run.
///
/// Algorithm: xorshift64 (Marsaglia, "Xorshift RNGs", 2003). It takes about a nanosecond.
pub struct Random(u64);

impl Random {
    /// The beginning of the sequence.
    pub fn new() -> Self {
        Random(88_172_645_463_325_252)
    }

    /// The next number below `bound`, nearly evenly.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}

impl Default for Random {
    fn default() -> Self {
        Random::new()
    }
}
