//! Which crashes of a workload are tried, and what is done to the log after each?
//!
//! A history is a disk with its journal, and what is known of the log at each of its moments. The
//! workload is one; the recovery after a crash, with some calls behind it, is another, and so is
//! the recovery after a crash of that. Each state has an address: the call and the way of the
//! crash in each history, by which it is found again.

use std::fmt;
use std::str::FromStr;

use ironwal::CorruptionPolicy;
use ironwal::SyncMode;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::Op;
use ironwal::simulation::Replay;
use ironwal::simulation::SimulatedDisk;

use crate::check::check_checkpoints;
use crate::check::check_stream;
use crate::checkpoints::CheckpointModel;
use crate::checkpoints::World;
use crate::model::Cut;
use crate::model::Entry;
use crate::model::Expected;
use crate::model::LogModel;
use crate::model::MapChange;
use crate::model::Moment;
use crate::model::Span;
use crate::model::StreamModel;
use crate::open_log::OpenLog;
use crate::random::Random;
use crate::setups::Setup;
use crate::workload::run;

/// How deep crashes go: of the workload, of its recovery, of the recovery of that.
pub const DEPTH: usize = 3;

/// Of a recovery about so many moments are tried.
const MOMENTS_OF_A_RECOVERY: u64 = 6;

/// One state in so many goes deeper, by depth: after a power cut, and after the process died.
const DEEPER: [(u64, u64); DEPTH - 1] = [(16, 4), (10, 5)];

const MODELS: [DirectoryModel; 2] = [DirectoryModel::Strict, DirectoryModel::Ordered];

/// Where a state is found: `seed`, then for each history `/call.way`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub seed: u64,
    pub path: Vec<(u64, usize)>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        let mut steps = self.path.iter();
        steps.try_for_each(|(op, way)| write!(f, "/{op}.{way}"))
    }
}

impl FromStr for Address {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let seed = parts.next().unwrap_or_default().parse()?;
        let step = |part: &str| {
            let (op, way) = part.split_once('.').unwrap_or((part, "0"));
            Ok((op.parse()?, way.parse()?))
        };
        let path = parts.map(step).collect::<Result<_, _>>()?;
        Ok(Address { seed, path })
    }
}

/// What went wrong, where.
#[derive(Debug)]
pub struct Failure {
    pub address: Address,
    pub what: String,
    /// The disk as it was when the log was opened.
    pub disk: Option<SimulatedDisk>,
}

/// Explores one workload.
pub struct Explorer {
    /// States tried, by depth.
    pub states: [u64; DEPTH],
    /// Only the state with this path and those on the way to it.
    only: Vec<(u64, usize)>,
    /// Where it is now.
    pub address: Address,
    disk: Option<SimulatedDisk>,
    /// Said of the way to the state, if it fails.
    path_text: Vec<String>,
}

/// A disk, and what is known of the log on it.
struct History<'a> {
    disk: &'a SimulatedDisk,
    /// From this call on `model` holds; before it, what held before the crash.
    opened: u64,
    before: Option<(&'a History<'a>, Moment)>,
    model: &'a LogModel,
}

impl<'a> History<'a> {
    /// The history and moment that say what may be there after a crash at this moment here.
    fn source(&self, moment: Moment) -> (&History<'a>, Moment) {
        match self.before {
            Some((before, earlier)) if moment.last < self.opened => before.source(Moment {
                only_process: earlier.only_process && moment.only_process,
                ..earlier
            }),
            _ => (self, moment),
        }
    }

    fn expected(&self, stream: usize, moment: Moment) -> Vec<Expected<'_>> {
        let (history, moment) = self.source(moment);
        history.model.streams[stream].expected(moment)
    }

    fn worlds(&self, moment: Moment) -> Vec<World> {
        let (history, moment) = self.source(moment);
        history.model.checkpoints.worlds(moment)
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    /// Power is lost.
    Power(u64, DirectoryModel),
    /// The process dies, the page cache stays.
    Kill,
}

impl Explorer {
    pub fn new(only: Option<Address>) -> Self {
        Explorer {
            states: [0; DEPTH],
            only: only.map(|only| only.path).unwrap_or_default(),
            address: Address::default(),
            disk: None,
            path_text: Vec::new(),
        }
    }

    /// Runs the workload of the seed and tries its crashes, up to the first failure.
    pub fn workload(&mut self, seed: u64, sync_mode: SyncMode) -> Result<(), Failure> {
        self.address.seed = seed;
        let workload = run(seed, sync_mode);
        let history = History {
            disk: &workload.disk,
            opened: 0,
            before: None,
            model: &workload.model,
        };
        self.history(&workload.setup, &history, seed)
            .map_err(|what| Failure {
                what: format!(
                    "{what}\n  {}\n  {:?}",
                    self.path_text.join("\n  "),
                    workload.setup
                ),
                address: self.address.clone(),
                disk: self.disk.take(),
            })
    }

    fn history(&mut self, setup: &Setup, history: &History<'_>, hash: u64) -> Result<(), String> {
        let depth = self.address.path.len();
        let wanted = self.only.get(depth).copied();
        let mut replay = history.disk.replay();
        let moments = moments(history.disk);
        let share = match depth {
            0 => 1,
            _ => (moments.len() as u64).div_ceil(MOMENTS_OF_A_RECOVERY),
        };
        for (first, last) in moments {
            let mut random = Random::new(hash ^ first.wrapping_mul(0x9e6c_63d0_876a_3f6b));
            let is_chosen = random.one_in(share);
            if wanted.map_or(!is_chosen, |(op, _)| op != first) {
                continue;
            }
            step_to(&mut replay, first);
            for (number, way) in ways(&mut random, depth).into_iter().enumerate() {
                let random = Random::new(random.next());
                if wanted.is_some_and(|(_, way)| way != number) {
                    continue;
                }
                let moment = Moment {
                    first,
                    last,
                    only_process: matches!(way, Way::Kill),
                };
                self.address.path.push((first, number));
                let op = replay.op().map(describe).unwrap_or_default();
                self.path_text.push(format!("{way:?} after {op}"));
                let disk = crash(&replay, way);
                if let Err(what) = self.state(setup, history, moment, &disk, random) {
                    // As the deepest history has it.
                    self.disk.get_or_insert_with(|| crash(&replay, way));
                    return Err(what);
                }
                self.path_text.pop();
                self.address.path.pop();
            }
        }
        Ok(())
    }

    fn state(
        &mut self,
        setup: &Setup,
        history: &History<'_>,
        moment: Moment,
        disk: &SimulatedDisk,
        mut random: Random,
    ) -> Result<(), String> {
        let depth = self.address.path.len() - 1;
        self.states[depth] += 1;
        let policy = random.pick(&[CorruptionPolicy::Truncate, CorruptionPolicy::Error]);
        let log = OpenLog::open(disk, setup, policy, false)?;
        let opened = disk.op_count();
        let mut after = check(&log, history, moment, opened)?;
        let chance = DEEPER.get(depth).map(|chance| match moment.only_process {
            true => chance.1,
            false => chance.0,
        });
        let is_chosen = chance.is_some_and(|chance| random.one_in(chance));
        let goes_deeper = match self.only.len() {
            0 => is_chosen,
            wanted => wanted > depth + 1,
        };
        if !is_chosen && random.one_in(2) {
            // It was looked at; closing it is another state's business.
            disk.kill();
            return Ok(());
        }
        go_on(setup, disk, &log, &mut after, &mut random)?;
        if goes_deeper {
            // What follows on this disk does not count.
            disk.kill();
            drop(log);
            let next = History {
                disk,
                opened,
                before: Some((history, moment)),
                model: &after,
            };
            return self.history(setup, &next, random.next());
        }
        drop(log);
        if random.one_in(4) {
            let log = OpenLog::open(disk, setup, CorruptionPolicy::Error, false)?;
            let closed = History {
                disk,
                opened: 0,
                before: None,
                model: &after,
            };
            check(&log, &closed, Moment::end(), 0)?;
        }
        match disk.held() {
            0 => Ok(()),
            held => Err(format!("{held} files or locks are held after closing")),
        }
    }
}

/// Compares the log with what is expected; returns what is known of it from now on.
fn check(
    log: &OpenLog,
    history: &History<'_>,
    moment: Moment,
    opened: u64,
) -> Result<LogModel, String> {
    let existing = log.wal.streams().map_err(|error| error.to_string())?;
    let mut after = LogModel::default();
    for (at, stream) in history.model.streams.iter().enumerate() {
        let expected = history.expected(at, moment);
        let (shown, expected) = check_stream(&log.wal, &existing, &stream.key, &expected)?;
        let known = StreamModel::as_shown(&stream.key, expected, shown, opened);
        after.streams.push(known);
    }
    let is_known = |key: &&String| !after.streams.iter().any(|stream| stream.key == **key);
    if let Some(other) = existing.iter().find(is_known) {
        return Err(format!("stream {other:?} came from nowhere"));
    }
    let world = check_checkpoints(log, &history.worlds(moment))?;
    after.checkpoints = CheckpointModel::as_found(world);
    Ok(after)
}

/// The calls that changed the disk, each with the last call before the next such.
fn moments(disk: &SimulatedDisk) -> Vec<(u64, u64)> {
    let ops = disk.ops();
    let changes = ops.iter().filter(|op| op.changed()).map(|op| op.index);
    let changes: Vec<u64> = std::iter::once(0).chain(changes).collect();
    let ends = changes[1..].iter().map(|next| next - 1);
    let ends: Vec<u64> = ends.chain([ops.len() as u64]).collect();
    changes.into_iter().zip(ends).collect()
}

fn crash(replay: &Replay, way: Way) -> SimulatedDisk {
    match way {
        Way::Power(seed, model) => replay.crash(seed, model),
        Way::Kill => replay.kill(),
    }
}

fn step_to(replay: &mut Replay, op_index: u64) {
    while replay.op_index() < op_index && replay.step() {}
}

/// The crashes tried at one moment.
fn ways(random: &mut Random, depth: usize) -> Vec<Way> {
    let mut ways: Vec<Way> = match depth {
        0 => MODELS.map(|model| Way::Power(random.next(), model)).into(),
        _ => vec![Way::Power(random.next(), random.pick(&MODELS))],
    };
    match random.below(4) {
        0 => ways.push(Way::Kill),
        // The most chaotic of all ways of choosing.
        1 => ways.push(Way::Power(random.next() / 8 * 8 + 3, random.pick(&MODELS))),
        _ => {}
    }
    ways
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

/// Appends go on at the next id and can be made durable; so does all the rest.
fn go_on(
    setup: &Setup,
    disk: &SimulatedDisk,
    log: &OpenLog,
    after: &mut LogModel,
    random: &mut Random,
) -> Result<(), String> {
    for stream in &mut after.streams {
        if random.one_in(3) {
            continue;
        }
        if random.one_in(4) && setup.shards.is_none() {
            restore(setup, disk, log, stream)?;
        }
        append(setup, disk, log, stream, random)?;
        if random.one_in(4) {
            set_property(disk, log, stream, random)?;
        }
        if setup.shards.is_some() {
            continue;
        }
        if random.one_in(8) {
            truncate(disk, log, stream, random)?;
        }
        if random.one_in(6) {
            replace(disk, log, stream, random)?;
        }
    }
    if random.one_in(4) {
        log.wal.step_helpers();
    }
    #[cfg(feature = "sharded")]
    if let Some(sharded) = &log.sharded {
        if random.one_in(3) {
            create_checkpoint(disk, sharded, after)?;
        }
    }
    Ok(())
}

fn append(
    setup: &Setup,
    disk: &SimulatedDisk,
    log: &OpenLog,
    stream: &mut StreamModel,
    random: &mut Random,
) -> Result<(), String> {
    let bytes = vec![random.next() as u8; random.below(700) as usize];
    let began = disk.op_count();
    let id = log
        .append(&stream.key, &bytes)
        .map_err(|error| format!("append after recovery: {error}"))?;
    let span = Span {
        began,
        returned: disk.op_count(),
    };
    let key = stream.key.clone();
    let now = stream.now();
    if id != now.next_id() {
        let due = now.next_id();
        return Err(format!(
            "stream {key:?}: the next append got id {id}, not {due}"
        ));
    }
    now.entries.push(Entry {
        bytes: bytes.into(),
        frame_end: id + 1,
        span,
        durable: setup.mode_of(&key) == ironwal::SyncMode::Strict,
    });
    if random.one_in(2) {
        log.wal
            .sync(&key)
            .map_err(|error| format!("sync after recovery: {error}"))?;
        now.all_durable(disk.op_count());
    }
    Ok(())
}

/// Properties can be changed, durably.
fn set_property(
    disk: &SimulatedDisk,
    log: &OpenLog,
    stream: &mut StreamModel,
    random: &mut Random,
) -> Result<(), String> {
    let (name, value) = (
        b"k\x01",
        vec![random.next() as u8; random.below(600) as usize],
    );
    let mut map = stream.latest().map();
    map.insert(name.to_vec(), value.clone());
    let began = disk.op_count();
    let changes: [(&[u8], Option<&[u8]>); 1] = [(name, Some(&value))];
    log.wal
        .set_properties(&stream.key, &changes, ironwal::Durability::Durable)
        .map_err(|error| format!("change of properties after recovery: {error}"))?;
    let span = Span {
        began,
        returned: disk.op_count(),
    };
    let end_id = stream.latest().next_id();
    stream.now().changes.push(MapChange {
        map,
        end_id,
        has_entries: false,
        span,
        durable: true,
    });
    Ok(())
}

/// What truncations took out is in the archive, whole.
fn restore(
    setup: &Setup,
    disk: &SimulatedDisk,
    log: &OpenLog,
    stream: &mut StreamModel,
) -> Result<(), String> {
    if setup.options.archive_path.is_none() || stream.latest().next_id() == 0 {
        return Ok(());
    }
    let began = disk.op_count();
    log.wal
        .restore_archived(&stream.key)
        .map_err(|error| format!("restore after recovery: {error}"))?;
    let returned = disk.op_count();
    let first_id = first_id(log, &stream.key)?;
    let origin = stream.latest().origin;
    // A segment whose ids were all hidden goes at open, and to no archive.
    let is_part = (origin.base..=stream.latest().first_id()).contains(&first_id);
    if first_id != origin.base && !(origin.hides && is_part) {
        return Err(format!("restored from {first_id} only"));
    }
    let span = Span { began, returned };
    stream.now().cuts.push(Cut { first_id, span });
    Ok(())
}

/// A suffix is cut, or all of the stream reset.
fn replace(
    disk: &SimulatedDisk,
    log: &OpenLog,
    stream: &mut StreamModel,
    random: &mut Random,
) -> Result<(), String> {
    let (first, next) = (stream.latest().first_id(), stream.latest().next_id());
    if next == first {
        return Ok(());
    }
    let is_reset = random.one_in(4);
    let from = match is_reset {
        true => random.below(next + 9),
        false => first + random.below(next - first),
    };
    let bytes: Vec<Vec<u8>> = (0..random.below(3))
        .map(|_| vec![random.next() as u8; random.below(400) as usize])
        .collect();
    let slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    let append = ironwal::Append::new(&slices);
    let began = disk.op_count();
    let replaced = match is_reset {
        true => log.wal.reset(&stream.key, from, &append),
        false => log.wal.replace_suffix(&stream.key, from, &append),
    };
    replaced.map_err(|error| format!("cut after recovery: {error}"))?;
    let returned = disk.op_count();
    stream.replace(from, bytes, is_reset, Span { began, returned });
    Ok(())
}

fn truncate(
    disk: &SimulatedDisk,
    log: &OpenLog,
    stream: &mut StreamModel,
    random: &mut Random,
) -> Result<(), String> {
    let began = disk.op_count();
    let safe_id = random.below(stream.latest().next_id() + 2);
    log.wal
        .truncate(&stream.key, safe_id)
        .map_err(|error| format!("truncation after recovery: {error}"))?;
    let returned = disk.op_count();
    let (first_id, span) = (first_id(log, &stream.key)?, Span { began, returned });
    stream.now().cuts.push(Cut { first_id, span });
    stream.now().durable.push((returned, first_id));
    Ok(())
}

fn first_id(log: &OpenLog, key: &str) -> Result<u64, String> {
    let first_id = log.wal.stream(key).and_then(|stream| stream.first_id());
    first_id.map_err(|error| format!("stream {key:?} does not say its first id: {error}"))
}

#[cfg(feature = "sharded")]
fn create_checkpoint(
    disk: &SimulatedDisk,
    sharded: &ironwal::ShardedWal,
    after: &mut LogModel,
) -> Result<(), String> {
    use crate::checkpoints::Deed;
    use crate::checkpoints::Made;
    let began = disk.op_count();
    let id = b"after".to_vec();
    sharded
        .create_checkpoint(&id)
        .map_err(|error| format!("checkpoint after recovery: {error}"))?;
    let returned = disk.op_count();
    let data = sharded
        .load_checkpoint(&id)
        .map_err(|error| format!("the checkpoint just made is not loaded: {error}"))?;
    for (stream, end) in after.streams.iter_mut().zip(&data.offsets) {
        stream.now().durable.push((returned, *end));
    }
    let made = Made {
        id,
        offsets: data.offsets,
        timestamp: data.timestamp,
    };
    let span = Span { began, returned };
    after.checkpoints.deeds.push((Deed::Create(made), span));
    Ok(())
}
