//! What cannot be met on purpose from outside: threads that come a moment too late.

use std::sync::Arc;

use crate::error::Error;
use crate::options::SyncMode;
use crate::options::WalOptions;
use crate::storage::RealDisk;
use crate::stream::Environment;
use crate::stream::StreamCore;

#[test]
fn no_space_is_secured_in_a_closed_stream() {
    // An appender on its way to secure space did so after the writer lock was given back: in a
    // file that the next process may have sealed, whose footer is found by the file's length.
    let place = tempfile::tempdir().expect("a directory for the test");
    let mut options = WalOptions::new(place.path());
    options.sync_mode = SyncMode::Async;
    let root = place.path().to_path_buf();
    let sink = Arc::new(|_, _: &str| ());
    let environment = Arc::new(Environment::new(Arc::new(RealDisk), options, root, sink));
    let stream = StreamCore::absent(&environment, "s", place.path().join("s"));
    stream.append(&[b"entry"], false).expect("appends");
    stream.close().expect("closes");
    let file = place.path().join("s/00000000000000000000.wal");
    let len = || file.metadata().expect("is there").len();
    let exact = len();
    let told = stream.secure_space(1 << 20);
    assert!(matches!(told, Err(Error::Closed)), "{told:?}");
    assert_eq!(len(), exact);
}
