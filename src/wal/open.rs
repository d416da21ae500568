//! How does a log come up: root, lock, recovery of all streams?

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
use crate::platform::HashMap;
use crate::recovery::Decision;
use crate::recovery::Recovered;
use crate::recovery::StreamFacts;
use crate::recovery::apply;
use crate::recovery::decide;
use crate::recovery::describe;
use crate::recovery::describe_refusal;
use crate::recovery::refusal_error;
use crate::recovery::survey;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::storage::StorageLock;
use crate::stream::LogContext;
use crate::stream::StreamInner;
use crate::stream::remove_tombstone;
use crate::wal::background::BackgroundThreads;
use crate::wal::parallel::for_each;
use crate::wal::registry::RegistryEntry;
use crate::wal::registry::WalInner;

/// Opens a log on a disk. Stepped: its background_threads work when told to, see [`BackgroundThreads`].
pub fn open(
    mut options: WalOptions,
    storage: Arc<dyn Storage>,
    log: LogSink,
    is_stepped: bool,
) -> Result<WalInner> {
    options.check()?;
    let (root, lock) = lock_root(&*storage, &options)?;
    options.archive_path = archive_path(&*storage, &options, &root)?;
    let background_threads = BackgroundThreads::new(is_stepped);
    let context = Arc::new(LogContext::new(storage, options, root, log));
    let background_tasks: Arc<dyn crate::stream::BackgroundTasks> = background_threads.clone();
    // Set once, here.
    let _ = context.background_tasks.set(background_tasks);
    let dirs = stream_dirs(&context)?;
    let recovered = match context.options.on_corruption {
        CorruptionPolicy::Error => {
            // All streams are looked at before any is touched.
            let shared = Arc::clone(&context);
            let judged = for_each(dirs, move |dir| judge(&shared, &dir));
            refuse_all_damage(&judged)?;
            let shared = Arc::clone(&context);
            for_each(judged, move |judged| recover(&shared, judged))
        }
        CorruptionPolicy::Truncate => {
            let shared = Arc::clone(&context);
            for_each(dirs, move |dir| recover(&shared, judge(&shared, &dir)))
        }
    };
    let mut registered = HashMap::with_capacity_and_hasher(recovered.len(), Default::default());
    let mut failed_dirs = HashMap::default();
    for (key, dir, stream) in recovered.into_iter().flatten() {
        match stream {
            // Its key cannot be told: the directory's name stands for it.
            RegistryEntry::Failed(error) if context.root.join(stream_dir_name(&key)) != *dir => {
                failed_dirs.insert(dir.to_path_buf(), error);
            }
            stream => {
                registered.insert(key, stream);
            }
        }
    }
    context.deliver();
    Ok(WalInner::new(
        context,
        background_threads,
        registered,
        failed_dirs,
        Some(lock),
    ))
}

/// Makes sure of the root directory, durably, and locks it.
fn lock_root(
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
fn stream_dirs(context: &LogContext) -> Result<Vec<PathBuf>> {
    let root = &context.root;
    let io = |error| Error::io(error, ErrorContext::at(root));
    let mut dirs = Vec::new();
    let mut deleted = Vec::new();
    for entry in context.storage.list_dir(root).map_err(io)? {
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
        context.storage.sync_dir(root).map_err(io)?;
    }
    for path in deleted {
        if let Err(error) = remove_tombstone(&*context.storage, &path) {
            // It is no stream any more; the next open tries again.
            let message = format!("remains of a deleted stream not removed: {error}");
            context.log(log::Level::Warn, &message);
        }
    }
    Ok(dirs)
}

/// One stream's directory, looked at.
struct SurveyedStream {
    dir: Arc<Path>,
    key: Arc<str>,
    found: std::result::Result<(StreamFacts, Decision), Error>,
}

fn judge(context: &LogContext, dir: &Path) -> SurveyedStream {
    let options = &context.options;
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let from_name = || key_from_dir_name(name).unwrap_or_else(|| name.to_owned());
    match survey(&*context.storage, dir, options.read_buffer_size) {
        Ok(facts) => {
            let key = facts.key.clone().unwrap_or_else(|| Arc::from(from_name()));
            let decision = decide(&facts, options.on_corruption);
            SurveyedStream {
                dir: Arc::clone(&facts.dir),
                key,
                found: Ok((facts, decision)),
            }
        }
        Err(error) => SurveyedStream {
            dir: Arc::from(dir),
            key: Arc::from(from_name()),
            found: Err(error),
        },
    }
}

/// Under the policy `Error`: one error that lists everything found, in all streams.
fn refuse_all_damage(judged: &[SurveyedStream]) -> Result<()> {
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
type Recovery = (Arc<str>, Arc<Path>, RegistryEntry);

/// Acts on a decision. `None`: there is no such stream.
fn recover(context: &Arc<LogContext>, judged: SurveyedStream) -> Option<Recovery> {
    let SurveyedStream { key, dir, found } = judged;
    let (facts, decision) = match found {
        Ok(found) => found,
        Err(error) => {
            context.log(log::Level::Error, &format!("stream {key:?}: {error}"));
            return Some((key, dir, RegistryEntry::Failed(Arc::new(error))));
        }
    };
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => {
            let error = refusal_error(&key, &facts, &refusal);
            context.log(log::Level::Error, &format!("stream {key:?}: {error}"));
            return Some((key, dir, RegistryEntry::Failed(Arc::new(error))));
        }
    };
    for finding in &verdict.findings {
        context.log(log::Level::Error, &describe(&key, &facts, finding));
    }
    for note in &verdict.notes {
        context.log(log::Level::Warn, &describe(&key, &facts, note));
    }
    let chunk_len = context.options.read_buffer_size;
    let recovered: Recovered = apply(&*context.storage, &facts, &verdict, chunk_len);
    for path in &recovered.unremoved {
        // Nothing depends on it; each truncation tries again, and each open.
        let message = format!("truncated, but not removed: {}", path.display());
        context.log(log::Level::Warn, &message);
    }
    let nothing = recovered.segments.is_empty()
        && recovered.next == crate::recovery::NextAppend::Empty
        && recovered.failure.is_none();
    if nothing {
        return None;
    }
    let stream = StreamInner::recovered(context, Arc::clone(&key), Arc::clone(&dir), recovered);
    if !facts.index_file {
        stream.write_index_file(&[]);
    }
    Some((key, dir, RegistryEntry::Open(stream)))
}
