//! On what was it measured?

use std::fs;
use std::path::Path;
use std::process::Command;

/// Facts about the machine, by name.
pub fn facts(dir: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("processor", processor()),
        ("memory", memory()),
        ("kernel", told_by("uname", &["-sr"])),
        ("disk", disk(dir)),
        ("rustc", told_by("rustc", &["--version"])),
        ("commit", commit()),
        ("load at the start", load()),
    ]
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split(':').nth(1))
        .unwrap_or("unknown");
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} × {}", count, model.trim())
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok());
    kib.map_or("unknown".to_owned(), |kib| {
        format!("{:.0} GiB", kib / 1024.0 / 1024.0)
    })
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let loads: Vec<&str> = text.split_whitespace().take(3).collect();
    loads.join(" ")
}

/// Whether others keep the processors from us.
pub fn is_busy() -> bool {
    let loads = load();
    let last: Option<f64> = loads.split(' ').next().and_then(|load| load.parse().ok());
    let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    last.is_some_and(|last| last > processors / 2.0)
}

/// The file system and what it is mounted with, and the kind of device.
fn disk(dir: &Path) -> String {
    let dir = fs::canonicalize(dir).unwrap_or_default();
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let holding = mounts.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [device, place, kind, options, ..] = fields[..] else {
            return None;
        };
        dir.starts_with(place)
            .then_some((place.len(), device, kind, options))
    });
    let Some((_, device, kind, options)) = holding.max_by_key(|(len, ..)| *len) else {
        return "unknown".to_owned();
    };
    let name = device.trim_start_matches("/dev/");
    let rotational = fs::read_to_string(format!("/sys/block/{name}/queue/rotational"));
    let rotational = match rotational.as_deref().map(str::trim) {
        Ok("0") => ", not rotating",
        Ok("1") => ", rotating or not told",
        _ => "",
    };
    format!("{device}{rotational}, {kind} ({options})")
}

/// Whether a directory lies in memory, where nothing is durable.
pub fn is_in_memory(dir: &Path) -> bool {
    let text = disk(dir);
    text.contains(", tmpfs") || text.contains(", ramfs")
}

fn commit() -> String {
    let home = env!("CARGO_MANIFEST_DIR");
    told_by(
        "git",
        &["-C", home, "describe", "--always", "--dirty", "--tags"],
    )
}

fn told_by(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if text.is_empty() {
        "unknown".to_owned()
    } else {
        text
    }
}
