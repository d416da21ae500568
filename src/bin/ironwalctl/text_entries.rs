//! What do people read of the commands that print entries, properties and records of the commit journal?

use ironwal::tools::DumpedEntry;
use ironwal::tools::DumpedProperties;
use ironwal::tools::JournalPiece;

use super::escape;
use super::output::Output;
use super::tail_event::TailEvent;
use super::words::counted;
use super::words::size;

impl Output {
    /// One line of `dump`.
    pub fn dumped(&mut self, entry: &DumpedEntry<'_>) {
        let key = entry.stream;
        let line = match entry.data {
            Ok(bytes) => {
                let text = bytes.escape_ascii();
                format!("{key:?} {} {} {text}", entry.ids.start, bytes.len())
            }
            Err(error) => {
                let ids = &entry.ids;
                let error = escape::text(&error.to_string());
                let unreadable = self.palette.bad("unreadable");
                format!("{key:?} {}..{} {unreadable}: {error}", ids.start, ids.end)
            }
        };
        self.line(&line);
    }

    /// The lines of `dump` for a piece of a file of the commit journal.
    pub fn journaled(&mut self, piece: &JournalPiece<'_>) {
        match piece {
            JournalPiece::Header { log, turn, bytes } => {
                let bytes = size(*bytes);
                self.line(&format!(
                    "commit journal of the log {log}, turn {turn}, {bytes}"
                ));
            }
            JournalPiece::Record {
                number,
                offset,
                bytes,
                items,
            } => {
                let bytes = size(*bytes);
                self.line(&format!("record {number} offset {offset}, {bytes}"));
                for item in *items {
                    self.line(&format!(
                        "  {} {:?} incarnation {} first id {} generation {} offset {}, {}",
                        item.kind,
                        item.stream,
                        item.incarnation,
                        item.first_id,
                        item.generation,
                        item.offset,
                        size(item.length),
                    ));
                }
            }
            JournalPiece::Damaged { offset } => {
                let damaged = self.palette.bad("damaged");
                self.line(&format!("{damaged} offset {offset}"));
            }
            _ => self.line("empty: no record of a commit journal"),
        }
    }

    /// One line of `tail`.
    pub fn tailed(&mut self, key: &str, event: &TailEvent<'_>) {
        let line = match event {
            TailEvent::Entry(id, bytes) => {
                let text = bytes.escape_ascii();
                format!("{key:?} {id} {} {text}", bytes.len())
            }
            TailEvent::Unreadable(ids, error) => {
                let ids = ids.as_ref();
                let ids = ids.map_or(String::new(), |ids| format!("{}..{} ", ids.start, ids.end));
                let error = escape::text(&error.to_string());
                let unreadable = self.palette.bad("unreadable");
                format!("{key:?} {ids}{unreadable}: {error}")
            }
            TailEvent::Cut(from_id) => {
                let cut = self.palette.note("cut");
                format!("{key:?} {from_id}.. {cut}: the ids from here on are given again")
            }
            TailEvent::Deleted => format!("{key:?} {}", self.palette.note("deleted")),
        };
        self.line(&line);
    }

    /// One change of `dump --properties`.
    pub fn changed(&mut self, change: &DumpedProperties<'_>) {
        let (key, next_id) = (change.stream, change.next_id);
        match &change.map {
            Ok(map) => {
                let count = counted(map.len() as u64, "property", "properties");
                self.line(&format!("{key:?} before id {next_id}: {count}"));
                self.properties(map);
            }
            Err(error) => {
                let error = escape::text(&error.to_string());
                let unreadable = self.palette.bad("unreadable");
                self.line(&format!(
                    "{key:?} before id {next_id} {unreadable}: {error}"
                ));
            }
        }
    }
}
