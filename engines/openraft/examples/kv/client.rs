//! How does a client find the leader, and what may it conclude from a failure?
//!
//! A write that was sent and not answered may have happened, or may yet: the client does not send it
//! again, for the value would be written twice. It repeats a write only if the node refused it, or
//! could not be reached. A read without an answer is forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio::time::timeout;

use crate::history::Action;
use crate::history::Operation;
use crate::history::Recorder;
use crate::types::NodeId;
use crate::types::Set;
use crate::wire::Connection;
use crate::wire::Request;
use crate::wire::Response;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Before it asks the next node, if the last one knew no leader.
const PAUSE: Duration = Duration::from_millis(10);

/// All nodes that may be members, by their addresses.
pub type Addresses = Arc<BTreeMap<NodeId, String>>;

pub struct Client {
    connections: BTreeMap<NodeId, Connection>,
    /// The node that led when last asked.
    leader: NodeId,
}

/// What one attempt came to.
enum Attempt {
    Answered(Response),
    /// The node did nothing.
    Refused,
    Unanswered,
}

impl Client {
    pub fn new(addresses: &Addresses) -> Self {
        let connection = |(&id, address): (&NodeId, &String)| (id, Connection::to(address));
        Client {
            connections: addresses.iter().map(connection).collect(),
            leader: *addresses.keys().next().expect("there are nodes"),
        }
    }

    /// Writes once. Returns whether the write was acknowledged.
    pub async fn write(&mut self, set: Set, recorder: &mut Recorder) -> bool {
        let mut operation = Operation {
            key: set.key,
            action: Action::Write(set.value),
            called: recorder.now(),
            returned: None,
        };
        let request = Request::Write(set);
        let mut attempt = self.attempt(&request).await;
        while let Attempt::Refused = attempt {
            attempt = self.attempt(&request).await;
        }
        let is_acknowledged = matches!(attempt, Attempt::Answered(Response::Written));
        operation.returned = is_acknowledged.then(|| recorder.now());
        recorder.record(operation);
        is_acknowledged
    }

    /// Reads once, linearizably. Returns whether there was an answer.
    pub async fn read(&mut self, key: u32, recorder: &mut Recorder) -> bool {
        let called = recorder.now();
        let Attempt::Answered(Response::Value(value)) = self.attempt(&Request::Read(key)).await
        else {
            return false;
        };
        recorder.record(Operation {
            key,
            action: Action::Read(value),
            called,
            returned: Some(recorder.now()),
        });
        true
    }

    /// Asks the leader to change something, until it has.
    pub async fn command(&mut self, request: &Request) {
        loop {
            match self.attempt(request).await {
                Attempt::Answered(Response::Done) => return,
                _ => sleep(PAUSE).await,
            }
        }
    }

    async fn attempt(&mut self, request: &Request) -> Attempt {
        let leader = self.leader;
        let connection = self.connections.get_mut(&leader).expect("a known node");
        let is_connected = timeout(PATIENCE, connection.connect()).await;
        if !matches!(is_connected, Ok(Ok(()))) {
            self.try_another(None).await;
            return Attempt::Refused;
        }
        match timeout(PATIENCE, connection.call(request)).await {
            Ok(Ok(Response::NotLeader(leader))) => {
                self.try_another(leader).await;
                Attempt::Refused
            }
            Ok(Ok(Response::Unknown(_) | Response::Failed(_))) | Ok(Err(_)) | Err(_) => {
                self.try_another(None).await;
                Attempt::Unanswered
            }
            Ok(Ok(response)) => Attempt::Answered(response),
        }
    }

    async fn try_another(&mut self, leader: Option<NodeId>) {
        let known = leader.filter(|leader| self.connections.contains_key(leader));
        if let Some(leader) = known.filter(|&leader| leader != self.leader) {
            self.leader = leader;
            return;
        }
        sleep(PAUSE).await;
        let behind = self.connections.range(self.leader + 1..).next();
        let next = behind.or_else(|| self.connections.iter().next());
        self.leader = *next.expect("there are nodes").0;
    }
}
