//! What do nodes and clients say to each other, and how is it framed?
//!
//! A frame is a length (u32, little endian) and a value in postcard's format. A connection carries
//! one request at a time, each followed by its response. If anything fails, the connection is closed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use openraft_0_10::raft::AppendEntriesRequest;
use openraft_0_10::raft::AppendEntriesResponse;
use openraft_0_10::raft::SnapshotResponse;
use openraft_0_10::raft::VoteRequest;
use openraft_0_10::raft::VoteResponse;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::machine::Digests;
use crate::types::NodeId;
use crate::types::Set;
use crate::types::SnapshotMeta;
use crate::types::Types;
use crate::types::Vote;
use crate::types::WriteId;

/// Longer frames are refused: a broken length must not allocate all memory.
const MAX_FRAME: u32 = 256 << 20;

#[derive(Serialize, Deserialize)]
pub enum Request {
    // between nodes
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Snapshot(Vote, SnapshotMeta, Vec<u8>),
    // of clients
    Write(Set),
    Read(u32),
    // of the operator
    Initialize(BTreeMap<NodeId, String>),
    AddLearner(NodeId, String),
    ChangeVoters(BTreeSet<NodeId>),
    Status,
    Digests,
    LogDigest(Range<u64>),
}

#[derive(Serialize, Deserialize)]
pub enum Response {
    Append(AppendEntriesResponse<Types>),
    Vote(VoteResponse<Types>),
    Snapshot(SnapshotResponse<Types>),
    /// The write is committed and applied.
    Written,
    Value(Option<WriteId>),
    /// Nothing was done; perhaps this node leads.
    NotLeader(Option<NodeId>),
    /// The request may have been carried out or may still be.
    Unknown(String),
    Done,
    Status(Status),
    Digests(Digests),
    LogDigest(u64),
    Failed(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    pub id: NodeId,
    pub term: u64,
    pub leader: Option<NodeId>,
    pub voters: BTreeSet<NodeId>,
    pub last_log: Option<u64>,
    pub applied: Option<u64>,
    pub committed: Option<u64>,
    pub purged: Option<u64>,
    pub snapshot: Option<u64>,
}

pub async fn send(stream: &mut TcpStream, value: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    frame = postcard::to_extend(value, frame).map_err(io::Error::other)?;
    let len = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&len.to_le_bytes());
    stream.write_all(&frame).await
}

/// `None`: the peer has closed the connection between two frames.
pub async fn receive<T: DeserializeOwned>(stream: &mut TcpStream) -> io::Result<Option<T>> {
    let len = match stream.read_u32_le().await {
        Ok(len) if len <= MAX_FRAME => len,
        Ok(len) => return Err(io::Error::other(format!("a frame of {len} bytes"))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut frame = vec![0; len as usize];
    stream.read_exact(&mut frame).await?;
    postcard::from_bytes(&frame)
        .map(Some)
        .map_err(io::Error::other)
}

/// A connection that is made when first needed, and again after a failure.
pub struct Connection {
    address: String,
    stream: Option<TcpStream>,
}

impl Connection {
    pub fn to(address: &str) -> Self {
        Connection {
            address: address.to_owned(),
            stream: None,
        }
    }

    /// Connects if there is no connection. After an error nothing was sent.
    pub async fn connect(&mut self) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        Ok(())
    }

    /// Sends a request and waits for the response. After an error, or if the future is dropped, the
    /// request may have been carried out, and the connection is closed.
    pub async fn call(&mut self, request: &Request) -> io::Result<Response> {
        self.connect().await?;
        let mut stream = self.stream.take().expect("connected");
        send(&mut stream, request).await?;
        let response = receive(&mut stream).await?;
        let response = response.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.stream = Some(stream);
        Ok(response)
    }
}
