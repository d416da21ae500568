//! The house keeps its order: floors and no circles, `unsafe` and the system where they belong,
//! files that answer one question, and a safety document that names only tests that exist.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

/// Which module stands on which floor. A module uses floors below its own, never a neighbour;
/// only floor 0 may use itself.
const FLOORS: [(&str, u32); 20] = [
    ("append", 0),
    ("error", 0),
    ("ids", 0),
    ("options", 0),
    ("primitives", 0),
    ("platform", 0),
    ("checksum", 0),
    ("format", 1),
    ("storage", 1),
    ("segment", 2),
    ("commit", 2),
    ("recovery", 3),
    ("cache", 3),
    ("record_log", 4),
    ("stream", 4),
    ("wal", 5),
    ("tools", 6),
    ("sharded", 6),
    ("ffi", 7),
    ("bin", 7),
];

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a directory, by their path in it, with their text.
fn rust_files(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(&next).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(dir).expect("below").to_path_buf();
                files.insert(name, std::fs::read_to_string(&path).expect("reads"));
            }
        }
    }
    files
}

fn sources() -> BTreeMap<PathBuf, String> {
    let files = rust_files(&home().join("src"));
    assert!(files.len() > 50, "the sources were found");
    files
}

/// The module that a file of `src` belongs to; `None` for the root.
fn module_of(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (module != "lib" && module != "main").then(|| module.to_owned())
}

fn floor_of(module: &str) -> Option<u32> {
    let found = FLOORS.iter().find(|(name, _)| *name == module);
    found.map(|(_, floor)| *floor)
}

/// The code of a line, without what is a comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The modules that a text names with `crate::`, and where (by line, from 1).
fn modules_used(text: &str) -> BTreeMap<String, usize> {
    let mut used = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        for rest in code(line).split("crate::").skip(1) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let module = &rest[..end.unwrap_or(rest.len())];
            let is_path = rest[module.len()..].starts_with("::");
            if is_path || floor_of(module).is_some() {
                used.entry(module.to_owned()).or_insert(number + 1);
            }
        }
    }
    used
}

/// What is wrong with the uses of one file.
fn wrong_uses(path: &Path, text: &str) -> Vec<String> {
    let Some(module) = module_of(path) else {
        return Vec::new();
    };
    let Some(floor) = floor_of(&module) else {
        return vec![format!("{}: {module} has no floor", path.display())];
    };
    let mut wrong = Vec::new();
    for (used, line) in modules_used(text) {
        let place = format!("{}:{line}: {module} uses {used}", path.display());
        match floor_of(&used) {
            _ if used == module => {}
            None => wrong.push(format!("{place}, which has no floor")),
            Some(below) if below < floor || (below == 0 && floor == 0) => {}
            Some(below) if below == floor => wrong.push(format!("{place}, its neighbour")),
            Some(_) => wrong.push(format!("{place}, which stands above it")),
        }
    }
    wrong
}

#[test]
fn a_module_uses_only_floors_below_its_own() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        wrong.extend(wrong_uses(&path, &text));
        for (number, line) in text.lines().enumerate() {
            if code(line).contains("use crate::{") {
                wrong.push(format!("{}:{}: one a line", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_check_of_floors_can_fail() {
    let in_segment = |text| wrong_uses(Path::new("segment/entry.rs"), text).len();
    assert_eq!(
        in_segment("use crate::format::Frame;\nuse crate::segment::A;"),
        0
    );
    assert_eq!(
        in_segment("use crate::commit::GroupCommit;"),
        1,
        "a neighbour"
    );
    assert_eq!(in_segment("    let a = crate::stream::A;"), 1, "above");
    assert_eq!(in_segment("use crate::drawer::A;"), 1, "no floor");
    assert_eq!(in_segment("// see crate::stream::A"), 0, "a comment");
    assert_eq!(
        wrong_uses(Path::new("error/mod.rs"), "use crate::ids::A;").len(),
        0
    );
    assert_eq!(wrong_uses(Path::new("drawer.rs"), "").len(), 1);
}

/// Nothing builds them along with the library, so a new module would be missed here first.
#[test]
fn the_inner_benchmarks_compile_all_of_the_lowest_floors() {
    // Not part of the package.
    let path = home().join("benches/inner/src/lib.rs");
    let Ok(text) = std::fs::read_to_string(&path) else {
        return;
    };
    for (module, floor) in FLOORS {
        let is_there = text.contains(&format!("pub mod {module};"));
        assert_eq!(is_there, floor <= 2, "{module} in {}", path.display());
    }
}

/// Whether a file belongs to one of these modules.
fn belongs_to(path: &Path, modules: &[&str]) -> bool {
    module_of(path).is_some_and(|module| modules.contains(&module.as_str()))
}

#[test]
fn unsafe_code_and_the_system_are_used_only_where_they_belong() {
    let mut wrong = Vec::new();
    // The module, and who may name it.
    let rules: [(&str, &[&str]); 11] = [
        (
            "allow(unsafe_code)",
            &["storage", "platform", "ffi", "checksum"],
        ),
        ("std::fs", &["storage"]),
        ("std::os::", &["storage", "platform", "ffi"]),
        ("libc::", &["storage", "platform", "ffi"]),
        ("std::thread::spawn", &["platform"]),
        // What a checker of interleavings has to see (`src/primitives`), but for what is the process's.
        ("parking_lot::", &["primitives", "storage", "platform"]),
        (
            "std::sync::atomic",
            &[
                "primitives",
                "storage",
                "platform",
                "ffi",
                "stream",
                "commit",
            ],
        ),
        ("std::sync::Mutex", &["primitives"]),
        ("std::sync::Condvar", &["primitives"]),
        ("std::sync::RwLock", &["primitives"]),
        ("Instant::now", &["primitives", "bin"]),
    ];
    for (path, text) in sources() {
        // Tests of a module's insides may look at its files from outside.
        let is_test = path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            part == "tests" || part == "tests.rs"
        });
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            for (what, allowed) in rules {
                let found = code(line).contains(what);
                if found && !belongs_to(&path, allowed) && (!is_test || what.contains("unsafe")) {
                    wrong.push(format!("{}:{}: {what}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_first_what_it_answers() {
    let mut wrong = Vec::new();
    let tests = rust_files(&home().join("tests"));
    let files = sources()
        .into_iter()
        .map(|(path, text)| (Path::new("src").join(path), text));
    let tests = tests
        .into_iter()
        .map(|(path, text)| (Path::new("tests").join(path), text));
    for (path, text) in files.chain(tests) {
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: no `//!` on its first line", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The names of all functions marked as tests in the crate.
fn all_tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for dir in ["src", "tests"] {
        for text in rust_files(&home().join(dir)).into_values() {
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                is_test |= line == "#[test]";
                let Some(rest) = line.strip_prefix("fn ") else {
                    continue;
                };
                let name: String = rest
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if std::mem::take(&mut is_test) {
                    tests.insert(name);
                }
            }
        }
    }
    tests
}

/// The tests that a text names: words in backticks with three underscores or more.
fn tests_named(text: &str) -> Vec<&str> {
    let is_test_name = |word: &&str| {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        word.chars().all(is_name) && word.matches('_').count() >= 3
    };
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(is_test_name)
        .collect()
}

#[test]
fn every_test_that_the_safety_document_names_exists_and_every_promise_has_one() {
    let path = home().join("docs/CRASH_SAFETY.md");
    let text = std::fs::read_to_string(&path).expect("the document");
    let tests = all_tests();
    let missing: Vec<_> = tests_named(&text)
        .into_iter()
        .filter(|name| !tests.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    for promise in 1..=16 {
        let row = format!("| D{promise} ");
        let line = text.lines().find(|line| line.starts_with(&row));
        let line = line.unwrap_or_else(|| panic!("no row for D{promise}"));
        assert!(!tests_named(line).is_empty(), "D{promise} names no test");
    }
}

/// The reading side of a stream stands below its writer: the compiler does not see that.
#[test]
fn the_readers_of_a_stream_never_name_its_writer() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let is_reader =
            path.starts_with("stream/reader") || path == Path::new("stream/follower.rs");
        for (number, line) in text.lines().enumerate() {
            let names_it = ["stream::writer", "stream::lifecycle", "self.tail"];
            if is_reader && names_it.iter().any(|name| code(line).contains(name)) {
                wrong.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
