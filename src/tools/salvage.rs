//! How is a healthy copy made of a damaged log?
//!
//! Every readable entry is appended to a new log, frame by frame, under its old id. Unreadable ids
//! are recorded there as lost, as recovery does: a new segment records which ids are missing before
//! it. Truncated ids are not copied, also not those that share a segment with kept ones. The properties
//! are those that the old log ended with. The old log is locked against writers and not changed.
//!
//! Failure: there is no copy, and the error says why; the old log is unchanged. The copy gets its name when it
//! is whole and durable (`new_log`).

use std::io::IoSlice;
use std::ops::ControlFlow;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::error::memory;
use crate::format::CHECKPOINTS_FILE;
use crate::format::LOCK_FILE;
use crate::format::SHARDS_FILE;
use crate::ids::EntryId;
use crate::options::CompressionType;
use crate::recovery::Decision;
use crate::recovery::NextAppend;
use crate::recovery::WriterLock;
use crate::recovery::refusal_error;
use crate::recovery::view_only;
use crate::segment::LocatedFrame;
use crate::segment::WalkItem;
use crate::storage::Access;
use crate::storage::RealDisk;
use crate::storage::Storage;
use crate::storage::copy::for_each_chunk;
use crate::stream::LogContext;
use crate::stream::Progress;
use crate::tools::LogDir;
use crate::tools::NewPlace;
use crate::tools::SegmentWalk;
use crate::tools::Selection;
use crate::tools::StreamCopy;
use crate::tools::Surveyed;
use crate::tools::meter::Meter;
use crate::tools::survey_all;

/// The result of a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairReport {
    /// The streams of the old log.
    pub streams: Vec<RepairedStream>,
    /// Files beside the streams that were copied as they are.
    pub copied_files: Vec<PathBuf>,
    /// What is damaged in the commit journal of the old log: entries that only that part held are not in the
    /// copy.
    pub journal_damage: Vec<String>,
}

/// The result for one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairedStream {
    /// Its key.
    pub key: String,
    /// Entries copied.
    pub entries: u64,
    /// The first id of the copy.
    pub first_id: u64,
    /// The id that the next append to the copy gets.
    pub next_id: u64,
    /// The id that the next append to the old log would have got. If that is greater, entries were
    /// lost at the end, and their ids are free again in the copy.
    pub old_next_id: u64,
    /// What could not be read.
    pub lost: Vec<LostIds>,
    /// Damage took the newest properties of the stream. Those of the copy are lost too, until they are
    /// replaced.
    pub properties_lost: bool,
    /// Why the stream could not be copied at all.
    pub error: Option<String>,
}

/// Ids that the copy lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostIds {
    /// Which.
    pub ids: Range<u64>,
    /// Why.
    pub why: String,
}

impl RepairReport {
    /// Whether the copy holds all that the old log held.
    pub fn is_complete(&self) -> bool {
        let whole = |stream: &RepairedStream| {
            stream.error.is_none() && stream.lost.is_empty() && !stream.properties_lost
        };
        self.journal_damage.is_empty() && self.streams.iter().all(whole)
    }
}

/// Makes a healthy copy of the log `from` in the directory `to`, which must not exist. The copy's
/// entries are compressed if `compression` says so.
///
/// Errors: `Locked` while a writer has the old log open; `Config` where `to` exists or lies in the
/// old log; `InvalidFilename` where a link stands for a file to copy; `Io`.
pub fn repair(
    from: &Path,
    to: &Path,
    compression: CompressionType,
    report_progress: &mut dyn FnMut(Progress),
) -> Result<RepairReport> {
    repair_until(from, to, compression, &mut |now| {
        report_progress(now);
        ControlFlow::Continue(())
    })
}

/// As [`repair`]; `progress` cancels by `Break`, and then no copy is left. It is called on this thread: before
/// the first byte, about every mebibyte, and when all is read, with bytes of segment files. No call follows a
/// `Break`. Once the last call has returned, the copy is made durable and gets its name.
///
/// Errors: those of `repair`; `Cancelled`.
pub fn repair_until(
    from: &Path,
    to: &Path,
    compression: CompressionType,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RepairReport> {
    let disk: Arc<dyn Storage> = Arc::new(RealDisk);
    let mut place = LogDir::new(from)?;
    let storage = &disk;
    let new_place = NewPlace::find(&**storage, Some(&place.root), to)?;
    for name in [SHARDS_FILE, CHECKPOINTS_FILE] {
        refuse_link(&**storage, &place.root.join(name))?;
    }
    let lock_path = place.root.join(LOCK_FILE);
    let _lock = storage
        .lock(&lock_path)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => Error::Locked(place.root.clone()),
            _ => Error::io(error, ErrorContext::at(&lock_path)),
        })?;
    // Only now no other process changes it.
    place = LogDir::on(Arc::clone(&disk), place.root, place.read_ahead);
    let journal_damage = place.lay_journal_over(WriterLock::Held);
    place.check_journal()?;
    let copy = new_place.create(storage, compression)?;
    let mut report = RepairReport {
        journal_damage,
        ..RepairReport::default()
    };
    let streams = survey_all(&place, &Selection::default())?;
    let lengths = streams
        .iter()
        .filter_map(|stream| stream.found.as_ref().ok());
    let total = lengths.flat_map(|(facts, _)| facts.segments.iter().map(|s| s.file_len));
    let mut meter = Meter::begin(total.sum(), progress)?;
    for stream in streams {
        let mut repaired = RepairedStream {
            key: stream.key.clone(),
            ..RepairedStream::default()
        };
        let copied = copy_stream(&place, stream, copy.context(), &mut repaired, &mut meter);
        match copied {
            Ok(()) => {}
            Err(CopyError::Unreadable(error)) => repaired.error = Some(error.to_string()),
            Err(CopyError::StreamCopy(error)) => return Err(error),
        }
        report.streams.push(repaired);
    }
    for name in [SHARDS_FILE, CHECKPOINTS_FILE] {
        if copy_file(&**storage, &place.root.join(name), &copy.root().join(name))? {
            report.copied_files.push(copy.path().join(name));
        }
    }
    meter.end()?;
    copy.publish()?;
    Ok(report)
}

/// Which side failed: the stream cannot be read, or the copy not be written.
enum CopyError {
    Unreadable(Error),
    StreamCopy(Error),
}

fn copy_stream(
    place: &LogDir,
    stream: Surveyed,
    context: &Arc<LogContext>,
    repaired: &mut RepairedStream,
    meter: &mut Meter<'_>,
) -> std::result::Result<(), CopyError> {
    let (facts, decision) = stream.found.map_err(CopyError::Unreadable)?;
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => {
            let error = refusal_error(&stream.key, &facts, &refusal);
            return Err(CopyError::Unreadable(error));
        }
    };
    let old = view_only(&facts, verdict);
    let mut copy = StreamCopy::new(context, &stream.key, old.first_kept);
    repaired.first_id = old.first_kept.0.0;
    let mut reached = old.first_kept.0.0;
    for found in &old.segments {
        let first_id = found.segment.first_id().0;
        if reached < first_id {
            lose(
                repaired,
                reached..first_id,
                "no segment holds them".to_owned(),
            );
        }
        let opened = SegmentWalk::open(
            &*place.storage,
            &found.segment,
            &found.end,
            old.first_kept.0,
            place.read_ahead,
        );
        let io = |error| CopyError::Unreadable(Error::io(error, found.segment.context()));
        let mut walk = opened.map_err(io)?;
        loop {
            match walk.advance().map_err(io)? {
                WalkItem::Frame { frame, .. } => {
                    copy_frame(&mut walk, &frame, &mut copy, repaired)?;
                    let counted = meter.add(frame.header.len());
                    counted.map_err(CopyError::StreamCopy)?;
                }
                WalkItem::Damaged(damage) => {
                    let why = format!("{} at {}", "the frames are damaged", damage.offset.0);
                    lose(repaired, walk.kept(&damage.ids), why);
                }
                WalkItem::End => break,
            }
        }
        reached = reached.max(found.end.next_id.0);
    }
    repaired.old_next_id = match old.next {
        NextAppend::AfterLoss { first_id, .. } => first_id.0,
        NextAppend::Empty | NextAppend::Continue => reached,
    };
    if reached < repaired.old_next_id {
        let why = "lost at the end of the stream".to_owned();
        lose(repaired, reached..repaired.old_next_id, why);
    }
    let is_emptied =
        old.next == NextAppend::Continue && reached == repaired.first_id && reached > 0;
    if copy.next_id().is_none() && is_emptied {
        copy.begin_empty(reached).map_err(CopyError::StreamCopy)?;
    }
    repaired.next_id = copy.next_id().unwrap_or(repaired.first_id);
    repaired.properties_lost = old.properties.is_lost();
    let set = copy.set_properties(&old.properties, repaired.next_id);
    set.map_err(CopyError::StreamCopy)?;
    copy.finish().map_err(CopyError::StreamCopy)
}

/// Adds lost ids; adjacent ids with the same cause are one run.
fn lose(repaired: &mut RepairedStream, ids: Range<u64>, why: String) {
    if ids.is_empty() {
        // A frame without entries.
        return;
    }
    match repaired.lost.last_mut() {
        Some(last) if last.ids.end == ids.start && last.why == why => last.ids.end = ids.end,
        _ => repaired.lost.push(LostIds { ids, why }),
    }
}

/// Copies the readable entries of a frame: as one frame if all are readable.
fn copy_frame(
    walk: &mut SegmentWalk<'_>,
    frame: &LocatedFrame,
    copy: &mut StreamCopy<'_>,
    repaired: &mut RepairedStream,
) -> std::result::Result<(), CopyError> {
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut first_id = frame.header.first_id.0;
    for id in walk.ids(frame) {
        match walk.entry(frame, EntryId(id)) {
            Ok(bytes) => {
                if entries.is_empty() {
                    first_id = id;
                }
                let no_memory = |error| {
                    let context = ErrorContext::default()
                        .stream(&repaired.key)
                        .ids(id..id + 1);
                    CopyError::Unreadable(Error::io(error, context))
                };
                let copied = memory::copied(bytes);
                let pushed = copied.and_then(|bytes| memory::push(&mut entries, bytes));
                pushed.map_err(no_memory)?;
            }
            Err(error @ Error::Io(_)) => return Err(CopyError::Unreadable(error)),
            Err(error) => {
                append(copy, first_id, &entries, repaired)?;
                entries.clear();
                lose(repaired, id..id + 1, error.to_string());
            }
        }
    }
    append(copy, first_id, &entries, repaired)
}

fn append(
    copy: &mut StreamCopy<'_>,
    first_id: u64,
    entries: &[Vec<u8>],
    repaired: &mut RepairedStream,
) -> std::result::Result<(), CopyError> {
    let slices = memory::collected(entries.iter().map(Vec::as_slice));
    let slices = slices.map_err(|error| CopyError::StreamCopy(error.into()))?;
    let appended = copy.append(first_id, &slices);
    appended.map_err(CopyError::StreamCopy)?;
    repaired.entries += entries.len() as u64;
    Ok(())
}

/// Refuses a log in which a symbolic link replaces a file: its target need not belong to this log,
/// and a copy without it would be incomplete.
fn refuse_link(storage: &dyn Storage, path: &Path) -> Result<()> {
    let is_link = storage.is_link(path);
    match is_link.at(path)? {
        true => Err(Error::InvalidFilename(format!(
            "{} is a symbolic link, and not followed",
            path.display()
        ))),
        false => Ok(()),
    }
}

/// Copies a file, durably but for its name. False: there is none.
fn copy_file(storage: &dyn Storage, from: &Path, to: &Path) -> Result<bool> {
    if storage.kind(from).at(from)?.is_none() {
        return Ok(false);
    }
    let source = storage.open_file(from, Access::Read).at(from)?;
    let len = source.len().at(from)?;
    let target = storage.create_file(to).at(to)?;
    let mut failing = from;
    let copied = for_each_chunk(&*source, 0..len, |at, chunk| {
        let written = target.write_at(at, &[IoSlice::new(chunk)]);
        written.inspect_err(|_| failing = to)
    });
    copied.at(failing)?;
    target.sync_all().at(to)?;
    Ok(true)
}
