//! How does openraft reach the other nodes?
//!
//! One connection for each purpose and target: replication, heartbeats and snapshots do not wait for
//! each other.

use std::future::Future;
use std::io;
use std::time::Duration;

use openraft_0_10::OptionalSend;
use openraft_0_10::errors::NetworkError;
use openraft_0_10::errors::RPCError;
use openraft_0_10::errors::ReplicationClosed;
use openraft_0_10::errors::StreamingError;
use openraft_0_10::errors::Unreachable;
use openraft_0_10::impls::BasicNode;
use openraft_0_10::network::RPCOption;
use openraft_0_10::network::RaftNetworkFactory;
use openraft_0_10::network::v2::RaftNetworkV2;
use openraft_0_10::raft::AppendEntriesRequest;
use openraft_0_10::raft::AppendEntriesResponse;
use openraft_0_10::raft::SnapshotResponse;
use openraft_0_10::raft::VoteRequest;
use openraft_0_10::raft::VoteResponse;

use crate::types::NodeId;
use crate::types::Snapshot;
use crate::types::Types;
use crate::types::Vote;
use crate::wire::Connection;
use crate::wire::Request;
use crate::wire::Response;

/// Makes connections to nodes by their addresses.
pub struct Network;

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, _target: NodeId, node: &BasicNode) -> Peer {
        Peer {
            connection: Connection::to(&node.addr),
        }
    }
}

/// One other node.
pub struct Peer {
    connection: Connection,
}

impl Peer {
    async fn call(
        &mut self,
        request: Request,
        limit: Duration,
    ) -> Result<Response, RPCError<Types>> {
        let called = tokio::time::timeout(limit, self.connection.call(&request));
        match called.await {
            Ok(Ok(response)) => Ok(response),
            // Openraft waits a while before it tries again.
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Err(Unreachable::new(&error).into())
            }
            Ok(Err(error)) => Err(NetworkError::new(&error).into()),
            Err(elapsed) => Err(NetworkError::new(&elapsed).into()),
        }
    }
}

fn unexpected(response: Response) -> RPCError<Types> {
    let what = match response {
        Response::Failed(what) => what,
        _ => "a response to another request".to_owned(),
    };
    NetworkError::from_string(what).into()
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        match self.call(Request::Append(rpc), option.soft_ttl()).await? {
            Response::Append(response) => Ok(response),
            other => Err(unexpected(other)),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(Request::Vote(rpc), option.soft_ttl()).await? {
            Response::Vote(response) => Ok(response),
            other => Err(unexpected(other)),
        }
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(Request::PreVote(rpc), option.soft_ttl()).await? {
            Response::Vote(response) => Ok(response),
            other => Err(unexpected(other)),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let request = Request::Snapshot(vote, snapshot.meta, snapshot.snapshot);
        tokio::select! {
            closed = cancel => Err(closed.into()),
            response = self.call(request, option.soft_ttl()) => match response? {
                Response::Snapshot(response) => Ok(response),
                other => Err(unexpected(other).into()),
            },
        }
    }
}
