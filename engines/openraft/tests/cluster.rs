//! Does a cluster lose an acknowledged write when the power of its nodes is cut?
//!
//! Three nodes in one process, each with its log on a simulated disk. While clients write, the power of
//! one node is cut, or of all at once: its disk keeps what was synced and some choice of the rest. The
//! node starts again on what is left. At the end every acknowledged write must be on every node.
//! What processes on one machine show under SIGKILL, `examples/kv` checks; they keep the page cache.
//! `CLUSTER_ROUNDS` sets how often the power is cut.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ironwal::Wal;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::SimulatedDisk;
use ironwal_openraft::v0_10::LogStore;
use openraft_0_10::Config;
use openraft_0_10::Raft;
use openraft_0_10::SnapshotPolicy;
use openraft_0_10::alias::SnapshotOf;
use openraft_0_10::alias::VoteOf;
use openraft_0_10::async_runtime::WatchReceiver;
use openraft_0_10::errors::NetworkError;
use openraft_0_10::errors::RPCError;
use openraft_0_10::errors::ReplicationClosed;
use openraft_0_10::errors::StreamingError;
use openraft_0_10::errors::Unreachable;
use openraft_0_10::network::RPCOption;
use openraft_0_10::network::RaftNetworkFactory;
use openraft_0_10::network::v2::RaftNetworkV2;
use openraft_0_10::raft::AppendEntriesRequest;
use openraft_0_10::raft::AppendEntriesResponse;
use openraft_0_10::raft::SnapshotResponse;
use openraft_0_10::raft::VoteRequest;
use openraft_0_10::raft::VoteResponse;
use openraft_memstore::BlockConfig;
use openraft_memstore::ClientRequest;
use openraft_memstore::MemStateMachine;
use openraft_memstore::TypeConfig;
use tokio::time::sleep;
use tokio::time::timeout;

type Machine = Arc<MemStateMachine>;
type Node = Raft<TypeConfig, Machine>;
type SnapshotData = std::io::Cursor<Vec<u8>>;

const NODES: u64 = 3;
const WRITERS: u64 = 4;

/// The nodes that have power, by id.
#[derive(Clone, Default)]
struct Powered(Arc<Mutex<BTreeMap<u64, Node>>>);

impl Powered {
    fn get(&self, id: u64) -> Option<Node> {
        self.0.lock().unwrap().get(&id).cloned()
    }

    fn all(&self) -> Vec<Node> {
        self.0.lock().unwrap().values().cloned().collect()
    }
}

impl RaftNetworkFactory<TypeConfig> for Powered {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, _node: &()) -> Peer {
        Peer {
            target,
            powered: self.clone(),
        }
    }
}

/// Calls another node directly, if that has power.
struct Peer {
    target: u64,
    powered: Powered,
}

impl Peer {
    fn node(&self) -> Result<Node, Unreachable<TypeConfig>> {
        let node = self.powered.get(self.target);
        node.ok_or_else(|| Unreachable::from_string("no power"))
    }
}

fn failed(error: impl std::error::Error + 'static) -> NetworkError<TypeConfig> {
    NetworkError::new(&error)
}

impl RaftNetworkV2<TypeConfig> for Peer {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let answer = self.node()?.append_entries(rpc).await;
        answer.map_err(|error| failed(error).into())
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        let answer = self.node()?.vote(rpc).await;
        answer.map_err(|error| failed(error).into())
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<TypeConfig>,
        snapshot: SnapshotOf<TypeConfig, SnapshotData>,
        _cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let answer = self.node()?.install_full_snapshot(vote, snapshot).await;
        answer.map_err(|error| failed(error).into())
    }
}

/// What a node has when its power is off: a disk, and the snapshot that its machine stored. The
/// rest of the machine's state is memory, and is rebuilt.
struct Host {
    id: u64,
    disk: SimulatedDisk,
    machine: Machine,
}

impl Host {
    fn new(id: u64) -> Self {
        Host {
            id,
            disk: SimulatedDisk::new(),
            machine: Arc::new(MemStateMachine::new(BlockConfig::default())),
        }
    }

    async fn start(&self, powered: &Powered) {
        let mut options = ironwal_openraft::options("/raft");
        options.max_segment_size = 8_000;
        let wal = Wal::open_simulated(&self.disk, options).expect("opens");
        let log = LogStore::open(&wal, "group").expect("opens");
        let config = Config {
            heartbeat_interval: 30,
            election_timeout_min: 100,
            election_timeout_max: 200,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(200),
            max_in_snapshot_log_to_keep: 50,
            ..Config::default()
        };
        let config = Arc::new(config.validate().expect("valid"));
        let machine = Arc::clone(&self.machine);
        let node = Raft::new(self.id, config, powered.clone(), log, machine);
        let node = node.await.expect("starts");
        powered.0.lock().unwrap().insert(self.id, node);
    }

    async fn cut_power(&mut self, powered: &Powered, seed: u64) {
        // Nothing reaches the disk from here on, so nothing more is acknowledged by this node.
        let dead = self.disk.kill();
        let node = powered.0.lock().unwrap().remove(&self.id);
        if let Some(node) = node {
            // Its tasks may have ended with an error of the disk.
            let _ended = node.shutdown().await;
        }
        let model = match seed % 2 {
            0 => DirectoryModel::Strict,
            _ => DirectoryModel::Ordered,
        };
        self.disk = dead.crash(seed, model);
        self.machine.clear_state_machine().await;
    }
}

/// Writes until `is_over`; returns what was acknowledged.
async fn write(powered: Powered, writer: u64, is_over: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut serial = 0;
    while !is_over.load(Ordering::Relaxed) {
        let Some(node) = leader(&powered) else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        // Each write has a name of its own: one without an answer is not repeated.
        let client = format!("{writer}/{serial}");
        serial += 1;
        let request = ClientRequest {
            client: client.clone(),
            serial,
            status: "written".to_owned(),
        };
        let written = timeout(Duration::from_secs(2), node.client_write(request));
        if let Ok(Ok(_)) = written.await {
            acknowledged.push(client);
        }
    }
    acknowledged
}

fn leader(powered: &Powered) -> Option<Node> {
    powered.all().into_iter().find(Node::is_leader)
}

#[test]
fn power_cuts_of_nodes_lose_no_acknowledged_write() {
    let rounds: u64 = std::env::var("CLUSTER_ROUNDS").map_or(12, |n| n.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let powered = Powered::default();
        let mut hosts: Vec<Host> = (1..=NODES).map(Host::new).collect();
        for host in &hosts {
            host.start(&powered).await;
        }
        let members: BTreeMap<u64, ()> = (1..=NODES).map(|id| (id, ())).collect();
        powered.get(1).unwrap().initialize(members).await.unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(powered.clone(), writer, Arc::clone(&is_over))))
            .collect();
        for round in 0..rounds {
            sleep(Duration::from_millis(400)).await;
            let leading = leader(&powered).map_or(1, |node| *node.node_id());
            for host in &mut hosts {
                let is_cut = match round % 3 {
                    0 => host.id == leading,
                    1 => host.id != leading && host.id == 1 + round % NODES,
                    _ => true,
                };
                if is_cut {
                    host.cut_power(&powered, round * 8 + host.id).await;
                }
            }
            for host in &hosts {
                if powered.get(host.id).is_none() {
                    host.start(&powered).await;
                }
            }
        }
        sleep(Duration::from_millis(400)).await;
        is_over.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
        settle(&powered).await;
        for host in &hosts {
            let state = host.machine.get_state_machine().await;
            for client in &acknowledged {
                let is_there = state.client_status.contains_key(client);
                assert!(is_there, "node {} has lost {client}", host.id);
            }
        }
        println!("{} acknowledged writes", acknowledged.len());
        assert!(acknowledged.len() > 20, "the cluster made progress");
    });
}

/// Waits until all nodes have applied the same entries, all that there are.
async fn settle(powered: &Powered) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let mut ends = Vec::new();
        for node in powered.all() {
            let metrics = node.metrics();
            let metrics = metrics.borrow_watched();
            let applied = metrics.last_applied.map(|id| id.index);
            ends.push((applied, metrics.last_log_index));
        }
        let first = ends[0];
        let is_equal = ends.iter().all(|&end| end == first && end.0 == end.1);
        if is_equal && first.0.is_some() && leader(powered).is_some() {
            return;
        }
        assert!(Instant::now() < until, "the nodes do not settle: {ends:?}");
        sleep(Duration::from_millis(20)).await;
    }
}
