//! Which other logs take part? Each is called the way its documentation shows, with the settings
//! that suit it best for the work; what was chosen stands at the top of its file.

#[cfg(feature = "commitlog")]
mod commitlog;
#[cfg(feature = "crate-06")]
pub mod crate_06;
#[cfg(feature = "fjall")]
mod fjall;
#[cfg(feature = "lmdb")]
mod lmdb;
#[cfg(feature = "okaywal")]
mod okaywal;
#[cfg(feature = "raft-engine")]
mod raft_engine;
#[cfg(feature = "rocksdb")]
mod rocksdb;
#[cfg(feature = "rocksdb")]
mod rocksdb_calls;
#[cfg(feature = "walrus")]
mod walrus;

use crate::log::Contender;

/// The peers that were built, in groups.
pub fn groups() -> Vec<&'static [Contender]> {
    vec![
        #[cfg(feature = "crate-06")]
        crate_06::CONTENDERS,
        #[cfg(feature = "raft-engine")]
        raft_engine::CONTENDERS,
        #[cfg(feature = "okaywal")]
        okaywal::CONTENDERS,
        #[cfg(feature = "commitlog")]
        commitlog::CONTENDERS,
        #[cfg(feature = "walrus")]
        walrus::CONTENDERS,
        #[cfg(feature = "lmdb")]
        lmdb::CONTENDERS,
        #[cfg(feature = "rocksdb")]
        rocksdb::CONTENDERS,
        #[cfg(feature = "fjall")]
        fjall::CONTENDERS,
    ]
}

/// The peers that were left out of this build.
pub fn not_built() -> Vec<&'static str> {
    let peers = [
        ("crate ironwal 0.6.9", cfg!(feature = "crate-06")),
        ("raft-engine", cfg!(feature = "raft-engine")),
        ("okaywal", cfg!(feature = "okaywal")),
        ("commitlog", cfg!(feature = "commitlog")),
        ("walrus-rust", cfg!(feature = "walrus")),
        ("LMDB", cfg!(feature = "lmdb")),
        ("RocksDB", cfg!(feature = "rocksdb")),
        ("fjall", cfg!(feature = "fjall")),
    ];
    let absent = peers.into_iter().filter(|(_, built)| !built);
    absent.map(|(name, _)| name).collect()
}
