//! How did a log grow, as a picture?
//!
//! A step for each segment, at the time at which its file was last changed: that is when it was sealed, or last
//! appended to. Segments that are removed are in no picture. A copy of a log may have the times of the copying.

use std::time::Duration;
use std::time::SystemTime;

use ironwal::tools::SegmentStat;

use super::markup::Markup;
use super::utc;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;
/// Steps beyond this number are drawn together.
const MOST_STEPS: usize = 500;
/// All within less is one moment.
const SHORTEST: Duration = Duration::from_millis(1);

/// Draws how many bytes the files of these segments had at which time. `None`: there are not two different times.
pub fn draw<'a>(segments: impl Iterator<Item = &'a SegmentStat>, what: &str) -> Option<Markup> {
    let mut changes: Vec<(SystemTime, u64)> = segments
        .filter_map(|segment| Some((segment.modified?, segment.bytes)))
        .collect();
    changes.sort_unstable();
    let (first, last) = (changes.first()?.0, changes.last()?.0);
    let span = last
        .duration_since(first)
        .ok()
        .filter(|span| *span >= SHORTEST)?;
    let total: u64 = changes.iter().map(|(_, bytes)| bytes).sum();
    let together = changes.len().div_ceil(MOST_STEPS);
    let mut sum = 0;
    let mut path = Markup::default();
    for changes in changes.chunks(together) {
        // The last of those that are drawn together: the curve is never above the truth.
        let at = changes.last().map_or(last, |(time, _)| *time);
        let since = at.duration_since(first).unwrap_or_default();
        sum += changes.iter().map(|(_, bytes)| bytes).sum::<u64>();
        path.raw("H")
            .coordinate(WIDTH * since.as_secs_f64() / span.as_secs_f64());
        path.raw("V")
            .coordinate(HEIGHT * (1.0 - sum as f64 / total.max(1) as f64));
    }
    let mut figure = Markup::default();
    figure.raw("<figure class=\"growth\"><div class=\"scale\"><span>");
    figure.text(&size(total)).raw("</span><span>");
    figure
        .text(&size(total / 2))
        .raw("</span><span>0</span></div>\n");
    figure.raw("<svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" role=\"img\"><title>");
    figure.text(&format!(
        "{what}: from {} to {} the files grew to {total} bytes, in {} steps",
        utc::second(first),
        utc::second(last),
        changes.len(),
    ));
    figure.raw("</title><path class=\"grid\" d=\"M0 0H1000M0 50H1000M0 100H1000\"/>");
    figure
        .raw("<path class=\"area\" d=\"M0 100")
        .append(&path)
        .raw("V100Z\"/>");
    figure
        .raw("<path class=\"line\" d=\"M0 100")
        .append(&path)
        .raw("\"/></svg>\n");
    figure.raw("<figcaption><span>").text(&utc::second(first));
    figure.raw("</span><span>").text(&utc::second(last));
    figure.raw("</span></figcaption></figure>\n");
    Some(figure)
}

/// Bytes in the largest unit that leaves a digit in front of the point.
pub fn size(bytes: u64) -> String {
    let (mut value, mut units) = (bytes as f64, ["kB", "MB", "GB", "TB", "PB", "EB"].iter());
    let mut unit = "bytes";
    while value >= 999.95 {
        let Some(next) = units.next() else { break };
        (value, unit) = (value / 1000.0, next);
    }
    match unit {
        "bytes" if bytes == 1 => "1 byte".to_owned(),
        "bytes" => format!("{bytes} bytes"),
        unit => format!("{value:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_that_fits() {
        let rows = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_951, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, written) in rows {
            assert_eq!(size(bytes), written);
        }
    }
}
