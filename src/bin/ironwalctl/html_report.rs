//! What does the page of `report` say of a log?
//!
//! One file that needs nothing else: no script, no style, no picture from elsewhere, and a policy in its head that
//! forbids them. Everything that a picture shows is in words beside it, or in the table below it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use ironwal::Severity;
use ironwal::VerifyFinding;
use ironwal::VerifyReport;
use ironwal::tools::LogStat;
use ironwal::tools::SegmentStat;
use ironwal::tools::StreamStat;

use super::escape;
use super::growth_chart;
use super::growth_chart::size;
use super::help;
use super::markup::Markup;
use super::segment_strip;
use super::utc;
use super::words::counted;
use super::words::severity;
use super::words::state_word;

/// A browser shows no more than this with ease. What is left out is counted.
const MOST_FINDINGS: usize = 500;
const MOST_ROWS: usize = 1000;
const MOST_PICTURES: usize = 100;
const MOST_SEGMENT_ROWS: usize = 200;

/// A log as it was inspected.
pub struct Inspected<'a> {
    pub directory: &'a Path,
    pub at: SystemTime,
    pub log: &'a LogStat,
    pub report: &'a VerifyReport,
}

/// The page.
pub fn page(inspected: &Inspected<'_>) -> String {
    let mut page = Markup::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    page.raw("<title>Log ")
        .text(&escape::path(inspected.directory));
    page.raw("</title>\n<style>\n")
        .raw(include_str!("html_report.css"));
    page.raw("</style>\n</head>\n<body>\n<header>\n<h1>Report on a log</h1>\n<p><bdi>");
    page.text(&escape::path(inspected.directory));
    page.raw("</bdi></p>\n<p class=\"faint\">Looked at ")
        .text(&utc::second(inspected.at));
    page.raw(" by ")
        .text(help::VERSION)
        .raw("</p>\n</header>\n<main>\n");
    verdict(&mut page, inspected);
    numbers(&mut page, inspected);
    findings(&mut page, inspected);
    growth(&mut page, inspected.log);
    streams(&mut page, inspected);
    page.raw("</main>\n</body>\n</html>\n");
    page.into_html()
}

fn is_bad(finding: &VerifyFinding) -> bool {
    finding.severity != Severity::Note
}

/// What is to be seen first.
fn verdict(page: &mut Markup, inspected: &Inspected<'_>) {
    let of = |severity| {
        let findings = inspected.report.findings.iter();
        findings
            .filter(|finding| finding.severity == severity)
            .count() as u64
    };
    let (damage, unreadable) = (of(Severity::Damage), of(Severity::Unreadable));
    let lost: u64 = inspected
        .log
        .streams
        .iter()
        .map(|stream| stream.lost_ids)
        .sum();
    if damage + unreadable == 0 {
        page.raw("<p class=\"verdict\"><strong>Clean</strong>: everything was read, and all of it is whole");
        if lost > 0 {
            page.raw(", but for ").text(&counted(lost, "id", "ids"));
            page.raw(" lost before, on record");
        }
        page.raw(".</p>\n");
        return;
    }
    page.raw("<div class=\"verdict bad\"><p><strong>Not clean</strong>: ");
    page.text(&counted(damage, "piece of damage", "pieces of damage"));
    if unreadable > 0 {
        page.raw(", ").text(&counted(unreadable, "file", "files"));
        page.raw(" that could not be checked");
    }
    if lost > 0 {
        page.raw(", ")
            .text(&counted(lost, "id", "ids"))
            .raw(" lost");
    }
    page.raw(".</p><p class=\"faint\">What is readable stays readable. <code>ironwalctl repair</code> copies it into a new log.</p></div>\n");
}

fn numbers(page: &mut Markup, inspected: &Inspected<'_>) {
    let report = inspected.report;
    let sum = |of: fn(&StreamStat) -> u64| inspected.log.streams.iter().map(of).sum::<u64>();
    let bytes = sum(|stream| stream.bytes);
    let undurable = sum(|stream| stream.next_id.saturating_sub(stream.durable_end));
    page.raw("<dl>");
    let mut number = |name: &'static str, value: &str| {
        page.raw("<div><dt>").raw(name).raw("</dt><dd>");
        page.text(value).raw("</dd></div>\n");
    };
    number("Streams", &inspected.log.streams.len().to_string());
    number("Entries", &report.entries.to_string());
    number("Segments", &sum(|stream| stream.segments).to_string());
    number("Size", &size(bytes));
    number("Lost ids", &sum(|stream| stream.lost_ids).to_string());
    number("Not yet durable", &undurable.to_string());
    if report.checkpoints > 0 {
        number("Checkpoints", &report.checkpoints.to_string());
    }
    page.raw("</dl>\n");
}

/// Everything that verification found, the worst first.
fn findings(page: &mut Markup, inspected: &Inspected<'_>) {
    let findings = &inspected.report.findings;
    page.raw("<section id=\"findings\">\n<h2>Findings</h2>\n");
    if findings.is_empty() {
        page.raw("<p>None.</p>\n</section>\n");
        return;
    }
    let mut sorted: Vec<&VerifyFinding> = findings.iter().collect();
    sorted.sort_by_key(|finding| !is_bad(finding));
    let columns = ["Severity", "What", "Stream", "#Ids", "File", "#Offset"];
    table(page, "Findings", &columns);
    for finding in sorted.iter().take(MOST_FINDINGS) {
        page.raw(match is_bad(finding) {
            true => "<tr><td class=\"bad\">",
            false => "<tr><td class=\"note\">",
        });
        page.text(severity(finding.severity));
        page.raw("</td><td class=\"wide\">").text(&finding.what);
        page.raw("</td><td>");
        if let Some(stream) = &finding.stream {
            page.raw("<bdi>").text(stream).raw("</bdi>");
        }
        page.raw("</td><td class=\"number\">");
        if let Some(ids) = &finding.ids {
            page.number(ids.start).raw("..").number(ids.end);
        }
        let path = finding.path.strip_prefix(inspected.directory);
        let path = path.unwrap_or(&finding.path);
        page.raw("</td><td><bdi>").text(&escape::path(path));
        page.raw("</bdi></td><td class=\"number\">");
        if let Some(offset) = finding.offset {
            page.number(offset);
        }
        page.raw("</td></tr>\n");
    }
    page.raw("</tbody></table></div>\n");
    left_out(page, findings.len(), MOST_FINDINGS, "findings", "verify");
    page.raw("</section>\n");
}

fn growth(page: &mut Markup, log: &LogStat) {
    page.raw("<section id=\"growth\">\n<h2>Growth</h2>\n");
    let segments = log.streams.iter().flat_map(|stream| &stream.segment_list);
    match growth_chart::draw(segments, "Growth of the log") {
        Some(figure) => {
            page.append(&figure);
            page.raw(
                "<p class=\"faint\">A step for each segment that is left, when its file was last changed. \
                 A copy may have the times of the copying.</p>\n",
            );
        }
        None => {
            page.raw(
                "<p>The files do not have two different times: there is nothing to draw.</p>\n",
            );
        }
    }
    page.raw("</section>\n");
}

fn streams(page: &mut Markup, inspected: &Inspected<'_>) {
    let streams = &inspected.log.streams;
    let mut of_stream: BTreeMap<&str, Vec<&VerifyFinding>> = BTreeMap::new();
    for finding in &inspected.report.findings {
        let key = finding.stream.as_deref().unwrap_or_default();
        of_stream.entry(key).or_default().push(finding);
    }
    let findings_of = |stream: &StreamStat| of_stream.get(&*stream.key).map_or(&[][..], |of| of);
    let bad = |stream: &StreamStat| findings_of(stream).iter().filter(|f| is_bad(f)).count() as u64;
    let is_remarkable =
        |stream: &StreamStat| stream.error.is_some() || bad(stream) > 0 || stream.lost_ids > 0;
    let pictured = chosen(streams, MOST_PICTURES, is_remarkable);
    page.raw("<section id=\"streams\">\n<h2>Streams</h2>\n");
    let names = [
        "Stream",
        "#Ids",
        "#Durable to",
        "#Segments",
        "#Bytes",
        "Share",
        "#Damage",
        "#Lost ids",
    ];
    table(page, "Streams", &names);
    let largest = streams.iter().map(|stream| stream.bytes).max().unwrap_or(0);
    for number in chosen(streams, MOST_ROWS, is_remarkable) {
        let stream = &streams[number];
        page.raw("<tr><th scope=\"row\">");
        let is_pictured = pictured.contains(&number);
        if is_pictured {
            page.raw("<a href=\"#s").number(number as u64).raw("\">");
        }
        page.raw("<bdi>").text(&stream.key).raw("</bdi>");
        page.raw(if is_pictured { "</a></th>" } else { "</th>" });
        row(page, stream, largest, bad(stream));
    }
    page.raw("</tbody></table></div>\n");
    left_out(page, streams.len(), MOST_ROWS, "streams", "stat");
    page.raw("</section>\n<section id=\"segments\">\n<h2>Segments</h2>\n")
        .raw(LEGEND);
    for number in &pictured {
        let stream = &streams[*number];
        page.raw("<section class=\"stream\" id=\"s")
            .number(*number as u64);
        page.raw("\">\n<h3><bdi>")
            .text(&stream.key)
            .raw("</bdi></h3>\n");
        one_stream(page, stream, findings_of(stream));
        page.raw("</section>\n");
    }
    left_out(
        page,
        streams.len(),
        MOST_PICTURES,
        "pictures",
        "stat --segments",
    );
    page.raw("</section>\n");
}

/// The streams that are remarkable, then the others in the order of the log, as many as that.
fn chosen(
    streams: &[StreamStat],
    most: usize,
    is_remarkable: impl Fn(&StreamStat) -> bool,
) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..streams.len()).collect();
    numbers.sort_by_key(|number| !is_remarkable(&streams[*number]));
    numbers.truncate(most);
    numbers
}

fn row(page: &mut Markup, stream: &StreamStat, largest: u64, bad: u64) {
    if let Some(error) = &stream.error {
        page.raw("<td class=\"bad wide\" colspan=\"7\">not readable: ")
            .text(error);
        page.raw("</td></tr>\n");
        return;
    }
    page.raw("<td class=\"number\">")
        .number(stream.first_id)
        .raw("..")
        .number(stream.next_id);
    page.raw("</td><td class=\"number\">")
        .number(stream.durable_end);
    page.raw("</td><td class=\"number\">")
        .number(stream.segments);
    page.raw("</td><td class=\"number\">").number(stream.bytes);
    page.raw("</td><td><svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    page.raw("<rect height=\"10\" width=\"");
    page.coordinate(100.0 * stream.bytes as f64 / largest.max(1) as f64);
    page.raw("\"/></svg></td>");
    for count in [bad, stream.lost_ids] {
        page.raw(match count {
            0 => "<td class=\"number\">",
            _ => "<td class=\"number bad\">",
        });
        page.number(count).raw("</td>");
    }
    page.raw("</tr>\n");
}

fn one_stream(page: &mut Markup, stream: &StreamStat, findings: &[&VerifyFinding]) {
    if let Some(error) = &stream.error {
        page.raw("<p class=\"bad\">Not readable: ")
            .text(error)
            .raw("</p>\n");
        return;
    }
    page.raw("<p class=\"faint\">");
    let (first, next) = (stream.first_id, stream.next_id);
    page.text(&format!(
        "ids {first}..{next}, durable to {}",
        stream.durable_end
    ));
    page.text(&format!(
        ", {}",
        counted(stream.segments, "segment", "segments")
    ));
    page.text(&format!(", {}", size(stream.bytes)));
    if stream.properties > 0 {
        page.text(&format!(
            ", {}",
            counted(stream.properties, "property", "properties")
        ));
    }
    if stream.properties_lost {
        page.raw(", <span class=\"bad\">properties lost</span>");
    }
    page.raw("</p>\n");
    if !stream.segment_list.is_empty() {
        page.append(&segment_strip::draw(stream, findings));
    }
    let what = format!("Growth of {}", stream.key);
    let figure = growth_chart::draw(stream.segment_list.iter(), &what);
    page.raw("<details><summary>Growth and segments of <bdi>")
        .text(&stream.key);
    page.raw("</bdi></summary>\n");
    if let Some(figure) = figure {
        page.append(&figure);
    }
    segments(page, &stream.segment_list, findings);
    page.raw("</details>\n");
}

fn segments(page: &mut Markup, segments: &[SegmentStat], findings: &[&VerifyFinding]) {
    let names = [
        "File",
        "#Ids",
        "#Bytes",
        "#Frames end",
        "State",
        "Last changed",
        "#Lost before",
        "#Damage",
    ];
    table(page, "Segments", &names);
    for segment in segments.iter().take(MOST_SEGMENT_ROWS) {
        let name = Path::new(segment.path.file_name().unwrap_or_default());
        page.raw("<tr><td><bdi>")
            .text(&escape::path(name))
            .raw("</bdi></td><td class=\"number\">");
        page.number(segment.first_id)
            .raw("..")
            .number(segment.end_id);
        page.raw("</td><td class=\"number\">").number(segment.bytes);
        page.raw("</td><td class=\"number\">")
            .number(segment.frames_end);
        page.raw("</td><td>").text(state_word(segment.state));
        page.raw("</td><td>");
        if let Some(time) = segment.modified {
            page.text(&utc::second(time));
        }
        page.raw("</td><td class=\"number\">")
            .number(segment.lost_before);
        let here = findings
            .iter()
            .filter(|f| is_bad(f) && f.path == segment.path);
        page.raw("</td><td class=\"number\">")
            .number(here.count() as u64);
        page.raw("</td></tr>\n");
    }
    page.raw("</tbody></table></div>\n");
    left_out(
        page,
        segments.len(),
        MOST_SEGMENT_ROWS,
        "segments",
        "stat --segments",
    );
}

/// The beginning of a table, of columns of which a `#` marks those of numbers, in a part of the page that scrolls by itself, also with the keyboard.
fn table(page: &mut Markup, name: &'static str, columns: &[&'static str]) {
    page.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"")
        .raw(name);
    page.raw("\"><table><thead><tr>");
    for column in columns {
        let (begin, name) = match column.strip_prefix('#') {
            Some(name) => ("<th scope=\"col\" class=\"number\">", name),
            None => ("<th scope=\"col\">", *column),
        };
        page.raw(begin).raw(name).raw("</th>");
    }
    page.raw("</tr></thead><tbody>\n");
}

/// Says how many are not on the page.
fn left_out(
    page: &mut Markup,
    count: usize,
    most: usize,
    what: &'static str,
    command: &'static str,
) {
    if count > most {
        page.raw("<p class=\"faint\">")
            .number((count - most) as u64);
        page.raw(" more ")
            .raw(what)
            .raw(" are not shown here: <code>ironwalctl ");
        page.raw(command).raw("</code> lists all.</p>\n");
    }
}

const LEGEND: &str = "\
<ul class=\"legend\">
<li><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><g class=\"sealed\"><rect class=\"fill\" y=\"4\" width=\"20\" height=\"14\"/></g></svg>sealed</li>
<li><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><g class=\"open\"><rect class=\"frame\" x=\"1\" y=\"4\" width=\"18\" height=\"14\"/><rect class=\"fill\" x=\"1\" y=\"4\" width=\"9\" height=\"14\"/></g></svg>open, filled as far as it is written</li>
<li><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><g class=\"end-lost\"><rect class=\"frame\" x=\"1\" y=\"4\" width=\"18\" height=\"14\"/><rect class=\"fill\" x=\"1\" y=\"4\" width=\"12\" height=\"14\"/></g></svg>its end is damaged</li>
<li><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><rect class=\"lost\" x=\"2\" y=\"5\" width=\"16\" height=\"12\"/></svg>ids lost</li>
<li><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><path class=\"damage\" d=\"M10 0V20\"/></svg>damage</li>
</ul>
<p class=\"faint\">Segments are as wide as their files, the oldest on the left.</p>
";
