//! How are many durations kept in little space, and told as percentiles?
//!
//! Buckets are 1/64 of a power of two wide, so a percentile is off by 1.6 % at most; the maximum
//! is exact. After HdrHistogram (Gil Tene), reduced to what is needed here.

use std::collections::BTreeMap;

const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;

/// The share of calls at or below each percentile told, and its name.
pub const PERCENTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

/// Counts of durations, in a unit of the caller's.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Histogram {
            counts: vec![0; bucket(u64::MAX) + 1],
            total: 0,
            largest: 0,
        }
    }

    #[inline]
    pub fn add(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.largest = self.largest.max(value);
    }

    pub fn add_all(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.largest = self.largest.max(other.largest);
    }

    /// The value that a share of all is at or below; 0 where nothing was added.
    pub fn at(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return upper_end(index).min(self.largest);
            }
        }
        self.largest
    }

    /// All percentiles and the maximum, times `scale`.
    pub fn tell(&self, scale: f64, into: &mut BTreeMap<String, f64>) {
        for (name, share) in PERCENTILES {
            into.insert(name.to_owned(), self.at(share) as f64 * scale);
        }
        into.insert("max".to_owned(), self.largest as f64 * scale);
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - SUB_BITS;
    (u64::from(shift) * SUB + (value >> shift)) as usize
}

/// The largest value that falls into a bucket.
fn upper_end(index: usize) -> u64 {
    let index = index as u64;
    if index < SUB {
        return index;
    }
    let shift = index / SUB - 1;
    let value = u128::from(index - shift * SUB + 1) << shift;
    u64::try_from(value - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_its_bucket_within_a_sixtieth() {
        for value in [0, 1, 63, 64, 65, 127, 128, 1_000, 123_456_789, u64::MAX] {
            let end = upper_end(bucket(value));
            assert!(
                end >= value && end as f64 <= value as f64 * 1.017 + 1.0,
                "{value}"
            );
            assert!(value == 0 || bucket(value - 1) <= bucket(value));
        }
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut histogram = Histogram::new();
        (1..=1_000).for_each(|value| histogram.add(value));
        let near = |share, value: f64| (histogram.at(share) as f64 / value - 1.0).abs() < 0.02;
        assert!(near(0.5, 500.0) && near(0.99, 990.0));
        assert_eq!(histogram.at(1.0), 1_000);
    }
}
