//! Many streams as one log: keys are routed to shards, checkpoints cut through all of them.
//!
//! | file | the question it answers |
//! |---|---|
//! | `route` | to which shard does a key belong? |
//! | `shard_count` | how many shards were there when the log was made? |
//! | `log` | what is a sharded log, how does it come up and end? |
//! | `append` | how do entries get into their shards? |
//! | `batch` | how does a batch over several shards become durable? |
//! | `cut` | where do all shards stand at one moment, durably? |
//! | `checkpoints` | how are checkpoints created and loaded? |
//! | `prune` | how are entries and checkpoints removed that nobody needs? |
//! | `checkpoint_file` | how does a record get into `checkpoints.log`? |
//! | `checkpoint_recovery` | what of it is kept, and how is it made durable? |
//! | `checkpoint_index` | which checkpoints are there, and where? |
//! | `hint` | how do people and scripts learn which checkpoint was made last? |
//! | `replace` | how is a file in the root replaced so that a crash leaves the old or the new? |
//! | `options` | what can be chosen beyond the options of the log? |
//! | `automatic` | who creates checkpoints behind the caller's back? |

mod append;
mod auto_checkpoint;
mod batch;
mod checkpoint_file;
mod checkpoint_index;
mod checkpoint_recovery;
mod checkpoints;
mod consistent_cut;
mod head_file;
mod options;
mod retention;
mod router;
mod shard_count;
mod sharded_wal;

pub use auto_checkpoint::AutomaticStatus;
pub use checkpoints::CheckpointData;
pub use options::AutomaticCheckpoints;
pub use options::CheckpointIds;
pub use options::ShardedOptions;
pub use retention::CompactionStats;
pub use retention::PruneStats;
pub use router::route;
pub use router::shard_stream_name;
pub use sharded_wal::ShardedWal;
