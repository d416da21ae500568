//! How long does opening take after the process was killed, and after a clean close? (W9)

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::log::Failure;
use crate::payload::Payload;
use crate::works::Sample;
use crate::works::Task;
use crate::works::memory::resident;
use crate::works::sample;

const BATCH: u64 = 100;

fn count(task: &Task) -> u64 {
    task.scaled(task.case.numbers.entries)
}

fn volume(task: &Task) -> u64 {
    count(task) * task.case.numbers.entry_len as u64
}

/// Appends it all, in batches, and tells how much is not synced; then the process is killed.
pub fn load(task: &Task) -> Result<Sample, Failure> {
    let before = resident();
    let log = task.open(1, volume(task))?;
    let mut appender = log.appender(0)?;
    let entry_len = task.case.numbers.entry_len;
    let payload = Payload::new(entry_len, 0);
    let batch = payload.batch(BATCH as usize);
    for _ in 0..count(task) / BATCH {
        appender.append_batch(&batch)?;
    }
    let grown = resident().anonymous.saturating_sub(before.anonymous);
    let unsynced = log.unsynced_entries(0).map(|n| n * entry_len as u64);
    std::fs::write(unsynced_path(task.dir), unsynced.unwrap_or(0).to_string())?;
    let mut found = sample([("memory_bytes", grown as f64)]);
    if let Some(unsynced) = unsynced {
        found.insert("unsynced_bytes".to_owned(), unsynced as f64);
    }
    // Left to the kill: nothing is closed or dropped.
    drop(appender);
    std::mem::forget(log);
    Ok(found)
}

/// Opens what the killed process left, looks for its last entry, and closes it cleanly. Then
/// writes as many bytes as were unsynced, and syncs them: what rewriting them costs at least.
pub fn after_kill(task: &Task) -> Result<Sample, Failure> {
    let started = Instant::now();
    let log = task.open(1, volume(task))?;
    let opened = started.elapsed();
    let kept = match log.reader(0) {
        Ok(mut reader) => u64::from(reader.get(count(task) / BATCH * BATCH - 1).is_ok()) as f64,
        Err(_) => f64::NAN,
    };
    let started = Instant::now();
    log.close()?;
    let closed = started.elapsed();
    let unsynced = std::fs::read_to_string(unsynced_path(task.dir))?.parse()?;
    let mut found = sample([
        ("open_ns", opened.as_nanos() as f64),
        ("close_ns", closed.as_nanos() as f64),
    ]);
    if !kept.is_nan() {
        found.insert("kept".to_owned(), kept);
    }
    if unsynced > 0 {
        let rewriting = rewrite(task.dir, unsynced)?;
        found.insert("rewrite_ns".to_owned(), rewriting);
        let beyond = (opened.as_nanos() as f64 - rewriting).max(0.0);
        found.insert("open_less_rewrite_ns".to_owned(), beyond);
    } else {
        let opened = opened.as_nanos() as f64;
        found.insert("open_less_rewrite_ns".to_owned(), opened);
    }
    Ok(found)
}

fn unsynced_path(dir: &Path) -> std::path::PathBuf {
    dir.join("unsynced")
}

fn rewrite(dir: &Path, bytes: u64) -> Result<f64, Failure> {
    let mut file = File::create(dir.join("rewritten"))?;
    let chunk = vec![7; 1 << 20];
    let started = Instant::now();
    let mut left = bytes;
    while left > 0 {
        let len = left.min(chunk.len() as u64);
        file.write_all(&chunk[..len as usize])?;
        left -= len;
    }
    file.sync_data()?;
    Ok(started.elapsed().as_nanos() as f64)
}

/// Opens what was closed cleanly.
pub fn after_close(task: &Task) -> Result<Sample, Failure> {
    let started = Instant::now();
    let log = task.open(1, volume(task))?;
    let opened = started.elapsed();
    std::mem::forget(log);
    Ok(sample([("clean_open_ns", opened.as_nanos() as f64)]))
}
