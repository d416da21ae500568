//! Is the checked-in C header what the sources say?
//!
//! The header is rendered in memory and compared. To write it anew:
//! `IRONWAL_WRITE_HEADER=1 cargo test --test surface header`

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::OnceLock;

/// In the order in which the header shows them. `sharded/mod` brings its modules along.
const SOURCES: [&str; 20] = [
    "status",
    "version",
    "error",
    "log_callback",
    "options",
    "options_modes",
    "options_sizes",
    "wal",
    "read_only",
    "verify",
    "buffer",
    "view",
    "entries",
    "by_name",
    "truncate",
    "transaction",
    "stream",
    "stream_read",
    "iterator",
    "sharded/mod",
];

/// What each function's comment tells, in this order.
const TOLD: [&str; 6] = ["Owns", "NULL", "Threads", "Blocks", "Durable", "Errors"];

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Takes what cbindgen complains about: it drops what it does not understand and carries on.
struct Complaints(Mutex<Vec<String>>);

static COMPLAINTS: Complaints = Complaints(Mutex::new(Vec::new()));

impl log::Log for Complaints {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // The engine logs here too, for other tests of this program.
        metadata.target().starts_with("cbindgen") && metadata.level() <= log::Level::Warn
    }
    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }
    fn flush(&self) {}
}

/// Private constants are no part of the header (the exports are counted below), and the context of
/// callbacks is left undefined so that it can be named uintptr_t: cbindgen knows one C name for
/// usize, which is size_t.
fn expected(complaint: &str) -> bool {
    complaint.ends_with("(not `pub`).") || complaint.starts_with("Can't find CallbackContext.")
}

/// The version macros, from Cargo.toml.
fn version_macros() -> String {
    let [major, minor, patch] = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    let number = |text: &str| text.parse::<u32>().unwrap();
    let composed = number(major) * 1_000_000 + number(minor) * 1_000 + number(patch);
    let mut text = String::new();
    for (what, name, value) in [
        (
            "The major version of this header.",
            "MAJOR",
            major.to_string(),
        ),
        (
            "The minor version of this header.",
            "MINOR",
            minor.to_string(),
        ),
        (
            "The patch version of this header.",
            "PATCH",
            patch.to_string(),
        ),
        (
            "major * 1000000 + minor * 1000 + patch.",
            "NUMBER",
            composed.to_string(),
        ),
        (
            "The version as text.",
            "STRING",
            format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        ),
    ] {
        text += &format!("\n/**\n * {what}\n */\n#define IRONWAL_VERSION_{name} {value}\n");
    }
    text
}

/// The header as the sources say it, rendered once for both tests.
fn rendered() -> &'static str {
    static RENDERED: OnceLock<String> = OnceLock::new();
    RENDERED.get_or_init(render)
}

fn render() -> String {
    log::set_logger(&COMPLAINTS).expect("no other test sets a logger");
    log::set_max_level(log::LevelFilter::Warn);
    let mut config = cbindgen::Config::from_file(in_repository("cbindgen.toml")).unwrap();
    config.after_includes = Some(version_macros());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(in_repository(&format!("src/ffi/{source}.rs")));
    }
    let mut header = Vec::new();
    builder
        .generate()
        .expect("cbindgen reads the sources")
        .write(&mut header);
    String::from_utf8(header).unwrap()
}

#[test]
fn the_header_is_what_the_sources_say() {
    let rendered = rendered();
    let mut complaints = COMPLAINTS.0.lock().unwrap();
    complaints.retain(|complaint| !expected(complaint));
    assert!(
        complaints.is_empty(),
        "cbindgen left something out: {complaints:#?}"
    );

    let path = in_repository("include/ironwal.h");
    if std::env::var_os("IRONWAL_WRITE_HEADER").is_some() {
        fs::write(&path, rendered).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    let differs = checked_in
        .lines()
        .zip(rendered.lines())
        .position(|(old, new)| old != new);
    assert!(
        checked_in == rendered,
        "include/ironwal.h is not what src/ffi says (first difference near line {}); run\n    \
         IRONWAL_WRITE_HEADER=1 cargo test --test surface header",
        differs.map_or(checked_in.lines().count(), |line| line + 1)
    );
}

/// All files in a directory and in those below it.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Every export, as the compiler sees it: cbindgen misses those made inside macros.
#[test]
fn every_export_is_in_the_header_and_its_comment_tells_all_in_order() {
    let header = rendered();
    let mut listed: Vec<String> = SOURCES.iter().map(|name| format!("{name}.rs")).collect();
    let others = [
        "mod.rs",
        "boundary/mod.rs",
        "fast_path.rs",
        "tests.rs",
        "tests/header_compiles.rs",
        "sharded/append.rs",
        "sharded/checkpoints.rs",
        "sharded/maintenance.rs",
        "sharded/options.rs",
    ];
    listed.extend(others.map(String::from));
    let mut exports = 0;
    let ffi = in_repository("src/ffi");
    for path in files_below(&ffi) {
        let name = path
            .strip_prefix(&ffi)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        assert!(listed.contains(&name), "{name} is missing from SOURCES");
        let source = fs::read_to_string(&path).unwrap();
        for (at, _) in source.match_indices("#[unsafe(no_mangle)]") {
            let signature = &source[at..];
            let function = signature
                .split("fn ")
                .nth(1)
                .unwrap()
                .split('(')
                .next()
                .unwrap();
            let declared = format!(" {function}(");
            let starred = format!("*{function}(");
            let is_declaration = |line: &&str| {
                !line.starts_with(" *") && (line.contains(&declared) || line.contains(&starred))
            };
            let declarations = header.lines().filter(is_declaration).count();
            assert_eq!(
                declarations, 1,
                "declarations of {function}, which is exported"
            );
            assert_told(function, comment_before(&source[..at]));
            exports += 1;
        }
    }
    assert!(exports > 50, "only {exports} exports were found");
}

fn comment_before(source: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = source
        .lines()
        .rev()
        .take_while(|line| line.starts_with("///"))
        .collect();
    lines.reverse();
    lines
}

fn assert_told(function: &str, comment: Vec<&str>) {
    let told: Vec<&str> = comment
        .iter()
        .filter_map(|line| line.strip_prefix("/// - "))
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(told, TOLD, "the comment of {function}");
    assert!(
        !comment[0].starts_with("/// -"),
        "{function}: first say what it does"
    );
}
