//! How does a number read? Three digits that matter, and its unit.

use crate::works::Unit;

pub fn shown(value: f64, unit: Unit) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    match unit {
        Unit::PerSecond | Unit::Count => scaled(value, 1000.0, &["", " k", " M", " G"]),
        Unit::BytesPerSecond => scaled(value, 1000.0, &[" B/s", " kB/s", " MB/s", " GB/s"]),
        Unit::Nanoseconds => scaled(value, 1000.0, &[" ns", " µs", " ms", " s"]),
        Unit::Bytes => scaled(value, 1024.0, &[" B", " KiB", " MiB", " GiB"]),
        Unit::Percent => format!("{value:.0} %"),
    }
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut index = 0;
    while value.abs() >= step && index + 1 < units.len() {
        value /= step;
        index += 1;
    }
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        large if large >= 99.95 => 0,
        middle if middle >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.digits$}{}", units[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_their_unit() {
        assert_eq!(shown(1_234_567.0, Unit::PerSecond), "1.23 M");
        assert_eq!(shown(81.4, Unit::Nanoseconds), "81.4 ns");
        assert_eq!(shown(125_400.0, Unit::Nanoseconds), "125 µs");
        assert_eq!(shown(3.0 * 1024.0, Unit::Bytes), "3 KiB");
        assert_eq!(shown(0.0, Unit::Count), "0");
        assert_eq!(shown(52.0, Unit::Count), "52");
        assert_eq!(shown(f64::NAN, Unit::Count), "–");
    }
}
