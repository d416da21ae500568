//! Does the header compile in every dialect, and do C programs see the layouts that Rust has?
//!
//! One generated file asserts each constant's value and each struct's size and offsets, as the
//! types of this crate have them. Every C and C++ compiler found on the machine checks it in every
//! dialect. A dialect that a compiler lacks, and a machine without a compiler, are reported and
//! skipped. What the numbers were in earlier versions is in ffi-tests/packaging/layout.c.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::mem::offset_of;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::sync::OnceLock;

use crate::ffi::atomic::*;
use crate::ffi::bytes::*;
use crate::ffi::conditional::*;
use crate::ffi::directory::*;
use crate::ffi::directory_repair::*;
use crate::ffi::directory_stat::*;
use crate::ffi::durability::*;
use crate::ffi::error::ironwal_str;
use crate::ffi::follow::*;
use crate::ffi::iterator::ironwal_entry;
use crate::ffi::log_callback::*;
use crate::ffi::notify::*;
use crate::ffi::option_choices::*;
use crate::ffi::properties::*;
use crate::ffi::recovery::*;
use crate::ffi::retention::*;
use crate::ffi::sharded::append::ironwal_keyed_slice;
use crate::ffi::sharded::maintenance::*;
use crate::ffi::sharded::options::*;
use crate::ffi::snapshot::*;
use crate::ffi::stats::*;
use crate::ffi::status::*;
use crate::ffi::stream_options::*;
use crate::ffi::verify::*;

/// A struct of the header: its name, size and alignment, and of each field the name, offset and size.
struct Layout {
    name: &'static str,
    size: usize,
    alignment: usize,
    fields: Vec<(&'static str, usize, usize)>,
}

/// The size of the field that `_of` returns; `_of` is never called.
const fn field_size<S, F>(_of: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layouts {
    ($($name:ident { $($field:ident),* })*) => {
        vec![$(Layout {
            name: stringify!($name),
            size: size_of::<$name>(),
            alignment: align_of::<$name>(),
            fields: vec![$((
                stringify!($field),
                offset_of!($name, $field),
                field_size(|of: &$name| &of.$field),
            )),*],
        }),*]
    };
}

fn layouts() -> Vec<Layout> {
    layouts! {
        ironwal_str { data, len }
        ironwal_slice { data, len }
        ironwal_buffer { data, len }
        ironwal_view { data, len }
        ironwal_entry { id, view }
        ironwal_keyed_slice { key, value }
        ironwal_property { key, value, op, reserved }
        ironwal_mark { place, opening }
        ironwal_atomic_part {
            stream, entries, entry_count, properties, property_count, expected_id, expects_id, reserved
        }
        ironwal_ticket { stream, mark, listener }
        ironwal_verify_report_totals {
            streams, segments, frames, entries, bytes, checkpoints, findings, clean, property_frames,
            void_frames
        }
        ironwal_finding {
            stream, path, what, offset, first_id, end_id, severity, reserved
        }
        ironwal_stat_totals {
            streams, segments, sealed_segments, bytes, unreadable_streams, damage, has_journal, journal_files,
            journal_bytes, journal_records, journal_damage, journal_in_use
        }
        ironwal_stat_stream {
            stream, path, message, segments, sealed_segments, listed_segments, bytes, first_id, next_id,
            durable_end, lost_ids, properties, properties_lost, damage
        }
        ironwal_stat_segment {
            path, first_id, end_id, lost_before, bytes, frames_end, state, reserved
        }
        ironwal_dumped_entry {
            stream, path, data, message, offset, first_id, end_id, compressed, status, reserved
        }
        ironwal_repair_totals {
            streams, entries, lost_ids, unreadable_streams, journal_damage, complete
        }
        ironwal_repaired_stream {
            stream, message, entries, first_id, next_id, old_next_id, lost_runs, properties_lost
        }
        ironwal_lost_ids { why, first_id, end_id }
        ironwal_recovery_report_totals { streams, reported, duration_ns, complete }
        ironwal_recovered_stream {
            stream, message, durable_end_before, next_id, findings, complete, status, reserved
        }
        ironwal_prune_stats { shards_pruned, segments_deleted }
        ironwal_compaction_stats { checkpoints_before, checkpoints_after, bytes_reclaimed }
        ironwal_snapshot_stats { streams, segments_linked, segments_copied, bytes_copied, is_one_moment }
        ironwal_automatic_status { created, failed }
        ironwal_stream_stats_t {
            appends, entries, bytes, rounds, callers, syncs, sync_ns, rotations, cuts, roll_backs, first_id,
            next_id, durable_end, unsynced_bytes, listeners, segments, poisoned, measured_appends,
            append_p50_ns, append_p99_ns, append_p999_ns, append_max_ns
        }
        ironwal_wal_stats_t {
            appends, entries, bytes, rounds, callers, syncs, sync_ns, rotations, cuts, roll_backs,
            sync_p50_ns, sync_p99_ns, sync_p999_ns, sync_max_ns, measured_appends, append_p50_ns,
            append_p99_ns, append_p999_ns, append_max_ns, background_syncs, streams, failed_streams,
            poisoned_streams, segments, undurable_entries, unsynced_bytes, listeners, open_write_files,
            open_read_files, write_files_opened, read_files_opened, block_cache_hits, block_cache_misses,
            block_cache_bytes, recovered_streams, incomplete_streams, recovery_ns, journal_records, journal_items,
            journal_bytes, journal_write_backs, journal_refused, journal_files, journal_file_bytes,
            journal_files_aside, journal_retired
        }
    }
}

macro_rules! constants {
    ($($name:ident)*) => {
        vec![$((stringify!($name), i64::from($name))),*]
    };
}

fn constants() -> Vec<(&'static str, i64)> {
    let mut constants = constants! {
        IRONWAL_OK
        IRONWAL_E_OTHER
        IRONWAL_E_INVALID_ARG
        IRONWAL_E_NOT_FOUND
        IRONWAL_E_END
        IRONWAL_E_BUFFER_TOO_SMALL
        IRONWAL_E_TIMEOUT
        IRONWAL_E_IO
        IRONWAL_E_NO_SPACE
        IRONWAL_E_CORRUPT
        IRONWAL_E_CRC_MISMATCH
        IRONWAL_E_CONFIG
        IRONWAL_E_SEGMENT_NOT_FOUND
        IRONWAL_E_STREAM_NOT_FOUND
        IRONWAL_E_INVALID_FILENAME
        IRONWAL_E_SERIALIZATION
        IRONWAL_E_LOCKED
        IRONWAL_E_POISONED
        IRONWAL_E_TOO_LARGE
        IRONWAL_E_SEQUENCE_MISMATCH
        IRONWAL_E_CLOSED
        IRONWAL_E_FORKED
        IRONWAL_E_UNSUPPORTED_VERSION
        IRONWAL_E_PANIC
        IRONWAL_E_STALE_VIEW
        IRONWAL_E_CHECKPOINT_NOT_FOUND
        IRONWAL_E_CHECKPOINT_CORRUPTED
        IRONWAL_E_SHARD_COUNT_MISMATCH
        IRONWAL_E_INVALID_CHECKPOINT_ID
        IRONWAL_E_NO_CHECKPOINTS
        IRONWAL_E_CHECKPOINT_PRUNED
        IRONWAL_E_BATCH_INCOMPLETE
        IRONWAL_E_READ_ONLY
        IRONWAL_E_DETACHED
        IRONWAL_E_SUFFIX_CUT
        IRONWAL_E_CANCELLED
        IRONWAL_LOG_ERROR
        IRONWAL_LOG_WARN
        IRONWAL_LOG_INFO
        IRONWAL_LOG_DEBUG
        IRONWAL_LOG_TRACE
        IRONWAL_SYNC_STRICT
        IRONWAL_SYNC_BATCH_ONLY
        IRONWAL_SYNC_ASYNC
        IRONWAL_COMPRESSION_NONE
        IRONWAL_COMPRESSION_LZ4
        IRONWAL_READ_STANDARD_IO
        IRONWAL_READ_MMAP
        IRONWAL_WRITE_AUTO
        IRONWAL_WRITE_STANDARD_IO
        IRONWAL_WRITE_MMAP
        IRONWAL_COMMIT_AUTO
        IRONWAL_COMMIT_IN_PLACE
        IRONWAL_COMMIT_JOURNAL
        IRONWAL_SEGMENT_SEALED
        IRONWAL_SEGMENT_OPEN
        IRONWAL_SEGMENT_END_LOST
        IRONWAL_MATCH_EXACT
        IRONWAL_MATCH_PREFIX
        IRONWAL_CORRUPTION_TRUNCATE
        IRONWAL_CORRUPTION_ERROR
        IRONWAL_SEVERITY_NOTE
        IRONWAL_SEVERITY_DAMAGE
        IRONWAL_SEVERITY_UNREADABLE
        IRONWAL_CHECKPOINT_ID_MAX
        IRONWAL_DURABILITY_BY_MODE
        IRONWAL_DURABILITY_WRITTEN
        IRONWAL_DURABILITY_DURABLE
        IRONWAL_PROPERTY_SET
        IRONWAL_PROPERTY_REMOVE
        IRONWAL_VIEW_BY_MODE
        IRONWAL_VIEW_WRITTEN
        IRONWAL_VIEW_DURABLE
        IRONWAL_EVENT_DURABLE
        IRONWAL_EVENT_WRITTEN
        IRONWAL_SNAPSHOT_LINK
        IRONWAL_SNAPSHOT_COPY
    };
    let version = [
        ("IRONWAL_VERSION_MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("IRONWAL_VERSION_MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("IRONWAL_VERSION_PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ];
    for (name, number) in version {
        constants.push((name, number.parse().expect("a number")));
    }
    let number = crate::ffi::version::ironwal_version_number();
    constants.push(("IRONWAL_VERSION_NUMBER", i64::from(number)));
    constants
}

/// A C file that compiles in no dialect unless all of this is so.
fn asserts() -> String {
    // The header comes first, so that it must include what it needs, and twice.
    let mut text = "#include <ironwal.h>\n#include <ironwal.h>\n#include <stddef.h>\n".to_owned();
    let mut conditions = Vec::new();
    for layout in layouts() {
        let name = layout.name;
        conditions.push(format!("sizeof({name}) == {}", layout.size));
        // In C99 there is no other way to ask for an alignment.
        let _ = writeln!(
            text,
            "struct after_a_byte_{name} {{ char first; {name} second; }};"
        );
        conditions.push(format!(
            "offsetof(struct after_a_byte_{name}, second) == {}",
            layout.alignment
        ));
        for (field, offset, size) in layout.fields {
            conditions.push(format!("offsetof({name}, {field}) == {offset}"));
            conditions.push(format!("sizeof((({name} *)0)->{field}) == {size}"));
        }
    }
    conditions.push(format!("(IRONWAL_ANY_ID) == ({IRONWAL_ANY_ID:#x}u)"));
    conditions.push(format!("(IRONWAL_NO_LIMIT) == ({IRONWAL_NO_LIMIT:#x}u)"));
    for (name, value) in constants() {
        conditions.push(format!("({name}) == ({value})"));
    }
    for (name, size) in [
        ("ironwal_status", size_of::<ironwal_status>()),
        ("ironwal_log_fn", size_of::<ironwal_log_fn>()),
        ("ironwal_durable_fn", size_of::<ironwal_durable_fn>()),
        (
            "ironwal_checkpoint_id_fn",
            size_of::<ironwal_checkpoint_id_fn>(),
        ),
        (
            "IRONWAL_VERSION_STRING",
            concat!(env!("CARGO_PKG_VERSION"), "\0").len(),
        ),
    ] {
        conditions.push(format!("sizeof({name}) == {size}"));
    }
    conditions.push("(ironwal_status)-1 < 0".to_owned());
    for (number, condition) in conditions.iter().enumerate() {
        // C99 and C++ with -Wpedantic have no assertion in common but an array's length.
        let _ = writeln!(
            text,
            "typedef char assert_{number}[({condition}) ? 1 : -1];"
        );
    }
    text + "int main(void) { return 0; }\n"
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    C,
    Cpp,
}

impl Language {
    /// The first dialect and the later ones.
    fn dialects(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Language::C => ("c99", &["c11", "c17"]),
            Language::Cpp => ("c++11", &["c++14", "c++17", "c++20"]),
        }
    }

    /// The system's compiler and those with names of their own.
    fn compilers(self) -> [Option<&'static str>; 3] {
        match self {
            Language::C => [None, Some("gcc"), Some("clang")],
            Language::Cpp => [None, Some("g++"), Some("clang++")],
        }
    }
}

/// The triple of this machine, as far as `cc` asks for it.
fn target() -> String {
    let system = match std::env::consts::OS {
        "macos" => "apple-darwin",
        "windows" if cfg!(target_env = "msvc") => "pc-windows-msvc",
        "windows" => "pc-windows-gnu",
        "freebsd" => "unknown-freebsd",
        _ if cfg!(target_env = "musl") => "unknown-linux-musl",
        _ => "unknown-linux-gnu",
    };
    format!("{}-{system}", std::env::consts::ARCH)
}

/// A compiler with the options of a dialect and warnings as errors.
struct Checker {
    tool: cc::Tool,
    language: Language,
    dialect: &'static str,
    name: String,
}

impl Checker {
    /// `None` where the compiler is not installed, or has other options than GCC and Clang.
    fn new(language: Language, compiler: Option<&str>, dialect: &'static str) -> Option<Self> {
        let target = target();
        let mut build = cc::Build::new();
        build
            .cpp(language == Language::Cpp)
            .host(&target)
            .target(&target)
            .opt_level(0)
            .cargo_metadata(false)
            .cargo_warnings(false)
            .warnings(true)
            .extra_warnings(true)
            .warnings_into_errors(true)
            .flag("-Wpedantic")
            .std(dialect);
        if language == Language::C {
            build.flag("-Wstrict-prototypes");
        }
        if let Some(compiler) = compiler {
            build.compiler(compiler);
        }
        let tool = build.try_get_compiler().ok()?;
        let runs = Command::new(tool.path()).arg("--version").output();
        let is_there = runs.is_ok_and(|output| output.status.success());
        let name = format!("{} -std={dialect}", tool.path().display());
        (is_there && !tool.is_like_msvc()).then_some(Self {
            tool,
            language,
            dialect,
            name,
        })
    }

    /// Checks the syntax of a file; the headers are those of `include`.
    fn check(&self, include: &Path, file: &Path) -> Output {
        let language = match self.language {
            Language::C => "c",
            Language::Cpp => "c++",
        };
        let mut command = self.tool.to_command();
        command.args(["-fsyntax-only", "-x", language, "-I"]);
        command.arg(include).arg(file);
        command.output().expect("the compiler runs")
    }

    fn assert_compiles(&self, include: &Path, file: &Path) {
        let output = self.check(include, file);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:\n{errors}", self.name);
    }
}

/// Each compiler there is, once for each dialect that it knows.
fn checkers() -> &'static [Checker] {
    static CHECKERS: OnceLock<Vec<Checker>> = OnceLock::new();
    CHECKERS.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let empty = dir.path().join("empty.c");
        fs::write(&empty, "int main(void) { return 0; }\n").expect("writes");
        let mut checkers: Vec<Checker> = Vec::new();
        for language in [Language::C, Language::Cpp] {
            // `cc` is most often one of the others.
            let mut seen = BTreeSet::new();
            for compiler in language.compilers() {
                let (first, rest) = language.dialects();
                let Some(checker) = Checker::new(language, compiler, first) else {
                    continue;
                };
                if !seen.insert(installed_at(checker.tool.path())) {
                    continue;
                }
                let rest = rest.iter();
                let others = rest.filter_map(|dialect| Checker::new(language, compiler, dialect));
                for checker in std::iter::once(checker).chain(others) {
                    match checker.check(dir.path(), &empty).status.success() {
                        true => checkers.push(checker),
                        false => eprintln!("skipped: {} is not supported", checker.name),
                    }
                }
            }
        }
        if checkers.is_empty() {
            eprintln!("skipped: no C compiler was found, the header was not compiled");
        }
        checkers
    })
}

/// The file that a command runs, links resolved.
fn installed_at(command: &Path) -> PathBuf {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&directories)
        .map(|directory| directory.join(command))
        .find_map(|path| fs::canonicalize(path).ok())
        .unwrap_or_else(|| command.to_owned())
}

/// A directory with the generated file of assertions.
fn generated() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("layout_of_rust.c");
    fs::write(&file, asserts()).expect("writes");
    (dir, file)
}

#[test]
fn the_header_compiles_in_every_dialect_and_has_the_layouts_of_rust() {
    let (_dir, file) = generated();
    for checker in checkers() {
        checker.assert_compiles(&in_repository("include"), &file);
    }
}

/// The C++ layer asks for C++17.
#[test]
fn the_cpp_layer_compiles_in_every_dialect_that_it_supports() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("layer.cpp");
    let text = "#include <ironwal.hpp>\n#include <ironwal.hpp>\nint main() {}\n";
    fs::write(&file, text).expect("writes");
    for checker in checkers() {
        if ["c++17", "c++20"].contains(&checker.dialect) {
            checker.assert_compiles(&in_repository("include"), &file);
        }
    }
}

#[test]
fn a_broken_header_or_another_layout_does_not_compile() {
    let (dir, file) = generated();
    let header = fs::read_to_string(in_repository("include/ironwal.h")).expect("reads");
    // Not C++, no type, another value, another layout.
    let breaks = [
        ("size_t len;", "size_t class;", &[Language::Cpp][..]),
        ("#include <stdint.h>", "", &[Language::C, Language::Cpp]),
        (
            "#define IRONWAL_E_IO -7",
            "#define IRONWAL_E_IO -8",
            &[Language::C, Language::Cpp],
        ),
        (
            "    int32_t severity;",
            "    int64_t severity;",
            &[Language::C, Language::Cpp],
        ),
    ];
    for (number, (whole, broken, languages)) in breaks.into_iter().enumerate() {
        assert!(header.contains(whole), "{whole} is not in the header");
        let include = dir.path().join(number.to_string());
        fs::create_dir(&include).expect("creates");
        fs::write(include.join("ironwal.h"), header.replace(whole, broken)).expect("writes");
        for language in languages {
            let mut checkers = checkers().iter();
            let Some(checker) = checkers.find(|checker| checker.language == *language) else {
                continue;
            };
            let output = checker.check(&include, &file);
            assert!(
                !output.status.success(),
                "{}: {broken:?} instead of {whole:?}",
                checker.name
            );
        }
    }
}

/// What is missing in the tables above would be asserted nowhere.
#[test]
fn every_constant_struct_and_field_of_the_header_is_asserted() {
    let header = fs::read_to_string(in_repository("include/ironwal.h")).expect("reads");
    let mut declared = BTreeSet::new();
    let mut of_struct = None;
    for line in header.lines() {
        if let Some(rest) = line.strip_prefix("#define IRONWAL_") {
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            let is_macro = name.contains('(');
            if !value.is_empty() && !is_macro && name != "VERSION_STRING" {
                declared.insert(format!("IRONWAL_{name}"));
            }
        } else if let Some(rest) = line.strip_prefix("typedef struct ") {
            of_struct = rest.strip_suffix(" {").map(str::to_owned);
        } else if line.starts_with('}') {
            of_struct = None;
        } else if let (Some(name), Some(field)) = (&of_struct, line.strip_suffix(';')) {
            let field = field.rsplit([' ', '*']).next().unwrap_or_default();
            declared.insert(format!("{name}.{field}"));
        }
    }
    let mut asserted: BTreeSet<String> = constants()
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    // Too large for the table; `asserts` has a line for it.
    asserted.insert("IRONWAL_ANY_ID".to_owned());
    asserted.insert("IRONWAL_NO_LIMIT".to_owned());
    for layout in layouts() {
        let name = layout.name;
        asserted.extend(
            layout
                .fields
                .iter()
                .map(|(field, ..)| format!("{name}.{field}")),
        );
    }
    assert!(declared.len() > 80, "{declared:?}");
    assert_eq!(declared, asserted);
}
