//! Mishaps between two steps: what must hold when something fails, or is asked for, just there.
#![cfg(feature = "simulation")]
#![allow(unsafe_code)]

mod support;

use ironwal::*;

use support::all_entries;
use support::options;
use support::place;

/// Lets this process have so many descriptors and no more.
fn limit_descriptors(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: count,
    };
    // SAFETY: setrlimit reads the limit only.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

#[test]
fn thousands_of_unsealed_segments_are_synced_with_few_descriptors() {
    // A round opened the files of all rotated segments at once: a stream of small segments that
    // had not been synced for a while ran out of descriptors, and was poisoned by it.
    // `max_open_segments` is 128 by default; the rest is for other tests of this program.
    limit_descriptors(400);
    let place = place();
    let mut options = options(place.path(), SyncMode::Async);
    options.max_entries_per_segment = 1;
    let wal = Wal::new(options.clone()).expect("opens");
    for id in 0..450u32 {
        wal.append("s", &id.to_le_bytes()).expect("appends");
    }
    wal.sync("s").expect("syncs");
    wal.append("s", b"goes on").expect("appends");
    wal.close().expect("closes");
    let wal = Wal::new(options).expect("opens again");
    assert_eq!(all_entries(&wal, "s").len(), 451);
}
