//! A log of either kind, sharded or not, as workloads and checks use it.

use std::ops::Range;
use std::sync::Arc;

use ironwal::CorruptionPolicy;
use ironwal::LogSink;
#[cfg(feature = "sharded")]
use ironwal::ShardedOptions;
#[cfg(feature = "sharded")]
use ironwal::ShardedWal;
use ironwal::Wal;
use ironwal::simulation::SimulatedDisk;
use parking_lot::Mutex;

use crate::setups::Setup;

/// An open log. Dropping it closes it.
pub struct OpenLog {
    pub wal: Wal,
    #[cfg(feature = "sharded")]
    pub sharded: Option<ShardedWal>,
}

impl OpenLog {
    /// Opens; refusals and reports of damage are failures, whatever the policy.
    pub fn open(
        disk: &SimulatedDisk,
        setup: &Setup,
        policy: CorruptionPolicy,
        is_threaded: bool,
    ) -> Result<Self, String> {
        let mut options = setup.options.clone();
        options.on_corruption = policy;
        let messages: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink: LogSink = {
            let messages = Arc::clone(&messages);
            Arc::new(move |level: log::Level, message: &str| {
                if level == log::Level::Error {
                    messages.lock().push(message.to_owned());
                }
            })
        };
        let opened = match is_threaded {
            true => Wal::open_simulated_logging(disk, options, sink),
            false => Wal::open_simulated_stepped(disk, options, sink),
        };
        let refused = |error| format!("not opened under {policy:?}: {error}");
        let wal = opened.map_err(refused)?;
        let log = OpenLog {
            #[cfg(feature = "sharded")]
            sharded: match setup.shards {
                Some(count) => {
                    let on = ShardedWal::on(wal.clone(), ShardedOptions::new(count));
                    Some(on.map_err(refused)?)
                }
                None => None,
            },
            wal,
        };
        let messages = messages.lock();
        match messages.is_empty() {
            true => Ok(log),
            false => Err(format!("damage reported under {policy:?}: {messages:?}")),
        }
    }

    pub fn close(self) -> ironwal::Result<()> {
        #[cfg(feature = "sharded")]
        if let Some(sharded) = self.sharded {
            return sharded.close();
        }
        self.wal.close()
    }

    /// Appends one entry to the stream of that name. A sharded log gets it by a key of that shard.
    pub fn append(&self, stream: &str, entry: &[u8]) -> ironwal::Result<u64> {
        #[cfg(feature = "sharded")]
        if let Some(sharded) = &self.sharded {
            let (shard, id) = sharded.append(&key_of(sharded, stream), entry)?;
            assert_eq!(ironwal::sharded::shard_stream_name(shard), stream);
            return Ok(id);
        }
        self.wal.append(stream, entry)
    }

    /// Appends entries as one frame to the stream of that name.
    pub fn append_batch(&self, stream: &str, entries: &[&[u8]]) -> ironwal::Result<Range<u64>> {
        #[cfg(feature = "sharded")]
        if let Some(sharded) = &self.sharded {
            let appended = sharded.append_batch_for_key(&key_of(sharded, stream), entries)?;
            let first = appended[0].1;
            let are_in_order = (first..)
                .zip(&appended)
                .all(|(id, (_, found))| *found == id);
            assert!(are_in_order, "ids of a batch: {appended:?}");
            return Ok(first..first + appended.len() as u64);
        }
        self.wal.append_batch(stream, entries)
    }
}

/// A key whose entries go to the shard that is this stream.
#[cfg(feature = "sharded")]
pub fn key_of(sharded: &ShardedWal, stream: &str) -> [u8; 4] {
    let mut keys = (0u32..).map(u32::to_le_bytes);
    keys.find(|key| ironwal::sharded::shard_stream_name(sharded.shard_of(key)) == stream)
        .expect("every shard has keys")
}
