//! A durable openraft node: what the README shows, with what it leaves out.
//!
//! Starts a cluster of one node, writes, stops it, starts it again and finds what was written. A
//! cluster of processes is in `examples/kv`.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ironwal::Wal;
use ironwal_openraft::v0_10::LogStore;
use openraft_0_10::Config;
use openraft_0_10::Raft;
use openraft_0_10::alias::SnapshotOf;
use openraft_0_10::alias::VoteOf;
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

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Machine = Arc<MemStateMachine>;

async fn start(wal: &Wal, machine: Machine) -> Result<Raft<TypeConfig, Machine>, Failure> {
    let log = LogStore::open(wal, "group-0")?;
    let config = Arc::new(Config::default().validate()?);
    Ok(Raft::new(1, config, Network, log, machine).await?)
}

async fn write(dir: &Path) -> Result<(), Failure> {
    let wal = Wal::new(ironwal_openraft::options(dir))?;
    let raft = start(&wal, machine()).await?;
    raft.initialize(BTreeMap::from([(1, ())])).await?;
    let patience = Some(Duration::from_secs(10));
    raft.wait(patience).current_leader(1, "elected").await?;
    raft.client_write(request("on disk")).await?; // durable in the log of a majority
    raft.shutdown().await?;
    Ok(wal.close()?)
}

async fn read(dir: &Path) -> Result<(), Failure> {
    let wal = Wal::new(ironwal_openraft::options(dir))?;
    let machine = machine();
    let raft = start(&wal, Arc::clone(&machine)).await?;
    raft.wait_for_recovery(Some(Duration::from_secs(10)))
        .await?;
    let state = machine.get_state_machine().await;
    println!("found: {:?}", state.client_status.get("client"));
    assert_eq!(
        state.client_status.get("client").map(String::as_str),
        Some("on disk")
    );
    raft.shutdown().await?;
    Ok(wal.close()?)
}

fn main() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let dir = dir.path().join("raft");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(write(&dir))?;
    runtime.block_on(read(&dir))
}

fn machine() -> Machine {
    Arc::new(MemStateMachine::new(BlockConfig::default()))
}

fn request(status: &str) -> ClientRequest {
    ClientRequest {
        client: "client".to_owned(),
        serial: 1,
        status: status.to_owned(),
    }
}

/// A cluster of one node has no other node to call.
struct Network;

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Network;

    async fn new_client(&mut self, _target: u64, _node: &()) -> Network {
        Network
    }
}

fn unreachable() -> Unreachable<TypeConfig> {
    Unreachable::from_string("there is one node")
}

impl RaftNetworkV2<TypeConfig> for Network {
    type SnapshotData = std::io::Cursor<Vec<u8>>;

    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(unreachable().into())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: VoteOf<TypeConfig>,
        _snapshot: SnapshotOf<TypeConfig, std::io::Cursor<Vec<u8>>>,
        _cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        Err(unreachable().into())
    }
}
