//! What was asked of each stream, when, and what must be there after a crash at some moment?
//!
//! Time is the number of storage calls answered so far. A call of the log that began before and
//! returned after a moment is in flight: its effect may be there or not, but not half of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::checkpoints::CheckpointModel;
use crate::checkpoints::Deed;
use crate::checkpoints::World;

/// When a call of the log began and when it returned.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub began: u64,
    pub returned: u64,
}

impl Span {
    /// Before everything else.
    pub const LONG_AGO: Span = Span {
        began: 0,
        returned: 0,
    };
}

/// The properties of a stream.
pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a recovered stream shows: ids and properties; `None`: there is none.
pub type Shown = Option<(Range<u64>, Map)>;

/// Everything that is known of a log.
#[derive(Clone, Debug, Default)]
pub struct LogModel {
    pub streams: Vec<StreamModel>,
    pub checkpoints: CheckpointModel,
}

/// A crash between two changes of the disk: nothing changed in `[first, last]`.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub first: u64,
    pub last: u64,
    /// The process died, the machine did not: nothing acknowledged may be lost in any mode.
    pub only_process: bool,
}

impl Moment {
    /// After everything that was done.
    pub fn end() -> Self {
        Moment {
            first: u64::MAX,
            last: u64::MAX,
            only_process: true,
        }
    }

    pub fn is_past(&self, span: Span) -> bool {
        span.returned <= self.last
    }

    pub fn has_begun(&self, span: Span) -> bool {
        self.is_past(span) || span.began < self.first
    }
}

/// One entry that was appended.
#[derive(Clone, Debug)]
pub struct Entry {
    pub bytes: Arc<[u8]>,
    /// One past the last id of the frame it is in.
    pub frame_end: u64,
    pub span: Span,
    /// Durable when the call returned.
    pub durable: bool,
}

/// A frame that changed the properties.
#[derive(Clone, Debug)]
pub struct MapChange {
    /// All of them afterwards.
    pub map: Map,
    /// The id behind the frame.
    pub end_id: u64,
    pub has_entries: bool,
    pub span: Span,
    /// Durable when the call returned.
    pub durable: bool,
}

/// A truncation or restoration: from here on the stream starts at `first_id`.
#[derive(Clone, Debug)]
pub struct Cut {
    pub first_id: u64,
    pub span: Span,
}

/// A stream from its first append, or from a cut, to its deletion or to the next cut.
#[derive(Clone, Debug, Default)]
pub struct Incarnation {
    pub entries: Vec<Entry>,
    pub cuts: Vec<Cut>,
    /// (time, end): by then everything below `end` was reported durable.
    pub durable: Vec<(u64, u64)>,
    /// In the order of their frames.
    pub changes: Vec<MapChange>,
    /// (time, count): by then so many changes were reported durable.
    pub durable_changes: Vec<(u64, usize)>,
    pub deleted: Option<Span>,
    /// The suffix cut or the reset that the next incarnation begins with.
    pub replaced: Option<Span>,
    /// What it began with.
    pub origin: Origin,
}

/// What an incarnation began with, and what has become of its first ids.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin {
    /// A cut or a reset, so it exists without an entry too.
    pub is_cut: bool,
    /// The last reset: no id below comes back from an archive.
    pub base: u64,
    /// Ids were hidden one by one, which no archive brings back.
    pub hides: bool,
}

/// Everything that happened to the stream of one key.
#[derive(Clone, Debug)]
pub struct StreamModel {
    pub key: String,
    pub incarnations: Vec<Incarnation>,
}

/// What may be there.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    pub entries: &'a [Entry],
    pub may_be_absent: bool,
    pub least_end: u64,
    pub most_end: u64,
    pub first_ids: Vec<u64>,
    pub origin: Origin,
    /// Those that may be there, in order; of these so many must be.
    pub changes: &'a [MapChange],
    pub least_changes: usize,
}

impl StreamModel {
    pub fn new(key: &str) -> Self {
        StreamModel {
            key: key.to_owned(),
            incarnations: vec![Incarnation::default()],
        }
    }

    /// The model of a stream of which only what was shown is known: all of it durable since
    /// `opened`.
    pub fn as_shown(key: &str, expected: &Expected<'_>, shown: Shown, opened: u64) -> Self {
        let mut stream = StreamModel::new(key);
        let Some((ids, map)) = shown else {
            return stream;
        };
        let entries = expected.entries;
        let entries = entries[..ids.end as usize].iter().map(|entry| Entry {
            span: Span::LONG_AGO,
            ..entry.clone()
        });
        *stream.now() = Incarnation {
            entries: entries.collect(),
            cuts: vec![Cut {
                first_id: ids.start,
                span: Span::LONG_AGO,
            }],
            durable: vec![(opened, ids.end)],
            changes: vec![MapChange {
                map,
                end_id: 0,
                has_entries: false,
                span: Span::LONG_AGO,
                durable: true,
            }],
            durable_changes: vec![(opened, 1)],
            deleted: None,
            replaced: None,
            origin: expected.origin,
        };
        stream
    }

    /// The ids from `from` on were replaced by these entries, which are one frame. Below the first
    /// id, or if `is_reset`, nothing stays.
    pub fn replace(&mut self, from: u64, bytes: Vec<Vec<u8>>, is_reset: bool, span: Span) {
        let map = self.latest().map();
        self.replace_with(from, bytes, map, is_reset, span);
    }

    /// The same, with these properties from then on.
    pub fn replace_with(
        &mut self,
        from: u64,
        bytes: Vec<Vec<u8>>,
        map: Map,
        is_reset: bool,
        span: Span,
    ) {
        let old = self.now();
        old.replaced = Some(span);
        let keeps = !is_reset && from > old.first_id();
        let first_id = if keeps { old.first_id() } else { from };
        let nothing = Entry {
            bytes: Arc::new([]),
            frame_end: 0,
            span: Span::LONG_AGO,
            durable: true,
        };
        let mut entries: Vec<Entry> = old.entries.clone();
        entries.resize(from as usize, nothing.clone());
        for (id, entry) in entries.iter_mut().enumerate() {
            let frame_end = match entry.frame_end {
                0 => id as u64 + 1,
                end => end.min(from),
            };
            *entry = Entry {
                bytes: Arc::clone(&entry.bytes),
                frame_end,
                ..nothing.clone()
            };
        }
        let end = from + bytes.len() as u64;
        entries.extend(bytes.into_iter().map(|bytes| Entry {
            bytes: bytes.into(),
            frame_end: end,
            span,
            durable: true,
        }));
        let origin = Origin {
            is_cut: true,
            base: if keeps { old.origin.base } else { from },
            hides: old.origin.hides && keeps,
        };
        self.incarnations.push(Incarnation {
            entries,
            cuts: vec![Cut {
                first_id,
                span: Span::LONG_AGO,
            }],
            // Whenever it is there it is whole.
            durable: vec![(0, end)],
            changes: vec![MapChange {
                map,
                end_id: 0,
                has_entries: false,
                span: Span::LONG_AGO,
                durable: true,
            }],
            durable_changes: vec![(0, 1)],
            deleted: None,
            replaced: None,
            origin,
        });
    }

    pub fn now(&mut self) -> &mut Incarnation {
        self.incarnations.last_mut().expect("there is always one")
    }

    pub fn latest(&self) -> &Incarnation {
        self.incarnations.last().expect("there is always one")
    }

    /// What must, and what may be there after a crash at `moment`: while a suffix is cut, the old
    /// stream or the new one, each whole.
    pub fn expected(&self, moment: Moment) -> Vec<Expected<'_>> {
        let is_past = |span: Option<Span>| span.is_some_and(|span| moment.is_past(span));
        let has_begun = |span: Option<Span>| span.is_some_and(|span| moment.has_begun(span));
        let mut left = self.incarnations.iter();
        let Some(now) = left.find(|i| !is_past(i.deleted) && !is_past(i.replaced)) else {
            return vec![NOTHING.expected(moment)];
        };
        let mut all = vec![now.expected(moment)];
        // Later ones have not begun.
        if let Some(next) = left.next().filter(|_| has_begun(now.replaced)) {
            all.push(next.expected(moment));
        }
        all
    }
}

impl CheckpointModel {
    /// The model of checkpoints of which only what was found is known.
    pub fn as_found(world: World) -> Self {
        CheckpointModel {
            deeds: vec![(Deed::Found(world), Span::LONG_AGO)],
        }
    }
}

static NOTHING: Incarnation = Incarnation {
    entries: Vec::new(),
    cuts: Vec::new(),
    durable: Vec::new(),
    changes: Vec::new(),
    durable_changes: Vec::new(),
    deleted: None,
    replaced: None,
    origin: Origin {
        is_cut: false,
        base: 0,
        hides: false,
    },
};

impl Incarnation {
    pub fn next_id(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn first_id(&self) -> u64 {
        self.cuts.last().map_or(0, |cut| cut.first_id)
    }

    /// The properties after everything that was done.
    pub fn map(&self) -> Map {
        let last = self.changes.last();
        last.map(|change| change.map.clone()).unwrap_or_default()
    }

    /// Everything done so far is durable.
    pub fn all_durable(&mut self, at: u64) {
        self.durable.push((at, self.next_id()));
        self.durable_changes.push((at, self.changes.len()));
    }

    /// How many changes of properties a crash must leave, and how many it may leave.
    fn expected_changes(&self, moment: Moment) -> (usize, usize) {
        let reported = self.durable_changes.iter();
        let reported = reported.filter(|(at, _)| *at <= moment.last);
        let mut least = reported.map(|(_, count)| *count).max().unwrap_or(0);
        let mut most = 0;
        for (i, change) in self.changes.iter().enumerate() {
            if moment.has_begun(change.span) {
                most = i + 1;
            }
            if moment.is_past(change.span) && (change.durable || moment.only_process) {
                least = least.max(i + 1);
            }
        }
        (least, most)
    }

    fn expected(&self, moment: Moment) -> Expected<'_> {
        let (least_changes, most_changes) = self.expected_changes(moment);
        let reported = self.durable.iter().filter(|(at, _)| *at <= moment.last);
        let mut least_end = reported.map(|(_, end)| *end).max().unwrap_or(0);
        let kept = &self.changes[..least_changes];
        least_end = kept
            .iter()
            .fold(least_end, |end, kept| end.max(kept.end_id));
        let mut most_end = 0;
        for (id, entry) in self.entries.iter().enumerate() {
            if moment.has_begun(entry.span) {
                most_end = id as u64 + 1;
            }
            if moment.is_past(entry.span) && (entry.durable || moment.only_process) {
                least_end = least_end.max(entry.frame_end);
            }
        }
        let mut first_ids = vec![0];
        for cut in &self.cuts {
            if moment.is_past(cut.span) {
                first_ids.clear();
            }
            if moment.has_begun(cut.span) {
                first_ids.push(cut.first_id);
            }
        }
        let deleting = self.deleted.is_some_and(|span| moment.has_begun(span));
        Expected {
            entries: &self.entries,
            may_be_absent: (least_end == 0 && least_changes == 0 && !self.origin.is_cut)
                || deleting,
            changes: &self.changes[..most_changes],
            least_changes,
            least_end,
            most_end,
            first_ids,
            origin: self.origin,
        }
    }
}
