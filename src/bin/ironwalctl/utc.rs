//! How is a time written for people?

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

const SECONDS_A_DAY: i64 = 86_400;

/// The time in UTC, to the second: `2026-01-31 23:59:59 UTC`.
pub fn second(time: SystemTime) -> String {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs_f64().ceil() as i64),
    };
    let (year, month, day) = date(seconds.div_euclid(SECONDS_A_DAY));
    let seconds = seconds.rem_euclid(SECONDS_A_DAY);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of the day that is this many days after 1970-01-01 in the Gregorian calendar.
///
/// Years begin on the first of March here, so that a leap day is the last day of its year. 400 years have 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    // From 1st March of the year 0 to 1970-01-01.
    let days = days + 719_468;
    let (cycle, day_of_cycle) = (
        days.div_euclid(DAYS_IN_400_YEARS),
        days.rem_euclid(DAYS_IN_400_YEARS),
    );
    let starts_at = |year: i64| 365 * year + year / 4 - year / 100;
    let mut year = (day_of_cycle / 365).min(399);
    while starts_at(year) > day_of_cycle {
        year -= 1;
    }
    let day_of_year = day_of_cycle - starts_at(year);
    // Months from March on have 31, 30, 31, 30, 31 days, twice, and then two more: 153 days in each five.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year + i64::from(month >= 10);
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_have_their_dates() {
        let rows = [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (11_322, (2000, 12, 31)),
            (11_323, (2001, 1, 1)),
            (20_787, (2026, 11, 30)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ];
        for (days, expected) in rows {
            assert_eq!(date(days), expected, "{days}");
        }
        // Each day is the one after the day before it, for 1,000 years.
        let mut before = date(-1);
        for days in 0..365_243 {
            let now = date(days);
            let is_next = now == (before.0, before.1, before.2 + 1)
                || now == (before.0, before.1 + 1, 1) && before.2 >= 28
                || now == (before.0 + 1, 1, 1) && (before.1, before.2) == (12, 31);
            assert!(is_next, "{now:?} after {before:?}");
            before = now;
        }
        assert_eq!(before, (2969, 12, 31));
    }

    #[test]
    fn a_time_is_written_to_the_second() {
        let after = |seconds| second(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(after(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(after(1_796_057_675), "2026-11-30 16:54:35 UTC");
        let before = second(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(before, "1969-12-31 23:59:59 UTC");
    }
}
