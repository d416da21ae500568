//! How is a log read that somebody else writes?
//!
//! Opening takes no lock, and nothing on disk is changed by it or later. Streams are looked at as
//! recovery does, without acting on what it would decide; from then on each looks again where its
//! readers come to the end of what is known (`stream/watch.rs`).

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::is_stream_dir_name;
use crate::format::key_from_dir_name;
use crate::format::stream_dir_name;
use crate::inspect::Place;
use crate::inspect::Selection;
use crate::inspect::VerifyReport;
use crate::inspect::verify;
use crate::options::CorruptionPolicy;
use crate::options::LogSink;
use crate::options::WalOptions;
use crate::recovery::Decision;
use crate::recovery::Observer;
use crate::recovery::refusal_error;
use crate::storage::DirEntry;
use crate::storage::EntryKind;
use crate::storage::RealDisk;
use crate::storage::Storage;
use crate::stream::Attendant;
use crate::stream::Environment;
use crate::stream::Life;
use crate::stream::StreamCore;
use crate::wal::Wal;
use crate::wal::helpers::Helpers;
use crate::wal::log::Known;
use crate::wal::log::Log;
use crate::wal::parallel::for_each;

impl Wal {
    /// Opens the log at `options.root_path` for reading only, while another process, or this one,
    /// may have it open for writing. Nothing on disk is changed: nothing is recovered, created or
    /// locked. Everything that writes answers [`Error::ReadOnly`].
    ///
    /// What it shows follows the writer: iterators at their end, `get` of an id behind the last,
    /// [`Stream::next_id`], [`Stream::durable_end`], [`Stream::wait_durable`] and [`Wal::streams`]
    /// look at the files again. Truncated segments and deleted streams are gone from here once
    /// that is noticed, at the latest by [`Wal::refresh`]; until then what is open stays readable.
    ///
    /// `options.sync_mode` chooses what is shown. `Strict` (the default): entries that are known
    /// to be durable. The others: all that is written, also what a power cut may take, and, should
    /// a write of the writer's fail half-way, what it then takes back.
    ///
    /// Errors: `Io` where there is no such directory; `Config`; under [`CorruptionPolicy::Error`]
    /// `Corruption`, listing all damage found.
    ///
    /// [`Stream::next_id`]: crate::Stream::next_id
    /// [`Stream::durable_end`]: crate::Stream::durable_end
    /// [`Stream::wait_durable`]: crate::Stream::wait_durable
    pub fn open_read_only(options: WalOptions) -> Result<Self> {
        Self::open_read_only_logging(
            options,
            Arc::new(|level, message| log::log!(level, "{message}")),
        )
    }

    /// Like [`Wal::open_read_only`], with a receiver of its own for what the log has to tell.
    pub fn open_read_only_logging(options: WalOptions, sink: LogSink) -> Result<Self> {
        let log = open_read_only(options, Arc::new(RealDisk), sink)?;
        Ok(Wal::of(Arc::new(log)))
    }

    /// Opens a log on the simulated disk for reading only.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn open_read_only_simulated(
        disk: &crate::storage::simulated::SimulatedDisk,
        options: WalOptions,
    ) -> Result<Self> {
        let sink: LogSink = Arc::new(|_, _| ());
        let log = open_read_only(options, Arc::new(disk.clone()), sink)?;
        Ok(Wal::of(Arc::new(log)))
    }

    /// Whether the log was opened read-only.
    pub fn is_read_only(&self) -> bool {
        self.log.environment.read_only
    }

    /// Reads everything that is stored and checks it: headers, slots, frames, payloads, footers, the
    /// chain of segments, the index file, and the checkpoints of a sharded log. Tells what is
    /// wrong, with file, place and ids. Changes nothing and stops nobody; beside a writer what is
    /// written meanwhile is not looked at.
    ///
    /// Errors: `Io` where the root cannot be listed. All else that cannot be read is a finding.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.log.enter()?;
        let environment = &self.log.environment;
        let place = Place::on(
            Arc::clone(&environment.storage),
            environment.root.clone(),
            environment.options.read_buffer_size,
        );
        verify(&place, &Selection::default(), &mut |_| ())
    }

    /// Looks at everything again: new streams, deleted ones, truncated and new segments. Reading
    /// does so where it has to; this is for who wants all of it now. In a log that is open for
    /// writing there is nothing to look for.
    pub fn refresh(&self) -> Result<()> {
        self.log.enter()?;
        if !self.is_read_only() {
            return Ok(());
        }
        // What could not be looked at may have been mended.
        self.log
            .known
            .write()
            .retain(|_, known| !matches!(known, Known::Broken(_)));
        self.log.telling(|| {
            self.log.discover()?;
            for stream in self.log.known_streams() {
                stream.look_at_all()?;
            }
            self.log.drop_deleted();
            Ok(())
        })
    }
}

/// Opens a log on a disk for reading only.
pub fn open_read_only(
    options: WalOptions,
    storage: Arc<dyn Storage>,
    sink: LogSink,
) -> Result<Log> {
    options.check()?;
    let policy = options.on_corruption;
    let io = |error| Error::io(error, ErrorContext::at(&options.root_path));
    let asked = std::path::absolute(&options.root_path).map_err(io)?;
    let root = storage.canonical(&asked).map_err(io)?;
    let helpers = Helpers::new(false);
    let mut environment = Environment::new(storage, options, root, sink);
    environment.read_only = true;
    let environment = Arc::new(environment);
    let attendant: Arc<dyn Attendant> = helpers.clone();
    // Set once, here.
    let _ = environment.attendant.set(attendant);
    let log = Log::new(environment, helpers, HashMap::new(), HashMap::new());
    log.telling(|| log.discover())?;
    if policy == CorruptionPolicy::Error {
        let known = log.known.read();
        let mut damage: Vec<String> = known
            .values()
            .filter_map(|known| match known {
                Known::Broken(error) => Some(error.to_string()),
                Known::Stream(_) => None,
            })
            .collect();
        if !damage.is_empty() {
            damage.sort_unstable();
            return Err(Error::Corruption(damage.join("; ")));
        }
    }
    Ok(log)
}

impl Log {
    /// Learns which streams there are by now, in a log that is open read-only.
    pub(super) fn discover(&self) -> Result<()> {
        let root = &self.environment.root;
        let listing = self.environment.storage.list_dir(root);
        let listing = listing.map_err(|error| Error::io(error, ErrorContext::at(root)))?;
        self.drop_absent(&listing);
        let mut known_dirs = HashSet::new();
        for (key, known) in self.known.read().iter() {
            if !is_gone(known) {
                known_dirs.insert(stream_dir_name(key));
            }
            // A directory that nothing tells the key of is known by its own name.
            if matches!(known, Known::Broken(_)) {
                known_dirs.insert(key.to_string());
            }
        }
        let dirs: Vec<PathBuf> = listing
            .iter()
            .filter(|entry| entry.kind == EntryKind::Directory)
            .filter(|entry| is_stream_dir_name(&entry.name) && !known_dirs.contains(&entry.name))
            .map(|entry| root.join(&entry.name))
            .collect();
        let environment = Arc::clone(&self.environment);
        let found = for_each(dirs, move |dir| watch(&environment, &dir));
        let mut known = self.known.write();
        // A close that began meanwhile has stopped those it knew of.
        self.enter()?;
        for (key, stream) in found.into_iter().flatten() {
            if known.get(&key).is_none_or(is_gone) {
                known.insert(key, stream);
            }
        }
        drop(known);
        self.drop_deleted();
        Ok(())
    }

    /// Looks at the known streams whose directory is not, or not any more, what they were found in,
    /// and forgets those that are gone.
    fn drop_absent(&self, listing: &[DirEntry]) {
        let dirs = listing
            .iter()
            .filter(|entry| entry.kind == EntryKind::Directory);
        let listed: HashSet<&str> = dirs.map(|entry| entry.name.as_str()).collect();
        for stream in self.known_streams() {
            // What cannot be looked at now is listed as it was known.
            let _ = stream.look_at_place();
        }
        self.known.write().retain(|key, known| match known {
            Known::Stream(_) => !is_gone(known),
            // A directory that nothing tells the key of is known by its own name.
            Known::Broken(_) => listed.contains(&**key) || listed.contains(&*stream_dir_name(key)),
        });
    }

    fn known_streams(&self) -> Vec<Arc<StreamCore>> {
        self.served(&self.known.read())
    }

    /// Forgets the streams that turned out to be deleted.
    pub(super) fn drop_deleted(&self) {
        self.known.write().retain(|_, known| !is_gone(known));
    }

    /// The stream of that name in a log that is open read-only, if it exists by now.
    pub(super) fn find_watched(&self, key: &str) -> Result<Option<Arc<StreamCore>>> {
        match self.known.read().get(key) {
            Some(Known::Broken(error)) => return Err(error.duplicate()),
            Some(Known::Stream(stream)) if stream.life() != Life::Deleted => {
                return Ok(Some(Arc::clone(stream)));
            }
            Some(Known::Stream(_)) | None => {}
        }
        let dir = self.environment.root.join(stream_dir_name(key));
        let kind = self.environment.storage.kind(&dir);
        let kind = kind.map_err(|error| Error::io(error, ErrorContext::at(&dir)))?;
        if kind != Some(EntryKind::Directory) {
            let mut known = self.known.write();
            if known.get(key).is_some_and(is_gone) {
                known.remove(key);
            }
            return Ok(None);
        }
        let stream = self.add_watched(key)?;
        Ok(stream.exists().then_some(stream))
    }

    /// The stream of that name, known from now on whether or not it exists.
    pub(super) fn add_watched(&self, key: &str) -> Result<Arc<StreamCore>> {
        let dir = self.environment.root.join(stream_dir_name(key));
        let stream = StreamCore::watched(&self.environment, key, dir)?;
        let mut known = self.known.write();
        // A close that began meanwhile has stopped those it knew of.
        self.enter()?;
        match known.get(key) {
            Some(Known::Stream(present)) if present.life() != Life::Deleted => {
                Ok(Arc::clone(present))
            }
            _ => {
                self.drop_unused(&mut known);
                known.insert(Arc::clone(&stream.key), Known::Stream(Arc::clone(&stream)));
                Ok(stream)
            }
        }
    }
}

fn is_gone(known: &Known) -> bool {
    matches!(known, Known::Stream(stream) if stream.life() == Life::Deleted)
}

/// Looks at a stream's directory for the first time. `None`: there is no stream in it.
fn watch(environment: &Arc<Environment>, dir: &Path) -> Option<(Arc<str>, Known)> {
    let name = dir.file_name()?.to_str()?;
    let key = match key_from_dir_name(name) {
        Some(key) => Ok(key),
        None => key_told(environment, dir),
    };
    let watched = key.and_then(|key| {
        let stream = StreamCore::watched(environment, &key, dir.to_path_buf());
        stream.map(|stream| (Arc::clone(&stream.key), stream))
    });
    match watched {
        Ok((key, stream)) => stream.exists().then_some((key, Known::Stream(stream))),
        Err(error) => {
            let key = key_from_dir_name(name).unwrap_or_else(|| name.to_owned());
            environment.tell(log::Level::Error, &format!("stream {key:?}: {error}"));
            Some((key.into(), Known::Broken(Arc::new(error))))
        }
    }
}

/// The key of a stream whose directory's name is a hash: its segments tell.
fn key_told(environment: &Environment, dir: &Path) -> Result<String> {
    let options = &environment.options;
    let mut observer = Observer::new(
        Arc::clone(&environment.storage),
        dir.to_path_buf(),
        options.read_buffer_size,
        options.on_corruption,
    );
    let name = || dir.file_name().unwrap_or_default().to_string_lossy();
    match observer.look()? {
        Some((facts, Decision::Refuse(refusal))) => Err(refusal_error(&name(), &facts, &refusal)),
        Some((facts, Decision::Serve(_))) => {
            let key = facts.key.map(|key| key.to_string());
            Ok(key.unwrap_or_else(|| name().into_owned()))
        }
        None => Ok(name().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::open::open;

    #[test]
    fn streams_that_were_deleted_since_are_forgotten_though_nobody_asks_for_the_list() {
        // Each stayed in the registry until `streams` or `refresh` was called.
        let place = tempfile::tempdir().expect("a directory");
        let sink: LogSink = Arc::new(|_, _: &str| ());
        let options = WalOptions::new(place.path());
        let disk: Arc<dyn Storage> = Arc::new(RealDisk);
        let writer = open(options.clone(), Arc::clone(&disk), Arc::clone(&sink), false);
        let writer = writer.expect("opens");
        let reader = open_read_only(options, disk, sink).expect("opens");
        for number in 0..300 {
            let key = format!("s{number}");
            let append = |stream: &StreamCore| stream.append(&[b"x"], false);
            writer.append_to(&key, append).expect("appends");
            let stream = reader.find(&key).expect("finds").expect("is there");
            writer.delete(&key).expect("deletes");
            stream.look_again().expect("looks");
            assert!(stream.is_deleted());
        }
        let count = reader.known.read().len();
        assert!(count <= 64, "{count} streams are known");
    }
}
