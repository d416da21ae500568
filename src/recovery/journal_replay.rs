//! What does the commit journal add to the streams' files, and how does it get there?
//!
//! Before any stream is judged, what the journal's good records hold is laid over the files, where key,
//! incarnation, first id and generation of the file's header match. All of it is written, also what stands
//! there already: after the death of a process the page cache may show what the disk lacks. Then the files,
//! their directories and the root are synced. Only then the slots are written and synced, which say that the rest is
//! durable: the last record of a process that died may be in the page cache only, so it proves nothing. The journal is
//! made empty only after that, so each step may be interrupted, and is done once more by the next open.
//!
//! An item does not count where its stream was deleted (a void item behind it, or another incarnation), where its segment
//! was replaced by a cut (another generation), or where the ids of its segment were truncated. A file that is
//! missing is made from the header sector that the journal holds. A slot is laid over the file's only if it
//! says more.

use std::collections::BTreeMap;
use std::io;
use std::io::IoSlice;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::FrontierSlot;
use crate::format::JournalItemKind;
use crate::format::SLOT_COUNT;
use crate::format::SegmentSeed;
use crate::format::segment_file_name;
use crate::format::slot_offset;
use crate::format::stream_dir_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::journal::JournalFacts;
use crate::journal::OwnedItem;
use crate::platform::HashMap;
use crate::recovery::collect::survey;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::frontier::first_kept;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::OverlaidFile;
use crate::storage::Overlay;
use crate::storage::Storage;

/// What the journal adds to one stream.
#[derive(Debug)]
pub struct StreamReplay {
    /// The stream's key.
    pub key: Arc<str>,
    /// Its directory.
    pub dir: PathBuf,
    /// The directory is not there.
    pub is_new: bool,
    /// What is laid over which of its files.
    files: Vec<FileReplay>,
    /// Where the file holds another good frame than the journal: the file's stays.
    pub conflicts: Vec<(PathBuf, FileOffset)>,
}

/// What the journal adds to a file.
#[derive(Debug)]
struct FileReplay {
    path: PathBuf,
    /// Header and frames.
    over: OverlaidFile,
    /// The greatest slot, where it says more than the file's: its order, offset and sector.
    slot: Option<(SlotOrder, u64, Vec<u8>)>,
}

type SlotOrder = (u64, EntryId, FileOffset);

/// What the journal adds to the streams of a log.
#[derive(Debug, Default)]
pub struct Replay {
    /// The streams that it adds to.
    pub streams: Vec<StreamReplay>,
}

/// The items of one segment, oldest first.
type OfSegment<'a> = Vec<&'a OwnedItem>;

/// Finds out what the journal adds. Changes nothing.
///
/// Errors: `Io`; `InvalidFilename` where something that is not ours stands in the place of a file that holds
/// acknowledged entries.
pub fn plan_replay(
    storage: &dyn Storage,
    root: &Path,
    journal: &JournalFacts,
    read_ahead: usize,
) -> Result<Replay> {
    // A replica that is begun anew has the incarnation of the one that was deleted: what follows a void counts.
    let mut voids = HashMap::default();
    let mut by_stream: BTreeMap<&Arc<str>, BTreeMap<_, OfSegment<'_>>> = BTreeMap::new();
    let items = || journal.items.iter().enumerate();
    for (at, item) in items().filter(|(_, item)| item.kind == JournalItemKind::Void) {
        voids.insert((&*item.key, item.incarnation), at);
    }
    for (at, item) in items() {
        let void = voids.get(&(&*item.key, item.incarnation));
        if item.kind != JournalItemKind::Void && void.is_none_or(|void| *void < at) {
            let segment = (item.incarnation, item.first_id, item.generation);
            let segments = by_stream.entry(&item.key).or_default();
            segments.entry(segment).or_default().push(item);
        }
    }
    let mut replay = Replay::default();
    for (key, segments) in by_stream {
        let stream = plan_stream(storage, root, key, &segments, read_ahead)?;
        if !stream.files.is_empty() || !stream.conflicts.is_empty() {
            replay.streams.push(stream);
        }
    }
    Ok(replay)
}

fn plan_stream(
    storage: &dyn Storage,
    root: &Path,
    key: &Arc<str>,
    segments: &BTreeMap<(u64, EntryId, u64), OfSegment<'_>>,
    read_ahead: usize,
) -> Result<StreamReplay> {
    let dir = root.join(stream_dir_name(key));
    let mut stream = StreamReplay {
        key: Arc::clone(key),
        is_new: false,
        files: Vec::new(),
        conflicts: Vec::new(),
        dir,
    };
    let found = match storage.kind(&stream.dir).at(&stream.dir)? {
        Some(EntryKind::Directory) => Some(survey(storage, &stream.dir, read_ahead)?),
        None => None,
        Some(_) => return Err(not_ours(&stream.dir)),
    };
    stream.is_new = found.is_none();
    let on_disk = found.as_ref().map_or(&[][..], |facts| &facts.segments);
    let present = found.as_ref().and_then(|facts| facts.incarnation());
    // Incarnations only grow: a later one says that the earlier was deleted, also where the record that made that
    // void is damaged.
    let newest = segments
        .keys()
        .map(|(incarnation, _, _)| *incarnation)
        .max();
    let present = present.or(newest);
    for (&(incarnation, first_id, generation), items) in segments {
        if present.is_some_and(|present| present != incarnation) {
            continue;
        }
        let path = stream.dir.join(segment_file_name(first_id));
        let segment = on_disk.iter().find(|segment| segment.name_id == first_id);
        let Some(taking) = taking(segment, on_disk, (first_id, generation), items, &path)? else {
            continue;
        };
        let seed = SegmentSeed::new(key, first_id, generation);
        let over = OverlaidFile {
            is_new: taking == Taking::Make,
            writes: Vec::new(),
        };
        let mut file = FileReplay {
            path,
            over,
            slot: None,
        };
        for item in items {
            lay_over(
                storage,
                segment,
                item,
                (seed, taking),
                &mut file,
                &mut stream,
            )?;
        }
        if !file.over.writes.is_empty() || file.slot.is_some() {
            // Of an earlier generation: a cut has replaced it.
            stream.files.retain(|before| before.path != file.path);
            stream.files.push(file);
        }
    }
    Ok(stream)
}

/// How a file takes what the journal holds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taking {
    /// Its header is good.
    Frames,
    /// Its header was never stored whole, or is damaged: the journal may hold it.
    All,
    /// It is missing, and is made.
    Make,
}

/// How the file takes its items. `None`: it does not.
fn taking(
    segment: Option<&SegmentFacts>,
    on_disk: &[SegmentFacts],
    (first_id, generation): (EntryId, u64),
    items: &[&OwnedItem],
    path: &Path,
) -> Result<Option<Taking>> {
    let has_header = items.iter().any(|item| item.offset == FileOffset(0));
    let Some(segment) = segment else {
        let may_make = has_header && !is_gone(on_disk, first_id, generation);
        return Ok(may_make.then_some(Taking::Make));
    };
    Ok(match &segment.head {
        HeaderState::Valid(header) if header.generation == generation => Some(Taking::Frames),
        HeaderState::Reconstructed(header) if header.generation == generation => Some(Taking::All),
        HeaderState::NeverWritten if has_header => Some(Taking::All),
        HeaderState::Valid(_) | HeaderState::Reconstructed(_) | HeaderState::NeverWritten => None,
        // Of an earlier or later stream of this key.
        HeaderState::Foreign(Foreign::OtherIncarnation(_)) => None,
        HeaderState::Foreign(_) => return Err(not_ours(path)),
    })
}

/// Whether a segment that is missing was taken out of the stream: by a cut, which makes the generation
/// greater, or by a truncation, which records the first id kept first.
fn is_gone(on_disk: &[SegmentFacts], first_id: EntryId, generation: u64) -> bool {
    let headers = || on_disk.iter().filter_map(|segment| segment.head.header());
    let (kept, _) = first_kept(on_disk);
    headers().any(|header| header.generation > generation)
        || headers().any(|header| header.first_id > first_id && header.first_id <= kept)
}

fn lay_over(
    storage: &dyn Storage,
    segment: Option<&SegmentFacts>,
    item: &OwnedItem,
    (seed, taking): (SegmentSeed, Taking),
    file: &mut FileReplay,
    stream: &mut StreamReplay,
) -> Result<()> {
    match item.kind {
        JournalItemKind::Void => return Ok(()),
        JournalItemKind::Slot => {
            let slot = (0..SLOT_COUNT).find(|slot| slot_offset(*slot) == item.offset);
            let sector = slot.and_then(|slot| FrontierSlot::restored(&item.bytes, seed, slot));
            let Some((slot, sector)) = slot.zip(sector) else {
                return Ok(());
            };
            let stated = FrontierSlot::decode(&sector, seed, slot);
            let Some(stated) = stated.valid() else {
                return Ok(());
            };
            let found = segment.and_then(|segment| segment.slots[slot].valid());
            let is_newer = found.is_none_or(|found| found.order() < stated.order());
            let before = file.slot.as_ref().map(|(order, ..)| *order);
            if is_newer && before < Some(stated.order()) {
                file.slot = Some((stated.order(), item.offset.0, sector.to_vec()));
            }
            return Ok(());
        }
        // The header sector, also where a good one is found: the disk may lack what the page cache shows.
        JournalItemKind::Bytes if item.offset == FileOffset(0) => {}
        JournalItemKind::Bytes => {
            if taking != Taking::Make && has_other_frame(storage, &file.path, item, seed)? {
                stream.conflicts.push((file.path.clone(), item.offset));
                return Ok(());
            }
        }
    }
    let bytes = item.bytes.clone();
    file.over.writes.push((item.offset.0, bytes));
    Ok(())
}

/// Whether another good frame begins where this range does.
fn has_other_frame(
    storage: &dyn Storage,
    path: &Path,
    item: &OwnedItem,
    seed: SegmentSeed,
) -> Result<bool> {
    let Some(ours) = item.bytes.get(..FRAME_HEADER_LEN) else {
        return Ok(false);
    };
    let file = storage.open_file(path, Access::Read).at(path)?;
    let mut found = [0; FRAME_HEADER_LEN];
    let read = file.read_at(item.offset.0, &mut found).at(path)?;
    let is_frame = FrameHeader::decode(&found[..read], seed, item.offset).is_ok();
    Ok(is_frame && found != *ours)
}

fn not_ours(path: &Path) -> Error {
    Error::InvalidFilename(format!(
        "{} is not ours, and the commit journal holds acknowledged entries for a file of this name; move it away",
        path.display()
    ))
}

impl Replay {
    /// What is damaged in the journal, as sentences.
    pub fn damage(&self, journal: &JournalFacts) -> Vec<String> {
        let findings = journal.findings.iter().map(ToString::to_string);
        let conflicts = self.conflicts().map(|(_, path, at)| {
            let path = path.display();
            format!("{path}: another frame stands at {at} than the commit journal holds; it stays")
        });
        findings.chain(conflicts).collect()
    }

    /// Where a file holds another good frame than the journal: the stream's key, the file, the place.
    pub fn conflicts(&self) -> impl Iterator<Item = (&str, &Path, FileOffset)> {
        self.streams.iter().flat_map(|stream| {
            let conflicts = stream.conflicts.iter();
            conflicts.map(|(path, at)| (&*stream.key, path.as_path(), *at))
        })
    }

    /// The disk as it is once the journal is written into the files.
    pub fn over(&self, storage: Arc<dyn Storage>) -> Overlay {
        let files = self.streams.iter().flat_map(|stream| &stream.files);
        let files = files.map(|file| {
            let mut over = file.over.clone();
            let slot = file.slot.iter();
            over.writes
                .extend(slot.map(|(_, offset, sector)| (*offset, sector.clone())));
            (file.path.clone(), over)
        });
        let new_dirs = self.streams.iter().filter(|stream| stream.is_new);
        Overlay::new(storage, files, new_dirs.map(|stream| stream.dir.clone()))
    }
}

impl StreamReplay {
    /// Writes headers and frames into the stream's files, and syncs files and directory. The name of the directory is
    /// durable once the root is synced.
    pub fn write_frames(&self, storage: &dyn Storage) -> Result<()> {
        if self.is_new {
            match storage.create_dir(&self.dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.at(&self.dir)?,
            }
        }
        for file in &self.files {
            write_file(storage, &file.path, &file.over).map_err(|error| self.at(file, error))?;
        }
        storage.sync_dir(&self.dir).at(&self.dir)
    }

    /// Writes the slots, and syncs them. What they say is durable by then.
    pub fn write_slots(&self, storage: &dyn Storage) -> Result<()> {
        for file in &self.files {
            let Some((_, offset, sector)) = &file.slot else {
                continue;
            };
            storage
                .open_file(&file.path, Access::ReadWrite)
                .and_then(|opened| opened.write_durably_at(*offset, &[IoSlice::new(sector)]))
                .map_err(|error| self.at(file, error))?;
        }
        Ok(())
    }

    fn at(&self, file: &FileReplay, error: io::Error) -> Error {
        Error::io(error, ErrorContext::at(&file.path).stream(&self.key))
    }
}

fn write_file(storage: &dyn Storage, path: &Path, over: &OverlaidFile) -> io::Result<()> {
    let file = match over.is_new {
        true => match storage.create_file(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                storage.open_file(path, Access::ReadWrite)?
            }
            created => created?,
        },
        false => storage.open_file(path, Access::ReadWrite)?,
    };
    for (offset, bytes) in &over.writes {
        file.write_at(*offset, &[IoSlice::new(bytes)])?;
    }
    file.sync_all()
}
