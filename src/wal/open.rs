//! How does a log come up: root, lock, recovery of all streams?

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::LOCK_FILE;
use crate::format::is_deleted_dir_name;
use crate::format::is_stream_dir_name;
use crate::format::key_from_dir_name;
use crate::format::stream_dir_name;
use crate::options::CorruptionPolicy;
use crate::options::LogSink;
use crate::options::WalOptions;
use crate::recovery::Decision;
use crate::recovery::Recovered;
use crate::recovery::StreamFacts;
use crate::recovery::act;
use crate::recovery::decide;
use crate::recovery::describe;
use crate::recovery::describe_refusal;
use crate::recovery::refusal_error;
use crate::recovery::survey;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageLock;
use crate::stream::Environment;
use crate::stream::StreamCore;
use crate::stream::remove_deleted;
use crate::wal::helpers::Helpers;
use crate::wal::log::Known;
use crate::wal::log::Log;
use crate::wal::parallel::for_each;

/// Opens a log on a disk. Stepped: its helpers work when told to, see [`Helpers`].
pub fn open(
    mut options: WalOptions,
    storage: Arc<dyn Storage>,
    log: LogSink,
    is_stepped: bool,
) -> Result<Log> {
    options.check()?;
    let (root, lock) = take_root(&*storage, &options)?;
    options.archive_path = archive_path(&*storage, &options, &root)?;
    let helpers = Helpers::new(is_stepped);
    let environment = Arc::new(Environment::new(storage, options, root, log));
    let attendant: Arc<dyn crate::stream::Attendant> = helpers.clone();
    // Set once, here.
    let _ = environment.attendant.set(attendant);
    let dirs = stream_dirs(&environment)?;
    let recovered = match environment.options.on_corruption {
        CorruptionPolicy::Error => {
            // All streams are looked at before any is touched.
            let shared = Arc::clone(&environment);
            let judged = for_each(dirs, move |dir| judge(&shared, &dir));
            refuse_all_damage(&judged)?;
            let shared = Arc::clone(&environment);
            for_each(judged, move |judged| recover(&shared, judged))
        }
        CorruptionPolicy::Truncate => {
            let shared = Arc::clone(&environment);
            for_each(dirs, move |dir| recover(&shared, judge(&shared, &dir)))
        }
    };
    let mut known = HashMap::with_capacity(recovered.len());
    let mut unnamed = HashMap::new();
    for (key, dir, stream) in recovered.into_iter().flatten() {
        match stream {
            // Its key cannot be told: the directory's name stands for it.
            Known::Broken(error) if environment.root.join(stream_dir_name(&key)) != *dir => {
                unnamed.insert(dir.to_path_buf(), error);
            }
            stream => {
                known.insert(key, stream);
            }
        }
    }
    environment.deliver();
    Ok(Log::new(environment, helpers, known, unnamed, Some(lock)))
}

/// Makes sure of the root directory, durably, and locks it.
fn take_root(
    storage: &dyn Storage,
    options: &WalOptions,
) -> Result<(PathBuf, Box<dyn StorageLock>)> {
    let asked = std::path::absolute(&options.root_path)
        .map_err(|error| Error::io(error, ErrorContext::at(&options.root_path)))?;
    let io = |error| Error::io(error, ErrorContext::at(&asked));
    match storage.kind(&asked).map_err(io)? {
        None => match storage.create_dir(&asked) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(io)?,
        },
        Some(EntryKind::Directory) => {}
        Some(_) => return Err(io(io::ErrorKind::NotADirectory.into())),
    }
    let root = storage.canonical(&asked).map_err(io)?;
    let lock_path = root.join(LOCK_FILE);
    // The root's own name is made durable before the lock file exists; so where that file is
    // found, it has been.
    if storage.kind(&lock_path).map_err(io)?.is_none() {
        if let Some(parent) = root.parent() {
            storage.sync_dir(parent).map_err(io)?;
        }
    }
    match storage.lock(&lock_path) {
        Ok(lock) => Ok((root, lock)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Error::Locked(root)),
        Err(error) => Err(Error::io(error, ErrorContext::at(&lock_path))),
    }
}

/// The archive, wherever the process goes from here; refused inside the root.
fn archive_path(
    storage: &dyn Storage,
    options: &WalOptions,
    root: &Path,
) -> Result<Option<PathBuf>> {
    let Some(archive) = &options.archive_path else {
        return Ok(None);
    };
    let io = |error| Error::io(error, ErrorContext::at(archive));
    let absolute = std::path::absolute(archive).map_err(io)?;
    let canonical = match storage.kind(&absolute).map_err(io)? {
        Some(_) => storage.canonical(&absolute).map_err(io)?,
        None => absolute.clone(),
    };
    if canonical.starts_with(root) {
        return Err(Error::Config(
            "archive_path lies inside root_path".to_owned(),
        ));
    }
    Ok(Some(absolute))
}

/// The directories of streams. What a deletion left behind is removed.
fn stream_dirs(environment: &Environment) -> Result<Vec<PathBuf>> {
    let root = &environment.root;
    let io = |error| Error::io(error, ErrorContext::at(root));
    let mut dirs = Vec::new();
    let mut deleted = Vec::new();
    for entry in environment.storage.list_dir(root).map_err(io)? {
        if entry.kind != EntryKind::Directory {
            continue;
        }
        let path = root.join(&entry.name);
        if is_stream_dir_name(&entry.name) {
            dirs.push(path);
        } else if is_deleted_dir_name(&entry.name) {
            deleted.push(path);
        }
    }
    if !deleted.is_empty() {
        // The process may have died between the renaming and its sync. Were it not durable, the
        // stream would come back after a power cut: half removed, or over a new one.
        environment.storage.sync_dir(root).map_err(io)?;
    }
    for path in deleted {
        if let Err(error) = remove_deleted(&*environment.storage, &path) {
            // It is no stream any more; the next open tries again.
            let message = format!("remains of a deleted stream not removed: {error}");
            environment.tell(log::Level::Warn, &message);
        }
    }
    Ok(dirs)
}

/// One stream's directory, looked at.
struct Judged {
    dir: Arc<Path>,
    key: Arc<str>,
    found: std::result::Result<(StreamFacts, Decision), Error>,
}

fn judge(environment: &Environment, dir: &Path) -> Judged {
    let options = &environment.options;
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let from_name = || key_from_dir_name(name).unwrap_or_else(|| name.to_owned());
    match survey(&*environment.storage, dir, options.read_buffer_size) {
        Ok(facts) => {
            let key = facts.key.clone().unwrap_or_else(|| Arc::from(from_name()));
            let decision = decide(&facts, options.on_corruption);
            Judged {
                dir: Arc::clone(&facts.dir),
                key,
                found: Ok((facts, decision)),
            }
        }
        Err(error) => Judged {
            dir: Arc::from(dir),
            key: Arc::from(from_name()),
            found: Err(error),
        },
    }
}

/// Under the policy `Error`: one error that lists everything found, in all streams.
fn refuse_all_damage(judged: &[Judged]) -> Result<()> {
    let mut damage = Vec::new();
    for judged in judged {
        match &judged.found {
            Err(error) => damage.push(error.to_string()),
            Ok((facts, Decision::Refuse(refusal))) => {
                damage.extend(describe_refusal(&judged.key, facts, refusal));
            }
            Ok((_, Decision::Serve(_))) => {}
        }
    }
    match damage.is_empty() {
        true => Ok(()),
        false => Err(Error::Corruption(damage.join("; "))),
    }
}

/// A stream's key and directory, and what came of it.
type Recovery = (Arc<str>, Arc<Path>, Known);

/// Acts on a decision. `None`: there is no such stream.
fn recover(environment: &Arc<Environment>, judged: Judged) -> Option<Recovery> {
    let Judged { key, dir, found } = judged;
    let (facts, decision) = match found {
        Ok(found) => found,
        Err(error) => {
            environment.tell(log::Level::Error, &format!("stream {key:?}: {error}"));
            return Some((key, dir, Known::Broken(Arc::new(error))));
        }
    };
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => {
            let error = refusal_error(&key, &facts, &refusal);
            environment.tell(log::Level::Error, &format!("stream {key:?}: {error}"));
            return Some((key, dir, Known::Broken(Arc::new(error))));
        }
    };
    for finding in &verdict.findings {
        environment.tell(log::Level::Error, &describe(&key, &facts, finding));
    }
    let chunk_len = environment.options.read_buffer_size;
    let recovered: Recovered = act(&*environment.storage, &facts, &verdict, chunk_len);
    for note in &recovered.done {
        let what = format!("recovery took away {}", describe(&key, &facts, note));
        environment.tell(log::Level::Warn, &what);
    }
    for path in &recovered.unremoved {
        // Nothing depends on it; each truncation tries again, and each open.
        let message = format!("truncated, but not removed: {}", path.display());
        environment.tell(log::Level::Warn, &message);
    }
    let nothing = recovered.segments.is_empty()
        && recovered.next == crate::recovery::Next::First
        && recovered.failure.is_none();
    if nothing {
        return None;
    }
    let stream = StreamCore::recovered(environment, Arc::clone(&key), Arc::clone(&dir), recovered);
    // Everything it says must be durable: it is evidence if the segments are lost.
    let lists_nothing = facts.claim.is_none_or(|claim| claim.end_id.0 == 0);
    if lists_nothing && stream.exists() && !stream.is_poisoned() {
        stream.write_index_file(&[]);
    }
    Some((key, dir, Known::Stream(stream)))
}
