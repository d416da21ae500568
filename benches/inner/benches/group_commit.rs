//! What does it cost to commit through a group, for each commit, by how many threads do it?
//!
//! `cargo bench --bench group_commit`. Each thread publishes a position and commits it, again and
//! again; a row is the time all of them took, divided by the commits. Two rounds: one that costs
//! nothing, which leaves what the group itself costs; and one that sleeps for 100 µs as a sync does,
//! which shows how many share it. Bounds: a lock taken and given back; one turn handed from thread
//! to thread by a condition variable; and as many sleeps as there would be if everybody were in
//! every round.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use criterion::BenchmarkGroup;
use criterion::Criterion;
use criterion::SamplingMode;
use criterion::criterion_group;
use criterion::criterion_main;
use criterion::measurement::WallTime;
use ironwal_inner::commit::GroupCommit;
use ironwal_inner::commit::Reached;
use ironwal_inner::short_runs;

const THREADS: [u64; 4] = [1, 4, 16, 64];
const ROUND: Duration = Duration::from_micros(100);

/// A position, which stands for itself as an id.
fn at(point: u64) -> Reached<u64, u64> {
    let end_id = point;
    Reached { point, end_id }
}

/// A log without bytes: positions are published and committed.
struct Group {
    commits: GroupCommit<u64, u64, &'static str>,
    published: AtomicU64,
    rounds: AtomicU64,
}

impl Group {
    fn new() -> Self {
        Group {
            commits: GroupCommit::new(at(0), |_| "a round went wrong"),
            published: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
        }
    }

    fn commit_next(&self, round: impl Fn()) {
        let target = self.published.fetch_add(1, Relaxed) + 1;
        let result = self.commits.commit(
            target,
            || false,
            || {
                let reached = self.published.load(Relaxed);
                self.rounds.fetch_add(1, Relaxed);
                round();
                Ok(at(reached))
            },
        );
        result.expect("every round is good");
    }

    fn commits_per_round(&self) -> f64 {
        self.published.load(Relaxed) as f64 / self.rounds.load(Relaxed).max(1) as f64
    }
}

/// How long `count` calls take that so many threads share, all of which begin at once.
fn together(threads: u64, count: u64, call: impl Fn(u64) + Sync) -> Duration {
    let each = count.div_ceil(threads);
    let (begin, end) = (
        Barrier::new(threads as usize + 1),
        Barrier::new(threads as usize + 1),
    );
    thread::scope(|scope| {
        for thread in 0..threads {
            let (call, begin, end) = (&call, &begin, &end);
            scope.spawn(move || {
                begin.wait();
                (0..each).for_each(|_| call(thread));
                end.wait();
            });
        }
        begin.wait();
        let start = Instant::now();
        end.wait();
        let took = start.elapsed();
        // As many as were asked for, of those that were made.
        took.mul_f64(count as f64 / (each * threads) as f64)
    })
}

/// Samples so long that all threads are at work in most of each: in a short one the first is done
/// before the last has begun.
fn long_samples<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.measurement_time(Duration::from_millis(1_500));
    group
}

fn rounds_that_cost_nothing(criterion: &mut Criterion) {
    let mut group = long_samples(criterion, "commit, a round costs nothing");
    group.bench_function("bound: a turn handed over/2", |bencher| {
        bencher.iter_custom(hand_over);
    });
    for threads in THREADS {
        let counter = Mutex::new(0_u64);
        group.bench_function(format!("bound: a lock/{threads}"), |bencher| {
            bencher.iter_custom(|count| {
                together(threads, count, |_| {
                    *black_box(&counter).lock().expect("nobody panics") += 1;
                })
            });
        });
        let commits = Group::new();
        group.bench_function(format!("ironwal/{threads}"), |bencher| {
            bencher.iter_custom(|count| together(threads, count, |_| commits.commit_next(|| ())));
        });
        println!("commits a round: {:.2}\n", commits.commits_per_round());
    }
    group.finish();
}

fn rounds_that_sleep(criterion: &mut Criterion) {
    let mut group = long_samples(criterion, "commit, a round sleeps 100 us");
    for threads in THREADS {
        group.bench_function(
            format!("bound: everybody in every round/{threads}"),
            |bencher| {
                bencher.iter_custom(|count| {
                    let sleeps = count.div_ceil(threads);
                    let took = together(1, sleeps, |_| thread::sleep(ROUND));
                    took.mul_f64(count as f64 / (sleeps * threads) as f64)
                });
            },
        );
        let commits = Group::new();
        group.bench_function(format!("ironwal/{threads}"), |bencher| {
            bencher.iter_custom(|count| {
                together(threads, count, |_| {
                    commits.commit_next(|| thread::sleep(ROUND))
                })
            });
        });
        println!("commits a round: {:.2}\n", commits.commits_per_round());
    }
    group.finish();
}

/// How long it takes to hand a turn over so often: two threads wait for each other.
fn hand_over(count: u64) -> Duration {
    let (turn, changed) = (Mutex::new(0), Condvar::new());
    together(2, count, |me| {
        let mut now = turn.lock().expect("nobody panics");
        while *now != me {
            now = changed.wait(now).expect("nobody panics");
        }
        *now = 1 - me;
        changed.notify_one();
    })
}

criterion_group! {
    name = group_commit;
    config = short_runs();
    targets = rounds_that_cost_nothing, rounds_that_sleep
}
criterion_main!(group_commit);
