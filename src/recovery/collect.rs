//! What is on disk of one stream? Collects the facts and changes nothing.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::FRAME_HEADER_LEN;
use crate::format::FrameHeader;
use crate::format::INDEX_FILE;
use crate::format::NEXT_SEGMENT_FILE;
use crate::format::Predecessor;
use crate::format::Replaces;
use crate::format::SegmentSeed;
use crate::format::SlotState;
use crate::format::UNFINISHED_COPY_FILE;
use crate::format::header_crc_of;
use crate::format::key_from_dir_name;
use crate::format::segment_file_name;
use crate::format::stream_dir_name;
use crate::ids::EntryId;
use crate::ids::FileOffset;
use crate::recovery::facts::ClipState;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::FrontierProperties;
use crate::recovery::facts::HeaderState;
use crate::recovery::facts::Scan;
use crate::recovery::facts::ScanStop;
use crate::recovery::facts::SegmentFacts;
use crate::recovery::facts::StreamFacts;
use crate::recovery::facts::incarnation;
use crate::recovery::frontier::FIRST_FRAME;
use crate::recovery::frontier::frontier;
use crate::recovery::frontier::rank;
use crate::recovery::frontier::successor;
use crate::recovery::index_evidence::claim;
use crate::recovery::read_headers::HeaderRead;
use crate::recovery::read_headers::Identity;
use crate::recovery::read_headers::SealedCache;
use crate::recovery::read_headers::heads;
use crate::recovery::read_properties::properties_at_frontier;
use crate::recovery::read_properties::properties_of_good_frame;
use crate::recovery::scan::CheckDepth;
use crate::recovery::scan::scan;
use crate::segment::Segment;
use crate::segment::SegmentBytes;
use crate::segment::SegmentEnd;
use crate::segment::SparseIndex;
use crate::segment::newer_slot;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::storage::Storage;

/// Up to this one all generations are tried.
const MAX_GENERATIONS_TRIED: u64 = 32;

/// Surveys a stream's directory. A read error is `Io`: without the facts there is no decision.
pub fn survey(storage: &dyn Storage, dir: &Path, read_ahead: usize) -> Result<StreamFacts> {
    look(storage, dir, read_ahead, None)
}

/// The same beside a live writer, without opening the segments in the cache.
///
/// The facts are consistent also while the writer appends, rotates and seals. The newest segment is
/// read first, so every segment before a sealed one is found sealed. The slots of each file are
/// read before its length and its frames, so the file holds all that they promise.
pub fn survey_live(
    storage: &dyn Storage,
    dir: &Path,
    read_ahead: usize,
    known: &SealedCache,
) -> Result<StreamFacts> {
    look(storage, dir, read_ahead, Some(known))
}

/// `beside_writer`: a writer may be active; the cached segments.
fn look(
    storage: &dyn Storage,
    dir: &Path,
    read_ahead: usize,
    beside_writer: Option<&SealedCache>,
) -> Result<StreamFacts> {
    let dir_name = dir.file_name().and_then(|name| name.to_str());
    let dir_name = dir_name.unwrap_or_default();
    let listing = storage.list_dir(dir).at(dir)?;
    let mut key: Option<Arc<str>> = key_from_dir_name(dir_name).map(Arc::from);
    // Read before the segments: the writer has put into them what it lists here.
    let claimed = claim(storage, dir, &listing);
    let nothing = SealedCache::new();
    let (raw, newest) = heads(storage, dir, &listing, beside_writer.unwrap_or(&nothing))?;
    let newest = newest.map(|newest| match beside_writer {
        // No writer is active, so the bytes of the first read are still valid.
        None => SegmentBytes::PrefixMapped {
            map: newest.area,
            file: newest.file,
        },
        Some(_) => SegmentBytes::File(newest.file),
    });
    let newest = newest.map(|source| (raw.len() - 1, source));
    if key.is_none() {
        let keys = raw.iter().filter_map(|(_, head)| head.key());
        let mut keys = keys.filter(|key| stream_dir_name(key) == dir_name);
        key = keys.next().cloned();
    }
    // `segments.idx` does not prove which stream the bytes of a segment belong to. Where there are
    // no bytes, its key counts.
    if key.is_none() && raw.iter().all(|(_, head)| head.is_empty()) {
        let keys = claimed.iter().map(|(key, _)| key);
        let mut keys = keys.filter(|key| stream_dir_name(key) == dir_name);
        key = keys.next().map(|key| Arc::from(key.as_str()));
    }
    let claim = claimed
        .filter(|(claimed, _)| key.as_deref() == Some(claimed.as_str()))
        .map(|(_, claim)| claim);
    let mut segments = judged(raw, key.as_ref());
    compare_incarnations(&mut segments);
    rank(&mut segments);
    reject_unconfirmed_trailers(&mut segments);
    let temporary = listing
        .iter()
        .filter(|e| matches!(e.kind, EntryKind::File | EntryKind::Link))
        .any(|e| e.name == NEXT_SEGMENT_FILE || e.name == UNFINISHED_COPY_FILE);
    // Open replaces a link by a regular file.
    let index_file = listing
        .iter()
        .any(|e| e.name == INDEX_FILE && e.kind != EntryKind::Link);
    let frontier = frontier(&segments);
    let mut facts = StreamFacts {
        key,
        dir: Arc::from(dir),
        segments,
        temporary,
        index_file,
        claim,
        frontier,
        properties: FrontierProperties::Unstated,
    };
    if facts
        .segments
        .iter()
        .all(|s| !matches!(s.head, HeaderState::Foreign(_)))
    {
        look_at_clips(storage, &mut facts)?;
        scan_below(storage, &mut facts, read_ahead)?;
        facts.properties = properties_at_frontier(storage, &facts)?;
        scan_tail(storage, &mut facts, newest, read_ahead)?;
    }
    Ok(facts)
}

/// All segments of a stream record the same incarnation. A segment with another one belongs to a
/// stream that was deleted or that came later. A damaged header takes the others' incarnation.
fn compare_incarnations(segments: &mut [SegmentFacts]) {
    let Some(expected) = incarnation(segments) else {
        return;
    };
    for segment in segments {
        match &mut segment.head {
            HeaderState::Valid(header) if header.incarnation != expected => {
                let other = Foreign::OtherIncarnation(header.incarnation);
                segment.head = HeaderState::Foreign(other);
            }
            HeaderState::Reconstructed(header) => header.incarnation = expected,
            HeaderState::Valid(_) | HeaderState::NeverWritten | HeaderState::Foreign(_) => {}
        }
    }
}

/// The facts of each segment. The directory, its name and the other segments give its identity.
fn judged(raw: Vec<(EntryId, HeaderRead)>, key: Option<&Arc<str>>) -> Vec<SegmentFacts> {
    let generations = generations(&raw);
    raw.into_iter()
        .map(|(name_id, head)| match head {
            HeaderRead::Cached(facts) => facts,
            HeaderRead::Fresh(head) => head.judge(&Identity {
                key,
                name_id,
                generations: &generations,
            }),
        })
        .collect()
}

/// The generations that a file may have whose header is damaged: those in use, and the one that the
/// last cut gave, whose own header may be the damaged one. Where they are few, those between too:
/// the only other segment of one may be void and removed by now.
fn generations(raw: &[(EntryId, HeaderRead)]) -> Vec<u64> {
    let in_use = raw.iter().filter_map(|(_, head)| head.generation());
    let mut generations: BTreeSet<u64> = in_use.collect();
    let next = generations.last().map_or(1, |last| last.saturating_add(1));
    match next {
        0..=MAX_GENERATIONS_TRIED => generations.extend(0..=next),
        _ => generations.extend([0, next]),
    }
    generations.into_iter().collect()
}

/// The last entry of a file may look like a footer, checksum included: its appender knows key, ids
/// and offsets. So a trailer counts only if bytes confirm it that no entry can reach: a slot of the
/// same file, stored when it was sealed, or the header of the next segment.
fn reject_unconfirmed_trailers(segments: &mut [SegmentFacts]) {
    for i in 0..segments.len() {
        let Some(trailer) = segments[i].trailer else {
            continue;
        };
        let slot_agrees = segments[i].slots.iter().any(|slot| {
            matches!(slot, SlotState::Valid(slot)
                if slot.end == trailer.footer_offset && slot.next_id == trailer.end_id)
        });
        let next = successor(segments, i).and_then(|next| next.head.header());
        let recorded = next.and_then(|header| header.predecessor);
        let successor_agrees =
            recorded.is_some_and(|p| p.end_id == trailer.end_id && p.link == trailer.link);
        if !slot_agrees && !successor_agrees {
            segments[i].trailer = None;
        }
    }
}

/// Finds the last good frame of segments below the frontier whose footer is missing or damaged.
/// Their successors record which frame it should be.
fn scan_below(storage: &dyn Storage, facts: &mut StreamFacts, read_ahead: usize) -> Result<()> {
    let StreamFacts {
        dir,
        segments,
        frontier,
        ..
    } = facts;
    let clipped = clipped(segments);
    let below = segments.iter_mut().take(frontier.segment).enumerate();
    for (i, facts) in below {
        // What was cut off is none of the stream's, and the cut says which frame was the last one.
        let is_read = facts.trailer.is_none() && !facts.is_void() && !clipped.contains(&i);
        let header = facts.head.header().filter(|_| is_read);
        let Some(header) = header.cloned() else {
            continue;
        };
        let path = dir.join(segment_file_name(facts.name_id));
        let source = SegmentBytes::File(storage.open_file(&path, Access::Read).at(&path)?);
        let (limit, seed) = (FileOffset(facts.file_len), header.seed());
        let mut from = greatest_end(facts);
        // That frame is not in place: scan from the start.
        if !load_last_frame(seed, &source, &mut from, limit).at(&path)? {
            from = SegmentEnd::empty(header.first_id);
        }
        let (start, dir) = (SegmentEnd::empty(header.first_id), Arc::clone(dir));
        let segment = Segment::new(header, dir, &start, false, SparseIndex::empty());
        let found = scan(
            &segment,
            &source,
            &from,
            limit,
            read_ahead,
            CheckDepth::Headers,
        );
        facts.ending = Some(found.at(&path)?.0);
    }
    Ok(())
}

/// The segments behind a frame of which a suffix was cut.
fn clipped(segments: &[SegmentFacts]) -> Vec<usize> {
    let in_line: Vec<usize> = (0..segments.len())
        .filter(|i| !segments[*i].is_void() && segments[*i].head.header().is_some())
        .collect();
    let pairs = in_line.windows(2);
    let pairs = pairs.filter(|pair| segments[pair[1]].is_cut());
    pairs.map(|pair| pair[0]).collect()
}

/// Reads the headers of the frames behind which suffixes were cut. Nothing else says where the
/// segments end that hold them.
fn look_at_clips(storage: &dyn Storage, facts: &mut StreamFacts) -> Result<()> {
    let (dir, segments) = (&facts.dir, &mut facts.segments);
    let mut before: Option<usize> = None;
    for i in 0..segments.len() {
        if segments[i].is_void() || segments[i].head.header().is_none() {
            continue;
        }
        let cut = match &segments[i].head {
            HeaderState::Valid(header) => Some((header.replaces, header.predecessor)),
            _ => None,
        };
        let holder = before.map(|before| &segments[before]);
        let clip = match (cut, holder) {
            (Some((Replaces::Suffix { clip_frame }, Some(stated))), Some(holder)) => {
                Some(clip_state(storage, dir, holder, clip_frame, stated)?)
            }
            _ => None,
        };
        segments[i].clip = clip;
        before = Some(i);
    }
    Ok(())
}

fn clip_state(
    storage: &dyn Storage,
    dir: &Path,
    holder: &SegmentFacts,
    clip_frame: FileOffset,
    stated: Predecessor,
) -> Result<ClipState> {
    let Some(header) = holder.head.header() else {
        return Ok(ClipState::Bad);
    };
    let path = dir.join(segment_file_name(holder.name_id));
    let file = storage.open_file(&path, Access::Read).at(&path)?;
    let mut bytes = [0; FRAME_HEADER_LEN];
    let read = file.read_at(clip_frame.0, &mut bytes).at(&path)?;
    let Ok(frame) = FrameHeader::decode(&bytes[..read], header.seed(), clip_frame) else {
        return Ok(ClipState::Bad);
    };
    let end = clip_frame + frame.len();
    let is_it = frame.is_clip(stated.end_id) && header_crc_of(&bytes) == stated.link;
    Ok(match is_it && end.0 <= holder.file_len {
        true => ClipState::Good { end },
        false => ClipState::Bad,
    })
}

/// The end that the greater slot of a segment names; its start without one.
fn greatest_end(facts: &SegmentFacts) -> SegmentEnd {
    match newer_slot(&facts.slots) {
        Some(slot) => SegmentEnd::of_slot(slot),
        None => SegmentEnd::empty(facts.head.header().map_or(facts.name_id, |h| h.first_id)),
    }
}

/// Reads the frames from the frontier on, and checks that the frontier itself is in place.
/// `newest`: the last segment's index and its open file.
fn scan_tail(
    storage: &dyn Storage,
    facts: &mut StreamFacts,
    mut newest: Option<(usize, SegmentBytes)>,
    read_ahead: usize,
) -> Result<()> {
    let StreamFacts {
        dir,
        segments,
        frontier,
        ..
    } = facts;
    for (i, facts) in segments.iter_mut().enumerate().skip(frontier.segment) {
        let Some(header) = facts.head.header().filter(|_| !facts.is_void()) else {
            continue;
        };
        let path = || dir.join(segment_file_name(facts.name_id));
        let context = || ErrorContext::at(&path());
        let start = if i == frontier.segment {
            frontier.end
        } else {
            SegmentEnd::empty(header.first_id)
        };
        // Nothing to read: the common case after a clean close.
        if start.offset.0 == facts.file_len && start.last_frame.is_none() {
            let end = start;
            let from = (end.offset, end.next_id);
            facts.tail = Some(Scan {
                from,
                end,
                stop: ScanStop::EndOfData,
            });
            continue;
        }
        let source = match newest.take_if(|(place, _)| *place == i) {
            Some((_, source)) => source,
            None => SegmentBytes::File(
                storage
                    .open_file(&path(), Access::Read)
                    .in_context(context)?,
            ),
        };
        let (limit, seed) = (FileOffset(facts.file_len), header.seed());
        let segment = || {
            let (header, dir) = (header.clone(), Arc::clone(dir));
            Segment::new(header, dir, &start, false, SparseIndex::empty())
        };
        let mut from = start;
        if i == frontier.segment {
            frontier.intact =
                load_last_frame(seed, &source, &mut from, limit).in_context(context)?;
            if !frontier.intact {
                let segment = segment();
                // The durable end is damaged: find the last good frame before it.
                let first = SegmentEnd::empty(segment.first_id());
                let durable = limit.min(start.offset);
                let found = scan(
                    &segment,
                    &source,
                    &first,
                    durable,
                    read_ahead,
                    CheckDepth::Headers,
                );
                facts.tail = Some(found.in_context(context)?.0);
                continue;
            }
            frontier.end = from;
            if from.offset == limit {
                // Nothing behind it: the other common case after a clean close.
                facts.tail = Some(Scan {
                    from: (from.offset, from.next_id),
                    end: from,
                    stop: ScanStop::EndOfData,
                });
                continue;
            }
        }
        let segment = segment();
        let found = scan(
            &segment,
            &source,
            &from,
            limit,
            read_ahead,
            CheckDepth::Payloads,
        );
        let (found, properties) = found.in_context(context)?;
        facts.tail = Some(found);
        facts.properties = properties
            .map(|frame| properties_of_good_frame(&segment, &source, &frame))
            .transpose()?;
    }
    Ok(())
}

/// Fills in the length and link of the last frame before `end`. False: it is not in place.
pub fn load_last_frame(
    seed: SegmentSeed,
    source: &SegmentBytes,
    end: &mut SegmentEnd,
    limit: FileOffset,
) -> io::Result<bool> {
    let Some(offset) = end.last_frame else {
        // Nothing is promised to be there, not even the rest of the header area.
        return Ok(end.offset == FIRST_FRAME);
    };
    let mut window = crate::segment::ReadBuffer::new();
    let bytes = window.bytes(source, offset, FRAME_HEADER_LEN, FRAME_HEADER_LEN, limit)?;
    let Some(bytes) = bytes else { return Ok(false) };
    let Ok(header) = FrameHeader::decode(bytes, seed, offset) else {
        return Ok(false);
    };
    end.last_frame_len = header.len() as u32;
    end.link = bytes.first_chunk().map_or(0, header_crc_of);
    Ok(
        offset + header.len() == end.offset
            && header.end_id() == end.next_id
            && end.offset <= limit,
    )
}
