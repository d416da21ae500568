//! What did clients call, when, and what did they learn?

use std::time::Duration;
use std::time::Instant;

use crate::types::WriteId;

/// One call of a client, with times since the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub key: u32,
    pub action: Action,
    pub called: Duration,
    /// `None`: the client never learned whether it happened. It may have, or may yet.
    pub returned: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    Write(WriteId),
    /// A read and the value it returned. A read without an answer is not part of a history.
    Read(Option<WriteId>),
}

impl Operation {
    pub fn latency(&self) -> Option<Duration> {
        Some(self.returned? - self.called)
    }

    pub fn written(&self) -> Option<WriteId> {
        match self.action {
            Action::Write(value) => Some(value),
            Action::Read(_) => None,
        }
    }
}

/// The calls of one client.
pub struct Recorder {
    start: Instant,
    operations: Vec<Operation>,
}

impl Recorder {
    pub fn new(start: Instant) -> Self {
        Recorder {
            start,
            operations: Vec::new(),
        }
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub fn record(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    pub fn operations(self) -> Vec<Operation> {
        self.operations
    }
}
