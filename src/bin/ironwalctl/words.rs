//! Which words say a number, a size, a time, a state?

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use ironwal::CheckpointData;
use ironwal::Severity;
use ironwal::tools::SegmentState;

/// A number, and what is counted.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// When a checkpoint was created.
pub fn time_of(checkpoint: &CheckpointData) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(checkpoint.timestamp)
}

/// The word for a severity, in text as in JSON.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Damage => "damage",
        Severity::Unreadable => "unreadable",
    }
}

/// The word for how far a segment is complete.
pub fn state_word(state: SegmentState) -> &'static str {
    match state {
        SegmentState::Sealed => "sealed",
        SegmentState::Open => "open",
        SegmentState::EndLost => "end damaged",
    }
}

/// A number of bytes; of many also in a larger unit.
pub fn size(bytes: u64) -> String {
    let exact = counted(bytes, "byte", "bytes");
    let (mut value, mut units) = (bytes as f64, ["kB", "MB", "GB", "TB", "PB", "EB"].iter());
    let mut unit = "";
    while value >= 1000.0 {
        value /= 1000.0;
        unit = units.next().unwrap_or(&"");
    }
    match bytes {
        0..10_000 => exact,
        _ => format!("{exact} ({value:.1} {unit})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_large_ones_are_rounded_beside() {
        let rows = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (9_999, "9999 bytes"),
            (10_000, "10000 bytes (10.0 kB)"),
            (100_003_636, "100003636 bytes (100.0 MB)"),
            (u64::MAX, "18446744073709551615 bytes (18.4 EB)"),
        ];
        for (bytes, shown) in rows {
            assert_eq!(size(bytes), shown);
        }
    }
}
