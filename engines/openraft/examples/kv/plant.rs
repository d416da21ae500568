//! Which faults can be planted in nodes, to see that the driver finds them?

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use crate::types::WriteId;

/// A fault of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// Reads are answered from a cache whose values are up to 300 ms old.
    StaleReads,
    /// One write in 20 is acknowledged and forgotten.
    LostWrites,
}

impl Plant {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Plant::StaleReads => "stale-reads",
            Plant::LostWrites => "lost-writes",
        }
    }
}

impl FromStr for Plant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Plant::StaleReads, Plant::LostWrites];
        let found = known.into_iter().find(|plant| plant.name() == name);
        found.ok_or_else(|| format!("no fault is called {name}"))
    }
}

/// The cache of [`Plant::StaleReads`].
#[derive(Clone, Default)]
pub struct StaleCache(Arc<Mutex<HashMap<u32, Cached>>>);

/// When a value was read, and the value.
type Cached = (Instant, Option<WriteId>);

impl StaleCache {
    /// A value that the key had within the last 300 ms.
    pub fn get(&self, key: u32, current: impl FnOnce() -> Option<WriteId>) -> Option<WriteId> {
        let mut cache = self.0.lock().expect("no panic under the lock");
        let cached = cache.get(&key).copied();
        let young = |(at, _): &Cached| at.elapsed() < Duration::from_millis(300);
        let (at, value) = cached
            .filter(young)
            .unwrap_or_else(|| (Instant::now(), current()));
        cache.insert(key, (at, value));
        value
    }
}
