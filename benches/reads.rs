//! What do reads cost, beside the reads and checksums that bound them?
//!
//! `cargo bench --bench reads [-- PART_OF_A_TITLE [PART_OF_A_ROW]]`. Each table runs its rows in turn, several
//! rounds, and prints medians and the ratio to the first row, the bound: on a shared machine only
//! ratios of one run mean anything.

#![allow(unsafe_code)]

use std::fs::File;
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use ironwal::ReadStrategy;
use ironwal::Stream;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;

const ROUNDS: usize = 7;
const HEADER_LEN: usize = 36;
const HEADER_AREA_LEN: usize = 1536;
const GETS: u64 = 200_000;

/// Entries in two logs, one for each way of reading, which stay open as they were written. The
/// bounds read their files, as bytes: how a file was written decides how fast it is read.
struct Sample {
    plain: Opened,
    mapped: Opened,
    frame_len: usize,
    count: u64,
    /// How many ids are read at random: where there are sealed segments, theirs.
    ids: u64,
}

struct Opened {
    wal: Wal,
    stream: Stream,
    /// The segment files, and how many frames lie in each.
    files: Vec<(File, u64)>,
}

/// What a sample is made of.
struct Plan {
    name: &'static str,
    entry_len: usize,
    count: u64,
    segment_size: u64,
    uneven: bool,
}

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let wanted = |title: &str| wanted.as_ref().is_none_or(|part| title.contains(part));
    println!("medians of {ROUNDS} interleaved rounds; ratio: bound / row");
    for plan in plans() {
        let title = |what: &str| format!("{what}, {}", plan.name);
        let scan = title("scan");
        let gets = [(1, title("get, 1 thread")), (2, title("get, 2 threads"))];
        if !wanted(&scan) && !gets.iter().any(|(_, title)| wanted(title)) {
            continue;
        }
        let dir = tempfile::tempdir_in(".").expect("a directory on a real disk");
        let sample = Sample::write(dir.path(), &plan);
        if wanted(&scan) {
            scans(&scan, &sample);
        }
        for (threads, title) in gets {
            if wanted(&title) {
                random_gets(&title, &sample, threads);
            }
        }
    }
}

fn plans() -> [Plan; 4] {
    let plan = |name, entry_len, count, segment_size, uneven| Plan {
        name,
        entry_len,
        count,
        segment_size,
        uneven,
    };
    [
        plan("256 B, sealed", 256, 1_000_000, 64 << 20, false),
        plan("256 B, active", 256, 1_000_000, 1 << 30, false),
        plan("128 to 384 B, sealed", 256, 1_000_000, 64 << 20, true),
        plan("16 KiB, sealed", 16 << 10, 20_000, 64 << 20, false),
    ]
}

impl Sample {
    fn write(dir: &Path, plan: &Plan) -> Sample {
        let frame_len = plan.entry_len + HEADER_LEN;
        let plain = Opened::write(dir, plan, ReadStrategy::StandardIo);
        let mapped = Opened::write(dir, plan, ReadStrategy::Mmap);
        let ids = match plain.wal.current_segment_start_id("s") {
            Some(0) | None => plan.count,
            Some(start) => start,
        };
        Sample {
            plain,
            mapped,
            frame_len,
            count: plan.count,
            ids,
        }
    }
}

impl Opened {
    fn write(dir: &Path, plan: &Plan, strategy: ReadStrategy) -> Opened {
        let mut options = WalOptions::new(dir.join(format!("{strategy:?}")));
        options.sync_mode = SyncMode::Async;
        options.read_strategy = strategy;
        options.max_segment_size = plan.segment_size;
        let wal = Wal::new(options).expect("opens");
        let stream = wal.stream("s").expect("a handle");
        let entry: Vec<u8> = (0..2 * plan.entry_len as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for id in 0..plan.count {
            let len = match plan.uneven {
                false => plan.entry_len,
                true => plan.entry_len / 2 + (id.wrapping_mul(0x9E37_79B9) % 257) as usize,
            };
            stream.append(&entry[..len]).expect("appends");
        }
        stream.sync().expect("syncs");
        let root = dir.join(format!("{strategy:?}")).join("s");
        let mut paths: Vec<_> = std::fs::read_dir(root)
            .expect("lists")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "wal"))
            .collect();
        paths.sort();
        let first_id = |path: &Path| -> u64 {
            let name = path.file_stem().and_then(|name| name.to_str());
            name.and_then(|name| name.parse().ok()).expect("an id")
        };
        let starts = paths.iter().map(|path| first_id(path));
        let ends = starts.clone().skip(1).chain([plan.count]);
        let counts: Vec<u64> = starts.zip(ends).map(|(start, end)| end - start).collect();
        let files = paths.iter().map(|path| File::open(path).expect("opens"));
        let files = files.zip(counts).collect();
        Opened { wal, stream, files }
    }
}

type Row<'a> = (&'static str, Box<dyn FnMut() -> Duration + 'a>);

fn contest(title: &str, count: u64, mut rows: Vec<Row<'_>>) {
    if let Some(part) = std::env::args().filter(|arg| !arg.starts_with("--")).nth(2) {
        rows.retain(|(name, _)| name.contains(&part) || name.contains("mapped read"));
    }
    println!("\n{title:<44}{:>10}{:>10}{:>8}", "ns", "M/s", "ratio");
    let mut times = vec![Vec::new(); rows.len()];
    for round in 0..=ROUNDS {
        for (place, (_, run)) in rows.iter_mut().enumerate() {
            let took = run();
            // The first round warms up.
            if round > 0 {
                times[place].push(took.as_nanos() as f64 / count as f64);
            }
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_unstable_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect();
    for ((name, _), median) in rows.iter().zip(&medians) {
        let ratio = medians[0] / median;
        println!(
            "  {name:<42}{median:>10.1}{:>10.2}{ratio:>8.2}",
            1e3 / median
        );
    }
}

fn scans(title: &str, sample: &Sample) {
    let Sample { plain, mapped, .. } = sample;
    let frame_len = sample.frame_len;
    let maps: Vec<Map> = mapped.files.iter().map(|(file, _)| Map::of(file)).collect();
    contest(
        title,
        sample.count,
        vec![
            (
                "bound: mapped read + CRC",
                Box::new(|| {
                    timed(|| {
                        for (map, (_, frames)) in maps.iter().zip(&mapped.files) {
                            let bytes = &map.bytes()[HEADER_AREA_LEN..];
                            let frames = bytes.chunks_exact(frame_len).take(*frames as usize);
                            for frame in frames {
                                black_box(crc32fast::hash(frame));
                            }
                        }
                    })
                }),
            ),
            (
                "bound: pread of 128 KiB + CRC",
                Box::new(|| {
                    timed(|| {
                        let mut chunk = vec![0; (128 << 10) / frame_len * frame_len];
                        for (file, frames) in &plain.files {
                            let (mut left, mut at) = (*frames, HEADER_AREA_LEN as u64);
                            while left > 0 {
                                let read = file.read_at(&mut chunk, at).expect("reads");
                                at += read as u64;
                                let frames = chunk[..read].chunks(frame_len).take(left as usize);
                                left -= frames.len() as u64;
                                for frame in frames {
                                    black_box(crc32fast::hash(frame));
                                }
                            }
                        }
                    })
                }),
            ),
            ("borrowed, Mmap", Box::new(|| borrowed_scan(&mapped.stream))),
            (
                "borrowed, StandardIo",
                Box::new(|| borrowed_scan(&plain.stream)),
            ),
            ("owning, Mmap", Box::new(|| owning_scan(&mapped.stream))),
            (
                "owning, StandardIo",
                Box::new(|| owning_scan(&plain.stream)),
            ),
        ],
    );
}

fn borrowed_scan(stream: &Stream) -> Duration {
    timed(|| {
        let mut entries = stream.iter_with_ids(0).expect("iterates");
        while let Some(entry) = entries.next_entry() {
            black_box(entry.expect("good"));
        }
    })
}

fn owning_scan(stream: &Stream) -> Duration {
    timed(|| {
        for entry in stream.iter(0).expect("iterates") {
            black_box(entry.expect("good"));
        }
    })
}

fn random_gets(title: &str, sample: &Sample, threads: u64) {
    let Sample { plain, mapped, .. } = sample;
    let (frame_len, ids) = (sample.frame_len, sample.ids);
    let maps: Vec<Map> = mapped.files.iter().map(|(file, _)| Map::of(file)).collect();
    // All files but the last hold about as many.
    let each = plain.files[0].1;
    let place = |id: u64| {
        let file = ((id / each) as usize).min(plain.files.len() - 1);
        let at = HEADER_AREA_LEN + (id % each) as usize * frame_len;
        (file, at)
    };
    contest(
        title,
        GETS * threads,
        vec![
            (
                "bound: mapped read + CRC",
                Box::new(|| {
                    at_random(threads, ids, |id, _| {
                        let (file, at) = place(id);
                        let bytes = maps[file].bytes();
                        let at = at.min(bytes.len() - frame_len);
                        black_box(crc32fast::hash(&bytes[at..at + frame_len]));
                    })
                }),
            ),
            (
                "bound: the same, one after the other",
                Box::new(|| {
                    at_random_in_turn(threads, ids, |id, _| {
                        let (file, at) = place(id);
                        let bytes = maps[file].bytes();
                        let at = at.min(bytes.len() - frame_len);
                        crc32fast::hash(&bytes[at..at + frame_len])
                    })
                }),
            ),
            (
                "bound: one pread + CRC",
                Box::new(|| {
                    at_random(threads, ids, |id, target| {
                        let (file, at) = place(id);
                        let target = &mut target[..frame_len];
                        let read = plain.files[file].0.read_at(target, at as u64);
                        black_box(read.expect("reads"));
                        black_box(crc32fast::hash(target));
                    })
                }),
            ),
            (
                "view, Mmap",
                Box::new(|| {
                    at_random(threads, ids, |id, _| {
                        black_box(mapped.stream.view(id).expect("reads").expect("is there"));
                    })
                }),
            ),
            (
                "get_into, Mmap",
                Box::new(|| {
                    at_random(threads, ids, |id, target| {
                        black_box(mapped.stream.get_into(id, target).expect("reads"));
                    })
                }),
            ),
            (
                "get_into, StandardIo",
                Box::new(|| {
                    at_random(threads, ids, |id, target| {
                        black_box(plain.stream.get_into(id, target).expect("reads"));
                    })
                }),
            ),
            (
                "get, StandardIo",
                Box::new(|| {
                    at_random(threads, ids, |id, _| {
                        black_box(plain.stream.get(id).expect("reads"));
                    })
                }),
            ),
        ],
    );
}

/// With `IRONWAL_BENCH_CLOCK=cpu`, the processor's time of this process: for machines that others
/// use too, where nothing waits.
fn timed(work: impl FnOnce()) -> Duration {
    if std::env::var_os("IRONWAL_BENCH_CLOCK").is_none() {
        let start = Instant::now();
        work();
        return start.elapsed();
    }
    let used = || {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: writes one timespec.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let start = used();
    work();
    used() - start
}

/// Calls `read` with random ids, on each of so many threads.
fn at_random(threads: u64, ids: u64, read: impl Fn(u64, &mut [u8]) + Sync) -> Duration {
    at_random_in_turn(threads, ids, |id, target| {
        read(id, target);
        0
    })
}

/// The same, where the next id depends on what was read: a processor that looks ahead would ask
/// for several at once, and a caller who waits for an answer cannot.
fn at_random_in_turn(
    threads: u64,
    ids: u64,
    read: impl Fn(u64, &mut [u8]) -> u32 + Sync,
) -> Duration {
    timed(|| {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let read = &read;
                scope.spawn(move || {
                    let mut target = vec![0; 32 << 10];
                    let mut random = 88_172_645_463_325_252_u64 + thread;
                    for _ in 0..GETS {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let answer = read(random % ids, &mut target);
                        random ^= u64::from(answer);
                        random |= 1;
                    }
                });
            }
        });
    })
}

/// A file mapped for reading.
struct Map {
    start: *const u8,
    len: usize,
}

// SAFETY: the memory is only read.
unsafe impl Sync for Map {}

impl Map {
    fn of(file: &File) -> Map {
        let len = file.metadata().expect("has a length").len() as usize;
        let (protection, fd) = (libc::PROT_READ, file.as_raw_fd());
        // SAFETY: a fresh mapping overlaps nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                protection,
                libc::MAP_SHARED,
                fd,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED);
        let start = start.cast::<u8>().cast_const();
        Map { start, len }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping lives as long as self, and nobody writes to the file.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped.
        unsafe { libc::munmap(self.start.cast_mut().cast(), self.len) };
    }
}
