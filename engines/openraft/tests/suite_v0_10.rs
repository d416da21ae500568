//! Does the store pass the suite that openraft 0.10 tests its own stores with?

use std::sync::Arc;

use ironwal::Wal;
use ironwal_openraft::v0_10::LogStore;
use openraft_0_10::StorageError;
use openraft_0_10::testing::log::StoreBuilder;
use openraft_0_10::testing::log::Suite;
use openraft_0_10::type_config::TypeConfigExt;
use openraft_memstore::BlockConfig;
use openraft_memstore::MemStateMachine;
use openraft_memstore::TypeConfig;
use tempfile::TempDir;

struct Builder;

impl StoreBuilder<TypeConfig, LogStore<TypeConfig>, Arc<MemStateMachine>, TempDir> for Builder {
    async fn build(
        &self,
    ) -> Result<(TempDir, LogStore<TypeConfig>, Arc<MemStateMachine>), StorageError<TypeConfig>>
    {
        let dir = TempDir::new().expect("a directory");
        let wal = Wal::new(ironwal_openraft::options(dir.path().join("raft"))).expect("opens");
        let log = LogStore::open(&wal, "group").expect("opens");
        let machine = MemStateMachine::new(BlockConfig::default());
        Ok((dir, log, Arc::new(machine)))
    }
}

#[test]
fn the_suite_of_openraft_0_10_passes() {
    TypeConfig::run(async {
        Suite::test_all(Builder).await.unwrap();
    });
}
