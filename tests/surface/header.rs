//! Is the checked-in C header what the sources say?
//!
//! The header is rendered in memory and compared. To write it anew:
//! `IRONWAL_WRITE_HEADER=1 cargo test --test surface header`

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::OnceLock;

/// In the order in which the header shows them, with the banner over each one's functions. Without one they
/// continue those of the source before.
/// `sharded/mod` brings its modules along, in this order.
const SOURCES: [(&str, &str); 39] = [
    ("status", "Status"),
    ("version", "Version"),
    ("error", "Errors"),
    ("log_callback", ""),
    ("options", "Options"),
    ("option_choices", ""),
    ("option_limits", ""),
    ("wal", "A log: open, sync, list, close"),
    ("verify", "Verification"),
    ("recovery", "What opening found"),
    ("directory", "Directories of logs that are not opened"),
    ("directory_stat", ""),
    ("directory_repair", ""),
    ("bytes", "Bytes that come out"),
    ("by_name", "Append and read by name"),
    ("truncate", "Truncate and delete by name"),
    ("transaction", "Transactions"),
    ("stream", "One stream, by handle"),
    ("stream_options", ""),
    ("stream_reads", ""),
    ("stream_removal", ""),
    ("conditional", "Append at an expected id, by handle"),
    ("durability", "What is durable"),
    ("properties", "Properties"),
    ("atomic", "Append over several streams, all or nothing"),
    ("cut", "Cut, replace and reset"),
    ("by_name_changes", "The same by name"),
    ("notify", "Notification"),
    ("iterator", "Iterators"),
    ("follow", "Follow a stream"),
    ("sharded/mod", "Sharded logs: open, close, shards"),
    ("sharded/append", "Append to sharded logs"),
    ("sharded/checkpoints", "Checkpoints"),
    ("sharded/maintenance", "Prune and compact checkpoints"),
    ("sharded/options", "Options of sharded logs"),
    ("snapshot", "Snapshots"),
    ("stats", "Statistics"),
    ("replica", "Replicas"),
    ("retention", "Retention"),
];

/// What a function's comment may state, in this order, where it differs from the conventions at the
/// header's top.
const STATED: [&str; 6] = ["Owns", "NULL", "Threads", "Blocks", "Durable", "Errors"];

/// The conventions: stated once, and refused in a function's comment.
const DEFAULTS: [&str; 8] = [
    "Owns: nothing.",
    "Threads: any.",
    "Threads: any, at the same time.",
    "Blocks: never.",
    "Blocks: never for a sync.",
    "Durable: nothing is written.",
    "Durable: options are not stored.",
    "Errors: none.",
];

/// Functions with an error object and without errors of their own: others must name theirs.
const WITHOUT_ERRORS: [&str; 13] = [
    "ironwal_options_set_block_cache_size",
    "ironwal_options_set_latencies",
    "ironwal_options_set_log",
    "ironwal_options_set_min_compression_size",
    "ironwal_options_set_no_background_sync",
    "ironwal_options_set_retention",
    "ironwal_sharded_checkpoint_count",
    "ironwal_sharded_list_checkpoints",
    "ironwal_sharded_shard_count",
    "ironwal_sharded_wal",
    "ironwal_wal_is_read_only",
    "ironwal_wal_stats",
    "ironwal_wal_streams",
];

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
/// usize, which is size_t. It looks for a type in `u64::MAX`, finds none, and writes UINT64_MAX.
fn expected(complaint: &str) -> bool {
    let beginnings = ["Can't find CallbackContext.", "Can't find u64."];
    complaint.ends_with("(not `pub`).")
        || beginnings.iter().any(|begin| complaint.starts_with(begin))
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

/// What callers pass as (pointer, length), written as a literal.
const LITERALS: &str = r#"
/**
 * A text literal as the two arguments (pointer, length):
 * `ironwal_append(wal, IRONWAL_STR("trades"), IRONWAL_STR("100@42"), &id, &error)`. Anything but a literal
 * does not compile.
 */
#define IRONWAL_STR(literal) ("" literal ""), (sizeof(literal) - 1)
"#;

/// The header as the sources say it, rendered once for both tests.
fn rendered() -> &'static str {
    static RENDERED: OnceLock<String> = OnceLock::new();
    RENDERED.get_or_init(render)
}

fn render() -> String {
    log::set_logger(&COMPLAINTS).expect("no other test sets a logger");
    log::set_max_level(log::LevelFilter::Warn);
    let mut config = cbindgen::Config::from_file(in_repository("cbindgen.toml")).unwrap();
    config.after_includes = Some(version_macros() + LITERALS);
    let mut builder = cbindgen::Builder::new().with_config(config);
    let comes_along = |source: &str| source.starts_with("sharded/") && source != "sharded/mod";
    for (source, _) in SOURCES {
        if !comes_along(source) {
            builder = builder.with_src(in_repository(&format!("src/ffi/{source}.rs")));
        }
    }
    let mut header = Vec::new();
    builder
        .generate()
        .expect("cbindgen reads the sources")
        .write(&mut header);
    with_banners(&with_short_comments(&String::from_utf8(header).unwrap()))
}

/// A comment of one line takes one line.
fn with_short_comments(header: &str) -> String {
    const WIDTH: usize = 100;
    let lines: Vec<&str> = header.lines().collect();
    let mut text = String::new();
    let mut at = 0;
    while at < lines.len() {
        let next = |distance: usize| lines.get(at + distance).map_or("", |line| line.trim());
        let indent = lines[at].len() - lines[at].trim_start().len();
        let content = next(1).strip_prefix("* ");
        match content.filter(|_| next(0) == "/**" && next(2) == "*/") {
            Some(content) if indent + content.len() + "/**  */".len() <= WIDTH => {
                text += &format!("{}/** {content} */\n", " ".repeat(indent));
                at += 3;
            }
            _ => {
                text += lines[at];
                text.push('\n');
                at += 1;
            }
        }
    }
    text
}

/// A banner over the constants, the types, and the functions of each source.
fn with_banners(header: &str) -> String {
    let mut lines: Vec<String> = header.lines().map(str::to_owned).collect();
    let mut put = |title: &str, is_first: &dyn Fn(&str) -> bool| {
        let first = lines.iter().position(|line| is_first(line));
        let first = first.unwrap_or_else(|| panic!("nothing of {title:?} is in the header"));
        let comment = lines[..first]
            .iter()
            .rposition(|line| line.starts_with("/**"))
            .unwrap();
        let rule = "-".repeat(90 - title.len());
        lines.splice(
            comment..comment,
            [format!("/* {title} {rule} */"), String::new()],
        );
    };
    put("Constants", &|line| line.starts_with("#define IRONWAL_LOG"));
    put("Types", &|line| line.starts_with("typedef struct"));
    for (source, title) in SOURCES.iter().filter(|(_, title)| !title.is_empty()) {
        let text = fs::read_to_string(in_repository(&format!("src/ffi/{source}.rs"))).unwrap();
        if let Some(function) = exports(&text).first().map(|(_, function)| *function) {
            put(title, &|line| declares(line, function));
        }
    }
    lines.join("\n") + "\n"
}

/// Whether the declaration of a function begins in this line of the header.
fn declares(line: &str, function: &str) -> bool {
    // Fields have indented comments.
    let begin = line.trim_start();
    let is_comment = begin.starts_with("* ") || begin.starts_with("/*");
    let named = [format!(" {function}("), format!("*{function}(")];
    !is_comment && named.iter().any(|named| line.contains(named))
}

/// The exported functions of a source, with where their attribute stands.
fn exports(source: &str) -> Vec<(usize, &str)> {
    let name_of = |at: usize| {
        let signature = source[at..].split("fn ").nth(1).unwrap();
        signature.split('(').next().unwrap()
    };
    let found = source.match_indices("#[unsafe(no_mangle)]");
    found.map(|(at, _)| (at, name_of(at))).collect()
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
fn every_export_is_in_the_header_once_and_its_comment_is_complete() {
    let header = rendered();
    let mut listed: Vec<String> = SOURCES
        .iter()
        .map(|(name, _)| format!("{name}.rs"))
        .collect();
    let others = [
        "mod.rs",
        "boundary/mod.rs",
        "boundary/handle.rs",
        "boundary/args.rs",
        "tests.rs",
        "tests/header_compiles.rs",
    ];
    listed.extend(others.map(String::from));
    let mut count = 0;
    let mut wrong = Vec::new();
    let ffi = in_repository("src/ffi");
    for path in files_below(&ffi) {
        let name = path.strip_prefix(&ffi).unwrap().to_str().unwrap();
        assert!(
            listed.iter().any(|known| known == name),
            "{name} is missing from SOURCES"
        );
        let source = fs::read_to_string(&path).unwrap();
        for (at, function) in exports(&source) {
            let is_declaration = |line: &&str| declares(line, function);
            let declarations = header.lines().filter(is_declaration).count();
            assert_eq!(
                declarations, 1,
                "declarations of {function}, which is exported"
            );
            let signature = source[at..].split('{').next().unwrap();
            wrong.extend(wrong_comment(
                function,
                signature,
                &comment_before(&source[..at]),
            ));
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 50, "only {count} exports were found");
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

/// What is wrong with the comment of one function: nothing said, out of order, a convention said
/// again, or something missing that its signature demands.
fn wrong_comment(function: &str, signature: &str, comment: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |what: String| wrong.push(format!("{function}: {what}"));
    if comment.first().is_none_or(|line| line.starts_with("/// -")) {
        say("first say what it does".into());
    }
    let items: Vec<&str> = comment
        .iter()
        .filter_map(|line| line.strip_prefix("/// - "))
        .collect();
    let labels: Vec<&str> = items
        .iter()
        .filter_map(|item| item.split(':').next())
        .collect();
    let in_order: Vec<&str> = STATED
        .into_iter()
        .filter(|label| labels.contains(label))
        .collect();
    if labels != in_order {
        say(format!("states {labels:?}, in order are {in_order:?}"));
    }
    for default in DEFAULTS.into_iter().filter(|text| items.contains(text)) {
        say(format!("{default:?} is a convention"));
    }
    let states = |label| labels.contains(&label);
    let gives = |line: &str| {
        let line = line.trim();
        let is_handle = line.contains("*mut *mut ") && !line.starts_with("out_error");
        is_handle || line.contains("*mut ironwal_buffer") && line.starts_with("out_")
    };
    if signature.lines().any(gives) && !states("Owns") {
        say("gives something and does not state how it is freed".into());
    }
    let syncs = items
        .iter()
        .any(|item| item.starts_with("Durable: on return"));
    if syncs && !states("Blocks") {
        say("is durable on return and does not state Blocks".into());
    }
    let may_fail = signature.contains("out_error");
    if may_fail && !states("Errors") && !WITHOUT_ERRORS.contains(&function) {
        say("fails and does not state its errors".into());
    }
    wrong
}

#[test]
fn the_check_of_comments_can_fail() {
    let opens = "out_wal: *mut *mut ironwal_wal,\nout_error: *mut *mut ironwal_error,";
    let wrong = |comment: &[&str]| wrong_comment("f", opens, comment).len();
    let good = ["/// Opens.", "/// - Owns: free it.", "/// - Errors: one."];
    assert_eq!(wrong(&good), 0);
    assert_eq!(wrong(&[good[0], good[2], good[1]]), 1, "out of order");
    assert_eq!(wrong(&[good[1], good[2]]), 1, "does not say what it does");
    assert_eq!(wrong(&[good[0], good[1]]), 1, "no errors");
    assert_eq!(wrong(&[good[0], good[2]]), 1, "no owner");
    assert_eq!(wrong(&[]), 3);
    let again = [good[0], good[1], "/// - Blocks: never.", good[2]];
    assert_eq!(wrong(&again), 1, "a convention");
    let late = [good[0], good[1], "/// - Durable: on return.", good[2]];
    assert_eq!(wrong(&late), 1, "durable without waiting");
}
