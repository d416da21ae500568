//! How does the commit journal of a log begin and end?
//!
//! Opening, before any stream is judged, and what a crash right after each step leaves:
//!
//! 1. the journal is read; under the policy `Error` all streams are judged as they are with it, and damage is
//!    refused: nothing changed;
//! 2. the frames and headers that it holds are written into the streams' files, and these are synced, their
//!    directories, and the root; then the slots are written and synced: the same journal, which the next open reads
//!    again;
//! 3. its files are made to hold nothing, durably, and removed: no journal.
//!
//! A failure of 2 or 3 fails the open: a journal that stays would be laid over later states. Closing makes the
//! journal empty once all streams are durable in place; where one is not, the journal stays for the next open.

use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::format::JOURNAL_DIR;
use crate::format::is_stream_dir_name;
use crate::journal::Journal;
use crate::journal::JournalFacts;
use crate::journal::make_empty;
use crate::journal::scan_journal;
use crate::options::CorruptionPolicy;
use crate::primitives::WorkerPool;
use crate::primitives::resume_first_panic;
use crate::recovery::Decision;
use crate::recovery::Replay;
use crate::recovery::decide;
use crate::recovery::describe_refusal;
use crate::recovery::plan_replay;
use crate::recovery::survey;
use crate::storage::EntryKind;
use crate::storage::Storage;
use crate::stream::LogContext;
use crate::wal::background::BackgroundThreads;

/// Reads the journal of a log. An error where it is another log's, or of a later version.
pub fn read_journal(context: &LogContext) -> Result<JournalFacts> {
    let dir = context.root.join(JOURNAL_DIR);
    let found = scan_journal(&*context.storage, &dir, context.identity.known_id()).at(&dir)?;
    found.map_err(Error::from)
}

/// Steps 1 to 3.
pub fn replay_journal(context: &Arc<LogContext>) -> Result<()> {
    let journal = read_journal(context)?;
    if !journal.is_there {
        return Ok(());
    }
    context.identity.note(None);
    let read_ahead = context.options.read_buffer_size;
    let storage = &context.storage;
    let replay = plan_replay(&**storage, &context.root, &journal, read_ahead)?;
    let damage = replay.damage(&journal);
    if context.options.on_corruption == CorruptionPolicy::Error {
        refuse_damage(context, &replay, damage)?;
    } else {
        for what in &damage {
            context.log(log::Level::Error, what);
        }
    }
    write(context, replay)?;
    let dir = context.root.join(JOURNAL_DIR);
    make_empty(&**storage, &dir).at(&dir)
}

/// Under the policy `Error`: refuses damage of the journal, and of the streams as they are with it.
fn refuse_damage(context: &LogContext, replay: &Replay, mut damage: Vec<String>) -> Result<()> {
    let over = replay.over(Arc::clone(&context.storage));
    let root = &context.root;
    for entry in over.list_dir(root).at(root)? {
        if entry.kind != EntryKind::Directory || !is_stream_dir_name(&entry.name) {
            continue;
        }
        let dir = root.join(&entry.name);
        match survey(&over, &dir, context.options.read_buffer_size) {
            Err(error) => damage.push(error.to_string()),
            Ok(facts) => {
                if let Decision::Refuse(refusal) = decide(&facts, CorruptionPolicy::Error) {
                    let key = facts.key.as_deref().unwrap_or(&entry.name);
                    damage.extend(describe_refusal(key, &facts, &refusal));
                }
            }
        }
    }
    match damage.is_empty() {
        true => Ok(()),
        false => Err(Error::Corruption(damage.join("; "))),
    }
}

/// Step 2.
fn write(context: &Arc<LogContext>, replay: Replay) -> Result<()> {
    for stream in &replay.streams {
        let is_link = context.storage.is_link(&stream.dir).at(&stream.dir)?;
        if is_link {
            context.own_linked(&stream.dir, &stream.key)?;
        }
    }
    let shared = Arc::clone(context);
    let pool = WorkerPool::for_cheap_items();
    let written = pool.for_each(replay.streams, move |stream| {
        stream.write_frames(&*shared.storage).map(|()| stream)
    });
    let streams = resume_first_panic(written).into_iter();
    let streams = streams.collect::<Result<Vec<_>>>()?;
    let root = &context.root;
    context.storage.sync_dir(root).at(root)?;
    // Before this no slot may say that the frames are durable.
    let shared = Arc::clone(context);
    let written = pool.for_each(streams, move |stream| stream.write_slots(&*shared.storage));
    resume_first_panic(written).into_iter().collect()
}

/// Begins the journal of a log whose streams are recovered. Its files are made when they are first needed.
pub fn begin_journal(context: &Arc<LogContext>, threads: &Arc<BackgroundThreads>) {
    // A full disk: the log has no name yet.
    let Some(log) = context.identity.known_id() else {
        return;
    };
    // Only now, when no file of an earlier journal holds anything: readers take what they find in a journal
    // for that of a log that no writer has recovered, unless its writer is announced.
    if let Err(error) = context.announce_lock() {
        let message = format!(
            "streams are synced in place: readers could not see that the commit journal is in use: {error}"
        );
        return context.log(log::Level::Warn, &message);
    }
    let storage = Arc::clone(&context.storage);
    let journal = Journal::new(storage, &context.root, log, context.options.journal_size);
    let journal = Arc::new(journal);
    let (weak, kept) = (Arc::downgrade(context), Arc::clone(&journal));
    threads.keep_journal_with(move || {
        let failed = kept.keep_up();
        if let (Some(error), Some(context)) = (failed, weak.upgrade()) {
            let message = format!("streams are synced in place from now on: {error}");
            context.log(log::Level::Warn, &message);
        }
    });
    // Set only here.
    let _ = context.journal.set(journal);
}

/// Ends the journal, when all streams are closed; makes it empty, if they are all durable in place.
pub fn end_journal(context: &LogContext, all_durable: bool) -> Result<()> {
    match context.journal.get() {
        Some(journal) => journal
            .finish(all_durable)
            .map_err(|error| Error::io(error, ErrorContext::at(&context.root.join(JOURNAL_DIR)))),
        None => Ok(()),
    }
}
