//! Do the calls stay right when many threads make them at the same time?
//!
//! `make tsan` runs this program, the library's own tests and a part of others under ThreadSanitizer.

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "sharded")]
mod sharded;
mod streams;
