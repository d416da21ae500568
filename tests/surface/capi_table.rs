//! Is everything public in Rust reachable from C, and does docs/C_API.md say how?
//!
//! The table there has a row per public method, option and error. This test reads the sources for
//! the former and the header for what stands in the C column.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where names become public: the root of the crate, and its public module.
const PUBLIC: [&str; 2] = ["src/lib.rs", "src/sharded/mod.rs"];

/// Types whose fields or variants have a row each.
const BY_FIELD: [&str; 9] = [
    "WalOptions",
    "Error",
    "ShardedOptions",
    "AutomaticCheckpoints",
    "CheckpointIds",
    "AutomaticStatus",
    "CheckpointData",
    "PruneStats",
    "CompactionStats",
];

/// The names that the crate re-exports.
fn public_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in PUBLIC
        .map(|path| read(in_repository(path)))
        .concat()
        .lines()
    {
        let Some(path) = line.strip_prefix("pub use ") else {
            continue;
        };
        let name = path.trim_end_matches(';').rsplit("::").next().unwrap();
        assert!(
            name.chars().all(|c| c.is_alphanumeric() || c == '_'),
            "one name per `pub use` line: {line}"
        );
        names.insert(name.to_owned());
    }
    names
}

/// Every Rust source file but those of the C layer and of tests.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !["ffi", "bin", "tests"].contains(&name.as_str()) {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The type of an inherent `impl` line that stands at the left margin.
fn inherent_impl(line: &str) -> Option<String> {
    let mut rest = line.strip_prefix("impl")?;
    if line.contains(" for ") {
        return None;
    }
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|letter| {
            depth += i32::from(letter == '<') - i32::from(letter == '>');
            depth == 0
        })?;
        rest = &rest[end + 1..];
    }
    let name = rest.trim_start();
    Some(
        name.chars()
            .take_while(|letter| letter.is_alphanumeric())
            .collect(),
    )
}

/// The type of [`BY_FIELD`] that the line begins to declare.
fn declared_by_field(line: &str) -> Option<String> {
    let line = line.strip_suffix(" {")?;
    let kinds = ["pub struct ", "pub enum "];
    let name = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    BY_FIELD.contains(&name).then(|| name.to_owned())
}

/// `Type::item` for all public methods of these types, and the fields and variants of those of
/// [`BY_FIELD`]; functions by their name. What is hidden from the documentation is left out.
fn rust_items(names: &BTreeSet<String>) -> BTreeSet<String> {
    let is_function = |name: &&String| name.starts_with(char::is_lowercase);
    let mut files = Vec::new();
    sources(&in_repository("src"), &mut files);
    let mut items: BTreeSet<String> = names.iter().filter(is_function).cloned().collect();
    for file in files {
        let source = read(&file);
        let mut within = None;
        let mut hidden = false;
        for line in source.lines() {
            if let Some(name) = inherent_impl(line) {
                within = names.contains(&name).then_some(name);
            } else if let Some(name) = declared_by_field(line) {
                within = Some(name);
            } else if line.starts_with('}') {
                within = None;
            }
            let Some(owner) = &within else { continue };
            if let Some(item) = public_item(line) {
                if !hidden {
                    items.insert(format!("{owner}::{item}"));
                }
                hidden = false;
            } else if line.trim() == "#[doc(hidden)]" {
                hidden = true;
            }
        }
    }
    items
}

/// The method, field or variant that a line one level in declares.
fn public_item(line: &str) -> Option<String> {
    let line = line.strip_prefix("    ")?;
    let name: fn(&str) -> String = |text| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    if let Some(rest) = line.strip_prefix("pub ") {
        let rest = rest.strip_prefix("const ").unwrap_or(rest);
        return Some(match rest.strip_prefix("fn ") {
            Some(function) => name(function),
            None => name(rest),
        });
    }
    let variant = line.starts_with(|letter: char| letter.is_ascii_uppercase());
    variant.then(|| name(line))
}

/// The rows of the section "Rust and C": what stands between backticks in the first and the second
/// column. Other tables of the page are about other things.
fn rows() -> Vec<(Vec<String>, Vec<String>)> {
    let quoted = |cell: &str| -> Vec<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let page = read(in_repository("docs/C_API.md"));
    let (_, table) = page.split_once("\n## Rust and C\n").expect("the section");
    let (table, _) = table.split_once("\n## ").expect("another section");
    table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let mut cells = line.trim_matches('|').split(" | ");
            (
                quoted(cells.next().unwrap()),
                quoted(cells.next().unwrap_or("")),
            )
        })
        .collect()
}

/// The section "Rust only": one public item a line, which has no row. A build before a release may have
/// some; their number is in plain sight there.
fn rust_only() -> BTreeSet<String> {
    let page = read(in_repository("docs/C_API.md"));
    let Some((_, section)) = page.split_once("\n## Rust only\n") else {
        return BTreeSet::new();
    };
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter_map(|line| line.strip_prefix("- `"));
    lines
        .filter_map(|line| line.split('`').next())
        .map(str::to_owned)
        .collect()
}

/// Functions and constants that the header declares.
fn header_names() -> BTreeSet<String> {
    let header = read(in_repository("include/ironwal.h"));
    let mut names = BTreeSet::new();
    for line in header.lines().filter(|line| !line.starts_with(" *")) {
        for word in line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')) {
            if word.starts_with("ironwal_") || word.starts_with("IRONWAL_") {
                names.insert(word.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_public_rust_item_has_a_row_and_every_row_names_what_is_there() {
    let items = rust_items(&public_names());
    assert!(
        items.contains("Wal::append"),
        "the sources were not understood: {items:?}"
    );
    for understood in [
        "WalOptions::sync_mode",
        "Error::CrcMismatch",
        "AutomaticCheckpoints::keep_latest",
        "CheckpointIds::Function",
        "AutomaticStatus::last_error",
        "route",
    ] {
        assert!(items.contains(understood), "{understood}: {items:?}");
    }
    for name in BY_FIELD {
        let prefix = format!("{name}::");
        let has_item = items.iter().any(|item| item.starts_with(&prefix));
        assert!(has_item, "{name} was not found");
    }

    let rows = rows();
    let tabled: BTreeSet<&String> = rows.iter().flat_map(|(rust, _)| rust).collect();
    let rust_only = rust_only();
    let missing: BTreeSet<_> = items
        .iter()
        .filter(|item| !tabled.contains(item))
        .cloned()
        .collect();
    let unlisted: Vec<_> = missing.difference(&rust_only).collect();
    assert!(
        unlisted.is_empty(),
        "without a row in docs/C_API.md: {unlisted:#?}"
    );
    let stale: Vec<_> = rust_only.difference(&missing).collect();
    assert!(stale.is_empty(), "not Rust only any more: {stale:#?}");

    let names = header_names();
    for (rust, c) in &rows {
        assert!(!c.is_empty(), "the row of {rust:?} names nothing in C");
        for name in c {
            assert!(
                names.contains(name),
                "the row of {rust:?} names {name}, not in the header"
            );
        }
    }
}

/// The functions that the header declares.
fn header_functions() -> BTreeSet<String> {
    let header = read(in_repository("include/ironwal.h"));
    let mut functions = BTreeSet::new();
    for line in header
        .lines()
        .filter(|line| !line.starts_with(" *") && line.contains('('))
    {
        let before = line.split('(').next().unwrap();
        let name = before.rsplit([' ', '*']).next().unwrap();
        if name.starts_with("ironwal_") {
            functions.insert(name.to_owned());
        }
    }
    let count = functions.len();
    assert!(count > 50, "the header was not understood: {count}");
    functions
}

#[test]
fn every_c_function_is_in_the_table() {
    let rows = rows();
    let tabled: BTreeSet<String> = rows.into_iter().flat_map(|(_, c)| c).collect();
    let functions = header_functions();
    let missing: Vec<_> = functions.difference(&tabled).collect();
    assert!(missing.is_empty(), "not in docs/C_API.md: {missing:#?}");
}

#[test]
fn every_c_function_has_a_form_in_cpp_or_a_line_that_says_why_not() {
    let layer = read(in_repository("include/ironwal.hpp"));
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words = layer.split(|letter: char| !is_word(letter));
    let named: BTreeSet<String> = words.map(str::to_owned).collect();
    let functions = header_functions();
    let missing: Vec<_> = functions.difference(&named).collect();
    assert!(missing.is_empty(), "not in ironwal.hpp: {missing:#?}");
}
