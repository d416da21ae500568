//! How are many streams made durable by one record of the commit journal?
//!
//! As by a round of each (`journaled`), but one thread leads them all at the same time. A stream that another
//! thread leads at this moment is left to a round of its own: no thread waits here for one stream while it leads
//! another.

use std::sync::Arc;

use crate::commit::ExclusiveTurn;
use crate::error::Error;
use crate::error::Result;
use crate::ids::EntryId;
use crate::ids::Place;
use crate::journal::Journal;
use crate::options::CommitPath;
use crate::stream::StreamInner;
use crate::stream::durability::JournalRange;
use crate::stream::durability::journaled::WrittenCopy;

/// So many streams are led at once.
const MAX_AT_ONCE: usize = 512;

/// A stream that this thread leads, and what of it is in a record.
struct Begun<'a> {
    stream: &'a Arc<StreamInner>,
    range: JournalRange,
    _turn: ExclusiveTurn<'a, Place, EntryId, Arc<Error>>,
}

/// What became of a stream.
enum Begin<'a> {
    /// Everything written is durable.
    IsDurable,
    /// It is in the record with this number.
    Begun(Box<Begun<'a>>, u64),
    /// The record that gathers has no room for it.
    IsFull,
    /// It takes a round of its own.
    Left,
}

impl StreamInner {
    /// Makes everything written durable in streams of one log, as far as one record, or a few, can do it.
    /// Returns the streams that take a round of their own, with the error that one has.
    pub fn sync_together(streams: &[Arc<StreamInner>]) -> Vec<Arc<StreamInner>> {
        let context = streams.first().map(|first| &first.context);
        let context = context.filter(|context| {
            // Of a root that is detached, each stream's own round says so.
            let goes_in_place =
                |stream: &Arc<StreamInner>| stream.settings.commit_path == CommitPath::InPlace;
            !streams.iter().all(goes_in_place) && context.check_root_at_times().is_ok()
        });
        let Some(journal) = context.and_then(|context| context.journal()) else {
            return streams.to_vec();
        };
        let mut together = Together {
            journal,
            begun: Vec::new(),
            record: 0,
            left: Vec::new(),
        };
        for stream in streams {
            match stream.settings.commit_path {
                CommitPath::InPlace => together.left.push(Arc::clone(stream)),
                CommitPath::Auto | CommitPath::Journal => together.add(stream),
            }
        }
        together.finish();
        if let Some(first) = streams.first() {
            first.keep_journal_up(journal);
        }
        together.left
    }

    fn begin_together<'a>(self: &'a Arc<Self>, journal: &Journal) -> Result<Begin<'a>> {
        let written = {
            let tail = self.tail.lock();
            self.check_writable(&tail)?;
            tail.reserved_place()
        };
        if written <= self.group_commit.committed() {
            return Ok(Begin::IsDurable);
        }
        let Some(turn) = self.group_commit.try_begin_exclusive() else {
            return Ok(Begin::Left);
        };
        let mut copy = None;
        self.flush_staged_and(|part, batch| copy = WrittenCopy::of(part, batch));
        let Some(range) = self.range_for_journal(&self.round_state.lock(), copy)? else {
            return Ok(Begin::Left);
        };
        Ok(match self.add_to_journal(journal, &range) {
            Some(record) => Begin::Begun(
                Box::new(Begun {
                    stream: self,
                    range,
                    _turn: turn,
                }),
                record,
            ),
            None => Begin::IsFull,
        })
    }
}

/// Streams that one thread makes durable together.
struct Together<'a> {
    journal: &'a Journal,
    begun: Vec<Begun<'a>>,
    /// The last record with one of them.
    record: u64,
    left: Vec<Arc<StreamInner>>,
}

impl<'a> Together<'a> {
    fn add(&mut self, stream: &'a Arc<StreamInner>) {
        let mut begin = stream.begin_together(self.journal);
        if matches!(begin, Ok(Begin::IsFull)) && !self.begun.is_empty() {
            self.finish();
            begin = stream.begin_together(self.journal);
        }
        match begin {
            Ok(Begin::IsDurable) => {}
            Ok(Begin::Begun(begun, record)) => {
                self.begun.push(*begun);
                self.record = record;
            }
            // An error is what its own round answers.
            Ok(Begin::IsFull | Begin::Left) | Err(_) => self.left.push(Arc::clone(stream)),
        }
        if self.begun.len() >= MAX_AT_ONCE {
            self.finish();
        }
    }

    /// Makes durable what was begun.
    fn finish(&mut self) {
        if self.begun.is_empty() {
            return;
        }
        let is_durable = self.journal.make_durable(self.record).is_ok();
        for Begun {
            stream,
            range,
            _turn,
        } in self.begun.drain(..)
        {
            if is_durable {
                let mut state = stream.round_state.lock();
                let reached = stream.note_journaled(&mut state, range);
                stream.group_commit.advance(reached);
            } else {
                self.left.push(Arc::clone(stream));
            }
        }
    }
}
