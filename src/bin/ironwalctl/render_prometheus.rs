//! What does a Prometheus server read? The text exposition format, version 0.0.4.

use ironwal::tools::JournalStat;
use ironwal::tools::LogStat;
use ironwal::tools::StreamStat;

use super::escape;

/// A gauge per stream: name, help, and the value, which a stream that cannot be opened may lack.
type Gauge = (&'static str, &'static str, fn(&StreamStat) -> Option<u64>);

const GAUGES: [Gauge; 12] = [
    (
        "ironwal_stream_unreadable",
        "1: the stream cannot be opened, and figures of its ids are missing.",
        |stream| Some(u64::from(stream.error.is_some())),
    ),
    ("ironwal_stream_segments", "Segment files.", |stream| {
        Some(stream.segments)
    }),
    (
        "ironwal_stream_bytes",
        "Bytes of segment files, zeros ahead of the tail included.",
        |stream| Some(stream.bytes),
    ),
    (
        "ironwal_stream_sealed_segments",
        "Segment files that are sealed.",
        |stream| known(stream, stream.sealed_segments),
    ),
    ("ironwal_stream_first_id", "The first kept id.", |stream| {
        known(stream, stream.first_id)
    }),
    (
        "ironwal_stream_next_id",
        "The id that the next append gets.",
        |stream| known(stream, stream.next_id),
    ),
    (
        "ironwal_stream_durable_end",
        "One past the last id on record as durable.",
        |stream| known(stream, stream.durable_end),
    ),
    (
        "ironwal_stream_lost_ids",
        "Ids that no segment holds.",
        |stream| known(stream, stream.lost_ids),
    ),
    (
        "ironwal_stream_properties",
        "Properties of the stream.",
        |stream| known(stream, stream.properties),
    ),
    (
        "ironwal_stream_properties_lost",
        "1: damage took the properties, and they were not replaced since.",
        |stream| known(stream, u64::from(stream.properties_lost)),
    ),
    (
        "ironwal_stream_damage",
        "Pieces of damage that opening the log would report.",
        |stream| known(stream, stream.damage),
    ),
    (
        "ironwal_stream_undurable_ids",
        "Ids that are written and not on record as durable.",
        |stream| known(stream, stream.next_id.saturating_sub(stream.durable_end)),
    ),
];

/// A gauge of the commit journal: name, help and value.
type JournalGauge = (&'static str, &'static str, fn(&JournalStat) -> u64);

const JOURNAL_GAUGES: [JournalGauge; 8] = [
    (
        "ironwal_journal_files",
        "Files of the commit journal.",
        |journal| journal.files,
    ),
    (
        "ironwal_journal_files_aside",
        "Files of the commit journal that hold what poisoned streams need.",
        |journal| journal.files_aside,
    ),
    (
        "ironwal_journal_bytes",
        "Bytes of these files.",
        |journal| journal.bytes,
    ),
    (
        "ironwal_journal_records",
        "Records in the commit journal.",
        |journal| journal.records,
    ),
    (
        "ironwal_journal_items",
        "Items in these records.",
        |journal| journal.items,
    ),
    (
        "ironwal_journal_streams",
        "Streams with items in the commit journal.",
        |journal| journal.streams,
    ),
    (
        "ironwal_journal_in_use",
        "1: a writer uses the commit journal. 0: the next open for writing writes it back.",
        |journal| u64::from(journal.in_use),
    ),
    (
        "ironwal_journal_damage",
        "Pieces of damage in the commit journal.",
        |journal| journal.damage,
    ),
];

fn known(stream: &StreamStat, value: u64) -> Option<u64> {
    stream.error.is_none().then_some(value)
}

/// The lines of a look, without the last line feed.
pub fn exposed(log: &LogStat) -> String {
    let mut lines = described("ironwal_streams", "Streams of the log.");
    lines += &format!("ironwal_streams {}", log.streams.len());
    for (name, help, value_of) in GAUGES {
        lines.push('\n');
        lines += described(name, help).trim_end();
        for stream in &log.streams {
            if let Some(value) = value_of(stream) {
                lines += &format!("\n{name}{{stream=\"{}\"}} {value}", label(&stream.key));
            }
        }
    }
    if let Some(journal) = &log.journal {
        for (name, help, value_of) in JOURNAL_GAUGES {
            let described = described(name, help);
            lines += &format!("\n{described}{name} {}", value_of(journal));
        }
    }
    lines
}

fn described(name: &str, help: &str) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n")
}

/// A label's value. First as everywhere in this tool: a backslash becomes two, and a character that could
/// steer a terminal `\u{…}`, so different keys stay different. Then as the format asks: backslash, quote.
fn label(key: &str) -> String {
    let shown = escape::text(&key.replace('\\', "\\\\"));
    shown.replace('\\', "\\\\").replace('"', "\\\"")
}
