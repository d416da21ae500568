//! How does a stream that somebody else writes show here?
//!
//! A log that is open read-only holds no lock, asks the writer nothing and changes nothing. What
//! it knows of a stream is what its files said at the last look; whoever comes to the end of that
//! looks again. The short look reads the slots of the newest segment, then its frames from the
//! last one known on, and asks for three names; it tells whether anything else changed. If so, all
//! files of the stream are looked at, as recovery does, and the decision is the same.
//!
//! Failure: an error of the disk is told to whoever asked, and what was known stays. Close: the
//! last look stays as it is.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::segment_file_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::Decision;
use crate::recovery::Depth;
use crate::recovery::Finding;
use crate::recovery::KeptState;
use crate::recovery::Next;
use crate::recovery::Observer;
use crate::recovery::Recovered;
use crate::recovery::complete_end;
use crate::recovery::describe;
use crate::recovery::good_frames;
use crate::recovery::leave_alone;
use crate::recovery::refusal_error;
use crate::segment::Segment;
use crate::segment::SegmentEnd;
use crate::segment::Source;
use crate::segment::Window;
use crate::segment::header_at;
use crate::storage::DirIdentity;
use crate::stream::Environment;
use crate::stream::StreamCore;
use crate::stream::catalogue::Catalogue;
use crate::stream::catalogue::Part;
use crate::stream::look::newest_slot;
use crate::stream::read::is_not_found;
use crate::stream::tail::Life;
use crate::sync::Mutex;
use crate::sync::RwLock;
use crate::sync::atomic::Ordering;

/// What a stream of a log that is open read-only has beside what every stream has.
pub struct Watched {
    looks: Mutex<Looks>,
    /// The directory that the stream was found in; `None`: there was none yet.
    identity: RwLock<Option<DirIdentity>>,
    /// Which of the streams of its key it is, as its segments told. Only who looks changes it.
    incarnation: RwLock<Option<u64>>,
}

/// What only who looks touches.
struct Looks {
    observer: Observer,
    /// The segment that appends go to, and the end of the frames that were good at the last look.
    /// `None`: only a look at everything will do.
    newest: Option<(Arc<Part>, SegmentEnd)>,
    /// A part of which not all is there any more: its index leads astray.
    void: Option<Arc<Part>>,
    /// Damage that was told to the log's owner.
    told: Vec<Finding>,
    /// The log was closed: what was known stays as it is.
    closed: bool,
}

/// How far a short look came.
enum Ahead {
    /// The frames end here, and those below this id are durable.
    To(SegmentEnd, EntryId),
    /// The slots tell of more than appends, or what they promise cannot be followed.
    Unknown,
    /// The last frame that was known is not there any more: its place was taken back.
    Void,
}

impl Watched {
    /// For a stream that was not looked at yet.
    pub(super) fn new(environment: &Environment, dir: &std::path::Path) -> Self {
        let options = &environment.options;
        let observer = Observer::new(
            Arc::clone(&environment.storage),
            dir.to_path_buf(),
            options.read_buffer_size,
            options.on_corruption,
        );
        Watched {
            looks: Mutex::new(Looks {
                observer,
                newest: None,
                void: None,
                told: Vec::new(),
                closed: false,
            }),
            identity: RwLock::new(None),
            incarnation: RwLock::new(None),
        }
    }
}

impl Looks {
    /// Keeps nothing of a stream that is gone.
    fn let_go(&mut self) {
        self.observer.forget();
        self.newest = None;
        self.void = None;
        self.told = Vec::new();
    }
}

impl StreamCore {
    /// A stream that somebody else writes, as it is now. It need not exist yet.
    pub fn watched(
        environment: &Arc<Environment>,
        key: &str,
        dir: std::path::PathBuf,
    ) -> Result<Arc<Self>> {
        debug_assert!(environment.read_only);
        let core = Self::absent(environment, key, dir);
        core.look_at_all()?;
        Ok(core)
    }

    /// Looks whether the writer went on. Does nothing in a log that is open for writing.
    pub fn look_again(&self) -> Result<()> {
        self.look(false)
    }

    /// Looks at all files of the stream. Does nothing in a log that is open for writing.
    pub fn look_at_all(&self) -> Result<()> {
        self.look(true)
    }

    fn look(&self, at_all: bool) -> Result<()> {
        let Some(watched) = &self.watched else {
            return Ok(());
        };
        let mut looks = watched.looks.lock();
        if looks.closed || self.life() == Life::Deleted {
            return Ok(());
        }
        match self.look_ahead(&mut looks)? {
            true if !at_all => Ok(()),
            _ => self.look_whole(watched, &mut looks),
        }
    }

    /// Whether the log was closed, where somebody else writes it.
    pub(super) fn is_unwatched(&self) -> bool {
        let watched = self.watched.as_ref();
        watched.is_some_and(|watched| watched.looks.lock().closed)
    }

    /// Looks whether the stream was deleted since, or begun since; in a log that is open read-only.
    /// The long look only where the directory, or the segment that was the newest one, is not what
    /// was known.
    pub fn look_at_place(&self) -> Result<()> {
        let Some(watched) = &self.watched else {
            return Ok(());
        };
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        let newest = watched.looks.lock().newest.clone();
        let is_there = match newest {
            Some((part, _)) => self.has_in_place(&part),
            None => self.is_known_dir(watched),
        };
        match is_there.map_err(io)? {
            true => Ok(()),
            false => self.look_at_all(),
        }
    }

    /// Ends looking: the log is closed.
    pub fn stop_looking(&self) {
        if let Some(watched) = &self.watched {
            watched.looks.lock().closed = true;
        }
    }

    /// Whether the stream's directory is the one that was looked at.
    pub(super) fn is_known_dir(&self, watched: &Watched) -> io::Result<bool> {
        let expected = *watched.identity.read();
        Ok(self.environment.storage.dir_identity(&self.dir)? == expected)
    }

    /// Follows the newest segment. False: something else changed, or nothing is known.
    fn look_ahead(&self, looks: &mut Looks) -> Result<bool> {
        let Some((part, end)) = looks.newest.clone() else {
            return Ok(false);
        };
        let file = match self.readable(&part) {
            Ok(file) => file,
            Err(error) if is_not_found(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let io = |error| Error::io(error, part.segment.context());
        match self.follow(&part, &file.source, end).map_err(io)? {
            Ahead::To(end, durable_end) => {
                looks.newest = Some((Arc::clone(&part), end));
                part.segment.publish(&end);
                self.show(&end, durable_end);
                self.is_newest(&part, &end).map_err(io)
            }
            Ahead::Unknown => Ok(false),
            Ahead::Void => {
                looks.newest = None;
                looks.void = Some(part);
                Ok(false)
            }
        }
    }

    /// Whether no segment follows this one, and it is still there.
    ///
    /// In this order: segments are removed oldest first, so where this one is there, the next one
    /// was not removed before.
    fn is_newest(&self, part: &Part, end: &SegmentEnd) -> io::Result<bool> {
        let storage = &self.environment.storage;
        let successor = self.dir.join(segment_file_name(end.next_id));
        if storage.kind(&successor)?.is_some() {
            return Ok(false);
        }
        self.has_in_place(part)
    }

    /// The good frames behind `end`.
    fn follow(&self, part: &Part, source: &Source, end: SegmentEnd) -> io::Result<Ahead> {
        let segment = &part.segment;
        let Source::File(file) = source else {
            return Ok(Ahead::Unknown);
        };
        // The slots first: what they promise is in the frames that are read behind them.
        let slot = newest_slot(segment, source)?;
        let len = FileOffset(file.len()?);
        let mut known = end;
        if !complete_end(segment.seed, source, &mut known, len)? || known.link != end.link {
            return Ok(Ahead::Void);
        }
        let read_ahead = self.environment.options.read_buffer_size;
        let mut durable_end = EntryId(0);
        if let Some(slot) = slot {
            if slot.cut_epoch > self.catalogue().cut_epoch || slot.end > len {
                return Ok(Ahead::Unknown);
            }
            if slot.end > known.offset {
                let depth = Depth::Headers;
                (known, _) = good_frames(segment, source, &known, slot.end, read_ahead, depth)?;
            }
            if slot.end > known.offset {
                // Damage to what was durable: readers go on behind it from the last frame.
                known = SegmentEnd {
                    offset: slot.end,
                    next_id: slot.next_id,
                    last_frame: slot.last_frame,
                    last_frame_len: 0,
                    link: 0,
                };
                if !complete_end(segment.seed, source, &mut known, len)? {
                    return Ok(Ahead::Unknown);
                }
            }
            durable_end = slot.next_id;
        }
        let mut window = Window::new();
        let (at, short) = (known.offset, FRAME_HEADER_LEN);
        if header_at(segment, source, &mut window, at, short, len)?.is_ok() {
            let depth = Depth::Payloads;
            (known, _) = good_frames(segment, source, &known, len, read_ahead, depth)?;
        }
        Ok(Ahead::To(known, durable_end))
    }

    /// Looks at all files, and takes over what recovery would keep of them.
    fn look_whole(&self, watched: &Watched, looks: &mut Looks) -> Result<()> {
        let storage = &self.environment.storage;
        let io = |error| Error::io(error, ErrorContext::at(&self.dir).stream(&self.key));
        loop {
            let identity = storage.dir_identity(&self.dir).map_err(io)?;
            let before = *watched.identity.read();
            if before.is_some() && identity != before {
                looks.let_go();
                self.vanish();
                return Ok(());
            }
            if identity.is_none() {
                return Ok(());
            }
            let observed = looks.observer.look()?;
            if storage.dir_identity(&self.dir).map_err(io)? != identity {
                // Perhaps of two streams, one after the other.
                looks.observer.forget();
                continue;
            }
            let Some((facts, decision)) = observed else {
                continue;
            };
            let incarnation = facts.incarnation();
            let known = *watched.incarnation.read();
            if known.is_some() && incarnation.is_some() && known != incarnation {
                looks.let_go();
                self.vanish();
                return Ok(());
            }
            let verdict = match decision {
                Decision::Serve(verdict) => verdict,
                Decision::Refuse(refusal) => {
                    return Err(refusal_error(&self.key, &facts, &refusal));
                }
            };
            if verdict.findings != looks.told {
                for found in &verdict.findings {
                    let message = describe(&self.key, &facts, found);
                    self.environment.note(log::Level::Error, message);
                }
                looks.told = verdict.findings.clone();
            }
            let is_nothing = verdict.kept.is_empty() && verdict.next == Next::First;
            if is_nothing && before.is_none() {
                // A directory that is being made.
                return Ok(());
            }
            *watched.identity.write() = identity;
            *watched.incarnation.write() = incarnation.or(known);
            return self.take_over(looks, leave_alone(&facts, verdict));
        }
    }

    fn take_over(&self, looks: &mut Looks, recovered: Recovered) -> Result<()> {
        let before = self.catalogue();
        let known_newest = looks.newest.take();
        let void = looks.void.take();
        let continues = recovered.next == Next::Continue;
        let mut parts = Vec::with_capacity(recovered.segments.len());
        let mut last = None;
        for found in recovered.segments {
            let (end, state) = (found.end, found.state);
            let known = before.part_at(found.segment.first_id());
            let known = known.filter(|known| {
                let is_void = void.as_ref().is_some_and(|void| Arc::ptr_eq(void, known));
                !is_void
            });
            let part = match known {
                Some(known) if self.goes_on(&known, &found.segment, &end, &known_newest)? => known,
                _ => Part::new(found.segment, true),
            };
            last = Some((Arc::clone(&part), end, state));
            parts.push(part);
        }
        let now = Catalogue {
            first_kept: recovered.first_kept.0,
            cut_epoch: recovered.first_kept.1,
            parts: parts.into_iter().collect(),
        };
        for part in before.parts.iter() {
            let kept = now.part_at(part.segment.first_id());
            if !kept.is_some_and(|kept| Arc::ptr_eq(&kept, part)) {
                self.environment.read_files.forget(&part.read_slot);
            }
        }
        *self.catalogue.write() = Arc::new(now);
        match (last, recovered.next) {
            (Some((part, end, KeptState::Tail { .. })), _) if continues => {
                looks.newest = Some((part, end));
                self.show(&end, recovered.durable_end);
            }
            // What was lost behind the last segment counts as settled.
            (_, Next::Fresh { first_id, .. }) => {
                self.show(&SegmentEnd::empty(first_id), first_id);
            }
            (_, _) => self.show(&SegmentEnd::empty(EntryId(0)), EntryId(0)),
        }
        Ok(())
    }

    /// Whether a segment that was known is the one that was found now; if so it is brought up to
    /// date. What readers know of it stays then: the open file, the index.
    fn goes_on(
        &self,
        known: &Arc<Part>,
        found: &Segment,
        end: &SegmentEnd,
        newest: &Option<(Arc<Part>, SegmentEnd)>,
    ) -> Result<bool> {
        let segment = &known.segment;
        if segment.header != found.header {
            return Ok(false);
        }
        if segment.is_sealed() {
            return Ok(found.is_sealed());
        }
        let was_newest = newest.as_ref().filter(|(part, _)| Arc::ptr_eq(part, known));
        let known_end = was_newest.map_or(segment.limit().0, |(_, end)| end.offset);
        if end.offset < known_end || (was_newest.is_none() && end.offset != known_end) {
            return Ok(false);
        }
        if found.is_sealed() {
            segment.publish(end);
            segment.set_sealed();
            self.environment.read_files.forget(&known.read_slot);
            return Ok(true);
        }
        if let Some((_, from)) = was_newest.filter(|(_, from)| end.offset > from.offset) {
            let io = |error| Error::io(error, segment.context());
            let file = self.readable(known)?;
            let (read_ahead, depth) = (self.environment.options.read_buffer_size, Depth::Headers);
            // For the index only; what is damaged on the way is told when it is read.
            good_frames(segment, &file.source, from, end.offset, read_ahead, depth).map_err(io)?;
        }
        segment.publish(end);
        Ok(true)
    }

    /// Lets readers see the stream up to here. The catalogue holds it already.
    fn show(&self, end: &SegmentEnd, durable_end: EntryId) {
        self.tail.lock().written = *end;
        self.durability.advance(durable_end.min(end.next_id).0);
        self.written_end.store(end.next_id.0, Ordering::Release);
        self.progress.notify_all();
    }

    /// The stream was deleted, and perhaps another has its name by now.
    fn vanish(&self) {
        self.tail.lock().life = Life::Deleted;
        self.deleted.store(true, Ordering::Release);
        let before = std::mem::take(&mut *self.catalogue.write());
        for part in before.parts.iter() {
            self.environment.read_files.forget(&part.read_slot);
        }
        self.forget_blocks();
        self.progress.notify_all();
    }
}
