//! What does it cost to make a frame of entries, and to check one?
//!
//! `cargo bench --bench framing`. In front of each row stands its bound: to make one, the copy of as
//! many bytes into a reused buffer and one checksum over them; to check one, that checksum.

use std::hint::black_box;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use ironwal_inner::format::FRAME_HEADER_LEN;
use ironwal_inner::format::FrameHeader;
use ironwal_inner::format::HEADER_AREA_LEN;
use ironwal_inner::format::PreparedFrame;
use ironwal_inner::format::SegmentSeed;
use ironwal_inner::format::check_payload;
use ironwal_inner::ids::EntryId;
use ironwal_inner::ids::FileOffset;
use ironwal_inner::payload;
use ironwal_inner::short_runs;

/// Name, entries in a frame, bytes of an entry.
const SHAPES: [(&str, usize, usize); 5] = [
    ("64 B", 1, 64),
    ("256 B", 1, 256),
    ("1 KiB", 1, 1 << 10),
    ("16 KiB", 1, 16 << 10),
    ("100 x 256 B", 100, 256),
];

/// Some frame within a segment: the one before it had 300 bytes.
const AT: FileOffset = FileOffset(HEADER_AREA_LEN + 300);
const FIRST_ID: EntryId = EntryId(1);
const PREVIOUS_LEN: u32 = 300;

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame, make");
    for (name, count, len) in SHAPES {
        let bytes = payload(count * len);
        let entries: Vec<&[u8]> = bytes.chunks(len).collect();
        let (frame, seed) = (frame_of(&entries), black_box(seed()));
        group.throughput(Throughput::Bytes(frame.len() as u64));
        let mut out = Vec::with_capacity(frame.len());
        group.bench_function(format!("bound: copy and one CRC/{name}"), |bencher| {
            bencher.iter(|| {
                let frame = black_box(&frame);
                out.clear();
                out.extend_from_slice(frame);
                black_box(&mut out);
                crc32fast::hash(frame)
            });
        });
        group.bench_function(format!("ironwal/{name}"), |bencher| {
            bencher.iter(|| {
                let header = make(black_box(&entries), seed, &mut out);
                black_box(&mut out);
                header
            });
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame, check");
    for (name, count, len) in SHAPES {
        let bytes = payload(count * len);
        let entries: Vec<&[u8]> = bytes.chunks(len).collect();
        let (frame, seed) = (frame_of(&entries), black_box(seed()));
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(format!("bound: one CRC/{name}"), |bencher| {
            bencher.iter(|| crc32fast::hash(black_box(&frame)));
        });
        group.bench_function(format!("ironwal/{name}"), |bencher| {
            bencher.iter(|| check(black_box(&frame), seed));
        });
    }
    group.finish();
}

/// A frame as an append makes it, into `out`, which is emptied first.
fn make(entries: &[&[u8]], seed: SegmentSeed, out: &mut Vec<u8>) -> FrameHeader {
    out.clear();
    let frame = match entries {
        [_] => PreparedFrame::single(entries, None),
        _ => PreparedFrame::many(entries, None),
    };
    let frame = frame.expect("not too large");
    frame.encode_into(out, seed, AT, FIRST_ID, PREVIOUS_LEN).expect("memory")
}

/// What a scan does: the header must be good at this place, and all of the payload.
fn check(frame: &[u8], seed: SegmentSeed) -> FrameHeader {
    let header = FrameHeader::decode(frame, seed, AT).expect("a good header");
    check_payload(&header, seed, &frame[FRAME_HEADER_LEN..]).expect("good bytes");
    header
}

fn frame_of(entries: &[&[u8]]) -> Vec<u8> {
    let mut frame = Vec::new();
    make(entries, seed(), &mut frame);
    frame
}

fn seed() -> SegmentSeed {
    SegmentSeed::new("stream", EntryId(0), 0)
}

criterion_group! {
    name = framing;
    config = short_runs();
    targets = encode, decode
}
criterion_main!(framing);
