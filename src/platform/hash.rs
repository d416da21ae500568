//! Which hash maps does the engine use?
//!
//! Those of `std`, with their random keys drawn under a [`CancellationGuard`]: the first map of a
//! thread calls `getrandom`, which is a cancellation point in glibc.

use std::collections;
use std::hash::BuildHasher;
use std::hash::DefaultHasher;
use std::hash::RandomState;

use crate::platform::CancellationGuard;

/// See `std::collections::HashMap`.
pub type HashMap<K, V> = collections::HashMap<K, V, HashKeys>;

/// See `std::collections::HashSet`.
pub type HashSet<T> = collections::HashSet<T, HashKeys>;

/// The random keys of one map.
#[derive(Clone, Debug)]
pub struct HashKeys(RandomState);

impl Default for HashKeys {
    fn default() -> Self {
        let _uncancelled = CancellationGuard::enter();
        HashKeys(RandomState::new())
    }
}

impl BuildHasher for HashKeys {
    type Hasher = DefaultHasher;

    #[inline]
    fn build_hasher(&self) -> DefaultHasher {
        self.0.build_hasher()
    }
}
