//! What does one node do: log, state machine, openraft, and a server for requests.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use ironwal::Wal;
use ironwal_openraft::v0_10::LogStore;
use openraft_0_10::Config;
use openraft_0_10::ReadPolicy;
use openraft_0_10::SnapshotPolicy;
use openraft_0_10::async_runtime::WatchReceiver;
use openraft_0_10::errors::ClientWriteError;
use openraft_0_10::errors::LinearizableReadError;
use openraft_0_10::errors::RaftError;
use openraft_0_10::impls::BasicNode;
use openraft_0_10::storage::RaftLogReader;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use crate::Failure;
use crate::machine::Machine;
use crate::machine::digest;
use crate::network::Network;
use crate::plant::Plant;
use crate::plant::StaleCache;
use crate::types::NodeId;
use crate::types::Raft;
use crate::types::Set;
use crate::types::Snapshot;
use crate::types::Types;
use crate::wire::Request;
use crate::wire::Response;
use crate::wire::Status;
use crate::wire::receive;
use crate::wire::send;

pub struct Options {
    pub id: NodeId,
    pub listen: String,
    pub dir: PathBuf,
    pub plant: Option<Plant>,
}

#[derive(Clone)]
struct Node {
    id: NodeId,
    raft: Raft,
    machine: Machine,
    log: LogStore<Types>,
    plant: Option<Plant>,
    stale: StaleCache,
}

/// Serves until standard input ends: a node does not outlive the driver that started it.
pub fn run(options: Options) -> Result<(), Failure> {
    std::thread::spawn(|| {
        let ended = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(ended.is_err().into());
    });
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all();
    runtime.build()?.block_on(serve(options))
}

async fn serve(options: Options) -> Result<(), Failure> {
    std::fs::create_dir_all(&options.dir)?;
    let wal = Wal::new(ironwal_openraft::options(options.dir.join("log")))?;
    let log = LogStore::open(&wal, "raft")?;
    let machine = Machine::open(&options.dir)?;
    // Short times and few entries: the demonstration shows elections, snapshots and purges.
    let config = Config {
        cluster_name: "kv".to_owned(),
        heartbeat_interval: 100,
        election_timeout_min: 300,
        election_timeout_max: 600,
        install_snapshot_timeout: 2_000,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(2_000),
        max_in_snapshot_log_to_keep: 500,
        replication_lag_threshold: 1_000,
        ..Config::default()
    };
    let config = Arc::new(config.validate()?);
    let raft = Raft::new(options.id, config, Network, log.clone(), machine.clone()).await?;
    let node = Node {
        id: options.id,
        raft,
        machine,
        log,
        plant: options.plant,
        stale: StaleCache::default(),
    };
    tokio::spawn(end_with(node.raft.clone()));
    let listener = TcpListener::bind(&options.listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(node.clone().converse(stream));
    }
}

/// Ends the process once openraft has stopped, for example after an error of the disk: the driver
/// then says so.
async fn end_with(raft: Raft) {
    let mut metrics = raft.metrics();
    loop {
        if let Err(fatal) = &metrics.borrow_watched().running_state {
            eprintln!("openraft has stopped: {fatal}");
            std::process::exit(1);
        }
        if metrics.changed().await.is_err() {
            eprintln!("openraft has stopped");
            std::process::exit(1);
        }
    }
}

impl Node {
    async fn converse(self, mut stream: TcpStream) {
        if let Err(error) = self.answer_all(&mut stream).await {
            // Usual: the peer was killed.
            eprintln!("node {}: connection closed: {error}", self.id);
        }
    }

    async fn answer_all(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        while let Some(request) = receive(stream).await? {
            let response = self.answer(request).await;
            send(stream, &response).await?;
        }
        Ok(())
    }

    async fn answer(&self, request: Request) -> Response {
        let answer: Result<Response, Failure> = match request {
            Request::Append(rpc) => self
                .raft
                .append_entries(rpc)
                .await
                .map(Response::Append)
                .map_err(Into::into),
            Request::Vote(rpc) => self
                .raft
                .vote(rpc)
                .await
                .map(Response::Vote)
                .map_err(Into::into),
            Request::PreVote(rpc) => self
                .raft
                .pre_vote(rpc)
                .await
                .map(Response::Vote)
                .map_err(Into::into),
            Request::Snapshot(vote, meta, snapshot) => {
                let snapshot = Snapshot { meta, snapshot };
                let installed = self.raft.install_full_snapshot(vote, snapshot).await;
                installed.map(Response::Snapshot).map_err(Into::into)
            }
            Request::Write(set) => Ok(self.write(set).await),
            Request::Read(key) => Ok(self.read(key).await),
            Request::Initialize(members) => {
                let members: BTreeMap<_, _> = members
                    .into_iter()
                    .map(|(id, addr)| (id, BasicNode { addr }))
                    .collect();
                let initialized = self.raft.initialize(members).await;
                initialized.map(|()| Response::Done).map_err(Into::into)
            }
            Request::AddLearner(id, addr) => {
                let added = self.raft.add_learner(id, BasicNode { addr }, true).await;
                added.map(|_| Response::Done).map_err(Into::into)
            }
            Request::ChangeVoters(voters) => {
                let changed = self.raft.change_membership(voters, false).await;
                changed.map(|_| Response::Done).map_err(Into::into)
            }
            Request::Status => Ok(Response::Status(self.status())),
            Request::Digests => Ok(Response::Digests(self.machine.digests())),
            Request::LogDigest(range) => self.log_digest(range).await,
        };
        answer.unwrap_or_else(|failure| Response::Failed(failure.to_string()))
    }

    async fn write(&self, set: Set) -> Response {
        if self.plant == Some(Plant::LostWrites) && set.value.number % 20 == 19 {
            return Response::Written;
        }
        match self.raft.client_write(set).await {
            Ok(_) => Response::Written,
            // Refused before an entry was appended.
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                Response::NotLeader(to.leader_id)
            }
            Err(error) => Response::Unknown(error.to_string()),
        }
    }

    /// The value that all writes acknowledged before the call have left, or a later one.
    async fn read(&self, key: u32) -> Response {
        if self.plant == Some(Plant::StaleReads) {
            let value = self.stale.get(key, || self.machine.get(key));
            return Response::Value(value);
        }
        match self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
            Ok(_) => Response::Value(self.machine.get(key)),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => {
                Response::NotLeader(to.leader_id)
            }
            Err(error) => Response::Unknown(error.to_string()),
        }
    }

    fn status(&self) -> Status {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let index = |id: &Option<crate::types::LogId>| id.map(|id| id.index);
        Status {
            id: self.id,
            term: metrics.current_term,
            leader: metrics.current_leader,
            voters: metrics.membership_config.membership().voter_ids().collect(),
            last_log: metrics.last_log_index,
            applied: index(&metrics.last_applied),
            committed: index(&metrics.local_committed),
            purged: index(&metrics.purged),
            snapshot: index(&metrics.snapshot),
        }
    }

    /// Over the entries of the range as they are in the log.
    async fn log_digest(&self, range: std::ops::Range<u64>) -> Result<Response, Failure> {
        let mut log = self.log.clone();
        let entries = log.try_get_log_entries(range.clone()).await?;
        if entries.len() as u64 != range.end - range.start {
            return Err(format!("{} entries in {range:?}", entries.len()).into());
        }
        Ok(Response::LogDigest(entries.iter().fold(0, digest)))
    }
}
