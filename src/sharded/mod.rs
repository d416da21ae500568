//! Many streams as one log: keys are routed to shards, checkpoints are consistent cuts through all.
//!
//! | file | the question it answers |
//! |---|---|
//! | `sharded_wal` | what is a sharded log, and how is it opened and closed? |
//! | `options` | which options does it have beyond those of the log? |
//! | `router` | to which shard does a key belong? |
//! | `shard_count` | with how many shards was the log created? |
//! | `append` | how are entries appended to their shards? |
//! | `batch` | how is a batch over several shards appended and made durable? |
//! | `consistent_cut` | how is a consistent cut taken and made durable? |
//! | `checkpoints` | how are checkpoints created and loaded? |
//! | `retention` | how are entries and checkpoints removed that are no longer needed? |
//! | `live_snapshot` | which files of the root does a snapshot need, while another process writes them? |
//! | `rollback` | how are all shards rolled back to a checkpoint? |
//! | `checkpoint_recovery` | which checkpoints are served after open, and when is the open refused? |
//! | `live_checkpoints` | how is `checkpoints.log` read while another process writes it? |
//! | `checkpoint_follower` | how are the checkpoints of another process noticed? |
//! | `read_only` | how is a sharded log opened read-only, and what does it show of a shard? |
//! | `checkpoint_view` | which checkpoints do readers see, and where do they read a record? |
//! | `checkpoint_index` | which checkpoints exist, and where does the file hold them? |
//! | `head_file` | how do people and scripts learn which checkpoint is the newest? |
//! | `auto_checkpoint` | when are checkpoints created in the background? |

mod append;
mod auto_checkpoint;
mod batch;
mod checkpoint_follower;
mod checkpoint_index;
mod checkpoint_recovery;
mod checkpoint_view;
mod checkpoints;
mod consistent_cut;
mod head_file;
mod live_checkpoints;
mod live_snapshot;
mod options;
mod read_only;
mod retention;
mod rollback;
mod router;
mod shard_count;
mod sharded_wal;

pub use auto_checkpoint::AutomaticStatus;
pub use checkpoints::CheckpointData;
pub use live_snapshot::snapshot_beside_writer;
#[cfg(feature = "inspection")]
pub use live_snapshot::snapshot_beside_writer_with_progress;
pub use options::AutomaticCheckpoints;
pub use options::CheckpointIds;
pub use options::ShardedOptions;
pub use retention::CompactionStats;
pub use retention::PruneStats;
pub use router::route;
pub use router::shard_stream_name;
pub use sharded_wal::ShardedWal;
