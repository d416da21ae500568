//! How does the driver try to lose a write or read a stale value?
//!
//! It starts three nodes and, while clients write and read, kills one with SIGKILL every two seconds,
//! the leader every other time, and starts it again. Meanwhile the cluster grows to five nodes and
//! shrinks to three, two of which joined during the run. At the end all nodes are killed at once and
//! started again, and then:
//!
//! 1. every acknowledged write is in the state of every member,
//! 2. all members agree on the state, and on the digest of all entries ever applied,
//! 3. all members hold the same entries where their logs overlap,
//! 4. all calls, taken together, are linearizable for each key.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::Failure;
use crate::checker;
use crate::client::Addresses;
use crate::client::Client;
use crate::cluster::Cluster;
use crate::history::Operation;
use crate::history::Recorder;
use crate::machine::Digests;
use crate::machine::holds;
use crate::plant::Plant;
use crate::report;
use crate::report::Kill;
use crate::types::NodeId;
use crate::types::Set;
use crate::types::WriteId;
use crate::wire::Request;
use crate::wire::Response;

pub struct Options {
    pub seconds: u64,
    pub seed: u64,
    /// Where the nodes keep their files; a temporary directory by default.
    pub dir: Option<PathBuf>,
    /// A fault that is to be found.
    pub plant: Option<Plant>,
}

const WRITERS: u32 = 8;
const READERS: u32 = 4;
const KEYS: u32 = 8;
const FILLER_BYTES: usize = 200;
const KILL_EVERY: Duration = Duration::from_secs(2);
const DOWN_FOR: Duration = Duration::from_millis(700);

/// What all clients of a run share.
struct Load {
    addresses: Addresses,
    start: Instant,
    is_over: AtomicBool,
    writes: AtomicU64,
    reads: AtomicU64,
}

pub fn run(options: Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let temporary = tempfile::tempdir()?;
    let dir = options.dir.clone().unwrap_or(temporary.path().to_owned());
    std::fs::create_dir_all(&dir)?;
    runtime.block_on(demonstrate(options, dir))
}

async fn demonstrate(options: Options, dir: PathBuf) -> Result<(), Failure> {
    println!(
        "{} s with seed {}, files in {}",
        options.seconds,
        options.seed,
        dir.display()
    );
    let mut cluster = Cluster::new(dir, 5, options.plant)?;
    form(&mut cluster).await?;
    let load = Arc::new(Load {
        addresses: Arc::clone(&cluster.addresses),
        start: Instant::now(),
        is_over: AtomicBool::new(false),
        writes: AtomicU64::new(0),
        reads: AtomicU64::new(0),
    });
    let clients = start_clients(&load, options.seed);
    let (kills, members) = disturb(&mut cluster, &load, &options).await?;
    load.is_over.store(true, Ordering::Relaxed);
    let loaded = load.start.elapsed();
    let mut history = Vec::new();
    for client in clients {
        history.extend(client.await?);
    }
    for id in 1..=5 {
        cluster.kill(id)?;
    }
    println!("all nodes killed; members {members:?} started again");
    for &id in &members {
        cluster.start(id)?;
    }
    verify(&mut cluster, &members, &history).await?;
    report::print(&history, &kills, loaded);
    Ok(())
}

/// A cluster of the nodes 1 to 3.
async fn form(cluster: &mut Cluster) -> Result<(), Failure> {
    let first: BTreeMap<NodeId, String> = (1..=3)
        .map(|id| (id, cluster.addresses[&id].clone()))
        .collect();
    for &id in first.keys() {
        cluster.start(id)?;
    }
    let initialize = Request::Initialize(first);
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match cluster.ask(1, &initialize).await {
            Some(Response::Done) => break,
            _ if Instant::now() > until => return Err("no cluster could be formed".into()),
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
    cluster.settle(&BTreeSet::from([1, 2, 3])).await?;
    Ok(())
}

fn start_clients(load: &Arc<Load>, seed: u64) -> Vec<JoinHandle<Vec<Operation>>> {
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(load), writer, seed)));
    let readers = (0..READERS).map(|reader| {
        let seed = seed.wrapping_add(1_000 + u64::from(reader));
        tokio::spawn(read(Arc::clone(load), seed))
    });
    writers.chain(readers).collect()
}

async fn write(load: Arc<Load>, writer: u32, seed: u64) -> Vec<Operation> {
    let mut client = Client::new(&load.addresses);
    let mut recorder = Recorder::new(load.start);
    let mut random = Random::new(seed.wrapping_add(u64::from(writer)));
    let mut number = 0;
    while !load.is_over.load(Ordering::Relaxed) {
        let set = Set {
            key: random.below(u64::from(KEYS)) as u32,
            value: WriteId { writer, number },
            filler: vec![writer as u8; FILLER_BYTES],
        };
        number += 1;
        if client.write(set, &mut recorder).await {
            load.writes.fetch_add(1, Ordering::Relaxed);
        }
    }
    recorder.operations()
}

async fn read(load: Arc<Load>, seed: u64) -> Vec<Operation> {
    let mut client = Client::new(&load.addresses);
    let mut recorder = Recorder::new(load.start);
    let mut random = Random::new(seed);
    while !load.is_over.load(Ordering::Relaxed) {
        let key = random.below(u64::from(KEYS)) as u32;
        if client.read(key, &mut recorder).await {
            load.reads.fetch_add(1, Ordering::Relaxed);
        }
    }
    recorder.operations()
}

/// Kills nodes and changes the membership until the time is over. Returns the kills and the members.
async fn disturb(
    cluster: &mut Cluster,
    load: &Load,
    options: &Options,
) -> Result<(Vec<Kill>, BTreeSet<NodeId>), Failure> {
    let end = Duration::from_secs(options.seconds);
    let mut random = Random::new(options.seed.wrapping_add(1));
    let mut kills = Vec::new();
    let mut members = BTreeSet::from([1, 2, 3]);
    let mut changes = [
        (end * 3 / 10, BTreeSet::from([1, 2, 3, 4, 5])),
        (end * 13 / 20, BTreeSet::from([3, 4, 5])),
    ]
    .into_iter()
    .peekable();
    let mut change: Option<JoinHandle<BTreeSet<NodeId>>> = None;
    let mut next_kill = KILL_EVERY;
    let mut restart: Option<(NodeId, Duration)> = None;
    let mut second = Duration::ZERO;
    loop {
        let now = load.start.elapsed();
        cluster.check_alive()?;
        if let Some((id, _)) = restart.filter(|(_, at)| *at <= now) {
            cluster.start(id)?;
            restart = None;
        }
        if let Some(done) = change.take_if(|change| change.is_finished()) {
            members = done.await?;
            println!("{:>5.1} s  members are {members:?}", now.as_secs_f64());
        }
        let is_due = changes.peek().is_some_and(|(at, _)| *at <= now);
        if is_due && change.is_none() {
            let (_, target) = changes.next().expect("one is due");
            for &id in target.difference(&members) {
                cluster.start(id)?;
            }
            change = Some(tokio::spawn(change_members(
                Arc::clone(&load.addresses),
                members.clone(),
                target,
            )));
        }
        // A change under way must finish, however long the kills delay it.
        if now >= end && restart.is_none() && change.is_none() && changes.peek().is_none() {
            return Ok((kills, members));
        }
        if now > end + Duration::from_secs(60) {
            return Err("the members could not be changed within a minute".into());
        }
        if now >= next_kill && restart.is_none() && now < end {
            next_kill += KILL_EVERY;
            // A leader that has removed itself does not count.
            let leader = cluster.leader().await.filter(|id| members.contains(id));
            let victim = match (kills.len() % 2, leader) {
                (0, Some(leader)) => leader,
                _ => random.choice(&members),
            };
            let kill = Kill {
                at: load.start.elapsed(),
                was_leader: Some(victim) == leader,
            };
            cluster.kill(victim)?;
            let what = if kill.was_leader {
                "leader"
            } else {
                "follower"
            };
            println!(
                "{:>5.1} s  killed node {victim}, a {what}",
                kill.at.as_secs_f64()
            );
            kills.push(kill);
            restart = Some((victim, kill.at + DOWN_FOR));
        }
        if now >= second {
            second += Duration::from_secs(1);
            let (writes, reads) = (&load.writes, &load.reads);
            println!(
                "{:>5.1} s  {} writes acknowledged, {} reads",
                now.as_secs_f64(),
                writes.load(Ordering::Relaxed),
                reads.load(Ordering::Relaxed)
            );
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Adds the new ones as learners, then changes the voters; those left out are no longer members.
async fn change_members(
    addresses: Addresses,
    members: BTreeSet<NodeId>,
    target: BTreeSet<NodeId>,
) -> BTreeSet<NodeId> {
    let mut operator = Client::new(&addresses);
    for &id in target.difference(&members) {
        let request = Request::AddLearner(id, addresses[&id].clone());
        operator.command(&request).await;
    }
    operator
        .command(&Request::ChangeVoters(target.clone()))
        .await;
    target
}

/// The four checks at the head of this file.
async fn verify(
    cluster: &mut Cluster,
    members: &BTreeSet<NodeId>,
    history: &[Operation],
) -> Result<(), Failure> {
    let statuses = cluster.settle(members).await?;
    let digests = digests(cluster, members).await?;
    let acknowledged: Vec<WriteId> = history
        .iter()
        .filter(|operation| operation.returned.is_some())
        .filter_map(Operation::written)
        .collect();
    for (id, of_node) in &digests {
        let is_lost = |write: &&WriteId| {
            let writes = of_node.writes.get(&write.writer);
            !writes.is_some_and(|writes| holds(writes, write.number))
        };
        if let Some(lost) = acknowledged.iter().find(is_lost) {
            return Err(format!("node {id} has lost {lost:?}, which was acknowledged").into());
        }
    }
    println!(
        "{} acknowledged writes are in every member",
        acknowledged.len()
    );
    let (first, of_first) = &digests[0];
    for (id, of_node) in &digests[1..] {
        if of_node != of_first {
            let what = format!("{of_first:?}\n{of_node:?}");
            return Err(format!("nodes {first} and {id} differ:\n{what}").into());
        }
    }
    println!(
        "members agree on the state and on the digest {:016x} of {} entries",
        of_first.history,
        of_first.applied.map_or(0, |last| last + 1)
    );
    compare_logs(cluster, &statuses).await?;
    let violations = checker::check(history);
    if let Some(violation) = violations.first() {
        return Err(format!("not linearizable: {violation}").into());
    }
    println!("{} calls on {KEYS} keys are linearizable", history.len());
    Ok(())
}

/// The digests of all members at the same entry.
async fn digests(
    cluster: &Cluster,
    members: &BTreeSet<NodeId>,
) -> Result<Vec<(NodeId, Digests)>, Failure> {
    // A new leader may append an entry while the members are asked: then all are asked again.
    for _ in 0..20 {
        let mut digests: Vec<(NodeId, Digests)> = Vec::new();
        for &id in members {
            match cluster.ask(id, &Request::Digests).await {
                Some(Response::Digests(of_node)) => digests.push((id, of_node)),
                _ => return Err(format!("node {id} does not answer").into()),
            }
        }
        let applied = digests[0].1.applied;
        if digests
            .iter()
            .all(|(_, of_node)| of_node.applied == applied)
        {
            return Ok(digests);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err("the members do not stop applying entries".into())
}

async fn compare_logs(cluster: &Cluster, statuses: &[crate::wire::Status]) -> Result<(), Failure> {
    let behind = |index: Option<u64>| index.map_or(0, |index| index + 1);
    let first = statuses.iter().map(|status| behind(status.purged)).max();
    let end = statuses.iter().map(|status| behind(status.last_log)).min();
    let range = first.unwrap_or(0)..end.unwrap_or(0);
    let mut found = BTreeSet::new();
    for status in statuses {
        match cluster
            .ask(status.id, &Request::LogDigest(range.clone()))
            .await
        {
            Some(Response::LogDigest(digest)) => found.insert(digest),
            Some(Response::Failed(what)) => {
                return Err(format!("node {}: {what}", status.id).into());
            }
            _ => return Err(format!("node {} does not answer", status.id).into()),
        };
    }
    match found.len() {
        1 => {
            println!("members hold the same entries {range:?}");
            Ok(())
        }
        _ => Err(format!("members hold different entries in {range:?}").into()),
    }
}

/// Xorshift: the same seed makes the same choices.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }

    fn choice(&mut self, of: &BTreeSet<NodeId>) -> NodeId {
        let position = self.below(of.len() as u64) as usize;
        *of.iter().nth(position).expect("there are members")
    }
}
