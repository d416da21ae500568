//! How are nodes started as processes, killed and asked?

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use tokio::time::sleep;
use tokio::time::timeout;

use crate::Failure;
use crate::client::Addresses;
use crate::plant::Plant;
use crate::types::NodeId;
use crate::wire::Connection;
use crate::wire::Request;
use crate::wire::Response;
use crate::wire::Status;

/// The nodes of a run. Dropping it kills those that run.
pub struct Cluster {
    pub addresses: Addresses,
    dir: PathBuf,
    plant: Option<Plant>,
    running: BTreeMap<NodeId, Child>,
}

impl Cluster {
    /// Chooses free ports for nodes 1 to `count`; starts none.
    pub fn new(dir: PathBuf, count: u64, plant: Option<Plant>) -> io::Result<Self> {
        // All are held until all are chosen: none is chosen twice.
        let listeners: Vec<_> = (0..count)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<io::Result<_>>()?;
        let mut addresses = BTreeMap::new();
        for (listener, id) in listeners.iter().zip(1..) {
            addresses.insert(id, listener.local_addr()?.to_string());
        }
        Ok(Cluster {
            addresses: Arc::new(addresses),
            dir,
            plant,
            running: BTreeMap::new(),
        })
    }

    pub fn is_running(&self, id: NodeId) -> bool {
        self.running.contains_key(&id)
    }

    /// Starts a node that does not run. Its messages go to a file beside its directory.
    pub fn start(&mut self, id: NodeId) -> io::Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join(format!("node-{id}.txt")))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["node", "--id", &id.to_string()])
            .args(["--listen", &self.addresses[&id]])
            .arg("--dir")
            .arg(self.dir.join(format!("node-{id}")))
            .args(
                self.plant
                    .into_iter()
                    .flat_map(|plant| ["--plant", plant.name()]),
            )
            // Ends with this process, and the node with it.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.running.insert(id, child);
        Ok(())
    }

    /// `kill -9`; returns once the process is gone.
    pub fn kill(&mut self, id: NodeId) -> io::Result<()> {
        if let Some(mut child) = self.running.remove(&id) {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Fails if a node has ended that was not killed.
    pub fn check_alive(&mut self) -> Result<(), Failure> {
        for (id, child) in &mut self.running {
            if let Some(status) = child.try_wait()? {
                let log = self.dir.join(format!("node-{id}.txt"));
                let log = std::fs::read_to_string(log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(20).collect();
                let last: Vec<&str> = lines.into_iter().rev().collect();
                return Err(
                    format!("node {id} ended by itself: {status}\n{}", last.join("\n")).into(),
                );
            }
        }
        Ok(())
    }

    /// Asks a node once; `None` if it does not answer soon.
    pub async fn ask(&self, id: NodeId, request: &Request) -> Option<Response> {
        let mut connection = Connection::to(&self.addresses[&id]);
        let called = timeout(Duration::from_secs(5), connection.call(request));
        called.await.ok()?.ok()
    }

    pub async fn status(&self, id: NodeId) -> Option<Status> {
        match self.ask(id, &Request::Status).await? {
            Response::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The leader that the running nodes know of, in the latest term.
    pub async fn leader(&self) -> Option<NodeId> {
        let mut latest: Option<Status> = None;
        for &id in self.running.keys() {
            let status = self
                .status(id)
                .await
                .filter(|status| status.leader.is_some());
            if let Some(status) = status {
                let term = latest.as_ref().map(|latest| latest.term);
                if term.is_none_or(|term| term < status.term) {
                    latest = Some(status);
                }
            }
        }
        latest?.leader.filter(|&leader| self.is_running(leader))
    }

    /// Waits until the nodes have applied the same entries, all that there are.
    pub async fn settle(&mut self, nodes: &BTreeSet<NodeId>) -> Result<Vec<Status>, Failure> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            self.check_alive()?;
            let mut statuses = Vec::new();
            for &id in nodes {
                statuses.extend(self.status(id).await);
            }
            let has_leader = statuses
                .iter()
                .any(|status| status.leader == Some(status.id));
            let first = statuses.first().and_then(|status| status.applied);
            let is_settled = |status: &Status| {
                status.applied == first && status.last_log == first && first.is_some()
            };
            if has_leader && statuses.len() == nodes.len() && statuses.iter().all(is_settled) {
                return Ok(statuses);
            }
            if Instant::now() > until {
                return Err(format!("the nodes do not settle: {statuses:#?}").into());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
