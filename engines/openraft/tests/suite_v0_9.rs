//! Does the store pass the suite that openraft 0.9 tests its own stores with?
//!
//! The suite wants a state machine too. The one that openraft ships does not compile with the
//! feature `storage-v2`, so this brings one.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::Mutex;

use ironwal::Wal;
use ironwal_openraft::v0_9::LogStore;
use openraft_0_9 as openraft;
use openraft_0_9::Entry;
use openraft_0_9::EntryPayload;
use openraft_0_9::LogId;
use openraft_0_9::OptionalSend;
use openraft_0_9::RaftSnapshotBuilder;
use openraft_0_9::Snapshot;
use openraft_0_9::SnapshotMeta;
use openraft_0_9::StorageError;
use openraft_0_9::StoredMembership;
use openraft_0_9::storage::RaftStateMachine;
use openraft_0_9::testing::StoreBuilder;
use openraft_0_9::testing::Suite;
use tempfile::TempDir;

openraft::declare_raft_types!(
    TypeConfig:
        D = String,
        R = (),
        NodeId = u64,
        Node = (),
        Entry = Entry<TypeConfig>,
        SnapshotData = Cursor<Vec<u8>>,
        AsyncRuntime = openraft::TokioRuntime,
);

type Applied = (Option<LogId<u64>>, StoredMembership<u64, ()>);
type Current = (SnapshotMeta<u64, ()>, Vec<u8>);

/// Remembers what it applied last; its snapshots hold nothing else.
#[derive(Clone, Default)]
struct Machine {
    applied: Arc<Mutex<Applied>>,
    snapshot: Arc<Mutex<Option<Current>>>,
}

fn snapshot_of((meta, bytes): Current) -> Snapshot<TypeConfig> {
    Snapshot {
        meta,
        snapshot: Box::new(Cursor::new(bytes)),
    }
}

impl RaftSnapshotBuilder<TypeConfig> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError<u64>> {
        let (last_log_id, last_membership) = self.applied.lock().unwrap().clone();
        let meta = SnapshotMeta {
            last_log_id,
            last_membership,
            snapshot_id: format!("{last_log_id:?}"),
        };
        let current = (meta, Vec::new());
        *self.snapshot.lock().unwrap() = Some(current.clone());
        Ok(snapshot_of(current))
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<Applied, StorageError<u64>> {
        Ok(self.applied.lock().unwrap().clone())
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<()>, StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut applied = self.applied.lock().unwrap();
        let mut answers = Vec::new();
        for entry in entries {
            applied.0 = Some(entry.log_id);
            if let EntryPayload::Membership(membership) = entry.payload {
                applied.1 = StoredMembership::new(Some(entry.log_id), membership);
            }
            answers.push(());
        }
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(
        &mut self,
    ) -> Result<Box<Cursor<Vec<u8>>>, StorageError<u64>> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, ()>,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError<u64>> {
        *self.applied.lock().unwrap() = (meta.last_log_id, meta.last_membership.clone());
        *self.snapshot.lock().unwrap() = Some((meta.clone(), snapshot.into_inner()));
        Ok(())
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> Result<Option<Snapshot<TypeConfig>>, StorageError<u64>> {
        Ok(self.snapshot.lock().unwrap().clone().map(snapshot_of))
    }
}

struct Builder;

impl StoreBuilder<TypeConfig, LogStore<TypeConfig>, Machine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore<TypeConfig>, Machine), StorageError<u64>> {
        let dir = TempDir::new().expect("a directory");
        let wal = Wal::new(ironwal_openraft::options(dir.path().join("raft"))).expect("opens");
        let log = LogStore::open(&wal, "group").expect("opens");
        Ok((dir, log, Machine::default()))
    }
}

type OfOpenraft = Suite<TypeConfig, LogStore<TypeConfig>, Machine, Builder, TempDir>;

/// Runs a case of the suite on a new store.
macro_rules! run {
    ($case:ident) => {{
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (_dir, log, machine) = Builder.build().await?;
            OfOpenraft::$case(log, machine).await
        })
    }};
}

macro_rules! cases {
    ($($case:ident)*) => {$(
        #[test]
        fn $case() {
            run!($case).unwrap();
        }
    )*};
}

// All that `Suite::test_all` runs, but for the case below.
cases! {
    last_membership_in_log_initial
    last_membership_in_log
    last_membership_in_log_multi_step
    get_membership_initial
    get_membership_from_log_and_empty_sm
    get_membership_from_empty_log_and_sm
    get_membership_from_log_le_sm_last_applied
    get_membership_from_log_gt_sm_last_applied_1
    get_membership_from_log_gt_sm_last_applied_2
    get_initial_state_without_init
    get_initial_state_with_state
    get_initial_state_last_log_gt_sm
    get_initial_state_last_log_lt_sm
    get_initial_state_log_ids
    get_initial_state_re_apply_committed
    save_vote
    get_log_entries
    limited_get_log_entries
    try_get_log_entry
    initial_logs
    get_log_state
    get_log_id
    last_id_in_log
    last_applied_state
    purge_logs_upto_0
    purge_logs_upto_5
    purge_logs_upto_20
    delete_logs_since_11
    delete_logs_since_0
    append_to_log
    snapshot_meta
    apply_single
    apply_multiple
}

#[test]
fn snapshots_are_transferred() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(OfOpenraft::transfer_snapshot(&Builder))
        .unwrap();
}

/// This case makes openraft purge the log up to index 2, then appends index 1, and index 3 behind
/// it. The trait forbids holes, and the suite of 0.10 no longer does this. The store refuses it.
#[test]
fn the_case_that_leaves_a_hole_is_refused() {
    let refused = run!(get_initial_state_membership_from_log_and_sm).unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("when Write Logs"), "{refused}");
}
