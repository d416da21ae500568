//! Are the imported entries and checkpoints those that the crate reads?

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use ironwal::CorruptionPolicy;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::import::ImportOptions;
use ironwal::import::import_06;
use ironwal::sharded::ShardedWal;

use super::Failure;
use super::facts::Facts;
use super::facts::read;
use super::write::Numbers;
use super::write::root_of;

/// Writes, imports and compares this many roots. One in eight is written by a process that is killed.
pub fn prove(count: u64) -> Result<(), Failure> {
    let place = std::env::temp_dir().join(format!("import-06-{}", std::process::id()));
    let mut entries = 0;
    let mut checkpoints = 0;
    for seed in 0..count {
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir_all(&place)?;
        let root = place.join("old");
        let shards = match seed % 8 {
            7 => killed(&root, seed).map(|()| None)?,
            _ => root_of(seed, &root)?,
        };
        let facts =
            compare(&place, &root, shards).map_err(|error| format!("seed {seed}: {error}"))?;
        entries += facts
            .streams
            .values()
            .map(|stream| stream.len())
            .sum::<usize>();
        checkpoints += facts.checkpoints.len();
    }
    std::fs::remove_dir_all(&place)?;
    println!("{count} roots: {entries} entries and {checkpoints} checkpoints are the same");
    Ok(())
}

/// A root that a process was writing when it was killed.
fn killed(root: &Path, seed: u64) -> Result<(), Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("append-until-killed")
        .arg(root)
        .arg(seed.to_string())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(output) = child.stdout.take() {
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
    }
    std::thread::sleep(Duration::from_millis(1 + Numbers::new(seed).below(60)));
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Imports a root, and then reads it with the crate, which may repair it.
fn compare(place: &Path, root: &Path, shards: Option<u16>) -> Result<Facts, Failure> {
    let new = place.join("new");
    // A root into which nothing was written is none.
    if shards.is_none() && std::fs::read_dir(root)?.next().is_none() {
        return Ok(Facts::default());
    }
    let report = import_06(root, &new, &ImportOptions::default(), &mut |_| ())?;
    if !report.is_complete() {
        return Err(format!("not complete: {report:?}").into());
    }
    if report.shards != shards {
        return Err(format!("{:?} shards instead of {shards:?}", report.shards).into());
    }
    let imported = read_new(&new, shards)?;
    let facts = read(root, shards)?;
    for (name, entries) in &facts.streams {
        let found = imported.streams.get(name);
        if found.unwrap_or(&Default::default()) != entries {
            return Err(format!("stream {name} differs").into());
        }
        // Appends go on at the same id, in both.
        let next =
            ironwal_06::Wal::new(ironwal_06::WalOptions::new(root))?.append(name, b"next")?;
        let here = Wal::new(WalOptions::new(&new))?.append(name, b"next")?;
        if here != next {
            return Err(format!("stream {name} goes on at {here} instead of {next}").into());
        }
    }
    if imported
        .streams
        .keys()
        .any(|name| !facts.streams.contains_key(name))
    {
        return Err("a stream too many".into());
    }
    // A checkpoint whose entries are gone is pruned here; the crate loads it all the same.
    for (id, body) in &imported.checkpoints {
        if facts.checkpoints.get(id) != Some(body) {
            return Err(format!("checkpoint {id:?} differs").into());
        }
    }
    if report.checkpoints != facts.checkpoints.len() as u64 || imported.latest != facts.latest {
        return Err("the checkpoints differ".into());
    }
    Ok(facts)
}

fn read_new(root: &PathBuf, shards: Option<u16>) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let mut options = WalOptions::new(root);
    options.on_corruption = CorruptionPolicy::Error;
    if let Some(count) = shards {
        let log = ShardedWal::new(options.clone(), count)?;
        for (id, _) in log.list_checkpoints() {
            match log.load_checkpoint(&id) {
                Ok(data) => {
                    facts.checkpoints.insert(id, (data.timestamp, data.offsets));
                }
                Err(ironwal::Error::CheckpointPruned { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        facts.latest = log.load_latest_checkpoint().ok().map(|(id, _)| id);
    }
    let wal = Wal::new(options)?;
    if !wal.verify()?.is_clean() {
        return Err("verify finds damage in the new log".into());
    }
    for key in wal.streams()? {
        let mut entries = std::collections::BTreeMap::new();
        for read in wal.iter_with_ids(&key, 0)? {
            let (id, bytes) = read?;
            entries.insert(id, bytes);
        }
        facts.streams.insert(key, entries);
    }
    Ok(facts)
}
