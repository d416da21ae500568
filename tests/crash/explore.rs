//! Which crashes are tried, and how is a failure told so that it can be repeated?

use std::time::Instant;

use ironwal::CorruptionPolicy;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::Op;
use ironwal::simulation::Replay;
use ironwal::simulation::SimulatedDisk;

use crate::check::Shown;
use crate::check::check_stream;
use crate::check::open;
use crate::model::Cut;
use crate::model::Entry;
use crate::model::Incarnation;
use crate::model::Moment;
use crate::model::Span;
use crate::model::StreamModel;
use crate::random::Random;
use crate::workload::Workload;
use crate::workload::run;

/// About how many moments of a recovery are tried.
const SECOND_CRASHES: u64 = 5;

const MODELS: [DirectoryModel; 2] = [DirectoryModel::Strict, DirectoryModel::Ordered];

/// How far a test goes.
pub struct Bounds {
    /// The first workload.
    pub seed: u64,
    /// Workloads are tried until so many states were.
    pub states: u64,
    /// Only the first workload, with all its states.
    pub only_one: bool,
}

impl Bounds {
    /// From the environment; see the head of `main.rs`.
    pub fn new(first_seed: u64, states: u64) -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let seed: Option<u64> = number("IRONWAL_CRASH_SEED");
        Bounds {
            seed: seed.unwrap_or(first_seed),
            states: number("IRONWAL_CRASH_STATES").map_or(states, |all: u64| all / 3),
            only_one: seed.is_some(),
        }
    }
}

/// Tries crashes of one workload after the other.
pub fn explore(name: &str, sync_mode: SyncMode, bounds: &Bounds) {
    let started = Instant::now();
    let mut seed = bounds.seed;
    let mut tally = Tally::default();
    while tally.states < bounds.states || tally.workloads == 0 {
        let workload = run(seed, sync_mode);
        tally.workloads += 1;
        explore_workload(name, &workload, &mut tally);
        if bounds.only_one {
            break;
        }
        seed += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{name}: {} states ({} of them crashes of a recovery) of {} workloads from seed {} in \
         {seconds:.1} s: {:.0} states/s; {} failures",
        tally.states,
        tally.second,
        tally.workloads,
        bounds.seed,
        tally.states as f64 / seconds,
        tally.failures.len(),
    );
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
}

#[derive(Default)]
struct Tally {
    states: u64,
    second: u64,
    workloads: u64,
    failures: Vec<String>,
}

/// The calls that changed the disk, each with the last call before the next such.
fn moments(disk: &SimulatedDisk) -> Vec<(u64, u64)> {
    let ops = disk.ops();
    let mut changes: Vec<u64> = ops
        .iter()
        .filter(|op| op.changed())
        .map(|op| op.index)
        .collect();
    changes.insert(0, 0);
    let ends = changes[1..].iter().map(|next| next - 1);
    let ends: Vec<u64> = ends.chain([ops.len() as u64]).collect();
    changes.into_iter().zip(ends).collect()
}

fn step_to(replay: &mut Replay, op_index: u64) {
    while replay.op_index() < op_index && replay.step() {}
}

fn explore_workload(name: &str, workload: &Workload, tally: &mut Tally) {
    let mut random = Random::new(workload.seed ^ 0xc4a5);
    let mut replay = workload.disk.replay();
    for (first, last) in moments(&workload.disk) {
        step_to(&mut replay, first);
        let moment = Moment {
            first,
            last,
            only_process: false,
        };
        let mut ways: Vec<Way> = MODELS.map(|model| Way::Power(random.next(), model)).into();
        match random.below(2) {
            0 => ways.push(Way::Kill),
            _ => ways.push(Way::Power(random.next() / 8 * 8 + 3, random.pick(&MODELS))),
        }
        for way in ways {
            let deep = match way {
                Way::Kill => random.one_in(2),
                Way::Power(..) => random.one_in(12),
            };
            let mut state = State {
                workload,
                moment,
                way,
                policy: random.pick(&[CorruptionPolicy::Truncate, CorruptionPolicy::Error]),
                random: Random::new(random.next()),
                second: String::new(),
            };
            if let Err(what) = state.try_it(&replay, deep, tally) {
                let op = replay.op().map(describe).unwrap_or_default();
                tally.failures.push(format!(
                    "{what}\n  crash {way:?} after {op}\n  {}{:?}\n  again with: \
                     IRONWAL_CRASH_SEED={} cargo test --features simulation --test crash {name}",
                    state.second, workload.options, workload.seed
                ));
                // One failure of a workload says enough.
                return;
            }
        }
    }
}

fn describe(op: &Op) -> String {
    format!(
        "call {}: {:?} {} at {}, {} bytes",
        op.index,
        op.kind,
        op.path.display(),
        op.offset,
        op.len
    )
}

#[derive(Clone, Copy, Debug)]
enum Way {
    /// Power is lost.
    Power(u64, DirectoryModel),
    /// The process dies, the page cache stays.
    Kill,
}

/// One crash.
struct State<'a> {
    workload: &'a Workload,
    moment: Moment,
    way: Way,
    policy: CorruptionPolicy,
    random: Random,
    /// The second crash, once there is one.
    second: String,
}

impl State<'_> {
    fn try_it(&mut self, replay: &Replay, deep: bool, tally: &mut Tally) -> Result<(), String> {
        tally.states += 1;
        let disk = match self.way {
            Way::Power(seed, model) => replay.crash(seed, model),
            Way::Kill => replay.kill(),
        };
        let moment = Moment {
            only_process: matches!(self.way, Way::Kill),
            ..self.moment
        };
        let wal = open(&disk, &self.workload.options, self.policy)?;
        let mut after: Vec<StreamModel> = Vec::new();
        let opened = disk.op_count();
        for stream in &self.workload.streams {
            let expected = stream.expected(moment);
            let shown = check_stream(&wal, &stream.key, &expected)?;
            after.push(as_shown(&stream.key, expected.entries, shown, opened));
        }
        self.go_on(&disk, &wal, &mut after)?;
        if deep {
            // What follows on this disk does not count.
            disk.kill();
            drop(wal);
            return self.crash_again(&disk, opened, &after, tally);
        }
        drop(wal);
        if self.random.one_in(8) {
            let wal = open(&disk, &self.workload.options, CorruptionPolicy::Error)?;
            self.check_all(&wal, &after, Moment::end())?;
        }
        Ok(())
    }

    /// Appends go on at the next id and can be made durable.
    fn go_on(
        &mut self,
        disk: &SimulatedDisk,
        wal: &Wal,
        after: &mut [StreamModel],
    ) -> Result<(), String> {
        for stream in after {
            if self.random.one_in(3) {
                continue;
            }
            if self.random.one_in(4) {
                self.restore(disk, wal, stream)?;
            }
            let bytes = vec![self.random.next() as u8; self.random.below(700) as usize];
            let began = disk.op_count();
            let id = wal
                .append(&stream.key, &bytes)
                .map_err(|error| format!("append after recovery: {error}"))?;
            let span = Span {
                began,
                returned: disk.op_count(),
            };
            let key = stream.key.clone();
            let now = stream.now();
            if id != now.next_id() {
                return Err(format!(
                    "stream {:?}: the next append got id {id}, not {}",
                    key,
                    now.next_id()
                ));
            }
            now.entries.push(Entry {
                bytes: bytes.into(),
                frame_end: id + 1,
                span,
                durable: self.workload.options.sync_mode == SyncMode::Strict,
            });
            if self.random.one_in(2) {
                wal.sync(&key)
                    .map_err(|error| format!("sync after recovery: {error}"))?;
                now.durable.push((disk.op_count(), id + 1));
            }
        }
        Ok(())
    }

    /// What truncations took out is in the archive, whole.
    fn restore(
        &self,
        disk: &SimulatedDisk,
        wal: &Wal,
        stream: &mut StreamModel,
    ) -> Result<(), String> {
        if self.workload.options.archive_path.is_none() || stream.latest().next_id() == 0 {
            return Ok(());
        }
        let began = disk.op_count();
        wal.restore_archived(&stream.key)
            .map_err(|error| format!("restore after recovery: {error}"))?;
        let span = Span {
            began,
            returned: disk.op_count(),
        };
        stream.now().cuts.push(Cut { first_id: 0, span });
        check_stream(wal, &stream.key, &stream.expected(Moment::end())).map(drop)
    }

    fn check_all(&self, wal: &Wal, streams: &[StreamModel], moment: Moment) -> Result<(), String> {
        for stream in streams {
            check_stream(wal, &stream.key, &stream.expected(moment))?;
        }
        Ok(())
    }

    /// Power is lost while the log recovers, or right after.
    fn crash_again(
        &mut self,
        disk: &SimulatedDisk,
        opened: u64,
        after: &[StreamModel],
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut replay = disk.replay();
        let moments = moments(disk);
        let share = (moments.len() as u64).div_ceil(SECOND_CRASHES);
        for (first, last) in moments {
            step_to(&mut replay, first);
            if !self.random.one_in(share) {
                continue;
            }
            let (seed, model) = (self.random.next(), self.random.pick(&MODELS));
            tally.states += 1;
            tally.second += 1;
            self.second = format!(
                "then {seed} {model:?} after {} (opened at {opened})\n  ",
                replay.op().map(describe).unwrap_or_default()
            );
            let crashed = replay.crash(seed, model);
            let wal = open(&crashed, &self.workload.options, self.policy)?;
            let moment = Moment {
                first,
                last,
                only_process: false,
            };
            if last < opened {
                self.check_all(&wal, &self.workload.streams, self.moment)?;
            } else {
                self.check_all(&wal, after, moment)?;
            }
        }
        Ok(())
    }
}

impl Moment {
    /// After everything that was done.
    fn end() -> Self {
        Moment {
            first: u64::MAX,
            last: u64::MAX,
            only_process: true,
        }
    }
}

/// The model of a stream of which only what was shown is known: all of it durable since `opened`.
fn as_shown(key: &str, entries: &[Entry], shown: Shown, opened: u64) -> StreamModel {
    let mut stream = StreamModel::new(key);
    let long_ago = Span {
        began: 0,
        returned: 0,
    };
    if let Some(ids) = shown {
        *stream.now() = Incarnation {
            entries: entries[..ids.end as usize]
                .iter()
                .map(|entry| Entry {
                    span: long_ago,
                    ..entry.clone()
                })
                .collect(),
            cuts: vec![Cut {
                first_id: ids.start,
                span: long_ago,
            }],
            durable: vec![(opened, ids.end)],
            deleted: None,
        };
    }
    stream
}
