//! What do people read of `stat`?

use std::path::Path;

use ironwal::tools::LogStat;
use ironwal::tools::PropertyMap;
use ironwal::tools::SegmentStat;
use ironwal::tools::SegmentState;

use super::escape;
use super::output::Output;
use super::utc;
use super::watch::Rates;
use super::words::counted;
use super::words::size;
use super::words::state_word;

impl Output {
    /// The result of `stat`.
    pub fn counted(&mut self, log: &LogStat) {
        let rates = vec![None; log.streams.len()];
        self.counted_with(log, &rates);
    }

    /// A look of `stat --watch`.
    pub fn watched(&mut self, log: &LogStat, rates: &[Option<Rates>]) {
        self.counted_with(log, rates);
        self.line("");
    }

    fn counted_with(&mut self, log: &LogStat, rates: &[Option<Rates>]) {
        for (stream, rates) in log.streams.iter().zip(rates) {
            let mut line = format!(
                "{:?}: ids {}..{}, durable to {}, {} ({} sealed), {}",
                stream.key,
                stream.first_id,
                stream.next_id,
                stream.durable_end,
                counted(stream.segments, "segment", "segments"),
                stream.sealed_segments,
                size(stream.bytes),
            );
            if let Some(rates) = rates {
                line += &format!(
                    ", {:+.0} ids/s, {:+.0} durable/s, {:+.0} bytes/s",
                    rates.ids, rates.durable_ids, rates.bytes
                );
            }
            if stream.lost_ids > 0 {
                let lost = format!("{} lost", counted(stream.lost_ids, "id", "ids"));
                line += &format!(", {}", self.palette.bad(&lost));
            }
            if stream.properties > 0 {
                let properties = counted(stream.properties, "property", "properties");
                line += &format!(", {properties}");
            }
            if stream.properties_lost {
                line += &format!(", {}", self.palette.bad("properties lost"));
            }
            if stream.damage > 0 {
                let pieces = counted(stream.damage, "piece", "pieces");
                let damage = self.palette.bad(&format!("{pieces} of damage"));
                line += &format!(", {damage}: see verify");
            }
            if let Some(error) = &stream.error {
                let unreadable = self.palette.bad("unreadable");
                line = format!("{:?} {unreadable}: {}", stream.key, escape::text(error));
            }
            self.line(&line);
            self.properties(&stream.property_map);
            self.segments(&stream.segment_list);
        }
        if let Some(journal) = &log.journal {
            let mut line = format!(
                "commit journal: {}, {} of {}, {}",
                size(journal.bytes),
                counted(journal.records, "record", "records"),
                counted(journal.streams, "stream", "streams"),
                match journal.in_use {
                    true => "in use by a writer",
                    false => "not written back: the next open for writing does that",
                }
            );
            if journal.files_aside > 0 {
                let files = counted(journal.files_aside, "file", "files");
                let kept = self.palette.bad(&format!("{files} for poisoned streams"));
                line += &format!(", {kept}");
            }
            if journal.damage > 0 {
                let pieces = counted(journal.damage, "piece", "pieces");
                let damage = self.palette.bad(&format!("{pieces} of damage"));
                line += &format!(", {damage}: see verify");
            }
            self.line(&line);
        }
        let bytes: u64 = log.streams.iter().map(|stream| stream.bytes).sum();
        let streams = counted(log.streams.len() as u64, "stream", "streams");
        self.line(&format!(
            "{streams}, {}; headers only: verify reads the entries",
            size(bytes)
        ));
    }

    /// A line for each segment.
    fn segments(&mut self, segments: &[SegmentStat]) {
        for segment in segments {
            let name = Path::new(segment.path.file_name().unwrap_or_default());
            let mut line = format!(
                "  {}: ids {}..{}, {}, frames up to {}, {}",
                escape::path(name),
                segment.first_id,
                segment.end_id,
                size(segment.bytes),
                segment.frames_end,
                match segment.state {
                    SegmentState::EndLost => self.palette.bad(state_word(segment.state)),
                    state => state_word(state).to_owned(),
                },
            );
            if segment.lost_before > 0 {
                let ids = counted(segment.lost_before, "id", "ids");
                line += &format!(", {} before it", self.palette.bad(&format!("{ids} lost")));
            }
            if let Some(time) = segment.modified {
                line += &format!(", last changed {}", utc::second(time));
            }
            self.line(&line);
        }
    }

    /// A line for each property.
    pub fn properties(&mut self, map: &PropertyMap) {
        for (key, value) in map {
            let (key, value) = (key.escape_ascii(), value.escape_ascii());
            self.line(&format!("  {key} = {value}"));
        }
    }
}
