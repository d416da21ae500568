//! Does the source keep its rules?
//!
//! A module uses only floors below its own. Within a folder no files use each other in a circle, a
//! file name means one thing on its floor, and a stream's reader knows no writer. `unsafe` and the
//! system are used only where they belong. Every file says first which question it answers, and the
//! safety document names only tests that exist.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

/// Which module stands on which floor. A module uses floors below its own, never a neighbour;
/// only floor 0 may use itself.
const FLOORS: [(&str, u32); 24] = [
    ("append", 0),
    ("error", 0),
    ("ids", 0),
    ("notification", 0),
    ("options", 0),
    ("primitives", 0),
    ("retention", 0),
    ("stats", 0),
    ("platform", 0),
    ("checksum", 0),
    ("format", 1),
    ("storage", 1),
    ("segment", 2),
    ("commit", 2),
    ("journal", 3),
    ("recovery", 4),
    ("cache", 4),
    ("record_log", 5),
    ("stream", 5),
    ("wal", 6),
    ("tools", 7),
    ("sharded", 7),
    ("ffi", 8),
    ("bin", 8),
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

/// Files of one name that are the same thing twice: an interface on the real and on the simulated
/// disk, an option in C for a log and for a sharded one.
const SAME_NAME: [[&str; 2]; 5] = [
    ["storage/posix/file.rs", "storage/simulated/file.rs"],
    ["storage/simulated/file.rs", "storage/windows/file.rs"],
    ["storage/posix/lock.rs", "storage/windows/lock.rs"],
    [
        "storage/posix/write_map.rs",
        "storage/simulated/write_map.rs",
    ],
    ["ffi/options.rs", "ffi/sharded/options.rs"],
];

/// The names that stand for two files of one floor.
fn names_used_twice<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<String> {
    let mut first: BTreeMap<(u32, &str), &Path> = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in paths {
        let floor = module_of(path).and_then(|module| floor_of(&module));
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let (Some(floor), Some(stem)) = (floor, stem) else {
            continue;
        };
        // Named by Rust or by what they are part of.
        if ["mod", "main", "tests"].contains(&stem) || path.iter().any(|part| part == "tests") {
            continue;
        }
        if let Some(other) = first.insert((floor, stem), path) {
            let pair = [other, path].map(|path| path.to_str().unwrap_or_default());
            if !SAME_NAME.contains(&pair) {
                wrong.push(format!("{} and {}", pair[0], pair[1]));
            }
        }
    }
    wrong
}

#[test]
fn a_file_name_means_one_thing_on_its_floor() {
    let files = sources();
    let wrong = names_used_twice(files.keys().map(PathBuf::as_path));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_check_of_file_names_can_fail() {
    let twice = |paths: &[&str]| names_used_twice(paths.iter().map(Path::new)).len();
    assert_eq!(twice(&["wal/open.rs", "stream/open.rs"]), 0, "two floors");
    assert_eq!(twice(&["tools/open.rs", "sharded/open.rs"]), 1, "one floor");
    assert_eq!(twice(&["stream/a/open.rs", "stream/b/open.rs"]), 1);
    assert_eq!(twice(&["stream/a/mod.rs", "stream/b/mod.rs"]), 0);
    assert_eq!(twice(&SAME_NAME[0]), 0, "listed");
}

/// The files that still use each other in a circle, by folder. None may be added.
const CIRCLES: [(&str, &[&str]); 5] = [
    // A walk starts from an index point and resumes behind damage; both look for frames with its steps.
    ("segment", &["lookup", "resume", "walk"]),
    // A sharded log owns its checkpoints, and the thread that creates them calls the log.
    (
        "sharded",
        &["auto_checkpoint", "checkpoints", "sharded_wal"],
    ),
    // A file allocates and maps itself; both use functions of the file.
    ("storage/posix", &["file", "preallocate", "write_map"]),
    // The tail owns its map, which the tail's methods in the other file attach and detach.
    ("stream/writer", &["tail", "write_map"]),
    // Verification calls the checks of single files, which use its description of a failed read.
    ("tools", &["verify", "verify_files"]),
];

/// The code of a file without the tests at its end.
fn without_tests(text: &str) -> &str {
    let parts = text.split("#[cfg(test)]\nmod tests {");
    parts.into_iter().next().unwrap_or_default()
}

/// The files of one folder that a file names, by `crate::` or `super::`.
fn neighbours_used<'a>(folder: &str, text: &str, stems: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let in_crate = format!("crate::{}::", folder.replace('/', "::"));
    let mut used = BTreeSet::new();
    for line in without_tests(text).lines().map(code) {
        for prefix in [in_crate.as_str(), "super::"] {
            for rest in line.split(prefix).skip(1) {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                used.extend(stems.get(&rest[..end.unwrap_or(rest.len())]));
            }
        }
    }
    used
}

/// The files of a folder that use each other in a circle, given the text of each.
fn in_a_circle<'a>(folder: &str, files: &BTreeMap<&'a str, &str>) -> BTreeSet<&'a str> {
    let stems: BTreeSet<&str> = files.keys().copied().collect();
    let mut left: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (&stem, text) in files {
        let mut used = neighbours_used(folder, text, &stems);
        used.remove(stem);
        left.insert(stem, used);
    }
    // A file that uses nothing that is left, or that nothing left uses, is in no circle.
    loop {
        let used: BTreeSet<&str> = left.values().flatten().copied().collect();
        let is_free = |stem: &str, uses: &BTreeSet<&str>| {
            !used.contains(stem) || uses.iter().all(|other| !left.contains_key(other))
        };
        let free: Vec<&str> = left
            .iter()
            .filter(|(stem, uses)| is_free(stem, uses))
            .map(|(&stem, _)| stem)
            .collect();
        if free.is_empty() {
            return left.into_keys().collect();
        }
        for stem in &free {
            left.remove(stem);
        }
        for uses in left.values_mut() {
            uses.retain(|other| !free.contains(other));
        }
    }
}

#[test]
fn no_files_of_a_folder_use_each_other_in_a_circle() {
    let files = sources();
    let mut folders: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (path, text) in &files {
        let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.expect("a readable name");
        // `mod` names all the others.
        if !folder.is_empty() && !["mod", "main", "tests"].contains(&stem) {
            folders.entry(folder).or_default().insert(stem, text);
        }
    }
    let mut wrong = Vec::new();
    for (folder, files) in folders {
        let circle = in_a_circle(folder, &files);
        let listed = CIRCLES.iter().find(|(name, _)| *name == folder);
        let listed = listed.map_or(&[][..], |(_, files)| files);
        if !circle.iter().eq(listed) {
            wrong.push(format!("{folder}: {circle:?}, listed {listed:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_check_of_circles_can_fail() {
    let circle = |files: &[(&'static str, &'static str)]| {
        let files: BTreeMap<_, _> = files.iter().copied().collect();
        in_a_circle("stream/reader", &files).len()
    };
    let (get, view) = (
        "use crate::stream::reader::view::A;",
        "use super::get::B;\nuse super::slots::C;",
    );
    assert_eq!(circle(&[("get", get), ("view", ""), ("slots", "")]), 0);
    assert_eq!(circle(&[("get", get), ("view", view), ("slots", "")]), 2);
    assert_eq!(circle(&[("get", get), ("view", "// super::get::B")]), 0);
    let two = "use crate::stream::reader::slots::C;";
    let three = "    crate::stream::reader::get::call();";
    assert_eq!(circle(&[("get", get), ("view", two), ("slots", three)]), 3);
}

/// What a part of `stream` may not name, and what of it is allowed nevertheless.
const STREAM: [(&str, &[&str], &[&str]); 4] = [
    (
        "reader",
        &["writer", "durability", "lifecycle", "follower"],
        // The reading side of a read-only stream owns the follower that publishes there.
        &["follower::Follower"],
    ),
    ("follower.rs", &["writer", "durability", "lifecycle"], &[]),
    ("durability", &["lifecycle", "reader", "follower"], &[]),
    (
        "writer",
        &["reader", "durability", "lifecycle", "follower"],
        &[],
    ),
];

/// What is wrong with the uses of a file of `stream`.
fn wrong_uses_in_stream(path: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (part, refused, allowed) in STREAM {
        if !path.starts_with(Path::new("stream").join(part)) {
            continue;
        }
        let may_use_tail = !refused.contains(&"writer");
        for (number, line) in without_tests(text).lines().enumerate() {
            if !may_use_tail && code(line).contains("self.tail") {
                wrong.push(format!("{}:{}: self.tail", path.display(), number + 1));
            }
            for rest in code(line).split("crate::stream::").skip(1) {
                let names_one_of = |paths: &[&str]| {
                    paths.iter().any(|path| {
                        let after = rest.strip_prefix(path);
                        after.is_some_and(|after| {
                            after.is_empty() || after.starts_with("::") || after.starts_with(';')
                        })
                    })
                };
                if names_one_of(refused) && !names_one_of(allowed) {
                    wrong.push(format!("{}:{}: {rest}", path.display(), number + 1));
                }
            }
        }
    }
    wrong
}

#[test]
fn a_stream_s_reader_knows_no_writer_and_durability_no_lifecycle() {
    let wrong: Vec<_> = sources()
        .iter()
        .flat_map(|(path, text)| wrong_uses_in_stream(path, text))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_check_of_a_stream_s_folders_can_fail() {
    let wrong = |path, text| wrong_uses_in_stream(Path::new(path), text).len();
    let tail = "use crate::stream::writer::tail::Tail;";
    let follower = "use crate::stream::follower::Follower;";
    assert_eq!(wrong("stream/reader/get.rs", tail), 1);
    assert_eq!(wrong("stream/follower.rs", tail), 1);
    assert_eq!(wrong("stream/reader/side.rs", follower), 0, "allowed");
    assert_eq!(wrong("stream/writer/append.rs", follower), 1);
    assert_eq!(
        wrong("stream/reader/get.rs", "let tail = self.tail.lock();"),
        1
    );
    assert_eq!(
        wrong("stream/writer/append.rs", "let tail = self.tail.lock();"),
        0
    );
    assert_eq!(wrong("stream/durability/round.rs", tail), 0, "below it");
    let truncate = "    crate::stream::lifecycle::truncate::f();";
    assert_eq!(wrong("stream/durability/round.rs", truncate), 1);
    assert_eq!(wrong("stream/state.rs", truncate), 0, "above all of them");
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
    // The module, and the modules that may name it.
    let rules: [(&str, &[&str]); 16] = [
        (
            "allow(unsafe_code)",
            &["storage", "platform", "ffi", "checksum"],
        ),
        // The command line tool reads what it loads, which is no log.
        ("std::fs", &["storage", "bin"]),
        ("std::os::", &["storage", "platform", "ffi"]),
        ("libc::", &["storage", "platform", "ffi"]),
        ("std::thread::spawn", &["platform"]),
        // Cancellation points: each kind is guarded in one place (`platform/cancellation.rs`).
        // The command line tool runs in a process of its own.
        ("thread::sleep", &["platform", "bin"]),
        (".join()", &["platform"]),
        ("available_parallelism", &["platform"]),
        ("RandomState", &["platform"]),
        ("collections::HashMap", &["platform", "bin"]),
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
        for (number, line) in without_tests(&text).lines().enumerate() {
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
    for dir in [
        "src",
        "tests",
        "engines/openraft/tests",
        "engines/raft-rs/tests",
    ] {
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
