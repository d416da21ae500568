//! Do the documents show what is tested, and do their links, paths and words hold?

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

/// The C program in the README is the first example, which is built and run.
#[test]
fn the_readme_shows_the_first_example() {
    let readme = include_str!("../../README.md");
    let example = include_str!("../../examples-c/readme.c");
    let start = readme.find("```c\n").expect("a C block") + "```c\n".len();
    let end = start + readme[start..].find("```").expect("its end");
    let without_head = &example[example.find("#include").expect("an include")..];
    assert_eq!(readme[start..end].trim_end(), without_head.trim_end());
}

/// So is the program in C++ in the guide.
#[test]
fn the_guide_shows_the_example_in_cpp() {
    let guide = include_str!("../../docs/GUIDE.md");
    let example = include_str!("../../examples-c/readme.cpp");
    let without_head = &example[example.find("#include").expect("an include")..];
    assert!(guide.contains(&format!("```cpp\n{}\n```\n", without_head.trim_end())));
}

/// The node in the README of the store for openraft is an example, which is built and run.
#[test]
fn the_readme_for_openraft_shows_its_example() {
    let readme = include_str!("../../engines/openraft/README.md");
    let example = include_str!("../../engines/openraft/examples/node.rs");
    let start = readme.find("```rust\n").expect("a block") + "```rust\n".len();
    let end = start + readme[start..].find("```").expect("its end");
    assert!(example.contains(&readme[start..end]));
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Directories at the root that hold no documents of the project.
const SKIPPED: [&str; 3] = ["target", "build", ".git"];

/// The kinds of blocks in the ten-minute pages: see `scripts/start-pages.sh`, which runs them.
const KINDS: [&str; 4] = ["file: ", "run", "prints", "prepared"];

/// All Markdown files below a directory.
fn documents(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("the directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str());
        if path.is_dir() {
            if !name.is_some_and(|name| SKIPPED.contains(&name)) {
                documents(&path, found);
            }
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The anchors that GitHub gives the headings of a text.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(text).filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
        let anchor: String = heading.chars().filter(kept).collect();
        let anchor = anchor.replace(' ', "-");
        let numbered = (1..).map(|n| format!("{anchor}-{n}"));
        let mut names = std::iter::once(anchor.clone()).chain(numbered);
        anchors.insert(names.find(|name| !anchors.contains(name)).expect("a name"));
    }
    anchors
}

/// The targets of the links of a text, inline code left out.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    for line in prose(text) {
        for part in line.split('`').step_by(2) {
            for rest in part.split("](").skip(1) {
                links.push(rest.split(')').next().unwrap_or_default());
            }
        }
    }
    links
}

/// What is wrong with one link of a document; `None` if it leads to a file and a heading.
fn broken(document: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => document.to_path_buf(),
        _ => document.parent().expect("a directory").join(file),
    };
    let place = document.strip_prefix(home()).unwrap_or(document).display();
    if !target.exists() {
        return Some(format!("{place}: no file {link}"));
    }
    if anchor.is_empty() {
        return None;
    }
    let text = std::fs::read_to_string(&target).unwrap_or_default();
    (!anchors(&text).contains(anchor)).then(|| format!("{place}: no heading {link}"))
}

#[test]
fn every_link_in_the_documents_leads_to_a_file_and_a_heading() {
    let mut found = Vec::new();
    documents(home(), &mut found);
    assert!(found.len() > 10, "the documents were found");
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in found {
        let text = std::fs::read_to_string(&document).expect("reads");
        for link in links(&text) {
            count += 1;
            wrong.extend(broken(&document, link));
        }
    }
    assert!(count > 50, "links were found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Folders at the root whose paths the documents name.
const FOLDERS: [&str; 11] = [
    "src/",
    "tests/",
    "benches/",
    "engines/",
    "docs/",
    "fuzz/",
    "examples-c/",
    "ffi-tests/",
    "cmake/",
    "scripts/",
    "include/",
];

/// The paths of the repository that a text names: whole pieces of inline code, either below one
/// of the folders or a source file below `src`.
fn paths(text: &str) -> Vec<&str> {
    let is_path = |code: &&str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let is_source = code.contains('/') && code.ends_with(".rs");
        let in_folder = FOLDERS.iter().any(|folder| code.starts_with(folder));
        code.chars().all(is_name) && (is_source || in_folder)
    };
    prose(text)
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(is_path)
        .collect()
}

fn exists(path: &str) -> bool {
    home().join(path).exists() || home().join("src").join(path).exists()
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let mut found = Vec::new();
    documents(home(), &mut found);
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in found {
        let text = std::fs::read_to_string(&document).expect("reads");
        for path in paths(&text) {
            count += 1;
            if !exists(path) {
                wrong.push(format!("{}: no {path}", document.display()));
            }
        }
    }
    assert!(count > 100, "paths were found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_check_of_paths_can_fail() {
    let text = "`src/lib.rs`, `tests/none` and `wal/wal.rs`\n`cc -o target/a.c` `{root}/x.rs`";
    assert_eq!(paths(text), ["src/lib.rs", "tests/none", "wal/wal.rs"]);
    assert!(exists("src/lib.rs") && exists("wal/wal.rs") && !exists("tests/none"));
}

/// The blocks of a page that no comment says the kind of, by their first line, and how many blocks there are.
fn blocks_without_a_kind(text: &str) -> (Vec<&str>, usize) {
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut in_code = false;
    let mut before = "";
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
            let kind = before
                .strip_prefix("<!-- ")
                .and_then(|kind| kind.strip_suffix(" -->"));
            let is_known = kind.is_some_and(|kind| {
                KINDS.contains(&kind) || kind.starts_with("file: ") && kind.len() > "file: ".len()
            });
            if in_code {
                count += 1;
                wrong.extend((!is_known).then_some(line));
            }
        }
        before = line;
    }
    (wrong, count)
}

#[test]
fn every_block_of_a_ten_minute_page_is_run() {
    let script = std::fs::read_to_string(home().join("scripts/start-pages.sh")).expect("reads");
    let mut pages = Vec::new();
    documents(&home().join("docs/start"), &mut pages);
    assert!(pages.len() >= 6, "the pages were found");
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("reads");
        let (wrong, count) = blocks_without_a_kind(&text);
        assert!(
            wrong.is_empty() && count >= 4,
            "{}: {wrong:?}",
            page.display()
        );
        assert!(
            text.matches("<!-- run -->").count() >= 1,
            "{}",
            page.display()
        );
        let name = page
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let all = script.lines().find(|line| line.contains("|| set -- "));
        let is_run = all.is_some_and(|line| line.split(' ').any(|word| word == name));
        assert!(is_run, "the script does not run {name}");
    }
}

#[test]
fn the_check_of_blocks_can_fail() {
    let (wrong, count) = blocks_without_a_kind(
        "<!-- run -->\n```sh\na\n```\n```c\nb\n```\n<!-- file: -->\n```\n```\n",
    );
    assert_eq!((wrong, count), (vec!["```c", "```"], 3));
}

/// Rust in these pages is compiled and run with the documentation tests (`src/lib.rs`), other code is in none of them.
#[test]
fn the_pages_of_answers_and_sizes_hold_no_code_that_nothing_runs() {
    let sources = include_str!("../../src/lib.rs");
    for name in ["FAQ.md", "SIZING.md"] {
        let page = std::fs::read_to_string(home().join("docs").join(name)).expect("reads");
        let fences = page
            .lines()
            .filter(|line| line.starts_with("```") && *line != "```");
        let others = fences.clone().filter(|line| *line != "```rust");
        assert_eq!(others.count(), 0, "{name}");
        let is_tested = sources.contains(&format!("include_str!(\"../docs/{name}\")"));
        assert!(
            fences.count() == 0 || is_tested,
            "{name} is no documentation test"
        );
    }
}

/// The navigation of the site names every document of `docs`, but for the single decisions, which their index links.
#[test]
fn every_document_is_in_the_navigation_of_the_site() {
    let navigation =
        std::fs::read_to_string(home().join("docs/site/navigation.md")).expect("reads");
    let mut found = Vec::new();
    documents(&home().join("docs"), &mut found);
    let mut missing = Vec::new();
    for document in found {
        let name = document.strip_prefix(home().join("docs")).expect("below");
        let is_decision = name.starts_with("decisions") && !name.ends_with("README.md");
        let link = format!("](../{})", name.display());
        if !is_decision && !name.starts_with("site") && !navigation.contains(&link) {
            missing.push(name.display().to_string());
        }
    }
    assert_eq!(missing, [""; 0]);
}

/// Words that say nothing precise; the glossary has better ones.
const VAGUE: [&str; 12] = [
    "stranger",
    "let go",
    "lets go",
    "somebody",
    "nobody",
    "anybody",
    "whoever",
    "behind the caller's back",
    "at hand",
    "told",
    "tells",
    "seldom",
];

/// The vague words of a text, inline code left out.
fn vague(text: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for line in prose(text) {
        let plain: String = line.split('`').step_by(2).collect();
        let plain: String = plain
            .to_lowercase()
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || c == '\'' {
                    c
                } else {
                    ' '
                }
            })
            .collect();
        let plain = format!(" {plain} ");
        let is_there = |word: &&&str| plain.contains(&format!(" {word} "));
        found.extend(VAGUE.iter().filter(is_there));
    }
    found
}

#[test]
fn the_documents_name_the_actor_and_use_precise_words() {
    let mut found = Vec::new();
    documents(home(), &mut found);
    let mut wrong = Vec::new();
    for document in found {
        // Written by a program.
        if document.ends_with("docs/RESULTS.md") {
            continue;
        }
        let text = std::fs::read_to_string(&document).expect("reads");
        for word in vague(&text) {
            wrong.push(format!("{}: {word}", document.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_check_of_words_can_fail() {
    assert_eq!(vague("Nobody is told."), ["nobody", "told"]);
    assert_eq!(vague("the lock is let go;"), ["let go"]);
    assert!(vague("`a_failure_is_told` retells\n```\ntold\n```\n").is_empty());
}

#[test]
fn the_check_of_links_can_fail() {
    let readme = home().join("README.md");
    assert_eq!(broken(&readme, "LICENSE"), None);
    assert_eq!(broken(&readme, "docs/FORMAT.md#a-segment"), None);
    assert!(broken(&readme, "docs/NONE.md").is_some(), "no such file");
    assert!(broken(&readme, "docs/FORMAT.md#none").is_some());
    assert!(broken(&readme, "#none").is_some(), "in the document itself");
    let text = "[a](b.md) and [`c`](d.md#e)\n```\n[x](y.md)\n```\n`[x](y.md)` ![p](q.svg)";
    assert_eq!(links(text), ["b.md", "d.md#e", "q.svg"]);
    let text = "# A b, `c`: 1,000 × d_e\n## Twice\n## Twice\n```\n# none\n```\n";
    let expected = ["a-b-c-1000--d_e", "twice", "twice-1"];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
}
