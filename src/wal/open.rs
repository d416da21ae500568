//! How is a log opened: root, lock, recovery of all streams?

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::IDENTITY_FILE;
use crate::format::LOCK_FILE;
use crate::format::is_deleted_dir_name;
use crate::format::is_stream_dir_name;
use crate::format::key_from_dir_name;
use crate::format::stream_dir_name;
use crate::options::CorruptionPolicy;
use crate::options::LogSink;
use crate::options::WalOptions;
use crate::platform::HashMap;
use crate::primitives::WorkerPool;
use crate::primitives::now;
use crate::primitives::resume_first_panic;
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
use crate::stream::LogIdentity;
use crate::stream::StreamInner;
use crate::stream::remove_tombstone;
use crate::stream::resolve_archive;
use crate::wal::background::BackgroundThreads;
use crate::wal::journal::begin_journal;
use crate::wal::journal::replay_journal;
use crate::wal::recovery_report::RecoveryReport;
use crate::wal::recovery_report::StreamRecovery;
use crate::wal::recovery_report::of_failed;
use crate::wal::recovery_report::of_served;
use crate::wal::registry::RegistryEntry;
use crate::wal::registry::WalInner;

/// Opens a log on a disk. `is_stepped`: background work runs only when stepped, see
/// [`BackgroundThreads`]. The options are checked.
pub fn open(
    mut options: WalOptions,
    storage: Arc<dyn Storage>,
    log: LogSink,
    is_stepped: bool,
) -> Result<WalInner> {
    let (root, storage, lock) = lock_root(storage, &options)?;
    let identity = LogIdentity::default();
    let is_lost = identity.read(&*storage, &root)?;
    if let Some(archive) = &options.archive_path {
        let archive = resolve_archive(&*storage, archive, &root)?;
        options.archive_path = Some(archive);
    }
    let background_threads = BackgroundThreads::new(is_stepped, options.sync_threads);
    let mut context = LogContext::new(storage, options, root, log);
    context.identity = identity;
    let context = Arc::new(context);
    context.hold_lock(lock);
    let opened = open_streams(&context, &background_threads, is_lost);
    let log = opened.inspect_err(|_| context.release_lock())?;
    if let Some(retention) = log.context.options.retention {
        log.keep_applying(retention);
    }
    Ok(log)
}

/// Recovers the streams of a log that is locked. `is_lost`: its identity is damaged.
fn open_streams(
    context: &Arc<LogContext>,
    background_threads: &Arc<BackgroundThreads>,
    is_lost: bool,
) -> Result<WalInner> {
    let began = now();
    let lost_identity = is_lost.then(|| {
        let path = context.root.join(IDENTITY_FILE);
        format!("the identity of the log is damaged ({})", path.display())
    });
    let background_tasks: Arc<dyn crate::stream::BackgroundTasks> = background_threads.clone();
    // Set only here.
    let _ = context.background_tasks.set(background_tasks);
    replay_journal(context)?;
    let dirs = stream_dirs(context)?;
    let shared = Arc::clone(context);
    let has_identity = context.identity.known_id().is_some();
    if has_identity {
        context.refuse_others_archive()?;
    }
    // Its threads end when this function returns.
    let pool = WorkerPool::for_cheap_items();
    let recovered = match context.options.on_corruption {
        CorruptionPolicy::Truncate if has_identity => pool.for_each(dirs, move |dir| {
            recover(&shared, own_link(&shared, judge(&shared, dir)))
        }),
        // Facts of all streams are collected and judged before any stream is changed, and before an
        // identity is created: it depends on these facts.
        policy => {
            let judged = pool.for_each(dirs, move |dir| judge(&shared, dir));
            let judged = resume_first_panic(judged);
            let is_strict = policy == CorruptionPolicy::Error;
            if is_strict {
                refuse_all_damage(&judged, lost_identity.as_ref())?;
            }
            if let Some(lost) = &lost_identity {
                context.log(log::Level::Error, lost);
            }
            settle_identity(context)?;
            refuse_archive_of_a_known_other(context)?;
            let owned = judged.into_iter();
            let owned: Vec<SurveyedStream> =
                owned.map(|judged| own_link(context, judged)).collect();
            if is_strict {
                refuse_all_damage(&owned, None)?;
            }
            let shared = Arc::clone(context);
            pool.for_each(owned, move |judged| recover(&shared, judged))
        }
    };
    settle_identity(context)?;
    let mut registered = HashMap::with_capacity_and_hasher(recovered.len(), Default::default());
    let mut failed_dirs = HashMap::default();
    let mut report = RecoveryReport::default();
    for recovery in resume_first_panic(recovered).into_iter().flatten() {
        let Recovery {
            key,
            dir,
            stream,
            report: of_stream,
        } = recovery;
        report.stream_count += 1;
        report.streams.extend(of_stream);
        match stream {
            // Its key is unknown: the directory's name is used instead.
            RegistryEntry::Failed(error) if context.root.join(stream_dir_name(&key)) != *dir => {
                failed_dirs.insert(dir.to_path_buf(), error);
            }
            stream => {
                registered.insert(key, stream);
            }
        }
    }
    report.streams.sort_by(|a, b| a.stream.cmp(&b.stream));
    begin_journal(context, background_threads);
    report.duration = now().saturating_duration_since(began);
    context.deliver();
    let (context, background_threads) = (Arc::clone(context), Arc::clone(background_threads));
    Ok(WalInner::new(
        context,
        background_threads,
        registered,
        failed_dirs,
        report,
    ))
}

/// The root, the disk as it is reached from there, and the lock.
type LockedRoot = (PathBuf, Arc<dyn Storage>, Box<dyn StorageLock>);

/// Creates the root directory durably if needed, and locks it.
fn lock_root(storage: Arc<dyn Storage>, options: &WalOptions) -> Result<LockedRoot> {
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
    let storage = storage.rooted(&root).map_err(io)?.unwrap_or(storage);
    let lock_path = root.join(LOCK_FILE);
    // The root's own name is made durable before the lock file is created; so if the lock file
    // exists, the name is durable.
    if storage.kind(&lock_path).map_err(io)?.is_none() {
        if let Some(parent) = root.parent() {
            storage.sync_dir(parent).map_err(io)?;
        }
    }
    match storage.lock(&lock_path) {
        Ok(lock) => Ok((root, storage, lock)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Error::Locked(root)),
        Err(error) => Err(Error::io(error, ErrorContext::at(&lock_path))),
    }
}

/// Creates the log's identity if it has none. If the disk is full, the log opens without one.
fn settle_identity(context: &LogContext) -> Result<()> {
    use io::ErrorKind::*;
    match context.identity.settle(context) {
        Err(Error::Io(error))
            if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) =>
        {
            let message =
                format!("no identity for the log; archiving and deleting wait for it: {error}");
            context.log(log::Level::Warn, &message);
            Ok(())
        }
        settled => settled,
    }
}

/// Refuses an archive that names another log, if this log got its identity just now. If the log lost
/// its identity, it is served: the archive may be its own. Each use of the archive is refused.
fn refuse_archive_of_a_known_other(context: &LogContext) -> Result<()> {
    match context.refuse_others_archive() {
        Err(error) if context.identity.is_used() => {
            context.log(log::Level::Warn, &error.to_string());
            Ok(())
        }
        checked => checked,
    }
}

/// A stream's directory in the root.
struct StreamDir {
    path: PathBuf,
    is_link: bool,
}

/// The directories of streams. Removes what deletions left behind.
fn stream_dirs(context: &LogContext) -> Result<Vec<StreamDir>> {
    let root = &context.root;
    let io = |error| Error::io(error, ErrorContext::at(root));
    let mut dirs = Vec::new();
    let mut deleted = Vec::new();
    for entry in context.storage.list_dir(root).map_err(io)? {
        let path = root.join(&entry.name);
        match entry.kind {
            EntryKind::Directory if is_stream_dir_name(&entry.name) => {
                let is_link = entry.is_link;
                dirs.push(StreamDir { path, is_link });
            }
            EntryKind::Directory | EntryKind::Link if is_deleted_dir_name(&entry.name) => {
                deleted.push(path);
            }
            _ => {}
        }
    }
    if !dirs.is_empty() || !deleted.is_empty() {
        context.identity.note(None);
    }
    if !deleted.is_empty() {
        // The process may have died between the rename and its sync. Without this sync, the stream
        // could reappear after a power failure: half removed, or in place of a new one.
        context.storage.sync_dir(root).map_err(io)?;
    }
    for path in deleted {
        if let Err(error) = remove_tombstone(context, &path) {
            // It is not a stream any more; the next open tries again.
            let message = format!("remains of a deleted stream not removed: {error}");
            context.log(log::Level::Warn, &message);
        }
    }
    Ok(dirs)
}

/// The facts of one stream's directory, and the decision on them.
struct SurveyedStream {
    dir: Arc<Path>,
    is_link: bool,
    key: Arc<str>,
    found: std::result::Result<(StreamFacts, Decision), Error>,
}

fn judge(context: &LogContext, dir: StreamDir) -> SurveyedStream {
    let options = &context.options;
    let StreamDir { path: dir, is_link } = dir;
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let from_name = || key_from_dir_name(name).unwrap_or_else(|| name.to_owned());
    match survey(&*context.storage, &dir, options.read_buffer_size) {
        Ok(facts) => {
            context.identity.note(facts.incarnation());
            let key = facts.key.clone().unwrap_or_else(|| Arc::from(from_name()));
            let decision = decide(&facts, options.on_corruption);
            SurveyedStream {
                dir: Arc::clone(&facts.dir),
                is_link,
                key,
                found: Ok((facts, decision)),
            }
        }
        Err(error) => SurveyedStream {
            dir: Arc::from(&*dir),
            is_link,
            key: Arc::from(from_name()),
            found: Err(error),
        },
    }
}

/// Makes this log the owner of a directory that is reached through a link, before anything in the
/// directory is changed.
fn own_link(context: &LogContext, mut judged: SurveyedStream) -> SurveyedStream {
    let name = judged.dir.file_name().and_then(|name| name.to_str());
    // If the key is unknown, there is no stream to be changed.
    let is_key_known = name == Some(&stream_dir_name(&judged.key));
    if judged.is_link && judged.found.is_ok() && is_key_known {
        if let Err(error) = context.own_linked(&judged.dir, &judged.key) {
            judged.found = Err(error);
        }
    }
    judged
}

/// Under the policy `Error`: one error that lists all damage, in all streams. `lost`: the damage to
/// the log's identity.
fn refuse_all_damage(judged: &[SurveyedStream], lost: Option<&String>) -> Result<()> {
    let mut damage: Vec<String> = lost.cloned().into_iter().collect();
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

/// The outcome of a stream's recovery.
struct Recovery {
    key: Arc<str>,
    dir: Arc<Path>,
    stream: RegistryEntry,
    report: Option<StreamRecovery>,
}

impl Recovery {
    /// It cannot be served.
    fn failed(context: &LogContext, key: Arc<str>, dir: Arc<Path>, error: Error) -> Self {
        context.log(log::Level::Error, &format!("stream {key:?}: {error}"));
        let error = Arc::new(error);
        let report = Some(of_failed(&key, &error));
        let stream = RegistryEntry::Failed(error);
        Recovery {
            key,
            dir,
            stream,
            report,
        }
    }
}

/// Applies a decision. `None`: there is no such stream.
fn recover(context: &Arc<LogContext>, judged: SurveyedStream) -> Option<Recovery> {
    let SurveyedStream {
        key, dir, found, ..
    } = judged;
    let (facts, decision) = match found {
        Ok(found) => found,
        Err(error) => return Some(Recovery::failed(context, key, dir, error)),
    };
    let verdict = match decision {
        Decision::Serve(verdict) => verdict,
        Decision::Refuse(refusal) => {
            let error = refusal_error(&key, &facts, &refusal);
            return Some(Recovery::failed(context, key, dir, error));
        }
    };
    for finding in &verdict.findings {
        context.log(log::Level::Error, &describe(&key, &facts, finding));
    }
    let chunk_len = context.options.read_buffer_size;
    let mut recovered: Recovered = apply(&*context.storage, &facts, &verdict, chunk_len);
    for note in &recovered.done {
        let what = format!("recovery took away {}", describe(&key, &facts, note));
        context.log(log::Level::Warn, &what);
    }
    for path in &recovered.unremoved {
        // Nothing depends on its removal; each truncation tries again, and each open.
        let message = format!("truncated, but not removed: {}", path.display());
        context.log(log::Level::Warn, &message);
    }
    let nothing = recovered.segments.is_empty()
        && recovered.next == crate::recovery::NextAppend::Empty
        && recovered.failure.is_none();
    if nothing {
        return None;
    }
    let mut report = of_served(&key, &facts, &verdict, &mut recovered);
    let stream = StreamInner::recovered(context, Arc::clone(&key), Arc::clone(&dir), recovered);
    // Everything it says must be durable: it is evidence if the segments are lost.
    let lists_nothing = facts.claim.is_none_or(|claim| claim.end_id.0 == 0);
    if lists_nothing && stream.exists() && !stream.is_poisoned() {
        stream.write_index_file(&[]);
    }
    if let Some(report) = &mut report {
        report.next_id = stream.next_id();
        let poison = stream.poison_cause();
        report.error = report.error.take().or(poison);
    }
    let stream = RegistryEntry::Open(stream);
    Some(Recovery {
        key,
        dir,
        stream,
        report,
    })
}
