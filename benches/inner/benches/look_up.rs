//! What does it cost to find the frame of an id among a million in one segment?
//!
//! `cargo bench --bench look_up`. Two questions, each with its bound in front: what does memory say
//! (no frame is touched), and where is the frame, its header checked. Ids are random, so most of the
//! second is the way to memory: the segment has 292 MB and lies in no cache.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use ironwal_inner::Random;
use ironwal_inner::format::FRAME_HEADER_LEN;
use ironwal_inner::format::FrameHeader;
use ironwal_inner::format::HEADER_AREA_LEN;
use ironwal_inner::format::PreparedFrame;
use ironwal_inner::format::SegmentHeader;
use ironwal_inner::ids::EntryId;
use ironwal_inner::ids::FileOffset;
use ironwal_inner::payload;
use ironwal_inner::segment::LocatedFrame;
use ironwal_inner::segment::Places;
use ironwal_inner::segment::SegmentReader;
use ironwal_inner::segment::Segment;
use ironwal_inner::segment::SegmentEnd;
use ironwal_inner::segment::SegmentBytes;
use ironwal_inner::segment::SparseIndex;
use ironwal_inner::segment::Window;
use ironwal_inner::segment::header_at;
use ironwal_inner::segment::locate;
use ironwal_inner::short_runs;
use ironwal_inner::storage::SharedBytes;
use ironwal_inner::sync::RwLock;

const COUNT: u64 = 1_000_000;
const ENTRY_LEN: usize = 256;
const FRAME_LEN: u64 = (FRAME_HEADER_LEN + ENTRY_LEN) as u64;

/// A segment, and what is known of it.
struct World {
    segment: Segment,
    source: SegmentBytes,
    index: SparseIndex,
    places: Places,
    last: FrameHeader,
}

/// A segment of frames of one entry, as if it were mapped, and noted as a writer notes it; the
/// places are those that walks through all of it leave behind.
fn world() -> World {
    let header = SegmentHeader {
        key: Arc::from("stream"),
        first_id: EntryId(0),
        generation: 0,
        predecessor: None,
        lost_from: EntryId(0),
        first_kept_id: EntryId(0),
        truncation_epoch: 0,
        incarnation: 0,
    };
    let seed = header.seed();
    let mut bytes = Vec::with_capacity((HEADER_AREA_LEN + COUNT * FRAME_LEN) as usize);
    bytes.resize(HEADER_AREA_LEN as usize, 0);
    let entry = payload(ENTRY_LEN);
    let (mut index, mut places) = (SparseIndex::empty(), Places::new(EntryId(0)));
    let (mut end, mut last) = (SegmentEnd::empty(EntryId(0)), None);
    for id in (0..COUNT).map(EntryId) {
        let parts = [&entry[..]];
        let frame = PreparedFrame::single(&parts, None).expect("not too large");
        let header = frame.encode_into(&mut bytes, seed, end.offset, id, end.last_frame_len);
        let header = header.expect("memory");
        let offset = end.offset;
        index.note(end.last_frame, offset, id);
        places.note(&LocatedFrame { offset, header }, id);
        end = SegmentEnd {
            offset: offset + header.len(),
            next_id: header.end_id(),
            last_frame: Some(offset),
            last_frame_len: header.len() as u32,
            link: 0,
        };
        last = Some(header);
    }
    let dir = Arc::from(Path::new("nowhere"));
    World {
        // Who reads is handed the index apart.
        segment: Segment::new(header, dir, &end, false, SparseIndex::empty()),
        source: SegmentBytes::FullyMapped(SharedBytes::of_read(bytes)),
        index,
        places,
        last: last.expect("a million"),
    }
}

/// Places in a segment whose frames differ in length, which are kept in lists.
fn places_of_any_length(like: FrameHeader) -> Places {
    let mut places = Places::new(EntryId(0));
    let mut offset = FileOffset(HEADER_AREA_LEN);
    let mut random = Random::new();
    for id in (0..COUNT).map(EntryId) {
        let len = (ENTRY_LEN / 2) as u64 + random.below(ENTRY_LEN as u64);
        let header = FrameHeader {
            first_id: id,
            stored_len: len as u32,
            uncompressed_len: len as u32,
            ..like
        };
        let frame = LocatedFrame { offset, header };
        places.note(&frame, id);
        offset = frame.end();
    }
    places
}

/// What is known without touching a frame.
fn in_memory(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("look-up, in memory");
    let mut ids = Random::new();
    let sorted: Vec<(u64, u64)> = world
        .index
        .points()
        .iter()
        .map(|point| (point.id.0, point.offset.0))
        .collect();
    group.bench_function("bound: binary search in a Vec", |bencher| {
        bencher.iter(|| {
            let id = ids.below(COUNT);
            let behind = black_box(&sorted).partition_point(|point| point.0 <= id);
            behind.checked_sub(1).map(|place| sorted[place].1)
        });
    });
    group.bench_function("sparse index", |bencher| {
        bencher.iter(|| black_box(&world.index).at_or_before(EntryId(ids.below(COUNT))));
    });
    let any_length = places_of_any_length(world.last);
    for (name, places) in [
        ("places, frames of one length", &world.places),
        ("places, frames of any length", &any_length),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(places).of(EntryId(ids.below(COUNT))));
        });
    }
    group.finish();
}

/// Where the frame is, its header checked.
fn to_the_frame(criterion: &mut Criterion, world: World) {
    let mut group = criterion.benchmark_group("look-up, to the frame");
    let mut ids = Random::new();
    let (segment, places) = (&world.segment, &world.places);
    let file = SegmentReader {
        source: world.source,
        index: Arc::new(RwLock::new(world.index)),
    };
    let (limit, mut window) = (segment.limit(), Window::new());
    group.bench_function("bound: one header's CRC at a known place", |bencher| {
        bencher.iter(|| {
            let at = HEADER_AREA_LEN + ids.below(COUNT) * FRAME_LEN;
            let bytes = &file.source.mapped()[at as usize..];
            crc32fast::hash(&bytes[..FRAME_HEADER_LEN])
        });
    });
    group.bench_function("places, then its header", |bencher| {
        bencher.iter(|| {
            let id = EntryId(ids.below(COUNT));
            let at = places.of(id).expect("is known").offset;
            let header = header_at(segment, &file.source, &mut window, at, 0, limit.0);
            let header = header.expect("no I/O").expect("a good header");
            assert_eq!(header.first_id, id);
            header
        });
    });
    group.bench_function("sparse index, then header to header", |bencher| {
        bencher.iter(|| {
            let id = EntryId(ids.below(COUNT));
            let found = locate(segment, &file, &mut window, id, 0, limit);
            let frame = found.expect("no I/O").expect("no damage");
            assert_eq!(frame.header.first_id, id);
            frame
        });
    });
    group.finish();
}

fn look_up(criterion: &mut Criterion) {
    let world = world();
    println!("points in the sparse index: {}", world.index.points().len());
    println!("bytes that the places take: {}", world.places.size_bytes());
    in_memory(criterion, &world);
    to_the_frame(criterion, world);
}

criterion_group! {
    name = look_ups;
    config = short_runs();
    targets = look_up
}
criterion_main!(look_ups);
