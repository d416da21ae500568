//! To which shard does a key belong?
//!
//! Other languages must route identically, so this is part of the format (`docs/FORMAT.md`,
//! "Routing"): SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012, with one
//! compression and three finalization rounds), key 0, over the length of the key as a `u64` and
//! then the key; the 64-bit result modulo the shard count. It is what the 0.6 crate computed on
//! 64-bit little-endian machines.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// The shard of a key among `shard_count` shards. 0 when there are none.
pub fn route(key: &[u8], shard_count: u16) -> u16 {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(&(key.len() as u64).to_le_bytes());
    hasher.write(key);
    let shard = hasher.finish().checked_rem(u64::from(shard_count));
    shard.unwrap_or(0) as u16
}

/// The stream of a shard: `shard_00`, `shard_01`, …, `shard_99`, `shard_100`, …
pub fn shard_stream_name(shard: u16) -> String {
    format!("shard_{shard:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::hash_map::DefaultHasher;
    use std::hash::Hash;

    /// The routing of the 0.6 crate: std's hash of a slice. At present that is SipHash-1-3 with key
    /// 0, with the length prefix of a 64-bit machine.
    fn routed_by_std(key: &[u8], shard_count: u16) -> u16 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        (hasher.finish() % u64::from(shard_count)) as u16
    }

    #[test]
    fn published_vectors_hold() {
        // docs/FORMAT.md has the same table.
        for (key, by_16, by_1000) in VECTORS {
            assert_eq!(route(key, 16), by_16, "{key:?} of 16");
            assert_eq!(route(key, 1000), by_1000, "{key:?} of 1000");
        }
    }

    const VECTORS: [(&[u8], u16, u16); 6] = [
        (b"", 5, 413),
        (b"a", 4, 684),
        (b"user_123", 3, 643),
        (b"account/0000000000000042", 14, 758),
        (&[0; 8], 14, 902),
        (&[0xff; 33], 2, 898),
    ];

    #[cfg(all(target_pointer_width = "64", target_endian = "little"))]
    #[test]
    fn keys_go_where_the_0_6_crate_sent_them() {
        let mut key = Vec::new();
        for len in 0..300u32 {
            for shard_count in [1, 2, 3, 16, 1000, u16::MAX] {
                let routed = route(&key, shard_count);
                assert_eq!(routed, routed_by_std(&key, shard_count), "length {len}");
            }
            key.push((len * 37) as u8);
        }
    }

    #[test]
    fn shards_are_named_with_at_least_two_digits() {
        let names = [0, 9, 10, 99, 100, u16::MAX].map(shard_stream_name);
        let expected = [
            "shard_00",
            "shard_09",
            "shard_10",
            "shard_99",
            "shard_100",
            "shard_65535",
        ];
        assert_eq!(names, expected);
    }
}
