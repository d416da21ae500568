//! How does a stream look as a picture: its segments side by side, what is lost between them, and what is damaged?
//!
//! ```text
//!      │        │            damage: taller than the strip, so that it shows without its colour
//!  ▐███▌▐██│█▌ ┆┄┄┄┆ ▐██▌▐█  ▌
//!  segments, as wide as their files; a dashed frame where ids are lost; an outline where no frames are yet
//! ```

use ironwal::Severity;
use ironwal::VerifyFinding;
use ironwal::tools::SegmentStat;
use ironwal::tools::SegmentState;
use ironwal::tools::StreamStat;

use super::markup::Markup;
use super::words::state_word;

/// The picture's own units; it is stretched to the width of the page.
const WIDTH: f64 = 1000.0;
/// Segments begin below this, marks of damage at the top.
const TOP: f64 = 8.0;
const HEIGHT: f64 = 40.0;
/// More segments are drawn together, in cells of as many each.
const MOST_CELLS: usize = 250;
/// No cell is narrower than this share of all segments.
const LEAST_SHARE: f64 = 0.002;
/// How wide a place is where ids are lost, and all of them together, as shares of all segments.
const GAP_SHARE: f64 = 0.03;
const ALL_GAPS_SHARE: f64 = 0.3;

/// Segments that are drawn as one.
struct Cell<'a> {
    segments: &'a [SegmentStat],
    bytes: u64,
    lost_before: u64,
}

/// A place along the strip.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Extent {
    from: f64,
    width: f64,
}

/// Draws a stream. `findings` are those on it.
pub fn draw(stream: &StreamStat, findings: &[&VerifyFinding]) -> Markup {
    let cells = cells(&stream.segment_list);
    let held = stream
        .segment_list
        .last()
        .map_or(stream.first_id, |s| s.end_id);
    let lost_behind = stream.next_id.saturating_sub(held);
    let (places, gaps, end_gap) = layout(&cells, lost_behind);
    let mut svg = Markup::default();
    svg.raw("<svg class=\"strip\" viewBox=\"0 0 1000 40\" preserveAspectRatio=\"none\" role=\"img\"><title>");
    svg.text(&describe(stream, findings)).raw("</title>\n");
    for ((cell, place), gap) in cells.iter().zip(&places).zip(&gaps) {
        if let Some(gap) = gap {
            draw_gap(&mut svg, *gap, cell.lost_before);
        }
        draw_cell(&mut svg, cell, *place);
    }
    if let Some(gap) = end_gap {
        draw_gap(&mut svg, gap, lost_behind);
    }
    for finding in findings.iter().filter(|f| f.severity != Severity::Note) {
        let of = |cell: &Cell<'_>| cell.segments.iter().position(|s| s.path == finding.path);
        let mut found = cells.iter().zip(&places);
        let found = found.find_map(|(cell, place)| Some((cell, place, of(cell)?)));
        if let Some((cell, place, number)) = found {
            draw_damage(&mut svg, (cell, *place, number), finding);
        }
    }
    svg.raw("</svg>\n");
    svg
}

/// The picture in a sentence.
fn describe(stream: &StreamStat, findings: &[&VerifyFinding]) -> String {
    let bad = findings
        .iter()
        .filter(|f| f.severity != Severity::Note)
        .count();
    format!(
        "Segments of {}: {} in all, {} sealed, {} ids lost, {bad} places of damage",
        stream.key, stream.segments, stream.sealed_segments, stream.lost_ids,
    )
}

fn cells(segments: &[SegmentStat]) -> Vec<Cell<'_>> {
    let together = segments.len().div_ceil(MOST_CELLS).max(1);
    let cells = segments.chunks(together).map(|segments| Cell {
        segments,
        bytes: segments.iter().map(|segment| segment.bytes).sum(),
        lost_before: segments.iter().map(|segment| segment.lost_before).sum(),
    });
    cells.collect()
}

/// Where cells lie, the gaps before them, and the gap at the end.
fn layout(
    cells: &[Cell<'_>],
    lost_behind: u64,
) -> (Vec<Extent>, Vec<Option<Extent>>, Option<Extent>) {
    let total = cells
        .iter()
        .map(|cell| cell.bytes as f64)
        .sum::<f64>()
        .max(1.0);
    let widths: Vec<f64> = cells
        .iter()
        .map(|cell| (cell.bytes as f64).max(total * LEAST_SHARE))
        .collect();
    let count = cells.iter().filter(|cell| cell.lost_before > 0).count();
    let count = count + usize::from(lost_behind > 0);
    let gap_width = total * GAP_SHARE.min(ALL_GAPS_SHARE / count.max(1) as f64);
    let all = widths.iter().sum::<f64>() + gap_width * count as f64;
    let scale = WIDTH / all.max(1.0);
    let mut at = 0.0;
    let mut next = |width: f64| {
        let place = Extent {
            from: at,
            width: width * scale,
        };
        at += place.width;
        place
    };
    let mut places = Vec::with_capacity(cells.len());
    let mut gaps = Vec::with_capacity(cells.len());
    for (cell, width) in cells.iter().zip(widths) {
        gaps.push((cell.lost_before > 0).then(|| next(gap_width)));
        places.push(next(width));
    }
    let end_gap = (lost_behind > 0).then(|| next(gap_width));
    (places, gaps, end_gap)
}

fn draw_gap(svg: &mut Markup, place: Extent, lost: u64) {
    svg.raw("<rect class=\"lost\"");
    rect(svg, place, (TOP + 2.0, HEIGHT - TOP - 4.0));
    svg.raw("><title>");
    svg.number(lost).raw(" ids lost</title></rect>\n");
}

fn draw_cell(svg: &mut Markup, cell: &Cell<'_>, place: Extent) {
    let (Some(first), Some(last)) = (cell.segments.first(), cell.segments.last()) else {
        return;
    };
    // As much as holds frames is filled.
    let is_sealed = |segment: &&SegmentStat| segment.state == SegmentState::Sealed;
    let filled: u64 = cell
        .segments
        .iter()
        .map(|segment| match is_sealed(&segment) {
            true => segment.bytes,
            false => segment.frames_end,
        })
        .sum();
    let share = (filled as f64 / cell.bytes.max(1) as f64).min(1.0);
    svg.raw(match state(cell) {
        SegmentState::Sealed => "<g class=\"sealed\"><title>",
        SegmentState::Open => "<g class=\"open\"><title>",
        SegmentState::EndLost => "<g class=\"end-lost\"><title>",
    });
    svg.text(&title(cell, first, last)).raw("</title>");
    svg.raw("<rect class=\"frame\"");
    rect(svg, place, (TOP, HEIGHT - TOP - 1.0));
    svg.raw("/><rect class=\"fill\"");
    let fill = Extent {
        width: place.width * share,
        ..place
    };
    rect(svg, fill, (TOP, HEIGHT - TOP - 1.0));
    svg.raw("/></g>\n");
}

/// The state of a cell: the one to look at, of those in it.
fn state(cell: &Cell<'_>) -> SegmentState {
    let has = |state| cell.segments.iter().any(|segment| segment.state == state);
    match (has(SegmentState::EndLost), has(SegmentState::Open)) {
        (true, _) => SegmentState::EndLost,
        (false, true) => SegmentState::Open,
        (false, false) => SegmentState::Sealed,
    }
}

fn title(cell: &Cell<'_>, first: &SegmentStat, last: &SegmentStat) -> String {
    let what = match cell.segments.len() {
        1 => first
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        count => format!("{count} segments"),
    };
    let (from, end, bytes) = (first.first_id, last.end_id, cell.bytes);
    format!(
        "{what}: ids {from}..{end}, {bytes} bytes, {}",
        state_word(state(cell))
    )
}

fn draw_damage(
    svg: &mut Markup,
    (cell, place, number): (&Cell<'_>, Extent, usize),
    finding: &VerifyFinding,
) {
    let before: u64 = cell.segments[..number].iter().map(|s| s.bytes).sum();
    let at = before + finding.offset.unwrap_or(0).min(cell.segments[number].bytes);
    let x = place.from + place.width * at as f64 / cell.bytes.max(1) as f64;
    svg.raw("<path class=\"damage\" d=\"M");
    svg.coordinate(x.clamp(1.0, WIDTH - 1.0))
        .raw(" 0V40\"><title>");
    let offset = finding.offset;
    let offset = offset.map_or(String::new(), |offset| format!("offset {offset}: "));
    svg.text(&format!("{offset}{}", finding.what));
    svg.raw("</title></path>\n");
}

fn rect(svg: &mut Markup, place: Extent, (y, height): (f64, f64)) {
    svg.raw(" x=\"").coordinate(place.from);
    svg.raw("\" width=\"").coordinate(place.width);
    svg.raw("\" y=\"").coordinate(y);
    svg.raw("\" height=\"").coordinate(height).raw("\"");
}
