//! Must hold: two keys never share a directory, and a directory's name says its key.

use std::collections::HashMap;

use proptest::prelude::*;
use siphasher::sip128::SipHasher24;

use crate::format::names::check_key;
use crate::format::names::is_stream_dir_name;
use crate::format::names::key_from_dir_name;
use crate::format::names::parse_segment_file_name;
use crate::format::names::segment_file_name;
use crate::format::names::stream_dir_name;
use crate::ids::EntryId;

/// Keys and their directories, as documented.
const NAMES: [(&str, &str); 42] = [
    ("orders", "orders"),
    ("orders-2024_Q1.eur", "orders-2024_Q1.eur"),
    ("shard_00", "shard_00"),
    ("a/b", "a%2fb"),
    ("a_b", "a_b"),
    ("a%2fb", "a%252fb"),
    ("A", "A"),
    ("a", "a"),
    ("ü", "%c3%bc"),
    (" ", "%20"),
    ("a b", "a%20b"),
    (".", "%2e"),
    ("..", "%2e%2e"),
    ("...", "%2e.%2e"),
    (".hidden", "%2ehidden"),
    ("ends.", "ends%2e"),
    ("a..b", "a..b"),
    ("CON", "%43ON"),
    ("con", "%63on"),
    ("con.txt", "%63on.txt"),
    ("Nul.tar.gz", "%4eul.tar.gz"),
    ("COM0", "%43OM0"),
    ("lpt9.x", "%6cpt9.x"),
    ("COM", "COM"),
    ("COM10", "COM10"),
    ("CONS", "CONS"),
    ("con.", "con%2e"),
    ("CONIN$", "CONIN%24"),
    ("COM¹", "COM%c2%b9"),
    ("x.con", "x.con"),
    ("LOCK", "%4cOCK"),
    ("lock", "%6cock"),
    ("HEAD", "%48EAD"),
    ("checkpoints.log", "%63heckpoints.log"),
    ("shards.meta", "%73hards.meta"),
    ("IDENTITY", "%49DENTITY"),
    ("identity", "%69dentity"),
    ("segments.idx", "%73egments.idx"),
    ("HEAD.old", "HEAD.old"),
    ("x#deleted", "x%23deleted"),
    ("~", "%7e"),
    ("line\nbreak\\", "line%0abreak%5c"),
];

#[test]
fn each_key_has_its_documented_directory_and_back() {
    let mut keys = HashMap::new();
    for (key, name) in NAMES {
        assert_eq!(stream_dir_name(key), name, "{key:?}");
        assert_eq!(key_from_dir_name(name).as_deref(), Some(key), "{name}");
        assert!(is_stream_dir_name(name), "{name}");
        assert_eq!(keys.insert(name, key), None, "{name}");
    }
}

#[test]
fn a_name_that_no_key_gives_is_no_stream() {
    let names = [
        "",
        ".",
        "..",
        "LOCK",
        "head",
        "CON",
        "aux.log",
        "a%2Fb",
        "a%2",
        "%",
        "%zz",
        "a%61",
        "%61",
        "a b",
        "x#deleted",
        "a%23deleted#deleted",
        "a.",
        ".a",
        "a%2eb",
        "ü",
        "%00",
        "%ff",
        "~",
        "a~b",
        "segments.idx",
        "lost+found",
        "x.wal#new",
    ];
    for name in names {
        assert_eq!(key_from_dir_name(name), None, "{name}");
        assert!(!is_stream_dir_name(name), "{name}");
    }
}

#[test]
fn a_long_name_is_cut_and_distinguished_by_a_hash() {
    let rows = [
        ("the longest that stays", "k".repeat(240), 240),
        ("one more", "k".repeat(241), 200 + 33),
        (
            "a cut between two escapes",
            format!("kk{}", "%".repeat(253)),
            200 + 33,
        ),
        (
            "a cut in the first byte of an escape",
            format!("k{}", "%".repeat(254)),
            199 + 33,
        ),
        (
            "a cut in the second byte of an escape",
            "%".repeat(255),
            198 + 33,
        ),
        ("a device", format!("con.{}", "k".repeat(251)), 200 + 33),
        ("dots", ".".repeat(255), 200 + 33),
        ("every second a dot", "k.".repeat(127), 200 + 33),
        ("two bytes each", "ü".repeat(127), 198 + 33),
    ];
    for (case, key, len) in rows {
        let name = stream_dir_name(&key);
        assert_eq!(name.len(), len, "{case}: {name}");
        assert!(is_stream_dir_name(&name), "{case}: {name}");
        let known = (len == 240).then_some(key);
        assert_eq!(key_from_dir_name(&name), known, "{case}: {name}");
    }
    let name = stream_dir_name(&"%".repeat(255));
    assert_eq!(
        name,
        format!("{}~4890bc2a71ed7a0c0248088765d402d7", "%25".repeat(66))
    );
}

#[test]
fn a_name_that_only_resembles_a_hashed_one_is_no_stream() {
    let (prefix, digits) = ("k".repeat(200), "0123456789abcdef".repeat(2));
    assert!(is_stream_dir_name(&format!("{prefix}~{digits}")));
    let names = [
        ("upper case", format!("{prefix}~{}", digits.to_uppercase())),
        ("a digit too few", format!("{prefix}~{}", &digits[1..])),
        ("a suffix of ours", format!("{prefix}~{digits}#deleted")),
        ("a short prefix", format!("{}~{digits}", &prefix[..197])),
        ("a split escape", format!("{}%2~{digits}", &prefix[..198])),
        (
            "a needless escape",
            format!("{}%6b~{digits}", &prefix[..197]),
        ),
        (
            "a byte that must be escaped",
            format!("{}#~{digits}", &prefix[..199]),
        ),
        ("a leading dot", format!(".{}~{digits}", &prefix[..199])),
        ("a device", format!("con.{}~{digits}", &prefix[..196])),
        ("two marks", format!("{}~~{digits}", &prefix[..199])),
    ];
    for (case, name) in names {
        assert!(!is_stream_dir_name(&name), "{case}: {name}");
    }
}

/// The first of the official test vectors (`vectors_sip128` in `vectors.h` of veorq/SipHash), so
/// that the byte order of our names does not hang on a crate's taste.
#[test]
fn the_hash_is_siphash_2_4_with_128_bits_in_reference_byte_order() {
    let key: [u8; 16] = std::array::from_fn(|at| at as u8);
    let expected = super::hex("a3817f04ba25a8e66df67214c7550293");
    assert_eq!(
        SipHasher24::new_with_key(&key).hash(b"").as_bytes()[..],
        expected
    );
}

#[test]
fn a_segment_is_named_by_twenty_digits() {
    assert_eq!(segment_file_name(EntryId(0)), "00000000000000000000.wal");
    assert_eq!(segment_file_name(EntryId(1000)), "00000000000000001000.wal");
    assert_eq!(
        segment_file_name(EntryId(u64::MAX)),
        "18446744073709551615.wal"
    );
    let names = [
        "18446744073709551616.wal",
        "99999999999999999999.wal",
        "0.wal",
        ".wal",
        "",
        "000000000000000000000.wal",
        "0000000000000000000.wal",
        "+0000000000000000000.wal",
        "0000000000000000000a.wal",
        "00000000000000000000.WAL",
        "00000000000000000000.wal#new",
        "00000000000000000000",
        "٠٠٠٠٠٠٠٠٠٠.wal",
    ];
    for name in names {
        assert_eq!(parse_segment_file_name(name), None, "{name}");
    }
}

#[test]
fn keys_are_one_to_255_bytes_without_nul() {
    for good in [
        "a",
        " ",
        "..",
        "ü",
        &"k".repeat(255),
        &"%".repeat(255),
        "\u{1}",
        "\u{10FFFF}",
    ] {
        assert_eq!(check_key(good), Ok(()), "{good:?}");
    }
    for bad in ["", "\0", "a\0b", &"k".repeat(256), &"ü".repeat(128)] {
        assert!(check_key(bad).is_err(), "{bad:?}");
    }
}

/// Keys that come close to each other, and to everything the mapping treats in its own way.
fn keys() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("."),
        Just("%"),
        Just("%2e"),
        Just("%43"),
        Just("con"),
        Just("CON"),
        Just("C"),
        Just("com1"),
        Just("LOCK"),
        Just("#deleted"),
        Just("~"),
        Just("/"),
        Just("ü"),
        Just("a"),
        Just("A"),
        Just("segments.idx"),
    ];
    let long = (Just("k".repeat(70)), 0..4usize).prop_map(|(run, times)| run.repeat(times));
    let pieces = proptest::collection::vec(piece, 0..4);
    (pieces.clone(), long, pieces)
        .prop_map(|(head, run, tail)| format!("{}{run}{}", head.concat(), tail.concat()))
        .prop_filter("a key", |key| check_key(key).is_ok())
}

proptest! {
    #[test]
    fn distinct_keys_have_distinct_directories(
        some in proptest::collection::hash_set(prop_oneof![keys(), "[^\u{0}]{1,63}"], 1..40),
    ) {
        let mut names = HashMap::new();
        for key in &some {
            let name = stream_dir_name(key);
            prop_assert!(name.len() <= 240 && name.is_ascii());
            prop_assert!(is_stream_dir_name(&name), "{}", name);
            let deleted = format!("{name}#deleted");
            prop_assert!(!is_stream_dir_name(&deleted), "{}", deleted);
            if !name.contains('~') {
                prop_assert_eq!(key_from_dir_name(&name), Some(key.clone()));
            }
            prop_assert_eq!(names.insert(name, key), None);
        }
    }

    #[test]
    fn any_name_is_judged_without_a_panic(name: String) {
        if let Some(key) = key_from_dir_name(&name) {
            prop_assert_eq!(stream_dir_name(&key), name);
        }
    }

    #[test]
    fn the_name_of_a_segment_says_its_first_id(id: u64) {
        prop_assert_eq!(parse_segment_file_name(&segment_file_name(EntryId(id))), Some(EntryId(id)));
    }
}
